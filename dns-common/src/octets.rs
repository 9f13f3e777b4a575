//! Bytes at offsets, wherever they lie: a slice in userspace, a packet in the
//! kernel. Words are little-endian loads of bytes in wire order, so that byte n
//! of the wire is bits 8n to 8n + 7.

/// Read access to a DNS message.
pub trait Octets {
    /// The message's length in octets.
    fn len(&self) -> usize;

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

    /// As [`Octets::forget`], for any word.
    #[inline(always)]
    fn forget_word(&self, value: u64) -> u64 {
        value
    }
}

/// Write access to a reply. Every method returns `None` past the end, having
/// written nothing.
pub trait OctetsMut {
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
