//! Bytes at offsets, wherever they lie: a slice in userspace, a packet in the
//! kernel. Words are little-endian loads of bytes in wire order, so that byte n
//! of the wire is bits 8n to 8n + 7.

use crate::{
    ask::LastOption,
    reply::Reply,
    tables::{Tables, Word},
};

/// What is known ahead of the records after the question of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// There are none.
    None,
    /// There is one, to be tried as an OPT record without options.
    EmptyOpt,
    /// There is one, to be tried as an OPT record with this option alone, which the message
    /// ends with, and which is read.
    Option(LastOption),
    /// There is one, to be tried as an OPT record with [`Octets::ignored`] octets of options,
    /// none of which is read.
    Ignored,
    /// Nothing.
    Any,
}

/// Read access to a DNS message.
pub trait Octets {
    /// What is known of all of these messages.
    const RECORDS: Records = Records::Any;
    /// Whether they end with their question.
    const IS_BARE: bool = matches!(Self::RECORDS, Records::None);
    /// Whether so much is known of them that few ways lead through what reads them.
    const IS_KNOWN: bool = !matches!(Self::RECORDS, Records::Any);

    /// The message's length in octets.
    fn len(&self) -> usize;

    /// Octets of options that are not read, of [`Records::Ignored`].
    #[inline(always)]
    fn ignored(&self) -> usize {
        0
    }

    /// Whether the message has no octets.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Octets `at` to `at + 7`; `None` past the end.
    fn word(&self, at: usize) -> Option<u64>;

    /// Octets `at` to `at + 3`; `None` past the end.
    fn half(&self, at: usize) -> Option<u32>;

    /// Octet `at`; `None` past the end.
    fn octet(&self, at: usize) -> Option<u8>;

    /// Octets 0 to 11, the header; `None` where there are fewer.
    #[inline(always)]
    fn header(&self) -> Option<(u64, u32)> {
        Some((self.word(0)?, self.half(8)?))
    }

    /// Octets `at` to `at + 7`, and `at + 7` to `at + 10`: an OPT record without options;
    /// `None` past the end.
    #[inline(always)]
    fn opt(&self, at: usize) -> Option<(u64, u32)> {
        Some((self.word(at)?, self.half(at + 7)?))
    }

    /// The last 32 octets, the last ones in the last word; those before the message are
    /// anything.
    fn last_words(&self) -> Option<[u64; 4]>;

    /// What lies around the octet `at`, which comes after a header: [`Ending`];
    /// `None` where fewer than four octets are left from there on.
    fn ending(&self, at: usize) -> Option<impl Ending>;

    /// `value`, at most `MAX`, itself. In the kernel the verifier forgets what it
    /// knows of it, so that what follows is verified once, not once for each way
    /// here.
    #[inline(always)]
    fn forget<const MAX: usize>(&self, value: usize) -> usize {
        value
    }

    /// `at`, an offset inside the longest query, itself. In the kernel the
    /// verifier learns that it is one.
    #[inline(always)]
    fn offset(&self, at: usize) -> usize {
        at
    }

    /// As [`Octets::forget`], of the length of a name that has been read: there are as many
    /// ways here as it has words, also where a [`LastOption`] is known.
    #[inline(always)]
    fn forget_name_len(&self, value: usize) -> usize {
        value
    }

    /// As [`Octets::forget`], for any word.
    #[inline(always)]
    fn forget_word(&self, value: u64) -> u64 {
        value
    }
}

/// The end of something in a message, to be read backwards without any further check.
pub trait Ending {
    /// Word `NUMBER` (below [`ENDING_WORDS`]) before the end, counted from it: the
    /// octets of it that lie before the message are anything.
    fn word<const NUMBER: usize>(&self) -> u64;

    /// The four octets after the end.
    fn after(&self) -> u32;
}

/// How many words lie before the end of an [`Ending`] at least, headers included.
pub const ENDING_WORDS: usize = 5;

/// Write access to a reply. Every method returns `None` past the end, having
/// written nothing.
pub trait OctetsMut {
    /// Writes octets 0 to 11, the header.
    #[inline(always)]
    fn put_header(&mut self, first: u64, second: u32) -> Option<()> {
        self.put_half(8, second)?;
        self.put_word(0, first)
    }

    /// Writes the first `OCTETS / 8` of `words` at `at`.
    #[inline(always)]
    fn put_words<const OCTETS: usize>(&mut self, at: usize, words: &[Word]) -> Option<()> {
        for (number, word) in words[..OCTETS / 8].iter().enumerate() {
            self.put_word(at + 8 * number, word.load())?;
        }
        Some(())
    }

