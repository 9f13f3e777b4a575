//! `veerctl state`, `freeze`, `thaw`, `pin` and `unpin`.

use std::time::Duration;

use clap::Subcommand;

use crate::measurement::overrides::order::{Command as Ordered, Order, WantedState};

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// How a server is used: as measured (auto), as if every probe passed (up), not at
    /// all (down), or only while no other can be (drain).
    State {
        /// The server's name.
        server: String,
        /// How it is to be used.
        state: WantedState,
        /// In this service alone.
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
        /// In this customer's services alone.
        #[arg(long)]
        customer: Option<String>,
        #[command(flatten)]
        holds: Holds,
        /// Do it even where that leaves a service without a usable server.
        #[arg(long)]
        force: bool,
    },
    /// Let no measurement change a decision.
    Freeze {
        /// In this customer's services alone.
        #[arg(long)]
        customer: Option<String>,
        #[command(flatten)]
        holds: Holds,
    },
    /// Let decisions follow measurements again.
    Thaw {
        /// In this customer's services alone.
        #[arg(long)]
        customer: Option<String>,
    },
    /// Give a group of resolvers a server first, whatever the policy says.
    Pin {
        /// The service's name.
        name: String,
        /// The group's name.
        group: String,
        /// The server's name.
        server: String,
        #[command(flatten)]
        holds: Holds,
    },
    /// Let the policy decide for a group again.
    Unpin {
        /// The service's name.
        name: String,
        /// The group's name.
        group: String,
    },
}

/// How long an override holds, and why.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Holds {
    /// It ends by itself after this long, e.g. 90s, 1h, 2days; else when it is ended.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Why, for others to read.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Command {
    /// What the daemon is asked.
    pub(super) fn order(&self) -> Order {
        let (command, holds, force) = match self.clone() {
            Self::State {
                server,
                state,
                service,
                customer,
                holds,
                force,
            } => {
                let command = Ordered::State {
                    server,
                    service,
                    customer,
                    state,
                };
                (command, holds, force)
            }
            Self::Freeze { customer, holds } => (Ordered::Freeze { customer }, holds, false),
            Self::Thaw { customer } => (Ordered::Thaw { customer }, Holds::default(), false),
            Self::Pin {
                name: service,
                group,
                server,
                holds,
            } => {
                let command = Ordered::Pin {
                    service,
                    group,
                    server,
                };
                (command, holds, false)
            }
            Self::Unpin {
                name: service,
                group,
            } => (Ordered::Unpin { service, group }, Holds::default(), false),
        };
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Order {
            command,
            for_ms: holds.time.map(milliseconds),
            reason: holds.reason,
            force,
        }
    }
}
