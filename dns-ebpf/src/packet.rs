//! The only place that touches packet memory.
//!
//! A [`Frame`] hands out [`Window`]s: a checked run of octets. Inside a window
//! every access is at a constant offset that the compiler has checked.

use core::ptr;

use aya_ebpf::{
    helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail},
    programs::XdpContext,
};
use dns_common::tables::Word;

/// Octets of the longest frame that is looked at from its end: more than that of any query.
const FRAME_MAX: usize = 4095;

/// The octets of one frame, as they lie between two resizings.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    start: *mut u8,
    end: *mut u8,
}

/// `N` octets of a frame, checked to lie inside it.
#[derive(Clone, Copy)]
pub(crate) struct Window<const N: usize>(*mut u8);

impl Frame {
    /// The frame as it is now. After [`move_end`] take a new one.
    #[inline(always)]
    pub(crate) fn new(context: &XdpContext) -> Self {
        Self {
            start: ptr::with_exposed_provenance_mut(context.data()),
            end: ptr::with_exposed_provenance_mut(context.data_end()),
        }
    }

    /// The frame's length, octets.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        distance(self.start, self.end)
    }

    /// The 32 octets before octet `end` (32 or more), the last ones in the last word; of
    /// what lies behind [`FRAME_MAX`], others.
    #[inline(always)]
    pub(crate) fn last(&self, end: usize) -> Option<[u64; 4]> {
        let last = self.window::<32>(clip::<FRAME_MAX>(end.wrapping_sub(32)))?;
        Some([
            last.word::<0>(),
            last.word::<8>(),
            last.word::<16>(),
            last.word::<24>(),
        ])
    }

    /// The first `N` octets; `None` past the end.
    #[inline(always)]
    pub(crate) fn start<const N: usize>(&self) -> Option<Window<N>> {
        if self.start.wrapping_add(N) > self.end {
            return None;
        }
        Some(Window(self.start))
    }

    /// Octets `at` to `at + N - 1`; `None` past the end.
    #[inline(always)]
    pub(crate) fn window<const N: usize>(&self, at: usize) -> Option<Window<N>> {
        let first = advance(self.start, at);
        // The verifier wants this very comparison on the pointer used after it.
        if first.wrapping_add(N) > self.end {
            return None;
        }
        Some(Window(first))
    }
}

/// `pointer + octets`, computed right here: left to itself, the compiler may
/// derive the sum from another pointer, one that the verifier has not seen checked.
#[inline(always)]
fn advance(pointer: *mut u8, octets: usize) -> *mut u8 {
    #[cfg(target_arch = "bpf")]
    {
        let mut sum = pointer;
        // SAFETY: one addition of registers, without any other effect.
        unsafe {
            core::arch::asm!(
                "{sum} += {octets}",
                sum = inout(reg) sum,
                octets = in(reg) octets,
                options(pure, nomem, nostack),
            );
        }
        sum
    }
    #[cfg(not(target_arch = "bpf"))]
    pointer.wrapping_add(octets)
}

/// `value`, which is no more than `MAX` (all bits set), masked right here: the verifier
/// wants to see what the compiler may know and leave out.
#[inline(always)]
pub(crate) fn clip<const MAX: usize>(value: usize) -> usize {
    const { assert!((MAX + 1).is_power_of_two()) };
    #[cfg(target_arch = "bpf")]
    {
        let mut value = value;
        // SAFETY: one operation on a register, without any other effect.
        unsafe {
            core::arch::asm!(
                "{value} &= {max}",
                value = inout(reg) value,
                max = const MAX,
                options(pure, nomem, nostack),
            );
        }
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        value & MAX
    }
}

/// `sum + value`, computed right here: left to itself, the compiler keeps all that the
/// sum is made of until it is used.
#[inline(always)]
pub(crate) fn add(sum: u64, value: u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let mut sum = sum;
        // SAFETY: one addition of registers, without any other effect.
        unsafe {
            core::arch::asm!(
                "{sum} += {value}",
                sum = inout(reg) sum,
                value = in(reg) value,
                options(nomem, nostack),
            );
        }
        sum
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        sum + value
    }
}

/// `end - start` in full width: the verifier allows no 32-bit arithmetic on
/// packet pointers, and the compiler would narrow to it.
#[inline(always)]
fn distance(start: *mut u8, end: *mut u8) -> usize {
    #[cfg(target_arch = "bpf")]
    {
        let mut octets = end.addr();
        // SAFETY: one subtraction of registers, without any other effect.
        unsafe {
            core::arch::asm!(
                "{octets} -= {start}",
                octets = inout(reg) octets,
                start = in(reg) start,
                options(pure, nomem, nostack),
            );
        }
        octets
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        end.addr() - start.addr()
    }
}

macro_rules! access {
    ($get:ident, $set:ident, $type:ty) => {
        /// The value at octet `AT`, little-endian.
        #[inline(always)]
        pub(crate) fn $get<const AT: usize>(&self) -> $type {
            const { assert!(AT + size_of::<$type>() <= N) };
            // SAFETY: `Frame::window` checked that N octets from `self.0` on lie
            // inside the frame, and AT + size ≤ N is checked above. The frame
            // belongs to this program run alone.
            <$type>::from_le(unsafe { self.0.add(AT).cast::<$type>().read_unaligned() })
        }

        /// Writes `value` at octet `AT`, little-endian.
        #[inline(always)]
        pub(crate) fn $set<const AT: usize>(&self, value: $type) {
            const { assert!(AT + size_of::<$type>() <= N) };
            // SAFETY: as for the read above; nobody else holds a reference.
            unsafe {
                self.0
                    .add(AT)
                    .cast::<$type>()
                    .write_unaligned(value.to_le())
            }
        }
    };
}

impl<const N: usize> Window<N> {
    /// Octets `AT` to `AT + M - 1` of it.
    #[inline(always)]
    pub(crate) fn part<const AT: usize, const M: usize>(&self) -> Window<M> {
        const { assert!(AT + M <= N) };
        Window(self.0.wrapping_add(AT))
    }

    /// Writes the first `N / 8` of `words` one after another.
    #[inline(always)]
    pub(crate) fn set_words(&self, words: &[Word]) {
        for (number, word) in words[..N / 8].iter().enumerate() {
            // SAFETY: as for `set_word`: word `number` is one of N / 8 whole ones.
            unsafe {
                self.0
                    .add(8 * number)
                    .cast::<u64>()
                    .write_unaligned(word.load().to_le());
            }
        }
    }

    access!(octet, set_octet, u8);
    access!(pair, set_pair, u16);
    access!(half, set_half, u32);
    access!(word, set_word, u64);
}

/// Moves the frame's end by `octets`. Earlier [`Frame`]s and [`Window`]s are void
/// afterwards; the verifier refuses their use.
#[inline(always)]
pub(crate) fn move_end(context: &XdpContext, octets: i32) -> Option<()> {
    // SAFETY: the context is the one this run was given.
    let failed = unsafe { bpf_xdp_adjust_tail(context.ctx, octets) };
    (failed == 0).then_some(())
}

/// Moves the frame's start by `octets`, as [`move_end`] does its end.
#[inline(always)]
pub(crate) fn move_start(context: &XdpContext, octets: i32) -> Option<()> {
    // SAFETY: the context is the one this run was given.
    let failed = unsafe { bpf_xdp_adjust_head(context.ctx, octets) };
    (failed == 0).then_some(())
}
