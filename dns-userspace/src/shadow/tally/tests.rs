use super::{
    super::{
        Side,
        testing::{SAID, Said, question},
    },
    *,
};
use crate::authority::testing::name;

fn difference(kind: Kind) -> Difference {
    Difference {
        kind,
        ours: "1".to_owned(),
        theirs: "2".to_owned(),
    }
}

/// Counts differences of these kinds for `name` and `rtype` in `example.`; the new ones.
fn take(tally: &mut Tally, asked: (&str, &str), kinds: &[Kind]) -> Vec<Kind> {
    let question = question(asked.0, asked.1);
    let differences = kinds.iter().copied().map(difference).collect();
    let asked = self::asked(Ok(SAID), &question);
    let new = tally.take(&question, &name("example."), &asked, differences);
    new.into_iter().map(|found| found.kind).collect()
}

/// What the other server said to somebody: nothing at first.
fn asked(reply: Result<Said, &str>, question: &Question) -> Asked {
    let side = match reply {
        Ok(said) => said.side(question),
        Err(error) => Side {
            reply: Err(error.to_owned()),
            is_truncated: false,
        },
    };
    Asked {
        side,
        unanswered: 1,
    }
}

fn summary(tally: Tally) -> Summary {
    tally.summary(([192, 0, 2, 53], 53).into(), LeftOut::default())
}

#[test]
fn a_difference_of_a_question_is_told_once_and_counted_as_often_as_it_is_seen() {
    let mut tally = Tally::new(vec![Kind::Ttl]);
    let www = ("www.example.", "A");
    assert_eq!(take(&mut tally, www, &[]), []);
    assert_eq!(
        take(&mut tally, www, &[Kind::Data, Kind::Aa]),
        [Kind::Data, Kind::Aa]
    );
    assert_eq!(take(&mut tally, ("WWW.example.", "A"), &[Kind::Data]), []);
    assert_eq!(
        take(&mut tally, ("www.example.", "AAAA"), &[Kind::Data]),
        [Kind::Data]
    );
    assert_eq!(take(&mut tally, www, &[Kind::Ttl]), [], "it is ignored");
    let summary = summary(tally);
    assert_eq!((summary.compared, summary.differing), (5, 3));
    let counted: Vec<_> = summary
        .differences
        .iter()
        .map(|of| (of.kind, of.questions, of.seen, of.first.rtype.as_str()))
        .collect();
    assert_eq!(counted, [(Kind::Data, 2, 3, "A"), (Kind::Aa, 1, 1, "A")]);
    assert!(summary.differs());
}

#[test]
fn a_zone_has_one_serial_number() {
    let mut tally = Tally::new(Vec::new());
    assert_eq!(
        take(&mut tally, ("a.example.", "A"), &[Kind::Serial]),
        [Kind::Serial]
    );
    assert_eq!(take(&mut tally, ("b.example.", "MX"), &[Kind::Serial]), []);
}

#[test]
fn what_a_decision_could_have_said_is_counted_and_no_difference() {
    let mut tally = Tally::new(Vec::new());
    take(&mut tally, ("www.example.", "A"), &[Kind::Steered]);
    assert_eq!(tally.so_far(), (1, 0));
    let summary = summary(tally);
    assert_eq!(summary.differences.len(), 1);
    assert!(!summary.differs());
}

#[test]
fn a_question_without_a_reply_is_not_compared() {
    let mut tally = Tally::new(Vec::new());
    let silent = vec![difference(Kind::NoAnswer)];
    let question = question("www.example.", "A");
    let asked = asked(Err("no reply"), &question);
    tally.take(&question, &name("example."), &asked, silent);
    let summary = summary(tally);
    assert_eq!(
        (summary.compared, summary.no_answer, summary.differing),
        (0, 1, 1)
    );
    assert!(summary.differs());
}

#[test]
fn made_up_names_fill_no_memory() {
    let mut tally = Tally::new(Vec::new());
    for number in 0..KNOWN_MAX {
        let name = format!("{number}.example.");
        assert_eq!(take(&mut tally, (&name, "A"), &[Kind::Data]).len(), 1);
    }
    assert_eq!(take(&mut tally, ("more.example.", "A"), &[Kind::Data]), []);
    assert_eq!(tally.known.len(), KNOWN_MAX);
    let seen = summary(tally).differences[0].seen;
    assert_eq!(seen, KNOWN_MAX as u64 + 1);
}
