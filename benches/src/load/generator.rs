//! The load generator: the rig's `offer`, run on live frames.
//!
//! One `BPF_PROG_TEST_RUN` lasts for the whole run, because setting one up
//! takes some 30 ms; a signal ends it. Where the kernel ends it before, it is
//! started again.

use std::{
    io, process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use aya::{
    Ebpf, Pod,
    maps::{Array, Map, MapError},
    programs::{ProgramError, TestRun as _, TestRunAttrs, TestRunOptions, Xdp},
};
use core_affinity::CoreId;
use dns_ebpf::load::{
    self as abi, Kind, ONLY, PIECE_OCTETS, Progress, SHARE_WHOLE, TICKS_PER_NS, Template,
};
use serde::Serialize;
use xtask::lab::veth::End;

use super::{SOURCES, SOURCES_PREFIX, query::Templates, ratio_of};
use crate::{
    programs,
    rig::{self, CLIENT_CPU, Priority},
};

const PROGRAM: &str = "offer";
/// What the thread that runs it is called.
pub(super) const THREAD: &str = "load-generator";
const LOAD: &str = "LOAD";
const TEMPLATES: &str = "TEMPLATES";
const PROGRESS: &str = "PROGRESS";

/// Frames that are made at a time; those due go out in bulks of up to 16. Replies are
/// received between two batches: with twice as many, which the kernel allows, each
/// batch's overflow the veth's ring of 256. With fewer the kernel keeps fewer pages for the
/// next batch than are on their way.
const BATCH: u32 = 128;

/// The same where queries are stamped: replies are received only between two
/// batches, so a batch's time is part of their latency.
const BATCH_STAMPED: u32 = 16;

/// A pause longer than this, nanoseconds, is not made up for: its queries would
/// come as a burst, and a veth's ring holds 256.
const BEHIND_MAX_NS: u32 = 50_000;

/// How often is looked whether the generator has begun, and told to end until it has.
const POLL: Duration = Duration::from_millis(1);

/// What to offer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mix {
    /// Queries per second.
    pub(crate) rate: f64,
    /// Share of the flood, 0 to 1.
    pub(crate) flood_share: f64,
}

/// What was offered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Sent {
    /// Hot queries.
    pub(crate) hot: u64,
    /// Flood queries.
    pub(crate) flood: u64,
    /// From the first until the generator was told to end, or to the last where
    /// it is run by hand, seconds.
    pub(crate) seconds: f64,
}

impl Sent {
    /// Queries per second.
    pub(crate) fn rate(&self) -> f64 {
        ratio_of(self.hot + self.flood) / self.seconds
    }
}

/// The program, with its templates.
pub(super) struct Generator {
    pub(super) rig: Ebpf,
    load: abi::Load,
    /// What a frame is made of.
    frame: Vec<u8>,
}

impl Generator {
    /// One that sends `templates` out of the interface of that index.
    pub(super) fn new(interface: u32, templates: &Templates) -> Result<Self> {
        let mut rig = programs::load(&[PROGRAM])?;
        let mut map: Array<_, TemplateValue> = map_mut(&mut rig, TEMPLATES)?;
        let all = templates.hot.iter().chain([&templates.flood]);
        for (index, template) in (0..).zip(all) {
            let written = map.set(index, TemplateValue(*template), 0);
            written.with_context(|| format!("writing {TEMPLATES}"))?;
        }
        let load = abi::Load {
            behind_max: BEHIND_MAX_NS * TICKS_PER_NS as u32,
            hot: templates.hot.len() as u32,
            flood: 1,
            interface,
            source: u32::from_le_bytes(SOURCES.octets()),
            source_mask: (u32::MAX >> SOURCES_PREFIX).swap_bytes(),
            ..abi::Load::default()
        };
        let templates = templates.hot.iter().chain([&templates.flood]);
        let longest = templates.map(|template| template.len as usize).max();
        // More than the longest: the end must move in every frame.
        let octets = (longest.unwrap_or(0) + 1).next_multiple_of(PIECE_OCTETS);
        let frame = vec![0; octets];
        Ok(Self { rig, load, frame })
    }

    /// Has queries stamped from now on, or not.
    pub(super) fn stamp(&mut self, stamped: bool) {
        self.load.stamped = stamped.into();
    }

    /// Sends `mix` for about `time` from the client's core, out of `end`.
    pub(super) fn run(&mut self, end: End, mix: Mix, time: Duration) -> Result<Sent> {
        self.order(mix)?;
        let told_to_end = Arc::new(AtomicBool::new(false));
        let handler = signal_hook::flag::register(libc::SIGUSR1, Arc::clone(&told_to_end));
        let handler = handler.context("handle SIGUSR1")?;
        let program = programs::loaded(&self.rig, PROGRAM)?;
        let batch = match self.load.stamped {
            0 => BATCH,
            _ => BATCH_STAMPED,
        };
        let ran = thread::scope(|scope| {
            let (started, thread) = mpsc::channel();
            let (frame, told_to_end) = (&self.frame[..], &told_to_end);
            let running = thread::Builder::new().name(THREAD.to_owned());
            let running = running.spawn_scoped(scope, move || {
                end.namespace.run(|| {
                    // SAFETY: takes nothing and cannot fail.
                    let _ = started.send(unsafe { libc::gettid() });
                    send(program, frame, batch, told_to_end)
                })
            });
            let running = running.context("start the load generator's thread")?;
            let mut told = 0;
            // An error comes with the thread's result.
            if let Ok(thread) = thread.recv() {
                // What else runs on its core may let it wait.
                let waits = || self.progress().is_ok_and(|progress| progress.start == 0);
                while !running.is_finished() && waits() {
                    thread::sleep(POLL);
                }
                thread::sleep(time);
                told = now_ns();
                while !running.is_finished() {
                    interrupt(thread);
                    thread::sleep(POLL);
                }
            }
            let result = running.join();
            let result = result.unwrap_or_else(|payload| std::panic::resume_unwind(payload))?;
            result.map(|()| told)
        });
        signal_hook::low_level::unregister(handler);
        let told = ran?;
        let sent = self.sent()?;
        // A generator that others kept from its core did not send at its rate.
        let whole = Duration::from_nanos(told.saturating_sub(self.progress()?.start));
        Ok(Sent {
            seconds: sent.seconds.max(whole.as_secs_f64()),
            ..sent
        })
    }

