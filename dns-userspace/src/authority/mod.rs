//! The complete authoritative server behind the fast path.

use std::net::IpAddr;

use bytes::Bytes;
use domain::{
    base::{Record, Rtype},
    rdata::ZoneRecordData,
};

use crate::model::Name;

/// A record as zones keep it.
pub type StoredRecord = Record<Name, ZoneRecordData<Bytes, Name>>;

/// Where the authority asks for what stands at a steered name.
pub trait Steering {
    /// The records of type `rtype` (A or AAAA) that `source` gets at `name`,
    /// in answer order: the CNAME first where the service's shape has one.
    fn steer(&self, name: &Name, rtype: Rtype, source: IpAddr) -> Steered;
}

/// What stands at a steered name for one resolver.
#[derive(Clone, Debug, PartialEq)]
pub enum Steered {
    /// The answer.
    Records(Vec<StoredRecord>),
    /// No candidate has an address of that family, by configuration.
    NoData,
    /// No candidate is fit, and the service says to fail.
    Fail,
}
