//! Two programs in turn on one interface: the rig's reflect and veer's.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{
        Xdp,
        links::{FdLink, PinnedLink},
        loaded_programs,
        xdp::XdpLink,
    },
};
use aya_obj::programs::XdpAttachType;
use dns_ebpf::load::{Fate, Kind};
use serde::Serialize;

use crate::{
    load::Step,
    programs,
    subject::{self, Veer},
};

/// The rig's program that drops every frame.
const DROP: &str = "drop";

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Subject {
    /// Sends every frame back.
    Reflect,
    /// As it is shipped.
    Veer,
}

impl Subject {
    pub(super) const ALL: [Self; 2] = [Self::Reflect, Self::Veer];

    /// As reports call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Reflect => "reflect",
            Self::Veer => "veer",
        }
    }

    /// Queries of `step` that got what the program gives.
    pub(super) fn answered(self, step: &Step) -> u64 {
        match self {
            Self::Reflect => step.replies.all(Kind::Hot),
            Self::Veer => step.replies.of(Kind::Hot, Fate::Answer),
        }
    }
}

/// The link of a running `veerd`, whose program changes by a link update: the
/// interface, its rings and its thread stay as they are, and `veerd` lives on
/// beside either.
pub(super) struct Turns {
    link: PathBuf,
    reflect: Ebpf,
    drop: Ebpf,
    veer: Xdp,
}

impl Turns {
    /// Of the program that is attached by now.
    pub(super) fn new(veer: &Veer) -> Result<Self> {
        let link = veer.link()?;
        let info = opened(&link)?.info();
        let id = info
            .with_context(|| link.display().to_string())?
            .program_id();
        let mut programs = loaded_programs().filter_map(Result::ok);
        let program = programs.find(|program| program.id() == id);
        let program = program.with_context(|| format!("there is no BPF program {id}"))?;
        Ok(Self {
            link,
            reflect: programs::load(&[subject::REFLECT])?,
            drop: programs::load(&[DROP])?,
            veer: Xdp::from_program_info(program, "veer".into(), XdpAttachType::Interface)?,
        })
    }

    /// Has `subject` answer from now on.
    pub(super) fn give(&mut self, subject: Subject) -> Result<()> {
        let program = match subject {
            Subject::Reflect => programs::loaded_mut(&mut self.reflect, subject::REFLECT)?,
            Subject::Veer => &mut self.veer,
        };
        put(program, &self.link)
    }

    /// Has everything dropped from now on.
    pub(super) fn drop_all(&mut self) -> Result<()> {
        put(programs::loaded_mut(&mut self.drop, DROP)?, &self.link)
    }
}

/// Puts a program on a pinned link, in place of another.
fn put(program: &mut Xdp, link: &PathBuf) -> Result<()> {
    let mut put = || {
        let id = program.attach_to_link(XdpLink::try_from(opened(link)?)?)?;
        // The pin holds the link; this handle may go.
        program.take_link(id).map(drop)?;
        Ok::<_, anyhow::Error>(())
    };
    put().with_context(|| format!("put a program on {}", link.display()))
}

fn opened(pin: &PathBuf) -> Result<FdLink> {
    let link = PinnedLink::from_pin(pin).with_context(|| format!("open {}", pin.display()))?;
    Ok(link.into())
}
