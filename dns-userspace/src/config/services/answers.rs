//! Of how many candidates an answer has the addresses.
//!
//! ```toml
//! answers = 2   # those of the best two; 1 by default, at most as many as there are servers
//! ```

use dns_common::decision::CANDIDATES_MAX;

use crate::{
    config::section::{Document, Entry},
    model::{HandOver, Policy, Shape},
};

/// What several candidates in one answer have to go with.
pub(super) struct Context<'a> {
    pub(super) servers: usize,
    pub(super) hand_overs: &'a [HandOver],
    pub(super) shape: Shape,
    /// `None` where there is something wrong with it.
    pub(super) policy: Option<&'a Policy>,
}

/// What `entry` says, if there is one.
pub(super) fn read(entry: Option<&Entry>, context: &Context, document: &mut Document) -> u8 {
    let Some(entry) = entry else {
        return 1;
    };
    let Some(answers) = entry.integer(1..=CANDIDATES_MAX as u8, document) else {
        return 1;
    };
    if answers == 1 {
        return 1;
    }
    let servers = context.servers;
    if usize::from(answers) > servers {
        let message = format!("is {answers} of {servers} servers; valid: 1 to {servers}");
        document.report(entry.line, &entry.path, message);
    }
    let apart = match context {
        Context {
            hand_overs: [_, ..],
            ..
        } => Some("a service with hand-overs, which stand alone"),
        Context {
            shape: Shape::Cname,
            ..
        } => Some("shape = \"cname\", whose answers name one server"),
        Context { policy, .. } => policy.and_then(leads_to_one),
    };
    if let Some(apart) = apart {
        let message = format!("stands beside {apart}; valid: 1, or without that");
        document.report(entry.line, &entry.path, message);
    }
    answers
}

/// What has `policy` lead each resolver to one candidate.
fn leads_to_one(policy: &Policy) -> Option<&'static str> {
    match policy {
        Policy::Weighted { .. } => Some("a weighted policy, which gives each resolver one"),
        Policy::Balance { .. } => Some("a step_percent below 100, which gives each resolver one"),
        Policy::Threshold(_) => Some("a threshold policy, whose sides do not mix"),
        Policy::Failover { .. } | Policy::Criteria(_) | Policy::Best { .. } => None,
    }
}

#[cfg(test)]
mod tests;
