//! Options that are known by a message's last octets.

use super::edns::{CLIENT_COOKIE, Cookie, FULL_COOKIE, OPTION_HEADER, SUBNET_FIXED, Subnet};
use crate::{
    host::{ClientSubnet, Host},
    octets::Octets,
};

/// An option that ends a query, with no other beside it: those that resolvers send. Each
/// is told by its first octets, and valid whatever the rest of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastOption {
    /// A client cookie alone.
    ClientCookie,
    /// The subnet of an IPv4 /24, as RFC 7871 section 11.1 asks for.
    SubnetV4,
    /// The subnet of an IPv6 /56, as it asks for, too.
    SubnetV6,
    /// A client and a server cookie of RFC 9018.
    FullCookie,
}

impl LastOption {
    /// Its first octets as little-endian halves and words: code, length; of a subnet
    /// FAMILY, SOURCE and SCOPE PREFIX-LENGTH.
    const CLIENT_COOKIE: u32 = 0x0800_0a00;
    const FULL_COOKIE: u32 = 0x1800_0a00;
    const SUBNET_V4: u64 = 0x0018_0100_0700_0800;
    const SUBNET_V6: u64 = 0x0038_0200_0b00_0800;

    /// Octets of it, code and length included.
    #[inline(always)]
    pub const fn octets(self) -> usize {
        OPTION_HEADER
            + match self {
                Self::ClientCookie => CLIENT_COOKIE,
                Self::SubnetV4 => SUBNET_FIXED + 3,
                Self::SubnetV6 => SUBNET_FIXED + 7,
                Self::FullCookie => FULL_COOKIE,
            }
    }

    /// The one that these last octets are, as [`Octets::last_words`] has them.
    #[inline(always)]
    pub const fn of(last: [u64; 4]) -> Option<Self> {
        let [first, _, third, fourth] = last;
        if (third >> 32) as u32 == Self::CLIENT_COOKIE {
            return Some(Self::ClientCookie);
        }
        if third >> 40 | fourth << 24 == Self::SUBNET_V4 {
            return Some(Self::SubnetV4);
        }
        if third >> 8 | fourth << 56 == Self::SUBNET_V6 {
            return Some(Self::SubnetV6);
        }
        if (first >> 32) as u32 == Self::FULL_COOKIE {
            return Some(Self::FullCookie);
        }
        None
    }

    /// Whether it is read; `None` where that depends on the resolver.
    #[inline(always)]
    pub fn is_read(self, host: &impl Host) -> Option<bool> {
        match self {
            Self::ClientCookie | Self::FullCookie => Some(host.cookies()),
            Self::SubnetV4 | Self::SubnetV6 => match host.client_subnet() {
                ClientSubnet::Off => Some(false),
                ClientSubnet::On => Some(true),
                ClientSubnet::Trusted => None,
            },
        }
    }

    /// Whether it is a CLIENT-SUBNET option.
    #[inline(always)]
    pub const fn is_subnet(self) -> bool {
        matches!(self, Self::SubnetV4 | Self::SubnetV6)
    }

    /// The cookie in it, of a message that ends with it.
    #[inline(always)]
    pub(super) fn cookie(self, message: &(impl Octets + ?Sized)) -> Option<Cookie> {
        let (len, full) = match self {
            Self::ClientCookie => (CLIENT_COOKIE, false),
            Self::FullCookie => (FULL_COOKIE, true),
            Self::SubnetV4 | Self::SubnetV6 => return None,
        };
        Cookie::at(message, message.offset(message.len() - len), full)
    }

    /// The subnet in it, of a message that ends with it.
    #[inline(always)]
    pub(super) fn subnet(self, message: &(impl Octets + ?Sized)) -> Option<Subnet> {
        let last = message.word(message.offset(message.len() - 8))?;
        match self {
            Self::SubnetV4 => Some(Subnet {
                family: 1,
                source_len: 24,
                words: (last >> 40, 0),
            }),
            Self::SubnetV6 => Some(Subnet {
                family: 2,
                source_len: 56,
                words: (last >> 8, 0),
            }),
            Self::ClientCookie | Self::FullCookie => None,
        }
    }
}
