//! What the shared code asks of the host, for one query in userspace.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use dns_common::{
    host::{Constants, Host},
    name::{LABELS_MAX, NAME_WORDS},
    tables::{Control, Row, Tables as _},
};

use crate::{clock::Clock, tables::Tables};

/// The longest message, octets (RFC 1035 section 4.2.2); over UDP the requester's
/// and our own payload size are less.
const REPLY_MAX: usize = 65_535;

const SECOND_NS: u64 = 1_000_000_000;

/// One query's host.
#[derive(Debug)]
pub struct QueryHost<'p> {
    /// What is switched on.
    pub constants: &'p Constants,
    /// What time it is.
    pub clock: &'p dyn Clock,
    /// Where the clock's offset is.
    pub tables: &'p Tables,
    /// Responses over their rate, so far.
    pub limited: &'p AtomicU64,
    /// The query came over TCP.
    pub is_stream: bool,
}

/// Room for the names of the queries that a thread answers one after another.
struct Room {
    group: Cell<u16>,
    service: Cell<u32>,
    labels: [Cell<u8>; LABELS_MAX + 1],
    hashes: [Cell<u64>; NAME_WORDS],
}

thread_local! {
    static ROOM: Room = const {
        Room {
            group: Cell::new(0),
            service: Cell::new(Row::NO_SERVICE),
            labels: [const { Cell::new(0) }; LABELS_MAX + 1],
            hashes: [const { Cell::new(0) }; NAME_WORDS],
        }
    };
}

/// The group that the last answer was chosen for in the thread that calls.
pub(super) fn group() -> u16 {
    ROOM.with(|room| room.group.get())
}

/// The service that decided last in the thread that calls, since [`forget_service`].
pub(super) fn service() -> u32 {
    ROOM.with(|room| room.service.get())
}

/// Makes that nobody.
pub(super) fn forget_service() {
    ROOM.with(|room| room.service.set(Row::NO_SERVICE));
}

impl Host for QueryHost<'_> {
    fn constants(&self) -> &Constants {
        self.constants
    }

    fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    fn now_s(&self) -> u32 {
        let offset = self.tables.control().map_or(0, Control::clock_offset_ns);
        (self.now_ns().wrapping_add(offset) / SECOND_NS) as u32
    }

    fn reply_max(&self) -> usize {
        REPLY_MAX
    }

    fn is_stream(&self) -> bool {
        self.is_stream
    }

    fn count_limited(&self) -> u64 {
        self.limited.fetch_add(1, Relaxed)
    }

    fn set_group(&self, group: u16) {
        ROOM.with(|room| room.group.set(group));
    }

    fn set_service(&self, service: u32) {
        ROOM.with(|room| room.service.set(service));
    }

    fn set_label(&self, index: usize, at: u8) {
        ROOM.with(|room| room.labels[index].set(at));
    }

    fn label(&self, index: usize) -> u8 {
        ROOM.with(|room| room.labels[index].get())
    }

    fn set_hash(&self, index: usize, hash: u64) {
        ROOM.with(|room| room.hashes[index].set(hash));
    }

    fn hash(&self, index: usize) -> u64 {
        ROOM.with(|room| room.hashes[index].get())
    }
}
