//! What the control socket asks, answered from the daemon's state.

use std::{net::IpAddr, time::Instant};

use dns_common::{
    decision::{Family, slot},
    outcome::Action,
    tables::Source,
};
use domain::base::Rtype;
use ipnet::IpNet;

use super::{
    Daemon, Xdp,
    reload::in_background,
    requests::{Requests, Stopped},
    view::xdp_status,
};
use crate::{
    config::values::Values,
    control::{
        answered::Answered,
        explained::{ExplainQuery, Explained, Origin, Plane, Steering},
        generations::Generations,
        groups,
        health::Health,
        overridden::Overridden,
        protocol::{AnswerRequest, Failure, Proposed, WhatIfRequest},
        server::Backend,
        stats::Stats,
        status::{self, Inventory, LastReload, Reloaded, Status},
        tunable::Tunable,
    },
    decision_log::query::{self, ExplainedAt, LogRequest, Logged},
    kernel,
    measurement::{
        director::{difference::Difference, states::States, what_if::Supposed},
        overrides::{What, order::Order},
    },
    model::{Groups, Name, Service, Shape},
    queries::{self, TailRequest, Watching},
};

impl Requests {
    /// As [`Requests::ask`], for what cannot fail: a daemon that stops closes
    /// its connections anyway, so then this just waits for that.
    async fn ask_or_wait<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Daemon) -> T + Send + 'static,
    ) -> T {
        match self.ask(question).await {
            Ok(answer) => answer,
            Err(Stopped) => std::future::pending().await,
        }
    }

    /// What is said of a configuration that was taken.
    async fn reloaded(
        &self,
        begun: Instant,
        needs_restart: Vec<String>,
    ) -> Result<Reloaded, Failure> {
        let reloaded = self.ask(move |daemon| Reloaded {
            generation: daemon.generation(),
            took_ms: begun.elapsed().as_secs_f64() * 1e3,
            inventory: daemon.inventory(),
            needs_restart,
            reverted_to: daemon.reverted_to,
        });
        Ok(reloaded.await?)
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        stopped.to_string().into()
    }
}

impl Backend for Requests {
    async fn status(&self) -> Status {
        self.ask_or_wait(|daemon| daemon.status()).await
    }

    async fn states(&self) -> States {
        let states = |daemon: &mut Daemon| daemon.director.states(tokio::time::Instant::now());
        self.ask_or_wait(states).await
    }

    async fn stats(&self) -> Result<Stats, Failure> {
        self.ask(|daemon| daemon.stats()).await?
    }

    async fn health(&self) -> Health {
        self.view().health().await
    }

    async fn groups(&self) -> groups::Groups {
        self.ask_or_wait(|daemon| daemon.groups()).await
    }

    async fn explain(&self, query: ExplainQuery) -> Result<Explained, Failure> {
        self.ask(move |daemon| daemon.explain(&query)).await?
    }

    async fn explain_at(&self, query: ExplainQuery, at: u64) -> Result<ExplainedAt, Failure> {
        let asked = move |daemon: &mut Daemon| {
            let directory = daemon.decision_log.directory().to_owned();
            Ok::<_, Failure>((daemon.explain(&query)?, family_of(query.rtype), directory))
        };
        let (explained, family, directory) = self.ask(asked).await??;
        let Origin::Steered(steering) = explained.origin else {
            let name = explained.name;
            return Err(format!("{name} {} is not steered now", explained.rtype).into());
        };
        let Steering {
            service, decision, ..
        } = *steering;
        let group = explained.group.clone();
        let of = service.clone();
        let reading = move || {
            let then = query::then(&directory, (&of, &group, family), at, &decision);
            then.map_err(Failure::from)
        };
        Ok(ExplainedAt {
            name: explained.name,
            rtype: explained.rtype,
            from: explained.from,
            at_unix_ms: at,
            group: explained.group,
            prefix: explained.prefix,
            service,
            then: in_background(reading).await?,
        })
    }

