//! Queries, octet by octet where a client's habits are.

use domain::base::{MessageBuilder, Name, Rtype};

/// RFC 7871.
pub(crate) const CLIENT_SUBNET: u16 = 8;
/// RFC 7873.
pub(crate) const COOKIE: u16 = 10;

/// An OPT record (RFC 6891).
#[derive(Clone, Debug)]
pub(crate) struct Edns {
    /// The largest UDP response taken, octets.
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    /// Codes and data.
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

impl Edns {
    /// As most resolvers have it by now.
    pub(crate) fn new() -> Self {
        Self {
            payload: 1232,
            version: 0,
            dnssec_ok: false,
            options: Vec::new(),
        }
    }

    /// With one more option.
    pub(crate) fn with(mut self, code: u16, data: &[u8]) -> Self {
        self.options.push((code, data.to_vec()));
        self
    }
}

/// A query of class IN; `flags` is the second octet pair of its header (RFC 1035
/// section 4.1.1), and the name keeps its letters.
pub(crate) fn query(id: u16, flags: u16, name: &str, rtype: Rtype, edns: Option<&Edns>) -> Vec<u8> {
    let name: Name<Vec<u8>> = name.parse().expect("a name");
    let mut message = MessageBuilder::new_vec().question();
    message.header_mut().set_id(id);
    message.push((name, rtype)).expect("room");
    let mut message = message.additional();
    if let Some(edns) = edns {
        let pushed = message.opt(|opt| {
            opt.set_udp_payload_size(edns.payload);
            opt.set_version(edns.version);
            opt.set_dnssec_ok(edns.dnssec_ok);
            edns.options.iter().try_for_each(|(code, data)| {
                opt.push_raw_option((*code).into(), data.len() as u16, |target| {
                    target.extend_from_slice(data);
                    Ok(())
                })
            })
        });
        pushed.expect("room");
    }
    let mut octets = message.finish();
    octets[2..4].copy_from_slice(&flags.to_be_bytes());
    octets
}
