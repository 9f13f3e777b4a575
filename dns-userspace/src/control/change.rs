//! Which requests take more than a right to look, and what they are called.

use clap::ValueEnum as _;

use super::protocol::Request;
use crate::measurement::overrides::order::{Command, Order};

impl Request {
    /// What it would change, in the words of `veerctl`; `None` where it only looks. A file that
    /// is proposed names others, which the daemon reads with rights of its own.
    pub fn change(&self) -> Option<String> {
        let force = |is_forced: &bool| if *is_forced { " --force" } else { "" };
        match self {
            Self::Status
            | Self::States
            | Self::Stats
            | Self::Health
            | Self::Groups
            | Self::Explain(_)
            | Self::ExplainAt { .. }
            | Self::Answer(_)
            | Self::Log(_)
            | Self::Tail(_)
            | Self::WhatIf(_)
            | Self::Tunables
            | Self::Tunable { .. }
            | Self::Generations
            | Self::Differ { proposed: None } => None,
            Self::Differ {
                proposed: Some(file),
            } => Some(format!("check {}", file.path.display())),
            Self::SetTunable { assignment } => Some(format!("-w {assignment}")),
            Self::Override(order) => Some(words(order)),
            Self::Reload { is_forced } => Some(format!("reload{}", force(is_forced))),
            Self::Revert {
                generation,
                is_forced,
            } => Some(format!("revert {generation}{}", force(is_forced))),
            Self::Detach => Some("detach".to_owned()),
        }
    }
}

fn words(order: &Order) -> String {
    let option = |name: &str, value: &Option<String>| {
        let value = value.as_ref();
        value.map_or_else(String::new, |value| format!(" --{name} {value}"))
    };
    let command = match &order.command {
        Command::State {
            server,
            service,
            customer,
            state,
        } => {
            let state = state.to_possible_value();
            let state = state.as_ref().map_or("", |state| state.get_name());
            let (service, customer) = (option("service", service), option("customer", customer));
            format!("state {server} {state}{service}{customer}")
        }
        Command::Freeze { customer } => format!("freeze{}", option("customer", customer)),
        Command::Thaw { customer } => format!("thaw{}", option("customer", customer)),
        Command::Pin {
            service,
            group,
            server,
        } => format!("pin {service} {group} {server}"),
        Command::Unpin { service, group } => format!("unpin {service} {group}"),
    };
    let force = if order.force { " --force" } else { "" };
    format!("{command}{force}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{control::protocol::Proposed, measurement::overrides::order::WantedState};

    #[test]
    fn a_change_is_called_as_an_operator_wrote_it() {
        let order = |command, force| {
            Request::Override(Order {
                command,
                for_ms: None,
                reason: None,
                force,
            })
        };
        let down = Command::State {
            server: "paris".to_owned(),
            service: Some("www.example.".to_owned()),
            customer: None,
            state: WantedState::Down,
        };
        let assignment = "tcp.idle_ms=500".to_owned();
        for (request, expected) in [
            (
                order(down, true),
                "state paris down --service www.example. --force",
            ),
            (order(Command::Freeze { customer: None }, false), "freeze"),
            (Request::SetTunable { assignment }, "-w tcp.idle_ms=500"),
            (Request::Reload { is_forced: true }, "reload --force"),
            (Request::Detach, "detach"),
        ] {
            assert_eq!(request.change().as_deref(), Some(expected));
        }
    }

    #[test]
    fn to_look_is_no_change_and_to_propose_a_file_is() {
        assert_eq!(Request::Status.change(), None);
        assert_eq!(Request::Differ { proposed: None }.change(), None);
        let proposed = Some(Proposed {
            path: PathBuf::from("/etc/veer/zones.d/a.zone"),
            text: String::new(),
        });
        assert!(Request::Differ { proposed }.change().is_some());
    }
}
