//! Reading the configuration anew, under load.

use std::{collections::HashMap, mem, panic::resume_unwind, pin::pin, sync::Arc, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::{debug, error, info, warn};

use super::{
    Daemon, DaemonError, TEND_EVERY, day,
    generation::{self, Built},
    load::{self, Loaded},
    phases::Phases,
    start::warn_of_repeated,
};
use crate::{
    authority::zones::Zones,
    config::{Config, settings::Settings, source::Source},
    control::{generations::By, protocol::Proposed},
    kernel::Kernel,
    measurement::{
        director::{Director, difference::Difference, history::Cause},
        probe::NetworkProber,
        publish::keep_group_numbers,
        sample::Sample,
        schedule::Target,
    },
    model::{Plan, Service},
};

/// How a reload ended, and when.
#[derive(Clone, Debug)]
pub(crate) struct LastReload {
    /// When it ended.
    pub at: Instant,
    /// What was wrong, one line each; empty if it was taken.
    pub errors: Vec<String>,
}

impl Daemon {
    /// Reads the configuration anew. On an error nothing changes, nor, unless it
    /// `is_forced`, where it would move more of the demand than may be.
    pub(super) async fn reload(
        &mut self,
        is_forced: bool,
    ) -> Result<Vec<&'static str>, DaemonError> {
        self.supervisor.reloading();
        let source = Source::on_disk(&self.directory);
        let result = self.take(source, By::Reload, is_forced).await;
        self.supervisor.ready();
        self.last_reload = Some(LastReload {
            at: Instant::now(),
            errors: result.as_ref().err().map_or(Vec::new(), DaemonError::lines),
        });
        match &result {
            Ok(_) => info!(generation = self.generation(), "configuration reloaded"),
            Err(error) => error!("configuration not reloaded, nothing changed:\n{error}"),
        }
        result
    }

    /// What a reload would change, with a `proposed` file in its place, as far as that is
    /// known before anything new is probed.
    pub(super) async fn differ(
        &mut self,
        proposed: Option<Proposed>,
    ) -> Result<Difference, DaemonError> {
        let source = Source::on_disk(&self.directory);
        let source = match proposed {
            Some(file) => source.with(file.path, file.text),
            None => source,
        };
        let (Loaded { config, plan, .. }, _) = self.read(source).await?;
        let percent = config.settings.health_suspect_percent;
        self.difference(plan, percent).await
    }

    /// What of all decisions `plan` would change, if nothing new were probed.
    async fn difference(
        &mut self,
        plan: Plan,
        suspect_percent: u8,
    ) -> Result<Difference, DaemonError> {
        let mut next = self.successor(plan, suspect_percent);
        next.carry_over(&self.director, Instant::now());
        next.override_with(self.director.overrides().clone(), Instant::now());
        let counts = self.kernel.as_ref().map(Kernel::counts).transpose()?;
        let counts = counts.into_iter().flat_map(|counts| counts.services);
        let counts: HashMap<String, u64> = counts.collect();
        let current = self.director.clone();
        let comparing = in_background(move || {
            let queries = |service: &Service| {
                let name = service.name.fmt_with_dot().to_string();
                counts.get(&name).copied().unwrap_or(0)
            };
            current.difference(&next, queries)
        });
        Ok(self.observe_until(comparing).await.0)
    }

    /// What the configuration of `source` says, with groups numbered as they are.
    async fn read(&mut self, source: Source) -> Result<(Loaded, Source), DaemonError> {
        let loading = in_background(move || (load::load(&source), source));
        let ((loaded, source), _) = self.observe_until(loading).await;
        let mut loaded = loaded?;
        let groups = &self.director.plan().groups;
        loaded.plan.groups = keep_group_numbers(&loaded.plan.groups, groups);
        Ok((loaded, source))
    }

    /// A director of `plan` that knows nothing yet.
    fn successor(&self, plan: Plan, suspect_percent: u8) -> Director {
        let overrides = self.director.overrides();
        let plan = Director::kept_apart(plan, overrides, Some(&self.director));
        Director::new(plan, suspect_percent, Instant::now())
    }

    /// Takes the configuration of `source`, unless that fails, or moves too much and is not
    /// forced; the keys that wait for a restart. The running director goes on deciding all
    /// the while: no death waits for this.
    pub(super) async fn take(
        &mut self,
        source: Source,
        by: By,
        is_forced: bool,
    ) -> Result<Vec<&'static str>, DaemonError> {
        let (loaded, source) = self.read(source).await?;
        warn_of_repeated(&loaded.config.values);
        let Loaded {
            mut config,
            zones,
            plan,
            mut phases,
        } = loaded;
        let percent = config.settings.health_suspect_percent;
        let max = self.config.settings.load_max_moved_percent;
        if max < 100 && !is_forced {
            let Difference { moved_percent, .. } = self.difference(plan.clone(), percent).await?;
            if moved_percent > f64::from(max) {
                return Err(DaemonError::Moves { moved_percent, max });
            }
            phases.end("comparison");
        }
        let mut values = self.config.values.clone();
        let needs_restart = values.reload(&config.values);
        for key in &needs_restart {
            warn!(key, "changed in the configuration; takes effect at restart");
        }
        config.settings = Settings::new(&values);
        config.values = values;

        let mut director = self.successor(plan, config.settings.health_suspect_percent);
        let prober = Arc::new(NetworkProber::new());
        let samples = self
            .measure_new(&director, &prober, config.settings.health_first_round)
            .await;
        // Only now, with all that was learnt meanwhile.
        director.carry_over(&self.director, Instant::now());
        director.observe_first_round(&samples);
        // Rules may have held back others since.
        let overrides = self.director.overrides().clone();
        director.override_with(overrides, Instant::now());
        phases.end("first round");
        let cause = Cause::Configuration;
        self.bring_into_use(director, zones, config, prober, cause, phases)
            .await?;
        self.record(&samples);
        self.taken(by, source);
        day::warn_of_levels(&self.director);
        Ok(needs_restart)
    }

    /// Builds a generation of what `director` has decided, and lets it take the place
    /// of the running one, with what it was made of, for `cause`.
    pub(super) async fn bring_into_use(
        &mut self,
        director: Director,
        zones: Zones,
        config: Config,
        prober: Arc<NetworkProber>,
        cause: Cause,
        mut phases: Phases,
    ) -> Result<(), DaemonError> {
        let mut counters = self.counters.clone();
        generation::name_counters(&mut counters, director.plan());
        let settings = config.settings.clone();
        let secrets = config.secrets.unwrap_or(self.own_secrets);
        let (publisher, current) = (Arc::clone(&self.publisher), self.live.load_full());
        let building = in_background(move || {
            let built = generation::build(
                &publisher, &current, &director, zones, &settings, secrets, &counters,
            );
            (built, director, counters)
        });
        let ((built, director, counters), meanwhile) = self.observe_until(building).await;
        let Built {
            image,
            resolvers,
            live,
        } = built?;
        phases.end("compile");
        let next = Arc::clone(&live);
        let previous = self.live.load_full();
        self.publisher.generation(image, resolvers, live)?;
        previous.flattened.retire(&next.flattened);
        phases.end("publish");
        debug!("a new generation: {phases}");
        // The generation is current: from here on nothing may fail.
        if let Some(kernel) = &mut self.kernel
            && let Err(error) =
                kernel.name_counters(counters.clone(), director.plan().groups.names.clone())
        {
            error!("a later daemon will not know the counters of new services: {error}");
        }
        if let Some(queries) = &self.queries {
            queries.name(&counters, director.plan());
        }
        self.counters = counters;
        self.config = config;
        (self.schedule, self.samples) = generation::schedule_on(&director, &self.director, &prober);
        let previous = mem::replace(&mut self.director, director);
        let begun = self
            .director
            .begin_history(Some(&previous), &cause, Instant::now());
        self.decision_log.note(begun);
        for sample in &meanwhile {
            let changes = self.director.observe_of(&previous, sample);
            self.publish_words(&changes);
            self.withhold();
        }
        self.tell_time();
        self.prober = prober;
        self.apply_at_once();
        Ok(())
    }

    /// Probes once, for no longer than `longest`, what `next` has and the running
    /// director knows nothing of.
    async fn measure_new(
        &mut self,
        next: &Director,
        prober: &Arc<NetworkProber>,
        longest: Duration,
    ) -> Vec<Sample> {
        let is_new = |target: &&Target| self.director.last_sample(target).is_none();
        let new = next.targets().iter().filter(is_new).cloned().collect();
        let round = generation::first_samples(new, prober, longest);
        self.observe_until(round).await.0
    }

    /// Has the running director decide until `work` is done, by samples and the time of day;
    /// what that gives, and the samples until then.
    pub(super) async fn observe_until<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> (T, Vec<Sample>) {
        let mut work = pin!(work);
        let mut samples = Vec::new();
        let mut second = interval(TEND_EVERY);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                Some(sample) = self.samples.recv() => {
                    self.observe(&sample);
                    samples.push(sample);
                }
                _ = second.tick() => {
                    self.tell_time();
                    self.vouch();
                    self.show();
                }
            }
        };
        // Those that wait in the channel would be lost with it.
        while let Ok(sample) = self.samples.try_recv() {
            self.observe(&sample);
            samples.push(sample);
        }
        (done, samples)
    }
}

/// Does what takes long in a thread of its own: this one probes.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}
