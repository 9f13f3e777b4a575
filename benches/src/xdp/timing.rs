//! Time per run of an XDP program, as the kernel takes it.

use anyhow::{Context as _, Result, bail};
use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use serde::Serialize;

/// A loaded program, a frame for it, and what it does with that.
pub(crate) struct Subject<'p> {
    pub(crate) name: &'static str,
    pub(crate) program: &'p Xdp,
    pub(crate) frame: &'p [u8],
    /// `struct xdp_md` of <linux/bpf.h>.
    pub(crate) context: Vec<u8>,
    /// The verdict it must come to, as in <linux/bpf.h>.
    pub(crate) verdict: u32,
}

/// Runs of one subject in a row: enough that most find its instructions and
/// data in the processor's caches, as in a server that does little else.
const TURN: usize = 50;

/// Nanoseconds per run, over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Times {
    pub(crate) lower_quartile: u64,
    pub(crate) median: u64,
    pub(crate) upper_quartile: u64,
    /// Mean of the fastest nine tenths: finer than the clock, which moves in
    /// steps (of 10 ns in some virtual machines), and without the runs that
    /// were interrupted.
    pub(crate) mean_of_fastest_90: f64,
}

/// Runs every subject `runs` times on its frame, in short turns, so that
/// whatever else the machine does hits all of them.
///
/// Each run is a call of its own: the kernel would hand a second run in the
/// same call what the first one made of the frame.
pub(crate) fn take(subjects: &[Subject<'_>], runs: usize) -> Result<Vec<Times>> {
    let mut times = vec![Vec::with_capacity(runs); subjects.len()];
    for done in (0..runs).step_by(TURN) {
        for (subject, times) in subjects.iter().zip(&mut times) {
            for _ in done..runs.min(done + TURN) {
                times.push(once(subject)?.0);
            }
        }
    }
    Ok(times.into_iter().map(summarize).collect())
}

/// Runs a subject once; how long that took, nanoseconds, and how many octets
/// the frame has then.
pub(crate) fn once(subject: &Subject<'_>) -> Result<(u64, u32)> {
    let name = subject.name;
    let options = TestRunOptions {
        data_in: Some(subject.frame),
        ctx_in: Some(&subject.context),
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
fn summarize(mut times: Vec<u64>) -> Times {
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
