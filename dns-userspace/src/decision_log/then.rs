//! What was decided at a time, since when and why.

use dns_common::decision::Family;
use serde::{Deserialize, Serialize};

use super::{Entry, What, is_of};
use crate::measurement::director::{
    explain::Outcome,
    history::{Cause, Decided},
    states::Share,
};

/// What the log says of one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Then {
    /// What was answered; `None` where the log does not say.
    pub decision: Option<Outcome>,
    /// Who took how much, where resolvers of one group got different answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Share>,
    /// What it came from; `None` where the log does not say.
    pub change: Option<Change>,
    /// Why it does not say.
    pub missing: Option<Missing>,
    /// Whether the configuration was read anew since, by which the address may have come
    /// into another group.
    pub is_configured_anew: bool,
}

/// A change that a decision came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When, milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Why.
    pub cause: Cause,
    /// What was answered before; `None` where that is not known.
    pub from: Option<Outcome>,
}

/// Why the log does not say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It begins later.
    Older,
    /// Decisions were lost.
    Lost,
    /// A change of so many services or groups that not all are named.
    Unnamed,
    /// The service was not there, or no resolver could ask.
    Absent,
}

/// What one entry says of a group.
enum Said {
    /// Nothing: it went on as it was.
    Nothing,
    /// Maybe something: not all groups are named.
    Unsure,
    /// Its resolvers got different answers.
    Divided(Vec<Share>),
    /// What it got before, and from then on.
    Got(Option<Outcome>, Outcome),
}

/// What resolvers of `group` got of `service` at `at_unix_ms`, by `entries`, the newest
/// first, where they get `now` what is said.
pub(super) fn then(
    entries: impl Iterator<Item = Entry>,
    (service, group, family): (&str, &str, Family),
    at_unix_ms: u64,
    now: &Outcome,
) -> Then {
    let mut then = Then::default();
    // What it was until the oldest change after that time.
    let mut until = Some(now.clone());
    let mut begins_unix_ms = None;
    let mut is_unsure = false;
    for Entry {
        at_unix_ms: at,
        what,
    } in entries
    {
        begins_unix_ms = Some(at);
        let decided = match what {
            What::Lost(_) => {
                then.missing = Some(Missing::Lost);
                return then;
            }
            What::Decided(decided) => decided,
        };
        let is_later = at > at_unix_ms;
        then.is_configured_anew |=
            is_later && matches!(decided.cause, Cause::Start | Cause::Configuration);
        if !is_of(&decided, service) {
            is_unsure |= decided.more_services > 0;
            continue;
        }
        match (said(&decided, group, family), is_later) {
            (Said::Nothing, _) => {}
            (Said::Unsure, _) => {
                then.missing = Some(Missing::Unnamed);
                return then;
            }
            (Said::Divided(_), true) => until = None,
            (Said::Got(from, _), true) => until = from,
            (Said::Divided(shares), false) => {
                if then.decision.is_none() {
                    then.shares = shares;
                    then.change = Some(Change {
                        at_unix_ms: at,
                        cause: decided.cause,
                        from: None,
                    });
                }
                return then;
            }
            (Said::Got(from, to), false) => {
                let decision = then.decision.get_or_insert_with(|| to.clone());
                if *decision != to {
                    return then;
                }
                if from.as_ref() == Some(&to) {
                    // Said anew, not changed.
                    continue;
                }
                let has_changed = from.is_some();
                then.change = Some(Change {
                    at_unix_ms: at,
                    cause: decided.cause,
                    from,
                });
                if has_changed {
                    return then;
                }
            }
        }
    }
    let reaches = begins_unix_ms.is_some_and(|begins| begins <= at_unix_ms);
    if then.decision.is_none() && reaches && !is_unsure {
        then.decision = until;
    }
    if then.change.is_none() {
        then.missing = Some(match (&then.decision, reaches) {
            (None, true) if is_unsure => Missing::Unnamed,
            (None, true) => Missing::Absent,
            _ => Missing::Older,
        });
    }
    then
}

fn said(decided: &Decided, group: &str, family: Family) -> Said {
    if !decided.shares.is_empty() {
        return Said::Divided(decided.shares.clone());
    }
    let is_named = |groups: &[String]| groups.iter().any(|name| name == group);
    let moves = || decided.moves.iter();
    let one = match moves().find(|one| is_named(&one.groups)) {
        Some(one) => one,
        None if is_named(&decided.except) => return Said::Nothing,
        None if decided.more_groups > 0 => return Said::Unsure,
        None => match moves().find(|one| one.others) {
            Some(one) => one,
            None => return Said::Nothing,
        },
    };
    let from = one.from.as_ref().map(|from| from.of(family).clone());
    Said::Got(from, one.to.of(family).clone())
}
