//! The replies, counted by the rig's `count_replies` at the client's end.

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

use crate::programs;

const PROGRAM: &str = "count_replies";
const MAP: &str = "REPLIES";

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
        let map = self.rig.map(MAP).context("the rig has no such map")?;
        let map: PerCpuArray<_, u64> = map.try_into()?;
        let mut replies = Replies::default();
        let counters = replies.0.iter_mut().flatten();
        for (index, counter) in (0..).zip(counters) {
            let values: PerCpuValues<u64> = map.get(&index, 0).context("reading the replies")?;
            *counter = values.iter().sum();
        }
        Ok(replies)
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
