//! What `/metrics` shows: `OpenMetrics` text of what the daemon counts anyway.
//!
//! [`planes`] has what is answered, [`measurement`] what is probed and decided, [`host`] what
//! the daemon is and has; [`families`] is how each is written.

mod families;
mod host;
mod measurement;
mod planes;
#[cfg(test)]
mod tests;

use std::fmt;

use hdrhistogram::Histogram;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    registry::Registry,
};

use crate::{
    control::{
        health::Health,
        stats::Stats,
        status::{Inventory, Xdp},
        tunable::Tunable,
    },
    measurement::director::census::Census,
    plane::Details,
};
use families::Families;

/// What the text is of ([`text()`]).
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What every name begins with.
const PREFIX: &str = "veer";

/// Everything that is told, taken at one time.
#[derive(Debug)]
pub struct Scraped {
    /// As `stats` has it.
    pub stats: Stats,
    /// The program's answers by service, in an order that stays; `None` without a program.
    pub services: Option<Vec<(String, u64)>>,
    /// Services that are told apart (`metrics.services_max`).
    pub services_max: usize,
    /// What userspace counts for this alone.
    pub details: Details,
    /// From the ends of probes until what they changed was in the tables, microseconds.
    pub delays: Histogram<u64>,
    /// How the targets stand.
    pub census: Census,
    /// How many overrides hold.
    pub overrides: usize,
    /// Whether this host is fit to be announced.
    pub health: Health,
    /// Seconds since the publisher thread showed that it is alive.
    pub publisher_age_s: f64,
    /// Seconds since the daemon's task did.
    pub decisions_age_s: f64,
    /// When the daemon started, seconds since 1970.
    pub started_unix_s: f64,
    /// When the last reload ended, seconds since 1970, and whether it was taken.
    pub last_reload: Option<(f64, bool)>,
    /// How the program in the kernel stands.
    pub xdp: Xdp,
    /// How much of everything there is.
    pub inventory: Inventory,
    /// Tables by name: entries in use, and all that there is room for.
    pub tables: Vec<(&'static str, u64, u64)>,
    /// Every tunable.
    pub tunables: Vec<Tunable>,
}

/// The text for `scraped`.
///
/// # Panics
/// Never: there is room for it.
pub fn text(scraped: Scraped) -> String {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(scraped));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("a string takes whatever is written");
    text
}

impl Collector for Scraped {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut families = Families::new(encoder);
        planes::tell(self, &mut families)?;
        measurement::tell(self, &mut families)?;
        host::tell(self, &mut families)
    }
}
