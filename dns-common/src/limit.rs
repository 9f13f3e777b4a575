//! Rates: a bucket is one word, the time at which it will be empty again
//! (the generic cell rate algorithm, ITU-T I.371). All CPUs add to the same
//! word, so a rate holds for the host, whichever CPUs a resolver's queries reach.

use crate::{
    host::{Class, Host},
    name::mix,
    tables::{Entry, Generation, Source, Tables, Word},
};

/// How long a bucket can run ahead, nanoseconds: a second's responses at once.
pub const BURST_NS: u64 = 1_000_000_000;

/// Whether one more fits the rate of one in `interval_ns`; if so it is counted.
#[inline(always)]
pub fn fits(bucket: &Word, now_ns: u64, interval_ns: u64) -> bool {
    let empty = bucket.load();
    if empty <= now_ns {
        // Two CPUs that find it empty at once count as one; only here.
        bucket.set(now_ns + interval_ns);
        return true;
    }
    if empty + interval_ns > now_ns + BURST_NS {
        return false;
    }
    bucket.add(interval_ns);
    true
}

/// Whether a response of `class` in zone number `zone` to `source` stays within
/// its rate, or is exempt from it.
#[inline(always)]
pub fn within_rate(
    source: Source,
    class: Class,
    zone: u32,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> bool {
    if !host.rates() || host.is_stream() {
        return true;
    }
    let interval = host.rate_interval_ns(class);
    if interval == 0 {
        return true;
    }
    let key = mix(generation.seed, host.rate_prefix(source));
    let key = mix(key, u64::from(zone) << 8 | class as u64);
    let bucket = tables.rate(key as u32 & host.rate_mask());
    let Some(bucket) = bucket else { return true };
    fits(bucket, host.now_ns(), interval) || host.resolver(source, tables).has(Entry::EXEMPT)
}

/// Whether one more query for a name outside our zones may go up.
#[inline(always)]
pub fn within_up_budget(tables: &impl Tables, host: &impl Host) -> bool {
    let interval = host.up_interval_ns();
    if interval == 0 {
        return true;
    }
    // The bucket after those of resolvers.
    match tables.rate(host.rate_mask() + 1) {
        Some(bucket) => fits(bucket, host.now_ns(), interval),
        None => true,
    }
}

#[cfg(test)]
mod tests;
