//! Publish: the only way to what is current in the tables, one writer at a time.
//!
//! A changed decision is one store, made by whoever decided it: another thread would have to
//! be woken for it, and wait for its core. What waits itself has a thread of its own, pinned to
//! its core: a new generation, which others build beside the current one once nobody can read
//! what lay there, is made current by one store. Between all that it tells the kernel the time
//! of day.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use crossbeam::{
    channel::{Receiver, Sender, bounded, tick, unbounded},
    select,
};
use hdrhistogram::Histogram;
use thiserror::Error;

use super::director::Change;
use crate::{
    clock,
    model::Groups,
    plane::Live,
    tables::{Image, PreparedResolvers, Tables, wait_for_kernel_readers},
};

/// How often the publisher looks whether a userspace reader is done with the
/// generation that is to be built over; replies take far less.
const READERS_POLL: Duration = Duration::from_millis(1);

/// How often the offset from the kernel's clock to the time of day is published:
/// a wall clock that was set shows in cookies after so long, which live for minutes.
const CLOCK_EVERY: Duration = Duration::from_secs(5);

/// How often the publisher thread shows that it is alive, unless it publishes.
pub const BEAT_EVERY: Duration = CLOCK_EVERY;

/// Delays above this count as this, microseconds: a minute.
const DELAY_MAX_US: u64 = 60_000_000;

/// Why a generation was not published; the current one stays.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The kernel gives no way to know that it is done with the old tables.
    #[error("waiting until the kernel is done with the old tables: {0}")]
    Readers(#[from] std::io::Error),
    /// The thread has ended.
    #[error("the publisher thread has ended")]
    Ended,
}

enum Order {
    Next {
        done: Sender<Result<u64, PublishError>>,
    },
    Generation {
        image: Box<Image>,
        resolvers: Option<Box<PreparedResolvers>>,
        live: Arc<Live>,
        done: Sender<()>,
    },
}

/// How long decisions took from the end of the probe that changed them until they were
/// in the tables.
#[derive(Debug)]
pub struct Delays(Mutex<Histogram<u64>>);

impl Default for Delays {
    fn default() -> Self {
        let histogram = Histogram::new_with_max(DELAY_MAX_US, 3);
        let histogram = histogram.expect("bounds and digits that the library documents");
        Self(Mutex::new(histogram))
    }
}

impl Delays {
    fn record(&self, delay: Duration) {
        self.lock().saturating_record(delay.as_micros() as u64);
    }

    /// All of them so far, microseconds.
    pub fn histogram(&self) -> Histogram<u64> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores decisions, and is the handle of the publisher thread, which ends when this is
/// dropped.
#[derive(Debug)]
pub struct Publisher {
    tables: Arc<Tables>,
    orders: Sender<Order>,
    /// Who has it writes: a word must not be of another generation than the current one.
    turn: Arc<Mutex<()>>,
    published: Arc<AtomicU64>,
    delays: Delays,
    beat: Arc<Beat>,
}

/// When the publisher thread was seen last.
#[derive(Debug)]
struct Beat {
    start: Instant,
    /// Milliseconds since then.
    last_ms: AtomicU64,
}

impl Beat {
    fn now() -> Self {
        Self {
            start: Instant::now(),
            last_ms: AtomicU64::new(0),
        }
    }

    fn beat(&self) {
        let since = self.start.elapsed().as_millis() as u64;
        self.last_ms.store(since, Relaxed);
    }

