//! One recursor asks for everything, at first cold, then warm.

use domain::base::{Message, Rtype, iana::Rcode};

use crate::{
    recursor::{Habits, Program, Recursor},
    root::ROOT,
    scene::{BIG, Scene, big, queries},
    support::{
        cases::{CASES, Case},
        eventually,
        tools::Transport,
        world::DNS,
    },
    tap::Sent,
};

/// Questions between two looks at the wire, which holds so many frames and no more.
const AT_ONCE: usize = 8;

/// What names below the one with a DNAME end in.
const BELOW_DNAME: &str = ".old.example.";

/// A question, and what a recursor makes of our answer to it.
struct Resolved {
    name: &'static str,
    rtype: &'static str,
    rcode: &'static str,
    answer: Vec<String>,
}

/// Starts `program`, asks it what its group may ask, and checks what it answers,
/// what it asks us and what we count.
#[track_caller]
pub(crate) fn visit(scene: &mut Scene, program: Program, habits: Habits) {
    let what = format!("{program:?} {habits:?}");
    let recursor = Recursor::start(scene, program, habits);
    let expected = expected(habits);
    let (before, in_kernel) = (scene.counted(), scene.in_kernel());

    let mut wire = scene.wire();
    for some in expected.chunks(AT_ONCE) {
        assert_resolved(&recursor, some, &what);
        wire.extend(scene.wire());
    }
    let cold = assert_counted(scene, &mut wire, before, &what);
    assert_in_kernel(&wire, scene.in_kernel() - in_kernel, &what);
    assert_habits(&wire, habits, &what);
    if habits.sends_cookies {
        assert_cookies(&wire, habits, &what);
    }
    assert_replies(&wire, &what);

    assert_resolved(&recursor, &expected, &what);
    let warm = scene.counted() - before;
    let wire = scene.wire();
    assert_eq!(warm, cold, "{what}: asks us what it knows: {wire:?}");
}

/// What a recursor of that group gets, the answer too large for UDP included.
fn expected(habits: Habits) -> Vec<Resolved> {
    let own = |case: &&Case| case.resolver == habits.resolver;
    let small = CASES.iter().filter(own).map(|case| Resolved {
        name: case.name,
        rtype: case.rtype,
        rcode: case.rcode,
        answer: sorted(case.resolved.unwrap_or(case.answer)),
    });
    let big = Resolved {
        name: BIG,
        rtype: "TXT",
        rcode: "NOERROR",
        answer: sorted(&big()),
    };
    small.chain([big]).collect()
}

/// The records in small letters, in order: of a name that a DNAME has made, the
/// letters may be those of some query.
fn sorted(records: &[impl AsRef<str>]) -> Vec<String> {
    let small = |record: &_| str::to_ascii_lowercase(AsRef::as_ref(record));
    let mut small: Vec<_> = records.iter().map(small).collect();
    small.sort();
    small
}

/// Fails unless the recursor answers as `expected`.
#[track_caller]
fn assert_resolved(recursor: &Recursor, expected: &[Resolved], what: &str) {
    let questions: Vec<_> = expected.iter().map(|it| [it.name, it.rtype]).collect();
    for (right, reply) in expected.iter().zip(recursor.ask(&questions)) {
        let what = format!("{what} {} {}: {reply:?}", right.name, right.rtype);
        assert_eq!(reply.rcode, right.rcode, "{what}\n{}", recursor.said());
        assert!(reply.has("ra") && !reply.has("tc"), "{what}");
        assert_eq!(sorted(&reply.answer), right.answer, "{what}");
        // How long it may believe in the absence, our SOA says (RFC 2308 section 5).
        let is_alias = |record: &String| record.contains(" cname ");
        let is_absent = right.rtype != "CNAME" && right.answer.iter().all(is_alias);
        let is_soa = |record: &String| record.starts_with("example. SOA ");
        assert_eq!(reply.authority.iter().any(is_soa), is_absent, "{what}");
    }
}

/// Fails unless we have counted every query that is on the wire, and no other;
/// how many.
#[track_caller]
fn assert_counted(scene: &mut Scene, wire: &mut Vec<Sent>, before: u64, what: &str) -> u64 {
    // A recursor may still be asking for more than it was asked.
    eventually(&format!("{what}: what is sent is counted"), || {
        let counted = scene.counted() - before;
        wire.extend(scene.wire());
        let sent = queries(wire, DNS).len() as u64;
        (counted == sent).then_some(counted)
    })
}

/// Fails unless the kernel has answered every query over UDP, but for those that
/// a DNAME answers, and those whose answer is large.
#[track_caller]
fn assert_in_kernel(wire: &[Sent], in_kernel: u64, what: &str) {
    let is_hot = |query: &&Sent| {
        let is_big = name(query) == BIG && query.message.qtype() == Some(Rtype::TXT);
        query.transport == Transport::Udp && !name(query).ends_with(BELOW_DNAME) && !is_big
    };
    let hot = queries(wire, DNS).into_iter().filter(is_hot).count() as u64;
    assert_eq!(in_kernel, hot, "{what}: answered in the kernel");
}

