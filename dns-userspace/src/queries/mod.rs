//! Queries told one by one to whoever watches them, one in so many of each plane's.
//!
//! The kernel tells what ends there through a buffer of each CPU ([`dns_common::told`]),
//! userspace what has come to a socket through a channel: a query that the kernel passes up
//! is told once, by whoever knows what it got. A thread of its own makes [`Query`]s of both
//! and hands them to those that asked for such. Nothing waits for that thread, and it
//! waits for nobody: what finds no room is lost, counted, and said.

mod filter;
mod frame;
mod query;
mod reader;
mod teller;
mod watchers;

use std::{
    io,
    sync::{Arc, atomic::AtomicU64},
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

pub use filter::TailRequest;
pub use query::{Query, Raw, Transport};
pub use teller::Teller;
pub use watchers::{Told, Watching};

use crate::{control::protocol::Failure, kernel::Buffer, model::Plan, tables::Tables};
use query::Names;
use reader::Reader;
use watchers::Watchers;

/// Queries of userspace that may wait for the thread; it is some milliseconds behind then.
const WAITING: usize = 1024;

/// What the first line to somebody who watches says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tailing {
    /// One in so many queries is told.
    pub one_in: u32,
}

/// Where queries are told. Once it and every [`Teller`] are gone, its thread ends.
#[derive(Debug)]
pub struct Queries {
    watchers: Arc<Watchers>,
    teller: Teller,
}

impl Queries {
    /// Tells one in `one_in` (not 0) queries: those that the kernel writes to `buffers`, for
    /// which `tables` say whether anybody watches, and those of every [`Self::teller`].
    pub fn start(tables: Arc<Tables>, one_in: u32, buffers: Vec<Buffer>) -> io::Result<Self> {
        let watchers = Arc::new(Watchers::new(tables, one_in));
        let (sender, told) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let teller = Teller::new(one_in, sender, Arc::clone(&lost));
        let reader = Reader {
            watchers: Arc::clone(&watchers),
            told,
            lost,
        };
        reader.start(buffers)?;
        Ok(Self { watchers, teller })
    }

    /// A way for userspace to tell.
    pub fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// Has numbers mean `services` and the groups of `plan` from now on.
    pub fn name(&self, services: &[String], plan: &Plan) {
        self.watchers.name(Names {
            services: services.to_vec(),
            groups: plan.groups.names.clone(),
        });
    }

    /// The queries that `request` asks for, from now on.
    pub fn watch(&self, request: &TailRequest) -> Result<Watching, Failure> {
        self.watchers.watch(request)
    }
}

/// Why nobody is told anything.
pub fn off() -> Failure {
    let line = "log.queries_sample is 0, so no query is told; valid: 1 for all, or N for one in N, \
                from the next start of veerd on";
    line.to_owned().into()
}

#[cfg(test)]
mod tests;
