//! The userspace plane, in process.

use std::sync::LazyLock;

use veer::{
    authority::{respond, server::Handler},
    plane::Plane,
    tables::Tables,
};

use crate::{
    cases::{
        query::{Query, Transport},
        reply::{Expected, check},
        world,
    },
    served,
};

static PLANE: LazyLock<Plane> =
    LazyLock::new(|| served::plane(Tables::in_memory(served::CAPACITY).expect("memory")));

/// Asks, and holds what comes against what is expected.
pub(crate) fn run(case: &str, query: &Query, expected: &Expected) {
    let transport = match query.transport {
        Transport::Udp => respond::Transport::Udp,
        Transport::Tcp => respond::Transport::Tcp {
            timeout: world::TIMEOUT,
        },
    };
    let mut reply = Vec::new();
    let answered = PLANE.handle(&query.octets(), served::CLIENT, transport, &mut reply);
    let reply = answered.is_answered().then_some(&reply[..]);
    if let Err(fault) = check(query, reply, expected) {
        let query = query.octets();
        panic!("{case}: {fault}\nquery {query:02x?}\nreply {reply:02x?}");
    }
}
