//! Who may hold a TCP connection, and for how long (RFC 7766 section 6.2,
//! RFC 9210 section 4): in all, and for each client, so that one cannot take
//! the places of all others.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;

/// How connections are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Open TCP connections of all workers together, 1 or more; one more is
    /// closed as soon as it is accepted.
    pub tcp_connections_max: usize,
    /// Those of one client, 1 or more; one more is closed likewise.
    pub tcp_per_client_max: usize,
    /// A TCP connection is closed when this long passes without a whole query
    /// from it, or when a reply is not taken for this long.
    pub tcp_idle: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tcp_connections_max: 1024,
            tcp_per_client_max: 64,
            tcp_idle: Duration::from_secs(10),
        }
    }
}

/// Share of all connections that must be in use for places to be scarce, percent.
const SCARCE_PERCENT: usize = 90;

/// How long a connection may be idle while places are scarce: a client that has
/// its next query ready can send it.
const SCARCE_IDLE: Duration = Duration::from_secs(1);

/// Counters of connections, since start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Let in.
    pub accepted: AtomicU64,
    /// Closed at once: all that may be open were.
    pub refused: AtomicU64,
    /// Closed at once: the client had all that it may have.
    pub refused_client: AtomicU64,
    /// Closed because nothing came, or nothing was taken, for too long.
    pub idle: AtomicU64,
}

/// The connections that are open.
#[derive(Debug)]
pub struct Connections {
    options: ArcSwap<Options>,
    open: AtomicUsize,
    /// How many each client has; none has 0.
    clients: Mutex<HashMap<Client, usize>>,
    counters: Counters,
}

/// Who counts as one client: an IPv4 address, or the /64 around an IPv6
/// address, all of which a single host usually has.
type Client = IpAddr;

