//! The tunables as the program reads them: typed, in range, nothing to check.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use dns_common::host::Class;
use ipnet::IpNet;

use super::{
    kind::Value,
    tunables::{ClientSubnet, LogFormat, LogLevel, OnExit, StaleAction, Switch, XdpMode, XdpReply},
    values::Values,
};
use crate::tables::{Capacity, ResolverFlags};

/// Every tunable; [`super::tunables::TUNABLES`] says what each is and may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as many as there are switches"
)]
pub struct Settings {
    /// `server.addresses`: 1 to 64 different unicast addresses.
    pub addresses: Vec<IpAddr>,
    /// `server.port`
    pub port: u16,
    /// `server.workers`; `None` is one per CPU.
    pub workers: Option<usize>,
    /// `edns.payload_bytes`, 512 to 4096.
    pub edns_payload_bytes: u16,
    /// `server.nsid`: 0 to 128 octets.
    pub nsid: String,
    /// `server.chaos_version`: 0 to 255 octets.
    pub chaos_version: String,
    /// `server.chaos_hostname`: 0 to 255 octets.
    pub chaos_hostname: String,
    /// `edns.client_subnet`
    pub client_subnet: ClientSubnet,
    /// `edns.client_subnet_trusted` and `rrl.exempt`
    pub resolver_flags: ResolverFlags,
    /// `cookie.enabled`
    pub cookies: bool,
    /// `cookie.secret_file`, if one is named, under the configuration directory
    /// when relative.
    pub cookie_secret_file: Option<PathBuf>,
    /// `cookie.required_over_limit`
    pub cookie_required_over_limit: bool,
    /// `rrl.*_per_second` by [`Class`]; 0 is no limit.
    pub rates_per_second: [u32; Class::ALL.len()],
    /// `rrl.slip`; 0 is none.
    pub rate_slip: u32,
    /// `rrl.ipv4_prefix_bits`, 1 to 32.
    pub rate_ipv4_prefix_bits: u8,
    /// `rrl.ipv6_prefix_bits`, 1 to 64.
    pub rate_ipv6_prefix_bits: u8,
    /// `up.queries_per_second_max`; 0 is no limit.
    pub up_queries_per_second_max: u32,
    /// `tcp.idle_ms`
    pub tcp_idle: Duration,
    /// `tcp.connections_max`
    pub tcp_connections_max: usize,
    /// `tcp.per_client_max`
    pub tcp_per_client_max: usize,
    /// `xdp.interface`, if one is named.
    pub xdp_interface: Option<String>,
    /// `xdp.mode`
    pub xdp_mode: XdpMode,
    /// `xdp.reply`
    pub xdp_reply: XdpReply,
    /// `xdp.dry_run`
    pub xdp_dry_run: bool,
    /// `xdp.pin_path`
    pub xdp_pin_path: PathBuf,
    /// `xdp.on_exit`
    pub xdp_on_exit: OnExit,
    /// `stale.after_ms`
    pub stale_after: Duration,
    /// `stale.action`
    pub stale_action: StaleAction,
    /// `stale.keep_max_s`; zero is no limit.
    pub stale_keep_max: Duration,
    /// `tables.*`
    pub tables: Capacity,
    /// `count.group_sample`; 0 is none.
    pub count_group_sample: u32,
    /// `zones.directory`, under the configuration directory when relative.
    pub zones_directory: PathBuf,
    /// `services.directory`, under the configuration directory when relative.
    pub services_directory: PathBuf,
    /// `groups.file`, under the configuration directory when relative.
    pub groups_file: PathBuf,
    /// `groups.directory`, under the configuration directory when relative.
    pub groups_directory: PathBuf,
    /// `groups.as_database`, if one is named, under the configuration directory when
    /// relative.
    pub groups_as_database: Option<PathBuf>,
    /// `groups.country_database`, as [`Self::groups_as_database`].
    pub groups_country_database: Option<PathBuf>,
    /// `control.socket`
    pub control_socket: PathBuf,
    /// `probe.address_per_s_max`
    pub probe_address_per_s_max: u32,
    /// `state.directory`
    pub state_directory: PathBuf,
    /// `start.from_snapshot`
    pub start_from_snapshot: bool,
    /// `start.snapshot_max_s`
    pub start_snapshot_max: Duration,
    /// `state.generations_max`
    pub state_generations_max: usize,
    /// `log.decisions_mib`, in octets.
    pub log_decisions_octets: u64,
    /// `log.measurements_mib`, in octets; 0 is no log.
    pub log_measurements_octets: u64,
    /// `log.queries_sample`; 0 is none.
    pub log_queries_sample: u32,
    /// `load.max_moved_percent`, 0 to 100.
    pub load_max_moved_percent: u8,
    /// `health.suspect_percent`, 1 to 100.
    pub health_suspect_percent: u8,
    /// `health.first_round_ms`
    pub health_first_round: Duration,
    /// `health.fresh_percent`, 0 to 100.
    pub health_fresh_percent: u8,
    /// `metrics.listen`; `None` is nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// `metrics.services_max`
    pub metrics_services_max: usize,
    /// `publish.core`; `None` is the last CPU.
    pub publish_core: Option<usize>,
    /// `log.level`
    pub log_level: LogLevel,
    /// `log.format`
    pub log_format: LogFormat,
    /// `control.readers_group`, if one is named.
    pub control_readers_group: Option<String>,
    /// `control.writers_group`, if one is named.
    pub control_writers_group: Option<String>,
}

