//! Rows of one size: the responder and both floors in turn, on the same packets.

use std::iter;

use anyhow::{Context as _, Result};

use super::{
    cache::Eviction,
    constants::Set,
    instance::{Code, Instance},
    lines::{self, Lines},
    queries::{self, Query},
    quiet::{self, Fastest, Turns},
    route::Route,
    rows::{Access, Row},
    timing::{self, Packet, Subject, Times, Turn},
    world::{Size, World},
};
use crate::{fixture::Filling, random::Random};

/// Runs of one program in a row, where caches are warm: so many that what other
/// programs left there is of no weight.
const TURN: Turn = Turn {
    warm_up: 50,
    counted: 500,
};
/// Where they are empty there is nothing to warm up.
const COLD_TURN: Turn = Turn {
    warm_up: 0,
    counted: 10,
};
/// Emptying the caches takes thousands of times as long as a run, so there are
/// fewer runs then.
const COLD_ONE_IN: usize = 200;

/// Random queries that are tried before they are measured.
const TRIED: usize = 64;
/// Random queries by whose answers lines are counted: many times as many as make
/// a line a shared one.
const WATCHED: usize = 5_000;

/// The programs that do next to nothing.
#[derive(Clone, Copy)]
pub(super) struct Floors<'p> {
    pub(super) drop: Subject<'p>,
    pub(super) reflect: Subject<'p>,
}

/// One row's results.
pub(super) struct Measured {
    pub(super) row: Row,
    pub(super) size: Size,
    /// Octets of the frame that comes in, and of what it becomes.
    pub(super) frame_octets: [u32; 2],
    /// Runs of each program that count.
    pub(super) runs: usize,
    /// Turns that do not, see [`super::quiet`].
    pub(super) set_aside: usize,
    pub(super) responder: Times,
    pub(super) reflect: Times,
    pub(super) drop: Times,
    /// Of random queries that are answered: what the answers read.
    pub(super) lines: Option<Lines>,
}

/// The programs for `rows`, over tables that hold `world`.
///
/// `progress` is told what comes next.
pub(super) fn load(world: &World, rows: &[Row], progress: impl Fn(&str)) -> Result<Vec<Instance>> {
    let capacity = world.bulk.capacity();
    let sets = Set::ALL.into_iter();
    let sets = sets.filter(|set| rows.iter().any(|row| row.set == *set));
    progress("loading programs");
    let loaded = sets.map(|set| Instance::load(set, capacity));
    let instances = loaded.collect::<Result<Vec<_>>>()?;
    progress("filling tables");
    let filling = Filling::new(&world.bulk)?;
    for instance in &instances {
        filling.publish(&instance.tables)?;
    }
    Ok(instances)
}

/// What the kernel made of the programs of `instances`.
pub(super) fn codes(instances: &[Instance]) -> Result<Vec<(Set, Vec<Code>)>> {
    let codes = instances.iter().map(|instance| {
        let codes = instance.codes().with_context(|| instance.set.name())?;
        Ok((instance.set, codes))
    });
    codes.collect()
}

/// A row with what it is measured on.
pub(super) struct Prepared<'w> {
    row: Row,
    world: &'w World,
    route: &'w Route,
    random: Random,
    frame_octets: [u32; 2],
    lines: Option<Lines>,
    turns: Turns,
}

impl<'w> Prepared<'w> {
    /// Makes sure that queries come to the row's outcome. To be called in a
    /// thread of `route`.
    pub(super) fn new(
        row: Row,
        world: &'w World,
        route: &'w Route,
        instances: &mut [Instance],
    ) -> Result<Self> {
        let mut prepared = Self {
            random: Random::new(world.size.names as u64, world.size.prefixes as u64),
            row,
            world,
            route,
            frame_octets: [0; 2],
            lines: None,
            turns: Turns::default(),
        };
        let packets = prepared.packets(TRIED)?;
        let watched = match prepared.row.access {
            Access::Random => prepared.queries(WATCHED)?,
            Access::Hot | Access::Cold => Vec::new(),
        };
        let Row {
            family,
            set,
            outcome,
            ..
        } = &prepared.row;
        let instance = of(instances, *set)?;
        let after = instance.rehearse(&family.name, *outcome, &packets)?;
        if !watched.is_empty() {
            let read = lines::read(&watched, &instance.tables, &set.constants());
            prepared.lines = Some(read.with_context(|| family.name.clone())?);
        }
        let before = packets.first().map_or(0, |packet| packet.frame.len());
        prepared.frame_octets = [before as u32, after];
        Ok(prepared)
    }

