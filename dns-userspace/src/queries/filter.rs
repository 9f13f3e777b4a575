//! Which queries somebody wants to see.

use std::net::IpAddr;

use dns_common::outcome::{Action, Outcome};
use domain::base::Rtype;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::query::{Names, Query, Raw};
use crate::{
    control::{explained::Plane, protocol::Failure},
    model::Name,
};

/// Which queries are asked for, as a person writes it: those that are all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TailRequest {
    /// For which this service decided; absolute with or without a dot at its end.
    pub name: Option<String>,
    /// From resolvers in this prefix, or at this address.
    pub from: Option<String>,
    /// For records of this type.
    #[serde(rename = "type")]
    pub rtype: Option<String>,
    /// Of which the fast path made this.
    pub outcome: Option<String>,
    /// That ended in this plane.
    pub plane: Option<Plane>,
}

/// The same, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// The service's number.
    pub(super) service: Option<u32>,
    from: Option<IpNet>,
    rtype: Option<String>,
    outcome: Option<Outcome>,
    plane: Option<Plane>,
}

impl Filter {
    /// What `request` says where services have these `names`; else all that is wrong with it.
    pub(super) fn new(request: &TailRequest, names: &Names) -> Result<Self, Failure> {
        let mut wrong = Vec::new();
        let filter = Self {
            service: understood(request.name.as_deref(), &mut wrong, |name| {
                service(name, &names.services)
            }),
            from: understood(request.from.as_deref(), &mut wrong, prefix),
            rtype: understood(request.rtype.as_deref(), &mut wrong, rtype),
            outcome: understood(request.outcome.as_deref(), &mut wrong, outcome),
            plane: request.plane,
        };
        if wrong.is_empty() {
            Ok(filter)
        } else {
            Err(Failure::Refused(wrong))
        }
    }

    /// Whether that is asked for of which `raw` makes `query`.
    pub(super) fn takes(&self, raw: &Raw, query: &Query) -> bool {
        self.service.is_none_or(|service| raw.service == service)
            && self.from.is_none_or(|from| from.contains(&raw.resolver))
            && self
                .rtype
                .as_ref()
                .is_none_or(|rtype| query.rtype == *rtype)
            && self.outcome.is_none_or(|outcome| raw.outcome == outcome)
            && self.plane.is_none_or(|plane| raw.plane == plane)
    }
}

/// What `parse` makes of `text`; what is wrong with it goes to `wrong`.
fn understood<T>(
    text: Option<&str>,
    wrong: &mut Vec<String>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match text.map(parse)? {
        Ok(value) => Some(value),
        Err(what) => {
            wrong.push(what);
            None
        }
    }
}

fn service(text: &str, services: &[String]) -> Result<u32, String> {
    let name = Name::bytes_from_str(text)
        .map_err(|error| format!("`{text}` is not a domain name: {error}"))?;
    let name = name.fmt_with_dot().to_string();
    let known = services.iter();
    let number = known
        .zip(0..)
        .find(|(known, _)| known.eq_ignore_ascii_case(&name));
    number
        .map(|(_, number)| number)
        .ok_or_else(|| format!("`{text}` is no service's name"))
}

fn prefix(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
        format!("`{text}` is no prefix; valid: an address, or one with a length, e.g. 192.0.2.0/24")
    })
}

fn rtype(text: &str) -> Result<String, String> {
    let rtype = text.parse::<Rtype>().map_err(|_| {
        format!(
            "`{text}` is not a record type; valid: a name such as A or AAAA, or TYPE and a number"
        )
    })?;
    Ok(rtype.to_string())
}

fn outcome(text: &str) -> Result<Outcome, String> {
    let mut told = Outcome::ALL.into_iter().filter(|outcome| is_told(*outcome));
    let found = told.clone().find(|outcome| outcome.name() == text);
    found.ok_or_else(|| {
        let first = told.next().map_or("", Outcome::name).to_owned();
        let valid = told.fold(first, |valid, outcome| valid + ", " + outcome.name());
        format!("`{text}` is no outcome of a query; valid: {valid}")
    })
}

/// Whether a query that is told can have that outcome: it is about a DNS message.
fn is_told(outcome: Outcome) -> bool {
    match outcome.action() {
        Action::Reply | Action::Drop => true,
        Action::Up => {
            let messages = Outcome::UpLength as u8..=Outcome::UpTooLong as u8;
            messages.contains(&(outcome as u8))
        }
    }
}