impl Settings {
    /// The settings that `values` say. `addresses` is empty only where
    /// [`Values::read`] has reported that none were set.
    pub fn new(values: &Values) -> Self {
        let read = Reader(values);
        Self {
            addresses: read.addresses("server.addresses"),
            port: read.integer("server.port"),
            workers: Some(read.integer("server.workers")).filter(|workers| *workers != 0),
            nsid: read.text("server.nsid").to_owned(),
            chaos_version: read.text("server.chaos_version").to_owned(),
            chaos_hostname: read.text("server.chaos_hostname").to_owned(),
            edns_payload_bytes: read.integer("edns.payload_bytes"),
            client_subnet: read.choice("edns.client_subnet", ClientSubnet::of),
            resolver_flags: ResolverFlags {
                trusted: read.prefixes("edns.client_subnet_trusted"),
                exempt: read.prefixes("rrl.exempt"),
            },
            cookies: read.switch("cookie.enabled"),
            cookie_secret_file: read.optional_path("cookie.secret_file"),
            cookie_required_over_limit: read.switch("cookie.required_over_limit"),
            rates_per_second: Class::ALL.map(|class| {
                read.integer(match class {
                    Class::Positive => "rrl.positive_per_second",
                    Class::Large => "rrl.large_per_second",
                    Class::Negative => "rrl.negative_per_second",
                    Class::Referral => "rrl.referral_per_second",
                    Class::Error => "rrl.error_per_second",
                })
            }),
            rate_slip: read.integer("rrl.slip"),
            rate_ipv4_prefix_bits: read.integer("rrl.ipv4_prefix_bits"),
            rate_ipv6_prefix_bits: read.integer("rrl.ipv6_prefix_bits"),
            up_queries_per_second_max: read.integer("up.queries_per_second_max"),
            tcp_idle: read.milliseconds("tcp.idle_ms"),
            tcp_connections_max: read.integer("tcp.connections_max"),
            tcp_per_client_max: read.integer("tcp.per_client_max"),
            xdp_interface: read.optional_text("xdp.interface"),
            xdp_mode: read.choice("xdp.mode", XdpMode::of),
            xdp_reply: read.choice("xdp.reply", XdpReply::of),
            xdp_dry_run: read.switch("xdp.dry_run"),
            xdp_pin_path: read.path("xdp.pin_path"),
            xdp_on_exit: read.choice("xdp.on_exit", OnExit::of),
            stale_after: read.milliseconds("stale.after_ms"),
            stale_action: read.choice("stale.action", StaleAction::of),
            stale_keep_max: read.seconds("stale.keep_max_s"),
            tables: Capacity {
                names: read.integer("tables.names"),
                groups: read.integer("tables.groups"),
                pools: read.integer("tables.pools"),
                answer_cells: read.integer("tables.answer_cells"),
                chunks: read.integer("tables.chunks"),
                services: read.integer("tables.services"),
                rate_buckets: read.integer("tables.rate_buckets"),
            },
            count_group_sample: read.integer("count.group_sample"),
            zones_directory: read.path("zones.directory"),
            services_directory: read.path("services.directory"),
            groups_file: read.path("groups.file"),
            groups_directory: read.path("groups.directory"),
            groups_as_database: read.optional_path("groups.as_database"),
            groups_country_database: read.optional_path("groups.country_database"),
            control_socket: read.path("control.socket"),
            probe_address_per_s_max: read.integer("probe.address_per_s_max"),
            state_directory: read.path("state.directory"),
            start_from_snapshot: read.switch("start.from_snapshot"),
            start_snapshot_max: read.seconds("start.snapshot_max_s"),
            state_generations_max: read.integer("state.generations_max"),
            log_decisions_octets: read.integer::<u64>("log.decisions_mib") << 20,
            log_measurements_octets: read.integer::<u64>("log.measurements_mib") << 20,
            log_queries_sample: read.integer("log.queries_sample"),
            load_max_moved_percent: read.integer("load.max_moved_percent"),
            health_suspect_percent: read.integer("health.suspect_percent"),
            health_first_round: read.milliseconds("health.first_round_ms"),
            health_fresh_percent: read.integer("health.fresh_percent"),
            metrics_listen: read.endpoint("metrics.listen"),
            metrics_services_max: read.integer("metrics.services_max"),
            publish_core: read.optional_integer("publish.core"),
            log_level: read.choice("log.level", LogLevel::of),
            log_format: read.choice("log.format", LogFormat::of),
            control_readers_group: read.optional_text("control.readers_group"),
            control_writers_group: read.optional_text("control.writers_group"),
        }
    }
}

