//! What a query gets.

use serde::{Deserialize, Serialize};

use crate::shadow::Steering;

/// The reply to a query, and what made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The whole message, as over TCP; empty where there is no reply.
    pub reply: Vec<u8>,
    /// Whether over UDP it is cut off.
    pub is_truncated: bool,
    /// The apex of the zone that the name is in; `None` for one in none of ours.
    pub zone: Option<String>,
    /// The service whose decision is in it, if one is.
    pub steering: Option<Steering>,
}
