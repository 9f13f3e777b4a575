//! What happens: all is well, a server fails and comes back, veerd is killed,
//! and another takes over.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{
    load::{ANSWER, Load, Rate},
    record::{Clock, Event, Record, Run, server_name},
    screen::{Live, Screen},
    stage::{GROUPS, SITES, Stage},
    top::Top,
    watch::{Seen, Watcher},
};
use crate::lab::Daemon;

/// How often anything is looked at.
const TICK: Duration = Duration::from_millis(50);

/// How often veerd is asked how it is.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How long veerd may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The demo under way. Acts are played in the order they are written in.
pub(super) struct Story {
    watchers: Vec<Watcher>,
    load: Option<Load>,
    top: Top,
    daemon: Option<Daemon>,
    stage: Stage,
    scale: f64,
    interrupted: Arc<AtomicBool>,
    clock: Clock,
    screen: Screen,
    live: Live,
    asked: Instant,
    counted: Option<Counted>,
    kernel_answered_before: u64,
    events: Vec<Event>,
    failure: Option<Failure>,
    killing: Option<Run>,
    adoption: Option<Adoption>,
}

/// What came of [`Story::fail_over`].
struct Failure {
    steady: [Option<usize>; GROUPS.len()],
    stopped: usize,
    failover: Duration,
    comeback: Option<Duration>,
    screen: String,
    run: Run,
}

/// What came of [`Story::adopt`].
struct Adoption {
    took: Option<Duration>,
    xdp_state: String,
    run: Run,
}

/// Queries answered, by the count of who answered.
#[derive(Clone, Copy)]
struct Counted {
    kernel: u64,
    userspace: u64,
}

impl Story {
    /// Starts veerd, and a watcher in each group; ready when both are answered.
    pub(super) fn begin(stage: Stage, scale: f64, interrupted: Arc<AtomicBool>) -> Result<Self> {
        let daemon = stage.start_daemon()?;
        let state = xdp_state(&daemon)?;
        if state != "attached" {
            let log = daemon.log();
            bail!(
                "veerd's XDP program is {state}, not attached:\n{}",
                log.trim()
            );
        }
        // Nobody has asked anything yet, and from here on all is counted.
        let before = counted(&daemon)?;
        let watchers = GROUPS.iter().map(|group| Watcher::start(&stage, group));
        let watchers = watchers.collect::<Result<_>>()?;
        let top = Top::start(&stage, &daemon)?;
        let clock = Clock::start();
        let mut story = Self {
            watchers,
            load: None,
            top,
            daemon: Some(daemon),
            stage,
            scale,
            interrupted,
            clock,
            screen: Screen::new(),
            live: Live::default(),
            asked: Instant::now(),
            counted: Some(before),
            kernel_answered_before: before.kernel,
            events: Vec::new(),
            failure: None,
            killing: None,
            adoption: None,
        };
        let deadline = Instant::now() + PATIENCE;
        while (0..GROUPS.len()).any(|group| story.seen(group).servers.is_empty()) {
            if Instant::now() >= deadline {
                bail!("veerd does not answer queries");
            }
            thread::sleep(TICK);
        }
        story.ask_daemon()?;
        story.pass(0.5)?;
        Ok(story)
    }

    /// The server that the first group gets is stopped, and started again.
    pub(super) fn fail_over(&mut self) -> Result<()> {
        self.start_load(13.0)?;
        self.pass(5.0)?;
        let steady = [0, 1].map(|group| self.seen(group).current());
        let Some(server) = steady[0] else {
            bail!("{} is answered with {}", GROUPS[0].name, server_name(None));
        };

        self.event(format!("{} stopped", SITES[server].name));
        let stopped = Instant::now();
        self.stage.stop_server(server)?;
        self.pass(3.5)?;
        let last = (0..GROUPS.len()).filter_map(|group| self.seen(group).last[server]);
        let failover = last
            .map(|last| last.saturating_duration_since(stopped))
            .max()
            .unwrap_or_default();

        let screen = self.top.screen();

        self.event(format!("{} back", SITES[server].name));
        let back = Instant::now();
        self.stage.start_server(server)?;
        self.pass(3.5)?;
        let servers = self.seen(0).servers;
        let first = servers
            .iter()
            .find(|(at, now)| *at > back && *now == Some(server));
        let comeback = first.map(|(at, _)| at.duration_since(back));

        self.failure = Some(Failure {
            steady,
            stopped: server,
            failover,
            comeback,
            screen,
            run: self.finish_load()?,
        });
        Ok(())
    }

