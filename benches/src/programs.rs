//! The rig's programs, in the kernel.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{Xdp, links::FdLink},
};
use xtask::{
    ebpf::Program,
    lab::veth::{self, End},
};

/// The rig's object, with the programs `names` loaded.
pub(crate) fn load(names: &[&str]) -> Result<Ebpf> {
    let object = Program::Rig.object()?;
    let mut rig = Ebpf::load_file(&object).with_context(|| format!("load {}", object.display()))?;
    for name in names {
        let program = loaded_mut(&mut rig, name)?;
        program.load().with_context(|| format!("load {name}"))?;
    }
    Ok(rig)
}

/// One of its programs.
pub(crate) fn loaded<'r>(rig: &'r Ebpf, name: &str) -> Result<&'r Xdp> {
    let program = rig.program(name);
    let program = program.with_context(|| format!("the rig has no program {name}"))?;
    Ok(program.try_into()?)
}

/// One of its programs, to be attached.
pub(crate) fn loaded_mut<'r>(rig: &'r mut Ebpf, name: &str) -> Result<&'r mut Xdp> {
    let program = rig.program_mut(name);
    let program = program.with_context(|| format!("the rig has no program {name}"))?;
    Ok(program.try_into()?)
}

/// One of its programs, on an interface for as long as this value lives.
pub(crate) struct Attached {
    _rig: Ebpf,
    _link: FdLink,
}

impl Attached {
    /// Loads the program `name` and attaches it to `end`, which must have none.
    pub(crate) fn new(name: &str, end: End) -> Result<Self> {
        let mut rig = load(&[name])?;
        let link = veth::attach(loaded_mut(&mut rig, name)?, end)?;
        Ok(Self {
            _rig: rig,
            _link: link,
        })
    }
}
