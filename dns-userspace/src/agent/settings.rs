//! What an agent is told to read and to serve; `config::agent` reads it from a
//! file.

use std::{net::SocketAddr, time::Duration};

use ipnet::IpNet;

use super::{prometheus::Selector, tls::Acceptor, token::Tokens};

/// Everything that the agent's file says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where reports are served.
    pub listen: Vec<SocketAddr>,
    /// Whose connections are taken; everybody's where it is empty.
    pub allow: Vec<IpNet>,
    /// Who may read reports.
    pub tokens: Tokens,
    /// Who may push reports of a foreign CDN as a whole, which are served in place of
    /// this host's own.
    pub aggregate: Option<Tokens>,
    /// Over TLS, with this certificate.
    pub tls: Option<Acceptor>,
    /// Time from one reading to the next.
    pub interval: Duration,
    /// Most requests a second that the server is meant to answer.
    pub capacity_requests_per_s: Option<f64>,
    /// Most octets a second that it is meant to send.
    pub capacity_bytes_per_s: Option<f64>,
    /// The network interface that its traffic goes through.
    pub interface: Option<Interface>,
    /// The ports whose connections are counted; none where it is empty.
    pub connection_ports: Vec<u16>,
    /// nginx's own page of figures.
    pub stub_status: Option<Url>,
    /// A page of figures in the Prometheus text format.
    pub prometheus: Option<Prometheus>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// What it carries in one direction, where the link does not know.
    pub capacity_bits_per_s: Option<f64>,
}

/// The series of a page whose sums are figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prometheus {
    /// The page.
    pub url: Url,
    /// Counters of requests.
    pub requests: Vec<Selector>,
    /// Counters of requests answered with an error.
    pub errors: Vec<Selector>,
    /// Counters of octets of responses.
    pub bytes: Vec<Selector>,
    /// Gauges of open connections.
    pub connections: Vec<Selector>,
}

/// What is asked for by plain HTTP, on the host itself as a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Host and port, as the Host field has them.
    pub authority: String,
    /// Where to connect.
    pub host: String,
    /// And at which port.
    pub port: u16,
    /// Path and query.
    pub path: String,
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}
