//! What is done with a question, by what is known: no clock, no network.

use super::cache::Found;

/// What is known beside answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The last time that the name was asked for it could not be resolved.
    pub(super) is_failing: bool,
    /// That was so recently that it is not asked for again.
    pub(super) is_paused: bool,
    /// Who asks can still wait.
    pub(super) may_wait: bool,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is told what holds.
    Tell,
    /// It is told what has run out (RFC 8767).
    TellStale,
    /// Likewise, and the name is asked for meanwhile.
    TellStaleAndAsk,
    /// The name is asked for first.
    Ask,
    /// There is nothing to tell.
    GiveUp,
}

/// The step for who finds `found`.
pub(super) fn step(found: &Found, known: Known) -> Step {
    let Known {
        is_failing,
        is_paused,
        may_wait,
    } = known;
    match found {
        Found::Fresh(_) => Step::Tell,
        // Nobody waits for what did not answer others before.
        Found::Stale(_) if is_failing && may_wait && !is_paused => Step::TellStaleAndAsk,
        Found::Stale(_) if is_failing || !may_wait => Step::TellStale,
        Found::Nothing if is_paused || !may_wait => Step::GiveUp,
        Found::Stale(_) | Found::Nothing => Step::Ask,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{
        super::{
            cache::Entry,
            reply::{Told, What},
        },
        *,
    };

    #[test]
    fn who_may_wait_waits_only_for_what_did_not_fail_before() {
        let told = Told {
            what: What::NoData,
            ttl_s: 1,
            scope: 0,
        };
        let entry = Arc::new(Entry::new(told, 0));
        let [fresh, stale] = [Found::Fresh(Arc::clone(&entry)), Found::Stale(entry)];
        let well = (false, false);
        let failing = (true, false);
        let paused = (true, true);
        for (found, (is_failing, is_paused), may_wait, expected) in [
            (&fresh, well, true, Step::Tell),
            (&fresh, paused, false, Step::Tell),
            (&stale, well, true, Step::Ask),
            (&stale, well, false, Step::TellStale),
            (&stale, failing, true, Step::TellStaleAndAsk),
            (&stale, failing, false, Step::TellStale),
            (&stale, paused, true, Step::TellStale),
            (&Found::Nothing, well, true, Step::Ask),
            (&Found::Nothing, well, false, Step::GiveUp),
            (&Found::Nothing, failing, true, Step::Ask),
            (&Found::Nothing, paused, true, Step::GiveUp),
        ] {
            let known = Known {
                is_failing,
                is_paused,
                may_wait,
            };
            assert_eq!(step(found, known), expected, "{found:?} {known:?}");
        }
    }
}
