//! What generations were made of, kept to be gone back to: a thread of its own writes and
//! reads it, so that nothing waits for a disk but who asks for it.

mod record;
mod store;

use std::{io, path::Path, thread};

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use tokio::sync::oneshot;
use tracing::{error, warn};

use crate::{
    config::source::Files,
    control::{
        generations::{Generations, Made},
        status::Inventory,
    },
};
use record::FILE_OCTETS_MAX;
pub use store::Gone;
use store::Store;

enum Order {
    Keep {
        made: Made,
        inventory: Inventory,
        files: Files,
        max: usize,
    },
    MadeAgain(Made),
    List(oneshot::Sender<Result<Generations, String>>),
    Open(u64, oneshot::Sender<Result<(u64, Files), Gone>>),
    Finish(Sender<()>),
}

/// What the daemon before left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// The number of its last generation, as far as is known; numbers go on from it.
    pub(super) generation: u64,
    /// The generation that it had gone back to.
    pub(super) reverted_to: Option<u64>,
}

/// A handle of the thread, which ends with the last one.
#[derive(Clone, Debug)]
pub(crate) struct Configurations(Sender<Order>);

impl Configurations {
    /// Of the configuration in `dir`, kept under `state`.
    pub(super) fn start(state: &Path, dir: &Path) -> io::Result<(Self, Before)> {
        let mut store = Store::new(state, dir);
        let before = store.recall().unwrap_or_else(|error| {
            error!("what earlier generations were made of is not known: {error}");
            Before::default()
        });
        let (orders, received) = unbounded();
        thread::Builder::new()
            .name("configurations".to_owned())
            .spawn(move || run(store, &received))?;
        Ok((Self(orders), before))
    }

    /// Keeps what was read of the configuration that came into use with `made`, and no
    /// more than `max` of them.
    pub(super) fn keep(&self, made: Made, inventory: Inventory, files: Files, max: usize) {
        self.send(Order::Keep {
            made,
            inventory,
            files,
            max,
        });
    }

    /// Another generation was made of the configuration in use.
    pub(super) fn made_again(&self, made: Made) {
        self.send(Order::MadeAgain(made));
    }

    /// All that are kept.
    pub(super) async fn list(&self) -> Result<Generations, String> {
        let (answer, received) = oneshot::channel();
        self.send(Order::List(answer));
        received.await.unwrap_or_else(|_| Err(ENDED.to_owned()))
    }

    /// The configuration that `generation` was made of: the first generation of it, and
    /// its files.
    pub(super) async fn open(&self, generation: u64) -> Result<(u64, Files), Gone> {
        let (answer, received) = oneshot::channel();
        self.send(Order::Open(generation, answer));
        let ended = |_| Err(Gone::Damaged(vec![ENDED.to_owned()]));
        received.await.unwrap_or_else(ended)
    }

    /// Returns when all that was to be kept is.
    pub(super) fn finish(&self) {
        let (done, finished) = bounded(1);
        self.send(Order::Finish(done));
        // Where the thread has ended there is nothing to wait for.
        let _ = finished.recv();
    }

    fn send(&self, order: Order) {
        if self.0.send(order).is_err() {
            error!("{ENDED}");
        }
    }
}

/// It ends before its handles only by a panic.
const ENDED: &str = "the thread that keeps configurations has ended";

fn run(mut store: Store, orders: &Receiver<Order>) {
    for order in orders {
        // Whoever asked may have gone away.
        match order {
            Order::Keep {
                made,
                inventory,
                files,
                max,
            } => match store.keep(made, inventory, &files, max) {
                Ok(too_large) => {
                    for file in too_large {
                        warn!(
                            generation = made.generation,
                            "{} is larger than {} MiB and not kept: without it as it is now \
                             nothing goes back to this generation",
                            file.display(),
                            FILE_OCTETS_MAX >> 20
                        );
                    }
                }
                Err(error) => not_kept(made, &error),
            },
            Order::MadeAgain(made) => {
                if let Err(error) = store.made_again(made) {
                    not_kept(made, &error);
                }
            }
            Order::List(answer) => drop(answer.send(store.list())),
            Order::Open(generation, answer) => drop(answer.send(store.open(generation))),
            Order::Finish(done) => drop(done.send(())),
        }
    }
}

fn not_kept(made: Made, error: &str) {
    error!(
        generation = made.generation,
        "not kept, so that nothing goes back to it: {error}"
    );
}

#[cfg(test)]
mod tests;
