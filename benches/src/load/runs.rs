//! How programs are compared on one link.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{Edns, Questions};
use crate::zone;

/// How often and how long each is offered load, and what queries say.
#[derive(Args, Clone, Copy, Debug, Serialize)]
pub(crate) struct Runs {
    /// Time for each run at one rate
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) seconds: u32,
    /// Runs of each program at each rate; figures are their medians
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Send every query with EDNS, DO and a client cookie, as a recursor does
    #[arg(long)]
    pub(crate) edns: bool,
}

impl Runs {
    /// Time for each.
    pub(crate) fn time(self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// Queries for `hot` names, and of a flood for others in their zone.
    pub(crate) fn questions(self, hot: &[String]) -> Questions<'_> {
        Questions {
            hot,
            flood_zone: zone::ORIGIN,
            edns: if self.edns { Edns::Cookie } else { Edns::Off },
        }
    }
}
