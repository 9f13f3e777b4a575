//! What the daemon is and has.

use std::{fmt, iter};

use super::{Scraped, families::Families};
use crate::control::status::XdpState;

pub(super) fn tell(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    health(scraped, families)?;
    let inventory = scraped.inventory;
    families.gauges(
        "objects",
        "Objects of the configuration, by kind.",
        [
            ([("kind", "zones")], inventory.zones as u64),
            ([("kind", "names")], inventory.names as u64),
            ([("kind", "services")], inventory.services as u64),
            ([("kind", "pools")], inventory.pools as u64),
            ([("kind", "groups")], inventory.groups as u64),
            ([("kind", "prefixes")], inventory.prefixes as u64),
        ],
    )?;
    let tables = || scraped.tables.iter();
    families.gauges(
        "table_entries",
        "Entries in use of the tables of one generation, named as the tunable that sizes them.",
        tables().map(|(table, used, _)| ([("table", *table)], *used)),
    )?;
    families.gauges(
        "table_capacity_entries",
        "Entries that the tables of one generation have room for.",
        tables().map(|(table, _, room)| ([("table", *table)], *room)),
    )?;
    logs(scraped, families)?;
    families.seconds(
        "start_time",
        "When the daemon started, since 1970.",
        scraped.started_unix_s,
    )?;
    if let Some((at, was_taken)) = scraped.last_reload {
        families.seconds(
            "last_reload_time",
            "When the last reload ended, since 1970.",
            at,
        )?;
        families.gauge(
            "last_reload_taken",
            "1 if the last reload was taken, 0 if it was refused.",
            was_taken.into(),
        )?;
    }
    families.infos(
        "build",
        "The daemon's version.",
        iter::once([("version", env!("CARGO_PKG_VERSION"))]),
    )?;
    families.infos(
        "config",
        "The tunables in use.",
        scraped
            .tunables
            .iter()
            .map(|tunable| [("key", &*tunable.key), ("value", &*tunable.value)]),
    )
}

fn health(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    let health = &scraped.health;
    families.gauge(
        "healthy",
        "1 if this host is fit to be announced, as veerctl health has it.",
        health.healthy.into(),
    )?;
    let checks = health.checks.iter();
    families.gauges(
        "health_check_passed",
        "1 for each check of veerctl health that passed.",
        checks.map(|check| ([("check", check.check.name())], check.passed.into())),
    )?;
    let is_attached = matches!(scraped.xdp.state, XdpState::Attached | XdpState::Adopted);
    families.gauge(
        "xdp_attached",
        "1 while the XDP program is on its interface.",
        is_attached.into(),
    )?;
    families.gauge(
        "xdp_wanted",
        "1 if the XDP program is to be on an interface.",
        (scraped.xdp.state != XdpState::Off).into(),
    )
}

fn logs(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    let logs = scraped.stats.logs;
    let written = [
        ("decisions", Some(logs.decision_log)),
        ("measurements", logs.measurement_log),
    ];
    let samples = written.into_iter().filter_map(|(log, written)| {
        let written = written?;
        Some([
            ([("log", log), ("result", "written")], written.written),
            ([("log", log), ("result", "lost")], written.lost),
        ])
    });
    families.counters(
        "log_entries",
        "Entries of the logs in state.directory, by what came of writing them.",
        samples.flatten(),
    )?;
    families.counter(
        "log_lines_lost",
        "Lines of the daemon's own log that stderr did not take in time.",
        logs.log_lines_lost,
    )
}
