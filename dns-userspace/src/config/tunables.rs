//! Every tunable there is: the one table that files, `veerctl` and
//! [`super::settings::Settings`] go by.

mod choices;
pub mod reference;

pub use choices::{
    ClientSubnet, LogFormat, LogLevel, OnExit, StaleAction, Switch, XdpMode, XdpReply,
};

use dns_common::tables::address::ADDRESSES_MAX;

use super::kind::Kind;
use crate::authority::{chaos::TEXT_MAX, respond::NSID_MAX};

/// Characters of a group's name, at most, as useradd(8) has it.
const GROUP_NAME_MAX: usize = 32;

/// One setting of the daemon; its key names its unit.
#[derive(Clone, Copy, Debug)]
pub struct Tunable {
    /// Dotted key.
    pub key: &'static str,
    /// Type, and range or choices.
    pub kind: Kind,
    /// The default as a file would have it; `None` where one must be set.
    pub default: Option<&'static str>,
    /// When a change takes effect.
    pub applies: Applies,
    /// What it is, in one sentence.
    pub sentence: &'static str,
}

/// When a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// In the running daemon.
    AtOnce,
    /// The next time the daemon reads its configuration.
    AtReload,
    /// The next time the daemon starts.
    AtRestart,
}

/// What ends of keys say of their values; `_max` may follow.
const UNITS: &[(&str, &str)] = &[
    ("_ms", "milliseconds"),
    ("_bytes", "octets"),
    ("_mib", "MiB"),
    ("_percent", "percent"),
    ("_per_second", "a second"),
    ("_per_s", "a second"),
    // After those that end so as well.
    ("_s", "seconds"),
    ("_bits", "bits"),
];

impl Tunable {
    /// The unit of its value, which its key names; `None` where that has none.
    pub fn unit(&self) -> Option<&'static str> {
        let key = self.key.strip_suffix("_max").unwrap_or(self.key);
        let named = UNITS.iter().find(|(end, _)| key.ends_with(end));
        named.map(|(_, unit)| *unit)
    }
}

/// The tunable of that key.
pub fn find(key: &str) -> Option<&'static Tunable> {
    TUNABLES.iter().find(|tunable| tunable.key == key)
}

const fn at_restart(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    sentence: &'static str,
) -> Tunable {
    Tunable {
        key,
        kind,
        default: Some(default),
        applies: Applies::AtRestart,
        sentence,
    }
}

const fn at_once(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    sentence: &'static str,
) -> Tunable {
    Tunable {
        applies: Applies::AtOnce,
        ..at_restart(key, kind, default, sentence)
    }
}

const fn at_reload(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    sentence: &'static str,
) -> Tunable {
    Tunable {
        applies: Applies::AtReload,
        ..at_restart(key, kind, default, sentence)
    }
}

