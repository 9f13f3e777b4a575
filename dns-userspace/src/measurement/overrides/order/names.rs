//! What an operator's names stand for in the plan, and in the overrides so far.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    config::diagnostic::nearest,
    measurement::overrides::{
        AdminState, Override, Overrides, Scope, What,
        what::{is_machine, numbered},
    },
    model::{Name, Plan, Service},
};

impl Overrides {
    /// The services that are meant. One that is gone is known as long as an override
    /// of it is left.
    pub(super) fn scope(
        &self,
        service: Option<&str>,
        customer: Option<&str>,
        plan: &Plan,
    ) -> Result<Scope, String> {
        let scope = match (service, customer) {
            (None, None) => return Ok(Scope::All),
            (None, Some(customer)) => Scope::Customer(customer.to_owned()),
            (Some(service), _) => Scope::Service(name(service)?),
        };
        let is_left = self.iter().any(|known| match &known.what {
            What::State { scope: of, .. } | What::Freeze { scope: of } => *of == scope,
            What::Pin { .. } | What::Withheld { .. } => false,
        });
        let mut services = plan.services.iter().map(|(service, _)| service);
        let found = services.find(|service| scope.holds(service));
        match (&scope, customer, found) {
            (Scope::Service(_), Some(customer), Some(service)) if service.customer != customer => {
                Err(format!(
                    "{scope} is a service of customer {}, not of {}",
                    service.customer,
                    customer.escape_debug()
                ))
            }
            (_, _, Some(_)) => Ok(scope),
            _ if is_left => Ok(scope),
            (Scope::Service(name), ..) => Err(unknown_service(name, plan)),
            _ => {
                let services = plan.services.iter();
                let customers: BTreeSet<&str> = services
                    .map(|(service, _)| service.customer.as_str())
                    .collect();
                let customer = customer.unwrap_or_default();
                Err(format!(
                    "`{}` is not a customer with services; nearest: {}",
                    customer.escape_debug(),
                    nearest(customer, customers)
                ))
            }
        }
    }

    /// The states of `server` that end where it is to be as measured in `scope`.
    pub(super) fn states_to_end(
        &self,
        server: &str,
        scope: &Scope,
        plan: &Plan,
    ) -> Result<Vec<Override>, String> {
        let mut ended = Vec::new();
        for known in self.iter() {
            let Some((of, wider)) = known.what.server() else {
                continue;
            };
            if !of.eq_ignore_ascii_case(server) {
                continue;
            }
            let services = plan.services.iter().map(|(service, _)| service);
            let concerned = services.filter(|service| known.what.concerns(service, &plan.groups));
            let (within, beyond): (Vec<_>, Vec<_>) =
                concerned.partition(|service| scope.holds(service));
            let idle = within.is_empty() && beyond.is_empty();
            if idle && (*scope == Scope::All || scope == wider) || !idle && beyond.is_empty() {
                ended.push(known.clone());
            } else if !within.is_empty() {
                return Err(format!(
                    "there is `{}`, which is about more than {scope}; valid: auto for {wider}, or \
                     another state for {scope}",
                    known.what
                ));
            }
        }
        if ended.is_empty() {
            // A name with a slip in it shall not look like something done.
            servers(server, scope, plan)?;
        }
        Ok(ended)
    }

    pub(super) fn freezes_to_end(&self, scope: &Scope) -> Result<Vec<Override>, String> {
        let freezes = self.iter().filter_map(|known| match &known.what {
            What::Freeze { scope } => Some((known, scope)),
            _ => None,
        });
        let (ended, others): (Vec<_>, Vec<_>) =
            freezes.partition(|(_, of)| *scope == Scope::All || *of == scope);
        if ended.is_empty() && others.iter().any(|(_, of)| **of == Scope::All) {
            return Err(format!(
                "all services are frozen, not those of {scope} alone; valid: thaw for all"
            ));
        }
        Ok(ended.into_iter().map(|(known, _)| known.clone()).collect())
    }

