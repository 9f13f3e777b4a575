//! Probe: one measurement of one target.

mod agent;
mod certificate;
mod command;
mod dns;
mod errors;
mod ftp;
mod http;
mod icmp;
mod tcp;
mod tls;

use std::net::{IpAddr, SocketAddr};

use super::{sample::Verdict, schedule::Target};
use crate::model::{ProbeKind, Source};

/// What can probe a target.
pub trait Prober: Send + Sync + 'static {
    /// Probes `target` once. Whoever calls this sets the time limit and drops
    /// the future when it is over, so nothing of the probe may outlive it.
    fn probe(&self, target: &Target) -> impl Future<Output = Verdict> + Send;
}

/// Probes over this host's network.
#[derive(Debug, Default)]
pub struct NetworkProber {
    connectors: tls::Connectors,
    icmp: icmp::Clients,
}

impl NetworkProber {
    /// A prober that has read no certificates yet: the roots of each TLS
    /// setting are read when it is first probed with, and then kept. Make a new
    /// prober to have them read again.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Prober for NetworkProber {
    async fn probe(&self, target: &Target) -> Verdict {
        let (address, source) = (target.address, target.probe.source);
        let to = |port| Destination {
            address: (address, port).into(),
            source,
        };
        let outcome = match &target.probe.kind {
            ProbeKind::Tcp { port } => tcp::probe(to(*port)).await,
            ProbeKind::Http {
                port,
                tls,
                host,
                path,
                status,
                body,
            } => {
                let get = http::Get {
                    destination: to(*port),
                    tls: tls.as_ref(),
                    host,
                    path,
                    status,
                    body: body.as_deref(),
                    authorization: None,
                };
                get.probe(&self.connectors).await
            }
            ProbeKind::Icmp { count } => {
                let timeout = target.probe.timeout;
                self.icmp.probe(to(0), *count, timeout).await
            }
            ProbeKind::Dns { port, query } => dns::probe(to(*port), query).await,
            ProbeKind::Ftp { port, file } => ftp::probe(to(*port), file.as_ref()).await,
            ProbeKind::Agent(agent) => {
                let age_max = target.probe.stale_after;
                agent::probe(to(agent.port), agent, age_max, &self.connectors).await
            }
            ProbeKind::Command(command) => command::probe(command, address).await,
        };
        match outcome {
            Ok(readings) => Verdict::Pass { readings },
            Err(errors::Failure::Target(reason)) => Verdict::Fail { reason },
            Err(errors::Failure::Local(error)) => Verdict::Local { error },
        }
    }
}

/// Where a probe is sent, and where from.
#[derive(Clone, Copy, Debug)]
struct Destination {
    address: SocketAddr,
    source: Source,
}

impl Destination {
    /// The address that is asked for to send from, with any port.
    fn source(&self) -> Option<SocketAddr> {
        let source: Option<IpAddr> = match self.address {
            SocketAddr::V4(_) => self.source.v4.map(Into::into),
            SocketAddr::V6(_) => self.source.v6.map(Into::into),
        };
        source.map(|address| (address, 0).into())
    }
}

#[cfg(test)]
mod tests;
