//! The caller's side of the control socket; it blocks.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::de::DeserializeOwned;
use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;

use super::{
    answered::Answered,
    explained::Explained,
    generations::Generations,
    groups::Groups,
    health::Health,
    overridden::Overridden,
    protocol::{
        AnswerRequest, ExplainRequest, Failure, Proposed, Request, Response, WhatIfRequest,
    },
    stats::Stats,
    status::{Detached, Reloaded, Status},
    tunable::Tunable,
};
use crate::{
    decision_log::query::{ExplainedAt, LogRequest, Logged},
    measurement::{
        director::{difference::Difference, states::States, what_if::Supposed},
        overrides::order::Order,
    },
    queries::{TailRequest, Tailing, Told},
};

/// Why a request got no reply.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("veerd is not running: nobody answers at {}: {error}", socket.display())]
    NotRunning {
        /// The socket.
        socket: PathBuf,
        /// What connecting returned.
        error: io::Error,
    },
    /// The socket cannot be used.
    #[error("connecting to {}: {error}", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What the call returned.
        error: io::Error,
    },
    /// The daemon took the connection, and no reply came in time.
    #[error("veerd at {} does not answer within {} ms", socket.display(), timeout.as_millis())]
    Silent {
        /// The socket.
        socket: PathBuf,
        /// How long was waited.
        timeout: Duration,
    },
    /// The connection broke.
    #[error("talking to {}: {error}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What the call returned.
        error: io::Error,
    },
    /// The reply is none of this protocol.
    #[error("the reply from {} is of another version of veer: {error}", socket.display())]
    Protocol {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// The daemon would not do it.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// A connection to a daemon.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    socket: PathBuf,
    timeout: Duration,
}

