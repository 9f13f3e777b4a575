//! The OPT record (RFC 6891): what a requester says of itself, and what we
//! say back.

use domain::base::{
    ParsedRecord,
    iana::OptRcode,
    message_builder::{AdditionalBuilder, PushError},
    opt::{Opt, OptRecord},
    wire::{Composer, ParseError},
};

/// Octets of our OPT record: no options.
pub const OPT_LEN: usize = 11;

/// The EDNS version we speak.
pub const VERSION: u8 = 0;

/// What a requester's OPT record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP payload it takes, octets, as it says; below 512 means 512.
    pub udp_payload: u16,
    /// Its EDNS version; we speak 0.
    pub version: u8,
    /// The DO flag.
    pub dnssec_ok: bool,
}

impl Edns {
    /// Reads an OPT record. Its owner must be the root and its options
    /// well-formed; the options themselves are ignored.
    pub fn parse(record: &ParsedRecord<'_, [u8]>) -> Result<Self, ParseError> {
        let not_opt = ParseError::form_error("not an OPT record at the root");
        let record = record.to_record::<Opt<_>>()?.ok_or(not_opt)?;
        if !record.owner().is_root() {
            return Err(not_opt);
        }
        let opt = OptRecord::from_record(record);
        Ok(Self {
            udp_payload: opt.udp_payload_size(),
            version: opt.version(),
            dnssec_ok: opt.dnssec_ok(),
        })
    }
}

/// Adds our OPT record: DO as the requester's, `udp_payload` as what we take,
/// and the upper bits of `rcode`; the lower go into the header.
pub fn push(
    message: &mut AdditionalBuilder<impl Composer>,
    requester: &Edns,
    udp_payload: u16,
    rcode: OptRcode,
) -> Result<(), PushError> {
    message.opt(|opt| {
        opt.set_udp_payload_size(udp_payload);
        opt.set_version(VERSION);
        opt.set_dnssec_ok(requester.dnssec_ok);
        opt.set_rcode(rcode);
        Ok(())
    })
}
