//! OPT records of replies, as they are made and as their octets are.

use proptest::prelude::*;

use super::*;

/// An OPT record to reply with, as it is made and as its octets are.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) dnssec_ok: bool,
    pub(super) cookie: Option<(u64, (u64, u64))>,
    pub(super) subnet: Option<(Subnet, u8)>,
}

pub(super) fn options() -> impl Strategy<Value = Options> {
    let subnet = (any::<(u64, u64)>(), any::<bool>(), 0..=128_u8, any::<u8>());
    let subnet = subnet.prop_map(|((high, low), v4, bits, scope)| {
        let bits = if v4 { bits % 33 } else { bits };
        let whole = u128::from(high) << 64 | u128::from(low);
        let kept = whole & !u128::MAX.checked_shr(bits.into()).unwrap_or(0);
        let [first, second] = [kept >> 64, kept].map(|half| (half as u64).swap_bytes());
        let subnet = Subnet {
            family: if v4 { 1 } else { 2 },
            source_len: bits,
            words: (first, second),
        };
        (subnet, scope)
    });
    let (cookie, subnet) = (
        proptest::option::of(any::<(u64, (u64, u64))>()),
        proptest::option::of(subnet),
    );
    (any::<bool>(), cookie, subnet).prop_map(|(dnssec_ok, cookie, subnet)| Options {
        dnssec_ok,
        cookie,
        subnet,
    })
}

impl Options {
    /// The OPT record of a query that asks for it.
    pub(super) fn asked(&self) -> plain::Opt {
        plain::Opt {
            payload: 4096,
            flags: if self.dnssec_ok { DNSSEC_OK } else { 0 },
            ..plain::Opt::default()
        }
    }

    pub(super) fn made(&self, ask: &Ask, world: &World) -> Opt {
        let mut opt = Opt::new(ask, &world.host);
        if let Some((client, server)) = self.cookie {
            opt.add_cookie(client, server);
        }
        if let Some((subnet, scope)) = &self.subnet {
            opt.add_subnet(subnet, *scope);
        }
        opt
    }

    pub(super) fn plain(&self, world: &World) -> plain::Opt {
        let mut opt = plain::Opt {
            payload: world.host.payload(),
            flags: if self.dnssec_ok { DNSSEC_OK } else { 0 },
            ..plain::Opt::default()
        };
        if let Some((client, server)) = self.cookie {
            let words = [client, server.0, server.1];
            let octets: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
            opt = opt.with(COOKIE, &octets);
        }
        if let Some((subnet, scope)) = self.subnet {
            let (family, octets) = match subnet.address() {
                Source::V4(address) => (1, address.to_be_bytes().to_vec()),
                Source::V6(high, low) => (2, [high.to_be_bytes(), low.to_be_bytes()].concat()),
            };
            opt = opt.with(
                SUBNET,
                &plain::subnet(family, subnet.source_len, scope, &octets),
            );
        }
        opt
    }
}
