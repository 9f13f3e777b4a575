//! HTTP probe: a GET over HTTP/1.1, with or without TLS, sent to the probed
//! address whatever the name in it resolves to.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST, USER_AGENT},
    http::uri::Authority,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::Instant,
};

use super::{Destination, certificate, errors::Failure, tcp, tls::Connectors};
use crate::{
    measurement::{
        metric::{Metric, milliseconds},
        sample::{Readings, Reason},
    },
    model::Tls,
};

/// How much of a body is read and searched. A longer one counts as ended here,
/// for the latency too: probing must not download files.
const BODY_MAX: usize = 64 * 1024;

/// What a probe says it is.
const AGENT: &str = concat!("veer/", env!("CARGO_PKG_VERSION"));

/// One GET; the fields are those of [`crate::model::ProbeKind::Http`].
pub(super) struct Get<'a> {
    pub(super) destination: Destination,
    pub(super) tls: Option<&'a Tls>,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) status: &'a [u16],
    pub(super) body: Option<&'a str>,
    /// The field Authorization.
    pub(super) authorization: Option<&'a str>,
}

impl Get<'_> {
    /// The times from opening the connection until it is open, and to the end of the
    /// body (or of its first 64 KiB), when status and body are as they should be; over TLS
    /// the days that the certificate is left. Redirects are not followed: their status is
    /// what counts.
    pub(super) async fn probe(&self, connectors: &Connectors) -> Result<Readings, Failure> {
        let (readings, _) = self.fetch(connectors).await?;
        Ok(readings)
    }

    /// As [`Get::probe`], and the body.
    pub(super) async fn fetch(
        &self,
        connectors: &Connectors,
    ) -> Result<(Readings, Vec<u8>), Failure> {
        let start = Instant::now();
        let stream = tcp::connect(self.destination).await?;
        let connected = Readings::time(Metric::ConnectTime, start.elapsed());
        let (readings, body) = match self.tls {
            None => (connected, self.exchange(stream).await?),
            Some(tls) => {
                let name = server_name(self.host)?;
                let stream = connectors.handshake(tls, &name, stream).await?;
                let days = certificate::days_left(stream.get_ref().1.peer_certificates());
                let body = self.exchange(stream).await?;
                let readings = match days {
                    Some(days) => connected.with(Metric::CertificateDays, days),
                    None => connected,
                };
                (readings, body)
            }
        };
        let response_ms = milliseconds(start.elapsed());
        Ok((readings.with(Metric::ResponseTime, response_ms), body))
    }

    /// Sends the request over `stream` and judges the response.
    async fn exchange<S>(&self, stream: S) -> Result<Vec<u8>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut request = Request::get(self.path)
            .header(HOST, self.host)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "*/*")
            .header(CONNECTION, "close");
        if let Some(authorization) = self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|error| Failure::Local(format!("request for {:?}: {error}", self.path)))?;
        let (mut requests, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::of_exchange("HTTP", &error))?;
        // In a set of its own, the connection ends with this future: a probe
        // that times out leaves nothing behind.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = requests
            .send_request(request)
            .await
            .map_err(|error| Failure::of_exchange("HTTP request", &error))?;
        self.judge(response).await
    }

    /// Checks the status, then reads and checks the body.
    async fn judge(&self, mut response: Response<Incoming>) -> Result<Vec<u8>, Failure> {
        let got = response.status().as_u16();
        if !self.status.contains(&got) {
            return Err(Failure::Target(Reason::Status {
                got,
                expected: self.status.to_vec(),
            }));
        }
        let mut body = Vec::new();
        while body.len() < BODY_MAX {
            let Some(frame) = response.body_mut().frame().await else {
                break;
            };
            let frame = frame.map_err(|error| Failure::of_exchange("HTTP body", &error))?;
            if let Some(data) = frame.data_ref() {
                body.extend_from_slice(&data[..data.len().min(BODY_MAX - body.len())]);
            }
        }
        match self.body {
            Some(expected) if !contains(&body, expected.as_bytes()) => {
                Err(Failure::Target(Reason::Body {
                    expected: expected.to_owned(),
                    searched: body.len(),
                }))
            }
            _ => Ok(body),
        }
    }
}

/// The host without its port and without the brackets of an IPv6 literal: the
/// name the certificate must have.
fn server_name(host: &str) -> Result<String, Failure> {
    let authority: Authority = host
        .parse()
        .map_err(|error| Failure::Local(format!("host {host:?}: {error}")))?;
    let name = authority.host();
    Ok(name.trim_matches(['[', ']']).to_owned())
}

/// Whether `needle` occurs in `haystack`.
fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || haystack.windows(needle.len()).any(|part| part == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tls_name_is_the_host_without_port_or_brackets() {
        for (host, name) in [
            ("www.example.com", "www.example.com"),
            ("www.example.com:8443", "www.example.com"),
            ("192.0.2.1:443", "192.0.2.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
        ] {
            assert_eq!(server_name(host), Ok(name.to_owned()));
        }
        assert!(matches!(server_name("a b"), Err(Failure::Local(_))));
    }
}
