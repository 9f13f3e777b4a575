//! Resolver address → group, scope and what else is known of it: IPv4 by direct
//! index of its /24, IPv6 of its /16, longer prefixes through nodes of one octet
//! each.

use super::{Chunk, EntryPair, Tables};
use crate::octets::Octets;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An IPv4 address as a number.
    V4(u32),
    /// An IPv6 address as two numbers, the more significant first.
    V6(u64, u64),
}

impl Source {
    /// The same, of whose family the verifier knows nothing any more.
    #[inline(always)]
    #[must_use]
    pub fn forgotten(self, message: &(impl Octets + ?Sized)) -> Self {
        let (is_v4, high, low) = match self {
            Self::V4(address) => (1, 0, u64::from(address)),
            Self::V6(high, low) => (0, high, low),
        };
        if message.forget_word(is_v4) == 1 {
            Self::V4(low as u32)
        } else {
            Self::V6(high, low)
        }
    }
}

impl From<core::net::IpAddr> for Source {
    fn from(address: core::net::IpAddr) -> Self {
        match address {
            core::net::IpAddr::V4(address) => Self::V4(address.to_bits()),
            core::net::IpAddr::V6(address) => {
                let bits = address.to_bits();
                Self::V6((bits >> 64) as u64, bits as u64)
            }
        }
    }
}

impl From<Source> for core::net::IpAddr {
    fn from(source: Source) -> Self {
        match source {
            Source::V4(address) => core::net::Ipv4Addr::from_bits(address).into(),
            Source::V6(high, low) => {
                core::net::Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into()
            }
        }
    }
}

/// One entry: what is known of resolvers, or the node that tells longer prefixes
/// apart. Bit 31 says which: bits 0–30 the node; or bits 0–15 the group, 16–23
/// the scope, 24 [`Entry::TRUSTED`], 25 [`Entry::EXEMPT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Entry(pub u32);

impl Entry {
    /// The client subnets that these resolvers send are believed.
    pub const TRUSTED: u32 = 1 << 24;
    /// Responses to these resolvers are not limited in rate.
    pub const EXEMPT: u32 = 1 << 25;

    const NODE: u32 = 1 << 31;

    /// Everyone below this entry belongs to `group`, as does everyone in the
    /// block of `scope` bits around it, but in no larger one.
    pub const fn new(group: u16, scope: u8, flags: u32) -> Self {
        Self(group as u32 | (scope as u32) << 16 | flags)
    }

    /// The resolver's group.
    #[inline(always)]
    pub const fn group(self) -> u16 {
        self.0 as u16
    }

    /// Length of the largest aligned block around this resolver that is one
    /// group, bits: SCOPE PREFIX-LENGTH (RFC 7871 section 7.2.1).
    #[inline(always)]
    pub const fn scope(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// Whether `flag` is set.
    #[inline(always)]
    pub const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    /// The next octet decides, in node `index`.
    pub const fn node(index: u32) -> Self {
        Self(index | Self::NODE)
    }

    /// The node to go on in, if there is one.
    #[inline(always)]
    pub const fn as_node(self) -> Option<u32> {
        if self.0 & Self::NODE != 0 {
            Some(self.0 & !Self::NODE)
        } else {
            None
        }
    }
}

/// Octets of an IPv6 address after the /16 that is indexed directly.
const V6_OCTETS: u32 = 14;

/// What is known of `source`; nothing past the tables' ends.
#[inline(always)]
pub(super) fn entry<T: Tables + ?Sized>(tables: &T, source: Source) -> Entry {
    walk(tables, source).unwrap_or_default()
}

#[inline(always)]
fn walk<T: Tables + ?Sized>(tables: &T, source: Source) -> Option<Entry> {
    Some(match source {
        Source::V4(address) => {
            let block = address >> 8;
            let entry = tables.v4_entry(block)?;
            match entry.as_node() {
                Some(node) => tables.node_entry(node, address as u8)?,
                None => entry,
            }
        }
        Source::V6(high, low) => {
            let block = (high >> 48) as u32;
            let mut entry = tables.v6(block >> 1)?.entry(block);
            // The octet to look at next is kept on top.
            let mut rest = high << 16 | low >> 48;
            for number in 0..V6_OCTETS {
                let Some(node) = entry.as_node() else { break };
                entry = tables.node_entry(node, (rest >> 56) as u8)?;
                rest = if number == 7 { low << 16 } else { rest << 8 };
            }
            entry
        }
    })
}

impl EntryPair {
    /// The entry of block `number`, which this pair holds.
    #[inline(always)]
    pub fn entry(&self, number: u32) -> Entry {
        Entry((self.0.load() >> (32 * (number & 1))) as u32)
    }

    #[cfg(not(target_arch = "bpf"))]
    /// Changes the entry of block `number`; there is only one writer.
    pub fn set(&self, number: u32, entry: Entry) {
        let shift = 32 * (number & 1);
        let other = self.0.load() & !(0xffff_ffff << shift);
        self.0.store(other | u64::from(entry.0) << shift);
    }
}

impl Chunk {
    /// The entry of `octet`.
    #[inline(always)]
    pub fn entry(&self, octet: u8) -> Entry {
        self.0[usize::from(octet >> 1)].entry(u32::from(octet))
    }
}
