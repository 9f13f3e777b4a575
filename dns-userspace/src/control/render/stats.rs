//! `stats`.

use std::collections::BTreeMap;

use super::{
    human::percent,
    paint::Paint,
    table::{Align, Cell, Table},
};
use crate::{
    control::stats::{KernelStats, Stats},
    flattening::FlatteningCounts,
    ring_log::Written,
};

/// The counts, a block for each who counts.
pub(in crate::control) fn stats(stats: &Stats, paint: Paint) -> String {
    let mut summary = Table::of_fields();
    summary.field(
        "answered in the kernel",
        stats
            .kernel_share
            .map_or_else(|| "no query yet".to_owned(), percent),
    );
    let kernel = stats.kernel.as_ref().map_or_else(Vec::new, kernel);
    if kernel.is_empty() {
        summary.field("kernel counters", "none: no program is loaded");
    }
    let mut blocks = vec![summary];
    blocks.extend(kernel);
    blocks.extend(userspace(stats));
    if let Some(written) = stats.logs.measurement_log {
        blocks.push(log("MEASUREMENT LOG", written));
    }
    let mut own = counts("LOG", "COUNT");
    count(
        &mut own,
        "lost, stderr was too slow",
        stats.logs.log_lines_lost,
    );
    blocks.push(own);
    let blocks: Vec<_> = blocks.iter().map(|block| block.render(paint)).collect();
    blocks.join("\n")
}

/// A table of counts.
fn counts(title: &str, unit: &str) -> Table {
    Table::new(&[(title, Align::Left), (unit, Align::Right)])
}

fn count(table: &mut Table, name: impl Into<Cell>, count: u64) {
    table.row([name.into(), count.to_string().into()]);
}

/// Outcomes that happened, under what they mean for the packet, then services.
fn kernel(stats: &KernelStats) -> Vec<Table> {
    let mut outcomes = counts("KERNEL", "PACKETS");
    for (total, title, prefix) in [
        (stats.answered, "answered", "answered_"),
        (stats.up, "passed up", "up_"),
        (stats.dropped, "dropped", "drop_"),
    ] {
        count(&mut outcomes, title, total);
        kinds(&mut outcomes, &stats.outcomes, prefix);
    }
    let mut services = counts("SERVICE", "ANSWERS");
    for (service, number) in &stats.services {
        count(&mut services, service.as_str(), *number);
    }
    let mut blocks = vec![outcomes];
    if !stats.services.is_empty() {
        blocks.push(services);
    }
    blocks
}

/// The outcomes of that prefix that happened.
fn kinds(table: &mut Table, outcomes: &BTreeMap<String, u64>, prefix: &str) {
    for (name, number) in outcomes {
        if name.starts_with(prefix) && *number != 0 {
            count(table, format!("  {name}"), *number);
        }
    }
}

/// What other DNS were asked for, if they were.
fn flattening(stats: &Stats) -> Option<Table> {
    let counted = stats.flattening;
    let mut flattening = counts("FLATTENING", "COUNT");
    count(&mut flattening, "asked of other DNS", counted.asked);
    count(&mut flattening, "  not resolved", counted.failed);
    count(&mut flattening, "replies refused", counted.refused);
    count(&mut flattening, "stale answers told", counted.stale);
    (counted != FlatteningCounts::default()).then_some(flattening)
}

fn userspace(stats: &Stats) -> Vec<Table> {
    let server = &stats.userspace;
    let mut userspace = counts("USERSPACE", "MESSAGES");
    count(&mut userspace, "received over UDP", server.udp_queries);
    count(&mut userspace, "received over TCP", server.tcp_queries);
    count(
        &mut userspace,
        "answered from the shared tables",
        server.fast_answers,
    );
    kinds(&mut userspace, &server.outcomes, "answered_");
    for (rcode, number) in &server.rcodes {
        count(&mut userspace, format!("answered {rcode}"), *number);
    }
    if server.authority_slips != 0 {
        let title = "  truncated, over their rate";
        count(&mut userspace, title, server.authority_slips);
    }
    count(&mut userspace, "left without answer", server.silent);
    kinds(&mut userspace, &server.outcomes, "drop_");
    if server.authority_drops != 0 {
        let title = "  authority, over their rate";
        count(&mut userspace, title, server.authority_drops);
    }

    let mut tcp = counts("TCP", "CONNECTIONS");
    count(&mut tcp, "open now", server.tcp.open);
    count(&mut tcp, "accepted", server.tcp.accepted);
    count(
        &mut tcp,
        "refused, all that may be were open",
        server.tcp.refused,
    );
    count(
        &mut tcp,
        "refused, the client had all it may",
        server.tcp.refused_client,
    );
    count(&mut tcp, "closed, idle for too long", server.tcp.idle);

    let mut publisher = counts("PUBLISHER", "COUNT");
    count(
        &mut publisher,
        "generation in use",
        stats.publisher.generation,
    );
    count(
        &mut publisher,
        "generations published",
        stats.publisher.generations_published,
    );
    count(&mut publisher, "words stored", stats.publisher.stores);
    if let Some(delay) = stats.publisher.delay {
        count(&mut publisher, "decisions by probes", delay.count);
        let took = format!("{} / {} / {} µs", delay.p50_us, delay.p99_us, delay.max_us);
        publisher.row(["  p50 / p99 / longest".into(), took.into()]);
    }

    let mut probes = counts("PROBES", "COUNT");
    count(&mut probes, "passed", stats.probes.pass);
    count(&mut probes, "failed", stats.probes.fail);
    count(&mut probes, "not done (local failure)", stats.probes.local);

    let mut blocks = vec![userspace, tcp, publisher, probes];
    blocks.extend(flattening(stats));
    blocks.push(log("DECISION LOG", stats.logs.decision_log));
    blocks
}

fn log(title: &str, written: Written) -> Table {
    let mut log = counts(title, "COUNT");
    count(&mut log, "written", written.written);
    count(&mut log, "lost", written.lost);
    log
}
