//! The complete authoritative server behind the fast path: zones, the lookup
//! over them, and the way from a query's bytes to a reply's bytes.
//!
//! In the order a query meets them: [`server`] receives it ([`udp`], [`tcp`]),
//! [`respond`] reads it ([`query`], [`edns`]), [`lookup`] finds what stands in
//! the [`zones`] (each a [`zone`] read by [`master_file`]) and [`chaos`] what we
//! say of ourselves, and [`encode`] writes the reply. Only `server` with its
//! [`socket`]s, [`inherited`] ones among them, `udp` with its [`datagrams`] and `tcp` do I/O; whom `tcp` serves is up to
//! [`connections`].

use std::net::IpAddr;

use bytes::Bytes;
use dns_common::ask::{Cookie, Wanted};
use domain::{
    base::{Record, Rtype},
    rdata::ZoneRecordData,
};

use crate::model::Name;

pub mod chaos;
pub mod connections;
mod datagrams;
pub mod edns;
pub mod encode;
pub mod inherited;
pub mod lookup;
pub mod master_file;
pub mod query;
pub mod respond;
pub mod server;
mod socket;
pub mod tcp;
pub mod udp;
pub mod zone;
pub mod zones;

#[cfg(test)]
pub(crate) mod testing;

/// A record as zones keep it.
pub type StoredRecord = Record<Name, ZoneRecordData<Bytes, Name>>;

/// Where the authority asks for what depends on the requester: what stands at a
/// steered name, and how its options are to be treated.
pub trait Steering {
    /// The records of type `rtype` (A or AAAA, or HTTPS or SVCB with address
    /// hints) that `source` gets at `name`, in answer order: the CNAME first
    /// where the service's shape has one; or what hands it over, whatever the type.
    fn steer(&self, name: &Name, rtype: Rtype, source: IpAddr) -> Steered;

    /// How many bits of the address `source` a decision for it holds for.
    fn scope(&self, _source: IpAddr) -> u8 {
        0
    }

    /// Which options are read at all.
    fn wanted(&self) -> Wanted {
        Wanted::ALL
    }

    /// Whether the requester's client subnets are to be heeded.
    fn honours_subnet(&self) -> bool {
        false
    }

    /// Takes note of the SOURCE PREFIX-LENGTH of the requester's client subnet, which is
    /// heeded.
    fn asks_for(&self, _source_len: u8) {}

    /// The server cookie the requester gets, if any.
    fn server_cookie(&self, _asked: Cookie) -> Option<(u64, u64)> {
        None
    }
}

/// What stands at a steered name for one resolver.
#[derive(Clone, Debug, PartialEq)]
pub enum Steered {
    /// The answer.
    Records(Vec<StoredRecord>),
    /// A delegation of the name to another DNS.
    Referral(Referral),
    /// No candidate has an address of that family, by configuration.
    NoData,
    /// No candidate is fit, and the service says to fail.
    Fail,
}

/// A delegation that a decision makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Referral {
    /// The NS records at the name, 1 or more.
    pub ns: Vec<StoredRecord>,
    /// Addresses of their servers, as far as they are told.
    pub glue: Vec<StoredRecord>,
}
