//! Reading the configuration anew, under load.

use std::{mem, panic::resume_unwind, pin::pin, sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::Instant};
use tracing::{debug, error, info, warn};

use super::{
    Daemon, DaemonError,
    generation::{self, Built},
    load::{self, Loaded},
    phases::Phases,
};
use crate::{
    authority::zones::Zones,
    config::{Config, settings::Settings},
    measurement::{
        director::Director, probe::NetworkProber, publish::keep_group_numbers, sample::Sample,
        schedule::Target,
    },
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
    /// Reads the configuration anew. On an error nothing changes.
    pub(super) async fn reload(&mut self) -> Result<Vec<&'static str>, DaemonError> {
        let result = self.try_reload().await;
        self.last_reload = Some(LastReload {
            at: Instant::now(),
            errors: result.as_ref().err().map_or(Vec::new(), DaemonError::lines),
        });
        match &result {
            Ok(_) => info!(
                generation = self.live.load().number,
                "configuration reloaded"
            ),
            Err(error) => error!("configuration not reloaded, nothing changed:\n{error}"),
        }
        result
    }

    /// The running director goes on deciding all the while: no death waits for this.
    async fn try_reload(&mut self) -> Result<Vec<&'static str>, DaemonError> {
        let directory = self.directory.clone();
        let loading = in_background(move || load::load(&directory));
        let (loaded, _) = self.observe_until(loading).await;
        let Loaded {
            mut config,
            zones,
            mut plan,
            mut phases,
        } = loaded?;
        plan.groups = keep_group_numbers(&plan.groups, &self.director.plan().groups);
        let mut values = self.config.values.clone();
        let needs_restart = values.reload(&config.values);
        for key in &needs_restart {
            warn!(key, "changed in the configuration; takes effect at restart");
        }
        config.settings = Settings::new(&values);
        config.values = values;

        let overrides = self.director.overrides().clone();
        let plan = Director::kept_apart(plan, &overrides, Some(&self.director));
        let percent = config.settings.health_suspect_percent;
        let mut director = Director::new(plan, percent, Instant::now());
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
        self.bring_into_use(director, zones, config, prober, phases)
            .await?;
        Ok(needs_restart)
    }

    /// Builds a generation of what `director` has decided, and lets it take the place
    /// of the running one, with what it was made of.
    pub(super) async fn bring_into_use(
        &mut self,
        director: Director,
        zones: Zones,
        config: Config,
        prober: Arc<NetworkProber>,
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
        self.publisher.generation(image, resolvers, live)?;
        phases.end("publish");
        debug!("a new generation: {phases}");
        // The generation is current: from here on nothing may fail.
        if let Some(kernel) = &mut self.kernel
            && let Err(error) = kernel.name_services(counters.clone())
        {
            error!("a later daemon will not know the counters of new services: {error}");
        }
        self.counters = counters;
        self.config = config;
        (self.schedule, self.samples) = generation::schedule_on(&director, &self.director, &prober);
        let previous = mem::replace(&mut self.director, director);
        for sample in &meanwhile {
            let changes = self.director.observe_of(&previous, sample);
            self.publish_words(changes);
            self.withhold();
        }
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

    /// Has the running director decide until `work` is done; what that gives, and the
    /// samples until then.
    pub(super) async fn observe_until<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> (T, Vec<Sample>) {
        let mut work = pin!(work);
        let mut samples = Vec::new();
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                Some(sample) = self.samples.recv() => {
                    self.observe(&sample);
                    samples.push(sample);
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
