//! One control connection: a request line, a response line, and again.

use std::{io, sync::Arc};

use serde::Serialize;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    time::timeout,
};
use tracing::{debug, info, warn};

use super::{
    Backend, IDLE, REQUEST_OCTETS_MAX,
    access::{Access, Right},
    peer::Peer,
    tail,
};
use crate::{
    clock,
    control::{
        explained::ExplainQuery,
        protocol::{Failure, Request, Response},
        tunable::Tunable,
    },
    queries::Watching,
};

/// Who asks, and what they may.
pub(super) struct Caller {
    pub(super) peer: Peer,
    pub(super) right: Right,
    pub(super) access: Arc<Access>,
}

/// Serves one connection to its end.
pub(super) async fn serve(stream: UnixStream, caller: Caller, backend: Arc<impl Backend>) {
    if let Err(error) = converse(stream, &caller, &*backend).await {
        debug!(%error, "a control connection broke");
    }
}

async fn converse(stream: UnixStream, caller: &Caller, backend: &impl Backend) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let line = timeout(IDLE, next_line(&mut read)).await??;
        let response = match &line {
            Line::End => return Ok(()),
            Line::TooLong => encode::<()>(Err(format!(
                "the request is longer than {REQUEST_OCTETS_MAX} octets"
            )
            .into())),
            Line::Whole(line) => match respond(line, caller, backend).await {
                Reply::Line(line) => line,
                Reply::Queries(watching) => return tail::tell(watching, read, write).await,
            },
        };
        timeout(IDLE, write.write_all(&response)).await??;
        if matches!(line, Line::TooLong) {
            return Ok(());
        }
    }
}

/// What the caller sent.
enum Line {
    /// A line, without its end.
    Whole(Vec<u8>),
    /// More than a line may have.
    TooLong,
    /// Nothing more; half a line counts as nothing.
    End,
}

async fn next_line(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Line> {
    let mut line = Vec::new();
    let limit = REQUEST_OCTETS_MAX as u64 + 1;
    read.take(limit).read_until(b'\n', &mut line).await?;
    Ok(match line.pop() {
        Some(b'\n') => Line::Whole(line),
        Some(_) if line.len() == REQUEST_OCTETS_MAX => Line::TooLong,
        _ => Line::End,
    })
}

/// Whether `caller` may make the `request`, which is logged where that takes more than to look.
async fn check(request: &Request, caller: &Caller) -> Result<(), Failure> {
    let Some(change) = request.change() else {
        return Ok(());
    };
    let (uid, user) = (caller.peer.uid, caller.peer.name().await);
    if caller.right < Right::Change {
        warn!(user, uid, change, "refused over the control socket");
        return Err(caller.access.reader().into());
    }
    info!(user, uid, change, "asked for over the control socket");
    Ok(())
}

/// What comes back.
enum Reply {
    /// A response line.
    Line(Vec<u8>),
    /// Queries, until the caller has enough.
    Queries(Watching),
}

/// The reply to a request line of `caller`.
async fn respond(line: &[u8], caller: &Caller, backend: &impl Backend) -> Reply {
    let request = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(error) => {
            let refused = encode::<()>(Err(format!("not a request: {error}").into()));
            return Reply::Line(refused);
        }
    };
    if let Err(failure) = check(&request, caller).await {
        return Reply::Line(encode::<()>(Err(failure)));
    }
    Reply::Line(match request {
        Request::Tail(request) => match backend.tail(request).await {
            Ok(watching) => return Reply::Queries(watching),
            Err(failure) => encode::<()>(Err(failure)),
        },
        Request::Status => encode(Ok(backend.status().await)),
        Request::States => encode(Ok(backend.states().await)),
        Request::Stats => encode(backend.stats().await),
        Request::Health => encode(Ok(backend.health().await)),
        Request::Groups => encode(Ok(backend.groups().await)),
        Request::Explain(request) => encode(match ExplainQuery::try_from(&request) {
            Ok(query) => backend.explain(query).await,
            Err(failure) => Err(failure),
        }),
        Request::ExplainAt {
            question,
            at_unix_ms,
        } => encode(match ExplainQuery::try_from(&question) {
            Ok(_) if at_unix_ms > clock::unix_ms() => {
                let line = "that time is in the future; valid: one before now";
                Err(line.to_owned().into())
            }
            Ok(query) => backend.explain_at(query, at_unix_ms).await,
            Err(failure) => Err(failure),
        }),
        Request::Answer(request) => encode(backend.answer(request).await),
        Request::Log(request) => encode(backend.log(request).await),
        Request::WhatIf(request) => encode(backend.what_if(request).await),
        Request::Tunables => encode(Ok(Tunable::all(&backend.tunables().await))),
        Request::Tunable { key } => encode(Tunable::of(&backend.tunables().await, &key)),
        Request::SetTunable { assignment } => encode(backend.set_tunable(assignment).await),
        Request::Override(order) => encode(backend.order(order, caller.peer.name().await).await),
        Request::Reload { is_forced } => encode(backend.reload(is_forced).await),
        Request::Generations => encode(backend.generations().await),
        Request::Revert {
            generation,
            is_forced,
        } => encode(backend.revert(generation, is_forced).await),
        Request::Differ { proposed } => encode(backend.differ(proposed).await),
        Request::Detach => encode(backend.detach().await),
    })
}

/// A response line.
pub(super) fn encode<T: Serialize>(result: Result<T, Failure>) -> Vec<u8> {
    let mut line = serde_json::to_vec(&Response::from(result))
        .expect("responses are structures with text for keys, which JSON has");
    line.push(b'\n');
    line
}
