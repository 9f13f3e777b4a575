//! What can be overridden, and where.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::model::{Failback, Groups, Name, Service};

/// How an operator wants a server to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdminState {
    /// As if every probe passed.
    Up,
    /// Not at all.
    Down,
    /// By nobody who is newly sent, while another can be used.
    Drain,
}

impl AdminState {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Drain => "drain",
        }
    }
}

/// Which services are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Every one.
    All,
    /// Those of a customer.
    Customer(String),
    /// The one of that name.
    Service(#[serde(with = "name_text")] Name),
}

impl Scope {
    /// Whether it is about `service`.
    pub fn holds(&self, service: &Service) -> bool {
        match self {
            Self::All => true,
            Self::Customer(customer) => service.customer == *customer,
            Self::Service(name) => service.name == *name,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all services"),
            Self::Customer(customer) => write!(f, "customer {customer}"),
            Self::Service(name) => name.fmt_with_dot().fmt(f),
        }
    }
}

/// What a server did that is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// It went down, where failback is manual.
    Failed,
    /// It went up and down too often.
    Flaps,
}

/// What is overridden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum What {
    /// How a server is used.
    State {
        /// Its name.
        server: String,
        /// In which services.
        scope: Scope,
        /// Its addresses when this was said: a server of that name with none of them
        /// is another machine. Where one service is meant the name is enough.
        addresses: Vec<IpAddr>,
        /// How.
        state: AdminState,
    },
    /// The rules of pools hold a server back.
    Withheld {
        /// Its name.
        server: String,
        /// Its addresses: a server of that name with none of them is another machine.
        addresses: Vec<IpAddr>,
        /// After what.
        cause: Cause,
    },
    /// Measurements change no decision.
    Freeze {
        /// In which services.
        scope: Scope,
    },
    /// A group gets a server first.
    Pin {
        /// Of which service.
        #[serde(with = "name_text")]
        service: Name,
        /// The group's name.
        group: String,
        /// The server's name.
        server: String,
    },
}

impl What {
    /// Whether it is about `service`, and can be done there: a server or a group may
    /// be gone from the configuration, and come back.
    pub fn concerns(&self, service: &Service, groups: &Groups) -> bool {
        match self {
            Self::State { .. } => self.candidate(service).is_some(),
            Self::Withheld { .. } => self.withheld(service).is_some(),
            Self::Freeze { scope } => scope.holds(service),
            Self::Pin { .. } => self.pin(service, groups).is_some(),
        }
    }

    /// The candidate of `service` whose state this is.
    pub(super) fn candidate(&self, service: &Service) -> Option<u8> {
        let Self::State {
            server,
            scope,
            addresses,
            ..
        } = self
        else {
            return None;
        };
        let number = numbered(service, server)?;
        let named = matches!(scope, Scope::Service(_));
        (scope.holds(service) && (named || is_machine(service, number, addresses)))
            .then_some(number)
    }

    /// The candidate of `service` that its rules hold back.
    pub(super) fn withheld(&self, service: &Service) -> Option<u8> {
        let Self::Withheld {
            server,
            addresses,
            cause,
        } = self
        else {
            return None;
        };
        let rules = &service.pool.health;
        let applies = match cause {
            Cause::Failed => rules.failback == Failback::Manual,
            Cause::Flaps => rules.flap.is_some(),
        };
        let number = numbered(service, server)?;
        (applies && is_machine(service, number, addresses)).then_some(number)
    }

    /// The server and the services in which this says how it is used.
    pub(super) fn server(&self) -> Option<(&str, &Scope)> {
        match self {
            Self::State { server, scope, .. } => Some((server, scope)),
            Self::Withheld { server, .. } => Some((server, &Scope::All)),
            Self::Freeze { .. } | Self::Pin { .. } => None,
        }
    }

    /// The group and the candidate of `service` that this pins.
    pub(super) fn pin(&self, service: &Service, groups: &Groups) -> Option<(u16, u8)> {
        match self {
            Self::Pin {
                service: name,
                group,
                server,
            } if service.name == *name => Some((groups.number(group)?, numbered(service, server)?)),
            _ => None,
        }
    }

    /// Whether both say something of the same thing, so that the later one replaces
    /// the earlier.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::State { server, scope, .. },
                Self::State {
                    server: other,
                    scope: other_scope,
                    ..
                },
            ) => server.eq_ignore_ascii_case(other) && scope == other_scope,
            (Self::Withheld { .. }, Self::Withheld { .. }) => self == other,
            (Self::Freeze { scope }, Self::Freeze { scope: other }) => scope == other,
            (
                Self::Pin { service, group, .. },
                Self::Pin {
                    service: other,
                    group: other_group,
                    ..
                },
            ) => service == other && group == other_group,
            _ => false,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State {
                server,
                scope,
                state,
                ..
            } => write!(f, "{} {server} of {scope}", state.word()),
            Self::Withheld { server, cause, .. } => {
                let cause = match cause {
                    Cause::Failed => "it went down and failback is manual",
                    Cause::Flaps => "it flaps",
                };
                write!(f, "hold back {server}, as {cause}")
            }
            Self::Freeze { scope } => write!(f, "freeze {scope}"),
            Self::Pin {
                service,
                group,
                server,
            } => {
                let service = service.fmt_with_dot();
                write!(f, "pin {group} to {server} of {service}")
            }
        }
    }
}

/// The number of what is called `name` among the candidates of `service`, hand-overs
/// included.
pub(super) fn numbered(service: &Service, name: &str) -> Option<u8> {
    let mut candidates = (0..).zip(service.pool.candidates());
    let found = candidates.find(|(_, known)| known.eq_ignore_ascii_case(name));
    found.map(|(number, _)| number)
}

/// Whether candidate `number` is the machine that has `addresses`, or had when they were
/// noted.
pub(super) fn is_machine(service: &Service, number: u8, addresses: &[IpAddr]) -> bool {
    let mut own = service.pool.addresses(number).peekable();
    match own.peek() {
        None => addresses.is_empty(),
        Some(_) => own.any(|address| addresses.contains(&address)),
    }
}

/// Names as text, with the dot at their end.
mod name_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::model::Name;

    pub(super) fn serialize<S: Serializer>(name: &Name, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&name.fmt_with_dot())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
        let text = String::deserialize(from)?;
        Name::bytes_from_str(&text).map_err(D::Error::custom)
    }
}
