//! One query as it is told.

use std::{fmt, net::IpAddr};

use dns_common::outcome::Outcome;
use domain::{
    base::{Message, name::ToName as _},
    rdata::ZoneRecordData,
};
use serde::{Deserialize, Serialize};

use crate::{clock, control::explained::Plane};

/// Records of an answer that are told.
const ANSWERS_MAX: usize = 8;

/// What a query came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// A query, and what it got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// When it was answered, milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The address that it came from.
    pub resolver: IpAddr,
    /// What it came by.
    pub transport: Transport,
    /// The name asked for, in its letters, with the dot at its end.
    pub name: String,
    /// The type asked for.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Which plane answered it, or dropped it.
    pub plane: Plane,
    /// What the fast path of that plane made of it, in the words of `veerctl stats`.
    pub outcome: String,
    /// The reply's RCODE; `None` where there is no reply.
    pub rcode: Option<String>,
    /// The first records of its answer, each as `TYPE DATA`.
    pub answer: Vec<String>,
    /// The service that decided; `None` where none did.
    pub service: Option<String>,
    /// The resolver group that it decided for.
    pub group: Option<String>,
}

/// What a plane says of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// When, nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// Which plane.
    pub plane: Plane,
    /// What it came by.
    pub transport: Transport,
    /// Who asked.
    pub resolver: IpAddr,
    /// What the fast path made of it.
    pub outcome: Outcome,
    /// As in [`dns_common::told::Told`].
    pub service: u32,
    /// As in [`dns_common::told::Told`].
    pub group: u32,
    /// Whether the message is the reply, else it is the query.
    pub is_reply: bool,
    /// The message's first octets.
    pub message: Vec<u8>,
}

/// What numbers mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Services by number.
    pub(super) services: Vec<String>,
    /// Groups by number.
    pub(super) groups: Vec<String>,
}

impl Query {
    /// What `raw` tells; `None` where it has no question.
    pub(super) fn new(raw: &Raw, names: &Names) -> Option<Self> {
        let message = Message::from_octets(raw.message.as_slice()).ok()?;
        let question = message.first_question()?;
        let time = raw.time_ns.wrapping_add(clock::offset_ns());
        let service = names.services.get(raw.service as usize);
        let group = service.and_then(|_| names.groups.get(raw.group as usize));
        Some(Self {
            at_unix_ms: time / 1_000_000,
            resolver: raw.resolver,
            transport: raw.transport,
            name: question.qname().fmt_with_dot().to_string(),
            rtype: question.qtype().to_string(),
            plane: raw.plane,
            outcome: raw.outcome.name().to_owned(),
            rcode: raw.is_reply.then(|| message.opt_rcode().to_string()),
            answer: if raw.is_reply {
                answer(&message)
            } else {
                Vec::new()
            },
            service: service.cloned(),
            group: group.cloned(),
        })
    }
}

/// The first records of the answer section, as far as they are there whole.
fn answer(message: &Message<&[u8]>) -> Vec<String> {
    let Ok(section) = message.answer() else {
        return Vec::new();
    };
    let records = section.limit_to_in::<ZoneRecordData<_, _>>();
    let records = records.map_while(Result::ok).take(ANSWERS_MAX);
    let text = records.map(|record| format!("{} {}", record.rtype(), record.data()));
    text.collect()
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}
