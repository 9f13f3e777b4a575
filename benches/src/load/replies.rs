//! The replies, counted and timed by the rig's `count_replies` at the client's end.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{PerCpuArray, PerCpuValues},
    programs::links::FdLink,
};
use dns_ebpf::load::{FATES, Fate, KINDS, Kind};
use serde::{Serialize, Serializer};
use xtask::lab::veth::{self, End};

use super::Latencies;
use crate::programs;

const PROGRAM: &str = "count_replies";
const REPLIES: &str = "REPLIES";
const LATENCIES: &str = "LATENCIES";

/// The program and what it has counted.
pub(super) struct Counter {
    pub(super) rig: Ebpf,
}

impl Counter {
    pub(super) fn load() -> Result<Self> {
        let rig = programs::load(&[PROGRAM])?;
        Ok(Self { rig })
    }

    /// Has it count at `end` for as long as the link lives.
    pub(super) fn attach(&mut self, end: End) -> Result<FdLink> {
        veth::attach(programs::loaded_mut(&mut self.rig, PROGRAM)?, end)
    }

    /// All replies so far.
    pub(super) fn replies(&self) -> Result<Replies> {
        let mut replies = Replies::default();
        self.read(REPLIES, replies.0.as_flattened_mut())?;
        Ok(replies)
    }

    /// The latencies of all stamped queries so far.
    pub(super) fn latencies(&self) -> Result<Latencies> {
        let mut latencies = Latencies::default();
        self.read(LATENCIES, latencies.counts_mut())?;
        Ok(latencies)
    }

    /// Reads `counters` from the entries of `map`, from the first on.
    fn read(&self, map: &str, counters: &mut [u64]) -> Result<()> {
        let counted = self.rig.map(map);
        let counted = counted.with_context(|| format!("the rig has no map {map}"))?;
        let counted: PerCpuArray<_, u64> = counted.try_into()?;
        for (index, counter) in (0..).zip(counters) {
            let values = counted.get(&index, 0);
            let values: PerCpuValues<u64> = values.with_context(|| format!("reading {map}"))?;
            *counter = values.iter().sum();
        }
        Ok(())
    }
}

/// Replies by what they answer and what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replies([[u64; FATES]; KINDS]);

/// Names of kinds and fates in reports, by number.
const KIND_NAMES: [&str; KINDS] = ["hot", "flood"];
const FATE_NAMES: [&str; FATES] = ["answer", "empty", "name_error", "truncated", "other"];

impl Serialize for Replies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fates = self.0.iter().map(|fates| {
            let fates = FATE_NAMES.into_iter().zip(fates);
            fates.collect::<BTreeMap<_, _>>()
        });
        serializer.collect_map(KIND_NAMES.into_iter().zip(fates))
    }
}

impl Replies {
    /// Those to queries of `kind` that say `fate`.
    pub(crate) fn of(&self, kind: Kind, fate: Fate) -> u64 {
        self.0[kind as usize][fate as usize]
    }

    /// All those to queries of `kind`.
    pub(crate) fn all(&self, kind: Kind) -> u64 {
        self.0[kind as usize].iter().sum()
    }

    /// So many to hot queries of each fate, as a test has them.
    #[cfg(test)]
    pub(crate) fn of_hot(counts: &[(Fate, u64)]) -> Self {
        let mut replies = Self::default();
        for (fate, count) in counts {
            replies.0[Kind::Hot as usize][*fate as usize] = *count;
        }
        replies
    }

    /// What came after `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let mut rise = *self;
        let counters = rise.0.iter_mut().flatten();
        for (counter, before) in counters.zip(before.0.iter().flatten()) {
            *counter -= before;
        }
        rise
    }
}
