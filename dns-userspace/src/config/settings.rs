//! The tunables as the program reads them: typed, in range, nothing to check.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    kind::Value,
    tunables::{LogLevel, OnExit, XdpMode},
    values::Values,
};
use crate::tables::Capacity;

/// Every tunable; [`super::tunables::TUNABLES`] says what each is and may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `server.addresses`: 1 to 64 different unicast addresses.
    pub addresses: Vec<IpAddr>,
    /// `server.port`
    pub port: u16,
    /// `server.workers`; `None` is one per CPU.
    pub workers: Option<usize>,
    /// `server.edns_payload_bytes`
    pub edns_payload_bytes: u16,
    /// `server.nsid`: 0 to 128 octets.
    pub nsid: String,
    /// `server.chaos_version`: 0 to 255 octets.
    pub chaos_version: String,
    /// `server.chaos_hostname`: 0 to 255 octets.
    pub chaos_hostname: String,
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
    /// `xdp.pin_path`
    pub xdp_pin_path: PathBuf,
    /// `xdp.on_exit`
    pub xdp_on_exit: OnExit,
    /// `tables.*`
    pub tables: Capacity,
    /// `zones.directory`, under the configuration directory when relative.
    pub zones_directory: PathBuf,
    /// `services.directory`, under the configuration directory when relative.
    pub services_directory: PathBuf,
    /// `groups.file`, under the configuration directory when relative.
    pub groups_file: PathBuf,
    /// `control.socket`
    pub control_socket: PathBuf,
    /// `health.suspect_percent`, 1 to 100.
    pub health_suspect_percent: u8,
    /// `health.first_round_ms`
    pub health_first_round: Duration,
    /// `publish.core`; `None` is the last CPU.
    pub publish_core: Option<usize>,
    /// `log.level`
    pub log_level: LogLevel,
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
            edns_payload_bytes: read.integer("server.edns_payload_bytes"),
            nsid: read.text("server.nsid").to_owned(),
            chaos_version: read.text("server.chaos_version").to_owned(),
            chaos_hostname: read.text("server.chaos_hostname").to_owned(),
            tcp_idle: read.milliseconds("tcp.idle_ms"),
            tcp_connections_max: read.integer("tcp.connections_max"),
            tcp_per_client_max: read.integer("tcp.per_client_max"),
            xdp_interface: Some(read.text("xdp.interface").to_owned())
                .filter(|name| !name.is_empty()),
            xdp_mode: read.choice("xdp.mode", XdpMode::of),
            xdp_pin_path: read.path("xdp.pin_path"),
            xdp_on_exit: read.choice("xdp.on_exit", OnExit::of),
            tables: Capacity {
                names: read.integer("tables.names"),
                groups: read.integer("tables.groups"),
                pools: read.integer("tables.pools"),
                answer_cells: read.integer("tables.answer_cells"),
                chunks: read.integer("tables.chunks"),
                services: read.integer("tables.services"),
            },
            zones_directory: read.path("zones.directory"),
            services_directory: read.path("services.directory"),
            groups_file: read.path("groups.file"),
            control_socket: read.path("control.socket"),
            health_suspect_percent: read.integer("health.suspect_percent"),
            health_first_round: read.milliseconds("health.first_round_ms"),
            publish_core: read.optional_integer("publish.core"),
            log_level: read.choice("log.level", LogLevel::of),
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

    fn text(&self, key: &str) -> &str {
        match self.0.value(key) {
            Some(Value::Text(text)) => text,
            other => panic!("{key} is {other:?}, not text"),
        }
    }

    fn choice<T>(&self, key: &str, of: impl Fn(&str) -> Option<T>) -> T {
        let word = self.text(key);
        of(word).unwrap_or_else(|| panic!("{key} has no choice {word}"))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.0.dir().join(Path::new(self.text(key)))
    }
}
