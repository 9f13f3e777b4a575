//! Answers looked at one by one while generations follow each other.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use aya::programs::Xdp;

use super::{
    ask::{Query, Reply},
    names::Names,
    world::{Writer, resolver},
};
use crate::rig::keep_to_server;

/// From one answer to the next.
const EVERY: Duration = Duration::from_micros(200);

/// What looking at answers showed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Checks {
    pub(super) asked: u64,
    /// Queries that got no reply.
    pub(super) lost: u64,
    /// Replies without the address of a generation that was current while they were made.
    pub(super) wrong: u64,
    /// Between the last answer of one generation and the first of another.
    pub(super) longest_switch: Duration,
}

impl Checks {
    /// Queries that got one.
    pub(super) fn replies(&self) -> u64 {
        self.asked - self.lost
    }
}

/// Asks `program` for names from all over the table until the load is `done`.
pub(super) fn follow(
    program: &Xdp,
    writer: &Writer,
    names: &Names,
    done: &AtomicBool,
) -> Result<Checks> {
    /// A prime: a step that comes by all names, unless they are a multiple of it.
    const STEP: usize = 1_000_003;
    keep_to_server()?;
    let mut checks = Checks::default();
    let hosts = names.hosts();
    let mut number = 0;
    // When the last answer was asked for, and the generation it was of.
    let mut last: Option<(Instant, u64)> = None;
    while !done.load(Relaxed) {
        let host = &hosts[number];
        let query = Query::new(&host.name, resolver(0))?;
        let begin = Instant::now();
        let before = writer.tables.generation_number();
        let seen = query.ask(program)?;
        let after = writer.tables.generation_number();
        let mut current = before..=after;
        let of = match seen {
            Reply::Address(answer) => current.find(|number| host.address(*number) == answer),
            Reply::Other | Reply::Missing => None,
        };
        checks.asked += 1;
        match seen {
            Reply::Missing => checks.lost += 1,
            Reply::Address(_) | Reply::Other => checks.wrong += u64::from(of.is_none()),
        }
        if let (Some((begin, old)), Some(new)) = (last, of)
            && new != old
        {
            let between = begin.elapsed();
            checks.longest_switch = checks.longest_switch.max(between);
        }
        last = of.map(|generation| (begin, generation)).or(last);
        number = (number + STEP) % hosts.len();
        thread::sleep(EVERY);
    }
    Ok(checks)
}
