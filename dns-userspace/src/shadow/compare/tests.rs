use domain::base::iana::Rcode;
use proptest::prelude::*;

use super::{
    super::testing::{SAID, Said, question},
    *,
};

const SOA: &str = "example. 60 SOA ns1.example. admin.example. 1 2 3 4 60";
const A: Said = Said::answer("www.example. 300 A 192.0.2.1");
const ALIAS: Said = Said::answer("www.example. 300 CNAME a.example.\na.example. 300 A 192.0.2.1");
const DENIED: Said = Said {
    rcode: Rcode::NXDOMAIN,
    authority: SOA,
    ..SAID
};
const REFERRED: Said = Said {
    aa: false,
    authority: "example. 300 NS ns1.example.\nexample. 300 NS ns2.example.",
    additional: "ns1.example. 300 A 192.0.2.53\nns2.example. 300 A 192.0.2.54",
    ..SAID
};

/// Kinds, and both sides' texts, of `www.example.` with this type.
fn found(
    rtype: &str,
    [ours, theirs]: [Said; 2],
    steering: Option<&Steering>,
) -> Vec<(Kind, String, String)> {
    let question = question("www.example.", rtype);
    let [ours, theirs] = [ours, theirs].map(|said| said.side(&question));
    let found = compare(&question, &ours, &theirs, steering);
    let parts = found.into_iter().map(|of| (of.kind, of.ours, of.theirs));
    parts.collect()
}

fn kinds(rtype: &str, ours: Said, theirs: Said) -> Vec<Kind> {
    let found = found(rtype, [ours, theirs], None);
    found.into_iter().map(|(kind, ..)| kind).collect()
}

