//! The DNS message where it lies, for the shared code to read.

use core::marker::PhantomData;

use dns_common::{
    ask::{HEADER, LastOption, OPT_FIXED, QUERY_MAX, TYPE_AND_CLASS},
    name::NAME_MAX,
    octets::{ENDING_WORDS, Ending, Octets, Records},
};

use crate::{
    count::Tally,
    packet::{Frame, Window, clip},
    receive::{MESSAGE_MIN, Query, UDP_HEADER},
};

/// What is known ahead of the records after a message's question.
pub(crate) trait Known {
    const RECORDS: Records;
}

/// [`Records::None`].
pub(crate) struct Bare;
/// [`Records::EmptyOpt`].
pub(crate) struct EmptyOpt;
/// [`Records::Option`].
pub(crate) struct ClientCookie;
pub(crate) struct FullCookie;
pub(crate) struct SubnetV4;
pub(crate) struct SubnetV6;
/// [`Records::Ignored`].
pub(crate) struct Ignored;
/// [`Records::Any`].
pub(crate) struct Anything;

impl Known for Bare {
    const RECORDS: Records = Records::None;
}

impl Known for EmptyOpt {
    const RECORDS: Records = Records::EmptyOpt;
}

impl Known for ClientCookie {
    const RECORDS: Records = Records::Option(LastOption::ClientCookie);
}

impl Known for FullCookie {
    const RECORDS: Records = Records::Option(LastOption::FullCookie);
}

impl Known for SubnetV4 {
    const RECORDS: Records = Records::Option(LastOption::SubnetV4);
}

impl Known for SubnetV6 {
    const RECORDS: Records = Records::Option(LastOption::SubnetV6);
}

impl Known for Ignored {
    const RECORDS: Records = Records::Ignored;
}

impl Known for Anything {
    const RECORDS: Records = Records::Any;
}

/// The DNS message inside a frame.
pub(crate) struct Message<'f, K> {
    frame: &'f Frame,
    tally: &'f Tally,
    start: usize,
    pub(crate) len: usize,
    /// Of [`Ignored`] options.
    ignored: usize,
    /// The message's header, where it has been checked.
    header: Option<Window<HEADER>>,
    known: PhantomData<K>,
}

/// As many octets as a frame has at least before the end of a question's name.
const BEFORE: usize = MESSAGE_MIN + HEADER;

/// Those, and the four after it.
struct NameEnd(Window<{ BEFORE + TYPE_AND_CLASS }>);

impl Ending for NameEnd {
    #[inline(always)]
    fn word<const NUMBER: usize>(&self) -> u64 {
        match NUMBER {
            0 => self.0.word::<{ BEFORE - 8 }>(),
            1 => self.0.word::<{ BEFORE - 16 }>(),
            2 => self.0.word::<{ BEFORE - 24 }>(),
            3 => self.0.word::<{ BEFORE - 32 }>(),
            _ => {
                const { assert!(NUMBER < ENDING_WORDS && ENDING_WORDS == 5) };
                self.0.word::<{ BEFORE - 40 }>()
            }
        }
    }

    #[inline(always)]
    fn after(&self) -> u32 {
        self.0.half::<BEFORE>()
    }
}

impl<'f, K> Message<'f, K> {
    /// The payload of the datagram `query`, perhaps with its `header`, and so many octets
    /// of options that are not read.
    #[inline(always)]
    pub(crate) fn new(
        frame: &'f Frame,
        tally: &'f Tally,
        query: &Query,
        header: Option<Window<HEADER>>,
        ignored: usize,
    ) -> Self {
        Self {
            frame,
            tally,
            start: query.transport + UDP_HEADER,
            len: query.len,
            ignored,
            header,
            known: PhantomData,
        }
    }
}

impl<'f> Message<'f, Anything> {
    /// The message that starts at `start` of the frame, whatever its length.
    #[inline(always)]
    pub(crate) fn at(frame: &'f Frame, tally: &'f Tally, start: usize) -> Self {
        Self {
            frame,
            tally,
            start,
            len: 0,
            ignored: 0,
            header: None,
            known: PhantomData,
        }
    }
}

impl<K: Known> Octets for Message<'_, K> {
    const RECORDS: Records = K::RECORDS;

    #[inline(always)]
    fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    fn ignored(&self) -> usize {
        self.ignored
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
    fn header(&self) -> Option<(u64, u32)> {
        let header = match self.header {
            Some(header) => header,
            None => self.frame.window::<HEADER>(self.start)?,
        };
        Some((header.word::<0>(), header.half::<8>()))
    }

    #[inline(always)]
    fn opt(&self, at: usize) -> Option<(u64, u32)> {
        let record = self.frame.window::<OPT_FIXED>(self.start + at)?;
        Some((record.word::<0>(), record.half::<7>()))
    }

    #[inline(always)]
    fn ending(&self, at: usize) -> Option<impl Ending> {
        Some(NameEnd(self.frame.window(self.start + at - BEFORE)?))
    }

    #[inline(always)]
    fn forget<const MAX: usize>(&self, value: usize) -> usize {
        if Self::IS_KNOWN {
            return value & const { (MAX + 1).next_power_of_two() - 1 };
        }
        self.tally.forget::<MAX>(value)
    }

    #[inline(always)]
    fn last_words(&self) -> Option<[u64; 4]> {
        self.frame.last(self.start + self.len)
    }

    #[inline(always)]
    fn forget_name_len(&self, value: usize) -> usize {
        if matches!(K::RECORDS, Records::None | Records::EmptyOpt) {
            return value;
        }
        self.tally.forget::<NAME_MAX>(value)
    }

    #[inline(always)]
    fn offset(&self, at: usize) -> usize {
        clip::<QUERY_MAX>(at)
    }

    #[inline(always)]
    fn forget_word(&self, value: u64) -> u64 {
        if Self::IS_KNOWN {
            return value;
        }
        self.tally.forget_word(value)
    }
}
