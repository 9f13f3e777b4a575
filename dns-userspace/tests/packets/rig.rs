//! The loaded program, run on one frame at a time by `BPF_PROG_TEST_RUN`.

use aya::programs::{TestRun as _, TestRunOptions};
use dns_common::{
    host::Constants,
    outcome::{Action, Outcome},
};
use veer::{
    kernel::{Counts, Kernel},
    tables::{Capacity, Tables},
};

use crate::wire::PAYLOAD;

/// The program and its tables.
pub(crate) struct Rig {
    pub(crate) kernel: Kernel,
    pub(crate) tables: Tables,
}

/// Where a frame went, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) action: Action,
    pub(crate) frame: Vec<u8>,
}

/// What one packet added to the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) outcomes: Vec<(Outcome, u64)>,
    /// Numbers of services, and how much each rose.
    pub(crate) services: Vec<(usize, u64)>,
}

impl Counted {
    pub(crate) fn one(outcome: Outcome, service: Option<usize>) -> Self {
        Self {
            outcomes: vec![(outcome, 1)],
            services: service.map(|number| (number, 1)).into_iter().collect(),
        }
    }
}

/// Everything off; the payload size is the default one.
pub(crate) const PLAIN: Constants = Constants {
    payload: PAYLOAD as u64,
    ..Constants::OFF
};

/// Room for any frame that can come out.
const FRAME_MAX: usize = 4096;

impl Rig {
    /// A program with empty tables and everything off.
    pub(crate) fn load(capacity: Capacity) -> Self {
        Self::with(capacity, &PLAIN)
    }

    /// A program with empty tables and `constants`.
    pub(crate) fn with(capacity: Capacity, constants: &Constants) -> Self {
        // SAFETY: it takes nothing, cannot fail and touches no memory.
        let root = unsafe { libc::geteuid() } == 0;
        assert!(root, "packet tests load an XDP program: run them as root");
        let (mut kernel, tables) = Kernel::load_in(crate::TABLES_IN, capacity, constants)
            .unwrap_or_else(|error| panic!("{error}"));
        let services = (0..capacity.services).map(|number| format!("service {number}"));
        kernel
            .name_counters(services.collect(), Vec::new())
            .unwrap_or_else(|error| panic!("{error}"));
        Self { kernel, tables }
    }

    /// Runs the program once on `frame`.
    pub(crate) fn run(&mut self, frame: &[u8]) -> Ran {
        run(&mut self.kernel, frame)
    }

    /// Runs the program once on `frame`, and sees what that counts.
    pub(crate) fn run_counted(&mut self, frame: &[u8]) -> (Ran, Counted) {
        let before = self.counts();
        let ran = self.run(frame);
        (ran, self.counted_since(&before))
    }

    pub(crate) fn counts(&self) -> Counts {
        self.kernel.counts().expect("the counters can be read")
    }

    /// Answers counted for each group by its number.
    pub(crate) fn group_counts(&self) -> Vec<u64> {
        let groups = self.tables.capacity().groups as usize;
        let counts = self.kernel.group_counts(0..groups);
        counts.expect("the counters can be read")
    }

    pub(crate) fn counted_since(&self, before: &Counts) -> Counted {
        let after = self.counts();
        let outcomes = Outcome::ALL.into_iter().zip(before.outcomes);
        let outcomes = outcomes
            .zip(after.outcomes)
            .map(|((outcome, before), after)| (outcome, after - before));
        let services = before.services.iter().zip(&after.services).enumerate();
        let services = services.map(|(number, (before, after))| (number, after.1 - before.1));
        Counted {
            outcomes: outcomes.filter(|(_, rise)| *rise != 0).collect(),
            services: services.filter(|(_, rise)| *rise != 0).collect(),
        }
    }

    /// Asserts that `frame` goes up as it came, for `outcome`.
    pub(crate) fn expect_up(&mut self, what: &str, frame: &[u8], outcome: Outcome) {
        let (ran, counted) = self.run_counted(frame);
        assert_eq!(counted, Counted::one(outcome, None), "{what}");
        assert_eq!(ran.action, Action::Up, "{what}");
        assert_eq!(ran.frame, frame, "{what}: changed");
    }

    /// Asserts that `frame` is dropped, for `outcome`.
    pub(crate) fn expect_drop(&mut self, what: &str, frame: &[u8], outcome: Outcome) {
        let (ran, counted) = self.run_counted(frame);
        assert_eq!(counted, Counted::one(outcome, None), "{what}");
        assert_eq!(ran.action, Action::Drop, "{what}");
    }

    /// Asserts that `frame` is answered with `expected`, as `outcome`, for
    /// `service`.
    pub(crate) fn expect(
        &mut self,
        what: &str,
        frame: &[u8],
        expected: &[u8],
        outcome: Outcome,
        service: Option<usize>,
    ) {
        let (ran, counted) = self.run_counted(frame);
        assert_eq!(counted, Counted::one(outcome, service), "{what}");
        assert_eq!(ran.action, Action::Reply, "{what}");
        assert_eq!(ran.frame, expected, "{what}");
    }

    /// Asserts that `frame` is answered with the records of `expected`.
    pub(crate) fn expect_reply(
        &mut self,
        what: &str,
        frame: &[u8],
        expected: &[u8],
        service: Option<usize>,
    ) {
        self.expect(what, frame, expected, Outcome::Answered, service);
    }

    /// Makes it `seconds` after 1970, and a half, for the half second that
    /// follows.
    pub(crate) fn set_clock(&self, seconds: u32) {
        const NS: u64 = 1_000_000_000;
        let wanted = u64::from(seconds) * NS + NS / 2;
        self.tables
            .set_clock_offset_ns(wanted.wrapping_sub(boot_ns()));
    }
}

/// The kernel's clock, nanoseconds.
fn boot_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure is whole and outlives the call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now) };
    assert_eq!(failed, 0, "clock_gettime");
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// Runs the program once on `frame`.
pub(crate) fn run(kernel: &mut Kernel, frame: &[u8]) -> Ran {
    run_on(kernel, frame, None)
}

/// Runs the program once on `frame` as if it came in by the interface of that
/// number in this thread's namespace.
pub(crate) fn run_on(kernel: &mut Kernel, frame: &[u8], interface: Option<u32>) -> Ran {
    let mut out = vec![0; FRAME_MAX];
    // `struct xdp_md` of <linux/bpf.h>: where the data starts and ends, where its
    // metadata start, the interface it came by, its queue there, and the one
    // it goes out by.
    let context = interface.map(|interface| {
        let numbers = [0, frame.len() as u32, 0, interface, 0, 0];
        numbers.map(u32::to_le_bytes).concat()
    });
    let program = kernel.program().expect("the program is loaded");
    let result = program
        .test_run(TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            ctx_in: context.as_deref(),
            ..TestRunOptions::new()
        })
        .unwrap_or_else(|error| panic!("{} octets: {error:?}", frame.len()));
    out.truncate(result.data_size_out as usize);
    // As in <linux/bpf.h>.
    let action = match result.return_value {
        1 => Action::Drop,
        2 => Action::Up,
        3 => Action::Reply,
        other => panic!("verdict {other}"),
    };
    Ran { action, frame: out }
}
