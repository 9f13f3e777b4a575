//! The unit every table is made of.

use core::sync::atomic::AtomicU64;
#[cfg(not(target_arch = "bpf"))]
use core::sync::atomic::Ordering;

/// An aligned 64-bit word with one writer and any number of readers, each
/// access whole.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct Word(AtomicU64);

impl Word {
    /// Reads the word; what it points to is read after it. x86-64 does not reorder
    /// loads. A port to weaker ordering needs acquire loads in BPF (kernel 6.15) at
    /// least where the address does not depend on the word, as in
    /// [`Control::generation`](super::Control::generation).
    #[inline(always)]
    pub fn load(&self) -> u64 {
        #[cfg(target_arch = "bpf")]
        // SAFETY: the pointer comes from a reference, so it is valid and
        // aligned; an aligned 64-bit load is one BPF instruction and whole. The
        // backend cannot select an atomic load below cpu v4, hence volatile.
        return unsafe { self.0.as_ptr().read_volatile() };
        #[cfg(not(target_arch = "bpf"))]
        self.0.load(Ordering::Acquire)
    }

    /// Writes the word, after everything that was written before it.
    #[cfg(not(target_arch = "bpf"))]
    pub fn store(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    /// Writes the word, in no order with anything else. Only for words that both
    /// planes write.
    #[inline(always)]
    pub fn set(&self, value: u64) {
        #[cfg(target_arch = "bpf")]
        // SAFETY: as in `load`; the map is writable by programs.
        unsafe {
            self.0.as_ptr().write_volatile(value);
        }
        #[cfg(not(target_arch = "bpf"))]
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds to the word, wrapping, so that no other writer's addition is lost.
    #[inline(always)]
    pub fn add(&self, value: u64) {
        #[cfg(target_arch = "bpf")]
        // SAFETY: as in `load`; the map is writable by programs. The compiler
        // has no such operation for this target, the instruction set has.
        unsafe {
            core::arch::asm!(
                "lock *(u64 *)({word} + 0) += {value}",
                word = in(reg) self.0.as_ptr(),
                value = in(reg) value,
                options(nostack),
            );
        }
        #[cfg(not(target_arch = "bpf"))]
        self.0.fetch_add(value, Ordering::Relaxed);
    }
}
