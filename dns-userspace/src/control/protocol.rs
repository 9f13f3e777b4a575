//! What goes over the control socket.

use std::{net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    config::{diagnostic::Diagnostics, values},
    decision_log::query::LogRequest,
    measurement::{director::what_if::WhatIf, overrides::order::Order},
    queries::TailRequest,
};

/// One request, e.g. `{"request":"explain","name":"www.example.","type":"A","from":"192.0.2.1"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// What the daemon is and has; answered by [`super::status::Status`].
    Status,
    /// The health of every target; answered by
    /// [`States`](crate::measurement::director::states::States).
    States,
    /// What has been counted; answered by [`super::stats::Stats`].
    Stats,
    /// Whether this host is fit to be announced; answered by [`super::health::Health`].
    Health,
    /// The resolver groups and what they ask for; answered by [`super::groups::Groups`].
    Groups,
    /// Why a resolver gets what it gets; answered by
    /// [`super::explained::Explained`].
    Explain(ExplainRequest),
    /// What a resolver got at an earlier time, and why; answered by
    /// [`ExplainedAt`](crate::decision_log::query::ExplainedAt).
    ExplainAt {
        /// The question.
        #[serde(flatten)]
        question: ExplainRequest,
        /// The time, milliseconds since 1970.
        at_unix_ms: u64,
    },
    /// What a resolver gets to a query; answered by [`super::answered::Answered`].
    Answer(AnswerRequest),
    /// What changed, and why; answered by [`Logged`](crate::decision_log::query::Logged).
    Log(LogRequest),
    /// Queries as they come; answered by [`Tailing`](crate::queries::Tailing) and then a
    /// [`Told`](crate::queries::Told) a line, for as long as the caller reads.
    Tail(TailRequest),
    /// What would be decided if something else were measured; answered by a list of
    /// [`Supposed`](crate::measurement::director::what_if::Supposed).
    WhatIf(WhatIfRequest),
    /// Every tunable that has a value; answered by a list of
    /// [`super::tunable::Tunable`].
    Tunables,
    /// One tunable; answered by a [`super::tunable::Tunable`].
    Tunable {
        /// Its key; slashes may stand for dots.
        key: String,
    },
    /// Setting one tunable; answered by the [`super::tunable::Tunable`] it is now.
    SetTunable {
        /// `KEY=VALUE`.
        assignment: String,
    },
    /// An operator's word over measurements; answered by
    /// [`super::overridden::Overridden`].
    Override(Order),
    /// Reading the configuration anew; answered by [`super::status::Reloaded`].
    Reload {
        /// However much of the demand moves.
        #[serde(default)]
        is_forced: bool,
    },
    /// Which configurations can be gone back to; answered by
    /// [`super::generations::Generations`].
    Generations,
    /// Going back to what a generation was made of; answered by
    /// [`super::status::Reloaded`].
    Revert {
        /// Its number.
        generation: u64,
        /// However much of the demand moves.
        #[serde(default)]
        is_forced: bool,
    },
    /// What a reload would change; answered by
    /// [`Difference`](crate::measurement::director::difference::Difference).
    Differ {
        /// A file as it is not yet.
        #[serde(default)]
        proposed: Option<Proposed>,
    },
    /// Taking the program off its interface; answered by
    /// [`super::status::Detached`].
    Detach,
}

/// A question to be explained, as a person writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainRequest {
    /// A domain name; absolute with or without a dot at its end.
    pub name: String,
    /// A record type, e.g. `AAAA` or `TYPE65`.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The resolver's address.
    pub from: IpAddr,
}

/// A query, as if it came to a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRequest {
    /// The message, 65 535 octets at most.
    pub query: Vec<u8>,
    /// The resolver's address.
    pub from: IpAddr,
}

/// A file of the configuration that is to be put in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Where it would be.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// What is supposed, and of which services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhatIfRequest {
    /// Services' names; absolute with or without a dot at their end.
    pub names: Vec<String>,
    /// The resolver's address; those of all groups where there is none.
    pub from: Option<IpAddr>,
    /// What is supposed.
    #[serde(flatten)]
    pub what: WhatIf,
}

/// One response: `{"ok": …}` or `{"error": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response<T> {
    /// What was asked for.
    Ok(T),
    /// Why it was not done.
    Error(Failure),
}

impl<T> From<Result<T, Failure>> for Response<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(reply) => Self::Ok(reply),
            Err(failure) => Self::Error(failure),
        }
    }
}

impl<T> From<Response<T>> for Result<T, Failure> {
    fn from(response: Response<T>) -> Self {
        match response {
            Response::Ok(reply) => Ok(reply),
            Response::Error(failure) => Err(failure),
        }
    }
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// No tunable has that key.
    #[error("cannot stat {key}: no such tunable; nearest: {nearest}")]
    UnknownKey {
        /// The key as given.
        key: String,
        /// Keys like it, as a list to print.
        nearest: String,
    },
    /// Everything else, one line for each finding; never empty.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
}

impl From<String> for Failure {
    fn from(line: String) -> Self {
        Self::Refused(vec![line])
    }
}

impl From<values::Error> for Failure {
    fn from(error: values::Error) -> Self {
        match error {
            values::Error::Unknown { key, nearest } => Self::UnknownKey { key, nearest },
            other => other.to_string().into(),
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(found: Diagnostics) -> Self {
        Self::Refused(found.0.iter().map(ToString::to_string).collect())
    }
}
