//! The queries that the program tells one by one.

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
};

use aya::{
    maps::{
        MapData, PerfEventArray,
        perf::{PerfEvent, PerfEventArrayBuffer},
    },
    util::online_cpus,
};
use dns_common::told::Told;

use super::{Kernel, KernelError, map_error};

/// Name of the map.
const TOLD: &str = "TOLD";

/// Pages of a CPU's buffer: 256 KiB, room for some 450 queries.
const PAGES: usize = 64;

/// One CPU's buffer of what the program tells there.
pub struct Buffer {
    buffer: PerfEventArrayBuffer<MapData>,
    /// Room for an event that goes around the buffer's end.
    joined: Vec<u8>,
}

/// What comes in a buffer.
#[derive(Debug)]
pub enum Event<'b> {
    /// A query, with its frame's first octets.
    Told(Told, &'b [u8]),
    /// There was no room for so many.
    Lost(u64),
}

impl Kernel {
    /// Makes a buffer for each CPU that is online, which the program writes to from then on
    /// as long as they are held. They can be had once.
    pub fn told(&mut self) -> Result<Vec<Buffer>, KernelError> {
        let refused = KernelError::call("opening", "the buffers of log.queries_sample");
        let map = self.ebpf.take_map(TOLD);
        let Some(map) = map else {
            return Err(refused(io::ErrorKind::NotFound.into()));
        };
        let mut map = PerfEventArray::try_from(map).map_err(map_error("opening", TOLD))?;
        let buffers = online_cpus().map_err(|(_, error)| error).and_then(|cpus| {
            let buffers = cpus.into_iter().map(|cpu| {
                let buffer = map.open(cpu, Some(PAGES)).map_err(io::Error::other)?;
                Ok(Buffer {
                    buffer,
                    joined: Vec::new(),
                })
            });
            buffers.collect()
        });
        buffers.map_err(refused)
    }
}

impl Buffer {
    /// Takes out what has come.
    pub fn read(&mut self, mut take: impl FnMut(Event<'_>)) {
        let Self { buffer, joined } = self;
        buffer.for_each(|event| match event {
            PerfEvent::Sample { head, tail } => {
                let whole = if tail.is_empty() {
                    head
                } else {
                    joined.clear();
                    joined.extend_from_slice(head);
                    joined.extend_from_slice(tail);
                    &joined[..]
                };
                if let Some((told, frame)) = Told::parse(whole) {
                    take(Event::Told(told, frame));
                }
            }
            PerfEvent::Lost { count } => take(Event::Lost(count)),
        });
    }
}

impl AsRawFd for Buffer {
    fn as_raw_fd(&self) -> RawFd {
        self.buffer.as_raw_fd()
    }
}
