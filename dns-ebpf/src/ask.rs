//! The DNS message where it lies, for the shared code to read.

use dns_common::octets::Octets;

use crate::{
    count::Tally,
    packet::{Frame, clip},
    receive::{Query, UDP_HEADER},
};

/// The DNS message inside a frame.
pub(crate) struct Message<'f> {
    frame: &'f Frame,
    tally: &'f Tally,
    start: usize,
    len: usize,
}

impl<'f> Message<'f> {
    /// The payload of the datagram `query`.
    #[inline(always)]
    pub(crate) fn new(frame: &'f Frame, tally: &'f Tally, query: &Query) -> Self {
        Self {
            frame,
            tally,
            start: query.transport + UDP_HEADER,
            len: query.len,
        }
    }
}

impl Octets for Message<'_> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    fn word(&self, at: usize) -> Option<u64> {
        Some(self.frame.window::<8>(self.start + at)?.word::<0>())
    }

    #[inline(always)]
    fn half(&self, at: usize) -> Option<u32> {
        Some(self.frame.window::<4>(self.start + at)?.half::<0>())
    }

    #[inline(always)]
    fn octet(&self, at: usize) -> Option<u8> {
        Some(self.frame.window::<1>(self.start + at)?.octet::<0>())
    }

    #[inline(always)]
    fn forget<const MAX: usize>(&self, value: usize) -> usize {
        self.tally.forget::<MAX>(value)
    }

    #[inline(always)]
    fn offset(&self, at: usize) -> usize {
        clip(at)
    }

    #[inline(always)]
    fn forget_word(&self, value: u64) -> u64 {
        self.tally.forget_word(value)
    }
}
