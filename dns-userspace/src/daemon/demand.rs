//! The demand of groups: from the counters of both planes into what is decided.

use std::{collections::HashMap, mem, time::Duration};

use tokio::time::Instant;
use tracing::warn;

use super::Daemon;
use crate::{
    config::settings::Settings,
    control::groups::{GroupStatus, Groups},
    kernel::{self, KernelError},
    measurement::demand::Counted,
    model,
};

/// In so many turns at least all groups are read, at most so many groups in one: reading
/// takes a system call for each, and samples of probes wait meanwhile.
const TURNS: usize = 10;
const GROUPS_A_TURN: usize = 128;

/// What has been counted for groups so far.
#[derive(Debug)]
pub(super) struct Counting {
    /// One in so many answers is counted; 0 is none.
    one_in: u32,
    counted: Counted,
    /// By group number, what the kernel had counted when all were read last.
    kernel: Vec<u64>,
    /// The same, as far as it is being read anew.
    reading: Vec<u64>,
    /// The same of userspace.
    userspace: Vec<u64>,
    /// When all were read last.
    read_at: Instant,
}

impl Counting {
    /// Nothing but what an earlier daemon's program counted for `groups`.
    pub(super) fn start(settings: &Settings, groups: &model::Groups) -> Self {
        let one_in = settings.count_group_sample;
        let before = kernel::group_counts_before(&settings.xdp_pin_path);
        let before = before.unwrap_or_else(|error| {
            warn!("what was counted of groups before is lost: {error}");
            Vec::new()
        });
        let before: HashMap<String, u64> = before.into_iter().collect();
        let of = |name: &String| before.get(name).copied().unwrap_or(0);
        let before: Vec<u64> = match one_in {
            // What nobody goes on counting would be believed for ever.
            0 => Vec::new(),
            _ => groups.names.iter().map(of).collect(),
        };
        Self {
            one_in,
            counted: Counted::new(one_in, &before),
            kernel: Vec::new(),
            reading: Vec::new(),
            userspace: Vec::new(),
            read_at: Instant::now(),
        }
    }

    /// What is known.
    pub(super) fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Takes in what both planes have counted for all groups by `now`.
    fn end(&mut self, userspace: Vec<u64>, now: Instant) {
        let kernel = mem::take(&mut self.reading);
        let mut answers = vec![0; kernel.len().max(userspace.len())];
        for (before, counted) in [(&self.kernel, &kernel), (&self.userspace, &userspace)] {
            for (number, counted) in counted.iter().enumerate() {
                let before = before.get(number).copied().unwrap_or(0);
                answers[number] += counted.saturating_sub(before);
            }
        }
        let passed: Duration = now - mem::replace(&mut self.read_at, now);
        self.counted.add(&answers, passed);
        (self.kernel, self.userspace) = (kernel, userspace);
    }
}

impl Daemon {
    /// Reads a part of the counters; once all are read, decides by them.
    pub(super) fn count_demand(&mut self) {
        if self.counting.one_in == 0 {
            return;
        }
        match self.read_group_counters() {
            Ok(true) => {}
            Ok(false) => return,
            // Whatever is wrong, the next second tries it again.
            Err(error) => return warn!("the demand of groups stays as it was: {error}"),
        }
        let now = Instant::now();
        self.counting.end(self.plane.group_counts(), now);
        let counted = self.counting.counted.clone();
        let changes = self.director.set_demand(counted, now);
        self.publish_words(&changes);
    }

    /// Reads the kernel's counters of some more groups; whether that is all of them.
    fn read_group_counters(&mut self) -> Result<bool, KernelError> {
        let groups = self.director.plan().groups.names.len();
        let first = self.counting.reading.len();
        let turn = groups.div_ceil(TURNS).min(GROUPS_A_TURN);
        let end = groups.min(first + turn);
        let counts = match &self.kernel {
            Some(kernel) => kernel.group_counts(first..end)?,
            None => vec![0; end - first],
        };
        self.counting.reading.extend(counts);
        Ok(end == groups)
    }

    /// Every group with its demand.
    pub(super) fn groups(&self) -> Groups {
        let groups = &self.director.plan().groups;
        let mut prefixes = vec![0; groups.names.len()];
        for (_, group) in &groups.prefixes {
            prefixes[usize::from(*group)] += 1;
        }
        let status = |(number, (name, prefixes)): (u16, (&String, usize))| GroupStatus {
            group: name.clone(),
            prefixes,
            demand: self.director.demand_of(number),
        };
        let named = groups.names.iter().zip(prefixes);
        Groups {
            counted_one_in: self.counting.one_in,
            queries_per_s: self.counting.counted.queries_per_s(),
            groups: (0..=u16::MAX).zip(named).map(status).collect(),
        }
    }
}
