//! Answers are counted for the resolver's group, one in so many.

use dns_common::host::Constants;

use crate::{
    rig::{PLAIN, Rig},
    wire::{A, Datagram, Question},
    world::{self, WWW},
};

/// Asks for a name so often from a resolver of each of two groups, nine times from the
/// first and once from the other; by group what was counted.
fn counted(name: &str, one_in: u64, rounds: usize) -> Vec<u64> {
    let constants = Constants {
        group_sample: Constants::one_in(one_in),
        ..PLAIN
    };
    let mut rig = Rig::with(world::CAPACITY, &constants);
    world::publish(&rig.tables);
    let site = world::site(name);
    let query = Question::new(&site.name, A).query();
    let frames = ["10.1.2.255", "10.1.3.7"].map(|resolver| {
        let resolver = resolver.parse().expect("an address");
        Datagram::new(resolver, world::ours(resolver)).frame(&query)
    });
    for _ in 0..rounds {
        for turn in 0..10 {
            rig.run(&frames[turn / 9]);
        }
    }
    rig.group_counts()
}

#[test]
fn one_in_so_many_answers_counts_for_the_group_that_asked() {
    assert_eq!(counted(WWW, 0, 3), [0; 8]);
    assert_eq!(counted(WWW, 1, 3), [0, 27, 3, 0, 0, 0, 0, 0]);
    let counts = counted(WWW, 10, 200);
    assert!((197..=203).contains(&(counts[1] + counts[2])), "{counts:?}");
    assert!((12..=28).contains(&counts[2]), "{counts:?}");
}
