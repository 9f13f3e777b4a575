//! Orders of operators: from the control socket into the tables, and to their end.

use std::{mem, sync::Arc};

use dns_common::decision::Family;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{Daemon, DaemonError, phases::Phases, reload::in_background};
use crate::{
    clock,
    control::{generations::By, overridden::Overridden, protocol::Failure},
    measurement::{
        director::{Director, history::Cause, overriding::Stranded},
        overrides::{Override, Overrides, order::Order},
    },
};

impl Daemon {
    /// Follows `order` of `user`; a refused one changes nothing.
    pub(super) async fn order(
        &mut self,
        order: Order,
        user: String,
    ) -> Result<Overridden, Failure> {
        let (overrides, plan) = (self.director.overrides().clone(), self.director.plan());
        let (plan, force) = (Arc::clone(plan), order.force);
        // Looking for what was meant among many services takes its time.
        let applying =
            in_background(move || overrides.ordered(&order, &user, &plan, clock::unix_ms()));
        let applied = self.observe_until(applying).await.0?;
        // Rules may have held back others since.
        let overrides = self.director.overrides();
        let overrides = overrides.followed(applied.made.as_ref(), &applied.ended);
        let mut overridden = Overridden {
            made: applied.made,
            ended: applied.ended,
            services: applied.concerned.len(),
            generation: None,
            not_kept: None,
        };
        if overridden.made.is_none() && overridden.ended.is_empty() {
            return Ok(overridden);
        }
        if !force {
            let stranded = self.director.stranded(&overrides, &applied.concerned);
            if let Some(refusal) = refusal(&stranded) {
                return Err(refusal.into());
            }
        }
        if applied.needs_split {
            let split = self.split(overrides).await;
            split.map_err(|error| Failure::Refused(error.lines()))?;
            overridden.generation = Some(self.generation());
            self.made_again(By::Override);
        } else {
            self.override_with(overrides);
        }
        Self::log_order(&overridden);
        overridden.not_kept = self.keep_overrides().await.err();
        Ok(overridden)
    }

    /// Ends the overrides whose time is over, and keeps what is new.
    pub(super) async fn tend_overrides(&mut self) {
        let now = clock::unix_ms();
        if self.director.overrides().has_expired(now) {
            let mut overrides = self.director.overrides().clone();
            let expired = overrides.expire(now);
            // Services that share a pool share their overrides, to the end.
            self.override_with(overrides);
            for Override { what, user, .. } in expired {
                info!(user, "override ended, its time is over: {what}");
            }
            self.to_keep = true;
        }
        if mem::take(&mut self.to_keep) {
            // Logged by itself.
            let _ = self.keep_overrides().await;
        }
    }

    /// Holds back what the director says that rules hold back.
    pub(super) fn withhold(&mut self) {
        let withheld = self.director.take_withheld();
        if withheld.is_empty() {
            return;
        }
        let mut overrides = self.director.overrides().clone();
        for withheld in withheld {
            warn!("{}", withheld.what);
            overrides.withhold(withheld, clock::unix_ms());
        }
        self.override_with(overrides);
        self.to_keep = true;
    }

    fn override_with(&mut self, overrides: Overrides) {
        let changes = self.director.override_with(overrides, Instant::now());
        self.publish_words(&changes);
    }

    /// Makes `overrides` hold in a generation of tables in which services they tell
    /// apart share no pool.
    async fn split(&mut self, overrides: Overrides) -> Result<(), DaemonError> {
        let mut phases = Phases::start();
        let plan = (**self.director.plan()).clone();
        let plan = Director::kept_apart(plan, &overrides, Some(&self.director));
        let percent = self.config.settings.health_suspect_percent;
        let mut director = Director::new(plan, percent, Instant::now());
        director.carry_over(&self.director, Instant::now());
        let cause = Cause::of_overrides(self.director.overrides(), &overrides);
        director.override_with(overrides, Instant::now());
        phases.end("decisions");
        let live = self.live.load_full();
        let cloning = in_background(move || live.zones.clone());
        let zones = self.observe_until(cloning).await.0;
        let (config, prober) = (self.config.clone(), Arc::clone(&self.prober));
        self.bring_into_use(director, zones, config, prober, cause, phases)
            .await
    }

    /// Has the next daemon know the overrides; logs why it will not.
    async fn keep_overrides(&mut self) -> Result<(), String> {
        let (kept, overrides) = (self.kept.clone(), self.director.overrides().clone());
        let keeping = in_background(move || kept.keep(&overrides));
        let result = self.observe_until(keeping).await.0;
        if let Err(error) = &result {
            error!("overrides hold until veerd ends, and no longer: {error}");
        }
        result
    }

    fn log_order(overridden: &Overridden) {
        let services = overridden.services;
        if let Some(Override {
            what,
            user,
            reason,
            until_unix_ms,
            ..
        }) = &overridden.made
        {
            info!(user, services, reason, until_unix_ms, "override: {what}");
        } else {
            for Override { what, .. } in &overridden.ended {
                info!(services, "override ended: {what}");
            }
        }
    }
}

/// Why an order that leaves services `stranded` is not followed; `None` if it leaves
/// none.
fn refusal(stranded: &[Stranded<'_>]) -> Option<String> {
    let (first, others) = stranded.split_first()?;
    let families: Vec<&str> = first
        .families
        .iter()
        .map(|family| match family {
            Family::V4 => "A",
            Family::V6 => "AAAA",
        })
        .collect();
    let more = match others.len() {
        0 => String::new(),
        1 => ", nor has 1 other service".to_owned(),
        count => format!(", nor have {count} other services"),
    };
    Some(format!(
        "{} would have no usable server left for {}{more}; --force does it all the same: a drained \
         server is then used until there is another, else all_down decides",
        first.service.name.fmt_with_dot(),
        families.join(" and "),
    ))
}
