//! Sockets and the threads that serve them: for every address one UDP and one
//! TCP socket a worker, shared by `SO_REUSEPORT`; each worker is a thread
//! pinned to its core with a runtime of its own.

use std::{
    io, iter,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    thread,
};

use core_affinity::CoreId;
use socket2::Protocol;
use tokio::sync::watch;
use tracing::{error, warn};

pub use super::socket::BindError;
use super::{
    connections::{Connections, Options},
    respond::Transport,
    socket::bind,
    tcp, udp,
};

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
}

/// One worker's sockets: one of each an address.
#[derive(Debug, Default)]
struct Sockets {
    udp: Vec<std::net::UdpSocket>,
    tcp: Vec<std::net::TcpListener>,
}

impl Server {
    /// Binds UDP and TCP `port` on every address, once for each of `workers`
    /// (at least one is made). Port 0 picks a free one, the same for all.
    ///
    /// Addresses must be specific: replies leave from the address asked
    /// because that is what the socket is bound to. On error nothing stays bound.
    pub fn bind(
        addresses: &[IpAddr],
        port: u16,
        workers: usize,
        options: Options,
    ) -> Result<Self, BindError> {
        let mut server = Self {
            workers: Vec::new(),
            connections: Arc::new(Connections::new(options)),
            port,
        };
        for _ in 0..workers.max(1) {
            let mut sockets = Sockets::default();
            for address in addresses {
                let udp = bind(SocketAddr::new(*address, server.port), Protocol::UDP)?;
                let udp = std::net::UdpSocket::from(udp);
                if let (0, Ok(bound)) = (server.port, udp.local_addr()) {
                    server.port = bound.port();
                }
                sockets.udp.push(udp);
                let tcp = bind(SocketAddr::new(*address, server.port), Protocol::TCP)?;
                sockets.tcp.push(tcp.into());
            }
            server.workers.push(sockets);
        }
        Ok(server)
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
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let mut handle = ServerHandle {
            stop: Some(stop),
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
            let stopped = stopped.clone();
            let thread = thread::Builder::new()
                .name(format!("dns-{number}"))
                .spawn(move || worker.run(&runtime, stopped))?;
            handle.threads.push(thread);
        }
        Ok(handle)
    }
}

/// A running server; dropping it stops it too.
#[derive(Debug)]
pub struct ServerHandle {
    stop: Option<watch::Sender<()>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl ServerHandle {
    /// Closes every socket and connection and waits for the workers to end.
    pub fn stop(self) {}
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop.take();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                error!("a DNS worker panicked");
            }
        }
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
    fn run(self, runtime: &tokio::runtime::Runtime, mut stopped: watch::Receiver<()>) {
        if !self.core.is_some_and(core_affinity::set_for_current) {
            warn!(core = ?self.core, "a DNS worker could not be pinned to its core; it runs on any");
        }
        runtime.block_on(async {
            if let Err(error) = self.serve() {
                error!(%error, "a DNS worker cannot register its sockets");
            }
            // The sender is dropped to stop; the runtime ends its tasks with it.
            let _ = stopped.changed().await;
        });
    }

    fn serve(self) -> io::Result<()> {
        for socket in self.sockets.udp {
            let socket = tokio::net::UdpSocket::from_std(socket)?;
            tokio::spawn(udp::serve(socket, self.handler.clone()));
        }
        for listener in self.sockets.tcp {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::spawn(tcp::serve(
                listener,
                self.handler.clone(),
                Arc::clone(&self.connections),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