/// Reads values by the types their tunables have.
///
/// Every panic here is a contradiction between the table of tunables and
/// [`Settings::new`]; building settings from the defaults and from both ends
/// of every range, as the tests do, meets all of them.
struct Reader<'v>(&'v Values);

impl Reader<'_> {
    fn addresses(&self, key: &str) -> Vec<IpAddr> {
        match self.0.value(key) {
            Some(Value::Addresses(addresses)) => addresses.clone(),
            None => Vec::new(),
            Some(other) => panic!("{key} is {other:?}, not addresses"),
        }
    }

    fn prefixes(&self, key: &str) -> Vec<IpNet> {
        match self.0.value(key) {
            Some(Value::Prefixes(prefixes)) => prefixes.clone(),
            other => panic!("{key} is {other:?}, not prefixes"),
        }
    }

    fn number(&self, key: &str) -> i64 {
        match self.0.value(key) {
            Some(Value::Integer(number)) => *number,
            other => panic!("{key} is {other:?}, not an integer"),
        }
    }

    fn integer<T: TryFrom<i64>>(&self, key: &str) -> T {
        self.optional_integer(key)
            .unwrap_or_else(|| panic!("{key} has a wider range than its field"))
    }

    /// `None` for a number that `T` cannot hold, such as −1.
    fn optional_integer<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        T::try_from(self.number(key)).ok()
    }

    fn milliseconds(&self, key: &str) -> Duration {
        Duration::from_millis(self.integer(key))
    }

    fn seconds(&self, key: &str) -> Duration {
        Duration::from_secs(self.integer(key))
    }

    fn text(&self, key: &str) -> &str {
        match self.0.value(key) {
            Some(Value::Text(text)) => text,
            other => panic!("{key} is {other:?}, not text"),
        }
    }

    /// `None` where nothing is named.
    fn optional_text(&self, key: &str) -> Option<String> {
        Some(self.text(key).to_owned()).filter(|text| !text.is_empty())
    }

    /// `None` where nothing is named.
    fn endpoint(&self, key: &str) -> Option<SocketAddr> {
        self.text(key).parse().ok()
    }

    fn choice<T>(&self, key: &str, of: impl Fn(&str) -> Option<T>) -> T {
        let word = self.text(key);
        of(word).unwrap_or_else(|| panic!("{key} has no choice {word}"))
    }

    fn switch(&self, key: &str) -> bool {
        self.choice(key, Switch::of) == Switch::On
    }

    fn path(&self, key: &str) -> PathBuf {
        self.0.dir().join(Path::new(self.text(key)))
    }

    /// `None` where nothing is named.
    fn optional_path(&self, key: &str) -> Option<PathBuf> {
        (!self.text(key).is_empty()).then(|| self.path(key))
    }
}
