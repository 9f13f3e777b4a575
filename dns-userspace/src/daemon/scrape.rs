//! What `/metrics` tells, taken from the [`View`].

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::view::View;
use crate::{
    control::{health::Health, protocol::Failure, tunable::Tunable},
    metrics::Scraped,
};

impl View {
    /// Everything that is told; reading the counters takes some system calls for each service.
    pub(super) fn scrape(&self, health: Health) -> Result<Scraped, Failure> {
        let counts = self.kernel_counts()?;
        let (seen, configured) = (self.seen.load_full(), self.configured.load_full());
        Ok(Scraped {
            stats: self.stats(counts.as_ref()),
            services: counts.map(|counts| counts.services),
            services_max: configured.settings.metrics_services_max,
            details: self.plane.counters().details,
            delays: self.publisher.delays().histogram(),
            census: seen.census,
            overrides: seen.overrides,
            health,
            publisher_age_s: self.publisher.age().as_secs_f64(),
            decisions_age_s: seen.at.elapsed().as_secs_f64(),
            started_unix_s: unix_s(self.started),
            last_reload: seen
                .last_reload
                .map(|(at, was_taken)| (unix_s(at), was_taken)),
            xdp: self.xdp(),
            inventory: self.inventory(),
            tables: self.fill(),
            tunables: Tunable::all(&configured.values),
        })
    }

    /// By tunable: entries in use, and all that there is room for.
    fn fill(&self) -> Vec<(&'static str, u64, u64)> {
        let live = self.live.load();
        let plan = &live.plan;
        let tables = self.publisher.tables();
        let capacity = tables.capacity();
        let used = [
            ("names", live.names, capacity.names),
            ("groups", plan.groups.names.len(), capacity.groups),
            ("pools", plan.pools.len(), capacity.pools),
            (
                "answer_cells",
                tables.answer_cells(live.number) as usize,
                capacity.answer_cells,
            ),
            ("chunks", tables.chunks() as usize, capacity.chunks),
            ("services", plan.services.len(), capacity.services),
        ];
        let entries = used.map(|(table, used, room)| (table, used as u64, u64::from(room)));
        entries.into()
    }
}

/// Seconds from 1970 to `at`, by the wall clock as it is set now.
fn unix_s(at: Instant) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    now.saturating_sub(at.elapsed()).as_secs_f64()
}
