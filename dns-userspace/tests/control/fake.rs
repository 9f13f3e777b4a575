//! A daemon that answers by rote, on a socket of its own.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinHandle};
use veer::{
    config::{diagnostic::Diagnostics, source::Source, values::Values},
    control::{
        answered::Answered,
        client::Client,
        explained::{ExplainQuery, Explained, Origin, Plane},
        generations::Generations,
        groups::{GroupStatus, Groups as GroupsShown},
        health::{Check, Health, Subject},
        overridden::Overridden,
        protocol::{AnswerRequest, Failure, Proposed, WhatIfRequest},
        server::{Backend, Listener},
        stats::{LogStats, ProbeStats, PublisherStats, Stats, UserspaceStats},
        status::{Detached, Inventory, Reloaded, Status, Xdp, XdpState},
        tunable::Tunable,
    },
    decision_log::query::{ExplainedAt, LogRequest, Logged, Then},
    flattening::FlatteningCounts,
    measurement::{
        demand::Basis,
        director::{
            Director,
            demand::GroupDemand,
            difference::{Difference, Move, Moved},
            states::States,
            what_if::Supposed,
        },
        metric::Metric,
        overrides::{Overrides, order::Order},
    },
    model::{
        AllDown, Groups, HealthRules, Name, Plan, Policy, Pool, Probe, ProbeKind, Quantity, Server,
        Service, Shape, Unknown,
    },
    queries::{self, TailRequest, Watching},
};

/// What the fake daemon answers with.
pub(crate) struct Fake {
    pub(crate) values: Mutex<Values>,
    /// What a reload finds wrong.
    pub(crate) mistakes: Vec<String>,
    pub(crate) pin_path: PathBuf,
    /// Where the decision log is.
    pub(crate) state: PathBuf,
    /// What orders are checked against.
    pub(crate) plan: Plan,
    /// Why overrides are not kept.
    pub(crate) not_kept: Option<String>,
    /// How long a detach takes.
    pub(crate) detach_takes: Duration,
    /// What is not as it should be.
    pub(crate) ill: Option<Subject>,
}

impl Fake {
    /// A daemon with the tunables in `dir`.
    pub(crate) fn of(dir: &Path) -> Self {
        Self {
            values: Mutex::new(Values::read(
                &Source::on_disk(dir),
                &mut Diagnostics::default(),
            )),
            mistakes: Vec::new(),
            pin_path: "/sys/fs/bpf/veer".into(),
            state: dir.join("state"),
            plan: plan(),
            not_kept: None,
            detach_takes: Duration::ZERO,
            ill: None,
        }
    }

    fn check(&self, subject: Subject) -> Check {
        subject.check(if self.ill == Some(subject) {
            Err("0 of 6 targets".to_owned())
        } else {
            Ok("all is well".to_owned())
        })
    }
}

/// Two services of acme, of which `www.example.` and `shop.example.` share a pool of
/// `s1` and `s2`; groups `default` and `isp-a`.
fn plan() -> Plan {
    let server = |number: u8| Server {
        name: format!("s{number}"),
        v4: vec![[192, 0, 2, number].into()],
        v6: vec![],
        cost: Quantity::default(),
    };
    let pool = Pool {
        servers: vec![server(1), server(2)],
        hand_overs: Vec::new(),
        policy: Policy::least(Metric::ConnectTime, Quantity(0)),
        probes: vec![Probe::new(ProbeKind::Tcp { port: 80 }).into()],
        unknown: Unknown::Last,
        answers: 1,
        ttls: Vec::new(),
        all_down: AllDown::All,
        capacity: None,
        health: HealthRules::default(),
    };
    let service = |name: &str| Service {
        name: Name::bytes_from_str(name).unwrap(),
        customer: "acme".to_owned(),
        ttl_s: 20,
        shape: Shape::Direct,
        pool: pool.clone(),
    };
    let groups = Groups {
        names: ["default", "isp-a"].map(str::to_owned).into(),
        ..Groups::default()
    };
    Plan::new(
        vec![service("www.example."), service("shop.example.")],
        groups,
    )
}

impl Backend for Fake {
    async fn status(&self) -> Status {
        status(&self.pin_path)
    }

    async fn states(&self) -> States {
        States {
            targets: Vec::new(),
            unmeasured: Vec::new(),
            suspicion: None,
            shares: Vec::new(),
            overrides: Vec::new(),
        }
    }

