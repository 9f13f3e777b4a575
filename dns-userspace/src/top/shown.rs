//! What a screen of `veerctl top` holds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Look, per_second, rates};
use crate::{
    control::{
        explained::Plane,
        stats::{KernelStats, UserspaceStats},
        status::XdpState,
    },
    measurement::{director::states::TargetStatus, health::State, metric::Metric},
};

/// What is seen at one time. Rates are `None`, and lists of them empty, before the second
/// look and where there is nothing to count them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Shown {
    /// When, milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Why nothing is known at present; `None` where something is.
    pub lost: Option<String>,
    /// Who answers.
    pub daemon: Option<Daemon>,
    /// Queries answered in the kernel.
    pub kernel_per_s: Option<f64>,
    /// Queries that reached userspace.
    pub userspace_per_s: Option<f64>,
    /// Packets dropped in the kernel.
    pub dropped_per_s: Option<f64>,
    /// Share of the queries that the kernel answered, 0 to 1; `None` where there were none.
    pub kernel_share: Option<f64>,
    /// Queries a second, look by look, the newest last.
    pub history: Vec<f64>,
    /// Answers of the kernel, by service.
    pub services: Vec<Rate>,
    /// Queries for services by resolver group, an estimate; `None` where no queries are told.
    pub groups: Option<Vec<Rate>>,
    /// Queries by resolver, an estimate; `None` where no queries are told.
    pub resolvers: Option<Vec<Rate>>,
    /// What became of packets and messages.
    pub outcomes: Vec<OutcomeRate>,
    /// What is believed of servers.
    pub servers: Vec<Server>,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Daemon {
    /// Its version.
    pub version: String,
    /// Number of the generation of tables in use.
    pub generation: u64,
    /// How long it has run, milliseconds.
    pub uptime_ms: u64,
    /// Whether its program answers.
    pub xdp: XdpState,
    /// Where, and in which mode.
    pub interface: Option<(String, Option<String>)>,
    /// Why nothing goes down at present; `None` without suspicion.
    pub suspicion: Option<String>,
}

/// How often something happens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// What, or of what.
    pub name: String,
    /// How often a second.
    pub per_s: f64,
}

/// How often something becomes of a packet or a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeRate {
    /// Where.
    pub plane: Plane,
    /// What, in the words of `veerctl stats`.
    pub outcome: String,
    /// How often a second.
    pub per_s: f64,
}

/// What is believed of one address.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Server {
    /// The servers that have it.
    pub names: Vec<String>,
    /// The address, and how it is probed.
    pub target: String,
    /// What is believed.
    pub state: State,
    /// How long that has been believed, milliseconds.
    pub since_ms: Option<f64>,
    /// What was measured, each in the unit that its name ends with.
    pub measured: BTreeMap<Metric, f64>,
}

impl Shown {
    /// Queries a second, whoever answers them; `None` where no rate is known.
    pub fn queries_per_s(&self) -> Option<f64> {
        let userspace = self.userspace_per_s?;
        Some(self.kernel_per_s.unwrap_or(0.0) + userspace)
    }

    /// Nothing, for a reason.
    pub(super) fn lost(reason: String, at_unix_ms: u64, history: Vec<f64>) -> Self {
        Self {
            at_unix_ms,
            lost: Some(reason),
            history,
            ..Self::default()
        }
    }

    /// What one look tells.
    pub(super) fn of(look: &Look, at_unix_ms: u64) -> Self {
        let status = &look.status;
        let interface = status.xdp.interface.clone();
        Self {
            at_unix_ms,
            daemon: Some(Daemon {
                version: status.version.clone(),
                generation: status.generation,
                uptime_ms: status.uptime_ms,
                xdp: status.xdp.state,
                interface: interface.map(|interface| (interface, status.xdp.mode.clone())),
                suspicion: status.suspicion.clone(),
            }),
            servers: look.states.targets.iter().map(Server::from).collect(),
            ..Self::default()
        }
    }

    /// What two looks tell that are so many seconds apart.
    pub(super) fn rate(&mut self, before: &Look, now: &Look, seconds: f64) {
        // Userspace counts anew with each daemon.
        let is_same = before.status.pid == now.status.pid;
        let none = UserspaceStats::default();
        let past = if is_same {
            &before.stats.userspace
        } else {
            &none
        };
        let new = &now.stats.userspace;
        let userspace = per_second(
            past.udp_queries + past.tcp_queries,
            new.udp_queries + new.tcp_queries,
            seconds,
        );
        self.userspace_per_s = Some(userspace);
        let mut outcomes = named(
            Plane::Userspace,
            rates(&past.outcomes, &new.outcomes, seconds),
        );
        if let Some(new) = &now.stats.kernel {
            let none = KernelStats::default();
            let past = before.stats.kernel.as_ref().unwrap_or(&none);
            let answered = per_second(past.answered, new.answered, seconds);
            let all = answered + userspace;
            self.kernel_per_s = Some(answered);
            self.dropped_per_s = Some(per_second(past.dropped, new.dropped, seconds));
            self.kernel_share = (all > 0.0).then(|| answered / all);
            let services = rates(&past.services, &new.services, seconds).into_iter();
            self.services = services.map(|(name, per_s)| Rate { name, per_s }).collect();
            outcomes.extend(named(
                Plane::Kernel,
                rates(&past.outcomes, &new.outcomes, seconds),
            ));
        }
        outcomes.sort_by(|one, other| other.per_s.total_cmp(&one.per_s));
        self.outcomes = outcomes;
    }
}

fn named(plane: Plane, rates: Vec<(String, f64)>) -> Vec<OutcomeRate> {
    let rates = rates.into_iter().map(|(outcome, per_s)| OutcomeRate {
        plane,
        outcome,
        per_s,
    });
    rates.collect()
}

impl From<&TargetStatus> for Server {
    fn from(target: &TargetStatus) -> Self {
        let address = &target.address;
        let mut names: Vec<_> = target.used_by.iter().map(|by| by.server.clone()).collect();
        names.sort();
        names.dedup();
        Self {
            names,
            target: format!("{} {}", address.address, address.probe),
            state: address.state,
            since_ms: address.since_ms,
            measured: address.measured.clone(),
        }
    }
}
