//! The data plane, packet by packet: what goes in, what is done with it, what
//! comes out and what is counted, run by `BPF_PROG_TEST_RUN`. Needs root.

use veer::kernel::TablesIn;

/// What the tables of all programs here lie in; `packets_arrays` is the same tests
/// with arrays.
#[allow(dead_code, reason = "that other crate has its own")]
pub(crate) const TABLES_IN: TablesIn = TablesIn::Arena;

#[path = "../../../dns-common/tests/world/mod.rs"]
pub(crate) mod shared;

pub(crate) mod rig;
pub(crate) mod room;
pub(crate) mod wire;
pub(crate) mod world;
pub(crate) mod zone;

pub(crate) mod cases;
pub(crate) mod outcomes;

pub(crate) mod answers;
pub(crate) mod denials;

pub(crate) mod cookies;
pub(crate) mod edns;
pub(crate) mod features;
pub(crate) mod groups;
pub(crate) mod limits;
pub(crate) mod subnets;
pub(crate) mod told;

pub(crate) mod routes;

pub(crate) mod hand_overs;
pub(crate) mod planes;

pub(crate) mod death;
pub(crate) mod flips;