    /// veerd is killed without warning.
    pub(super) fn kill_daemon(&mut self) -> Result<()> {
        self.start_load(3.0)?;
        self.pass(1.0)?;
        if let Some(daemon) = self.daemon.take() {
            self.event("veerd killed".to_owned());
            daemon.sigkill()?;
        }
        self.live.forget();
        self.killing = Some(self.finish_load()?);
        Ok(())
    }

    /// Another veerd takes over what the first left in the kernel.
    pub(super) fn adopt(&mut self) -> Result<()> {
        // As long as veerd takes, whatever the scale: the kernel verifies its
        // program meanwhile, on processors that the load keeps busy.
        self.load = Some(Load::start(&self.stage, 2 * PATIENCE)?);
        self.pass(1.0)?;
        self.event("veerd started".to_owned());
        let started = Instant::now();
        let mut daemon = self.stage.launch_daemon()?;
        while !daemon.is_ready()? {
            if started.elapsed() > PATIENCE {
                bail!("veerd does not answer: {}", daemon.log().trim());
            }
            self.tick()?;
        }
        let took = started.elapsed();
        let load_is_over = self.load.as_mut().map(Load::is_over).transpose()?;
        let xdp_state = xdp_state(&daemon)?;
        self.event(format!("program {xdp_state}"));
        self.counted = Some(counted(&daemon)?);
        self.daemon = Some(daemon);
        // What is lost at the switch is known to be before the load ends.
        self.wait(ANSWER + Duration::from_secs(1))?;
        self.load.as_mut().map(Load::interrupt).transpose()?;
        self.adoption = Some(Adoption {
            took: (load_is_over == Some(false)).then_some(took),
            xdp_state,
            run: self.finish_load()?,
        });
        Ok(())
    }

    /// Stops the watchers; returns what was seen and what is still there.
    pub(super) fn end(mut self) -> Result<(Record, Stage, Daemon)> {
        let end = self.clock.now();
        let watchers = mem::take(&mut self.watchers).into_iter();
        let seen = watchers.map(Watcher::finish).collect::<Result<_>>()?;
        self.screen.close();
        let not_played = "an act was not played";
        let daemon = self.daemon.context(not_played)?;
        let failure = self.failure.context(not_played)?;
        let adoption = self.adoption.context(not_played)?;
        let record = Record {
            clock: self.clock,
            end,
            events: self.events,
            steady: failure.steady,
            stopped: failure.stopped,
            failover: failure.failover,
            comeback: failure.comeback,
            adoption: adoption.took,
            xdp_state: adoption.xdp_state,
            screen: failure.screen,
            failing: failure.run,
            killing: self.killing.context(not_played)?,
            adopting: adoption.run,
            seen,
            kernel_answered: counted(&daemon)?
                .kernel
                .saturating_sub(self.kernel_answered_before),
        };
        Ok((record, self.stage, daemon))
    }

    fn start_load(&mut self, seconds: f64) -> Result<()> {
        let length = Duration::from_secs_f64(seconds * self.scale);
        self.load = Some(Load::start(&self.stage, length)?);
        Ok(())
    }

    /// Lets dnsperf come to its end.
    fn finish_load(&mut self) -> Result<Run> {
        loop {
            self.tick()?;
            let load = self.load.as_mut().context("dnsperf was not started")?;
            if load.is_over()? {
                break;
            }
        }
        let load = self.load.take().context("dnsperf was not started")?;
        let rates = load.rates();
        Ok(Run {
            length: load.length(),
            rates,
            totals: load.finish()?,
        })
    }

    /// Lets some time go by, of `seconds` by the usual time.
    fn pass(&mut self, seconds: f64) -> Result<()> {
        self.wait(Duration::from_secs_f64(seconds * self.scale))
    }