/// One difference alone, with its texts.
#[track_caller]
fn one(ours: Said, theirs: Said) -> (Kind, String, String) {
    let mut found = found("A", [ours, theirs], None);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn order_and_case_never_count_nor_what_is_added_by_habit() {
    for (rtype, ours, theirs) in [
        ("A", A, A),
        ("A", A, Said::answer("WWW.Example. 300 A 192.0.2.1")),
        (
            "A",
            Said::answer("www.example. 300 A 192.0.2.1\nwww.example. 300 A 192.0.2.2"),
            Said::answer("www.example. 300 A 192.0.2.2\nwww.example. 300 A 192.0.2.1"),
        ),
        (
            "MX",
            Said::answer("www.example. 300 MX 10 Mail.example."),
            Said::answer("www.example. 300 MX 10 mail.EXAMPLE."),
        ),
        (
            "HTTPS",
            Said::answer("www.example. 300 HTTPS 1 Svc.example. alpn=h2"),
            Said::answer("www.example. 300 HTTPS 1 svc.example. alpn=h2"),
        ),
        (
            "A",
            A,
            Said {
                authority: "example. 300 NS ns1.example.",
                additional: "ns1.example. 300 A 192.0.2.53",
                ..A
            },
        ),
        (
            "A",
            DENIED,
            Said {
                authority: "EXAMPLE. 60 SOA NS1.example. admin.example. 1 2 3 4 60\n\
                            example. 300 NS ns1.example.",
                ..DENIED
            },
        ),
        ("A", REFERRED, REFERRED),
        (
            "A",
            Said {
                rcode: Rcode::REFUSED,
                ..SAID
            },
            Said {
                rcode: Rcode::REFUSED,
                aa: false,
                authority: SOA,
                ..SAID
            },
        ),
    ] {
        assert_eq!(
            kinds(rtype, ours, theirs),
            [],
            "{rtype} {ours:?} {theirs:?}"
        );
        assert_eq!(
            kinds(rtype, theirs, ours),
            [],
            "{rtype} {ours:?} {theirs:?}"
        );
    }
}

#[test]
fn each_kind_is_told_for_what_it_is() {
    let nothing = || "nothing".to_owned();
    let text = str::to_owned;
    let two = Said::answer("www.example. 300 A 192.0.2.1\nwww.example. 300 A 192.0.2.2");
    let more = text("www.example. A 192.0.2.2");
    // Another, one more, one less.
    let other = Said::answer("www.example. 300 A 192.0.2.9");
    let (first, last) = ("www.example. A 192.0.2.1", "www.example. A 192.0.2.9");
    assert_eq!(one(A, other), (Kind::Data, text(first), text(last)));
    assert_eq!(one(A, two), (Kind::Data, nothing(), more.clone()));
    assert_eq!(one(two, A), (Kind::Data, more, nothing()));

    let ttl = Said::answer("www.example. 60 A 192.0.2.1");
    let (ours, theirs) = ("www.example. A TTL 300", "www.example. A TTL 60");
    assert_eq!(one(A, ttl), (Kind::Ttl, text(ours), text(theirs)));

    let rcodes = (Kind::Rcode, text("NOERROR"), text("NXDOMAIN"));
    assert_eq!(one(A, DENIED), rcodes);

    let other = Said { aa: false, ..A };
    let aa = (Kind::Aa, text("authoritative"), text("not authoritative"));
    assert_eq!(one(A, other), aa);

    let signed = "www.example. 300 A 192.0.2.1\n\
                  www.example. 300 RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA";
    let dnssec = (Kind::Dnssec, text("unsigned"), text("signed"));
    assert_eq!(one(A, Said::answer(signed)), dnssec);
}

#[test]
fn of_aliases_the_way_counts_and_apart_from_it_the_end() {
    let other_way = Said::answer("www.example. 300 CNAME b.example.\nb.example. 300 A 192.0.2.1");
    let (ours, theirs) = ("www.example. → a.example.", "www.example. → b.example.");
    let way = (Kind::Cname, ours.to_owned(), theirs.to_owned());
    assert_eq!(one(ALIAS, other_way), way);
    assert_eq!(kinds("A", ALIAS, A), [Kind::Cname]);
    // One does not follow it, which is not to say that there is nothing.
    let cut = Said::answer("www.example. 300 CNAME a.example.");
    let (kind, _, theirs) = one(ALIAS, cut);
    assert_eq!(kind, Kind::Cname);
    assert_eq!(theirs, "www.example. → a.example., and no further");
    let denied = Said {
        authority: SOA,
        ..cut
    };
    assert_eq!(kinds("A", ALIAS, denied), [Kind::Data]);
    let other_end = Said::answer("www.example. 300 CNAME b.example.\nb.example. 300 A 192.0.2.2");
    assert_eq!(kinds("A", ALIAS, other_end), [Kind::Cname, Kind::Data]);
    // Who asks for the alias gets it.
    assert_eq!(kinds("CNAME", cut, cut), []);
    let other = Said::answer("www.example. 300 CNAME b.example.");
    assert_eq!(kinds("CNAME", cut, other), [Kind::Data]);
    let circle =
        Said::answer("www.example. 300 CNAME a.example.\na.example. 300 CNAME www.example.");
    assert_eq!(kinds("A", circle, circle), []);
}

#[test]
fn denials_and_referrals_are_compared_by_who_says_so() {
    let serial = Said {
        authority: "example. 60 SOA ns1.example. admin.example. 7 2 3 4 60",
        ..DENIED
    };
    assert_eq!(kinds("A", DENIED, serial), [Kind::Serial]);
    let minimum = Said {
        authority: "example. 60 SOA ns1.example. admin.example. 1 2 3 4 30",
        ..DENIED
    };
    assert_eq!(kinds("A", DENIED, minimum), [Kind::Authority]);
    let ttl = Said {
        authority: "example. 30 SOA ns1.example. admin.example. 1 2 3 4 60",
        ..DENIED
    };
    assert_eq!(kinds("A", DENIED, ttl), [Kind::Ttl]);
    let bare = Said {
        authority: "",
        ..DENIED
    };
    assert_eq!(kinds("A", DENIED, bare), [Kind::Authority]);
    let soa = |serial| Said {
        answer: serial,
        ..SAID
    };
    let ours = soa("www.example. 60 SOA ns1.example. admin.example. 1 2 3 4 60");
    let theirs = soa("www.example. 60 SOA ns1.example. admin.example. 2 2 3 4 60");
    assert_eq!(kinds("SOA", ours, theirs), [Kind::Serial]);

    let fewer = Said {
        authority: "example. 300 NS ns1.example.",
        ..REFERRED
    };
    assert_eq!(kinds("A", REFERRED, fewer), [Kind::Authority]);
    let no_glue = Said {
        additional: "ns1.example. 300 A 192.0.2.53",
        ..REFERRED
    };
    let (kind, ours, theirs) = one(REFERRED, no_glue);
    assert_eq!(kind, Kind::Additional);
    assert_eq!([ours, theirs], ["ns2.example. A 192.0.2.54", "nothing"]);
}

#[test]
fn no_reply_and_a_cut_off_one_are_told() {
    let question = question("www.example.", "A");
    let ours = A.side(&question);
    let cut = Side {
        is_truncated: true,
        ..ours.clone()
    };
    let kinds = |ours: &Side, theirs: &Side| {
        let found = compare(&question, ours, theirs, None);
        let kinds = found.iter().map(|of| of.kind);
        kinds.collect::<Vec<_>>()
    };
    assert_eq!(kinds(&cut, &cut), []);
    assert_eq!(kinds(&ours, &cut), [Kind::Truncated]);
    let silent = Side {
        reply: Err("no reply in 1s".to_owned()),
        is_truncated: false,
    };
    assert_eq!(kinds(&ours, &silent), [Kind::NoAnswer]);
    let found = compare(&question, &ours, &silent, None);
    assert_eq!(
        (&*found[0].ours, &*found[0].theirs),
        ("NOERROR", "no reply in 1s")
    );
}

/// Chooses among 192.0.2.1 and 192.0.2.2, and a CDN.
fn steering() -> Steering {
    Steering {
        service: "www.example.".to_owned(),
        addresses: vec![[192, 0, 2, 1].into(), [192, 0, 2, 2].into()],
        names: vec!["www.cdn.test.".to_owned()],
        tells_others: false,
        is_made: false,
    }
}

#[test]
fn what_a_decision_could_have_said_is_no_fault() {
    let steering = steering();
    let kinds = |rtype, ours, theirs| {
        let found = found(rtype, [ours, theirs], Some(&steering));
        let kinds = found.into_iter().map(|(kind, ..)| kind);
        kinds.collect::<Vec<_>>()
    };
    let second = Said::answer("www.example. 20 A 192.0.2.2");
    let third = Said::answer("www.example. 20 A 192.0.2.3");
    let both = Said::answer("www.example. 20 A 192.0.2.2\nwww.example. 20 A 192.0.2.3");
    let cdn = Said::answer("www.example. 20 CNAME WWW.cdn.test.");
    let other_cdn = Said::answer("www.example. 20 CNAME www.other.test.");
    let nothing = Said {
        authority: SOA,
        ..SAID
    };
    let shaped =
        Said::answer("www.example. 20 CNAME a.www.example.\na.www.example. 20 A 192.0.2.3");
    for (ours, theirs, expected) in [
        (A, A, None),
        (A, second, Some(Kind::Steered)),
        (
            A,
            Said::answer("www.example. 20 A 192.0.2.1"),
            Some(Kind::Steered),
        ),
        (A, cdn, Some(Kind::Steered)),
        // The same where it leads, under whatever name.
        (shaped, third, Some(Kind::Steered)),
        (A, third, Some(Kind::Elsewhere)),
        (A, both, Some(Kind::Elsewhere)),
        (A, other_cdn, Some(Kind::Elsewhere)),
        (A, nothing, Some(Kind::Elsewhere)),
        (cdn, nothing, Some(Kind::Elsewhere)),
    ] {
        let found = kinds("A", ours, theirs);
        assert_eq!(
            found,
            expected.into_iter().collect::<Vec<_>>(),
            "{ours:?} {theirs:?}"
        );
    }
    // An error is one, whoever decides.
    assert_eq!(kinds("A", A, DENIED), [Kind::Rcode]);
    // What is not about addresses has to be the same at its end.
    let aliased = Said {
        authority: SOA,
        ..Said::answer("www.example. 20 CNAME a.www.example.")
    };
    assert_eq!(kinds("TXT", aliased, nothing), [Kind::Steered]);
    let text = Said::answer("www.example. 300 TXT \"text\"");
    assert_eq!(kinds("TXT", aliased, text), [Kind::Cname]);
}

#[test]
fn a_referral_to_who_is_handed_over_to_is_a_choice() {
    let mut steering = steering();
    steering.names.push("ns2.example.".to_owned());
    let found = found("A", [A, REFERRED], Some(&steering));
    assert_eq!(found[0].0, Kind::Steered, "{found:?}");
    assert_eq!(found[0].1, "www.example. A 192.0.2.1 (TTL 300)");
    assert!(found[0].2.contains("example. NS ns2.example."), "{found:?}");
}

#[test]
fn any_address_may_be_that_of_another_dns() {
    let steering = Steering {
        tells_others: true,
        ..steering()
    };
    let other = Said::answer("www.example. 300 A 203.0.113.77");
    assert_eq!(found("A", [A, other], Some(&steering))[0].0, Kind::Steered);
}

#[test]
fn a_name_that_veer_makes_need_not_be_anywhere_else() {
    let steering = Steering {
        is_made: true,
        ..steering()
    };
    assert_eq!(found("A", [A, DENIED], Some(&steering))[0].0, Kind::Steered);
    assert_eq!(found("A", [DENIED, A], Some(&steering))[0].0, Kind::Rcode);
}

#[test]
fn long_texts_are_cut() {
    let long = "é".repeat(TEXT_MAX + 1);
    assert_eq!(short(long).chars().count(), TEXT_MAX + 1);
    assert_eq!(short("é".repeat(TEXT_MAX)).chars().count(), TEXT_MAX);
}

proptest! {
    #[test]
    fn whatever_a_server_sends_is_compared_without_panic(
        octets in proptest::collection::vec(any::<u8>(), 0..600),
        keep in 0..200_usize,
        flips in proptest::collection::vec((0..200_usize, any::<u8>()), 0..8),
    ) {
        let question = question("www.example.", "A");
        // Part of it is a message, so that more of it is read.
        let mut message = ALIAS.message(&question.query(false));
        message.truncate(keep);
        message.extend(octets);
        for (at, octet) in flips {
            if let Some(place) = message.get_mut(at) {
                *place = octet;
            }
        }
        let theirs = Side { reply: Reply::read(&message), is_truncated: false };
        for steering in [None, Some(&steering())] {
            for found in compare(&question, &ALIAS.side(&question), &theirs, steering) {
                prop_assert!(found.theirs.chars().count() <= TEXT_MAX + 1);
            }
        }
    }
}
