//! The responder as loaded with one set of constants.

use anyhow::{Context as _, Result, bail};
use aya::programs::Xdp;
use dns_common::outcome::Action;
use serde::Serialize;
use veer::{kernel::Kernel, tables::Tables};

use super::{
    XDP_DROP, XDP_PASS, XDP_TX,
    constants::Set,
    route::Route,
    rows::Row,
    timing::{self, Subject},
};
use crate::fixture;

/// Octets of one instruction (`struct bpf_insn`).
const INSTRUCTION: u32 = 8;

/// What the kernel made of a program.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Size {
    /// Instructions after verification.
    pub(super) instructions: u32,
    /// Octets of machine code; 0 without a JIT compiler.
    pub(super) jited_octets: u32,
}

impl Size {
    pub(super) fn of(program: &Xdp) -> Result<Self> {
        let info = program.info().context("BPF_OBJ_GET_INFO_BY_FD")?;
        Ok(Self {
            instructions: info.size_translated().unwrap_or(0) / INSTRUCTION,
            jited_octets: info.size_jitted(),
        })
    }
}

/// The responder with one set of constants.
pub(super) struct Instance {
    set: Set,
    kernel: Kernel,
    /// They are the program's as long as they are mapped.
    _tables: Tables,
}

impl Instance {
    /// One for each set.
    pub(super) fn load_all() -> Result<Vec<Self>> {
        Set::ALL.into_iter().map(Self::load).collect()
    }

    fn load(set: Set) -> Result<Self> {
        let (kernel, tables) =
            Kernel::load(fixture::CAPACITY, &set.constants()).with_context(|| set.name())?;
        fixture::publish(&tables)?;
        Ok(Self {
            set,
            kernel,
            _tables: tables,
        })
    }

    /// Runs the program on the frame of `row` until that comes to what it is to,
    /// at once or, where a rate must first be used up, the second time. Octets of
    /// the frame after that.
    fn rehearse(&mut self, row: &Row, route: &Route) -> Result<u32> {
        const TRIES: usize = 2;
        let mut before = self.kernel.counts()?.outcomes;
        for _ in 0..TRIES {
            let subject = subject(row, self.kernel.program()?, route);
            let ran = route.run(|| timing::once(&subject))?;
            let after = self.kernel.counts()?.outcomes;
            let number = row.outcome as usize;
            if after[number] == before[number] + 1 {
                return Ok(ran?.1);
            }
            before = after;
        }
        let (name, set) = (row.name, self.set.name());
        let wanted = row.outcome.name();
        bail!("{name} does not come to {wanted} with {set}")
    }
}

/// Makes sure that every one of `rows` comes to its outcome; octets of each
/// frame after that.
pub(super) fn rehearse(
    instances: &mut [Instance],
    rows: &[Row],
    route: &Route,
) -> Result<Vec<u32>> {
    let octets = rows.iter().map(|row| {
        let mut instances = instances.iter_mut();
        let instance = instances.find(|instance| instance.set == row.set);
        instance
            .context("every set is loaded")?
            .rehearse(row, route)
    });
    octets.collect()
}

/// The programs of `instances`.
pub(super) fn programs(instances: &mut [Instance]) -> Result<Vec<(Set, &Xdp)>> {
    let programs = instances.iter_mut().map(|instance| {
        let program: &Xdp = instance.kernel.program()?;
        Ok((instance.set, program))
    });
    programs.collect()
}

/// `row` as what is timed.
pub(super) fn subject<'p>(row: &'p Row, program: &'p Xdp, route: &Route) -> Subject<'p> {
    Subject {
        name: row.name,
        program,
        frame: &row.frame,
        context: route.context(row.frame.len()),
        verdict: match row.outcome.action() {
            Action::Drop => XDP_DROP,
            Action::Up => XDP_PASS,
            Action::Reply => XDP_TX,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xdp::rows::rows;

    #[test]
    fn every_query_comes_to_its_outcome_and_what_is_off_is_gone() {
        let route = Route::new().expect("a lab; run this as root");
        let mut instances = Instance::load_all().expect("programs; run this as root");
        let rows = rows().expect("queries");
        rehearse(&mut instances, &rows, &route).expect("as the rows say");

        let programs = programs(&mut instances).expect("they are loaded");
        let instructions = |set| {
            let found = programs.iter().find(|(known, _)| *known == set);
            let (_, program) = found.expect("every set is loaded");
            Size::of(program).expect("its size").instructions
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
