//! The objects an operator configures, apart from the syntax they came in.
//!
//! Files are one source of them; whatever reads a source hands over this model,
//! already checked: every value here is valid by itself.

mod capacity;
mod hand_over;
mod level;

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use bytes::Bytes;
use domain::base::Rtype;
use ipnet::IpNet;

use crate::{agent::report, measurement::metric::Metric};
pub use capacity::Capacity;
pub use hand_over::{Flattening, HandOver, NameServer, Way};
pub use level::{Level, Party, Version};

/// An absolute domain name in wire form, case as configured.
pub type Name = domain::base::Name<Bytes>;

/// A map by name. Its hash takes names octet by octet, which `SipHash` is slow at;
/// what is in it comes from configuration, never from who asks.
pub type NameMap<V> = HashMap<Name, V, foldhash::fast::RandomState>;

/// A steered name, its candidates and its policy; it belongs to a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The steered name; A and AAAA at it are answered by decision, and with a
    /// hand-over by CNAME or NS every type.
    pub name: Name,
    /// Whose service it is.
    pub customer: String,
    /// TTL of the steered records, seconds, 0 to 2^31 − 1; the shortest where the pool has
    /// several.
    pub ttl_s: u32,
    /// How an answer is laid out.
    pub shape: Shape,
    /// The candidates and the way one of them is chosen.
    pub pool: Pool,
}

/// Label below a CNAME-shaped service for the name that stands for all its
/// servers, beside their own names.
pub const ALL_SERVERS: &str = "all";

/// How a steered answer is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Shape {
    /// Address records at the service's own name.
    #[default]
    Direct,
    /// A CNAME to `<server>.<service name>` with its address records behind it
    /// in the same answer; those names exist by themselves too.
    Cname,
}

/// Candidates, policy and probes; services with equal pools share one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// 1 or more servers; their position is the candidate number.
    pub servers: Vec<Server>,
    /// The candidates after them, numbered on; 8 candidates at most in all.
    pub hand_overs: Vec<HandOver>,
    /// How they are ranked for a group.
    pub policy: Policy,
    /// How each address is measured, 1 or more.
    pub probes: Vec<PoolProbe>,
    /// What an unknown measurement counts as.
    pub unknown: Unknown,
    /// How much of it they can take, if that is known.
    pub capacity: Option<Capacity>,
    /// Of how many candidates, the best, an answer has the addresses; 1 to 8.
    pub answers: u8,
    /// TTLs of answers, seconds, ascending, 2 to [`TTLS_MAX`], where they follow how soon an
    /// answer can change; else empty.
    pub ttls: Vec<u32>,
    /// What is answered when no candidate is fit.
    pub all_down: AllDown,
    /// When candidates may be used, beside what each one's probes say.
    pub health: HealthRules,
}

/// TTLs that answers of one pool may have: for each the tables have all answers.
pub const TTLS_MAX: usize = 4;

impl Pool {
    /// Whether it is `other` with another level to compare with.
    pub fn is_but_for_level(&self, other: &Self) -> bool {
        let mut policy = other.policy.clone();
        if let (Policy::Threshold(threshold), Some(own)) = (&mut policy, self.policy.threshold()) {
            threshold.level.clone_from(&own.level);
        }
        let other = Self {
            policy,
            ..other.clone()
        };
        *self == other
    }
}

/// One candidate: a site reached at one or more addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// Unique within its pool; a valid DNS label.
    pub name: String,
    /// IPv4 addresses, in answer order.
    pub v4: Vec<Ipv4Addr>,
    /// IPv6 addresses, in answer order.
    pub v6: Vec<Ipv6Addr>,
    /// What sending traffic there costs, in a unit that all candidates of a pool share.
    pub cost: Quantity,
}

impl Server {
    /// Every address, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().copied().map(IpAddr::V4);
        v4.chain(self.v6.iter().copied().map(IpAddr::V6))
    }
}

/// A value of a metric that is configured, in thousandths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Quantity(pub i64);

impl Quantity {
    /// In the metric's unit.
    #[expect(
        clippy::cast_precision_loss,
        reason = "configured values have far fewer than 52 bits"
    )]
    pub fn value(self) -> f64 {
        self.0 as f64 / 1e3
    }
}

