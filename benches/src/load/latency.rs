//! How long queries took, as counts in buckets.

use dns_ebpf::load::{BUCKETS, least_of};

/// Replies by the time from the query's making to their arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Latencies(Vec<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(vec![0; BUCKETS])
    }
}

impl Latencies {
    pub(super) fn counts_mut(&mut self) -> &mut [u64] {
        &mut self.0
    }

    /// What came after `before`.
    pub(super) fn since(mut self, before: &Self) -> Self {
        for (count, before) in self.0.iter_mut().zip(&before.0) {
            *count -= before;
        }
        self
    }

    /// Replies that were timed.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The time, microseconds, within which `per_mille` thousandths of the replies
    /// came: the end of its bucket, so at most 1/32 too long. `None` without replies.
    pub(crate) fn percentile_us(&self, per_mille: u64) -> Option<f64> {
        let wanted = (self.count() * per_mille).div_ceil(1000).max(1);
        let mut within = 0;
        let bucket = self.0.iter().position(|count| {
            within += count;
            within >= wanted
        })?;
        Some(f64::from(least_of(bucket as u32 + 1)) / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use dns_ebpf::load::{STAMP_MASK, bucket};

    use super::*;

    fn latencies(ns: impl IntoIterator<Item = u32>) -> Latencies {
        let mut latencies = Latencies::default();
        for ns in ns {
            latencies.counts_mut()[bucket(ns) as usize] += 1;
        }
        latencies
    }

    #[test]
    fn every_latency_lies_in_a_narrow_bucket() {
        let powers = (0..29).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        for ns in powers.chain([31, 33, 100_000, STAMP_MASK]) {
            let (from, to) = (least_of(bucket(ns)), least_of(bucket(ns) + 1));
            assert!((from..to).contains(&ns), "{ns}: {from}..{to}");
            assert!(to - from <= 1 + ns / 32, "{ns}: {from}..{to}");
        }
        assert_eq!(bucket(STAMP_MASK) as usize + 1, BUCKETS);
    }

    #[test]
    fn percentiles_are_at_most_a_bucket_too_long() {
        let latencies = latencies((1..=10_000).map(|number| number * 100));
        for (per_mille, exact) in [(500, 500.0), (990, 990.0), (999, 999.0), (1000, 1000.0)] {
            let us = latencies.percentile_us(per_mille).expect("there are some");
            assert!((exact..exact * 1.04).contains(&us), "{per_mille}: {us}");
        }
    }

    #[test]
    fn one_slow_reply_in_a_thousand_is_beyond_the_999th() {
        let fast = std::iter::repeat_n(10, 999);
        let latencies = latencies(fast.chain([1_000_000]));
        let at = |per_mille| latencies.percentile_us(per_mille).expect("there are some");
        assert!(at(999) < 0.1 && at(1000) > 999.0);
    }

    #[test]
    fn without_replies_there_is_no_percentile() {
        assert_eq!(Latencies::default().percentile_us(500), None);
    }

    #[test]
    fn earlier_replies_are_left_out() {
        let before = latencies([5, 5, 700]);
        let after = latencies([5, 5, 700, 700]);
        assert_eq!(after.since(&before), latencies([700]));
    }
}
