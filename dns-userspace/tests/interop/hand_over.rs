//! An origin dies, and whoever asks a recursor is led to a CDN of others; the CDN
//! dies too, and nobody is.

use crate::{
    cdn::{BY_CNAME, BY_LEVEL, BY_NS, CACHE, CDN, LEVEL},
    recursor::{Program, Recursor},
    scene::{Scene, queries, set_time},
    support::{eventually, origin::Origin, text, world::Family},
    tap::Sent,
};

const ORIGIN: &str = "10.8.0.1";

/// Each name that hands over, with what the CDN's DNS is then asked for.
const NAMES: [(&str, &str); 3] = [
    (BY_CNAME, "over.example.cdn.test."),
    (BY_NS, BY_NS),
    (BY_LEVEL, "level.example.cdn.test."),
];

/// Waits until clients of `recursor` are led to `address` under all names; what
/// was sent since.
#[track_caller]
fn leads(scene: &mut Scene, recursor: &Recursor, address: &str) -> Vec<Sent> {
    leads_by(scene, recursor, &NAMES.map(|(name, _)| name), address)
}

/// As [`leads`], under `names`.
#[track_caller]
fn leads_by(scene: &mut Scene, recursor: &Recursor, names: &[&str], address: &str) -> Vec<Sent> {
    let mut wire = Vec::new();
    let asked: Vec<_> = names.iter().map(|name| [*name, "A"]).collect();
    eventually(&format!("clients are led to {address}"), || {
        let replies = recursor.ask(&asked);
        wire.extend(scene.wire());
        let led = replies.iter().all(|reply| {
            // No client sees a failure meanwhile.
            assert_eq!(reply.rcode, "NOERROR", "{reply:?} {}", recursor.said());
            let end = format!(" A {address}");
            reply.answer.iter().any(|record| record.ends_with(&end))
        });
        led.then_some(())
    });
    wire
}

/// The names that the CDN's DNS was asked for, in small letters.
fn followed(wire: &[Sent]) -> Vec<String> {
    let name = |sent: &&Sent| {
        let question = sent.message.sole_question().expect("one question");
        format!("{}.", question.qname()).to_ascii_lowercase()
    };
    queries(wire, CDN).iter().map(name).collect()
}

#[track_caller]
pub(crate) fn hands_over(program: Program) {
    let mut scene = Scene::handing_over();
    let recursor = Recursor::start(&scene, program, program.habits());

    // The origin is well: the CDN hears nothing of it.
    let wire = leads(&mut scene, &recursor, ORIGIN);
    assert_eq!(followed(&wire), [""; 0], "{program:?}");

    // It dies: the CDN's DNS is asked.
    scene.origins.remove(0).stop();
    let wire = leads(&mut scene, &recursor, CACHE);
    let names = followed(&wire);
    for (name, asked) in NAMES {
        assert!(
            names.iter().any(|name| name == asked),
            "{program:?} {name}: {names:?}"
        );
    }

    // So says explain, of names below the one that is referred too.
    let from = program.habits().resolver.address(Family::V4).to_string();
    for name in [BY_CNAME, BY_NS, "x.ref.example."] {
        for rtype in ["A", "AAAA", "TXT"] {
            let args = ["explain", name, "--from", &from, "--type", rtype];
            let explained = scene.config.veerctl(&args);
            assert_eq!(
                text(&explained, "origin/decision/hand_over"),
                "cdn",
                "{explained:#}"
            );
        }
    }

    // So does the CDN, as measured, though its DNS answers on: nobody is sent there.
    scene.origins.remove(0).stop();
    leads(&mut scene, &recursor, ORIGIN);
    // What it said before has run out with its TTL of a second.
    let wire = leads(&mut scene, &recursor, ORIGIN);
    assert_eq!(followed(&wire), [""; 0], "{program:?}");

    // It is back, and the origin is not.
    scene.origins.push(Origin::start(&scene.world, 2));
    leads(&mut scene, &recursor, CACHE);
    scene.origins.push(Origin::start(&scene.world, 1));
    leads(&mut scene, &recursor, ORIGIN);
}

#[track_caller]
pub(crate) fn hands_over_from_the_level_on(program: Program) {
    let mut scene = Scene::handing_over();
    let recursor = Recursor::start(&scene, program, program.habits());
    let mut at = |ms: f64, address| {
        set_time(&scene.config, &ms.to_string());
        followed(&leads_by(&mut scene, &recursor, &[BY_LEVEL], address))
    };
    let (level, least) = (f64::from(LEVEL), 0.1);
    assert_eq!(at(level - least, ORIGIN), [""; 0], "{program:?}");
    for bad in [level, level + least] {
        // The CDN's DNS gets the question that the answer leads to.
        let names = at(bad, CACHE);
        let asked = |name: &String| name == "level.example.cdn.test.";
        assert!(names.iter().any(asked), "{program:?} {bad}: {names:?}");
        at(level - least, ORIGIN);
    }
}
