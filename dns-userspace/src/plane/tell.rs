//! Telling of queries that reached a socket.

use std::net::IpAddr;

use dns_common::{outcome::Outcome, told::OCTETS_MAX};

use super::{Plane, host};
use crate::{
    authority::respond::Transport,
    control::explained,
    queries::{self, Raw},
};

impl Plane {
    /// Tells of a query of which the fast path made `outcome`, and which got `reply`, if
    /// somebody wants to know and it is in the sample.
    pub(super) fn tell(
        &self,
        outcome: Outcome,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        reply: Option<&[u8]>,
    ) {
        let Some(teller) = &self.teller else {
            return;
        };
        let service = host::service();
        if !teller.is_due(self.tables.watched(), service) {
            return;
        }
        let message = reply.unwrap_or(query);
        teller.tell(Raw {
            time_ns: self.clock.now_ns(),
            plane: explained::Plane::Userspace,
            transport: match transport {
                Transport::Udp => queries::Transport::Udp,
                Transport::Tcp { .. } => queries::Transport::Tcp,
            },
            resolver: source.to_canonical(),
            outcome,
            service,
            group: host::group().into(),
            is_reply: reply.is_some(),
            message: message[..message.len().min(OCTETS_MAX)].to_vec(),
        });
    }
}