    /// Hands the program what to send, and forgets what was sent before.
    pub(super) fn order(&mut self, mix: Mix) -> Result<()> {
        let Mix { rate, flood_share } = mix;
        if !(rate >= 1.0 && (0.0..=1.0).contains(&flood_share)) {
            bail!("{rate} queries per second, {flood_share} of them flood");
        }
        let load = abi::Load {
            interval: whole(ratio_of(TICKS_PER_NS) * 1e9 / rate),
            flood_share: whole(flood_share * f64::from(SHARE_WHOLE)) as u32,
            ..self.load
        };
        let mut map: Array<_, LoadValue> = map_mut(&mut self.rig, LOAD)?;
        map.set(ONLY, LoadValue(load), 0)
            .with_context(|| format!("writing {LOAD}"))?;
        let mut map: Array<_, ProgressValue> = map_mut(&mut self.rig, PROGRESS)?;
        map.set(ONLY, ProgressValue(Progress::default()), 0)
            .with_context(|| format!("writing {PROGRESS}"))
    }

    pub(super) fn sent(&self) -> Result<Sent> {
        let progress = self.progress()?;
        let [hot, flood] = [Kind::Hot, Kind::Flood].map(|kind| progress.sent[kind as usize]);
        if hot + flood < 2 {
            bail!("the generator sent nothing");
        }
        Ok(Sent {
            hot,
            flood,
            seconds: Duration::from_nanos(progress.last).as_secs_f64(),
        })
    }

    fn progress(&self) -> Result<Progress> {
        let map = self.rig.map(PROGRESS).context("the rig has no progress")?;
        let map: Array<_, ProgressValue> = map.try_into()?;
        let ProgressValue(progress) = map.get(&ONLY, 0).context("reading the progress")?;
        Ok(progress)
    }
}

/// The clock that the program reads, nanoseconds.
fn now_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is that of `time`; every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).cast_unsigned()
}

/// Runs the program on the client's core, `batch` frames at a time, until it is
/// told to end and a signal comes.
fn send(program: &Xdp, frame: &[u8], batch: u32, told_to_end: &AtomicBool) -> Result<()> {
    if !core_affinity::set_for_current(CoreId { id: CLIENT_CPU }) {
        bail!("the load generator cannot run on CPU {CLIENT_CPU}");
    }
    rig::prefer(0, Priority::Load)?;
    loop {
        let result = program.test_run(TestRunOptions {
            data_in: Some(frame),
            repeat: u32::MAX,
            attrs: TestRunAttrs::new().xdp_live_frames(batch),
            ..TestRunOptions::new()
        });
        match result {
            Err(ProgramError::SyscallError(error))
                if error.io_error.kind() == io::ErrorKind::Interrupted =>
            {
                // The kernel also interrupts it for work of its own, without any signal.
                if told_to_end.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            result => {
                return result
                    .map(drop)
                    .context("BPF_PROG_TEST_RUN with live frames");
            }
        }
    }
}

/// Sends SIGUSR1 to a thread of this process, if it is still there.
fn interrupt(thread: libc::pid_t) {
    // SAFETY: the call takes numbers; the signal has a handler.
    unsafe { libc::syscall(libc::SYS_tgkill, process::id(), thread, libc::SIGUSR1) };
}

/// The nearest whole number; of those of a load, which lie far below 2^53.
#[expect(
    clippy::cast_sign_loss,
    reason = "rates and shares are checked to be positive"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

fn map_mut<'m, M>(rig: &'m mut Ebpf, name: &str) -> Result<M>
where
    M: TryFrom<&'m mut Map, Error = MapError>,
{
    let map = rig.map_mut(name);
    let map = map.with_context(|| format!("the rig has no map {name}"))?;
    map.try_into().with_context(|| format!("opening {name}"))
}

#[repr(transparent)]
#[derive(Clone, Copy)]
struct LoadValue(abi::Load);

// SAFETY: a u64 and eight u32s, so there is no padding and every bit pattern
// is a value.
unsafe impl Pod for LoadValue {}

#[repr(transparent)]
#[derive(Clone, Copy)]
struct ProgressValue(Progress);

// SAFETY: nothing but u64s, so there is no padding and every bit pattern is a value.
unsafe impl Pod for ProgressValue {}

#[repr(transparent)]
#[derive(Clone, Copy)]
struct TemplateValue(Template);

// SAFETY: octets, a multiple of eight of them, and four u32s, so there is no
// padding and every bit pattern is a value.
unsafe impl Pod for TemplateValue {}
