//! The daemon's side of the control socket.

mod access;
mod connection;
mod peer;
mod socket;
mod tail;

use std::{convert::Infallible, io, path::Path, sync::Arc, time::Duration};

use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
};
use tracing::{error, warn};

use super::{
    answered::Answered,
    explained::{ExplainQuery, Explained},
    generations::Generations,
    groups::Groups,
    health::Health,
    overridden::Overridden,
    protocol::{AnswerRequest, Failure, Proposed, WhatIfRequest},
    stats::Stats,
    status::{Detached, Reloaded, Status},
    tunable::Tunable,
};
use crate::{
    config::values::Values,
    decision_log::query::{ExplainedAt, LogRequest, Logged},
    measurement::{
        director::{difference::Difference, states::States, what_if::Supposed},
        overrides::order::Order,
    },
    queries::{TailRequest, Watching},
};
pub use access::Access;
use access::Right;
use connection::Caller;
use peer::Peer;
pub use socket::BindError;
use socket::SocketFile;

/// What does the work. Requests of one connection come one after the other,
/// those of several at the same time.
pub trait Backend: Send + Sync + 'static {
    /// What the daemon is and has.
    fn status(&self) -> impl Future<Output = Status> + Send;

    /// The health of every target.
    fn states(&self) -> impl Future<Output = States> + Send;

    /// What has been counted.
    fn stats(&self) -> impl Future<Output = Result<Stats, Failure>> + Send;

    /// Whether this host is fit to be announced.
    fn health(&self) -> impl Future<Output = Health> + Send;

    /// The resolver groups and what they ask for.
    fn groups(&self) -> impl Future<Output = Groups> + Send;

    /// What `query` is answered with, and why.
    fn explain(
        &self,
        query: ExplainQuery,
    ) -> impl Future<Output = Result<Explained, Failure>> + Send;

    /// What `query` was answered with at a time, in milliseconds since 1970, and why.
    fn explain_at(
        &self,
        query: ExplainQuery,
        at_unix_ms: u64,
    ) -> impl Future<Output = Result<ExplainedAt, Failure>> + Send;

    /// What a resolver gets to a query.
    fn answer(
        &self,
        request: AnswerRequest,
    ) -> impl Future<Output = Result<Answered, Failure>> + Send;

    /// What changed.
    fn log(&self, request: LogRequest) -> impl Future<Output = Result<Logged, Failure>> + Send;

    /// The queries that are asked for, from now on.
    fn tail(&self, request: TailRequest) -> impl Future<Output = Result<Watching, Failure>> + Send;

    /// What would be decided.
    fn what_if(
        &self,
        request: WhatIfRequest,
    ) -> impl Future<Output = Result<Vec<Supposed>, Failure>> + Send;

    /// The tunables as they are now.
    fn tunables(&self) -> impl Future<Output = Values> + Send;

    /// Sets a tunable from `KEY=VALUE`, and returns it as it is then.
    fn set_tunable(
        &self,
        assignment: String,
    ) -> impl Future<Output = Result<Tunable, Failure>> + Send;

    /// Follows the order of `user`.
    fn order(
        &self,
        order: Order,
        user: String,
    ) -> impl Future<Output = Result<Overridden, Failure>> + Send;

    /// Reads the configuration anew and brings it into use; a failure carries
    /// every finding, and leaves everything as it was. Only where it `is_forced` more of
    /// the demand moves than may be.
    fn reload(&self, is_forced: bool) -> impl Future<Output = Result<Reloaded, Failure>> + Send;

    /// The configurations that can be gone back to.
    fn generations(&self) -> impl Future<Output = Result<Generations, Failure>> + Send;

    /// As [`Self::reload`], to what `generation` was made of.
    fn revert(
        &self,
        generation: u64,
        is_forced: bool,
    ) -> impl Future<Output = Result<Reloaded, Failure>> + Send;

    /// What a reload would change, with a `proposed` file in its place.
    fn differ(
        &self,
        proposed: Option<Proposed>,
    ) -> impl Future<Output = Result<Difference, Failure>> + Send;

    /// Takes the program off its interface and removes the pins.
    fn detach(&self) -> impl Future<Output = Result<Detached, Failure>> + Send;
}

/// Connections held at a time; one more is told so and closed.
pub const CONNECTIONS_MAX: usize = 64;

/// Longest request line without its end, octets: some 10 000 services in a proposed file.
pub const REQUEST_OCTETS_MAX: usize = 4 * 1024 * 1024;

/// A connection is closed when this long passes without a whole request from
/// it, or when a response is not taken for this long.
pub const IDLE: Duration = Duration::from_mins(1);

/// How long accepting rests after it failed, e.g. for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A control socket that is bound and not yet served. Its file goes with it.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    access: Arc<Access>,
    /// Dropped, and with it removed, after the socket.
    file: SocketFile,
}

impl Listener {
    /// Binds `path` for its owner and group (mode 0660), making its directory
    /// if need be. A file that a killed daemon left there is replaced; to a
    /// live daemon's this is an error. Runs within a tokio runtime.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let (socket, file) = socket::bind(path)?;
        Ok(Self {
            socket,
            access: Arc::default(),
            file,
        })
    }

    /// Has `access` say who may do what. Where that goes by groups, anybody may connect, to be
    /// told whether they may more.
    pub fn guarded_by(mut self, access: Access) -> Result<Self, BindError> {
        if access.is_by_group() {
            self.file.open_to_all()?;
        }
        self.access = Arc::new(access);
        Ok(self)
    }

    /// Serves requests until it is dropped, which closes every connection and
    /// removes the socket's file.
    pub async fn serve(self, backend: Arc<impl Backend>) -> Infallible {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, _)) => {
                        let is_full = connections.len() >= CONNECTIONS_MAX;
                        match admitted(&stream, &self.access, is_full) {
                            Ok(caller) => {
                                let backend = backend.clone();
                                connections.spawn(connection::serve(stream, caller, backend));
                            }
                            Err(line) => refuse(&stream, line),
                        }
                    }
                    Err(error) => pause(&error).await,
                },
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended {
                        error!(%error, "a control request failed");
                    }
                }
            }
        }
    }
}

/// Who connected, if that is someone who may, and there is room; else why not.
fn admitted(stream: &UnixStream, access: &Arc<Access>, is_full: bool) -> Result<Caller, String> {
    let peer = Peer::of(stream).map_err(|error| format!("asking who connected: {error}"))?;
    let right = access.right(&peer);
    if right == Right::Nothing {
        return Err(access.stranger());
    }
    if is_full {
        return Err(format!(
            "{CONNECTIONS_MAX} control connections are open, and no more are held"
        ));
    }
    Ok(Caller {
        peer,
        right,
        access: Arc::clone(access),
    })
}

/// Says why the connection is closed, if there is room to.
fn refuse(stream: &UnixStream, line: String) {
    let response = connection::encode::<()>(Err(line.into()));
    if let Err(error) = stream.try_write(&response) {
        warn!(%error, "could not tell a control connection why it is closed");
    }
}

async fn pause(error: &io::Error) {
    warn!(%error, "could not accept a control connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
