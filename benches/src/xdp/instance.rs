//! The responder as loaded with one set of constants.

use anyhow::{Context as _, Result, bail};
use dns_common::outcome::{Action, Outcome};
use serde::Serialize;
use veer::{
    kernel::Kernel,
    tables::{Capacity, Tables},
};

use super::{
    XDP_DROP, XDP_PASS, XDP_TX,
    constants::Set,
    timing::{self, Packet, Subject},
};

/// Octets of one instruction (`struct bpf_insn`).
const INSTRUCTION: u32 = 8;

/// What the kernel made of a program.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Code {
    pub(super) name: &'static str,
    /// Instructions that the verifier followed, on every way that it took; `None` before
    /// kernel 5.16.
    pub(super) verified: Option<u32>,
    /// Instructions after verification.
    pub(super) instructions: u32,
    /// Octets of machine code; 0 without a JIT compiler.
    pub(super) jited_octets: u32,
}

/// The responder with one set of constants, and its tables.
pub(super) struct Instance {
    pub(super) set: Set,
    kernel: Kernel,
    pub(super) tables: Tables,
}

impl Instance {
    /// With empty tables.
    pub(super) fn load(set: Set, capacity: Capacity) -> Result<Self> {
        let (kernel, tables) =
            Kernel::load(capacity, &set.constants()).with_context(|| set.name())?;
        tables.set_vouched_until_ns(u64::MAX);
        Ok(Self {
            set,
            kernel,
            tables,
        })
    }

    /// What the kernel made of its programs.
    pub(super) fn codes(&self) -> Result<Vec<Code>> {
        let infos = self.kernel.infos()?;
        let codes = infos.into_iter().map(|(name, info)| Code {
            name,
            verified: info.verified_instruction_count(),
            instructions: info.size_translated().unwrap_or(0) / INSTRUCTION,
            jited_octets: info.size_jitted(),
        });
        Ok(codes.collect())
    }

    /// What its program is to do with queries that come to `outcome`.
    pub(super) fn subject<'i>(
        &'i mut self,
        name: &'i str,
        outcome: Outcome,
    ) -> Result<Subject<'i>> {
        Ok(Subject {
            name,
            program: self.kernel.program()?,
            verdict: match outcome.action() {
                Action::Drop => XDP_DROP,
                Action::Up => XDP_PASS,
                Action::Reply => XDP_TX,
            },
        })
    }

    /// Runs the program on each packet until that comes to `outcome`, at once or,
    /// where a rate must first be used up, the second time; octets of the first
    /// one's frame after that.
    pub(super) fn rehearse(
        &mut self,
        name: &str,
        outcome: Outcome,
        packets: &[Packet],
    ) -> Result<u32> {
        let octets = packets
            .iter()
            .map(|packet| self.try_out(name, outcome, packet));
        let octets = octets.collect::<Result<Vec<_>>>()?;
        octets.first().copied().context("a packet to try")
    }

    fn try_out(&mut self, name: &str, outcome: Outcome, packet: &Packet) -> Result<u32> {
        const TRIES: usize = 2;
        for _ in 0..TRIES {
            let before = self.kernel.counts()?.outcomes;
            let ran = timing::once(self.subject(name, outcome)?, packet);
            let after = self.kernel.counts()?.outcomes;
            if after[outcome as usize] == before[outcome as usize] + 1 {
                return Ok(ran?.1);
            }
        }
        let (set, wanted) = (self.set.name(), outcome.name());
        bail!("{name} does not come to {wanted} with {set}")
    }
}
