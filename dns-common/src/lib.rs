//! Whatever both planes must agree on: how a query is read, how a decision is
//! made from the tables, how the answer is written, and the layout of those
//! tables. No I/O, no allocation, no clock.
//!
//! Modules stand in the order a packet meets them; [`respond`] is the whole way.
#![cfg_attr(not(test), no_std)]

pub mod octets;

pub mod ask;
pub mod decide;
pub mod decision;
pub mod reply;

pub mod outcome;
pub mod tables;

use ask::Ask;
use decide::Chosen;
use octets::Octets;
use outcome::Outcome;
use tables::{Generation, Source, Tables};

/// What both planes do with a DNS message: understand it, and choose the answer
/// that `source` gets. Nothing is written; `Err` says why the message needs the
/// full server.
#[inline(always)]
pub fn respond(
    message: &(impl Octets + ?Sized),
    source: Source,
    tables: &impl Tables,
    generation: &Generation,
) -> Result<(Ask, Chosen), Outcome> {
    let ask = ask::ask(message, generation.seed)?;
    let chosen = decide::decide(message, &ask, source, tables, generation)?;
    Ok((ask, chosen))
}