/// Fails unless the recursor takes our cookies: from our first reply on, each of
/// its queries has one that we gave it, and a DNAME without a signature is good
/// enough for it over UDP.
#[track_caller]
fn assert_cookies(wire: &[Sent], habits: Habits, what: &str) {
    let server_cookie = |sent: &Sent| {
        let cookie = sent.message.opt()?.opt().cookie()?;
        Some(cookie.server()?.as_ref().to_vec())
    };
    let mut given = Vec::new();
    for sent in wire {
        if DNS.contains(&sent.source.ip()) {
            let cookie = server_cookie(sent);
            given.push(cookie.unwrap_or_else(|| panic!("{what}: no cookie: {sent:?}")));
        } else if DNS.contains(&sent.destination.ip()) && !given.is_empty() {
            let is_ours = server_cookie(sent).is_some_and(|cookie| given.contains(&cookie));
            assert!(is_ours, "{what}: not a cookie of ours: {sent:?}");
            let is_answered_by_dname = name(sent).ends_with(BELOW_DNAME);
            assert!(
                !is_answered_by_dname || sent.transport == habits.transport,
                "{what}: {sent:?}"
            );
        }
    }
}

/// Fails unless the queries are as the recursor was told to write them: else
/// the test would show nothing of that.
#[track_caller]
fn assert_habits(wire: &[Sent], habits: Habits, what: &str) {
    let asked = queries(wire, DNS);
    assert!(!asked.is_empty(), "{what}: it asked us nothing");
    for query in &asked {
        assert_eq!(
            query.source.ip(),
            habits.resolver.address(habits.family),
            "{what}"
        );
        let opt = query.message.opt();
        let opt = opt.unwrap_or_else(|| panic!("{what}: it gave up EDNS: {query:?}"));
        let cookie = opt.opt().cookie();
        assert_eq!(cookie.is_some(), habits.sends_cookies, "{what}: {query:?}");
    }
    // From UDP they may fall back: where an answer is truncated or late, and BIND
    // where a DNAME comes without a signature and it sends no cookies.
    let over = |transport| asked.iter().any(|query| query.transport == transport);
    let is_udp = habits.transport == Transport::Udp;
    assert_eq!(over(Transport::Udp), is_udp, "{what}");
    assert!(over(Transport::Tcp), "{what}: how did it get {BIG}?");
    let is_capital = |letter: char| letter.is_ascii_uppercase();
    let has_capitals = asked
        .iter()
        .any(|query| letters(query).contains(is_capital));
    assert_eq!(has_capitals, habits.mixes_case, "{what}");
    // The root has to know no more than that we are asked for.
    let at_root = queries(wire, ROOT).into_iter().map(name);
    let names: Vec<_> = at_root.filter(|name| name.ends_with("example.")).collect();
    assert!(!names.is_empty(), "{what}: it asked the root nothing");
    let is_minimal = names.iter().all(|name| name == "example.");
    assert_eq!(is_minimal, habits.minimises, "{what}: {names:?}");
}

/// Fails unless each of our replies belongs to a query, repeats its question to
/// the letter, and refuses nothing.
#[track_caller]
fn assert_replies(wire: &[Sent], what: &str) {
    let is_ours = |(_, sent): &(usize, &Sent)| DNS.contains(&sent.source.ip());
    for (at, reply) in wire.iter().enumerate().filter(is_ours) {
        let header = reply.message.header();
        // The latest of them: on one connection an ID comes again in time.
        let query = queries(&wire[..at], DNS).into_iter().rfind(|query| {
            query.message.header().id() == header.id()
                && (query.source, query.destination) == (reply.destination, reply.source)
        });
        let query = query.unwrap_or_else(|| panic!("{what}: unasked for: {reply:?}"));
        assert_eq!(question(&reply.message), question(&query.message), "{what}");
        // Every query has an OPT record, as assert_habits has seen (RFC 6891 section 6.1.1).
        assert!(reply.message.opt().is_some(), "{what}: {reply:?}");
        let rcode = header.rcode();
        assert!(
            [Rcode::NOERROR, Rcode::NXDOMAIN].contains(&rcode),
            "{what}: {rcode} to {query:?}"
        );
        // Who minimises may ask for another type before.
        let is_big = name(reply) == BIG && query.message.qtype() == Some(Rtype::TXT);
        let is_truncated = is_big && reply.transport == Transport::Udp;
        assert_eq!(header.tc(), is_truncated, "{what}: {reply:?}");
    }
}

/// The question's name, in its own letters.
fn letters(sent: &Sent) -> String {
    let question = sent.message.sole_question().expect("one question");
    format!("{}.", question.qname())
}

/// The question's name, in small letters.
fn name(sent: &Sent) -> String {
    letters(sent).to_ascii_lowercase()
}

/// The question's octets: no name is compressed in it.
fn question(message: &Message<Vec<u8>>) -> &[u8] {
    let end = message.answer().expect("a question that can be read").pos();
    &message.as_slice()[size_of::<domain::base::HeaderSection>()..end]
}
