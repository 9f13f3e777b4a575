//! Slots divided among candidates: one taker for each, in exact numbers.

use std::cmp::Reverse;

use dns_common::decision::{CANDIDATES_MAX, SLOTS};

use super::{Key, Shares};

/// By slot, the number of the candidate who takes it.
type Owners = [u8; SLOTS];

/// Takes no slot.
const NOBODY: u8 = u8::MAX;

/// How many of all slots each of `weights` gets, by largest remainder: none is further
/// from its part than a slot. Without a weight above 0 nobody gets any.
pub fn quotas(weights: &[u64]) -> Vec<u16> {
    let total: u128 = weights.iter().copied().map(u128::from).sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let part = |weight: &u64| u128::from(*weight) * SLOTS as u128;
    let mut quotas: Vec<u16> = weights
        .iter()
        .map(|weight| (part(weight) / total) as u16)
        .collect();
    let left = SLOTS - quotas.iter().copied().map(usize::from).sum::<usize>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    // The first of equals.
    order.sort_by_key(|number| Reverse(part(&weights[*number]) % total));
    for number in order.into_iter().take(left) {
        quotas[number] += 1;
    }
    quotas
}

/// Who takes each slot by `quotas`, which are of all slots. As few change hands since
/// `previous` as there can; which ones leads towards where it would be without a
/// previous one. So a candidate that comes back gets what it had.
pub(super) fn divide(keys: &[Key], quotas: &[u16], previous: &Shares) -> Owners {
    let distances = Distances::new(keys, quotas);
    let nearest = distances.nearest();
    let mut ideal = nearest;
    distances.settle(&mut ideal, &nearest, quotas);
    if previous.is_empty() {
        return ideal;
    }
    let mut owners = std::array::from_fn(|slot| {
        let takers = previous.takers(slot);
        let owner = takers.trailing_zeros() as u8;
        let is_one = takers.is_power_of_two() && usize::from(owner) < keys.len();
        if is_one { owner } else { NOBODY }
    });
    distances.settle(&mut owners, &ideal, quotas);
    owners
}

/// How far each slot is from each candidate. The nearest is a candidate by the
/// probability of its quota, and stays so while only others' quotas change among
/// themselves (weighted rendezvous hashing).
struct Distances(Vec<[f64; CANDIDATES_MAX]>);

impl Distances {
    fn new(keys: &[Key], quotas: &[u16]) -> Self {
        let mut distances = vec![[f64::INFINITY; CANDIDATES_MAX]; SLOTS];
        for (slot, of_slot) in distances.iter_mut().enumerate() {
            let candidates = keys.iter().zip(quotas).zip(of_slot);
            for ((key, quota), distance) in candidates.filter(|((_, quota), _)| **quota > 0) {
                // Between 0 and 1, neither of which it is.
                let high = (key.hash(slot) >> 32) as u32;
                let even = (f64::from(high) + 0.5) / 2_f64.powi(32);
                *distance = -even.ln() / f64::from(*quota);
            }
        }
        Self(distances)
    }

    fn of(&self, slot: usize, candidate: u8) -> f64 {
        let of_slot = &self.0[slot];
        of_slot
            .get(usize::from(candidate))
            .copied()
            .unwrap_or(f64::INFINITY)
    }

    fn nearest(&self) -> Owners {
        std::array::from_fn(|slot| {
            let candidates = 0..CANDIDATES_MAX as u8;
            let by_distance = |a: &u8, b: &u8| self.of(slot, *a).total_cmp(&self.of(slot, *b));
            candidates.min_by(by_distance).unwrap_or(NOBODY)
        })
    }

    /// Has `owners` hold what `quotas` say, towards `ideal`: who has too many leaves first
    /// what another with room should have, then what is farthest; what is left goes to
    /// whose it should be, then to the nearest, where there is room.
    fn settle(&self, owners: &mut Owners, ideal: &Owners, quotas: &[u16]) {
        let mut room = [0_i32; CANDIDATES_MAX];
        for (room, quota) in room.iter_mut().zip(quotas) {
            *room = i32::from(*quota);
        }
        for owner in owners.iter().filter(|owner| **owner != NOBODY) {
            room[usize::from(*owner)] -= 1;
        }
        let mut slots: Vec<usize> = (0..SLOTS).collect();
        slots.sort_by(|a, b| {
            let stays = |slot: usize| {
                let wanted = usize::from(ideal[slot]);
                (owners[slot] == ideal[slot], room[wanted] <= 0)
            };
            let near = |slot: usize| self.of(slot, owners[slot]);
            stays(*a)
                .cmp(&stays(*b))
                .then(near(*b).total_cmp(&near(*a)))
        });
        let mut free = Vec::new();
        for slot in slots {
            match owners[slot] {
                NOBODY => free.push(slot),
                owner if room[usize::from(owner)] < 0 => {
                    room[usize::from(owner)] += 1;
                    free.push(slot);
                }
                _ => {}
            }
        }
        free.retain(|slot| {
            let wanted = ideal[*slot];
            let has_room = room[usize::from(wanted)] > 0;
            if has_room {
                room[usize::from(wanted)] -= 1;
                owners[*slot] = wanted;
            }
            !has_room
        });
        let with_room = || (0..CANDIDATES_MAX as u8).filter(|owner| room[usize::from(*owner)] > 0);
        let pairs = free
            .iter()
            .flat_map(|slot| with_room().map(|owner| (*slot, owner)));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_by(|(a, by), (b, other)| self.of(*a, *by).total_cmp(&self.of(*b, *other)));
        let mut is_free = [false; SLOTS];
        for slot in free {
            is_free[slot] = true;
        }
        for (slot, owner) in pairs {
            if is_free[slot] && room[usize::from(owner)] > 0 {
                is_free[slot] = false;
                room[usize::from(owner)] -= 1;
                owners[slot] = owner;
            }
        }
    }
}
