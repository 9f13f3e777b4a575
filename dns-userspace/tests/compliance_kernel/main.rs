//! What RFCs ask of a server, case by case, asked of the XDP program, and of
//! userspace where that passes a query up.

#[path = "../../../dns-common/tests/world/mod.rs"]
mod shared;

#[path = "../compliance/cases/mod.rs"]
mod cases;
#[path = "../compliance/served.rs"]
mod served;
#[expect(dead_code, reason = "queries and answers are written by the cases")]
#[path = "../packets/wire.rs"]
mod wire;

mod runner;
