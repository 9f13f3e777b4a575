//! Configuration sources: tunables, services, groups and zones, read together
//! and reported together.

pub mod diagnostic;
