//! Sockets and the threads that serve them: for every address one UDP and one
//! TCP socket a worker, shared by `SO_REUSEPORT`; each worker is a thread
//! pinned to its core with a runtime of its own.

mod ending;

use std::{
    io, iter,
    net::{IpAddr, SocketAddr, TcpStream},
    os::fd::OwnedFd,
    pin::Pin,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use core_affinity::CoreId;
use socket2::{Protocol, Socket};
use tokio::{sync::watch, time::timeout};
use tracing::{error, warn};

pub use super::socket::BindError;
use super::{
    connections::{Connections, Options},
    inherited::Inherited,
    respond::Transport,
    socket::bind,
    tcp, udp,
};
pub(super) use ending::Ending;

/// How long a query may take that was being answered when the server was to end.
const ENDING_MAX: Duration = Duration::from_secs(2);

/// What answers queries.
pub trait Handler: Send + Sync {
    /// Writes the reply to `query` into `out`, which comes empty. Called on the worker's
    /// core: it must not block.
    fn handle(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Handled;

    /// The same for a query that was to be answered later, now with what there is;
    /// `false` means to stay silent.
    fn finish(&self, query: &[u8], source: IpAddr, transport: Transport, out: &mut Vec<u8>)
    -> bool;
}

/// What became of a query.
pub enum Handled {
    /// The reply stands there.
    Answered,
    /// Nothing is to be sent.
    Silent,
    /// [`Handler::finish`] is to be called once this is over, or at once.
    Later(Later),
}

impl Handled {
    /// Whether there is a reply.
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Answered)
    }
}

/// What an answer has to wait for; it does not last long.
pub type Later = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The sockets of every worker, bound and not yet served.
#[derive(Debug)]
pub struct Server {
    workers: Vec<Sockets>,
    connections: Arc<Connections>,
    port: u16,
    made: Vec<Made>,
    unwanted: Vec<(SocketAddr, Protocol)>,
}

/// A socket that was not inherited.
#[derive(Debug)]
pub struct Made {
    /// Where it is bound.
    pub address: SocketAddr,
    /// Whether UDP or TCP queries come to it.
    pub protocol: Protocol,
    /// Another descriptor of it.
    pub descriptor: OwnedFd,
}

/// One worker's sockets: one of each an address, and what it inherited besides.
#[derive(Debug, Default)]
struct Sockets {
    udp: Vec<std::net::UdpSocket>,
    tcp: Vec<std::net::TcpListener>,
    connections: Vec<TcpStream>,
}

impl Sockets {
    fn add(&mut self, socket: Socket, protocol: Protocol) {
        if protocol == Protocol::UDP {
            self.udp.push(socket.into());
        } else {
            self.tcp.push(socket.into());
        }
    }
}

impl Server {
    /// Binds UDP and TCP `port` on every address, once for each of `workers`
    /// (at least one is made). Port 0 picks a free one, the same for all.
    /// What is `inherited` for them is served instead, all of it: also where there were
    /// more workers.
    ///
    /// Addresses must be specific: replies leave from the address asked
    /// because that is what the socket is bound to. On error nothing stays bound.
    pub fn bind(
        addresses: &[IpAddr],
        port: u16,
        workers: usize,
        options: Options,
        mut inherited: Inherited,
    ) -> Result<Self, BindError> {
        let mut server = Self {
            workers: Vec::new(),
            connections: Arc::new(Connections::new(options)),
            port,
            made: Vec::new(),
            unwanted: Vec::new(),
        };
        for _ in 0..workers.max(1) {
            let mut sockets = Sockets::default();
            for address in addresses {
                for protocol in [Protocol::UDP, Protocol::TCP] {
                    let address = SocketAddr::new(*address, server.port);
                    let socket = match inherited.take(address, protocol) {
                        Some(socket) => socket,
                        None => server.make(address, protocol)?,
                    };
                    sockets.add(socket, protocol);
                }
            }
            server.workers.push(sockets);
        }
        let mut next = (0..server.workers.len()).cycle();
        for more in inherited.take_rest(addresses, server.port) {
            let worker = next.next().unwrap_or(0);
            server.workers[worker].add(more.socket, more.protocol);
        }
        for connection in inherited.take_connections() {
            let worker = next.next().unwrap_or(0);
            server.workers[worker].connections.push(connection);
        }
        server.unwanted = inherited.unwanted();
        Ok(server)
    }