/// How candidates are ranked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// In a configured order: for the named groups their own, else `order`.
    /// Every order lists each candidate once.
    Failover {
        /// Candidate numbers, first choice first.
        order: Vec<u8>,
        /// Orders of single groups, by group name.
        by_group: BTreeMap<String, Vec<u8>>,
    },
    /// Each its part of the hash space of resolvers' blocks, as [`crate::measurement::share`]
    /// divides it.
    Weighted {
        /// By candidate number; one at least is above 0. The parts of those that may not
        /// be used are divided among the others alike.
        weights: Vec<u32>,
        /// Whether a resolver's block stays with whose it is; else each query is drawn anew.
        is_sticky: bool,
    },
    /// The least bad by the first of these, 1 or more; among those within its
    /// tolerance of that one, the least bad by the next, and so on. A candidate
    /// displaces another only when one of them tells the two apart.
    Criteria(Vec<Criterion>),
    /// The lowest weighted sum of badness, of which each is 0 for the best candidate
    /// and 1 for the worst. One that is as good in all and better in one always comes
    /// before.
    Best {
        /// Metrics, 1 or more, with their weights, 1 or more.
        weights: Vec<(Metric, u32)>,
        /// The difference of sums that does not matter, in thousandths of the
        /// weights' sum.
        tolerance_permille: u32,
    },
    /// Each a part of the hash space that follows its load.
    Balance {
        /// The load, in percent.
        metric: Metric,
        /// The difference of loads that does not matter, 0 or more.
        tolerance: Quantity,
        /// How fast parts change.
        steps: Steps,
    },
    /// Some candidates while they are better than an agreed level, else others.
    Threshold(Threshold),
}

impl Policy {
    /// The least bad by one metric.
    pub fn least(metric: Metric, tolerance: Quantity) -> Self {
        Self::Criteria(vec![Criterion { metric, tolerance }])
    }

    /// The same where all resolvers follow at once; `None` where they do anyway.
    pub fn at_once(&self) -> Option<Self> {
        match self {
            Self::Threshold(threshold) if threshold.steps.percent < 100 => {
                let mut threshold = threshold.clone();
                threshold.steps.percent = 100;
                Some(Self::Threshold(threshold))
            }
            _ => None,
        }
    }

    /// What is agreed, where it goes by a level.
    pub const fn threshold(&self) -> Option<&Threshold> {
        match self {
            Self::Threshold(threshold) => Some(threshold),
            _ => None,
        }
    }

    /// What it compares candidates by.
    pub fn metrics(&self) -> Vec<Metric> {
        match self {
            Self::Failover { .. } | Self::Weighted { .. } => Vec::new(),
            Self::Criteria(criteria) => criteria.iter().map(|by| by.metric).collect(),
            Self::Best { weights, .. } => weights.iter().map(|(metric, _)| *metric).collect(),
            Self::Balance { metric, .. } => vec![*metric, Metric::Errors, Metric::Availability],
            Self::Threshold(threshold) => vec![threshold.metric],
        }
    }
}

/// One thing that candidates are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Criterion {
    /// What is compared.
    pub metric: Metric,
    /// The difference of badness that does not matter, 0 or more.
    pub tolerance: Quantity,
}

/// An agreed level, and who stands on which side of it. Together the two lists hold
/// each candidate once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Threshold {
    /// What is agreed on.
    pub metric: Metric,
    /// The value from which on it is too bad.
    pub level: Level,
    /// By how much better than the level it must be to come back, 0 or more.
    pub return_band: Quantity,
    /// How long it stays on one side at least.
    pub hold: Duration,
    /// How fast resolvers follow.
    pub steps: Steps,
    /// Candidates that have to be better than the level, first choice first.
    pub origins: Vec<u8>,
    /// Candidates for whoever has no origin that is, first choice first.
    pub over: Vec<u8>,
}

/// How fast resolvers are moved from one candidate to another, as long as both may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Steps {
    /// How many of all at most in one step, percent, 1 to 100.
    pub percent: u32,
    /// Time from one step to the next at least.
    pub every: Duration,
}

/// What a measurement that is missing, or too old, counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Unknown {
    /// Better than any.
    Open,
    /// Worse than any.
    Closed,
    /// What it was last; worse than any where there was none.
    #[default]
    Last,
}

/// What is answered when no candidate is fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum AllDown {
    /// The addresses of all candidates (as gdnsd does).
    #[default]
    All,
    /// The first in the ranking, as if all were up.
    First,
    /// SERVFAIL, from userspace.
    Servfail,
}

/// A probe of a pool's candidates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PoolProbe {
    /// How an address is measured.
    pub probe: Probe,
    /// Whether a candidate's address is up only where this probe says so.
    pub is_required: bool,
    /// Addresses that are measured in place of all of a candidate's own, by its number.
    pub instead: BTreeMap<u8, IpAddr>,
}

impl From<Probe> for PoolProbe {
    /// A required one, of servers' own addresses.
    fn from(probe: Probe) -> Self {
        Self {
            probe,
            is_required: true,
            instead: BTreeMap::new(),
        }
    }
}

/// When candidates may be used, beside what each one's probes say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct HealthRules {
    /// With fewer candidates of a family usable, in percent of those that have it,
    /// none counts as fit; 0 to 100.
    pub min_up_percent: u8,
    /// How a candidate comes back.
    pub failback: Failback,
    /// How often a candidate may change, if that is limited.
    pub flap: Option<Flap>,
    /// How long it takes until one that came back takes all its resolvers; 0 for at once.
    pub slow_start: Duration,
}

