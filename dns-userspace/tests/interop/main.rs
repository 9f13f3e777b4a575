//! Real recursors that start at a root of names find our server, and get right
//! answers out of it to everything a zone can hold, whatever their habits.
//! Needs root.

#[path = "../support/mod.rs"]
mod support;

mod cdn;
mod hand_over;
mod knot;
mod nearest;
mod recursor;
mod root;
mod scene;
mod tap;
mod visit;

use support::{
    tools::Transport,
    world::{Family, Resolver},
};

use crate::{
    recursor::{Habits, Program},
    scene::Scene,
    visit::visit,
};

/// The cases, for each recursor.
macro_rules! recursors {
    ($($name:ident: $program:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn resolves_everything_over_udp_and_tcp_of_both_families() {
                resolves_everything($program);
            }

            #[test]
            fn resolves_everything_whatever_its_habits() {
                has_any_habits($program);
            }

            #[test]
            fn leads_its_group_to_the_right_servers() {
                leads_its_group($program);
            }

            #[test]
            fn h2_hands_clients_over_to_a_cdn_of_others_while_that_is_well() {
                hand_over::hands_over($program);
            }

            #[test]
            fn h1_hands_clients_over_from_the_agreed_level_on() {
                hand_over::hands_over_from_the_level_on($program);
            }
        }
    )*};
}

recursors! {
    unbound: Program::Unbound;
    named: Program::Named;
    kresd: Program::Kresd;
}

#[track_caller]
fn resolves_everything(program: Program) {
    let mut scene = Scene::new();
    for family in Family::ALL {
        for transport in [Transport::Udp, Transport::Tcp] {
            let habits = Habits {
                family,
                transport,
                ..program.habits()
            };
            visit(&mut scene, program, habits);
        }
    }
}

#[track_caller]
fn has_any_habits(program: Program) {
    let mut scene = Scene::new();
    for habits in program.other_habits() {
        visit(&mut scene, program, habits);
    }
}

#[track_caller]
fn leads_its_group(program: Program) {
    let mut scene = Scene::new();
    for resolver in [Resolver::B, Resolver::Other] {
        let habits = Habits {
            resolver,
            ..program.habits()
        };
        visit(&mut scene, program, habits);
    }
}