impl Client {
    /// Connects to the daemon at `socket`; each step from here on may take
    /// `timeout`, which is longer than 0.
    pub fn connect(socket: &Path, timeout: Duration) -> Result<Self, ClientError> {
        let stream = connect(socket, timeout).map_err(|error| {
            let socket = socket.to_owned();
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    ClientError::NotRunning { socket, error }
                }
                _ => ClientError::Connect { socket, error },
            }
        })?;
        Ok(Self {
            stream: BufReader::new(stream),
            socket: socket.to_owned(),
            timeout,
        })
    }

    /// [`Request::Status`].
    pub fn status(&mut self) -> Result<Status, ClientError> {
        self.call(&Request::Status)
    }

    /// [`Request::States`].
    pub fn states(&mut self) -> Result<States, ClientError> {
        self.call(&Request::States)
    }

    /// [`Request::Stats`].
    pub fn stats(&mut self) -> Result<Stats, ClientError> {
        self.call(&Request::Stats)
    }

    /// [`Request::Health`].
    pub fn health(&mut self) -> Result<Health, ClientError> {
        self.call(&Request::Health)
    }

    /// [`Request::Groups`].
    pub fn groups(&mut self) -> Result<Groups, ClientError> {
        self.call(&Request::Groups)
    }

    /// [`Request::Explain`].
    pub fn explain(&mut self, question: ExplainRequest) -> Result<Explained, ClientError> {
        self.call(&Request::Explain(question))
    }

    /// [`Request::ExplainAt`].
    pub fn explain_at(
        &mut self,
        question: ExplainRequest,
        at_unix_ms: u64,
    ) -> Result<ExplainedAt, ClientError> {
        self.call(&Request::ExplainAt {
            question,
            at_unix_ms,
        })
    }

    /// [`Request::Answer`].
    pub fn answer(&mut self, request: AnswerRequest) -> Result<Answered, ClientError> {
        self.call(&Request::Answer(request))
    }

    /// [`Request::Log`].
    pub fn log(&mut self, request: LogRequest) -> Result<Logged, ClientError> {
        self.call(&Request::Log(request))
    }

    /// [`Request::Tail`]; nothing else can be asked on this connection then.
    pub fn tail(mut self, request: TailRequest) -> Result<Tail, ClientError> {
        let tailing: Tailing = self.call(&Request::Tail(request))?;
        // The next query may be long in coming.
        let endless = self.stream.get_ref().set_read_timeout(None);
        endless.map_err(|error| self.lost(error))?;
        Ok(Tail {
            client: self,
            one_in: tailing.one_in,
        })
    }

    /// [`Request::WhatIf`].
    pub fn what_if(&mut self, question: WhatIfRequest) -> Result<Vec<Supposed>, ClientError> {
        self.call(&Request::WhatIf(question))
    }

    /// [`Request::Tunables`].
    pub fn tunables(&mut self) -> Result<Vec<Tunable>, ClientError> {
        self.call(&Request::Tunables)
    }

    /// [`Request::Tunable`].
    pub fn tunable(&mut self, key: &str) -> Result<Tunable, ClientError> {
        let key = key.to_owned();
        self.call(&Request::Tunable { key })
    }

    /// [`Request::SetTunable`].
    pub fn set_tunable(&mut self, assignment: &str) -> Result<Tunable, ClientError> {
        let assignment = assignment.to_owned();
        self.call(&Request::SetTunable { assignment })
    }

    /// [`Request::Override`].
    pub fn order(&mut self, order: Order) -> Result<Overridden, ClientError> {
        self.call(&Request::Override(order))
    }

    /// [`Request::Reload`].
    pub fn reload(&mut self, is_forced: bool) -> Result<Reloaded, ClientError> {
        self.call(&Request::Reload { is_forced })
    }

    /// [`Request::Generations`].
    pub fn generations(&mut self) -> Result<Generations, ClientError> {
        self.call(&Request::Generations)
    }

    /// [`Request::Revert`].
    pub fn revert(&mut self, generation: u64, is_forced: bool) -> Result<Reloaded, ClientError> {
        self.call(&Request::Revert {
            generation,
            is_forced,
        })
    }

    /// [`Request::Differ`].
    pub fn differ(&mut self, proposed: Option<Proposed>) -> Result<Difference, ClientError> {
        self.call(&Request::Differ { proposed })
    }

    /// [`Request::Detach`].
    pub fn detach(&mut self) -> Result<Detached, ClientError> {
        self.call(&Request::Detach)
    }

    fn call<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, ClientError> {
        let reply = self.exchange(request).map_err(|error| self.lost(error))?;
        let response: Response<T> = self.understood(&reply)?;
        Ok(Result::from(response)?)
    }

    fn understood<T: DeserializeOwned>(&self, line: &str) -> Result<T, ClientError> {
        serde_json::from_str(line).map_err(|error| ClientError::Protocol {
            socket: self.socket.clone(),
            error,
        })
    }

    fn exchange(&mut self, request: &Request) -> io::Result<String> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        // A daemon that refuses the connection says so before it closes it.
        let sent = self.stream.get_mut().write_all(&line);
        self.line().or_else(|error| sent.and(Err(error)))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        if line.ends_with('\n') {
            Ok(line)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    fn lost(&self, error: io::Error) -> ClientError {
        let socket = self.socket.clone();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::Silent {
                socket,
                timeout: self.timeout,
            },
            _ => ClientError::Broken { socket, error },
        }
    }
}

/// A connection on which queries come.
#[derive(Debug)]
pub struct Tail {
    client: Client,
    one_in: u32,
}

impl Tail {
    /// One in so many queries is told.
    pub fn one_in(&self) -> u32 {
        self.one_in
    }

    /// What is told next, however long that takes.
    pub fn wait(&mut self) -> Result<Told, ClientError> {
        let client = &mut self.client;
        let line = client.line().map_err(|error| client.lost(error))?;
        client.understood(&line)
    }

    /// The connection, for another thread to close it.
    pub fn stream(&self) -> io::Result<UnixStream> {
        self.client.stream.get_ref().try_clone()
    }
}

/// A connection whose reads and writes end after `timeout`.
fn connect(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.connect_timeout(&SockAddr::unix(path)?, timeout)?;
    let stream = UnixStream::from(OwnedFd::from(socket));
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    Ok(stream)
}
