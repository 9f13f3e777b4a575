//! Time per run of an XDP program, as the kernel takes it.

use anyhow::{Context as _, Result, bail};
use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use serde::Serialize;

use super::cache::Eviction;

/// A loaded program, and what it does with the packets it gets.
#[derive(Clone, Copy)]
pub(super) struct Subject<'p> {
    pub(super) name: &'p str,
    pub(super) program: &'p Xdp,
    /// The verdict it must come to, as in <linux/bpf.h>.
    pub(super) verdict: u32,
}

/// What one run gets.
pub(super) struct Packet {
    pub(super) frame: Vec<u8>,
    /// `struct xdp_md` of <linux/bpf.h>; without it the kernel makes one.
    pub(super) context: Option<Vec<u8>>,
}

/// Runs of one program in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Runs before those that count, by which instructions and data come into
    /// the processor's caches.
    pub(super) warm_up: usize,
    /// Runs that count.
    pub(super) counted: usize,
}

impl Turn {
    /// Every run of one turn, those that do not count included.
    pub(super) fn runs(self) -> usize {
        self.warm_up + self.counted
    }
}

/// Nanoseconds per run, over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Times {
    pub(super) lower_quartile: u64,
    pub(super) median: u64,
    pub(super) upper_quartile: u64,
    /// Mean of the fastest nine tenths: finer than the clock, which moves in
    /// steps (of 10 ns in some virtual machines), and without the runs that
    /// were interrupted.
    pub(super) mean_of_fastest_90: f64,
}

/// Gives `subject` the `packets` in turn; `times` of the runs that count are
/// added, in nanoseconds. With an `eviction` nothing is in any cache before a run.
///
/// Each run is a call of its own: the kernel would hand a second run in the
/// same call what the first one made of the frame.
pub(super) fn take(
    subject: Subject<'_>,
    packets: &[Packet],
    turn: Turn,
    eviction: Option<&Eviction>,
    times: &mut Vec<u64>,
) -> Result<()> {
    for (number, packet) in packets.iter().cycle().take(turn.runs()).enumerate() {
        if let Some(eviction) = eviction {
            eviction.walk();
        }
        let (time, _) = once(subject, packet)?;
        if number >= turn.warm_up {
            times.push(time);
        }
    }
    Ok(())
}

/// Runs a subject once; how long that took, nanoseconds, and how many octets
/// the frame has then.
pub(super) fn once(subject: Subject<'_>, packet: &Packet) -> Result<(u64, u32)> {
    let name = subject.name;
    let options = TestRunOptions {
        data_in: Some(&packet.frame),
        ctx_in: packet.context.as_deref(),
        ..TestRunOptions::new()
    };
    let result = subject.program.test_run(options);
    let result = result.with_context(|| format!("BPF_PROG_TEST_RUN of {name}"))?;
    if result.return_value != subject.verdict {
        let (was, wanted) = (result.return_value, subject.verdict);
        bail!("{name} comes to verdict {was}, not {wanted}");
    }
    Ok((result.duration.as_nanos() as u64, result.data_size_out))
}

/// Of at least one time.
#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds in all, and runs, stay far below 2^52"
)]
pub(super) fn summarize(mut times: Vec<u64>) -> Times {
    times.sort_unstable();
    let at = |quarter: usize| times[(times.len() - 1) * quarter / 4];
    let fastest = &times[..(times.len() * 9).div_ceil(10)];
    Times {
        lower_quartile: at(1),
        median: at(2),
        upper_quartile: at(3),
        mean_of_fastest_90: fastest.iter().sum::<u64>() as f64 / fastest.len() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_run_in_ten_moves_no_mean() {
        let expected = Times {
            lower_quartile: 60,
            median: 60,
            upper_quartile: 70,
            mean_of_fastest_90: 570.0 / 9.0,
        };
        let times = vec![9990, 60, 70, 60, 60, 70, 60, 60, 70, 60];
        assert_eq!(summarize(times), expected);
    }
}