/// How a candidate that went down comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Failback {
    /// When its probes pass.
    #[default]
    Auto,
    /// When an operator says so.
    Manual,
}

/// How often a candidate may change between up and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flap {
    /// More changes of one address in the window hold its candidate back, 1 to
    /// [`FLAP_MAX`].
    pub max: u32,
    /// The window; a candidate held back stays so until it was steady for as long.
    pub window: Duration,
}

/// Changes of one address that are remembered.
pub const FLAP_MAX: u32 = 100;

/// How an address is measured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// What a probe does.
    pub kind: ProbeKind,
    /// Time from one probe of an address to the next.
    pub interval: Duration,
    /// After this long a probe has failed; shorter than `interval`.
    pub timeout: Duration,
    /// Consecutive passes that bring a down address up, 1 or more.
    pub up_after: u32,
    /// Consecutive failures that take an up address down, 1 or more.
    pub down_after: u32,
    /// Addresses that it is sent from; the system's choice where there is none of the
    /// family.
    pub source: Source,
    /// What several values of one metric are taken for.
    pub smoothing: Smoothing,
    /// After this long without another a value is unknown.
    pub stale_after: Duration,
    /// Names of the groups from whose networks it measures, in order, each once; empty
    /// where it measures from this host, for everybody.
    pub groups: Vec<String>,
}

impl Probe {
    /// Each second, everything else as it is where a configuration does not say.
    pub fn new(kind: ProbeKind) -> Self {
        Self {
            kind,
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(300),
            up_after: 2,
            down_after: 3,
            source: Source::default(),
            smoothing: Smoothing::default(),
            stale_after: Duration::from_secs(10),
            groups: Vec::new(),
        }
    }

    /// What it measures, besides [`Metric::Availability`].
    pub fn metrics(&self) -> &[Metric] {
        match &self.kind {
            ProbeKind::Tcp { .. } => &[Metric::ConnectTime],
            ProbeKind::Http { tls: None, .. } | ProbeKind::Ftp { .. } => {
                &[Metric::ResponseTime, Metric::ConnectTime]
            }
            ProbeKind::Http { tls: Some(_), .. } => &[
                Metric::ResponseTime,
                Metric::ConnectTime,
                Metric::CertificateDays,
            ],
            ProbeKind::Icmp { .. } => &[Metric::RoundTrip, Metric::Loss],
            ProbeKind::Dns { .. } => &[Metric::ResponseTime],
            ProbeKind::Agent(_) => &[
                Metric::Load,
                Metric::Cpu,
                Metric::Memory,
                Metric::Connections,
                Metric::Bandwidth,
                Metric::Errors,
            ],
            ProbeKind::Command(command) => command.metric.as_slice(),
        }
    }
}

/// Addresses to send from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Source {
    /// To IPv4 addresses.
    pub v4: Option<Ipv4Addr>,
    /// To IPv6 addresses.
    pub v6: Option<Ipv6Addr>,
}

/// How values of one metric become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Smoothing {
    /// An exponentially weighted mean.
    Mean {
        /// Weight of a new value, thousandths, 1 to 1000.
        weight_permille: u32,
    },
    /// A percentile of those that are not older than a window.
    Percentile {
        /// 0, the lowest, to 100, the highest.
        percent: u32,
        /// How old they may be.
        window: Duration,
    },
}

impl Default for Smoothing {
    /// One part in 32, of half a minute at a probe a second: with the eighth by which TCP
    /// smooths (RFC 6298 section 2.3) noise alone makes servers change places.
    fn default() -> Self {
        Self::Mean {
            weight_permille: 31,
        }
    }
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProbeKind {
    /// A TCP connection to `port`.
    Tcp {
        /// Destination port.
        port: u16,
    },
    /// A GET over HTTP/1.1; the response ends with its body.
    Http {
        /// Destination port.
        port: u16,
        /// HTTPS rather than HTTP.
        tls: Option<Tls>,
        /// The Host header, and the name asked for in TLS.
        host: String,
        /// Path and query, starting with `/`.
        path: String,
        /// Statuses that pass.
        status: Vec<u16>,
        /// What the body's first 64 KiB must contain, if anything.
        body: Option<String>,
    },
    /// ICMP echo requests; one reply is enough to pass.
    Icmp {
        /// How many, 1 to 10.
        count: u32,
    },
    /// A query over UDP.
    Dns {
        /// Destination port.
        port: u16,
        /// What is asked, and what is to come back.
        query: DnsQuery,
    },
    /// An FTP server's greeting, and the size of a file.
    Ftp {
        /// Destination port.
        port: u16,
        /// The file, if one is asked for.
        file: Option<FtpFile>,
    },
    /// A server's agent, or the endpoint of a foreign CDN, which reports by itself.
    Agent(Agent),
    /// A program of the operator's.
    Command(Command),
}

/// Who reports, and how it is asked ([`crate::agent`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Agent {
    /// Destination port.
    pub port: u16,
    /// HTTPS rather than HTTP.
    pub tls: Option<Tls>,
    /// The Host header, and the name asked for in TLS.
    pub host: String,
    /// Path and query, starting with `/`.
    pub path: String,
    /// What it is shown.
    pub token: Token,
    /// Whom its reports are to be of.
    pub kind: report::Kind,
}

