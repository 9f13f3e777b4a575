use std::net::IpAddr;

use super::{super::reply::What, *};

const NOW: u64 = 1_000_000;

fn key(network: Option<&str>) -> Key {
    Key {
        target: 1,
        family: Family::V4,
        network: network.map(|text| text.parse().unwrap()),
    }
}

/// That the last octet of the address is `number`, for 20 seconds.
fn told(number: u8, scope: u8) -> Told {
    Told {
        what: What::Addresses(vec![IpAddr::from([192, 0, 2, number])]),
        ttl_s: 20,
        scope,
    }
}

/// A cache of what was put for networks, with the scope, at [`NOW`].
fn cache(put: &[(Option<&str>, u8)]) -> (Cache, Lengths) {
    let (cache, lengths) = (Cache::default(), Lengths::default());
    for (number, (network, scope)) in (1..).zip(put) {
        cache.put(key(*network), told(number, *scope), &lengths, NOW);
    }
    (cache, lengths)
}

/// The number that is found, and whether it still holds.
fn found(
    (cache, lengths): &(Cache, Lengths),
    network: Option<&str>,
    now: u64,
) -> Option<(u8, bool)> {
    let number = |entry: &Entry| match &entry.told.what {
        What::Addresses(addresses) => match addresses[0] {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(_) => 0,
        },
        _ => 0,
    };
    match cache.find(key(network), lengths, now) {
        Found::Fresh(entry) => Some((number(&entry), true)),
        Found::Stale(entry) => Some((number(&entry), false)),
        Found::Nothing => None,
    }
}

#[test]
fn rfc7871_7_3_1_an_answer_serves_the_network_of_its_scope() {
    let known = cache(&[
        (Some("198.51.100.0/24"), 16),
        (Some("198.51.7.0/24"), 24),
        // What says more than it was asked serves those it was asked for.
        (Some("203.0.113.0/24"), 32),
        (Some("2001:db8:1::/56"), 48),
        (None, 0),
    ]);
    for (network, expected) in [
        ("198.51.100.0/24", Some(1)),
        ("198.51.1.0/24", Some(1)),
        ("198.51.0.0/16", Some(1)),
        ("198.51.7.0/24", Some(2)),
        ("198.52.0.0/24", None),
        ("198.51.0.0/15", None),
        ("203.0.113.0/24", Some(3)),
        ("203.0.112.0/23", None),
        ("2001:db8:1:ff00::/56", Some(4)),
        ("2001:db8:2::/56", None),
    ] {
        let expected = expected.map(|number| (number, true));
        assert_eq!(found(&known, Some(network), NOW), expected, "{network}");
    }
    // What nobody's network was told for is for nobody else, and the other way round.
    assert_eq!(found(&known, None, NOW), Some((5, true)));
    let of_all = cache(&[(Some("198.51.100.0/24"), 0)]);
    assert_eq!(found(&of_all, Some("203.0.113.0/24"), NOW), Some((1, true)));
    assert_eq!(found(&of_all, Some("2001:db8::/56"), NOW), None);
    assert_eq!(found(&of_all, None, NOW), None);
}

#[test]
fn names_and_families_are_kept_apart() {
    let (cache, lengths) = cache(&[(None, 0)]);
    for other in [
        Key {
            target: 2,
            ..key(None)
        },
        Key {
            family: Family::V6,
            ..key(None)
        },
    ] {
        assert!(matches!(cache.find(other, &lengths, NOW), Found::Nothing));
    }
}

#[test]
fn an_answer_runs_out_and_is_told_for_a_day_after_that() {
    let known = cache(&[(Some("198.51.0.0/16"), 16), (Some("198.51.100.0/24"), 24)]);
    let at = |after| found(&known, Some("198.51.100.0/24"), NOW + after);
    assert_eq!(at(19_999), Some((2, true)));
    assert_eq!(at(20_000), Some((2, false)));
    assert_eq!(at(20_000 + STALE_MAX_MS - 1), Some((2, false)));
    assert_eq!(at(20_000 + STALE_MAX_MS), None);
    // What holds for more goes before what held for less.
    known.0.put(
        key(Some("198.51.0.0/16")),
        told(9, 16),
        &known.1,
        NOW + 15_000,
    );
    assert_eq!(at(19_999), Some((2, true)));
    assert_eq!(at(20_000), Some((9, true)));
}

#[test]
fn time_left_is_in_begun_seconds_and_never_more_than_was_told() {
    let (cache, lengths) = cache(&[]);
    let entry = cache.put(key(None), told(1, 0), &lengths, NOW);
    for (after, expected) in [
        (0, 20),
        (1, 20),
        (1000, 19),
        (19_001, 1),
        (20_000, 0),
        (99_999, 0),
    ] {
        assert_eq!(entry.left_s(NOW + after), expected, "{after}");
    }
    let at_once = Told {
        ttl_s: 0,
        ..told(1, 0)
    };
    let entry = cache.put(key(None), at_once, &lengths, NOW);
    assert_eq!(entry.left_s(NOW), 0);
    // Whoever waited for it gets it.
    assert!(matches!(
        cache.find(key(None), &lengths, NOW + 999),
        Found::Fresh(_)
    ));
    assert!(matches!(
        cache.find(key(None), &lengths, NOW + 1000),
        Found::Stale(_)
    ));
}

#[test]
fn an_entry_is_used_once_it_is_told() {
    let (cache, lengths) = cache(&[]);
    let entry = cache.put(key(None), told(1, 0), &lengths, NOW);
    assert!(!entry.is_used());
    entry.touch(NOW);
    assert!(entry.is_used());
}

#[test]
fn the_cache_is_bounded_and_keeps_what_is_used() {
    let (cache, lengths) = (Cache::default(), Lengths::default());
    let network = |number: usize| {
        let number = number as u32;
        let address = std::net::Ipv4Addr::from_bits(0x0100_0000 + (number << 8));
        key(Some(&format!("{address}/24")))
    };
    let used: Vec<_> = (0..100)
        .map(|number| cache.put(network(number), told(1, 24), &lengths, NOW))
        .collect();
    let all = 2 * SHARDS * SHARD_MAX;
    for number in 100..all {
        let now = NOW + number as u64;
        for entry in used.iter().filter(|_| number % 100 == 0) {
            entry.touch(now);
        }
        cache.put(network(number), told(2, 24), &lengths, now);
    }
    let shards = cache.shards.0.iter().map(|shard| shard.read().unwrap());
    let held: usize = shards
        .map(|shard| {
            assert_eq!(shard.entries.len(), shard.places.len());
            shard.entries.len()
        })
        .sum();
    assert!(held <= SHARDS * SHARD_MAX, "{held}");
    let is_known =
        |number: &usize| matches!(cache.find(network(*number), &lengths, NOW), Found::Fresh(_));
    let kept = (0..100).filter(is_known).count();
    assert!(kept >= 95, "{kept} of 100 in use are left");
    let old = (100..1100).filter(is_known).count();
    assert!(old < 300, "{old} of the 1000 oldest are left");
}
