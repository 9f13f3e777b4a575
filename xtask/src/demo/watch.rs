//! One more resolver in each group, which asks slowly and looks at the answers.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use domain::base::Rtype;

use super::stage::{DNS, Group, SERVICE, SITES, Stage};
use crate::lab::dns::{Client, Reply};

/// Time between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(2);

/// What a group was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Questions asked.
    pub(super) asked: u64,
    /// Those without an answer.
    pub(super) lost: u64,
    /// Each server, by number, from when it was answered; `None` is anything
    /// but the address of one server.
    pub(super) servers: Vec<(Instant, Option<usize>)>,
    /// When each server was answered last.
    pub(super) last: [Option<Instant>; SITES.len()],
}

impl Seen {
    /// The server answered at present.
    pub(super) fn current(&self) -> Option<usize> {
        self.servers.last()?.1
    }

    fn answered(&mut self, at: Instant, server: Option<usize>) {
        if self
            .servers
            .last()
            .is_none_or(|(_, known)| *known != server)
        {
            self.servers.push((at, server));
        }
        if let Some(server) = server {
            self.last[server] = Some(at);
        }
    }
}

/// A resolver that watches, in a thread of its own.
pub(super) struct Watcher {
    seen: Arc<Mutex<Seen>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Watcher {
    /// Starts asking for the service's A records as one of `group`.
    pub(super) fn start(stage: &Stage, group: &Group) -> Result<Self> {
        let mut client = Client::new(stage.clients(), group.source, DNS)?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stopped = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (seen, stopped) = (Arc::clone(&seen), Arc::clone(&stopped));
            move || {
                while !stopped.load(Ordering::Relaxed) {
                    lock(&seen).asked += 1;
                    let reply = client.ask(SERVICE, Rtype::A);
                    let at = Instant::now();
                    match reply {
                        Ok(reply) => lock(&seen).answered(at, server(&reply)),
                        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                            lock(&seen).lost += 1;
                        }
                        Err(error) => return Err(error),
                    }
                    thread::sleep(PAUSE);
                }
                Ok(())
            }
        });
        Ok(Self {
            seen,
            stopped,
            thread: Some(thread),
        })
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Stops asking; returns what was seen.
    pub(super) fn finish(mut self) -> Result<Seen> {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let asked = thread.join().expect("it does not panic");
            asked.with_context(|| format!("ask {DNS}"))?;
        }
        Ok(self.seen())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The thread ends by itself, after the answer it waits for.
        self.stopped.store(true, Ordering::Relaxed);
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server whose address is the whole answer.
fn server(reply: &Reply) -> Option<usize> {
    match reply.addresses().ok()?.as_slice() {
        [address] => SITES
            .iter()
            .position(|site| IpAddr::V4(site.v4) == *address),
        _ => None,
    }
}
