//! One run: probes of a simulated network, in the order of a simulated clock, into
//! the daemon's own director; what it decides, into resolvers' caches; what clients
//! then ask for, back into the network.

use std::{cmp::Reverse, collections::BinaryHeap, net::IpAddr, time::Duration};

use anyhow::Result;
use tokio::time::Instant;
use veer::{
    measurement::{
        director::{Director, history::Cause},
        sample::{Sample, Vantage, Verdict},
        schedule::{Target, probed, staggered},
    },
    model::Plan,
};

use super::{
    clients::Clients,
    demand::Counters,
    expect::Check,
    figures::Figures,
    moment::Fork,
    network::Network,
    scenario::{Loaded, Scenario},
    tally::Tally,
};
use crate::random::Random;

/// Every target and the site that it stands at.
#[derive(Clone)]
pub(super) struct Prober {
    /// Where the clock begins; nothing waits for it.
    pub(super) begin: Instant,
    /// By target.
    probes: Vec<Probed>,
    /// What is to be done next, soonest first.
    due: BinaryHeap<Reverse<(Duration, Step, usize)>>,
}

#[derive(Clone)]
struct Probed {
    target: Target,
    /// From where it is probed.
    region: String,
    site: usize,
    random: Random,
    /// Of the probe that is under way: it ends before the next is sent.
    verdict: Option<Verdict>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    End,
    Send,
}

/// Plays `loaded` to its end.
pub(super) fn run(loaded: Loaded) -> Result<(Scenario, Figures, Vec<Check>)> {
    let Loaded {
        scenario,
        plan,
        suspect_percent,
    } = loaded;
    let begin = Instant::now();
    let mut director = Director::new(plan, suspect_percent, begin);
    director.set_time_of_day(scenario.unix_ms(0), begin);
    let mut network = Network::new(&scenario);
    let mut prober = Prober::new(&scenario, &director, begin);
    prober.first_round(&mut director, &network);
    director.begin_history(None, &Cause::Start, begin);
    let plan = director.plan().clone();
    let mut clients = Clients::new(&scenario, &director)?;
    let mut counters = Counters::new(&scenario, &plan);
    let mut tally = Tally::new(&scenario, &plan);
    let mut told = Vec::new();
    for second in 0..scenario.duration_s {
        let end = Duration::from_secs(u64::from(second) + 1);
        let at = Duration::from_secs(u64::from(second));
        let changes = director.set_time_of_day(scenario.unix_ms(second), begin + at);
        director.take_decided();
        let moves = clients.store(&plan, &changes, f64::from(second))?;
        tally.probed(&plan, &clients, &moves, f64::from(second));
        while let Some(sample) = prober.next(&network, end) {
            let at = (sample.at - begin).as_secs_f64();
            let changes = director.observe(&sample);
            director.take_decided();
            let moves = clients.store(&plan, &changes, at)?;
            tally.probed(&plan, &clients, &moves, at);
        }
        if let Some(moment) = scenario.explain.as_ref().filter(|of| of.at_s == second) {
            let fork = Fork {
                scenario: &scenario,
                director: &director,
                prober: &prober,
                network: &network,
                at: end,
            };
            told = fork.checks(moment)?;
        }
        let asked = clients.second(&scenario, f64::from(second));
        if let Some(counted) = counters.second(&asked, second) {
            let changes = director.set_demand(counted, begin + end);
            director.take_decided();
            let moves = clients.store(&plan, &changes, end.as_secs_f64())?;
            tally.moved(&plan, &clients, &moves, end.as_secs_f64());
        }
        let loads = tally.second(&asked, &network, second);
        network.set_loads(&loads);
    }
    let figures = tally.finish(&plan, &clients);
    Ok((scenario, figures, told))
}

impl Prober {
    fn new(scenario: &Scenario, director: &Director, begin: Instant) -> Self {
        let targets = director.targets().iter().zip(0..);
        let probes = targets.map(|(target, stream)| Probed {
            region: scenario.vantage(&target.probe).to_owned(),
            target: target.clone(),
            site: site(scenario, director.plan(), target.address),
            random: Random::new(scenario.seed, stream),
            verdict: None,
        });
        Self {
            begin,
            probes: probes.collect(),
            due: BinaryHeap::new(),
        }
    }

    /// One probe of each target, after which they are scheduled, as the daemon does it.
    fn first_round(&mut self, director: &mut Director, network: &Network<'_>) {
        let mut samples = Vec::new();
        let mut longest = Duration::ZERO;
        for probed in &mut self.probes {
            let (verdict, took) = probed.send(network, Duration::ZERO);
            longest = longest.max(took);
            samples.push(sample(&probed.target, self.begin + took, verdict));
        }
        director.observe_first_round(&samples);
        let targets = self.probes.iter().map(|probed| probed.target.clone());
        let due = staggered(targets.collect()).into_iter();
        let due =
            due.map(|(target, offset)| Reverse((longest + offset, Step::Send, target.id.index())));
        self.due.extend(due);
    }

    /// The next sample to be finished before `end`.
    pub(super) fn next(&mut self, network: &Network<'_>, end: Duration) -> Option<Sample> {
        loop {
            let Reverse((at, step, number)) = *self.due.peek()?;
            if at >= end {
                return None;
            }
            self.due.pop();
            let probed = &mut self.probes[number];
            match step {
                Step::Send => {
                    let (verdict, took) = probed.send(network, at);
                    probed.verdict = Some(verdict);
                    let again = at + probed.target.probe.interval;
                    self.due.push(Reverse((at + took, Step::End, number)));
                    self.due.push(Reverse((again, Step::Send, number)));
                }
                Step::End => {
                    let verdict = probed.verdict.take()?;
                    return Some(sample(&probed.target, self.begin + at, verdict));
                }
            }
        }
    }
}

impl Probed {
    fn send(&mut self, network: &Network<'_>, at: Duration) -> (Verdict, Duration) {
        let probe = &self.target.probe;
        network.probe(
            probe,
            &self.region,
            self.site,
            at.as_secs_f64(),
            &mut self.random,
        )
    }
}

fn sample(target: &Target, at: Instant, verdict: Verdict) -> Sample {
    Sample {
        target: target.id,
        at,
        taken_from: Vantage::of(&target.probe),
        verdict,
    }
}

/// The number of the site where `address` is probed.
fn site(scenario: &Scenario, plan: &Plan, address: IpAddr) -> usize {
    let probes = plan
        .pools
        .iter()
        .flat_map(|pool| pool.probes.iter().map(move |probe| (pool, probe)));
    let mut servers = probes.flat_map(|(pool, probe)| {
        let servers = (0_u8..).zip(&pool.servers);
        servers.map(move |(number, server)| {
            let at = probed(pool, number, probe.instead.get(&number));
            (server, at)
        })
    });
    let of = servers.find_map(|(server, mut at)| at.any(|ip| ip == address).then_some(server));
    let server = of.expect("targets are made of what servers are probed at");
    let mut sites = scenario.sites.iter();
    let number = sites.position(|site| site.name == server.name);
    number.expect("the scenario was checked for a site of each server")
}
