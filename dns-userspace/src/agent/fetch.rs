//! A page of the web server's own, over plain HTTP.

use std::{io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{CONNECTION, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::settings::Url;

/// Longest page that is read: a Prometheus page of some ten thousand series.
const PAGE_OCTETS_MAX: usize = 4 * 1024 * 1024;

/// What the agent says it is.
const AGENT: &str = concat!("veer-agent/", env!("CARGO_PKG_VERSION"));

/// Why a page cannot be had.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("connect: {0}")]
    Connect(io::Error),
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("request: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("status {0}; valid: 200")]
    Status(StatusCode),
    #[error("the page has more than {PAGE_OCTETS_MAX} octets")]
    TooLong,
    #[error("body: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("the page is not UTF-8")]
    NotText,
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

/// The page at `url`, which must come within `limit`.
pub(super) async fn page(url: &Url, limit: Duration) -> Result<String, FetchError> {
    let fetched = timeout(limit, fetch(url)).await;
    fetched.unwrap_or(Err(FetchError::TimedOut(limit)))
}

async fn fetch(url: &Url) -> Result<String, FetchError> {
    let stream = TcpStream::connect((url.host.as_str(), url.port)).await;
    let stream = stream.map_err(FetchError::Connect)?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // In a set of its own, the connection ends with this future.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = Request::get(&url.path)
        .header(HOST, &url.authority)
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let response = requests.send_request(request).await?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let body = Limited::new(response.into_body(), PAGE_OCTETS_MAX);
    let body = body.collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            FetchError::TooLong
        } else {
            FetchError::Body(error)
        }
    })?;
    String::from_utf8(body.to_bytes().into()).map_err(|_| FetchError::NotText)
}
