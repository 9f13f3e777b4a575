//! What both planes answered, passed on and dropped.

use std::{collections::BTreeMap, fmt};

use dns_common::outcome::{Action, Outcome};

use super::{Scraped, families::Families};

/// The label of what has no figures of its own; no service's name is without a dot.
const OTHER: &str = "other";

pub(super) fn tell(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    packets(scraped, families)?;
    services(scraped, families)?;
    userspace(scraped, families)?;
    tcp(scraped, families)?;
    let counted = scraped.stats.flattening;
    families.counters(
        "flattening_questions",
        "Questions to other DNS in resolvers' stead, by what came of them.",
        [
            ([("result", "resolved")], counted.asked - counted.failed),
            ([("result", "failed")], counted.failed),
        ],
    )?;
    families.counter(
        "flattening_replies_refused",
        "Messages from other DNS that were no reply to what was asked.",
        counted.refused,
    )?;
    families.counter(
        "flattening_stale_answers",
        "Answers told that had run out, since other DNS did not answer.",
        counted.stale,
    )
}

fn packets(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    let stats = &scraped.stats;
    let kernel = stats.kernel.as_ref().map(|kernel| &kernel.outcomes);
    let planes = [
        ("kernel", kernel),
        ("userspace", Some(&stats.userspace.outcomes)),
    ];
    let counted = |plane: &'static str, counts: &BTreeMap<String, u64>| {
        let of = |outcome: Outcome| {
            let labels = [
                ("plane", plane),
                ("action", action(outcome.action())),
                ("outcome", outcome.name()),
            ];
            (labels, counts.get(outcome.name()).copied().unwrap_or(0))
        };
        Outcome::ALL.map(of)
    };
    let samples = planes
        .into_iter()
        .filter_map(|(plane, counts)| Some(counted(plane, counts?)));
    families.counters(
        "packets",
        "Packets that the XDP program saw, and messages that reached userspace, by what the fast \
         path made of them; what is passed up by userspace is the full authority's.",
        samples.flatten(),
    )
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Reply => "answered",
        Action::Up => "passed_up",
        Action::Drop => "dropped",
    }
}

/// The first services by their own names, all others together.
fn services(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    let services = scraped.services.as_deref().unwrap_or_default();
    let (own, others) = services.split_at(services.len().min(scraped.services_max));
    let own = own.iter().map(|(name, count)| (name.as_str(), *count));
    let others: Option<u64> =
        (!others.is_empty()).then(|| others.iter().map(|(_, count)| count).sum());
    let all = own.chain(others.map(|count| (OTHER, count)));
    families.counters(
        "service_answers",
        "Answers of steered names in the kernel; beyond metrics.services_max services, together.",
        all.map(|(name, count)| ([("service", name)], count)),
    )
}

fn userspace(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    let userspace = &scraped.stats.userspace;
    families.counters(
        "userspace_queries",
        "Messages that reached userspace, by transport.",
        [
            ([("transport", "udp")], userspace.udp_queries),
            ([("transport", "tcp")], userspace.tcp_queries),
        ],
    )?;
    families.counters(
        "userspace_questions",
        "Messages that reached userspace, by the type asked for and the family of who asked.",
        scraped
            .details
            .asked()
            .map(|(family, rtype, count)| ([("family", family), ("type", rtype)], count)),
    )?;
    families.counters(
        "userspace_authority_responses",
        "Responses of the full authority, by RCODE.",
        userspace
            .rcodes
            .iter()
            .map(|(rcode, count)| ([("rcode", rcode.as_str())], *count)),
    )?;
    families.counters(
        "userspace_authority_limited",
        "Responses of the full authority over their rate, by what became of them.",
        [
            ([("action", "truncated")], userspace.authority_slips),
            ([("action", "dropped")], userspace.authority_drops),
        ],
    )?;
    families.counter(
        "userspace_unanswered",
        "Messages that reached userspace and were left without a response.",
        userspace.silent,
    )?;
    families.times(
        "userspace_handling",
        "From a message's octets to its response's in userspace, of one message in 64.",
        scraped.details.took(),
        scraped.details.took_together().as_secs_f64(),
    )
}

fn tcp(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    let tcp = scraped.stats.userspace.tcp;
    families.gauge(
        "tcp_open_connections",
        "TCP connections open now.",
        tcp.open,
    )?;
    families.counters(
        "tcp_connections",
        "TCP connections, by what became of them.",
        [
            ([("result", "accepted")], tcp.accepted),
            ([("result", "refused")], tcp.refused),
            ([("result", "refused_client")], tcp.refused_client),
            ([("result", "idle")], tcp.idle),
        ],
    )
}
