//! One frame through both planes.

use std::{
    cell::Cell,
    net::IpAddr,
    panic::{self, AssertUnwindSafe},
};

use anyhow::{Context as _, Result, bail};
use aya::programs::{TestRun as _, TestRunOptions};
use dns_common::{
    host::{Constants, Host},
    name::{LABELS_MAX, NAME_WORDS},
    outcome::{Action, Outcome},
    respond,
    tables::{Control, Source, Tables as _},
};
use veer::{
    authority::{respond::Transport, server::Handler as _},
    clock::{BootClock, Clock as _},
};

use super::{
    check::{self, Parts},
    options::KEEPALIVE,
    wire,
    world::World,
};

const SECOND_NS: u64 = 1_000_000_000;
/// The longest reply the kernel sends, octets: an Ethernet frame's without the
/// headers of IPv6 and UDP.
const REPLY_MAX: usize = 1500 - 40 - 8;
/// Room for any frame that comes out.
const ROOM: usize = 4096;

/// What a frame came to, and what was wrong with that.
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    pub(super) fault: Option<Fault>,
}

/// What should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The planes differ.
    Difference(String),
    /// A reply that is none.
    Malformed(String),
    /// The authority says something else.
    Authority(String),
}

/// Runs frames, one after another, over the same buffers.
pub(super) struct Runner {
    out: Vec<u8>,
    reply: Vec<u8>,
    full: Vec<u8>,
}

impl Runner {
    pub(super) fn new() -> Self {
        Self {
            out: vec![0; ROOM],
            reply: Vec::new(),
            full: Vec::new(),
        }
    }

    /// Runs `frame` through both planes of `world`. The error is the rig's own.
    pub(super) fn run(&mut self, world: &mut World, frame: &[u8]) -> Result<Ran> {
        let (action, len) = self.kernel(world, frame)?;
        // Whatever it is given, userspace must not panic.
        let world = &*world;
        let judged =
            panic::catch_unwind(AssertUnwindSafe(|| self.judge(world, frame, action, len)));
        Ok(judged.unwrap_or_else(|_| Ran {
            outcome: Outcome::DropBroken,
            fault: Some(Fault::Difference("userspace panicked".to_owned())),
        }))
    }

    /// Runs the program, within one second of the clock, at which userspace's
    /// stands then. The verdict, and the frame's length.
    fn kernel(&mut self, world: &mut World, frame: &[u8]) -> Result<(Action, usize)> {
        let offset = world.tables.control().map_or(0, Control::clock_offset_ns);
        let second = |now: u64| now.wrapping_add(offset) / SECOND_NS;
        loop {
            let before = BootClock.now_ns();
            let result = world
                .kernel
                .program()?
                .test_run(TestRunOptions {
                    data_in: Some(frame),
                    data_out: Some(&mut self.out),
                    ..TestRunOptions::new()
                })
                .with_context(|| format!("BPF_PROG_TEST_RUN with {} octets", frame.len()))?;
            if second(before) != second(BootClock.now_ns()) {
                continue;
            }
            world.clock.set(before);
            // As in <linux/bpf.h>.
            let action = match result.return_value {
                1 => Action::Drop,
                2 => Action::Up,
                3 => Action::Reply,
                other => bail!("verdict {other}"),
            };
            return Ok((action, result.data_size_out as usize));
        }
    }

    /// Holds what the kernel did against what userspace does.
    fn judge(&mut self, world: &World, frame: &[u8], action: Action, len: usize) -> Ran {
        let read = wire::read(frame, &world.addresses, world.port);
        let decided = read.and_then(|datagram| {
            let message = datagram.message(frame);
            self.fast(world, message, datagram.source)
                .map(|outcome| (outcome, datagram))
        });
        let out = &self.out[..len];
        let mut fault = None;
        let outcome = match decided {
            Ok((outcome, datagram)) => {
                let expected = wire::back(frame, &datagram, &self.reply);
                if action != Action::Reply || expected != out {
                    fault = Some(Fault::Difference(format!(
                        "userspace: {} {expected:02x?}, kernel: {action:?} {out:02x?}",
                        outcome.name()
                    )));
                } else {
                    let message = datagram.message(frame);
                    fault = self.answered(world, message, datagram.source).err();
                }
                outcome
            }
            Err(outcome) => {
                if action != outcome.action() || action == Action::Up && out != frame {
                    fault = Some(Fault::Difference(format!(
                        "userspace: {}, kernel: {action:?} {out:02x?}",
                        outcome.name()
                    )));
                } else if let Ok(datagram) = wire::read(frame, &world.addresses, world.port) {
                    let message = datagram.message(frame);
                    fault = self.up(world, message, datagram.source).err();
                }
                outcome
            }
        };
        Ran { outcome, fault }
    }

