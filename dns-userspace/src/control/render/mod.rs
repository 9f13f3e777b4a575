//! What a person sees of a reply: pure functions from reply to text.

mod difference;
mod explain;
mod human;
mod overrides;
mod paint;
mod states;
mod stats;
mod status;
mod table;

pub(super) use difference::difference;
pub(super) use explain::explain;
pub(super) use overrides::overridden;
pub(super) use paint::Paint;
pub(super) use states::states;
pub(super) use stats::stats;
pub(super) use status::{detached, reloaded, status};

#[cfg(test)]
mod tests;