/// A bearer token (RFC 6750). Nobody is told what it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a token")
    }
}

/// A question and what passes as its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsQuery {
    /// The name.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// Data that a record of the answer must have, in presentation form (RFC 1035 section
    /// 5.1); any where there is none.
    pub expected: Option<String>,
}

/// A file on an FTP server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FtpFile {
    /// Its path.
    pub path: String,
    /// Who asks for it.
    pub user: String,
    /// With this password.
    pub password: String,
}

/// A program that is run for each probe: it passes when it exits with 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// Its absolute path; no shell is asked.
    pub program: PathBuf,
    /// What it is given; the address is in its environment.
    pub arguments: Vec<String>,
    /// What the number is that it prints, if it is to print one.
    pub metric: Option<Metric>,
}

/// How an HTTPS probe treats certificates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Check the certificate's chain, name and dates.
    pub verify: bool,
    /// PEM file of roots to trust instead of the Mozilla set.
    pub ca_file: Option<PathBuf>,
}

/// Resolver groups by name and by prefix. Group 0 is [`DEFAULT_GROUP`]:
/// everyone no prefix names.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// Group names; the position is the group's number.
    pub names: Vec<String>,
    /// Prefixes and the number of the group each belongs to; the longest match wins.
    pub prefixes: Vec<(IpNet, u16)>,
    /// What is configured of groups' demand, by number, queries a second.
    pub demand: BTreeMap<u16, Quantity>,
}

/// Name of the group that everyone belongs to whom no prefix names.
pub const DEFAULT_GROUP: &str = "default";

impl Default for Groups {
    fn default() -> Self {
        Self {
            names: vec![DEFAULT_GROUP.to_owned()],
            prefixes: Vec::new(),
            demand: BTreeMap::new(),
        }
    }
}

impl Groups {
    /// The group's number.
    pub fn number(&self, name: &str) -> Option<u16> {
        let position = self.names.iter().position(|known| known == name)?;
        u16::try_from(position).ok()
    }
}

/// Services with their pools numbered: what measuring and publishing work on.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every distinct pool; the position is the pool's number.
    pub pools: Vec<Pool>,
    /// Every service with the number of its pool.
    pub services: Vec<(Service, u16)>,
    /// The resolver groups.
    pub groups: Groups,
}

impl Plan {
    /// Numbers the pools of `services`, giving equal pools one number.
    pub fn new(services: Vec<Service>, groups: Groups) -> Self {
        Self::numbered(services, groups, |_, _| ())
    }

    /// Numbers the pools anew: equal pools have one number where `aspect` is the same
    /// of their services too.
    #[must_use]
    pub fn kept_apart<A: Eq + Hash>(self, aspect: impl Fn(&Service, &Groups) -> A) -> Self {
        let services = self.services.into_iter().map(|(service, _)| service);
        Self::numbered(services.collect(), self.groups, aspect)
    }

    /// One service of each pool, by pool number.
    pub fn service_of_each_pool(&self) -> Vec<Option<&Service>> {
        let mut first = vec![None; self.pools.len()];
        for (service, pool) in self.services.iter().rev() {
            first[usize::from(*pool)] = Some(service);
        }
        first
    }

    fn numbered<A: Eq + Hash>(
        services: Vec<Service>,
        groups: Groups,
        aspect: impl Fn(&Service, &Groups) -> A,
    ) -> Self {
        let mut pools: Vec<Pool> = Vec::new();
        let mut numbers: HashMap<Pool, HashMap<A, u16>> = HashMap::new();
        let services = services
            .into_iter()
            .map(|service| {
                let aspect = aspect(&service, &groups);
                let known = numbers.get(&service.pool).and_then(|of| of.get(&aspect));
                let number = known.copied().unwrap_or_else(|| {
                    let number = pools.len() as u16;
                    pools.push(service.pool.clone());
                    let of = numbers.entry(service.pool.clone()).or_default();
                    of.insert(aspect, number);
                    number
                });
                (service, number)
            })
            .collect();
        Self {
            pools,
            services,
            groups,
        }
    }
}
