//! What a person sees of a reply: pure functions from reply to text.

mod checked;
mod difference;
mod doctor;
mod explain;
mod generations;
mod groups;
mod health;
mod human;
mod log;
mod overrides;
mod paint;
mod replay;
mod shadow;
mod states;
mod stats;
mod status;
mod table;
mod tail;
mod top;
mod what_if;

pub(super) use checked::checked;
pub(super) use difference::difference;
pub(super) use doctor::examined;
pub(super) use explain::explain;
pub(super) use generations::generations;
pub(super) use groups::groups;
pub(super) use health::health;
pub(super) use log::{explain_at, log};
pub(super) use overrides::overridden;
pub(super) use paint::Paint;
pub(super) use replay::replay;
pub(super) use shadow::shadow;
pub(super) use states::states;
pub(super) use stats::stats;
pub(super) use status::{detached, reloaded, status};
pub(super) use tail::{query, query_titles};
pub(super) use top::{Size, top};
pub(super) use what_if::what_if;

#[cfg(test)]
mod tests;
