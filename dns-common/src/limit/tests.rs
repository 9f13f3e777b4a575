use proptest::prelude::*;

use super::*;
use crate::{
    host::Constants,
    world::{RESOLVER, World},
};

/// One in a hundredth of a second: bursts of a hundred.
const INTERVAL_NS: u64 = 10_000_000;
const BURST: u64 = BURST_NS / INTERVAL_NS;

/// A world that limits every class to the same rate, and what goes up.
fn limited() -> World {
    let mut world = World::new();
    world.host.constants = Constants {
        rates: 1,
        rate_intervals_ns: [INTERVAL_NS; Class::ALL.len()],
        rate_mask: 0xffff,
        rate_ipv4_shift: 8,
        rate_ipv6_shift: 8,
        up_interval_ns: INTERVAL_NS,
        ..world.host.constants
    };
    world.tables.rates = (0..=0x1_0000).map(|_| Word::default()).collect();
    world
}

impl World {
    fn within(&self, source: Source, class: Class, zone: u32) -> bool {
        within_rate(
            source,
            class,
            zone,
            &self.tables,
            &self.generation,
            &self.host,
        )
    }

    /// How many of `count` at one moment are within the rate.
    fn burst(&self, source: Source, class: Class, zone: u32, count: u64) -> u64 {
        (0..count)
            .filter(|_| self.within(source, class, zone))
            .count() as u64
    }
}

#[test]
fn a_burst_is_a_second_of_responses_and_refills_at_the_rate() {
    let world = limited();
    let burst = |count| world.burst(RESOLVER, Class::Negative, 1, count);
    assert_eq!(burst(3 * BURST), BURST);
    for number in 0..50 {
        world.host.now_ns.update(|now| now + INTERVAL_NS);
        assert_eq!(burst(3), 1, "interval {number}");
    }
    world.host.now_ns.update(|now| now + INTERVAL_NS - 1);
    assert_eq!(burst(3), 0, "a nanosecond short");
    world.host.now_ns.update(|now| now + 7 * INTERVAL_NS);
    assert_eq!(burst(20), 7);
    world.host.now_ns.update(|now| now + 3600 * BURST_NS);
    assert_eq!(burst(3 * BURST), BURST, "however long it was idle");
}

#[test]
fn rates_below_one_a_second_let_one_through_at_a_time() {
    let bucket = Word::default();
    let interval = 7 * BURST_NS;
    let passed: Vec<u64> = (1..=30)
        .filter(|second| fits(&bucket, second * BURST_NS, interval))
        .collect();
    assert_eq!(passed, [1, 8, 15, 22, 29]);
}

#[test]
fn prefixes_classes_and_zones_have_rates_of_their_own() {
    let v6 = |high| Source::V6(high, 1);
    let world = limited();
    let first = (Source::V4(0x0a00_0001), Class::Negative, 1);
    assert_eq!(world.burst(first.0, first.1, first.2, 2 * BURST), BURST);
    for (source, class, zone) in [
        (Source::V4(0x0a00_0100), Class::Negative, 1),
        (Source::V4(0x0a00_0001), Class::Error, 1),
        (Source::V4(0x0a00_0001), Class::Positive, 1),
        (Source::V4(0x0a00_0001), Class::Negative, 2),
        (v6(0x2001_0db8_0000_0000), Class::Negative, 1),
        (v6(0x2001_0db8_0000_0100), Class::Negative, 1),
    ] {
        let passed = world.burst(source, class, zone, 2 * BURST);
        assert_eq!(passed, BURST, "{source:?} {class:?} {zone}");
    }
    // One prefix, whoever asks from it: nothing is left.
    for source in [Source::V4(0x0a00_00ff), v6(0x2001_0db8_0000_00ff)] {
        assert_eq!(world.burst(source, Class::Negative, 1, 5), 0, "{source:?}");
    }
}

#[test]
fn the_rate_mask_bounds_the_buckets() {
    let mut world = limited();
    world.host.constants.rate_mask = 0;
    assert_eq!(world.burst(RESOLVER, Class::Negative, 1, 2 * BURST), BURST);
    // All share the one bucket there is, and none reaches the one after it.
    for zone in 0..100 {
        assert!(!world.within(Source::V4(zone << 8), Class::Error, zone));
    }
    assert_eq!(world.tables.rates[1].load(), 0);
    // A table without buckets limits nothing.
    world.tables.rates.clear();
    assert!(world.within(RESOLVER, Class::Negative, 1));
    assert!(within_up_budget(&world.tables, &world.host));
}

#[test]
fn what_is_off_on_a_stream_or_exempt_is_not_limited() {
    const MANY: u64 = 5 * BURST;

    let mut world = limited();
    world.host.constants.rate_intervals_ns[Class::Referral as usize] = 0;
    assert_eq!(world.burst(RESOLVER, Class::Referral, 1, MANY), MANY);
    assert_eq!(world.burst(RESOLVER, Class::Negative, 1, MANY), BURST);

    world.host.stream = true;
    assert_eq!(world.burst(RESOLVER, Class::Negative, 1, MANY), MANY);
    world.host.stream = false;
    assert_eq!(world.burst(RESOLVER, Class::Negative, 1, MANY), 0);

    world.host.constants.rates = 0;
    assert_eq!(world.burst(RESOLVER, Class::Negative, 1, MANY), MANY);
    world.host.constants.rates = 1;

    let Source::V4(address) = RESOLVER else {
        unreachable!("an IPv4 address")
    };
    for (flags, passed) in [(Entry::TRUSTED, 0), (Entry::EXEMPT, MANY)] {
        world.tables.set_v4(address >> 8, Entry::new(0, 24, flags));
        assert_eq!(world.burst(RESOLVER, Class::Negative, 1, MANY), passed);
    }
}

#[test]
fn what_goes_up_has_the_bucket_after_those_of_resolvers() {
    let mut world = limited();
    let up = |world: &World| within_up_budget(&world.tables, &world.host);
    let passed = (0..3 * BURST).filter(|_| up(&world)).count() as u64;
    assert_eq!(passed, BURST);
    assert_ne!(world.tables.rates[0x1_0000].load(), 0);
    assert!(
        world.tables.rates[..0x1_0000]
            .iter()
            .all(|bucket| bucket.load() == 0)
    );
    world.host.now_ns.update(|now| now + INTERVAL_NS);
    assert!(up(&world));
    assert!(!up(&world));
    world.host.constants.up_interval_ns = 0;
    assert!(up(&world));
}

proptest! {
    #[test]
    fn never_more_than_the_rate_and_a_burst(
        interval_ns in 1_000_000..3 * BURST_NS,
        steps in proptest::collection::vec((0..2 * BURST_NS, 1..40_u64), 1..60),
    ) {
        let bucket = Word::default();
        let start = 1 << 40;
        let mut now = start;
        let mut passed = 0;
        for (step, count) in steps {
            now += step;
            passed += (0..count).filter(|_| fits(&bucket, now, interval_ns)).count() as u64;
            let most = (now - start) / interval_ns + (BURST_NS / interval_ns).max(1);
            // At rest the first one is let through at once, whatever is left of an interval.
            prop_assert!(passed <= most + 1, "{} of {}", passed, most);
        }
    }

    #[test]
    fn less_than_the_rate_is_never_limited(
        interval_ns in 1_000_000..3 * BURST_NS,
        waits in proptest::collection::vec(0..BURST_NS, 1..60),
    ) {
        let bucket = Word::default();
        let mut now = 1 << 40;
        for wait in waits {
            prop_assert!(fits(&bucket, now, interval_ns));
            now += interval_ns + wait;
        }
    }
}