    /// A socket that is bound to `address`, whose port, if it is none yet, is the server's.
    fn make(&mut self, address: SocketAddr, protocol: Protocol) -> Result<Socket, BindError> {
        let socket = bind(address, protocol)?;
        let bound = socket.local_addr().ok().and_then(|bound| bound.as_socket());
        let address = bound.unwrap_or(address);
        self.port = address.port();
        // Whoever has no descriptor left for one more will find out soon enough.
        if let Ok(copy) = socket.try_clone() {
            self.made.push(Made {
                address,
                protocol,
                descriptor: copy.into(),
            });
        }
        Ok(socket)
    }

    /// The sockets that were made: those that were inherited are known to whoever kept them.
    pub fn take_made(&mut self) -> Vec<Made> {
        std::mem::take(&mut self.made)
    }

    /// What was inherited and is of no use: where it was bound, and for what.
    pub fn unwanted(&self) -> &[(SocketAddr, Protocol)] {
        &self.unwanted
    }

    /// The port that was bound.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The TCP connections of all workers.
    pub fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Serves with `handler` until the handle is stopped or dropped.
    ///
    /// The error is that of a thread or runtime that could not be made.
    pub fn start(self, handler: Arc<dyn Handler>) -> io::Result<ServerHandle> {
        let (stop, stopped) = watch::channel(());
        let (leave, left) = mpsc::channel();
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let mut handle = ServerHandle {
            stop: Some(stop),
            left,
            threads: Vec::new(),
        };
        let workers = self.workers.into_iter().zip(iter::repeat(handler));
        for (number, (sockets, handler)) in workers.enumerate() {
            let worker = Worker {
                sockets,
                core: (!cores.is_empty()).then(|| cores[number % cores.len()]),
                handler,
                connections: Arc::clone(&self.connections),
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let (stopped, leave) = (stopped.clone(), leave.clone());
            let thread = thread::Builder::new()
                .name(format!("dns-{number}"))
                .spawn(move || worker.run(&runtime, stopped, leave))?;
            handle.threads.push(thread);
        }
        Ok(handle)
    }
}

/// A running server; dropping it stops it too.
#[derive(Debug)]
pub struct ServerHandle {
    stop: Option<watch::Sender<()>>,
    left: mpsc::Receiver<TcpStream>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl ServerHandle {
    /// Takes no more queries, answers those it has, closes every socket and waits for the
    /// workers to end. The connections that are open, at the start of a query each, are
    /// whoever's wants them.
    pub fn stop(mut self) -> Vec<TcpStream> {
        self.end();
        self.left.try_iter().collect()
    }

    fn end(&mut self) {
        self.stop.take();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                error!("a DNS worker panicked");
            }
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// What one thread serves.
struct Worker {
    sockets: Sockets,
    core: Option<CoreId>,
    handler: Arc<dyn Handler>,
    connections: Arc<Connections>,
}

impl Worker {
    fn run(
        self,
        runtime: &tokio::runtime::Runtime,
        mut stopped: watch::Receiver<()>,
        leave: mpsc::Sender<TcpStream>,
    ) {
        if !self.core.is_some_and(core_affinity::set_for_current) {
            warn!(core = ?self.core, "a DNS worker could not be pinned to its core; it runs on any");
        }
        runtime.block_on(async {
            let (ending, ended) = Ending::new(stopped.clone(), leave);
            if let Err(error) = self.serve(ending) {
                error!(%error, "a DNS worker cannot register its sockets");
            }
            // The sender is dropped to stop.
            let _ = stopped.changed().await;
            if timeout(ENDING_MAX, ended.wait()).await.is_err() {
                warn!("queries that took too long to be answered were not, as this ends");
            }
        });
    }

    fn serve(self, ending: Ending) -> io::Result<()> {
        for socket in self.sockets.udp {
            let socket = tokio::net::UdpSocket::from_std(socket)?;
            tokio::spawn(udp::serve(socket, self.handler.clone(), ending.clone()));
        }
        let door = Arc::new(tcp::Door {
            handler: self.handler,
            connections: self.connections,
            ending,
        });
        for connection in self.sockets.connections {
            let peer = connection.peer_addr();
            let connection = tokio::net::TcpStream::from_std(connection)?;
            // One that has ended since has no peer.
            if let Ok(peer) = peer {
                door.open(connection, peer);
            }
        }
        for listener in self.sockets.tcp {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::spawn(tcp::serve(listener, Arc::clone(&door)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
