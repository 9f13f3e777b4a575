use super::*;

/// A reply to a query for `x.` with all there can be, and what is expected of it.
fn sample() -> (Query, Vec<u8>, Expected) {
    let query = ask_edns("x.", A).flags(RD).dnssec_ok().option(NSID, b"");
    let reply = b"\x89\x06\x85\0\0\x01\0\x01\0\0\0\x01\
        \x01x\0\0\x01\0\x01\
        \xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01\
        \0\0\x29\x04\xd0\0\0\x80\0\0\x06\0\x03\0\x02me";
    let expected = answer(&[A]).dnssec_ok().option(NSID, b"me");
    (query, reply.to_vec(), expected)
}

/// What the checker does not look at: TTL and address of the answer.
const NOT_CHECKED: [std::ops::Range<usize>; 2] = [25..29, 31..35];

#[test]
fn the_checker_takes_a_good_reply_and_none_with_a_wrong_bit() {
    let (query, good, expected) = sample();
    assert_eq!(check(&query, Some(&good), &expected), Ok(()));
    let checked = |at: &usize| !NOT_CHECKED.iter().any(|range| range.contains(at));
    for at in (0..good.len()).filter(checked) {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let found = check(&query, Some(&bad), &expected);
            assert!(found.is_err(), "octet {at}, bit {bit}: {bad:02x?}");
        }
    }
}

#[test]
fn the_checker_takes_no_other_reply() {
    let (query, good, expected) = sample();
    let refused = |reply: Option<&[u8]>, expected: &Expected| {
        assert!(check(&query, reply, expected).is_err(), "{expected:?}");
    };
    refused(None, &expected);
    refused(Some(&good), &silence());
    for length in 0..good.len() {
        refused(Some(&good[..length]), &expected);
    }
    refused(Some(&[&good[..], &[0]].concat()), &expected);
    refused(Some(&good), &expected.clone().truncated());
    refused(Some(&good), &expected.clone().without_question());
    refused(Some(&good), &expected.clone().behind(&[CNAME, A]));
    refused(Some(&good), &expected.clone().addresses(1));
    refused(Some(&good), &expected.clone().opt());
    refused(Some(&good), &expected.clone().without(NSID));
    refused(Some(&good), &expected.clone().option(COOKIE, b""));
    refused(Some(&good), &nothing(NXDOMAIN).dnssec_ok());
    let (mut unasked, ..) = sample();
    unasked.opts[0].options.clear();
    assert!(check(&unasked, Some(&good), &expected).is_err());
    unasked.opts.clear();
    assert!(check(&unasked, Some(&good), &expected).is_err());
}
