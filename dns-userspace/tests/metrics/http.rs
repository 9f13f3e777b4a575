//! Who asks over HTTP, in the daemon's namespace.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
};

use crate::support::{PATIENCE, world::World};

/// Where metrics are, as `veer.conf` has it.
pub(crate) const METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9153);
pub(crate) const LISTEN: &str = "metrics.listen = 127.0.0.1:9153";

/// Status, head and body of what `server` has at `path`, where `accept` is taken.
pub(crate) fn get(
    world: &World,
    server: SocketAddr,
    path: &str,
    accept: &str,
) -> io::Result<(u16, String, String)> {
    let connected = world.dns.run(|| TcpStream::connect(server));
    let mut stream = connected.expect("setns")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: veer\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, head.to_owned(), body.to_owned()))
}

/// What `/metrics` told.
pub(crate) struct Scrape(pub(crate) String);

impl Scrape {
    /// Now.
    #[track_caller]
    pub(crate) fn of(world: &World) -> Self {
        let (status, head, body) = get(world, METRICS, "/metrics", "*/*").expect("a response");
        assert_eq!(status, 200, "{head}\n{body}");
        let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert!(head.contains(kind), "{head}");
        assert!(body.ends_with("\n# EOF\n"), "{body}");
        Self(body)
    }

    /// The value of a sample, which is a whole number.
    #[track_caller]
    pub(crate) fn number(&self, sample: &str) -> u64 {
        let mut lines = self.0.lines();
        let found = lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        let number = found.and_then(|value| value.parse().ok());
        number.unwrap_or_else(|| panic!("no {sample} in\n{}", self.0))
    }
}
