//! How fast resolvers are moved.

use std::time::Duration;

use super::Context;
use crate::{
    config::section::{Document, Section},
    model::Steps,
};

/// The longest time between two steps, seconds.
const STEP_S_MAX: u64 = 86_400;

/// `step_percent` and `step_s` of a policy; by default so many percent each TTL, in which
/// all resolvers have seen the last step.
pub(super) fn read(
    section: &mut Section,
    context: &Context,
    percent: u32,
    document: &mut Document,
) -> Steps {
    let set = section.optional("step_percent", document);
    let set = set.and_then(|entry| entry.integer(1..=100, document));
    let every_s = section.optional("step_s", document);
    let every_s = every_s.and_then(|entry| entry.integer(0..=STEP_S_MAX, document));
    Steps {
        percent: set.unwrap_or(percent),
        every: Duration::from_secs(every_s.unwrap_or(context.ttl_s.into())),
    }
}
