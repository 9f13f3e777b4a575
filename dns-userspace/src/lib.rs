//! veer's userspace: `veerd` measures servers, decides where each group of
//! resolvers goes, writes that where the kernel reads it, and answers
//! everything the kernel does not; `veerctl` looks at it and steers it.

pub mod agent;
pub mod arguments;
pub mod authority;
pub mod clock;
pub mod config;
pub mod control;
pub mod daemon;
pub mod decision_log;
pub mod doctor;
pub mod flattening;
pub mod kernel;
pub mod log;
pub mod measurement;
pub mod measurement_log;
pub mod metrics;
pub mod model;
pub mod plane;
pub mod queries;
pub mod replay;
pub mod ring_log;
pub mod shadow;
pub mod tables;
pub mod top;
