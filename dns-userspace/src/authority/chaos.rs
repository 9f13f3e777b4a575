//! Who answers, asked in class CHAOS (RFC 4892, and BIND's names before it).

use bytes::Bytes;
use domain::{
    base::{
        Rtype, Ttl,
        iana::{Class, Rcode},
    },
    rdata::{Txt, ZoneRecordData},
};

use super::{
    StoredRecord,
    lookup::{Records, Response},
};
use crate::model::Name;

/// Names that ask for the software and its version.
const VERSION_NAMES: [&[u8]; 2] = [b"\x07version\x04bind\0", b"\x07version\x06server\0"];

/// Names that ask for the host.
const HOSTNAME_NAMES: [&[u8]; 2] = [b"\x08hostname\x04bind\0", b"\x02id\x06server\0"];

/// Octets of the longest text: what one character-string holds (RFC 1035
/// section 3.3).
pub const TEXT_MAX: usize = 255;

/// What is told in class CHAOS; by default nothing.
#[derive(Clone, Debug, Default)]
pub struct Chaos {
    /// At `version.bind.` and `version.server.`; empty is refused.
    version: Vec<StoredRecord>,
    /// At `hostname.bind.` and `id.server.`; empty is refused.
    hostname: Vec<StoredRecord>,
}

impl Chaos {
    /// Tells `version` and `hostname`, at most [`TEXT_MAX`] octets each; an empty
    /// one is refused.
    pub fn new(version: &str, hostname: &str) -> Self {
        Self {
            version: text(version),
            hostname: text(hostname),
        }
    }

    /// What stands at `name`: one TXT record; other types are there for none.
    /// Everything else in this class is refused.
    pub(super) fn answer(&self, name: &Name, rtype: Rtype) -> Response<'_> {
        let is_one_of = |names: [&[u8]; 2]| {
            let octets = name.as_slice();
            names.iter().any(|name| octets.eq_ignore_ascii_case(name))
        };
        let records = if is_one_of(VERSION_NAMES) {
            &self.version[..]
        } else if is_one_of(HOSTNAME_NAMES) {
            &self.hostname[..]
        } else {
            &[]
        };
        if records.is_empty() {
            return Response::refused();
        }
        let mut response = Response::empty(Rcode::NOERROR, true);
        if matches!(rtype, Rtype::TXT | Rtype::ANY) {
            response.answer.push(Records {
                owner: Some(name.clone()),
                records: records.into(),
            });
        }
        response
    }
}

/// The record that says `text`, with a TTL of 0: it is about this very server.
fn text(text: &str) -> Vec<StoredRecord> {
    if text.is_empty() {
        return Vec::new();
    }
    let octets = text.as_bytes();
    let octets = &octets[..octets.len().min(TEXT_MAX)];
    let rdata = [&[octets.len() as u8], octets].concat();
    let txt = Txt::from_octets(Bytes::from(rdata)).map(ZoneRecordData::Txt);
    let record = txt.map(|data| StoredRecord::new(Name::root_bytes(), Class::CH, Ttl::ZERO, data));
    record.into_iter().collect()
}
