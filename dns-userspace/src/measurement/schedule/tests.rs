use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use tokio::time::sleep;

use super::*;
use crate::{
    measurement::metric::Metric,
    model::{
        AllDown, Groups, HealthRules, Plan, Policy, Pool, Probe, ProbeKind, Quantity, Server,
        Unknown,
    },
};

fn probe(port: u16, interval_ms: u64) -> Probe {
    Probe {
        interval: Duration::from_millis(interval_ms),
        timeout: Duration::from_millis(interval_ms / 2),
        up_after: 1,
        down_after: 1,
        ..Probe::new(ProbeKind::Tcp { port })
    }
}

fn pool(addresses: &[&str], probe: Probe) -> Pool {
    let server = |address: &&str| Server {
        name: address.replace('.', "-"),
        v4: vec![address.parse().unwrap()],
        v6: vec![],
        cost: Quantity::default(),
    };
    Pool {
        servers: addresses.iter().map(server).collect(),
        hand_overs: Vec::new(),
        policy: Policy::least(Metric::ConnectTime, Quantity::default()),
        probes: vec![probe.into()],
        unknown: Unknown::Last,
        answers: 1,
        ttls: Vec::new(),
        all_down: AllDown::All,
        capacity: None,
        health: HealthRules::default(),
    }
}

fn targets(pools: Vec<Pool>) -> Targets {
    Targets::new(&Plan {
        pools,
        services: vec![],
        groups: Groups::default(),
    })
}

/// Takes `delay` for every probe and passes with that latency.
struct Slow {
    delay: Duration,
    probes: AtomicU32,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl Slow {
    fn new(delay_ms: u64) -> Arc<Self> {
        Arc::new(Self {
            delay: Duration::from_millis(delay_ms),
            probes: AtomicU32::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        })
    }
}

impl Prober for Slow {
    async fn probe(&self, _: &Target) -> Verdict {
        self.probes.fetch_add(1, Ordering::Relaxed);
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::Relaxed);
        sleep(self.delay).await;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        Verdict::timed(Metric::ConnectTime, self.delay)
    }
}

/// Each target, with nothing due.
fn fresh(targets: &Targets) -> impl Iterator<Item = (Target, Option<Instant>)> {
    targets.iter().map(|target| (target.clone(), None))
}

/// Milliseconds from `start` at which each target's samples came.
async fn arrivals(targets: &Targets, prober: &Arc<Slow>, until: Duration) -> Vec<(TargetId, u128)> {
    let (sender, mut receiver) = mpsc::channel(64);
    let start = Instant::now();
    let schedule = Schedule::start(fresh(targets), prober, &sender);
    let mut seen = Vec::new();
    while let Ok(Some(sample)) = tokio::time::timeout_at(start + until, receiver.recv()).await {
        seen.push((sample.target, (sample.at - start).as_millis()));
    }
    drop(schedule);
    seen
}

#[test]
fn an_address_shared_by_pools_is_one_target_per_probe() {
    let targets = targets(vec![
        pool(&["192.0.2.1", "192.0.2.2"], probe(80, 1000)),
        pool(&["192.0.2.2", "192.0.2.3"], probe(80, 1000)),
        pool(&["192.0.2.2"], probe(443, 1000)),
    ]);
    let seen: Vec<(IpAddr, u32)> = targets.iter().map(|t| (t.address, t.id.0)).collect();
    let two: IpAddr = "192.0.2.2".parse().unwrap();
    assert_eq!(seen.len(), 4);
    assert_eq!(
        seen.iter().filter(|(address, _)| *address == two).count(),
        2
    );
    assert!(seen.iter().map(|(_, id)| *id).eq(0..4));
    assert_eq!(
        targets.id(two, &Arc::new(probe(443, 1000))),
        Some(TargetId(3))
    );
    assert_eq!(targets.id(two, &Arc::new(probe(8080, 1000))), None);
}