    /// Writes octets `at` to `at + 7`, and from `at + 7` to `at + 10`: an OPT record
    /// without options.
    #[inline(always)]
    fn put_opt(&mut self, at: usize, first: u64, rest: u32) -> Option<()> {
        self.put_word(at, first)?;
        self.put_half(at + 7, rest)
    }

    /// Writes `half` at `at` and `words` after it.
    #[inline(always)]
    fn put_half_and_words(&mut self, at: usize, half: u32, words: [u64; 3]) -> Option<()> {
        self.put_half(at, half)?;
        for (number, word) in words.into_iter().enumerate() {
            self.put_word(at + 4 + 8 * number, word)?;
        }
        Some(())
    }

    /// Writes octets `at` to `at + 7`.
    fn put_word(&mut self, at: usize, value: u64) -> Option<()>;

    /// Writes octets `at` to `at + 3`.
    fn put_half(&mut self, at: usize, value: u32) -> Option<()>;

    /// Writes octets `at` and `at + 1`.
    fn put_pair(&mut self, at: usize, value: u16) -> Option<()>;

    /// Writes octet `at`.
    fn put_octet(&mut self, at: usize, value: u8) -> Option<()>;

    /// Adds `value` to the 16-bit number in network order at `at`, wrapping.
    fn add_pair(&mut self, at: usize, value: u16) -> Option<()>;

    /// Writes the records of `reply` from `at` on, which are many or have pointers
    /// that move: see [`Reply::write_long`]. In the kernel it is a function of its own.
    #[inline(always)]
    fn put_long(&mut self, reply: &Reply, at: usize, tables: &impl Tables) -> Option<()> {
        reply.write_long(self, at, tables)
    }

    /// As [`Octets::forget`].
    #[inline(always)]
    fn forget<const MAX: usize>(&self, value: usize) -> usize {
        value
    }
}

impl Octets for [u8] {
    fn len(&self) -> usize {
        self.len()
    }

    fn word(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.get(at..)?.first_chunk()?))
    }

    fn half(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.get(at..)?.first_chunk()?))
    }

    fn octet(&self, at: usize) -> Option<u8> {
        self.get(at).copied()
    }

    fn last_words(&self) -> Option<[u64; 4]> {
        Some([3, 2, 1, 0].map(|number| word_before_end(self, number)))
    }

    fn ending(&self, at: usize) -> Option<impl Ending> {
        let (before, after) = self.split_at_checked(at)?;
        Some((before, u32::from_le_bytes(*after.first_chunk()?)))
    }
}

impl Ending for (&[u8], u32) {
    fn word<const NUMBER: usize>(&self) -> u64 {
        const { assert!(NUMBER < ENDING_WORDS) };
        word_before_end(self.0, NUMBER)
    }

    fn after(&self) -> u32 {
        self.1
    }
}

/// Word `number` before the end of `octets`, counted from it, zeros before their start.
fn word_before_end(octets: &[u8], number: usize) -> u64 {
    let mut word = [0; 8];
    let last = octets.len().saturating_sub(8 * number);
    let first = last.saturating_sub(8);
    word[8 - (last - first)..].copy_from_slice(&octets[first..last]);
    u64::from_le_bytes(word)
}

impl OctetsMut for [u8] {
    fn put_word(&mut self, at: usize, value: u64) -> Option<()> {
        *self.get_mut(at..)?.first_chunk_mut()? = value.to_le_bytes();
        Some(())
    }

    fn put_half(&mut self, at: usize, value: u32) -> Option<()> {
        *self.get_mut(at..)?.first_chunk_mut()? = value.to_le_bytes();
        Some(())
    }

    fn put_pair(&mut self, at: usize, value: u16) -> Option<()> {
        *self.get_mut(at..)?.first_chunk_mut()? = value.to_le_bytes();
        Some(())
    }

    fn put_octet(&mut self, at: usize, value: u8) -> Option<()> {
        *self.get_mut(at)? = value;
        Some(())
    }

    fn add_pair(&mut self, at: usize, value: u16) -> Option<()> {
        let pair: &mut [u8; 2] = self.get_mut(at..)?.first_chunk_mut()?;
        *pair = u16::from_be_bytes(*pair).wrapping_add(value).to_be_bytes();
        Some(())
    }
}
