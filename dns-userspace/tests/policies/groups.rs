//! What is measured for one group of resolvers alone.

use super::*;
use crate::support::world::Family;

const NAME: &str = "www.example.";

/// What a program reads of isp-a's network, beside what the host measures itself.
const OWN: &str = "loss_of_isp_a";

impl Rig {
    /// The probe that reads the loss in isp-a's network.
    fn reads_own(&self) -> String {
        format!(
            "[[service.probe]]\nkind = \"command\"\nprogram = \"{}\"\narguments = [\"{OWN}\"]\n\
             metric = \"loss_percent\"\ngroups = [\"isp-a\"]\nweight_permille = 1000\n\
             stale_after_ms = 3000\n{TIMES}\n",
            self.script
        )
    }

    /// Waits until the metrics that `resolver` has measurements of its own of are `metrics`.
    #[track_caller]
    fn has_own(&self, resolver: Resolver, metrics: &[&str]) {
        let from = resolver.address(Family::V4).to_string();
        eventually(&format!("{resolver:?} has its own {metrics:?}"), || {
            let explained = self.config.veerctl(&["explain", NAME, "--from", &from]);
            let own = &explained["origin"]["explanation"]["own"];
            (*own == serde_json::json!(metrics)).then_some(())
        });
    }
}

#[test]
fn loss_from_one_group_alone_moves_that_group_only() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    let all = "loss_percent";
    for metric in [all, OWN] {
        rig.set_all(metric, [0.0; 3]);
    }
    let policy =
        format!("kind = \"criteria\"\ncriterion = [{{ metric = \"{all}\", tolerance = 1 }}]");
    let service = rig.service(NAME, &policy, &[all], "");
    let at = service.find("[[service.server]]").expect("servers");
    rig.write(&[&service[..at], &rig.reads_own(), &service[at..]].concat());
    let _daemon = world.start(&rig.config);
    let gets = |expected: [u8; 3]| {
        let resolvers = [Resolver::A, Resolver::B, Resolver::Other];
        for (resolver, number) in resolvers.into_iter().zip(expected) {
            let got = world.addresses(resolver, NAME, Rtype::A);
            assert_eq!(got, Some(vec![format!("10.8.0.{number}")]), "{resolver:?}");
        }
    };
    gets([1, 1, 1]);
    rig.has_own(Resolver::A, &[all]);
    rig.has_own(Resolver::B, &[]);

    let stores = rig.config.stats().stores();
    rig.set(OWN, 1, "5");
    world.moves(Resolver::A, NAME, "10.8.0.2");
    gets([2, 1, 1]);
    assert_eq!(
        rig.config.stats().stores(),
        stores + 1,
        "one word of one group"
    );

    // What all others have is nothing to it.
    rig.set(all, 1, "5");
    rig.set(all, 2, "5");
    world.moves(Resolver::B, NAME, "10.8.0.3");
    gets([2, 3, 3]);
    rig.set(OWN, 2, "9");
    world.moves(Resolver::A, NAME, "10.8.0.3");
    rig.set(OWN, 3, "9");
    world.moves(Resolver::A, NAME, "10.8.0.1");
    gets([1, 3, 3]);

    // Nothing is heard from there any more, so it goes by what the host measures.
    for number in 1..=3 {
        let file = rig.config.path(&format!("value-{OWN}-10.8.0.{number}"));
        fs::remove_file(file).expect("a value");
    }
    world.moves(Resolver::A, NAME, "10.8.0.3");
    gets([3, 3, 3]);
    rig.has_own(Resolver::A, &[]);
}
