//! What `explain` shows.

use std::net::IpAddr;

use domain::base::Rtype;
use serde::{Deserialize, Serialize};

use super::protocol::{ExplainRequest, Failure};
use crate::{
    flattening::Resolved,
    measurement::director::{
        demand::GroupDemand,
        explain::{Explanation, Outcome},
        nearest::Nearest,
    },
    model::Name,
};

/// A question to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainQuery {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub rtype: Rtype,
    /// The resolver's address.
    pub from: IpAddr,
}

impl TryFrom<&ExplainRequest> for ExplainQuery {
    type Error = Failure;

    fn try_from(request: &ExplainRequest) -> Result<Self, Failure> {
        let name = Name::bytes_from_str(&request.name)
            .map_err(|error| format!("`{}` is not a domain name: {error}", request.name))?;
        let rtype = request.rtype.parse().map_err(|_| {
            format!(
                "`{}` is not a record type; valid: a name such as A or AAAA, or TYPE and a number",
                request.rtype
            )
        })?;
        Ok(Self {
            name,
            rtype,
            from: request.from,
        })
    }
}

/// A question, its answer, and what the answer was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The name asked for, with the dot at its end.
    pub name: String,
    /// The type asked for.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The resolver's address.
    pub from: IpAddr,
    /// The resolver's group.
    pub group: String,
    /// The prefix that puts it there; `None` for one that no prefix names.
    pub prefix: Option<String>,
    /// Which part of the demand the group counts for.
    pub demand: GroupDemand,
    /// What stands at the name.
    pub origin: Origin,
    /// Who answers such a query over UDP without EDNS.
    pub plane: Plane,
    /// The response's RCODE, e.g. `NOERROR`.
    pub rcode: String,
    /// The answer section, one record each, in presentation form (RFC 1035 section 5.1).
    pub answer: Vec<String>,
}

/// Where an answer comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// A decision.
    Steered(Box<Steering>),
    /// Records, or their absence, in a zone: the name or the type is not steered.
    Static {
        /// The zone's apex.
        zone: String,
    },
    /// Nowhere: the name is in none of our zones.
    NotOurs,
}

/// A decision for one resolver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steering {
    /// The service's name.
    pub service: String,
    /// Whose service it is.
    pub customer: String,
    /// The number of its pool.
    pub pool: u16,
    /// What a query of this type gets.
    pub decision: Outcome,
    /// What the decision was made from.
    pub explanation: Explanation,
    /// The smallest single change by which it would be another; `None` where no single
    /// one does it.
    pub nearest: Option<Nearest>,
    /// What of other DNS was resolved last for the resolver.
    pub resolved: Vec<Resolved>,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plane {
    /// The XDP program.
    Kernel,
    /// The daemon.
    Userspace,
}
