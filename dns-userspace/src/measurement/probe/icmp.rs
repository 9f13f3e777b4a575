//! ICMP probe: do echo requests come back, how fast, and how many?

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use surge_ping::{Client, Config, ICMP, PingIdentifier, PingSequence, SurgeError};

use super::{Destination, errors::Failure};
use crate::measurement::{
    metric::{Metric, milliseconds},
    sample::{Readings, Reason},
};

/// Octets after the header, as ping(8) sends.
const PAYLOAD: [u8; 56] = [0; 56];

/// A socket for each family and source, which all targets share.
#[derive(Default)]
pub(super) struct Clients {
    by_source: Mutex<HashMap<(bool, Option<IpAddr>), Client>>,
    /// By which replies from one host are told apart.
    sequence: AtomicU16,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

impl Clients {
    /// Sends `count` echo requests, one after another, which share the time of `timeout`.
    /// It passes where one at least comes back.
    pub(super) async fn probe(
        &self,
        destination: Destination,
        count: u32,
        timeout: Duration,
    ) -> Result<Readings, Failure> {
        let client = self.client(destination)?;
        let host = destination.address.ip();
        // Where a socket has none of its own; the sequence tells replies apart.
        let identifier = PingIdentifier(std::process::id() as u16);
        let mut pinger = client.pinger(host, identifier).await;
        pinger.timeout(timeout / count);
        let (mut received, mut total) = (0, Duration::ZERO);
        for _ in 0..count {
            let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
            match pinger.ping(PingSequence(sequence), &PAYLOAD).await {
                Ok((_, time)) => {
                    received += 1;
                    total += time;
                }
                Err(SurgeError::Timeout { .. }) => {}
                Err(SurgeError::IOError(error)) => {
                    return Err(Failure::of_call("sendto", &error));
                }
                Err(error) => return Err(Failure::Local(format!("ICMP echo: {error}"))),
            }
        }
        if received == 0 {
            return Err(Failure::Target(Reason::Timeout { after: timeout }));
        }
        let lost = f64::from(count - received) / f64::from(count);
        let round_trip = milliseconds(total / received);
        Ok(Readings::of(Metric::RoundTrip, round_trip).with(Metric::Loss, 100.0 * lost))
    }

    fn client(&self, destination: Destination) -> Result<Client, Failure> {
        let is_v4 = destination.address.is_ipv4();
        let source = destination.source();
        let key = (is_v4, source.map(|source| source.ip()));
        let mut clients = self
            .by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let kind = if is_v4 { ICMP::V4 } else { ICMP::V6 };
        let config = Config::builder().kind(kind);
        let config = match source {
            Some(source) => config.bind(source),
            None => config,
        };
        let client = Client::new(&config.build());
        let client = client.map_err(|error| Failure::of_call("ICMP socket", &error))?;
        clients.insert(key, client.clone());
        Ok(client)
    }
}
