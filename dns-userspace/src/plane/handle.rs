//! A query that reached a socket: to the fast path, and behind it.

use std::net::IpAddr;

use dns_common::outcome::{Action, Outcome};

use super::{Live, Plane, counters::count, host};
use crate::authority::{
    respond::{self, Transport},
    server::{Handled, Handler},
};

impl Handler for Plane {
    fn handle(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Handled {
        let counters = self.counters.own();
        let is_detailed = self.is_detailed;
        let begun = is_detailed.then(|| counters.begin(query, source)).flatten();
        count(match transport {
            Transport::Udp => &counters.udp_queries,
            Transport::Tcp { .. } => &counters.tcp_queries,
        });
        let live = self.live.load();
        host::forget_service();
        let outcome = self.fast_counted(query, source, transport, &live, out);
        count(&counters.outcomes[outcome as usize]);
        let handled = self.made_of(outcome, query, source, transport, &live, true, out);
        if let Some(begun) = begun {
            counters.end(begun);
        }
        // What is answered later is told then.
        if !matches!(handled, Handled::Later(_)) {
            let reply = handled.is_answered().then_some(out.as_slice());
            self.tell(outcome, query, source, transport, reply);
        }
        handled
    }

    fn finish(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> bool {
        // What was decided may have changed since.
        let live = self.live.load();
        host::forget_service();
        let outcome = self.fast_counted(query, source, transport, &live, out);
        let handled = self.made_of(outcome, query, source, transport, &live, false, out);
        let reply = handled.is_answered().then_some(out.as_slice());
        self.tell(outcome, query, source, transport, reply);
        reply.is_some()
    }
}

impl Plane {
    /// As [`Self::fast`], and a service's answer counts for the group that gets it.
    fn fast_counted(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        live: &Live,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let (outcome, is_steered) = self.fast(query, source, transport, live, out);
        if is_steered {
            let sample = self.constants.group_sample;
            self.counters.count_group(host::group(), sample);
        }
        outcome
    }

    /// What becomes of a query of which the fast path made `outcome`.
    #[expect(
        clippy::too_many_arguments,
        reason = "a query, and how far it has come"
    )]
    fn made_of(
        &self,
        outcome: Outcome,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        live: &Live,
        may_wait: bool,
        out: &mut Vec<u8>,
    ) -> Handled {
        let counters = self.counters.own();
        let answered = match outcome.action() {
            Action::Reply => return Handled::Answered,
            // The authority needs none of the tables that broke the promise.
            Action::Drop if outcome != Outcome::DropBroken => false,
            Action::Up | Action::Drop => {
                let full = self.full(query, source, transport, live, may_wait, out);
                if let Some(later) = full.later {
                    out.clear();
                    return Handled::Later(later);
                }
                match full.outcome {
                    respond::Outcome::Answered(rcode)
                        if full.proved
                            || self.limit(query, source, transport, rcode, live, out) =>
                    {
                        counters.count_rcode(rcode);
                        true
                    }
                    respond::Outcome::Answered(_) | respond::Outcome::Silent(_) => false,
                }
            }
        };
        if answered {
            Handled::Answered
        } else {
            count(&counters.silent);
            Handled::Silent
        }
    }
}
