//! Configurations of the Internet's size and shape: resolver prefixes as the
//! public routing table has them, names and zones as hosters have them, services.
//! All of it is determined by the number asked for.

mod names;
mod prefixes;
mod services;

pub(crate) use names::zones;
pub(crate) use prefixes::{groups_file, prefixes};
pub(crate) use services::services;

/// The seed of every generator here.
const SEED: u64 = 0x5665_6572;
