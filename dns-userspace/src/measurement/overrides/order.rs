//! Orders: what an operator wants changed in the overrides, checked against the plan.

mod names;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{AdminState, Override, Overrides, What};
use crate::model::{Plan, Service};
use names::{pin, state_of};

/// Overrides of operators held at a time: each of them is compared with every service
/// when one of them changes.
pub const OVERRIDES_MAX: usize = 1000;

/// Characters of a reason.
pub const REASON_CHARS_MAX: usize = 256;

/// Shortest and longest time that may be given for an override, milliseconds: the
/// shortest is how often they are looked at, the longest is ten years.
const FOR_MS: std::ops::RangeInclusive<u64> = 1000..=3650 * 86_400_000;

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What is to be done.
    #[serde(flatten)]
    pub command: Command,
    /// For how long it is to hold, milliseconds; `None` until it is ended.
    pub for_ms: Option<u64>,
    /// Why.
    pub reason: Option<String>,
    /// Do it even where that leaves a service without a usable server.
    #[serde(default)]
    pub force: bool,
}

/// What is to be done, in an operator's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Command {
    /// How a server is to be used.
    State {
        /// Its name.
        server: String,
        /// In this service alone.
        service: Option<String>,
        /// In this customer's services alone.
        customer: Option<String>,
        /// How.
        state: WantedState,
    },
    /// No measurement is to change a decision.
    Freeze {
        /// In this customer's services alone.
        customer: Option<String>,
    },
    /// Ends that.
    Thaw {
        /// In this customer's services alone.
        customer: Option<String>,
    },
    /// A group is to get a server first.
    Pin {
        /// The service's name.
        service: String,
        /// The group's name.
        group: String,
        /// The server's name.
        server: String,
    },
    /// Ends that.
    Unpin {
        /// The service's name.
        service: String,
        /// The group's name.
        group: String,
    },
}

/// How a server is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WantedState {
    /// As measured.
    Auto,
    /// As if every probe passed.
    Up,
    /// Not at all.
    Down,
    /// By nobody who is newly sent, while another can be used.
    Drain,
}

impl WantedState {
    /// The state that stays; `None` where there is to be none.
    const fn admin_state(self) -> Option<AdminState> {
        match self {
            Self::Auto => None,
            Self::Up => Some(AdminState::Up),
            Self::Down => Some(AdminState::Down),
            Self::Drain => Some(AdminState::Drain),
        }
    }
}

/// What is done to the overrides.
enum Change {
    Make(What),
    End(Vec<Override>),
}

/// What an order comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The one it makes.
    pub made: Option<Override>,
    /// Those it ends or replaces.
    pub ended: Vec<Override>,
    /// Positions in the plan of the services it concerns.
    pub concerned: Vec<usize>,
    /// Whether services that share a pool differ then.
    pub needs_split: bool,
}

impl Overrides {
    /// What `user`'s `order` comes to at `now_unix_ms` (milliseconds since 1970), for the
    /// services and groups of `plan`; else why it cannot be done, in one line.
    pub fn ordered(
        &self,
        order: &Order,
        user: &str,
        plan: &Plan,
        now_unix_ms: u64,
    ) -> Result<Applied, String> {
        check_reason(order.reason.as_deref())?;
        let change = match &order.command {
            Command::State {
                server,
                service,
                customer,
                state,
            } => {
                let scope = self.scope(service.as_deref(), customer.as_deref(), plan)?;
                match state.admin_state() {
                    Some(state) => Change::Make(state_of(server, scope, state, plan)?),
                    None => Change::End(self.states_to_end(server, &scope, plan)?),
                }
            }
            Command::Freeze { customer } => Change::Make(What::Freeze {
                scope: self.scope(None, customer.as_deref(), plan)?,
            }),
            Command::Thaw { customer } => {
                let scope = self.scope(None, customer.as_deref(), plan)?;
                Change::End(self.freezes_to_end(&scope)?)
            }
            Command::Pin {
                service,
                group,
                server,
            } => Change::Make(pin(service, group, server, plan)?),
            Command::Unpin { service, group } => {
                Change::End(self.pins_to_end(service, group, plan)?)
            }
        };
        let (made, ended) = match change {
            Change::Make(what) => {
                let until_unix_ms = until(order.for_ms, now_unix_ms)?;
                let made = Override {
                    what,
                    reason: order.reason.clone(),
                    user: user.to_owned(),
                    since_unix_ms: now_unix_ms,
                    until_unix_ms,
                };
                let same = |known: &&Override| known.what.is_about_the_same(&made.what);
                let replaced = self.iter().filter(same).cloned().collect();
                (Some(made), replaced)
            }
            Change::End(_) if order.for_ms.is_some() => {
                return Err("a time is for what begins; this ends an override".to_owned());
            }
            Change::End(ended) => (None, ended),
        };
        let overrides = self.followed(made.as_ref(), &ended);
        let is_said = |known: &&Override| !matches!(known.what, What::Withheld { .. });
        if overrides.iter().filter(is_said).count() > OVERRIDES_MAX {
            return Err(format!(
                "{OVERRIDES_MAX} overrides are held already; end some, `veerctl states` lists them"
            ));
        }
        let changed: Vec<_> = made.iter().chain(&ended).collect();
        let is_concerned = |service: &Service| {
            let mut changed = changed.iter();
            changed.any(|changed| changed.what.concerns(service, &plan.groups))
        };
        let services = plan.services.iter().enumerate();
        let concerned = services.filter(|(_, (service, _))| is_concerned(service));
        Ok(Applied {
            concerned: concerned.map(|(position, _)| position).collect(),
            needs_split: overrides.differ_in_a_pool(plan),
            made,
            ended,
        })
    }

    /// What holds once an order has `made` one and `ended` others.
    #[must_use]
    pub fn followed(&self, made: Option<&Override>, ended: &[Override]) -> Self {
        let mut overrides = self.clone();
        overrides.take(|known| ended.contains(known));
        if let Some(made) = made {
            overrides.add(made.clone());
        }
        overrides
    }

    /// Whether services that share a pool of `plan` are not all concerned by the same.
    fn differ_in_a_pool(&self, plan: &Plan) -> bool {
        let mut of_pools = vec![None; plan.pools.len()];
        let mut services = plan.services.iter();
        services.any(|(service, pool)| {
            let numbers = self.numbers_of(service, &plan.groups);
            *of_pools[usize::from(*pool)].get_or_insert_with(|| numbers.clone()) != numbers
        })
    }
}

fn check_reason(reason: Option<&str>) -> Result<(), String> {
    let valid = |reason: &str| {
        let count = reason.chars().count();
        (1..=REASON_CHARS_MAX).contains(&count) && !reason.contains(char::is_control)
    };
    match reason {
        Some(reason) if !valid(reason) => Err(format!(
            "a reason has 1 to {REASON_CHARS_MAX} characters, and no control characters"
        )),
        _ => Ok(()),
    }
}

/// When what begins at `now_unix_ms` ends.
fn until(for_ms: Option<u64>, now_unix_ms: u64) -> Result<Option<u64>, String> {
    match for_ms {
        Some(for_ms) if !FOR_MS.contains(&for_ms) => {
            Err("an override holds for 1 s to 3650 days, or until it is ended".to_owned())
        }
        for_ms => Ok(for_ms.map(|for_ms| now_unix_ms.saturating_add(for_ms))),
    }
}

#[cfg(test)]
mod tests;
