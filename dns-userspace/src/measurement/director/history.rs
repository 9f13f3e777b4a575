//! History: what each group's decision came from last, and what has changed since it was
//! last asked.

mod cause;

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use dns_common::decision::Family;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Change, Director, explain::Outcome, picked::Picked, pool::PoolState, states::Share};
use crate::{
    measurement::{metric::milliseconds, schedule::TargetId},
    model::{Pool, Service},
};
pub use cause::{Cause, Value};

/// Services and groups that are named of one change; the others are counted.
pub const NAMES_MAX: usize = 1000;

/// What the two families get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// What an A query gets.
    pub a: Outcome,
    /// What an AAAA query gets.
    pub aaaa: Outcome,
}

/// Decisions of one pool that changed, or that are said anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// What it came from.
    pub cause: Cause,
    /// The services of the pool.
    pub services: Vec<String>,
    /// Services that are not named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_services: usize,
    /// Who takes how much, where not every candidate takes every resolver: then nothing
    /// else is said of groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Share>,
    /// What changed, each for other groups.
    pub moves: Vec<Move>,
    /// Groups that go their own way and stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Groups that are in a move or go their own way, and are not named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_groups: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What changed for some groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Whether all groups are among them that neither a move nor `except` names.
    pub others: bool,
    /// What they got before; `None` where that is not known. The same where it is said
    /// anew.
    pub from: Option<Outcomes>,
    /// What they get.
    pub to: Outcomes,
}

/// The change that a decision comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastChange {
    /// How long ago, milliseconds.
    pub ago_ms: f64,
    /// What it came from.
    pub cause: Cause,
    /// What was answered before; `None` where that is not known.
    pub from: Option<Outcomes>,
}

/// Which candidates the two families get.
type Picks = [Picked; 2];

/// What one group gets, and since when.
#[derive(Clone, Debug, Default)]
struct Known {
    picks: Picks,
    /// Shared by all groups that changed alike.
    last: Option<Arc<Last>>,
}

#[derive(Clone, Debug)]
struct Last {
    at: Instant,
    cause: Arc<Cause>,
    from: Option<Outcomes>,
}

/// Groups that got the same, and get the same.
struct Alike {
    one: Move,
    /// What to remember; `None` where nothing has changed.
    last: Option<Arc<Last>>,
}

/// What the groups of one pool get.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Groups without an order of their own.
    common: Known,
    /// Every other, by number, and those that once were.
    own: BTreeMap<u16, Known>,
    services: Vec<String>,
    more_services: usize,
    /// Who took how much, where the pool was divided.
    shares: Vec<Share>,
    /// When that changed last.
    divided: Option<Arc<Last>>,
}

/// Pools whose words have changed since they were last looked at, with the last cause.
pub(super) type Touched = BTreeMap<u16, (Cause, Instant)>;

impl History {
    /// That of a pool as it is.
    pub(super) fn new(state: &PoolState) -> Self {
        let known = |picks| Known { picks, last: None };
        let own = state.own_groups();
        Self {
            common: known(common_picks(state)),
            own: own
                .map(|group| (group, known(group_picks(state, group))))
                .collect(),
            ..Self::default()
        }
    }

    fn of(&self, group: u16) -> &Known {
        self.own.get(&group).unwrap_or(&self.common)
    }
}

fn common_picks(state: &PoolState) -> Picks {
    let (ranking, eligible) = (state.common_ranking(), state.eligible());
    [Family::V4, Family::V6].map(|family| Picked::of(ranking, eligible, family))
}

fn group_picks(state: &PoolState, group: u16) -> Picks {
    let (ranking, eligible) = (state.ranking(group), state.eligible());
    [Family::V4, Family::V6].map(|family| Picked::of(ranking, eligible, family))
}

fn outcomes(pool: &Pool, picks: Picks) -> Outcomes {
    Outcomes {
        a: Outcome::of(pool, picks[0], Family::V4),
        aaaa: Outcome::of(pool, picks[1], Family::V6),
    }
}