fn client(address: IpAddr) -> Client {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::from(((address.to_bits() >> 64) << 64).to_be_bytes()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Connections {
    /// None is open yet.
    pub fn new(options: Options) -> Self {
        Self {
            options: ArcSwap::from_pointee(options),
            open: AtomicUsize::new(0),
            clients: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// Treats connections by `options` from now on; those that are open stay, also where
    /// they are more than may be.
    pub fn set_options(&self, options: Options) {
        self.options.store(Arc::new(options));
    }

    fn options(&self) -> Options {
        **self.options.load()
    }

    /// What has been counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Lets in a connection from `address`, for as long as the permit lives.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refused> {
        let client = client(address);
        let options = self.options();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        // Written only under the lock.
        if self.open() >= options.tcp_connections_max {
            self.counters.refused.fetch_add(1, Relaxed);
            return Err(Refused::Full);
        }
        let held = clients.entry(client).or_default();
        if *held >= options.tcp_per_client_max {
            self.counters.refused_client.fetch_add(1, Relaxed);
            return Err(Refused::Client);
        }
        *held += 1;
        self.open.fetch_add(1, Relaxed);
        self.counters.accepted.fetch_add(1, Relaxed);
        Ok(Permit {
            connections: Arc::clone(self),
            client,
        })
    }

    /// How long a connection may be idle from now on.
    pub(super) fn idle(&self) -> Duration {
        let idle = self.options().tcp_idle;
        if self.scarce() {
            idle.min(SCARCE_IDLE)
        } else {
            idle
        }
    }

    /// How long a reply may wait to be taken.
    pub(super) fn patience(&self) -> Duration {
        self.options().tcp_idle
    }

    /// What edns-tcp-keepalive says: [`Connections::idle`] in units of 100 ms,
    /// or 0 while places are scarce (RFC 7828 section 3.3.2).
    pub(super) fn keepalive(&self) -> u16 {
        if self.scarce() {
            return 0;
        }
        let units = self.options().tcp_idle.as_millis() / 100;
        u16::try_from(units).unwrap_or(u16::MAX)
    }

    fn scarce(&self) -> bool {
        self.open() * 100 >= self.options().tcp_connections_max * SCARCE_PERCENT
    }
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("as many connections are open as may be")]
    Full,
    #[error("the client has as many connections as it may")]
    Client,
}

/// An open connection's place; dropping it makes room.
#[derive(Debug)]
pub(super) struct Permit {
    connections: Arc<Connections>,
    client: Client,
}

impl Permit {
    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let clients = &self.connections.clients;
        let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
        self.connections.open.fetch_sub(1, Relaxed);
        if let Entry::Occupied(mut held) = clients.entry(self.client) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options {
        tcp_connections_max: 10,
        tcp_per_client_max: 2,
        tcp_idle: Duration::from_secs(30),
    };

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_64() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let connections = Arc::new(Connections::new(Options {
                tcp_per_client_max: 1,
                ..OPTIONS
            }));
            let _first = connections.admit(address(one)).expect("room");
            let second = connections.admit(address(other));
            assert_eq!(
                second.err(),
                same.then_some(Refused::Client),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn places_are_given_up_to_both_limits_and_taken_back() {
        let connections = Arc::new(Connections::new(OPTIONS));
        let clients: Vec<_> = (1..=5).map(|n| address(&format!("192.0.2.{n}"))).collect();
        let mut permits = Vec::new();
        for client in &clients {
            for _ in 0..OPTIONS.tcp_per_client_max {
                permits.push(connections.admit(*client).expect("room"));
            }
        }
        assert_eq!(connections.open(), 10);
        let more = connections.admit(address("198.51.100.1"));
        assert_eq!(more.expect_err("full"), Refused::Full);
        permits.remove(0);
        let others = connections.admit(clients[1]);
        assert_eq!(others.expect_err("its two are open"), Refused::Client);
        permits.push(
            connections
                .admit(clients[0])
                .expect("its place is free again"),
        );
        let counted = connections.counters();
        let counted = [&counted.accepted, &counted.refused, &counted.refused_client];
        assert_eq!(counted.map(|counter| counter.load(Relaxed)), [11, 1, 1]);
        permits.clear();
        assert_eq!(connections.open(), 0);
        let clients = connections.clients.lock().expect("nobody panicked");
        assert!(clients.is_empty(), "{clients:?} are kept for ever");
    }

    #[test]
    fn other_options_are_for_who_comes_and_for_who_is_there() {
        let connections = Arc::new(Connections::new(OPTIONS));
        let client = address("192.0.2.1");
        let _open = [(); 2].map(|()| connections.admit(client).expect("room"));
        let one_each = Options {
            tcp_per_client_max: 1,
            tcp_idle: Duration::from_secs(5),
            ..OPTIONS
        };
        connections.set_options(one_each);
        assert_eq!(connections.open(), 2);
        let more = connections.admit(client);
        assert_eq!(more.expect_err("it has two"), Refused::Client);
        assert_eq!(connections.idle(), one_each.tcp_idle);
        connections.set_options(Options {
            tcp_per_client_max: 3,
            ..one_each
        });
        connections.admit(client).expect("room for a third");
    }

    #[test]
    fn rfc7828_3_3_2_the_time_out_is_0_from_nine_tenths_on() {
        let connections = Arc::new(Connections::new(OPTIONS));
        let mut permits = Vec::new();
        for number in 1..=9 {
            assert_eq!(connections.keepalive(), 300, "{number}");
            assert_eq!(connections.idle(), OPTIONS.tcp_idle);
            let client = address(&format!("192.0.2.{number}"));
            permits.push(connections.admit(client).expect("room"));
        }
        assert_eq!(connections.keepalive(), 0);
        assert_eq!(connections.idle(), SCARCE_IDLE);
        permits.pop();
        assert_eq!(connections.keepalive(), 300);
    }

    #[test]
    fn a_time_out_longer_than_the_option_can_say_is_its_longest() {
        let idle = |tcp_idle| {
            Connections::new(Options {
                tcp_idle,
                ..OPTIONS
            })
            .keepalive()
        };
        assert_eq!(idle(Duration::from_millis(6_553_500)), u16::MAX);
        assert_eq!(idle(Duration::from_millis(6_553_600)), u16::MAX);
        assert_eq!(idle(Duration::from_millis(199)), 1);
    }
}
