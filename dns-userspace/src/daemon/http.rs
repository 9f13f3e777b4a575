//! `/metrics` and `/healthz` over HTTP/1.1, to whoever can reach `metrics.listen`.
//!
//! What takes long is done beside the daemon's task, for one client at a time; and a client
//! has little time to take what it asked for.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT, ALLOW, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, Semaphore},
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use super::{reload::in_background, view::View};
use crate::{agent::response, control::health::Health, metrics};

/// Clients at a time; one more is closed as soon as it is accepted.
const CLIENTS_MAX: usize = 16;

/// Time a client has for everything: its request, its turn, and taking the answer.
const CLIENT_LIMIT: Duration = Duration::from_secs(10);

/// Longest request line and headers together, octets; the least that hyper takes.
const HEAD_OCTETS_MAX: usize = 8192;

/// Most header fields of a request.
const FIELDS_MAX: usize = 32;

/// How long accepting rests after it failed, e.g. for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What serves.
struct Server {
    view: Arc<View>,
    /// Who has it looks at everything.
    turn: Mutex<()>,
}

/// Serves what `view` shows, for ever.
pub(super) async fn serve(listener: TcpListener, view: Arc<View>) -> Infallible {
    let server = Arc::new(Server {
        view,
        turn: Mutex::default(),
    });
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            debug!(%peer, "a client too many");
            continue;
        };
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            if timeout(CLIENT_LIMIT, server.converse(stream, peer))
                .await
                .is_err()
            {
                debug!(%peer, "a client was too slow");
            }
            drop(place);
        });
    }
}

async fn pause(error: &io::Error) {
    warn!(%error, "could not accept a connection for metrics");
    sleep(ACCEPT_PAUSE).await;
}

impl Server {
    /// One request and its answer.
    async fn converse(&self, stream: TcpStream, peer: SocketAddr) {
        let service = service_fn(async |request| {
            let response = self.respond(&request).await;
            Ok::<_, Infallible>(response)
        });
        let served = http1::Builder::new()
            .keep_alive(false)
            .max_buf_size(HEAD_OCTETS_MAX)
            .max_headers(FIELDS_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .await;
        if let Err(error) = served {
            debug!(%peer, %error, "a request broke");
        }
    }

    async fn respond(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/metrics" | "/healthz" if !is_get => {
                let mut response = response(
                    StatusCode::METHOD_NOT_ALLOWED,
                    TEXT,
                    "valid: GET, HEAD\n".into(),
                );
                let allowed = HeaderValue::from_static("GET, HEAD");
                response.headers_mut().insert(ALLOW, allowed);
                response
            }
            "/metrics" => self.metrics().await,
            "/healthz" => self.healthz(wants_json(request)).await,
            _ => response(
                StatusCode::NOT_FOUND,
                TEXT,
                "valid: /metrics, /healthz\n".into(),
            ),
        }
    }

    async fn metrics(&self) -> Response<Full<Bytes>> {
        let _turn = self.turn.lock().await;
        let health = self.view.health().await;
        let view = Arc::clone(&self.view);
        match in_background(move || view.scrape(health).map(metrics::text)).await {
            Ok(text) => response(StatusCode::OK, metrics::CONTENT_TYPE, text.into()),
            Err(failure) => {
                warn!("metrics could not be read: {failure}");
                let text = format!("{failure}\n");
                response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, text.into())
            }
        }
    }

    async fn healthz(&self, as_json: bool) -> Response<Full<Bytes>> {
        let health = {
            let _turn = self.turn.lock().await;
            self.view.health().await
        };
        let status = if health.healthy {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        if as_json {
            let body = serde_json::to_vec(&health).expect("it has text for keys");
            return response(status, JSON, body.into());
        }
        response(status, TEXT, lines(&health).into())
    }
}

/// The word, and a line for each check that failed.
fn lines(health: &Health) -> String {
    if health.healthy {
        return "healthy\n".to_owned();
    }
    let failed = health.checks.iter().filter(|check| !check.passed);
    let failed = failed.map(|check| format!("{}: {}\n", check.check.name(), check.reason));
    format!("unhealthy\n{}", failed.collect::<String>())
}

fn wants_json(request: &Request<Incoming>) -> bool {
    let accepted = request.headers().get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|field| field.to_str().ok());
    accepted.any(|field| field.contains(JSON))
}