const fn int(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

/// Range of the rates of `rrl.*`.
const RATE: Kind = int(0, 1_000_000);

/// The table, by topic.
pub static TUNABLES: &[Tunable] = &[
    Tunable {
        key: "server.addresses",
        kind: Kind::Addresses { max: ADDRESSES_MAX },
        default: None,
        applies: Applies::AtRestart,
        sentence: "Addresses that queries are answered at, in the kernel and in userspace.",
    },
    at_restart(
        "server.port",
        int(1, 65_535),
        "53",
        "UDP and TCP port that queries are answered at.",
    ),
    at_restart(
        "server.workers",
        int(0, 1024),
        "0",
        "Userspace server threads, each pinned to a CPU; 0 is one per CPU.",
    ),
    at_restart(
        "edns.payload_bytes",
        int(512, 4096),
        "1232",
        "Largest UDP response sent, and the size offered in EDNS (RFC 6891).",
    ),
    at_restart(
        "server.nsid",
        Kind::Text { max: NSID_MAX },
        "",
        "Identity told to queries with an NSID option (RFC 5001), e.g. the host's name; empty, so that nothing is disclosed unasked, tells none.",
    ),
    at_once(
        "server.chaos_version",
        Kind::Text { max: TEXT_MAX },
        "",
        "TXT in class CHAOS at version.bind. and version.server.; empty, so that nothing is disclosed unasked, refuses those names.",
    ),
    at_once(
        "server.chaos_hostname",
        Kind::Text { max: TEXT_MAX },
        "",
        "TXT in class CHAOS at hostname.bind. and id.server. (RFC 4892); empty, so that nothing is disclosed unasked, refuses those names.",
    ),
    at_restart(
        "edns.client_subnet",
        Kind::Choice(ClientSubnet::WORDS),
        "on",
        "Whose client subnets (RFC 7871) choose the group: nobody's (off), everybody's (on), or those of resolvers in edns.client_subnet_trusted, the option being left out for others; on is the default because an authoritative server keeps nothing that a forged subnet could poison.",
    ),
    at_reload(
        "edns.client_subnet_trusted",
        Kind::Prefixes,
        "",
        "Resolvers whose client subnets count where edns.client_subnet is trusted.",
    ),
    at_restart(
        "cookie.enabled",
        Kind::Choice(Switch::WORDS),
        "on",
        "Whether queries with a DNS cookie (RFC 7873) get a server cookie (RFC 9018).",
    ),
    at_reload(
        "cookie.secret_file",
        Kind::OptionalPath,
        "",
        "File of one or two secrets for server cookies, each 32 hexadecimal digits on a line of its own, # comments: the first makes cookies, both are accepted; with none, a random secret is made at start, which other hosts do not share.",
    ),
    at_restart(
        "cookie.required_over_limit",
        Kind::Choice(Switch::WORDS),
        "off",
        "Whether queries over a rate of rrl.* that have a cookie, but no valid one, get BADCOOKIE rather than a truncated response.",
    ),
    at_restart(
        "rrl.positive_per_second",
        RATE,
        "0",
        "Responses with records, at most twice as long as their query, sent per second to one prefix in one zone over UDP; 0 is no limit.",
    ),
    at_restart(
        "rrl.large_per_second",
        RATE,
        "200",
        "Responses with records, more than twice as long as their query, sent per second to one prefix in one zone over UDP; 0 is no limit.",
    ),
    at_restart(
        "rrl.negative_per_second",
        RATE,
        "200",
        "Responses that deny a name or a type sent per second to one prefix in one zone over UDP; 0 is no limit.",
    ),
    at_restart(
        "rrl.referral_per_second",
        RATE,
        "200",
        "Referrals sent per second to one prefix in one zone over UDP; 0 is no limit.",
    ),
    at_restart(
        "rrl.error_per_second",
        RATE,
        "200",
        "Responses with an error sent per second to one prefix over UDP; 0 is no limit.",
    ),
    at_restart(
        "rrl.slip",
        int(0, 1000),
        "2",
        "One in so many responses over a rate of rrl.* is sent truncated, so that a resolver whose address others forge can ask by TCP; 1 is every one, 0 none.",
    ),
    at_restart(
        "rrl.ipv4_prefix_bits",
        int(1, 32),
        "24",
        "Leading bits of an IPv4 address that are one requester for rrl.*.",
    ),
    at_restart(
        "rrl.ipv6_prefix_bits",
        int(1, 64),
        "56",
        "Leading bits of an IPv6 address that are one requester for rrl.*.",
    ),
    at_reload(
        "rrl.exempt",
        Kind::Prefixes,
        "",
        "Requesters that rrl.* does not limit.",
    ),
    at_restart(
        "up.queries_per_second_max",
        int(0, 1_000_000),
        "10000",
        "Queries for names outside our zones that the kernel passes up per second; more are dropped; 0 is no limit.",
    ),
    at_once(
        "tcp.idle_ms",
        int(100, 3_600_000),
        "10000",
        "Time without a query after which a TCP connection is closed, at most 1 s while nine in ten of tcp.connections_max are open; edns-tcp-keepalive tells it (RFC 7828).",
    ),
    at_once(
        "tcp.connections_max",
        int(1, 1_000_000),
        "1024",
        "TCP connections held at a time; one more is closed as soon as it is accepted.",
    ),
    at_once(
        "tcp.per_client_max",
        int(1, 1_000_000),
        "64",
        "TCP connections held at a time by one client, an IPv4 address or IPv6 /64; one more is closed as soon as it is accepted.",
    ),
    at_restart(
        "xdp.interface",
        Kind::Interface,
        "",
        "Interface whose queries are answered in the kernel; with none, userspace answers alone.",
    ),
    at_restart(
        "xdp.mode",
        Kind::Choice(XdpMode::WORDS),
        "native",
        "How the XDP program is attached: by the driver (native), by the kernel's slower generic path, or off.",
    ),
    at_restart(
        "xdp.reply",
        Kind::Choice(XdpReply::WORDS),
        "mac",
        "How a reply finds its way back in the kernel: to the MAC address its query came from (mac), or as the routing tables say (fib).",
    ),
    at_restart(
        "xdp.dry_run",
        Kind::Choice(Switch::WORDS),
        "off",
        "Whether the kernel only counts what it would answer (up_dry_run) and passes everything up.",
    ),
    at_restart(
        "xdp.pin_path",
        Kind::AbsolutePath,
        "/sys/fs/bpf/veer",
        "Directory on a BPF file system where tables and link are pinned.",
    ),
    at_once(
        "xdp.on_exit",
        Kind::Choice(OnExit::WORDS),
        "keep",
        "What a stopping daemon does with the XDP program; keep is the default because the data plane outlives the daemon, through restarts and upgrades too.",
    ),
    at_restart(
        "stale.after_ms",
        int(3000, 86_400_000),
        "10000",
        "Time without a sign of life from veerd, which gives one every second, after which the kernel's decisions are stale.",
    ),
    at_restart(
        "stale.action",
        Kind::Choice(StaleAction::WORDS),
        "keep",
        "What the kernel does with queries while its decisions are stale: goes on answering (keep), or passes them up, where nobody may listen.",
    ),
    at_restart(
        "stale.keep_max_s",
        int(0, 31_536_000),
        "86400",
        "Time without a sign of life from veerd after which the kernel answers nothing more, whatever stale.action says; 0 is never.",
    ),
    at_restart(
        "tables.names",
        int(1024, 4_194_304),
        "65536",
        "Rows for names in each of two generations.",
    ),
    at_restart(
        "tables.groups",
        Kind::PowerOfTwo { max: 65_536 },
        "4096",
        "Resolver groups there is room for; rankings take 8 bytes times groups times pools in each of two generations.",
    ),
    at_restart(
        "tables.pools",
        int(1, 16_384),
        "256",
        "Pools there is room for; rankings take 8 bytes times groups times pools in each of two generations.",
    ),
    at_restart(
        "tables.answer_cells",
        int(1024, 16_777_216),
        "262144",
        "64-byte cells for precomputed answers in each of two generations.",
    ),
    at_restart(
        "tables.chunks",
        int(1, 1_048_576),
        "16384",
        "1 KiB nodes for prefixes longer than IPv4 /24 and IPv6 /16; as many again are kept for the next reload.",
    ),
    at_restart(
        "tables.services",
        int(1, 1_048_576),
        "4096",
        "Services there is room for, each with 16 bytes of counters on every CPU.",
    ),
    at_restart(
        "tables.rate_buckets",
        Kind::PowerOfTwo { max: 16_777_216 },
        "65536",
        "8-byte buckets for the rates of rrl.*, each for what of prefix, zone and kind of response is hashed to it.",
    ),
    at_restart(
        "count.group_sample",
        int(0, 65_536),
        "64",
        "One in so many answers of steered names is counted for its resolver group, whose demand is estimated by that; 1 counts all, 0 none.",
    ),
    at_reload(
        "probe.address_per_s_max",
        int(1, 10_000),
        "100",
        "Probes a second that one address may get from all services together, commands not counted.",
    ),
    at_reload(
        "zones.directory",
        Kind::Path,
        "zones.d",
        "Directory of master files (*.zone).",
    ),
    at_reload(
        "services.directory",
        Kind::Path,
        "services.d",
        "Directory of services (*.toml).",
    ),
    at_reload(
        "groups.file",
        Kind::Path,
        "groups.conf",
        "File of resolver prefixes and their groups.",
    ),
    at_reload(
        "groups.directory",
        Kind::Path,
        "groups.d",
        "Directory of groups by autonomous system and country (*.toml).",
    ),
    at_reload(
        "groups.as_database",
        Kind::OptionalPath,
        "",
        "Database in MaxMind's format that says which autonomous system a network is of.",
    ),
    at_reload(
        "groups.country_database",
        Kind::OptionalPath,
        "",
        "Database in MaxMind's format that says which country a network is in.",
    ),
    at_restart(
        "control.socket",
        Kind::AbsolutePath,
        "/run/veer/veerd.sock",
        "Unix socket that veerctl talks to.",
    ),
    at_restart(
        "control.readers_group",
        Kind::Text {
            max: GROUP_NAME_MAX,
        },
        "",
        "Group whose members may look over control.socket, and change nothing; with neither this nor control.writers_group the socket's owner and group may do everything.",
    ),
    at_restart(
        "control.writers_group",
        Kind::Text {
            max: GROUP_NAME_MAX,
        },
        "",
        "Group whose members may look over control.socket and change what veerd does; root and the user of veerd always may.",
    ),
    at_restart(
        "state.directory",
        Kind::AbsolutePath,
        "/var/lib/veer",
        "Directory where veerd keeps what operators override, what generations were made of and what was decided, made when there is something to keep.",
    ),
    at_restart(
        "start.from_snapshot",
        Kind::Choice(Switch::WORDS),
        "on",
        "Whether a start goes by what veerd measured last, instead of waiting for a first result of every target.",
    ),
    at_restart(
        "start.snapshot_max_s",
        int(1, 86_400),
        "600",
        "Age from which on what was measured before a start is worth nothing.",
    ),
    at_reload(
        "state.generations_max",
        int(0, 1000),
        "10",
        "Configurations that were in use and are kept for veerctl revert; 0 keeps none.",
    ),
    at_restart(
        "log.decisions_mib",
        int(1, 4096),
        "64",
        "Room for the decision log in state.directory; the oldest decisions make room for new ones.",
    ),
    at_restart(
        "log.measurements_mib",
        int(0, 1 << 20),
        "0",
        "Room for what probes see, in state.directory, for veerctl replay; the oldest makes room for new; 0 records nothing.",
    ),
    at_restart(
        "log.queries_sample",
        int(0, 1_000_000),
        "0",
        "One in so many queries is told to whoever watches them with veerctl tail; 1 tells all, 0 none.",
    ),
    at_once(
        "load.max_moved_percent",
        int(0, 100),
        "100",
        "Share of the demand that a reload may answer otherwise without --force; 100 never asks.",
    ),
    at_once(
        "health.suspect_percent",
        int(1, 100),
        "50",
        "Share of targets whose failing at once makes veer suspect itself and hold; 100 never suspects.",
    ),
    at_reload(
        "health.first_round_ms",
        int(0, 600_000),
        "3000",
        "Longest time veerd waits, at start and at a reload, for a first result of every new target before it publishes.",
    ),
    at_once(
        "health.fresh_percent",
        int(0, 100),
        "50",
        "Share of targets that must have been measured within their probe's stale_after_ms for veerctl health to be good; 0 asks for none.",
    ),
    at_restart(
        "metrics.listen",
        Kind::Endpoint,
        "",
        "Address and port where /metrics and /healthz are served over HTTP, to whoever can reach it; empty, so that nothing is disclosed unasked, serves neither.",
    ),
    at_once(
        "metrics.services_max",
        int(0, 1_048_576),
        "100",
        "Services that have figures of their own in /metrics; those of all others are summed under the label other.",
    ),
    at_restart(
        "publish.core",
        int(-1, 4095),
        "-1",
        "CPU the publisher thread is pinned to; -1 is the last.",
    ),
    at_once(
        "log.level",
        Kind::Choice(LogLevel::WORDS),
        "info",
        "What is logged: this and everything graver.",
    ),
    at_once(
        "log.format",
        Kind::Choice(LogFormat::WORDS),
        "auto",
        "How a line of the log is written to stderr: for people (text), with the priority before it as in sd-daemon(3) and without the time (journal), as an object (json), or as journal where the journal of systemd reads it and as text elsewhere (auto).",
    ),
];
