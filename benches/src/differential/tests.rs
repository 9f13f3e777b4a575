//! The bounded run of every test suite, and what failed once.

use super::*;

/// Few enough for a test, enough for every kind of query.
const QUERIES: u64 = 100_000;
const SEED: u64 = 9018;

#[test]
fn the_planes_agree_byte_for_byte_and_with_the_authority() {
    let options = Options {
        queries: Some(QUERIES),
        seconds: None,
    };
    let tally = every(&options, SEED).expect("as root, programs load");
    if let Some((case, fault)) = tally.faults().next() {
        let file = case.save(fault).expect("a file");
        panic!("{fault:?}\nkept as {}", file.display());
    }
    assert!(tally.queries >= QUERIES, "{} queries", tally.queries);
    let reached = |outcome: dns_common::outcome::Outcome| {
        let count = tally.outcomes[outcome as usize];
        assert!(count > 0, "no query is {}", outcome.name());
    };
    REACHED.into_iter().for_each(reached);
}

/// What queries of a bounded run come to: everything that tables and settings
/// without rates can lead to.
const REACHED: [dns_common::outcome::Outcome; 30] = {
    use dns_common::outcome::Outcome::*;
    [
        Answered,
        AnsweredNegative,
        AnsweredReferral,
        AnsweredTruncated,
        AnsweredError,
        UpNotIp,
        UpNotUdp,
        UpOtherAddress,
        UpOtherPort,
        UpFragment,
        UpIpv4Options,
        UpIpv6Extension,
        UpLength,
        UpResponse,
        UpOpcode,
        UpQuestionCount,
        UpRecords,
        UpAdditional,
        UpQuestion,
        UpOpt,
        UpCookie,
        UpSubnet,
        UpNsid,
        UpClass,
        UpType,
        UpUnknownName,
        UpNoAnswer,
        UpNoCandidate,
        UpSource,
        UpChecksum,
    ]
};

#[test]
fn what_failed_once_does_not_again() {
    assert_eq!(regressions::replay().expect("as root, programs load"), []);
}