    async fn stats(&self) -> Result<Stats, Failure> {
        Ok(Stats::new(
            None,
            UserspaceStats::default(),
            PublisherStats::default(),
            ProbeStats::default(),
            FlatteningCounts::default(),
            LogStats::default(),
        ))
    }

    async fn health(&self) -> Health {
        Subject::ALL
            .map(|subject| self.check(subject))
            .to_vec()
            .into()
    }

    async fn groups(&self) -> GroupsShown {
        let group = |(group, percent): (&str, f64)| GroupStatus {
            group: group.to_owned(),
            prefixes: 2,
            demand: GroupDemand {
                percent,
                basis: Basis::Counted,
            },
        };
        GroupsShown {
            counted_one_in: 64,
            queries_per_s: Some(1234.5),
            groups: [("default", 10.0), ("isp-a", 90.0)].map(group).into(),
        }
    }

    async fn explain(&self, query: ExplainQuery) -> Result<Explained, Failure> {
        Ok(Explained {
            name: query.name.fmt_with_dot().to_string(),
            rtype: query.rtype.to_string(),
            from: query.from,
            group: "default".to_owned(),
            prefix: None,
            demand: GroupDemand {
                percent: 50.0,
                basis: Basis::Even,
            },
            origin: Origin::NotOurs,
            plane: Plane::Userspace,
            rcode: "REFUSED".to_owned(),
            answer: Vec::new(),
        })
    }

    async fn explain_at(&self, query: ExplainQuery, at: u64) -> Result<ExplainedAt, Failure> {
        Ok(ExplainedAt {
            name: query.name.fmt_with_dot().to_string(),
            rtype: query.rtype.to_string(),
            from: query.from,
            at_unix_ms: at,
            group: "default".to_owned(),
            prefix: None,
            service: "www.example.".to_owned(),
            then: Then::default(),
        })
    }

    async fn answer(&self, request: AnswerRequest) -> Result<Answered, Failure> {
        let mut reply = request.query;
        // A response, REFUSED.
        reply[2] |= 0x80;
        reply[3] |= 5;
        Ok(Answered {
            reply,
            is_truncated: false,
            zone: None,
            steering: None,
        })
    }

    async fn log(&self, request: LogRequest) -> Result<Logged, Failure> {
        request.answer(&self.state).map_err(Failure::from)
    }

    async fn tail(&self, _: TailRequest) -> Result<Watching, Failure> {
        Err(queries::off())
    }

    async fn what_if(&self, request: WhatIfRequest) -> Result<Vec<Supposed>, Failure> {
        let now = tokio::time::Instant::now();
        let director = Director::new(self.plan.clone(), 100, now);
        let resolver = request.from.map(|_| (0, 0));
        let supposed = director.what_if(&request.names, &request.what, resolver, now);
        supposed.map_err(Failure::Refused)
    }

    async fn tunables(&self) -> Values {
        self.values.lock().unwrap().clone()
    }

    async fn set_tunable(&self, assignment: String) -> Result<Tunable, Failure> {
        let mut values = self.values.lock().unwrap();
        let key = values.set(&assignment)?.key;
        Tunable::of(&values, key)
    }

    async fn order(&self, order: Order, user: String) -> Result<Overridden, Failure> {
        let overrides = Overrides::default();
        let applied = overrides.ordered(&order, &user, &self.plan, 1_700_000_000_000)?;
        Ok(Overridden {
            made: applied.made,
            ended: applied.ended,
            services: applied.concerned.len(),
            generation: applied.needs_split.then_some(9),
            not_kept: self.not_kept.clone(),
        })
    }

    async fn differ(&self, _: Option<Proposed>) -> Result<Difference, Failure> {
        if !self.mistakes.is_empty() {
            return Err(Failure::Refused(self.mistakes.clone()));
        }
        Ok(Difference {
            moved_percent: 12.5,
            services: vec![Moved {
                service: "www.example.".to_owned(),
                customer: "acme".to_owned(),
                demand_percent: 50.0,
                moved_percent: 25.0,
                prefixes: 3,
                moves: vec![Move {
                    from: "s1 (192.0.2.1)".to_owned(),
                    to: "s2 (192.0.2.2)".to_owned(),
                    percent: 25.0,
                    groups: vec!["isp-a".to_owned()],
                }],
            }],
            added: Vec::new(),
            removed: Vec::new(),
            levels: Vec::new(),
        })
    }