    fn wait(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.tick()?;
        }
        Ok(())
    }

    /// Looks at everything, shows it, and waits a moment.
    fn tick(&mut self) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            self.screen.close();
            bail!("interrupted");
        }
        for (number, group) in GROUPS.iter().enumerate() {
            let current = self.seen(number).current();
            if current != self.live.servers[number] {
                self.live.servers[number] = current;
                let text = format!("{} is sent to {}", group.name, server_name(current));
                self.screen.event(self.clock.now(), &text);
            }
        }
        if let Some(load) = &self.load {
            let last = |rates: &Vec<Rate>| rates.last().map(|rate| rate.per_second);
            self.live.rates = load.rates().iter().map(last).collect();
        } else {
            self.live.rates.clear();
        }
        if self.asked.elapsed() >= ASK_EVERY {
            self.asked = Instant::now();
            self.ask_daemon()?;
        }
        let (now, top) = (self.clock.now(), &self.top);
        self.screen.draw(now, &self.live, || top.screen());
        thread::sleep(TICK);
        Ok(())
    }

    fn ask_daemon(&mut self) -> Result<()> {
        let Some(daemon) = &self.daemon else {
            return Ok(());
        };
        self.live.health = Some(health(&daemon.veerctl(&["states"])?)?);
        let now = counted(daemon)?;
        if let Some(before) = self.counted.replace(now) {
            self.live.kernel_share = before.kernel_share(now);
        }
        Ok(())
    }

    fn event(&mut self, text: String) {
        let at = self.clock.now();
        self.screen.event(at, &text);
        self.events.push(Event { at, text });
    }

    fn seen(&self, group: usize) -> Seen {
        self.watchers[group].seen()
    }
}

impl Counted {
    /// Share of the kernel in what was answered from then to `now`.
    fn kernel_share(self, now: Self) -> Option<f64> {
        let kernel = now.kernel.checked_sub(self.kernel)?;
        let userspace = now.userspace.checked_sub(self.userspace)?;
        super::report::share(kernel, kernel + userspace)
    }
}

/// Reads the counters of `veerctl stats`.
fn counted(daemon: &Daemon) -> Result<Counted> {
    let stats = daemon.veerctl(&["stats"])?;
    let count = |pointer: &str| {
        stats
            .pointer(pointer)
            .and_then(Value::as_u64)
            .with_context(|| format!("veerctl stats has no {pointer}: {stats}"))
    };
    Ok(Counted {
        kernel: count("/kernel/answered")?,
        userspace: count("/userspace/udp_queries")? + count("/userspace/tcp_queries")?,
    })
}

/// Reads `attached`, `adopted`, or why there is none, of `veerctl status`.
fn xdp_state(daemon: &Daemon) -> Result<String> {
    let status = daemon.veerctl(&["status"])?;
    let state = status.pointer("/xdp/state").and_then(Value::as_str);
    let state = state.with_context(|| format!("veerctl status has no /xdp/state: {status}"))?;
    Ok(state.to_owned())
}

/// Reads each server's health of `veerctl states`: the worst of its addresses.
fn health(states: &Value) -> Result<[&'static str; SITES.len()]> {
    let targets = states["targets"]
        .as_array()
        .with_context(|| format!("veerctl states has no targets: {states}"))?;
    let is = |target: &Value, site: &str, state: &str| {
        let uses = target["used_by"].as_array();
        let used = uses.is_some_and(|uses| uses.iter().any(|user| user["server"] == site));
        used && target["state"] == state
    };
    Ok(SITES.each_ref().map(|site| {
        let any = |state| targets.iter().any(|target| is(target, site.name, state));
        match () {
            () if any("down") => "down",
            () if any("up") => "up",
            () => "unknown",
        }
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_servers_health_is_that_of_its_worst_address() {
        let target = |server: &str, state: &str| json!({ "state": state, "used_by": [{ "pool": 0, "server": server }] });
        let states = json!({ "targets": [
            target("s1", "up"),
            target("s1", "down"),
            target("s2", "up"),
            target("s2", "up"),
            target("s3", "unknown"),
        ] });
        assert_eq!(health(&states).expect("targets"), ["down", "up", "unknown"]);
    }

    #[test]
    fn the_kernels_share_is_of_what_came_since() {
        let before = Counted {
            kernel: 1000,
            userspace: 500,
        };
        let after = Counted {
            kernel: 1003,
            userspace: 501,
        };
        assert_eq!(before.kernel_share(after), Some(0.75));
        assert_eq!(before.kernel_share(before), None);
        // Of another daemon, whose count began anew.
        assert_eq!(after.kernel_share(before), None);
    }
}
