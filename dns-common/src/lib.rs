//! Whatever both planes must agree on: how a query is read, how a decision is
//! made from the tables, how the answer is written, and the layout of those
//! tables. No I/O, no allocation, no clock.
//!
//! Modules stand in the order a packet meets them.
#![cfg_attr(not(test), no_std)]

pub mod decision;
