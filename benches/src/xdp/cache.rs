//! Driving what a program needs out of the processor's caches.

use std::{fs, hint::black_box};

use anyhow::{Context as _, Result, bail};

/// Where the kernel describes the first processor's caches.
const CACHES: &str = "/sys/devices/system/cpu/cpu0/cache";

/// Octets of a cache line.
pub(super) const LINE: usize = 64;

/// More memory than the largest cache holds.
pub(super) struct Eviction(Vec<u8>);

impl Eviction {
    /// Twice the largest cache of the first processor.
    pub(super) fn new() -> Result<Self> {
        let mut largest = 0;
        for entry in fs::read_dir(CACHES).with_context(|| format!("read {CACHES}"))? {
            let file = entry.with_context(|| format!("read {CACHES}"))?.path();
            let file = file.join("size");
            // Beside a directory for each cache there are files.
            let Ok(text) = fs::read_to_string(&file) else {
                continue;
            };
            let size = octets(text.trim());
            largest = largest.max(size.with_context(|| format!("{}: {text}", file.display()))?);
        }
        if largest == 0 {
            bail!("{CACHES} says nothing of caches");
        }
        // Written, so that each page is memory of its own.
        Ok(Self(vec![1; 2 * largest]))
    }

    /// Reads it all, so that nothing else is left in any cache.
    pub(super) fn walk(&self) {
        let lines = self.0.iter().step_by(LINE);
        black_box(lines.fold(0_u8, |sum, octet| sum.wrapping_add(*octet)));
    }
}

/// A size as the kernel writes it: `32768K`.
fn octets(text: &str) -> Option<usize> {
    let (number, unit) = match text.strip_suffix('K') {
        Some(number) => (number, 1 << 10),
        None => (text.strip_suffix('M')?, 1 << 20),
    };
    Some(number.parse::<usize>().ok()? * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_kernel_writes_them() {
        assert_eq!(octets("32768K"), Some(32 << 20));
        assert_eq!(octets("2M"), Some(2 << 20));
        assert_eq!(octets("48"), None);
        assert_eq!(octets("K"), None);
    }
}
