//! Probe: one measurement of one target.

mod errors;
mod http;
mod tcp;
mod tls;

use super::{sample::Verdict, schedule::Target};
use crate::model::ProbeKind;

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
        let outcome = match &target.probe.kind {
            ProbeKind::Tcp { port } => tcp::probe((target.address, *port).into()).await,
            ProbeKind::Http {
                port,
                tls,
                host,
                path,
                status,
                body,
            } => {
                let get = http::Get {
                    address: (target.address, *port).into(),
                    tls: tls.as_ref(),
                    host,
                    path,
                    status,
                    body: body.as_deref(),
                };
                get.probe(&self.connectors).await
            }
        };
        match outcome {
            Ok(latency) => Verdict::Pass { latency },
            Err(errors::Failure::Target(reason)) => Verdict::Fail { reason },
            Err(errors::Failure::Local(error)) => Verdict::Local { error },
        }
    }
}

#[cfg(test)]
mod tests;
