//! Some queries for one world, in turns of its state.

use std::{
    sync::mpsc::Sender,
    time::{Duration, Instant},
};

use anyhow::Result;
use dns_common::{
    outcome::Outcome,
    tables::{Control, Tables as _},
};
use veer::{
    clock::{BootClock, Clock as _},
    kernel::Counts,
};

use super::{
    carrier,
    pair::{Fault, Runner},
    regressions::Case,
    world::World,
};
use crate::random::Random;

/// Queries from one state of the servers to the next; the kernel's counters are
/// read as often.
const TURN: usize = 2000;
/// How many failed queries are kept.
const FAULTS_MAX: usize = 10;

/// When a stint ends, whichever comes first.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) queries: u64,
    pub(super) time: Duration,
}

/// What came of queries.
pub(super) struct Tally {
    pub(super) queries: u64,
    pub(super) outcomes: [u64; Outcome::ALL.len()],
    pub(super) differences: u64,
    pub(super) malformed: u64,
    pub(super) authority_differences: u64,
    faults: Vec<(Case, Fault)>,
}

impl Tally {
    pub(super) const EMPTY: Self = Self {
        queries: 0,
        outcomes: [0; Outcome::ALL.len()],
        differences: 0,
        malformed: 0,
        authority_differences: 0,
        faults: Vec::new(),
    };

    pub(super) fn add(&mut self, other: Self) {
        self.queries += other.queries;
        for (sum, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *sum += more;
        }
        self.differences += other.differences;
        self.malformed += other.malformed;
        self.authority_differences += other.authority_differences;
        self.faults.extend(other.faults);
    }

    /// The first that failed.
    pub(super) fn faults(&self) -> impl Iterator<Item = (&Case, &Fault)> {
        self.faults
            .iter()
            .take(FAULTS_MAX)
            .map(|(case, fault)| (case, fault))
    }

    pub(super) fn fail(&mut self, case: impl FnOnce() -> Case, fault: Fault) {
        *match fault {
            Fault::Difference(_) => &mut self.differences,
            Fault::Malformed(_) => &mut self.malformed,
            Fault::Authority(_) => &mut self.authority_differences,
        } += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push((case(), fault));
        }
    }
}

/// A world, and where the sequence of its queries is.
pub(super) struct Stint {
    setup: usize,
    world: World,
    random: Random,
    runner: Runner,
    /// The frames of this turn, their buffers used again in the next.
    frames: Vec<Vec<u8>>,
}

impl Stint {
    /// The one for the world `setup` that `seed` determines.
    pub(super) fn new(seed: u64, setup: usize) -> Result<Self> {
        Ok(Self {
            setup,
            world: World::load(setup)?,
            random: Random::new(seed, setup as u64),
            runner: Runner::new(),
            frames: vec![Vec::new(); TURN],
        })
    }

    /// Runs to the `limit`, and tells `progress` how many queries more it was.
    pub(super) fn run(
        &mut self,
        limit: Limit,
        tally: &mut Tally,
        progress: &Sender<u64>,
    ) -> Result<()> {
        let started = Instant::now();
        let mut left = limit.queries;
        while left != 0 && started.elapsed() < limit.time {
            let count = left.min(TURN as u64);
            self.turn(count as usize, tally)?;
            left -= count;
            // Nobody may be there to be told.
            let _ = progress.send(count);
        }
        Ok(())
    }

    fn turn(&mut self, count: usize, tally: &mut Tally) -> Result<()> {
        let turn = self.random.next();
        self.world.turn(turn);
        let offset = self
            .world
            .tables
            .control()
            .map_or(0, Control::clock_offset_ns);
        let second = (BootClock.now_ns().wrapping_add(offset) / 1_000_000_000) as u32;
        let mut last = Vec::new();
        let before = self.world.kernel.counts()?;
        let mut expected = before.outcomes;
        for frame in &mut self.frames[..count] {
            carrier::frame(&mut self.random, &self.world, second, &mut last, frame);
            let ran = self.runner.run(&mut self.world, frame)?;
            expected[ran.outcome as usize] += 1;
            tally.outcomes[ran.outcome as usize] += 1;
            if let Some(fault) = ran.fault {
                tally.fail(|| Case::new(self.setup, turn, frame), fault);
            }
        }
        tally.queries += count as u64;
        if self.world.kernel.counts()?.outcomes != expected {
            self.find_miscounted(turn, count, tally)?;
        }
        Ok(())
    }

    /// Runs the frames of a turn again to find whose outcome the kernel counts
    /// otherwise than userspace.
    fn find_miscounted(&mut self, turn: u64, count: usize, tally: &mut Tally) -> Result<()> {
        for frame in &self.frames[..count] {
            if let Some(fault) = miscounted(&mut self.runner, &mut self.world, frame)? {
                tally.fail(|| Case::new(self.setup, turn, frame), fault);
            }
        }
        Ok(())
    }
}

/// Runs `frame` alone: whether the kernel counts another outcome than userspace.
pub(super) fn miscounted(
    runner: &mut Runner,
    world: &mut World,
    frame: &[u8],
) -> Result<Option<Fault>> {
    let before = world.kernel.counts()?;
    let ran = runner.run(world, frame)?;
    let after = world.kernel.counts()?;
    let counted = counted(&before, &after);
    // A second that ended meanwhile had it run twice.
    let same = !counted.is_empty() && counted.iter().all(|outcome| *outcome == ran.outcome);
    Ok((!same).then(|| {
        let names: Vec<_> = counted.iter().map(|outcome| outcome.name()).collect();
        let (ours, names) = (ran.outcome.name(), names.join(", "));
        Fault::Difference(format!("userspace: {ours}, the kernel counts: {names}"))
    }))
}

fn counted(before: &Counts, after: &Counts) -> Vec<Outcome> {
    let rises = before.outcomes.iter().zip(after.outcomes);
    let outcomes = Outcome::ALL.into_iter().zip(rises);
    outcomes
        .filter(|(_, (before, after))| **before != *after)
        .map(|(outcome, _)| outcome)
        .collect()
}
