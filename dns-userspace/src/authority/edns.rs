//! The OPT record (RFC 6891): what a requester says of itself, and what we
//! say back.

use domain::base::{
    ParsedRecord,
    iana::{OptRcode, OptionCode},
    message_builder::{AdditionalBuilder, PushError},
    opt::{Opt, UnknownOptData},
    wire::{Composer, ParseError},
};

/// Octets of an OPT record without options.
const OPT_LEN: usize = 11;

/// Octets of an option's code and length.
const OPTION_HEADER_LEN: usize = 4;

/// Octets of a time-out in edns-tcp-keepalive (RFC 7828 section 3.1).
const KEEPALIVE_LEN: u16 = 2;

/// The EDNS version we speak.
pub const VERSION: u8 = 0;

/// What a requester's OPT record says. Options that are not here are ignored
/// (RFC 6891 section 6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP payload it takes, octets, as it says; below 512 means 512.
    pub udp_payload: u16,
    /// Its EDNS version; we speak 0.
    pub version: u8,
    /// The DO flag.
    pub dnssec_ok: bool,
    /// It asks who we are. What else its NSID option holds is ignored (RFC 5001
    /// section 2.2).
    pub nsid: bool,
    /// Its edns-tcp-keepalive option.
    pub keepalive: Keepalive,
}

/// A requester's edns-tcp-keepalive option (RFC 7828).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// Not there.
    Absent,
    /// It asks how long the connection may be idle.
    Asked,
    /// It has a time-out, which only a server may send (section 3.2.1).
    Malformed,
}

impl Edns {
    /// What the fixed part of an OPT record says; the options are not read yet.
    pub fn of(record: &ParsedRecord<'_, [u8]>) -> Self {
        let [_, version, flags, _] = record.ttl().as_secs().to_be_bytes();
        Self {
            udp_payload: record.class().to_int(),
            version,
            dnssec_ok: flags & 0x80 != 0,
            nsid: false,
            keepalive: Keepalive::Absent,
        }
    }

    /// Reads the options. The record's owner must be the root and its options
    /// well-formed.
    pub fn read_options(&mut self, record: &ParsedRecord<'_, [u8]>) -> Result<(), ParseError> {
        let not_opt = ParseError::form_error("not an OPT record at the root");
        let record = record.to_record::<Opt<_>>()?.ok_or(not_opt)?;
        if !record.owner().is_root() {
            return Err(not_opt);
        }
        for option in record.data().iter::<UnknownOptData<_>>() {
            let option = option?;
            match option.code() {
                OptionCode::NSID => self.nsid = true,
                OptionCode::TCP_KEEPALIVE if !option.as_slice().is_empty() => {
                    self.keepalive = Keepalive::Malformed;
                }
                OptionCode::TCP_KEEPALIVE if self.keepalive == Keepalive::Absent => {
                    self.keepalive = Keepalive::Asked;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The OPT record of a reply.
#[derive(Clone, Copy, Debug)]
pub struct OwnOpt<'p> {
    /// The largest UDP payload we take, octets.
    pub udp_payload: u16,
    /// The DO flag, as the requester's (RFC 3225 section 3).
    pub dnssec_ok: bool,
    /// Who we are, for a requester that asked.
    pub nsid: Option<&'p [u8]>,
    /// How long the connection may be idle, in units of 100 ms.
    pub keepalive: Option<u16>,
}

impl OwnOpt<'_> {
    /// Its octets in a message.
    pub fn octets(&self) -> usize {
        let options = [
            self.nsid.map(<[u8]>::len),
            self.keepalive.map(|_| usize::from(KEEPALIVE_LEN)),
        ];
        let option_octets = options.iter().flatten().map(|len| OPTION_HEADER_LEN + len);
        OPT_LEN + option_octets.sum::<usize>()
    }

    /// Adds it to a message, with the upper bits of `rcode`; the lower go into
    /// the header.
    pub fn push(
        &self,
        message: &mut AdditionalBuilder<impl Composer>,
        rcode: OptRcode,
    ) -> Result<(), PushError> {
        message.opt(|opt| {
            opt.set_udp_payload_size(self.udp_payload);
            opt.set_version(VERSION);
            opt.set_dnssec_ok(self.dnssec_ok);
            opt.set_rcode(rcode);
            if let Some(nsid) = self.nsid {
                opt.push_raw_option(OptionCode::NSID, nsid.len() as u16, |target| {
                    target.append_slice(nsid)
                })?;
            }
            if let Some(timeout) = self.keepalive {
                opt.push_raw_option(OptionCode::TCP_KEEPALIVE, KEEPALIVE_LEN, |target| {
                    target.append_slice(&timeout.to_be_bytes())
                })?;
            }
            Ok(())
        })
    }
}
