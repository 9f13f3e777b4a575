//! The thread that reads what both planes tell.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use dns_common::{
    outcome::{Action, Outcome},
    told,
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::Runtime,
    sync::mpsc,
};
use tracing::error;

use super::{
    frame,
    query::{Raw, Transport},
    watchers::Watchers,
};
use crate::{
    control::explained::Plane,
    kernel::{Buffer, Event},
};

/// What the thread has.
pub(super) struct Reader {
    pub(super) watchers: Arc<Watchers>,
    /// What userspace tells.
    pub(super) told: mpsc::Receiver<Raw>,
    /// What userspace could not tell.
    pub(super) lost: Arc<AtomicU64>,
}

impl Reader {
    /// Starts it; it ends when nobody can tell any more.
    pub(super) fn start(self, buffers: Vec<Buffer>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let thread = thread::Builder::new().name("queries".to_owned());
        thread.spawn(move || self.run(&runtime, buffers))?;
        Ok(())
    }

    fn run(mut self, runtime: &Runtime, buffers: Vec<Buffer>) {
        runtime.block_on(async {
            for buffer in buffers {
                tokio::spawn(read(buffer, Arc::clone(&self.watchers)));
            }
            while let Some(raw) = self.told.recv().await {
                match self.lost.swap(0, Relaxed) {
                    0 => {}
                    lost => self.watchers.lose(lost),
                }
                self.watchers.tell(&raw);
            }
        });
    }
}

/// Hands on what comes in one `buffer`, for ever.
async fn read(buffer: Buffer, watchers: Arc<Watchers>) {
    let Err(error) = read_on(buffer, &watchers).await;
    error!(%error, "the kernel's queries on one CPU are told no more");
}

async fn read_on(buffer: Buffer, watchers: &Watchers) -> io::Result<Infallible> {
    // SAFETY: the descriptor is the buffer's own, which never has another and closes it when
    // it is dropped; that is when the registration is.
    let buffer = unsafe { AsyncFd::register_with_interest(buffer, Interest::READABLE) };
    let mut buffer = buffer?;
    loop {
        let mut ready = buffer.readable_mut().await?;
        ready.get_inner_mut().read(|event| match event {
            Event::Told(told, frame) => {
                if let Some(raw) = raw(&told, frame) {
                    watchers.tell(&raw);
                }
            }
            Event::Lost(count) => watchers.lose(count),
        });
        ready.clear_ready();
    }
}

/// What the kernel told; `None` where that is none of ours.
pub(super) fn raw(told: &told::Told, frame: &[u8]) -> Option<Raw> {
    let outcome = *Outcome::ALL.get(told.outcome as usize)?;
    let datagram = frame::datagram(frame)?;
    let is_reply = outcome.action() == Action::Reply;
    Some(Raw {
        time_ns: told.time_ns,
        plane: Plane::Kernel,
        transport: Transport::Udp,
        resolver: if is_reply {
            datagram.destination
        } else {
            datagram.source
        },
        outcome,
        service: told.service,
        group: told.group,
        is_reply,
        message: datagram.payload.to_vec(),
    })
}