impl Director {
    /// Notes that `changes` came of the sample of target `id`, whose state it `settles`.
    pub(super) fn touch_by_sample(
        &mut self,
        id: TargetId,
        settles: bool,
        changes: &[Change],
        now: Instant,
    ) {
        for (pool, what) in touched(changes, settles) {
            let cause = match what {
                What::Eligible => self.cause_of_state(id, pool),
                What::Order(group) => self.cause_of_order(pool, group, now),
                What::Shares => self.cause_of_shares(id, pool, now),
            };
            self.touched.insert(pool, (cause, now));
        }
    }

    /// Notes that `changes` came of `cause`.
    pub(super) fn touch(&mut self, changes: &[Change], cause: &Cause, now: Instant) {
        for pool in touched(changes, true).into_keys() {
            self.touched.insert(pool, (cause.clone(), now));
        }
    }

    /// What has changed since this was last called, or since the history began. To be
    /// called once the words are published: it may cost more than they do.
    pub fn take_decided(&mut self) -> Vec<Decided> {
        let touched = mem::take(&mut self.touched).into_iter();
        let decided = touched.filter_map(|(number, (cause, at))| {
            let before = mem::take(&mut self.history[usize::from(number)]);
            let shares = before.shares.clone();
            let plan = Arc::clone(&self.plan);
            let pool = &plan.pools[usize::from(number)];
            let decided = self.compare(number, before, Some(pool), cause, at);
            if decided.shares != shares {
                return Some(decided);
            }
            let decided = decided.without_what_stays();
            (!decided.moves.is_empty()).then_some(decided)
        });
        decided.collect()
    }

    /// Begins a history for `cause` at `now`, on that of `previous` if there is one, and
    /// returns what all groups of all pools get.
    pub fn begin_history(
        &mut self,
        previous: Option<&Self>,
        cause: &Cause,
        now: Instant,
    ) -> Vec<Decided> {
        self.touched.clear();
        let pools = previous.map(Self::pools_of_services).unwrap_or_default();
        let plan = Arc::clone(&self.plan);
        let mut services: Vec<Vec<&Service>> = vec![Vec::new(); plan.pools.len()];
        for (service, number) in &plan.services {
            services[usize::from(*number)].push(service);
        }
        let decided = (0..=u16::MAX).zip(services).map(|(number, services)| {
            let before = services.first().and_then(|service| {
                let (previous, known) = (previous?, *pools.get(&service.name)?);
                let pool = &previous.plan.pools[usize::from(known)];
                Some((previous.history[usize::from(known)].clone(), pool))
            });
            let (mut before, pool) = before.unzip();
            let history = before.get_or_insert_default();
            let names = services.iter().take(NAMES_MAX);
            history.services = names
                .map(|service| service.name.fmt_with_dot().to_string())
                .collect();
            history.more_services = services.len().saturating_sub(NAMES_MAX);
            self.compare(number, mem::take(history), pool, cause.clone(), now)
        });
        decided.collect()
    }

    /// The change that the decision of `pool` for `group` comes from, seen at `now`, or
    /// where it `is_divided` the last of who takes how much; `None` where there was none
    /// since the history began.
    pub(super) fn last_change(
        &self,
        pool: u16,
        group: u16,
        is_divided: bool,
        now: Instant,
    ) -> Option<LastChange> {
        let history = &self.history[usize::from(pool)];
        let last = if is_divided {
            history.divided.as_ref()?
        } else {
            history.of(group).last.as_ref()?
        };
        Some(LastChange {
            ago_ms: milliseconds(now.saturating_duration_since(last.at)),
            cause: (*last.cause).clone(),
            from: last.from.clone(),
        })
    }

