//! What the programs of the rig agree on with whoever loads them. The
//! responder's own agreement is `dns_common::tables`.
#![no_std]

pub mod load;
