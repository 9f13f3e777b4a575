//! Reports over HTTP/1.1: `GET /v1/report`, with a bearer token; and `PUT` of the same
//! where a foreign CDN pushes them. Whoever connects is a stranger until then.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{
        ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
        WWW_AUTHENTICATE,
    },
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tracing::{debug, warn};

use super::{
    report::{self, Freshness, Report},
    settings::Settings,
    sources::{Source, Sources, WINDOW},
    token::Tokens,
};

/// Where reports are.
const PATH: &str = "/v1/report";

/// Longest request line and headers together, octets; the least that hyper takes.
const HEAD_OCTETS_MAX: usize = 8192;

/// Most header fields of a request.
const FIELDS_MAX: usize = 32;

/// Time a client has for everything: handshake, request, and taking the answer.
pub(super) const CLIENT_LIMIT: Duration = Duration::from_secs(5);

/// Of a pushed report when it comes: it may have waited for another try, and how old it is
/// in the end whoever reads it judges.
const PUSHED: Freshness = Freshness {
    age_max: Duration::from_mins(1),
    ahead_max: report::AHEAD_MAX,
};

/// How long accepting rests after it failed, e.g. for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What serves.
#[derive(Debug)]
pub(super) struct Server {
    settings: Settings,
    /// None before the first is pushed.
    report: ArcSwapOption<Report>,
    sources: Mutex<Sources>,
    refused: AtomicU64,
}

impl Server {
    /// One that serves `report` until there is another.
    pub(super) fn new(settings: Settings, report: Option<Report>) -> Self {
        Self {
            settings,
            report: ArcSwapOption::from_pointee(report),
            sources: Mutex::default(),
            refused: AtomicU64::new(0),
        }
    }

    /// Serves `report` from now on.
    pub(super) fn set_report(&self, report: Report) {
        self.report.store(Some(Arc::new(report)));
    }

    /// Takes connections for ever.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.accept(stream, peer),
                Err(error) => {
                    warn!(%error, "could not accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        // A panic leaves a count wrong at worst.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Converses with `peer`, unless there is no room for it.
    fn accept(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        let allow = &self.settings.allow;
        if !allow.is_empty() && !allow.iter().any(|prefix| prefix.contains(&address)) {
            debug!(%address, "a connection from whom none are taken");
            return;
        }
        let source = Source::of(address);
        if !self.sources().connect(source) {
            debug!(%address, "a connection too many");
            return;
        }
        let held = Held {
            server: Arc::clone(self),
            source,
        };
        tokio::spawn(async move {
            if timeout(CLIENT_LIMIT, held.converse(stream, peer))
                .await
                .is_err()
            {
                debug!(%peer, "a client was too slow");
            }
        });
    }

    /// What `request` is answered with.
    async fn respond(
        &self,
        request: Request<Incoming>,
        source: Source,
        peer: SocketAddr,
    ) -> Response<Full<Bytes>> {
        let now = Instant::now();
        if !self.sources().may_try(source, now) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens\n");
            let fields = response.headers_mut();
            fields.insert(RETRY_AFTER, HeaderValue::from(WINDOW.as_secs()));
            return response;
        }
        let pushes = self.settings.aggregate.as_ref();
        let pushes = pushes.filter(|_| request.method() == Method::PUT);
        if !is_admitted(pushes.unwrap_or(&self.settings.tokens), &request) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            if self.sources().was_wrong(source, now) == 1 {
                warn!(peer = %peer.ip(), "a request with a wrong token, or none");
            }
            let mut response = refusal(StatusCode::UNAUTHORIZED, "the token is wrong or missing\n");
            let fields = response.headers_mut();
            fields.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return response;
        }
        if request.uri().path() != PATH {
            return refusal(StatusCode::NOT_FOUND, "valid: /v1/report\n");
        }
        if pushes.is_some() {
            return self.take_in(request.into_body(), peer).await;
        }
        if request.method() != Method::GET {
            let (reason, allowed) = match self.settings.aggregate {
                Some(_) => ("valid: GET, PUT\n", "GET, PUT"),
                None => ("valid: GET\n", "GET"),
            };
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, reason);
            let allowed = HeaderValue::from_static(allowed);
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        let Some(report) = self.report.load_full() else {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "nothing was pushed yet\n");
        };
        let mut report = Arc::unwrap_or_clone(report);
        report.refused_requests = Some(self.refused.load(Ordering::Relaxed));
        let body = serde_json::to_vec(&report).expect("a report has text for keys");
        response(StatusCode::OK, "application/json", body.into())
    }

    /// Takes in the report in `body`, which `peer` pushed, unless it is not to be believed.
    async fn take_in(&self, body: Incoming, peer: SocketAddr) -> Response<Full<Bytes>> {
        let body = Limited::new(body, report::OCTETS_MAX).collect().await;
        let pushed = match body {
            Ok(body) => {
                let body = body.to_bytes();
                report::parse_pushed(&body, SystemTime::now(), PUSHED)
                    .map_err(|why| why.to_string())
            }
            Err(error) => Err(format!("the report could not be read: {error}")),
        };
        match pushed {
            Ok(report) => {
                self.set_report(report);
                response(StatusCode::NO_CONTENT, "text/plain", Bytes::new())
            }
            Err(reason) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                warn!(%peer, "a report that was pushed is refused: {reason}");
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                response(status, "text/plain", format!("{reason}\n").into())
            }
        }
    }
}

/// Whether the one `Authorization` field of `request` shows one of the `tokens`.
fn is_admitted(tokens: &Tokens, request: &Request<Incoming>) -> bool {
    let mut fields = request.headers().get_all(AUTHORIZATION).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => tokens.admit(field.as_bytes()),
        _ => false,
    }
}

/// A connection that counts for its source until it ends.
struct Held {
    server: Arc<Server>,
    source: Source,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.server.sources().disconnect(self.source);
    }
}

impl Held {
    async fn converse(&self, stream: TcpStream, peer: SocketAddr) {
        let outcome = match &self.server.settings.tls {
            None => self.exchange(stream, peer).await,
            Some(acceptor) => match acceptor.0.accept(stream).await {
                Ok(stream) => self.exchange(stream, peer).await,
                Err(error) => return debug!(%peer, %error, "a TLS handshake failed"),
            },
        };
        if let Err(error) = outcome {
            debug!(%peer, %error, "a request broke");
        }
    }

    /// One request and its answer.
    async fn exchange<S>(&self, stream: S, peer: SocketAddr) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(async |request| {
            let response = self.server.respond(request, self.source, peer);
            Ok::<_, Infallible>(response.await)
        });
        http1::Builder::new()
            .keep_alive(false)
            .max_buf_size(HEAD_OCTETS_MAX)
            .max_headers(FIELDS_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .await
    }
}

fn refusal(status: StatusCode, reason: &'static str) -> Response<Full<Bytes>> {
    response(status, "text/plain", Bytes::from_static(reason.as_bytes()))
}

/// `body` of a media type `kind`, which nobody is to keep.
pub(crate) fn response(
    status: StatusCode,
    kind: &'static str,
    body: Bytes,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A socket that listens at `address`; an IPv6 one takes no IPv4.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};

    const BACKLOG: i32 = 128;
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart binds again while old connections linger.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