    /// What all groups of the pool `number` get, against what they got `before`, when it
    /// was `pool_before`; from here on this is what is known.
    fn compare(
        &mut self,
        number: u16,
        before: History,
        pool_before: Option<&Pool>,
        cause: Cause,
        at: Instant,
    ) -> Decided {
        let state = &self.pools[usize::from(number)];
        let pool = &self.plan.pools[usize::from(number)];
        let cause = Arc::new(cause);
        let shares = state.shares_of(pool);
        // While it was divided, no group had one answer.
        let pool_before = pool_before.filter(|_| before.shares.is_empty());
        let mut own: BTreeSet<u16> = state.own_groups().collect();
        own.extend(before.own.keys());
        let mut moves: BTreeMap<(Picks, Picks), Alike> = BTreeMap::new();
        let mut more_groups = 0;
        let mut named = 0;
        let mut known = |group: Option<u16>| -> Known {
            let was = group.map_or(&before.common, |group| before.of(group));
            let picks =
                group.map_or_else(|| common_picks(state), |group| group_picks(state, group));
            let Alike { one, last } = moves.entry((was.picks, picks)).or_insert_with(|| {
                let from = pool_before.map(|pool| outcomes(pool, was.picks));
                let to = outcomes(pool, picks);
                let last = (from.as_ref() != Some(&to)).then(|| Last {
                    at,
                    cause: Arc::clone(&cause),
                    from: from.clone(),
                });
                let one = Move {
                    groups: Vec::new(),
                    others: false,
                    from,
                    to,
                };
                Alike {
                    one,
                    last: last.map(Arc::new),
                }
            });
            match group {
                None => one.others = true,
                Some(group) if named < NAMES_MAX => {
                    named += 1;
                    one.groups
                        .push(self.plan.groups.names[usize::from(group)].clone());
                }
                Some(_) => more_groups += 1,
            }
            Known {
                picks,
                last: last.clone().or_else(|| was.last.clone()),
            }
        };
        let divided = if shares == before.shares {
            before.divided.clone()
        } else {
            Some(Arc::new(Last {
                at,
                cause: Arc::clone(&cause),
                from: None,
            }))
        };
        let history = History {
            common: known(None),
            own: own
                .into_iter()
                .map(|group| (group, known(Some(group))))
                .collect(),
            services: before.services,
            more_services: before.more_services,
            shares: shares.clone(),
            divided,
        };
        let moves = moves.into_values().map(|alike| alike.one);
        let decided = Decided {
            cause: (*cause).clone(),
            services: history.services.clone(),
            more_services: history.more_services,
            moves: moves.filter(|_| shares.is_empty()).collect(),
            shares,
            except: Vec::new(),
            more_groups,
        };
        self.history[usize::from(number)] = history;
        decided
    }
}

impl Decided {
    /// Without groups that get what they got before.
    #[must_use]
    pub fn without_what_stays(mut self) -> Self {
        let stays = |one: &mut Move| one.from.as_ref() == Some(&one.to);
        let staying = self.moves.extract_if(.., stays);
        self.except.extend(staying.flat_map(|one| one.groups));
        self
    }
}

/// What changed of a pool: the first of these that did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// Who may be used.
    Eligible,
    /// The order of this group, the first of those.
    Order(u16),
    /// Who takes how much.
    Shares,
}

/// The pools in `changes`, with which a target's state `settles` or none does: then words
/// of who may be used say only whether there are shares.
fn touched(changes: &[Change], settles: bool) -> BTreeMap<u16, What> {
    let mut touched = BTreeMap::new();
    for change in changes {
        let (pool, what) = match *change {
            Change::Eligible { pool, .. } if settles => (pool, What::Eligible),
            Change::Ranking { pool, group, .. } => (pool, What::Order(group)),
            Change::Eligible { pool, .. } | Change::Shares { pool, .. } => (pool, What::Shares),
        };
        let known = touched.entry(pool).or_insert(what);
        *known = what.min(*known);
    }
    touched
}

#[cfg(test)]
mod tests;