    fn age(&self) -> Duration {
        let last = Duration::from_millis(self.last_ms.load(Relaxed));
        self.start.elapsed().saturating_sub(last)
    }
}

impl Publisher {
    /// Starts the thread that writes `tables` and sets `live` to what they say,
    /// pinned to `core` (the last one if `None`). It must be their only writer, but
    /// for a next generation.
    pub fn start(
        tables: Arc<Tables>,
        live: Arc<ArcSwap<Live>>,
        core: Option<usize>,
        in_kernel: bool,
    ) -> std::io::Result<Self> {
        let (orders, received) = unbounded();
        let published = Arc::new(AtomicU64::new(0));
        let turn = Arc::default();
        let beat = Arc::new(Beat::now());
        tables.set_clock_offset_ns(clock::offset_ns());
        let thread = Thread {
            tables: Arc::clone(&tables),
            live,
            retired: None,
            turn: Arc::clone(&turn),
            published: Arc::clone(&published),
            beat: Arc::clone(&beat),
            in_kernel,
        };
        thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || {
                pin(core);
                thread.run(&received);
            })?;
        Ok(Self {
            tables,
            orders,
            turn,
            published,
            delays: Delays::default(),
            beat,
        })
    }

    /// What it writes.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Stores changed decisions of the current generation, in order; they are in the tables
    /// when this returns. Where it was
    /// a probe that changed them, the time since it `ended` is counted.
    pub fn words(&self, changes: &[Change], ended: Option<Instant>) {
        {
            let _turn = turn(&self.turn);
            let number = self.tables.generation_number();
            for change in changes {
                store(&self.tables, number, *change);
            }
        }
        if let Some(ended) = ended {
            self.delays.record(ended.elapsed());
        }
    }

    /// The number of the next generation, as soon as nobody reads what stands where that
    /// is built.
    pub fn next(&self) -> Result<u64, PublishError> {
        let (done, result) = bounded(1);
        let order = Order::Next { done };
        self.orders.send(order).map_err(|_| PublishError::Ended)?;
        result.recv().map_err(|_| PublishError::Ended)?
    }

    /// Publishes a generation, built under the number that [`Publisher::next`] gave,
    /// and waits until it is current. `live` is what
    /// userspace answers from it; its groups are the ones `image` ranks for, and
    /// its prefixes those of `resolvers`, or else the ones in the tables.
    pub fn generation(
        &self,
        image: Image,
        resolvers: Option<PreparedResolvers>,
        live: Arc<Live>,
    ) -> Result<(), PublishError> {
        let (done, result) = bounded(1);
        let order = Order::Generation {
            image: Box::new(image),
            resolvers: resolvers.map(Box::new),
            live,
            done,
        };
        self.orders.send(order).map_err(|_| PublishError::Ended)?;
        result.recv().map_err(|_| PublishError::Ended)
    }

    /// How long decisions took.
    pub fn delays(&self) -> &Delays {
        &self.delays
    }

    /// How long ago its thread was seen to be alive; it shows every [`BEAT_EVERY`].
    pub fn age(&self) -> Duration {
        self.beat.age()
    }

    /// Generations published since start.
    pub fn published(&self) -> u64 {
        self.published.load(Relaxed)
    }
}

struct Thread {
    tables: Arc<Tables>,
    live: Arc<ArcSwap<Live>>,
    /// What was current before what is current now: its half is written next.
    retired: Option<Arc<Live>>,
    turn: Arc<Mutex<()>>,
    published: Arc<AtomicU64>,
    beat: Arc<Beat>,
    in_kernel: bool,
}

impl Thread {
    fn run(mut self, orders: &Receiver<Order>) {
        let clock = tick(CLOCK_EVERY);
        loop {
            select! {
                recv(orders) -> order => match order {
                    Ok(order) => self.follow(order),
                    Err(_) => return,
                },
                recv(clock) -> _ => self.tables.set_clock_offset_ns(clock::offset_ns()),
            }
            self.beat.beat();
        }
    }

    fn follow(&mut self, order: Order) {
        match order {
            Order::Next { done } => {
                let readers = self.wait_for_readers();
                let number = self.tables.generation_number() + 1;
                // Whoever asked may have stopped waiting.
                let _ = done.send(readers.map(|()| number));
            }
            Order::Generation {
                image,
                resolvers,
                live,
                done,
            } => {
                self.publish(&image, resolvers.as_deref(), live);
                let _ = done.send(());
            }
        }
    }

