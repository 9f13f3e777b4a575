//! Groups count for what they ask for: where servers are filled, and where a change is told.

use super::*;
use crate::support::{number, world::Family};

const FILLED: &str = "www.example.";
const PLAIN: &str = "plain.example.";

impl Rig {
    /// A service whose servers can take 1000 each, and one without capacities, of which
    /// isp-b prefers the server `of_b`.
    fn write_both(&self, of_b: &str) {
        let order =
            |server: &str| format!("kind = \"failover\"\ngroups = {{ isp-b = [\"{server}\"] }}");
        let more = "[service.capacity]\nreport_age_s = 0\n";
        let filled = self.service(FILLED, &order("s2"), &["load_percent"], more);
        let filled = filled.replace("cost =", "capacity = 1000\ncost =");
        self.write(&(filled + &self.service(PLAIN, &order(of_b), &[], "")));
    }

    /// The part of the demand that `group` is, percent, and where that is from.
    fn demand(&self, group: &str) -> (f64, String) {
        let groups = self.config.veerctl(&["groups"]);
        let mut all = groups["groups"].as_array().expect("groups").iter();
        let found = all.find(|of| of["group"] == group).expect("the group");
        let percent = found["demand"]["percent"].as_f64().expect("a number");
        (percent, text(found, "demand/basis").to_owned())
    }
}

/// Asks nine times as often from isp-a as from isp-b.
fn ask(world: &World) {
    let mut clients = [Resolver::A, Resolver::B].map(|of| world.client(of, Family::V4));
    for number in 0..2000 {
        let client = &mut clients[usize::from(number % 10 == 9)];
        client.ask(FILLED, Rtype::A).expect("a reply");
    }
}

#[test]
fn a_group_counts_for_what_it_asks_for() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    rig.config.exempt_all();
    rig.config.settings(&["count.group_sample = 1"]);
    rig.set_all("load_percent", [60.0, 40.0, 0.0]);
    rig.write_both("s2");
    let daemon = world.start(&rig.config);
    rig.knows("load_percent", 2, 40.0);

    // Of three groups that ask alike two prefer s1, which has room for them.
    assert_eq!(rig.demand("isp-a"), (33.333, "even".to_owned()));
    let why = rig.why(FILLED, "s1");
    assert!(!why.contains("full"), "{why}");

    // 90 % of all is more than it has room for.
    ask(&world);
    eventually("s1 is full", || {
        rig.why(FILLED, "s1")
            .contains("; full: 80.0 %")
            .then_some(())
    });
    let (of_a, basis) = rig.demand("isp-a");
    assert!((88.0..90.0).contains(&of_a), "{of_a}");
    assert_eq!(basis, "counted");
    assert_eq!(rig.config.stats().userspace(), 0, "the kernel counted it");

    // Who is moved is no third of the demand, nor a fourth.
    let (of_b, _) = rig.demand("isp-b");
    rig.write_both("s3");
    let difference = rig.config.veerctl(&["diff"]);
    let services = difference["services"].as_array().expect("services");
    assert_eq!(services.len(), 1, "{difference:#}");
    assert_eq!(text(&services[0], "service"), PLAIN);
    let moved = services[0]["moved_percent"].as_f64().expect("a number");
    assert!((moved - of_b).abs() < 0.01, "{moved} {of_b}");
    assert!((10.0..12.0).contains(&moved), "{moved}");
    let supposed = rig
        .config
        .veerctl(&["what-if", PLAIN, "--server", "s2=down"]);
    let moves = supposed[0]["moves"].as_array().expect("moves").iter();
    let of_group = moves.filter(|of| of["groups"] == serde_json::json!(["isp-b"]));
    let percents: Vec<_> = of_group.map(|of| of["demand_percent"].as_f64()).collect();
    assert_eq!(percents, [Some(of_b)], "{supposed:#}");

    // Another daemon knows it from the start.
    daemon.sigkill().expect("it is killed");
    let _daemon = world.start(&rig.config);
    let (of_a, basis) = rig.demand("isp-a");
    assert!((85.0..90.0).contains(&of_a), "{of_a}");
    assert_eq!(basis, "counted");

    // What is configured goes before what was counted.
    rig.config.write(
        "groups.d/demand.toml",
        "[[group]]\nname = \"isp-b\"\ndemand = 1000000\n",
    );
    rig.config.veerctl(&["reload"]);
    assert_eq!(rig.demand("isp-b").1, "configured");
    // How much that is beside others shows once those are counted anew.
    ask(&world);
    eventually("isp-b asks for nearly all", || {
        (rig.demand("isp-b").0 > 99.0).then_some(())
    });
    let groups = rig.config.veerctl(&["groups"]);
    assert_eq!(number(&groups, "counted_one_in"), 1);
}