    async fn answer(&self, request: AnswerRequest) -> Result<Answered, Failure> {
        self.view().answered(&request)
    }

    async fn log(&self, request: LogRequest) -> Result<Logged, Failure> {
        let directory = |daemon: &mut Daemon| daemon.decision_log.directory().to_owned();
        let directory = self.ask(directory).await?;
        in_background(move || request.answer(&directory).map_err(Failure::from)).await
    }

    async fn tail(&self, request: TailRequest) -> Result<Watching, Failure> {
        let watching = move |daemon: &mut Daemon| match &daemon.queries {
            Some(queries) => queries.watch(&request),
            None => Err(queries::off()),
        };
        self.ask(watching).await?
    }

    async fn what_if(&self, request: WhatIfRequest) -> Result<Vec<Supposed>, Failure> {
        self.ask(move |daemon| daemon.what_if(&request)).await?
    }

    async fn tunables(&self) -> Values {
        self.ask_or_wait(|daemon| daemon.config.values.clone())
            .await
    }

    async fn set_tunable(&self, assignment: String) -> Result<Tunable, Failure> {
        let set = move |daemon: &mut Daemon| {
            let key = daemon.set_tunable(&assignment)?;
            Tunable::of(&daemon.config.values, key)
        };
        self.ask(set).await?
    }

    async fn order(&self, order: Order, user: String) -> Result<Overridden, Failure> {
        Requests::order(self, order, user).await?
    }

    async fn differ(&self, proposed: Option<Proposed>) -> Result<Difference, Failure> {
        Requests::differ(self, proposed).await?
    }

    async fn reload(&self, is_forced: bool) -> Result<Reloaded, Failure> {
        let begun = Instant::now();
        let needs_restart = Requests::reload(self, is_forced).await??;
        self.reloaded(begun, needs_restart).await
    }

    async fn revert(&self, generation: u64, is_forced: bool) -> Result<Reloaded, Failure> {
        let begun = Instant::now();
        let needs_restart = Requests::revert(self, generation, is_forced).await??;
        self.reloaded(begun, needs_restart).await
    }

    async fn generations(&self) -> Result<Generations, Failure> {
        let configurations = self.ask(|daemon| daemon.configurations.clone()).await?;
        Ok(configurations.list().await?)
    }

    async fn detach(&self) -> Result<status::Detached, Failure> {
        let detach = |daemon: &mut Daemon| {
            let detached = daemon.detach().map_err(|error| error.to_string())?;
            Ok(status::Detached {
                was_attached: detached == kernel::Detached::Done,
                pin_path: daemon.config.settings.xdp_pin_path.clone(),
            })
        };
        self.ask(detach).await?
    }
}

