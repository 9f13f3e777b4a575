//! The objects an operator configures, apart from the syntax they came in.
//!
//! Files are one source of them; whatever reads a source hands over this model,
//! already checked: every value here is valid by itself.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use bytes::Bytes;
use ipnet::IpNet;

/// An absolute domain name in wire form, case as configured.
pub type Name = domain::base::Name<Bytes>;

/// A map by name. Its hash takes names octet by octet, which `SipHash` is slow at;
/// what is in it comes from configuration, never from who asks.
pub type NameMap<V> = HashMap<Name, V, foldhash::fast::RandomState>;

/// A steered name, its candidates and its policy; it belongs to a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// The steered name; A and AAAA at it are answered by decision.
    pub name: Name,
    /// Whose service it is.
    pub customer: String,
    /// TTL of the steered records, seconds, 0 to 2^31 − 1.
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
    /// 1 to 8 candidates; their position is the candidate number.
    pub servers: Vec<Server>,
    /// How they are ranked for a group.
    pub policy: Policy,
    /// How each address is measured.
    pub probe: Probe,
    /// What is answered when no candidate is fit.
    pub all_down: AllDown,
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
}

impl Server {
    /// Every address, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().copied().map(IpAddr::V4);
        v4.chain(self.v6.iter().copied().map(IpAddr::V6))
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
    /// Lowest measured latency first. A candidate displaces the current first
    /// choice only when it is better by more than `tolerance`.
    Latency {
        /// The difference that does not matter.
        tolerance: Duration,
    },
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
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProbeKind {
    /// A TCP connection to `port`; the latency is the time to connect.
    Tcp {
        /// Destination port.
        port: u16,
    },
    /// A GET over HTTP/1.1; the latency is the time to the end of the body.
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
}

/// Name of the group that everyone belongs to whom no prefix names.
pub const DEFAULT_GROUP: &str = "default";

impl Default for Groups {
    fn default() -> Self {
        Self {
            names: vec![DEFAULT_GROUP.to_owned()],
            prefixes: Vec::new(),
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
        let mut pools: Vec<Pool> = Vec::new();
        let mut numbers: HashMap<Pool, u16> = HashMap::new();
        let services = services
            .into_iter()
            .map(|service| {
                let known = numbers.get(&service.pool).copied();
                let number = known.unwrap_or_else(|| {
                    let number = pools.len() as u16;
                    pools.push(service.pool.clone());
                    numbers.insert(service.pool.clone(), number);
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