    fn publish(&mut self, image: &Image, resolvers: Option<&PreparedResolvers>, live: Arc<Live>) {
        let _turn = turn(&self.turn);
        self.tables.publish(image);
        if let Some(resolvers) = resolvers {
            self.tables.replace_resolvers(resolvers);
        }
        self.retired = Some(self.live.swap(live));
        self.published.fetch_add(1, Relaxed);
    }

    /// Returns when nobody reads the half that is written next, nor a resolver
    /// node that nothing points to any more.
    fn wait_for_readers(&mut self) -> Result<(), PublishError> {
        if let Some(retired) = self.retired.take() {
            while Arc::strong_count(&retired) > 1 {
                thread::sleep(READERS_POLL);
            }
        }
        if self.in_kernel && self.tables.generation_number() != 0 {
            wait_for_kernel_readers()?;
        }
        Ok(())
    }
}

/// Waits for the turn to write.
fn turn(turn: &Mutex<()>) -> MutexGuard<'_, ()> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

fn store(tables: &Tables, number: u64, change: Change) {
    match change {
        Change::Eligible { pool, word } => tables.store_eligible(number, pool, word.0),
        Change::Ranking { pool, group, word } => {
            tables.store_ranking(number, pool, group, word.0);
        }
        Change::Shares { pool, index, word } => tables.store_shares(number, pool, index, word),
    }
}

fn pin(core: Option<usize>) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let wanted = match core {
        Some(number) => cores.iter().find(|core| core.id == number),
        None => cores.last(),
    };
    if !wanted.is_some_and(|core| core_affinity::set_for_current(*core)) {
        tracing::warn!(
            ?core,
            "the publisher thread could not be pinned to its core"
        );
    }
}

/// Numbers `groups` so that those of `before` keep their numbers, since resolver
/// entries of both generations are looked up in one table. Groups that are gone
/// keep theirs as well, unused.
pub fn keep_group_numbers(groups: &Groups, before: &Groups) -> Groups {
    let mut names = before.names.clone();
    let known = before.names.iter().map(String::as_str);
    let mut known: HashMap<&str, u16> = known.zip(0..=u16::MAX).collect();
    let numbers: Vec<u16> = groups
        .names
        .iter()
        .map(|name| {
            *known.entry(name).or_insert_with(|| {
                names.push(name.clone());
                // Too many of them are refused before a number is used.
                (names.len() - 1) as u16
            })
        })
        .collect();
    let prefixes = groups
        .prefixes
        .iter()
        .map(|(prefix, group)| (*prefix, numbers[usize::from(*group)]))
        .collect();
    let demand = groups.demand.iter();
    let demand = demand.map(|(group, said)| (numbers[usize::from(*group)], *said));
    Groups {
        names,
        prefixes,
        demand: demand.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quantity;

    #[test]
    fn groups_keep_their_numbers() {
        let groups = |names: &[&str], prefixes: &[(&str, u16)]| Groups {
            names: names.iter().map(ToString::to_string).collect(),
            prefixes: prefixes
                .iter()
                .map(|(prefix, group)| (prefix.parse().expect("a prefix"), *group))
                .collect(),
            demand: [(1, Quantity(1))].into(),
        };
        let before = groups(&["default", "a", "b"], &[]);
        let next = groups(
            &["default", "c", "b"],
            &[("192.0.2.0/24", 1), ("2001:db8::/32", 2), ("::/0", 0)],
        );
        let kept = groups(
            &["default", "a", "b", "c"],
            &[("192.0.2.0/24", 3), ("2001:db8::/32", 2), ("::/0", 0)],
        );
        let demand = [(3, Quantity(1))].into();
        assert_eq!(
            keep_group_numbers(&next, &before),
            Groups { demand, ..kept }
        );
    }
}
