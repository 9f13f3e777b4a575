//! A measurement's story, in order:
//! schedule → probe → sample → health → rank → share → decide → compile → publish.
//!
//! From [`smooth`] to [`decide`] everything is a pure function of state, input
//! and time: no clock, no randomness, no I/O. The [`director`] keeps the state
//! and calls them for every sample.

pub mod metric;

pub mod schedule;

pub mod probe;

pub mod sample;

pub mod smooth;

pub mod health;
pub mod suspicion;
pub mod withhold;

pub mod demand;
pub mod rank;
pub mod share;

pub mod decide;
pub mod ttl;

pub mod director;
pub mod overrides;

pub mod compile;

pub mod publish;
