use domain::{
    base::{Name, Rtype, Ttl, iana::Rcode, message_builder::AdditionalBuilder, opt},
    rdata::{A, Ns},
};

use super::*;

/// How many records a reply has in its answer and authority sections.
#[derive(Clone, Copy)]
struct Counts(u8, u8);

/// Octets of [`reply`]'s question and header: a query without EDNS.
const QUERY_LEN: usize = 12 + 17 + 4;

/// A reply to a query for `www.example.test.` with an OPT record.
fn reply(rcode: Rcode, aa: bool, tc: bool, counts: Counts) -> Vec<u8> {
    let name: Name<Vec<u8>> = "www.example.test.".parse().expect("a name");
    let mut builder = MessageBuilder::new_vec();
    let header = builder.header_mut();
    header.set_id(0x1234);
    header.set_qr(true);
    header.set_rd(true);
    header.set_aa(aa);
    header.set_tc(tc);
    header.set_rcode(rcode);
    let mut builder = builder.question();
    builder.push((&name, Rtype::A)).expect("room");
    let mut builder = builder.answer();
    for number in 0..counts.0 {
        let data = A::new([192, 0, 2, number].into());
        builder
            .push((&name, Ttl::from_secs(1), data))
            .expect("room");
    }
    let mut builder = builder.authority();
    for _ in 0..counts.1 {
        let data = Ns::new(&name);
        builder
            .push((&name, Ttl::from_secs(1), data))
            .expect("room");
    }
    let mut builder: AdditionalBuilder<Vec<u8>> = builder.additional();
    builder
        .opt(|opt| {
            opt.set_udp_payload_size(1232);
            opt.set_dnssec_ok(true);
            opt.cookie(opt::Cookie::new(
                opt::cookie::ClientCookie::from_octets([7; 8]),
                None,
            ))
        })
        .expect("room");
    builder.finish()
}

#[test]
fn a_reply_is_classed_by_what_it_says_and_how_long_it_is() {
    for (rcode, aa, tc, counts, class_of) in [
        (Rcode::NOERROR, true, false, Counts(1, 0), Class::Large),
        (Rcode::NOERROR, true, false, Counts(0, 1), Class::Negative),
        (Rcode::NOERROR, true, false, Counts(0, 0), Class::Negative),
        (Rcode::NOERROR, false, false, Counts(0, 2), Class::Referral),
        (Rcode::NOERROR, false, false, Counts(0, 0), Class::Negative),
        (Rcode::NXDOMAIN, true, false, Counts(0, 1), Class::Negative),
        (Rcode::NXDOMAIN, true, false, Counts(1, 1), Class::Negative),
        (Rcode::REFUSED, false, false, Counts(0, 0), Class::Error),
        (Rcode::SERVFAIL, false, false, Counts(0, 0), Class::Error),
        (Rcode::FORMERR, false, false, Counts(0, 0), Class::Error),
    ] {
        let reply = reply(rcode, aa, tc, counts);
        let found = class(&reply, rcode.into(), QUERY_LEN);
        assert_eq!(found, class_of, "{rcode} {} {}", counts.0, counts.1);
    }
    let truncated = reply(Rcode::NOERROR, true, true, Counts(0, 0));
    assert_eq!(
        class(&truncated, OptRcode::NOERROR, QUERY_LEN),
        Class::Positive
    );

    let records = reply(Rcode::NOERROR, true, false, Counts(1, 0));
    for (query_len, class_of) in [
        (records.len() / 2, Class::Large),
        (records.len().div_ceil(2), Class::Positive),
    ] {
        assert_eq!(class(&records, OptRcode::NOERROR, query_len), class_of);
    }
    // Only the OPT record has the upper bits.
    let version = reply(Rcode::NOERROR, false, false, Counts(0, 0));
    assert_eq!(class(&version, OptRcode::BADVERS, QUERY_LEN), Class::Error);
}

#[test]
fn what_slips_has_header_question_and_opt_of_the_reply_and_tc() {
    let full = reply(Rcode::NXDOMAIN, true, false, Counts(2, 1));
    let slipped = slipped(&full).expect("a reply");
    let expected = reply(Rcode::NXDOMAIN, true, true, Counts(0, 0));
    assert_eq!(slipped, expected);
    assert_eq!(super::slipped(&full[..11]), None);
}
