//! Time per run of an XDP program, as the kernel takes it.

use anyhow::{Context as _, Result, bail};
use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use serde::Serialize;

/// A loaded program and what it does with the frame.
pub(crate) struct Subject<'p> {
    pub(crate) name: &'static str,
    pub(crate) program: &'p Xdp,
    /// The verdict it must come to, as in `linux/bpf.h`.
    pub(crate) verdict: u32,
}

/// Nanoseconds per run, over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Quartiles {
    pub(crate) lower: u64,
    pub(crate) median: u64,
    pub(crate) upper: u64,
}

/// Runs every subject `runs` times on `frame`, in turns, so that whatever else
/// the machine does hits all of them.
///
/// Each run is a call of its own: the kernel would hand a second run in the
/// same call what the first one made of the frame.
pub(crate) fn take(subjects: &[Subject<'_>], frame: &[u8], runs: usize) -> Result<Vec<Quartiles>> {
    let mut times = vec![Vec::with_capacity(runs); subjects.len()];
    for _ in 0..runs {
        for (subject, times) in subjects.iter().zip(&mut times) {
            times.push(once(subject, frame)?);
        }
    }
    Ok(times.into_iter().map(quartiles).collect())
}

fn once(subject: &Subject<'_>, frame: &[u8]) -> Result<u64> {
    let options = TestRunOptions {
        data_in: Some(frame),
        ..TestRunOptions::new()
    };
    let name = subject.name;
    let result = subject.program.test_run(options);
    let result = result.with_context(|| format!("BPF_PROG_TEST_RUN of {name}"))?;
    if result.return_value != subject.verdict {
        let (was, wanted) = (result.return_value, subject.verdict);
        bail!("{name} comes to verdict {was}, not {wanted}");
    }
    Ok(result.duration.as_nanos() as u64)
}

/// Of at least one time.
fn quartiles(mut times: Vec<u64>) -> Quartiles {
    times.sort_unstable();
    let at = |quarter: usize| times[(times.len() - 1) * quarter / 4];
    Quartiles {
        lower: at(1),
        median: at(2),
        upper: at(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_of_the_sorted_times() {
        let expected = Quartiles {
            lower: 2,
            median: 3,
            upper: 4,
        };
        assert_eq!(quartiles(vec![5, 1, 4, 2, 3]), expected);
    }
}