#[tokio::test(start_paused = true)]
async fn probes_are_spread_over_the_interval_and_do_not_drift() {
    let four = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    let targets = targets(vec![pool(&four, probe(80, 1000))]);
    let seen = arrivals(&targets, &Slow::new(30), Duration::from_millis(2900)).await;
    let expected: Vec<(TargetId, u128)> = (0..3_u32)
        .flat_map(|round| (0..4_u32).map(move |n| (TargetId(n), round, n)))
        .map(|(id, round, n)| (id, u128::from(round * 1000 + n * 250 + 30)))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_due_begins_then_or_at_once_and_the_others_are_spread() {
    let four = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    let targets = targets(vec![pool(&four, probe(80, 1000))]);
    sleep(Duration::from_secs(5)).await;
    let now = Instant::now();
    let due = [
        None,
        Some(now + Duration::from_millis(700)),
        None,
        Some(now - Duration::from_millis(200)),
    ];
    let (sender, mut receiver) = mpsc::channel(64);
    let targets = targets.iter().cloned().zip(due);
    let _schedule = Schedule::start(targets, &Slow::new(0), &sender);
    let mut first = BTreeMap::new();
    while first.len() < 4 {
        let sample = receiver.recv().await.unwrap();
        first
            .entry(sample.target.0)
            .or_insert((sample.at - now).as_millis());
    }
    let first: Vec<u128> = first.into_values().collect();
    assert_eq!(first, [0, 700, 500, 0]);
}

#[tokio::test(start_paused = true)]
async fn each_interval_is_spread_by_itself() {
    let targets = targets(vec![
        pool(&["192.0.2.1", "192.0.2.2"], probe(80, 1000)),
        pool(&["192.0.2.3", "192.0.2.4"], probe(80, 4000)),
    ]);
    let offsets: Vec<u128> = staggered(targets.iter().cloned().collect())
        .iter()
        .map(|(_, offset)| offset.as_millis())
        .collect();
    assert_eq!(offsets, [0, 500, 0, 2000]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_ends_at_its_own_timeout() {
    let targets = targets(vec![pool(&["192.0.2.1"], probe(80, 1000))]);
    let mut samples = Vec::new();
    let prober = Slow::new(5000);
    first_round(targets.iter().cloned(), prober, |sample| {
        samples.push(sample);
    })
    .await;
    let after = Duration::from_millis(500);
    assert_eq!(
        samples[0].verdict,
        Verdict::Fail {
            reason: Reason::Timeout { after }
        }
    );
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_left_out_and_the_phase_kept() {
    let targets = targets(vec![pool(&["192.0.2.1"], probe(80, 1000))]);
    let (sender, mut receiver) = mpsc::channel(1);
    let start = Instant::now();
    let _schedule = Schedule::start(fresh(&targets), &Slow::new(10), &sender);
    // The receiver sleeps: one sample waits in the channel, one in the sender.
    sleep(Duration::from_millis(5400)).await;
    let mut at = Vec::new();
    for _ in 0..4 {
        at.push((receiver.recv().await.unwrap().at - start).as_millis());
    }
    // The late third tick fires at once, all after it are in step again.
    assert_eq!(at, [10, 1010, 5410, 6010]);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_schedule_stops_probing() {
    let targets = targets(vec![pool(&["192.0.2.1", "192.0.2.2"], probe(80, 1000))]);
    let prober = Slow::new(10);
    let seen = arrivals(&targets, &prober, Duration::from_millis(700)).await;
    assert_eq!(seen.len(), 2);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(prober.probes.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn probing_ends_when_nobody_listens() {
    let targets = targets(vec![pool(&["192.0.2.1"], probe(80, 1000))]);
    let prober = Slow::new(10);
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let _schedule = Schedule::start(fresh(&targets), &prober, &sender);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(prober.probes.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_round_takes_every_target_once_and_bounds_its_burst() {
    let addresses: Vec<String> = (0..300)
        .map(|n| format!("10.0.{}.{}", n / 100, n % 100 + 1))
        .collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let pools = addresses.chunks(8).map(|c| pool(c, probe(80, 1000)));
    let targets = targets(pools.collect());
    let prober = Slow::new(100);
    let start = Instant::now();
    let mut samples = Vec::new();
    let round = first_round(targets.iter().cloned(), Arc::clone(&prober), |sample| {
        samples.push(sample);
    });
    round.await;
    let ids: BTreeSet<TargetId> = samples.iter().map(|sample| sample.target).collect();
    assert_eq!((samples.len(), ids.len()), (300, 300));
    assert_eq!(prober.most_under_way.load(Ordering::Relaxed), 128);
    assert_eq!(start.elapsed(), Duration::from_millis(300));
}
