//! The data plane, packet by packet: what goes in, what is done with it, what
//! comes out and what is counted, run by `BPF_PROG_TEST_RUN`. Needs root.

#[path = "../../../dns-common/tests/world/mod.rs"]
mod shared;

mod rig;
mod room;
mod wire;
mod world;
mod zone;

mod cases;
mod outcomes;

mod answers;
mod denials;

mod cookies;
mod edns;
mod features;
mod limits;
mod subnets;

mod routes;

mod planes;

mod death;
mod flips;
