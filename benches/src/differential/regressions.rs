//! Queries that failed once, each a file, run again by the tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use xtask::cargo;

use super::{
    pair::{Fault, Runner},
    stint::miscounted,
    world::{SETUPS, World},
};

/// Where they are.
const DIRECTORY: &str = "benches/regressions";
/// What their names end with.
const EXTENSION: &str = "txt";

/// A frame, and the state of the world that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// As [`World::load`] takes it.
    setup: usize,
    /// As [`World::turn`] takes it.
    turn: u64,
    frame: Vec<u8>,
}

impl Case {
    pub(super) fn new(setup: usize, turn: u64, frame: &[u8]) -> Self {
        Self {
            setup,
            turn,
            frame: frame.to_vec(),
        }
    }

    /// Writes it to a file of its own, with what was wrong for a reader.
    pub(super) fn save(&self, fault: &Fault) -> Result<PathBuf> {
        let directory = cargo::root().join(DIRECTORY);
        fs::create_dir_all(&directory)
            .with_context(|| format!("create {}", directory.display()))?;
        let kind = match fault {
            Fault::Difference(_) => "difference",
            Fault::Malformed(_) => "malformed",
            Fault::Authority(_) => "authority",
        };
        let file = directory.join(format!("{kind}-{:016x}.{EXTENSION}", hash(&self.frame)));
        let text = self.text(fault);
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        Ok(file)
    }

    fn text(&self, fault: &Fault) -> String {
        let digits = self.frame.iter().map(|octet| format!("{octet:02x}"));
        let digits: String = digits.collect();
        let Self { setup, turn, .. } = self;
        format!("setup {setup}\nturn {turn}\nframe {digits}\nwas {fault:?}\n")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let setup = field("setup")?.parse().ok()?;
        let turn = field("turn")?.parse().ok()?;
        let digits = field("frame")?;
        let octets = (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok());
        Some(Self {
            setup,
            turn,
            frame: octets.collect::<Option<_>>()?,
        })
    }

    fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no case", file.display()))
    }

    /// Runs it in `world`, which is that of its setup.
    fn run(&self, runner: &mut Runner, world: &mut World) -> Result<Option<Fault>> {
        world.turn(self.turn);
        let ran = runner.run(world, &self.frame)?;
        match ran.fault {
            Some(fault) => Ok(Some(fault)),
            None => miscounted(runner, world, &self.frame),
        }
    }
}

/// Runs every case that is kept; those that fail.
pub(super) fn replay() -> Result<Vec<(PathBuf, Fault)>> {
    let directory = cargo::root().join(DIRECTORY);
    let entries = fs::read_dir(&directory);
    let entries = entries.with_context(|| format!("read {}", directory.display()))?;
    let mut cases = Vec::new();
    for entry in entries {
        let file = entry?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
        {
            let case = Case::read(&file)?;
            cases.push((file, case));
        }
    }
    let mut failed = Vec::new();
    for setup in 0..SETUPS.len() {
        let mut of_setup = cases
            .iter()
            .filter(|(_, case)| case.setup == setup)
            .peekable();
        if of_setup.peek().is_none() {
            continue;
        }
        let (mut runner, mut world) = (Runner::new(), World::load(setup)?);
        for (file, case) in of_setup {
            let fault = case.run(&mut runner, &mut world)?;
            failed.extend(fault.map(|fault| (file.clone(), fault)));
        }
    }
    Ok(failed)
}

/// FNV-1a, for a name that tells frames apart.
fn hash(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let case = Case::new(2, 77, &[0, 1, 0xab, 0xff]);
        let text = case.text(&Fault::Malformed("anything\nat all".to_owned()));
        assert_eq!(Case::parse(&text), Some(case));
    }
}
