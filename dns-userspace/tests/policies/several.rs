//! Answers with the addresses of the best several servers.

use super::*;

const NAME: &str = "www.example.";

/// What everybody is answered, by server.
fn got(world: &World) -> Option<Vec<u8>> {
    let addresses = world.addresses(Resolver::A, NAME, Rtype::A)?;
    let last = |address: &String| address.strip_prefix("10.8.0.")?.parse().ok();
    addresses.iter().map(last).collect()
}

#[test]
fn an_answer_has_the_best_two_and_no_dead_one() {
    let world = World::new();
    let mut origins = world.origins(3);
    let rig = Rig::new(&world);
    let metric = "round_trip_ms";
    rig.set_all(metric, [10.0, 20.0, 30.0]);
    let policy = format!("kind = \"latency\"\nmetric = \"{metric}\"\ntolerance_ms = 1");
    let service = rig.service(NAME, &policy, &[metric], "answers = 2");
    rig.write(&service);
    let _daemon = world.start(&rig.config);
    let gets = |expected: &[u8]| {
        eventually(&format!("{expected:?} are answered"), || {
            (got(&world)? == expected).then_some(())
        });
    };
    gets(&[1, 2]);
    let explained = || rig.config.veerctl(&["explain", NAME, "--from", "10.9.1.1"]);
    let is = explained();
    let decision = &is["origin"]["decision"];
    assert_eq!(
        *decision,
        serde_json::json!({ "servers": ["s1", "s2"] }),
        "{is:#}"
    );
    let candidates = &is["origin"]["explanation"]["candidates"];
    let why = |number: usize| candidates[number]["why"].as_str().expect("why");
    assert!(why(0).contains("one of the best 2"), "{is:#}");
    assert!(why(2).contains("s2 stands before it"), "{is:#}");
    // Both being among the best, which of them is the first alters nothing.
    let nearest = &is["origin"]["nearest"];
    let then = serde_json::json!({ "servers": ["s1", "s3"] });
    let other = serde_json::json!({ "servers": ["s2", "s3"] });
    assert!(
        nearest["then"] == then || nearest["then"] == other,
        "{is:#}"
    );

    rig.set(metric, 1, "25");
    gets(&[1, 2]);
    rig.set(metric, 1, "90");
    gets(&[2, 3]);
    origins.remove(1).stop();
    gets(&[1, 3]);
    origins.remove(1).stop();
    gets(&[1]);
    // Nobody is fit: all.
    origins.remove(0).stop();
    gets(&[1, 2, 3]);
    let _origins = world.origins(3);
    gets(&[2, 3]);
    // By other means and another plane the same.
    assert_eq!(
        rig.config.stats().userspace(),
        0,
        "the kernel answers all of it"
    );
    rig.config.veerctl(&["detach"]);
    gets(&[2, 3]);
    assert_ne!(rig.config.stats().userspace(), 0);
}
