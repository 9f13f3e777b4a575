//! An origin: the least HTTP/1.1 server that a probe or a person can ask.

use std::{
    collections::HashMap,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::Namespace;

/// How long a client may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(5);

/// What a request is answered with.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// The body, plain text.
    pub body: String,
    /// Time from request to response.
    pub delay: Duration,
}

impl Response {
    /// 200, at once.
    pub fn ok(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            body: body.into(),
            delay: Duration::ZERO,
        }
    }
}

/// A server in a namespace, in threads of this process. Dropped, it stops.
#[derive(Debug)]
pub struct HttpServer {
    namespace: Namespace,
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    responses: Mutex<Responses>,
    requests: AtomicU64,
    stopped: AtomicBool,
}

#[derive(Debug)]
struct Responses {
    common: Response,
    /// To single clients, in place of the common one.
    own: HashMap<IpAddr, Response>,
}

impl HttpServer {
    /// Listens at `address`, one of the namespace's.
    pub fn start(namespace: &Namespace, address: SocketAddr, response: Response) -> Result<Self> {
        let listener = namespace
            .run(|| TcpListener::bind(address))?
            .with_context(|| format!("listen at {address}"))?;
        let shared = Arc::new(Shared {
            responses: Mutex::new(Responses {
                common: response,
                own: HashMap::new(),
            }),
            requests: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.serve(&listener)
        });
        Ok(Self {
            namespace: namespace.clone(),
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Answers differently from now on.
    pub fn respond(&self, response: Response) {
        self.shared.responses().common = response;
    }

    /// Answers `client` differently from now on, whatever others get: one that is
    /// further away than they are, for instance.
    pub fn respond_to(&self, client: IpAddr, response: Response) {
        self.shared.responses().own.insert(client, response);
    }

    /// Requests answered so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Stops listening: when this returns, connections are refused.
    pub fn stop(mut self) -> Result<()> {
        self.close()
    }

    fn close(&mut self) -> Result<()> {
        let Some(acceptor) = self.acceptor.take() else {
            return Ok(());
        };
        self.shared.stopped.store(true, Ordering::SeqCst);
        // The acceptor waits for a connection to look at it; where one of somebody
        // else has come first, ours is refused.
        match self.namespace.run(|| TcpStream::connect(self.address))? {
            Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => {
                return Err(error).with_context(|| format!("connect to {}", self.address));
            }
            _ => {}
        }
        acceptor.join().expect("it does not panic");
        Ok(())
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // Nobody is there to hear of a failure, which ends with the process.
        let _ = self.close();
    }
}

impl Shared {
    fn responses(&self) -> MutexGuard<'_, Responses> {
        self.responses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What whoever is at the other end of `stream` gets.
    fn response(&self, stream: &TcpStream) -> Response {
        let client = stream.peer_addr().map(|client| client.ip());
        let responses = self.responses();
        let own = client.ok().and_then(|client| responses.own.get(&client));
        own.unwrap_or(&responses.common).clone()
    }

    fn serve(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopped.load(Ordering::SeqCst) {
                stop_listening(listener);
                return;
            }
            let Ok(stream) = stream else { continue };
            let shared = Arc::clone(self);
            thread::spawn(move || {
                // A client that hangs up has no claim to an answer.
                let response = || shared.response(&stream);
                if answer(&stream, response).is_ok_and(|asked| asked) {
                    shared.requests.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
}

/// Makes connections refused at once. Closing does not, as long as a child that
/// another thread is just starting holds a copy of the descriptor.
fn stop_listening(listener: &TcpListener) {
    // SAFETY: the descriptor is the listener's, which outlives the call; no
    // memory is touched.
    let failed = unsafe { libc::shutdown(listener.as_raw_fd(), libc::SHUT_RDWR) };
    assert_eq!(failed, 0, "shutdown: {}", io::Error::last_os_error());
}

/// Answers every request at `listener` alike, for ever: what a process does
/// that is nothing but a server.
pub fn serve(listener: &TcpListener, response: &Response) -> ! {
    loop {
        match listener.accept() {
            Ok((stream, _)) => drop(answer(&stream, || response.clone())),
            // Short of descriptors, perhaps; that may pass.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Answers one request; false if there was none.
fn answer(stream: &TcpStream, response: impl FnOnce() -> Response) -> io::Result<bool> {
    stream.set_read_timeout(Some(REQUEST))?;
    let mut lines = BufReader::new(stream).lines();
    // Its first line does not matter, the empty one ends it.
    loop {
        match lines.next().transpose()? {
            None => return Ok(false),
            Some(line) if line.is_empty() => break,
            Some(_) => {}
        }
    }
    let Response {
        status,
        body,
        delay,
    } = response();
    thread::sleep(delay);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} \r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(true)
}