    /// What the shared code makes of `message`, in userspace.
    fn fast(&mut self, world: &World, message: &[u8], source: IpAddr) -> Result<Outcome, Outcome> {
        let generation = world.tables.generation(1);
        let host = Here::new(world);
        let tables = &*world.tables;
        let reply = respond(message, Source::from(source), tables, &generation, &host)?;
        self.reply.clear();
        self.reply.extend(&message[..reply.question_end()]);
        self.reply.resize(reply.len(), 0);
        match reply.write(self.reply.as_mut_slice(), tables) {
            Some(()) => Ok(reply.outcome()),
            None => Err(Outcome::DropBroken),
        }
    }

    /// Looks at a reply of both planes to `query`, beside the authority's.
    fn answered(&mut self, world: &World, query: &[u8], source: IpAddr) -> Result<(), Fault> {
        let payload = world.constants.payload as u16;
        let kernel = check::kernel(query, &self.reply, payload).map_err(Fault::Malformed)?;
        let transport = if has_option(query, KEEPALIVE) {
            // On a stream it would be looked at.
            Transport::Udp
        } else {
            Transport::Tcp { timeout: 100 }
        };
        world
            .plane
            .authority(query, source, transport, &mut self.full);
        let authority = check::any(query, &self.full, usize::from(u16::MAX));
        let authority: Parts = authority.map_err(Fault::Authority)?;
        check::same(&kernel, &authority).map_err(Fault::Authority)
    }

    /// Looks at what userspace says to a `query` that was passed up.
    fn up(&mut self, world: &World, query: &[u8], source: IpAddr) -> Result<(), Fault> {
        let handled = world
            .plane
            .handle(query, source, Transport::Udp, &mut self.full);
        if handled.is_answered() {
            let payload = world.constants.payload as usize;
            check::any(query, &self.full, payload).map_err(Fault::Malformed)?;
        }
        Ok(())
    }
}

/// Whether the OPT record at the end of a well-formed query has an option.
fn has_option(query: &[u8], code: u16) -> bool {
    let Ok(query) = super::reader::read(query) else {
        return false;
    };
    let opt = query.sections[2].first();
    let options = opt.map(super::reader::Record::options);
    matches!(options, Some(Ok(options)) if options.iter().any(|option| option.0 == code))
}

/// The kernel's host, in userspace.
struct Here<'w> {
    world: &'w World,
    labels: [Cell<u8>; LABELS_MAX + 1],
    hashes: [Cell<u64>; NAME_WORDS],
}

impl<'w> Here<'w> {
    fn new(world: &'w World) -> Self {
        Self {
            world,
            labels: [const { Cell::new(0) }; LABELS_MAX + 1],
            hashes: [const { Cell::new(0) }; NAME_WORDS],
        }
    }
}

impl Host for Here<'_> {
    fn constants(&self) -> &Constants {
        &self.world.constants
    }

    fn now_ns(&self) -> u64 {
        self.world.clock.now_ns()
    }

    fn now_s(&self) -> u32 {
        let offset = self
            .world
            .tables
            .control()
            .map_or(0, Control::clock_offset_ns);
        (self.now_ns().wrapping_add(offset) / SECOND_NS) as u32
    }

    fn reply_max(&self) -> usize {
        REPLY_MAX
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn count_limited(&self) -> u64 {
        0
    }

    fn set_label(&self, index: usize, at: u8) {
        self.labels[index].set(at);
    }

    fn label(&self, index: usize) -> u8 {
        self.labels[index].get()
    }

    fn set_hash(&self, index: usize, hash: u64) {
        self.hashes[index].set(hash);
    }

    fn hash(&self, index: usize) -> u64 {
        self.hashes[index].get()
    }
}