    pub(super) fn pins_to_end(
        &self,
        service: &str,
        group: &str,
        plan: &Plan,
    ) -> Result<Vec<Override>, String> {
        let wanted = name(service)?;
        let ended = self.iter().filter(|known| match &known.what {
            What::Pin {
                service, group: of, ..
            } => *service == wanted && of == group,
            _ => false,
        });
        let ended: Vec<_> = ended.cloned().collect();
        if ended.is_empty() {
            service_of(&wanted, plan)?;
            check_group(group, plan)?;
        }
        Ok(ended)
    }
}

/// The state of `server` in `scope`, where that is one machine.
pub(super) fn state_of(
    server: &str,
    scope: Scope,
    state: AdminState,
    plan: &Plan,
) -> Result<What, String> {
    let found = servers(server, &scope, plan)?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    let (first, _) = found[0];
    for (service, number) in &found {
        let own = || service.pool.addresses(*number);
        let is_first = std::ptr::eq(*service, first);
        if !is_first && !is_machine(service, *number, &addresses) {
            let shown = |addresses: &mut dyn Iterator<Item = IpAddr>| {
                addresses
                    .next()
                    .map_or_else(String::new, |address| format!(" ({address})"))
            };
            return Err(format!(
                "{server} is not one server: that of {}{} and that of {}{} differ; valid: with a \
                 service, or a customer who has one such server",
                first.name.fmt_with_dot(),
                shown(&mut addresses.iter().copied()),
                service.name.fmt_with_dot(),
                shown(&mut own()),
            ));
        }
        addresses.extend(own());
        addresses.sort_unstable();
        addresses.dedup();
    }
    let (service, number) = found[0];
    Ok(What::State {
        server: candidate(service, number),
        scope,
        addresses,
        state,
    })
}

/// Every candidate called `server` in `scope`: at least one.
fn servers<'p>(
    server: &str,
    scope: &Scope,
    plan: &'p Plan,
) -> Result<Vec<(&'p Service, u8)>, String> {
    let services = || {
        let services = plan.services.iter().map(|(service, _)| service);
        services.filter(|service| scope.holds(service))
    };
    let found = services().filter_map(|service| Some((service, numbered(service, server)?)));
    let found: Vec<_> = found.collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names: BTreeSet<&str> = services()
        .flat_map(|service| service.pool.candidates())
        .collect();
    Err(format!(
        "`{}` is not a server of {scope}; nearest: {}",
        server.escape_debug(),
        nearest(server, names)
    ))
}

pub(super) fn pin(service: &str, group: &str, server: &str, plan: &Plan) -> Result<What, String> {
    let service = service_of(&name(service)?, plan)?;
    check_group(group, plan)?;
    let scope = Scope::Service(service.name.clone());
    let (_, number) = servers(server, &scope, plan)?[0];
    Ok(What::Pin {
        service: service.name.clone(),
        group: group.to_owned(),
        server: candidate(service, number),
    })
}

/// Its name, as configured.
fn candidate(service: &Service, number: u8) -> String {
    let mut candidates = service.pool.candidates();
    candidates.nth(number.into()).unwrap_or_default().to_owned()
}

fn service_of<'p>(name: &Name, plan: &'p Plan) -> Result<&'p Service, String> {
    let mut services = plan.services.iter().map(|(service, _)| service);
    let found = services.find(|service| service.name == *name);
    found.ok_or_else(|| unknown_service(name, plan))
}

fn unknown_service(name: &Name, plan: &Plan) -> String {
    let services = plan.services.iter();
    let names: Vec<String> = services
        .map(|(service, _)| service.name.fmt_with_dot().to_string())
        .collect();
    let name = name.fmt_with_dot().to_string();
    let nearest = nearest(&name, names.iter().map(String::as_str));
    format!("{name} is not a service; nearest: {nearest}")
}

fn check_group(group: &str, plan: &Plan) -> Result<(), String> {
    if plan.groups.number(group).is_some() {
        return Ok(());
    }
    let names = plan.groups.names.iter().map(String::as_str);
    Err(format!(
        "`{}` is not a resolver group; nearest: {}",
        group.escape_debug(),
        nearest(group, names)
    ))
}

fn name(text: &str) -> Result<Name, String> {
    Name::bytes_from_str(text)
        .map_err(|error| format!("`{}` is not a domain name: {error}", text.escape_debug()))
}
