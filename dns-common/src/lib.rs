//! Whatever both planes must agree on: how a query is read, how a decision is
//! made from the tables, how the answer is written, and the layout of those
//! tables. No I/O, no allocation, no clock.
//!
//! Modules stand in the order a packet meets them; [`respond`] is the whole way.
#![cfg_attr(not(test), no_std)]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod octets;

pub mod ask;
pub mod name;

pub mod cookie;
pub mod decide;
pub mod decision;
pub mod find;
pub mod limit;

pub mod reply;

pub mod host;
pub mod outcome;
pub mod tables;
pub mod told;

use ask::Wanted;
use host::Host;
use octets::Octets;
use outcome::Outcome;
use reply::Reply;
use tables::{Generation, Source, Tables};

/// What both planes do with a DNS message: understand it, and decide on the reply
/// that `source` gets. Nothing is written; `Err` says why the message needs the
/// full server, or is to be dropped.
#[inline(always)]
pub fn respond<M: Octets + ?Sized>(
    message: &M,
    source: Source,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> Result<Reply, Outcome> {
    let wanted = if M::IS_KNOWN {
        Wanted::NONE
    } else {
        Wanted::by(host)
    };
    let ask = ask::ask(message, generation.seed, wanted, host)?;
    match decide::decide(message, &ask, source, tables, generation, host) {
        Err(Outcome::UpUnknownName) if !limit::within_up_budget(tables, host) => {
            Err(Outcome::DropUnknownName)
        }
        decided => decided,
    }
}

// What tests share is written against the crate as others see it.
#[cfg(test)]
extern crate self as dns_common;
#[cfg(test)]
#[path = "../tests/world/mod.rs"]
mod world;