    async fn reload(&self, _: bool) -> Result<Reloaded, Failure> {
        if !self.mistakes.is_empty() {
            return Err(Failure::Refused(self.mistakes.clone()));
        }
        Ok(Reloaded {
            generation: 8,
            took_ms: 12.5,
            inventory: Inventory::default(),
            needs_restart: vec!["server.port".to_owned()],
            reverted_to: None,
        })
    }

    async fn revert(&self, generation: u64, is_forced: bool) -> Result<Reloaded, Failure> {
        let reloaded = self.reload(is_forced).await?;
        Ok(Reloaded {
            reverted_to: Some(generation),
            ..reloaded
        })
    }

    async fn generations(&self) -> Result<Generations, Failure> {
        Ok(Generations::default())
    }

    async fn detach(&self) -> Result<Detached, Failure> {
        tokio::time::sleep(self.detach_takes).await;
        Ok(Detached {
            was_attached: true,
            pin_path: self.pin_path.clone(),
        })
    }
}

/// A status with a pin path.
pub(crate) fn status(pin_path: &Path) -> Status {
    Status {
        version: "0.1.0".to_owned(),
        pid: 4242,
        uptime_ms: 61_000,
        config_dir: "/etc/veer".into(),
        generation: 7,
        reverted_to: None,
        inventory: Inventory {
            zones: 1,
            names: 9,
            services: 2,
            pools: 1,
            groups: 3,
            prefixes: 4,
        },
        addresses: vec!["192.0.2.53".parse().unwrap()],
        port: 53,
        workers: 2,
        xdp: Xdp {
            state: XdpState::Attached,
            interface: Some("eth0".to_owned()),
            mode: Some("native".to_owned()),
            pin_path: pin_path.to_owned(),
            reason: "attached by a new link".to_owned(),
        },
        suspicion: None,
        freezes: Vec::new(),
        overrides: 0,
        last_reload: None,
    }
}

/// A directory with a configuration, and maybe a daemon on its socket.
pub(crate) struct Host {
    pub(crate) dir: TempDir,
    runtime: Runtime,
    daemon: Option<JoinHandle<Infallible>>,
}

impl Host {
    /// No daemon; `veer.conf` names the socket and holds `more`.
    pub(crate) fn without_daemon(more: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let conf = format!(
            "server.addresses = 192.0.2.53\ncontrol.socket = {}\nxdp.pin_path = {}\n{more}",
            dir.path().join("run/veerd.sock").display(),
            dir.path().join("no-pins").display(),
        );
        std::fs::write(dir.path().join("veer.conf"), conf).unwrap();
        Self {
            dir,
            runtime: Runtime::new().unwrap(),
            daemon: None,
        }
    }

    /// A daemon that answers as `change` has it.
    pub(crate) fn with_daemon(change: impl FnOnce(&mut Fake)) -> Self {
        let mut host = Self::without_daemon("");
        let mut fake = Fake::of(host.dir.path());
        change(&mut fake);
        let guard = host.runtime.enter();
        let listener = Listener::bind(&host.socket()).unwrap();
        drop(guard);
        host.daemon = Some(host.runtime.spawn(listener.serve(Arc::new(fake))));
        host
    }

    /// A file in the configuration's directory.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("run/veerd.sock")
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.socket(), Duration::from_secs(10)).unwrap()
    }

    /// Ends the daemon in good order.
    pub(crate) fn stop_daemon(&mut self) {
        let daemon = self.daemon.take().unwrap();
        daemon.abort();
        let _ = self.runtime.block_on(daemon);
    }

    /// Runs code that needs the runtime around it.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let _guard = self.runtime.enter();
        work()
    }

    /// Runs `veerctl --config` with this host's directory and `arguments`.
    pub(crate) fn veerctl(&self, arguments: &[&str]) -> Ran {
        veerctl(self.dir.path(), arguments)
    }
}

/// Runs `veerctl --config` with `config` and `arguments`.
pub(crate) fn veerctl(config: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_veerctl"))
        .arg("--config")
        .arg(config)
        .args(arguments)
        .output()
        .unwrap();
    Ran::from(output)
}

/// What a run of `veerctl` left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
