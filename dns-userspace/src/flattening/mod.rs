//! Hand-over by addresses: a name of another DNS is resolved here, for the resolver's
//! network, and its addresses are told at a name of ours.
//!
//! A question goes this way: [`subnet`] says what the other DNS is told of the client,
//! the [`cache`] what is known already, [`step`] what is done; where the name has to be
//! asked for, the [`engine`] has [`asking`] do so, each question once, by way of [`upstream`], and
//! [`reply`] says what of the replies is believed. [`target`] keeps what is known of
//! asking for one name, [`resolv_conf`] who is asked where nobody is configured.

mod asking;
mod cache;
mod engine;
mod reply;
mod resolv_conf;
mod step;
pub(crate) mod subnet;
mod target;
#[cfg(test)]
mod testing;
mod upstream;

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use dns_common::decision::{CANDIDATES_MAX, Family};
use tokio::runtime::Handle;
use tracing::warn;

use crate::{
    clock::Clock,
    model::{Name, NameMap, Plan, Service},
};
use engine::Engine;
pub(crate) use engine::Got;
pub use engine::{FlatteningCounts, Resolved};
pub(crate) use target::Target;

/// The services of one generation with such hand-overs, and what is known for them,
/// which outlives it.
#[derive(Debug, Default)]
pub struct Flattened {
    engine: Option<Arc<Engine>>,
    services: NameMap<OfService>,
}

/// Those of one service.
#[derive(Debug)]
pub(crate) struct OfService {
    /// The service's position in the plan.
    pub(crate) position: usize,
    /// By candidate number.
    targets: [Option<Arc<Target>>; CANDIDATES_MAX],
}

impl OfService {
    /// What is resolved for candidate `number`, if that hands over so.
    pub(crate) fn target(&self, number: u8) -> Option<&Arc<Target>> {
        self.targets.get(usize::from(number))?.as_ref()
    }
}

impl Flattened {
    /// No service yet; what is asked of others is asked on `runtime`.
    pub fn start(runtime: Handle, clock: Arc<dyn Clock>) -> Self {
        Self {
            engine: Some(Arc::new(Engine::new(runtime, clock))),
            services: NameMap::default(),
        }
    }

    /// That of the services of `plan`; `is_own` says where we answer ourselves, which is
    /// not asked even where the host would be.
    #[must_use]
    pub fn next(&self, plan: &Plan, is_own: impl Fn(&SocketAddr) -> bool) -> Self {
        let Some(engine) = &self.engine else {
            return Self::default();
        };
        let mut host = None;
        let mut host = || {
            let resolvers = host.get_or_insert_with(|| of_host(&is_own));
            resolvers.clone()
        };
        let mut known = self.targets();
        let mut services = NameMap::default();
        for (position, (service, _)) in plan.services.iter().enumerate() {
            let target = |number| {
                let flattening = service.pool.hand_over(number as u8)?.flattening()?;
                let resolvers = match flattening.resolvers.as_slice() {
                    [] => host(),
                    named => named.to_vec(),
                };
                let key = (flattening.name.clone(), resolvers);
                let target = known
                    .entry(key)
                    .or_insert_with_key(|(name, resolvers)| engine.target(name, resolvers));
                Some(Arc::clone(target))
            };
            let of = OfService {
                position,
                targets: std::array::from_fn(target),
            };
            if of.targets.iter().any(Option::is_some) {
                services.insert(service.name.clone(), of);
            }
        }
        Self {
            engine: Some(Arc::clone(engine)),
            services,
        }
    }

    /// Tells those that `next` has no more that nobody will ask for them.
    pub fn retire(&self, next: &Self) {
        let kept = next.targets();
        for (key, target) in self.targets() {
            if !kept.contains_key(&key) {
                target.retire();
            }
        }
    }

    /// Those of the service called `name`, if it has any.
    pub(crate) fn of(&self, name: &Name) -> Option<&OfService> {
        self.services.get(name)
    }

    /// What `target` has for `source`, who asked with a SOURCE PREFIX-LENGTH of `asked`
    /// if with any.
    pub(crate) fn get(
        &self,
        target: &Arc<Target>,
        family: Family,
        (source, asked): (IpAddr, Option<u8>),
        may_wait: bool,
    ) -> Got {
        match &self.engine {
            Some(engine) => engine.get(target, family, subnet::told(source, asked), may_wait),
            None => Got::Nothing,
        }
    }

    /// What was resolved last for `source` by each hand-over of `service` that is
    /// resolved here.
    pub fn resolved(&self, service: &Service, family: Family, source: IpAddr) -> Vec<Resolved> {
        let (Some(of), Some(engine)) = (self.of(&service.name), &self.engine) else {
            return Vec::new();
        };
        let network = subnet::told(source, None);
        let resolved = (0..)
            .zip(service.pool.candidates())
            .filter_map(|(number, name)| {
                let target = of.target(number)?;
                Some(engine.resolved(name, target, family, network))
            });
        resolved.collect()
    }

    /// What has been counted since start.
    pub fn counts(&self) -> FlatteningCounts {
        let Some(engine) = &self.engine else {
            return FlatteningCounts::default();
        };
        let counters = &engine.counters;
        FlatteningCounts {
            asked: counters.asked.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            stale: counters.stale.load(Relaxed),
        }
    }

    /// Every one, by name and resolvers.
    fn targets(&self) -> HashMap<(Name, Vec<SocketAddr>), Arc<Target>> {
        let targets = self.services.values().flat_map(|of| of.targets.iter());
        let keyed = targets.flatten().map(|target| {
            let key = (target.name.clone(), target.resolvers.addresses.clone());
            (key, Arc::clone(target))
        });
        keyed.collect()
    }
}

/// The host's resolvers but for those that are `own`.
fn of_host(is_own: impl Fn(&SocketAddr) -> bool) -> Vec<SocketAddr> {
    let text = fs::read_to_string(resolv_conf::PATH).unwrap_or_else(|error| {
        warn!("{}: {error}", resolv_conf::PATH);
        String::new()
    });
    let (own, others): (Vec<_>, _) = resolv_conf::resolvers(&text)
        .into_iter()
        .partition(|resolver| is_own(resolver));
    if !own.is_empty() {
        warn!(
            "{} names {own:?}, where we answer ourselves; it is not asked for hand-overs",
            resolv_conf::PATH
        );
    }
    others
}
