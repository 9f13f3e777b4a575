//! What each target does with an input.

use std::cell::RefCell;

use dns_common::{
    ask::{Ask, HEADER, TYPE_AND_CLASS},
    cookie::{self, Secret, Validity},
    host::{Class, ClientSubnet, Constants},
    name,
    outcome::Action,
    reply::fold_sum,
    tables::Source,
};

use crate::world::{
    RESOLVER, SEED, World,
    host::Desk,
    plain::{self, rfc1071},
    reader,
    sample::{EXEMPT, IPV6, ON, TRUSTED, WWW, sample},
};

/// A message is read as the plain reader reads it.
///
/// # Panics
/// Panics where it is not.
pub fn ask(message: &[u8]) {
    let found = dns_common::ask::ask(
        message,
        SEED,
        dns_common::ask::Wanted::ALL,
        &Desk::default(),
    );
    let expected = reader::question(message);
    let (Ok(found), Ok(expected)) = (found, &expected) else {
        assert_eq!(found.err(), expected.err());
        return;
    };
    let Ask {
        name_len, rtype, ..
    } = found;
    assert_eq!(
        (name_len, rtype, reader::Edns::of(found.edns, message)),
        (expected.name_len, expected.rtype, expected.edns)
    );
    let [first, second, flags, ..] = found.id_and_rd.to_le_bytes();
    assert_eq!(
        ([first, second], flags),
        (expected.id, u8::from(expected.recursion_desired))
    );
    let words = name::folded_words(&message[HEADER..HEADER + name_len]);
    assert_eq!(found.hash, name::hash(SEED, words));
    let question = &message[HEADER..HEADER + name_len + TYPE_AND_CLASS];
    assert_eq!(fold_sum(found.sum).swap_bytes(), rfc1071(question));
}

/// An OPT record of these options, after a good question, is read as the plain
/// reader reads it.
///
/// # Panics
/// Panics where it is not.
pub fn edns(options: &[u8]) {
    let mut message = plain::with_opt(&plain::query(WWW, 1), &plain::Opt::default());
    let len = message.len();
    message[len - 2..].copy_from_slice(&(options.len() as u16).to_be_bytes());
    message.extend(options);
    ask(&message);
}

/// What a message is answered with, by a host with the settings that the input
/// starts with: a reply that is well-formed and for this query, or none.
///
/// # Panics
/// Panics where a reply is neither.
pub fn respond(input: &[u8]) {
    let Some((settings, message)) = input.split_at_checked(4) else {
        return;
    };
    thread_local! {
        /// Made once: inputs differ in what the host's settings and the rates are.
        static WORLD: RefCell<World> = RefCell::new(sample());
    }
    WORLD.with_borrow_mut(|world| {
        set(world, settings);
        respond_in(world, message, source(settings));
    });
}

/// What a message from `source` is answered with in `world`.
fn respond_in(world: &World, message: &[u8], source: Source) {
    let read = reader::question(message);
    // More than once, so that limits are met.
    for _ in 0..3 {
        match world.respond(message, source) {
            Ok((reply, octets)) => {
                assert_eq!(reply.outcome().action(), Action::Reply);
                assert!(read.is_ok(), "a reply to what is no query");
                assert_eq!(reader::fault(message, &octets), None, "{octets:?}");
                assert!(octets.len() <= world.host.reply_max);
            }
            Err(outcome) => match read {
                Ok(_) => assert_ne!(outcome.action(), Action::Reply),
                Err(expected) => assert_eq!(outcome, expected),
            },
        }
    }
}

/// Who asks, by the fourth octet.
fn source(settings: &[u8]) -> Source {
    [RESOLVER, TRUSTED, EXEMPT, IPV6][usize::from(settings[3] & 3)]
}

/// Sets what is switched on, by three octets; nobody has been answered yet.
fn set(world: &mut World, settings: &[u8]) {
    let bit = |number: u8| u64::from(settings[0] >> number & 1);
    let client_subnet = [
        ClientSubnet::Off,
        ClientSubnet::On,
        ClientSubnet::Trusted,
        ClientSubnet::On,
    ];
    // One response in longer than a burst: the second is over the rate.
    let interval_ns = 2_000_000_000 * bit(2);
    world.host.constants = Constants {
        payload: [512, 1232, 1400, 4096][usize::from(settings[1] & 3)],
        client_subnet: client_subnet[usize::from(settings[1] >> 2 & 3)] as u64,
        cookies: bit(0),
        nsid: bit(1),
        rates: bit(2),
        rate_intervals_ns: [interval_ns; Class::ALL.len()],
        slip: u64::from(settings[1] >> 4 & 3),
        cookie_required_over_limit: bit(3),
        up_interval_ns: interval_ns,
        ..ON
    };
    world.host.stream = bit(4) != 0;
    world.host.now_s.set(u32::from(settings[2]) << 24);
    world.host.limited.set(0);
    for bucket in &world.tables.rates {
        bucket.store(0);
    }
}

/// A cookie that comes is ours only if it is the one that is made for the time
/// and the reserved octets it has; the one that is made is fresh.
///
/// # Panics
/// Panics where it is not so.
pub fn cookie(input: &[u8]) {
    let mut words = input.chunks_exact(8).map(|octets| {
        let octets = octets.try_into().expect("eight octets");
        u64::from_le_bytes(octets)
    });
    let [
        Some(first),
        Some(second),
        Some(client),
        Some(high),
        Some(low),
        Some(head),
        Some(hash),
    ] = [(); 7].map(|()| words.next())
    else {
        return;
    };
    let secret = Secret(first, second);
    let source = if high == 0 {
        Source::V4(low as u32)
    } else {
        Source::V6(high, low)
    };
    let made_s = ((head >> 32) as u32).swap_bytes();
    let made = cookie::make(secret, client, source, made_s);
    for age_s in [0, 1799, 1800, 3600, 3601, 0xffff_fed4, 0xffff_fed3] {
        let now_s = made_s.wrapping_add(age_s);
        let expected = match age_s.cast_signed() {
            -300..1800 => Validity::Fresh,
            1800..=3600 => Validity::Old,
            _ => Validity::Invalid,
        };
        assert_eq!(cookie::check(secret, client, made, source, now_s), expected);
        // With no reserved octet set there is one good hash, else some other.
        if head as u32 == 1 && hash != made.1 || head as u8 != 1 {
            let checked = cookie::check(secret, client, (head, hash), source, now_s);
            assert_eq!(checked, Validity::Invalid);
        }
    }
}