    /// So many queries; where all are the same, one.
    fn queries(&mut self, count: usize) -> Result<Vec<Query>> {
        let family = &self.row.family;
        match self.row.access {
            Access::Hot | Access::Cold => Ok(vec![queries::hot(family)?]),
            Access::Random => {
                let any = || queries::any(family, self.world, &mut self.random);
                iter::repeat_with(any).take(count).collect()
            }
        }
    }

    /// The same as what a program is given.
    fn packets(&mut self, count: usize) -> Result<Vec<Packet>> {
        let queries = self.queries(count)?;
        let packets = queries.iter().map(|query| {
            let frame = query.frame(self.row.family.tags);
            // Only who asks for routes has to know where the frame came from.
            let asks = self.row.set == Set::ReplyByFib;
            let context = asks.then(|| self.route.context(frame.len()));
            Packet { frame, context }
        });
        Ok(packets.collect())
    }

    fn turn(&self) -> Turn {
        match self.row.access {
            Access::Cold => COLD_TURN,
            Access::Hot | Access::Random => TURN,
        }
    }

    /// Turns that make `runs` runs, or as many as are enough with empty caches.
    fn wanted(&self, runs: usize) -> usize {
        let runs = match self.row.access {
            Access::Cold => runs / COLD_ONE_IN,
            Access::Hot | Access::Random => runs,
        };
        runs.div_ceil(self.turn().counted).max(1)
    }

    /// Whether `runs` runs have been that count.
    pub(super) fn is_done(&self, runs: usize, fastest: Fastest) -> bool {
        self.turns.are_enough(self.wanted(runs), fastest)
    }

    /// Gives each program a turn on the same packets, in a row of cold ones after
    /// `eviction` each time.
    pub(super) fn take_turns(
        &mut self,
        instances: &mut [Instance],
        floors: Floors<'_>,
        eviction: Option<&Eviction>,
        fastest: &mut Fastest,
    ) -> Result<()> {
        let turn = self.turn();
        let packets = self.packets(turn.runs())?;
        let eviction = eviction.filter(|_| self.row.access == Access::Cold);
        let Row {
            family,
            set,
            outcome,
            ..
        } = &self.row;
        let responder = of(instances, *set)?.subject(&family.name, *outcome)?;
        let subjects = [responder, floors.reflect, floors.drop];
        let mut times = quiet::Times::default();
        for (subject, times) in subjects.into_iter().zip(&mut times) {
            timing::take(subject, &packets, turn, eviction, times)?;
        }
        let [_, _, drop] = &times;
        let drop = (eviction.is_none()).then(|| timing::summarize(drop.clone()).mean_of_fastest_90);
        self.turns.add(drop, times, fastest);
        Ok(())
    }

    /// The results, after the turns that make `runs` runs.
    pub(super) fn finish(self, runs: usize, fastest: Fastest) -> Measured {
        let wanted = self.wanted(runs);
        let counted = self.turns.counted(wanted, fastest);
        let [responder, reflect, drop] = counted.times;
        Measured {
            row: self.row,
            size: self.world.size,
            frame_octets: self.frame_octets,
            runs: responder.len(),
            set_aside: counted.set_aside,
            responder: timing::summarize(responder),
            reflect: timing::summarize(reflect),
            drop: timing::summarize(drop),
            lines: self.lines,
        }
    }
}

fn of(instances: &mut [Instance], set: Set) -> Result<&mut Instance> {
    let found = instances.iter_mut().find(|instance| instance.set == set);
    found.with_context(|| format!("no program is loaded with {}", set.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdp::rows::{FEATURES, HEADLINE, rows};

    #[test]
    fn every_query_comes_to_its_outcome_and_what_is_off_is_gone() {
        let route = Route::new().expect("a lab; run this as root");
        let world = World::new(Size {
            names: 100,
            prefixes: 200,
        });
        let world = world.expect("names and prefixes");
        let rows: Vec<Row> = [FEATURES, HEADLINE].into_iter().flat_map(rows).collect();
        let mut instances = load(&world, &rows, |_| {}).expect("programs; run this as root");
        let prepared = route.run(|| {
            rows.into_iter()
                .try_for_each(|row| Prepared::new(row, &world, &route, &mut instances).map(drop))
        });
        prepared.expect("a thread").expect("as the rows say");

        let codes = codes(&instances).expect("sizes");
        let instructions = |set| {
            let found = codes.iter().find(|(known, _)| *known == set);
            let (_, codes) = found.expect("every set is loaded");
            codes.iter().map(|code| code.instructions).sum::<u32>()
        };
        let off = instructions(Set::Off);
        for set in Set::ALL.into_iter().filter(|set| *set != Set::Off) {
            let on = instructions(set);
            let name = set.name();
            assert!(off < on, "{off} with all off, {on} with {name}");
        }
        assert_eq!(instructions(Set::Rates), instructions(Set::OverRates));
    }
}