impl Daemon {
    fn status(&self) -> Status {
        let settings = &self.config.settings;
        let states = self.director.states(tokio::time::Instant::now());
        let freezes = self.director.overrides().iter().cloned();
        let freezes = freezes.filter(|entry| matches!(entry.what, What::Freeze { .. }));
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_ms: self.started.elapsed().as_millis() as u64,
            config_dir: self.directory.clone(),
            generation: self.generation(),
            reverted_to: self.reverted_to,
            inventory: self.inventory(),
            addresses: settings.addresses.clone(),
            port: settings.port,
            workers: self.workers,
            xdp: xdp_status(&self.xdp, settings),
            suspicion: states.suspicion.map(|suspicion| suspicion.reason),
            overrides: states.overrides.len(),
            freezes: freezes.collect(),
            last_reload: self.last_reload.as_ref().map(|reload| LastReload {
                age_ms: reload.at.elapsed().as_millis() as u64,
                errors: reload.errors.clone(),
            }),
        }
    }

    pub(super) fn inventory(&self) -> Inventory {
        self.view.inventory()
    }

    fn stats(&self) -> Result<Stats, Failure> {
        self.show();
        let counts = self.view.kernel_counts()?;
        Ok(self.view.stats(counts.as_ref()))
    }

    fn what_if(&self, request: &WhatIfRequest) -> Result<Vec<Supposed>, Failure> {
        let groups = &self.director.plan().groups;
        let resolver = request
            .from
            .map(|from| (group_of(groups, from).1, slot_of(from)));
        let now = tokio::time::Instant::now();
        let (names, what) = (&request.names, &request.what);
        let supposed = self.director.what_if(names, what, resolver, now);
        supposed.map_err(Failure::Refused)
    }

    fn explain(&self, query: &ExplainQuery) -> Result<Explained, Failure> {
        let live = self.live.load();
        let groups = &live.plan.groups;
        let (prefix, group) = group_of(groups, query.from);
        let preview = self.plane.preview(&query.name, query.rtype, query.from);
        let origin = match steering_service(&live.plan.services, query) {
            Some((service, pool)) => {
                let now = tokio::time::Instant::now();
                let slot = slot_of(query.from);
                let explanation = self
                    .director
                    .explain(pool, group, slot, now)
                    .ok_or_else(|| format!("pool {pool} has no group {group}"))?;
                let family = family_of(query.rtype);
                Origin::Steered(Box::new(Steering {
                    service: name_text(&service.name),
                    customer: service.customer.clone(),
                    pool,
                    decision: explanation.outcome(family).clone(),
                    explanation,
                    nearest: self.director.nearest(pool, (group, slot), family, now),
                    resolved: live.flattened.resolved(service, family, query.from),
                }))
            }
            None => match live.zones.find(&query.name) {
                Some(zone) => Origin::Static {
                    zone: zone.apex().fmt_with_dot().to_string(),
                },
                None => Origin::NotOurs,
            },
        };
        let in_kernel = preview.outcome.action() == Action::Reply
            && matches!(self.xdp, Xdp::On(_))
            && kernel::lost(&self.config.settings.xdp_pin_path).is_none();
        Ok(Explained {
            name: query.name.fmt_with_dot().to_string(),
            rtype: query.rtype.to_string(),
            from: query.from,
            group: groups.names[usize::from(group)].clone(),
            prefix: prefix.map(|prefix| prefix.to_string()),
            demand: self.director.demand_of(group),
            origin,
            plane: if in_kernel {
                Plane::Kernel
            } else {
                Plane::Userspace
            },
            rcode: preview.rcode.to_string(),
            answer: preview.answer.iter().map(ToString::to_string).collect(),
        })
    }
}

/// The slot of the hash space that the resolver at `address` has.
fn slot_of(address: IpAddr) -> u32 {
    slot(Source::from(address.to_canonical()))
}

/// The longest prefix that holds `address`, and the group's number.
fn group_of(groups: &Groups, address: IpAddr) -> (Option<IpNet>, u16) {
    let longest = groups
        .prefixes
        .iter()
        .filter(|(prefix, _)| prefix.contains(&address))
        .max_by_key(|(prefix, _)| prefix.prefix_len());
    longest.map_or((None, 0), |(prefix, group)| (Some(*prefix), *group))
}

/// The service whose decision answers `query`, with its pool's number.
pub(super) fn steering_service<'s>(
    services: &'s [(Service, u16)],
    query: &ExplainQuery,
) -> Option<(&'s Service, u16)> {
    let (service, pool) = services
        .iter()
        .find(|(service, _)| decides_on(service, &query.name))?;
    let steered = matches!(query.rtype, Rtype::A | Rtype::AAAA)
        || service.shape == Shape::Cname
        || service.hands_over_all();
    steered.then_some((service, *pool))
}

/// Whether the decision of `service` answers for `name`.
fn decides_on(service: &Service, name: &Name) -> bool {
    service.name == *name || (service.refers() && name.ends_with(&service.name))
}

/// By whose decision a query of type `rtype` is answered.
fn family_of(rtype: Rtype) -> Family {
    match rtype {
        Rtype::AAAA => Family::V6,
        _ => Family::V4,
    }
}

fn name_text(name: &Name) -> String {
    name.fmt_with_dot().to_string()
}
