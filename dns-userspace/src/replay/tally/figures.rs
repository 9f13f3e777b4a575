//! From what was counted to what is told.

use std::collections::{BTreeMap, HashSet};

use super::{Had, Mean, Pair, Tally, WEIGHTED};
use crate::{
    model::{Pool, Service},
    replay::{
        report::{CandidateReplayed, Compared, Figures, Replayed, ServiceReplayed},
        side::Side,
    },
};

const SUPPOSES: &str = "loads and times are those of what happened: another division would have \
                        changed them; services count alike";

/// What one configuration comes to, in seconds × demand.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    flips: f64,
    time: f64,
    handed_over: f64,
    had: f64,
    measured: [Mean; WEIGHTED],
}

impl Sum {
    fn of(pool: &Pool, had: &[Had], flips: u64, time: f64) -> Self {
        let mut sum = Self {
            flips: exact(flips),
            time,
            ..Self::default()
        };
        for (number, had) in (0..).zip(had) {
            sum.had += had.time;
            if pool.hand_over(number).is_some() {
                sum.handed_over += had.time;
            }
            for (mean, of) in sum.measured.iter_mut().zip(had.measured) {
                mean.merge(of);
            }
        }
        sum
    }

    fn add(&mut self, other: &Self) {
        self.flips += other.flips;
        self.time += other.time;
        self.handed_over += other.handed_over;
        self.had += other.had;
        for (mean, of) in self.measured.iter_mut().zip(other.measured) {
            mean.merge(of);
        }
    }

    /// Where `hours` passed.
    fn figures(&self, hours: f64) -> Figures {
        let [latency, load] = self.measured;
        let percent = |part: f64| rounded(100.0 * (part / self.time).clamp(0.0, 1.0));
        let unknown = |mean: Mean| percent(self.had - mean.weight);
        Figures {
            flips_per_hour: rounded(self.flips / hours),
            handed_over_percent: percent(self.handed_over),
            nobody_percent: percent(self.time - self.had),
            latency_ms: latency.value().map(rounded),
            latency_unknown_percent: unknown(latency),
            load_percent: load.value().map(rounded),
            load_unknown_percent: unknown(load),
        }
    }
}

pub(super) fn report(tally: &Tally, sides: &[Side; 2]) -> Replayed {
    let plans = [0, 1].map(|side: usize| sides[side].director.plan());
    let time = tally.counted.as_secs_f64();
    let hours = time / 3600.0;
    let mut all = [Sum::default(); 2];
    let mut moved = 0.0;
    let mut services: Vec<ServiceReplayed> = Vec::new();
    for (number, pair) in &tally.services {
        let (service, _) = &plans[0].services[*number];
        let pair = &tally.pairs[*pair];
        let sums = [0, 1].map(|side| {
            let number = pair.pools[side];
            let pool = &plans[side].pools[usize::from(number)];
            Sum::of(pool, &pair.had[side], sides[side].flips(number), time)
        });
        moved += pair.moved;
        for (all, sum) in all.iter_mut().zip(&sums) {
            all.add(sum);
        }
        let pools = [0, 1].map(|side| &plans[side].pools[usize::from(pair.pools[side])]);
        services.push(ServiceReplayed {
            service: service.name.fmt_with_dot().to_string(),
            customer: service.customer.clone(),
            latency: pair.latency,
            compared: compared(&sums, pair.moved / time, hours),
            candidates: candidates(pair, pools, time),
        });
    }
    let elsewhere = |of: &ServiceReplayed| of.compared.elsewhere_percent;
    services.sort_by(|one, other| elsewhere(other).total_cmp(&elsewhere(one)));
    let count = exact(services.len().max(1) as u64);
    Replayed {
        counted_s: rounded(time),
        gaps: tally.gaps,
        gaps_s: rounded(tally.in_gaps.as_secs_f64()),
        probes_before: sides[0].told(),
        probes_then: sides[1].told(),
        added: only_in(&plans[1].services, &plans[0].services),
        removed: only_in(&plans[0].services, &plans[1].services),
        all: compared(&all, moved / time / count, hours),
        services,
        supposes: SUPPOSES,
        ..Replayed::default()
    }
}

fn compared(sums: &[Sum; 2], moved: f64, hours: f64) -> Compared {
    let [before, then] = sums;
    Compared {
        elsewhere_percent: rounded(100.0 * moved.clamp(0.0, 1.0)),
        before: before.figures(hours),
        then: then.figures(hours),
    }
}

/// Candidates of both, by name, in the order in which they are configured.
fn candidates(pair: &Pair, pools: [&Pool; 2], time: f64) -> Vec<CandidateReplayed> {
    let mut told: Vec<CandidateReplayed> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (side, pool) in pools.into_iter().enumerate() {
        for (name, had) in pool.candidates().zip(&pair.had[side]) {
            let at = *known.entry(name.to_owned()).or_insert_with(|| {
                told.push(CandidateReplayed {
                    candidate: name.to_owned(),
                    ..CandidateReplayed::default()
                });
                told.len() - 1
            });
            let one = &mut told[at];
            let percent = rounded(100.0 * had.time / time);
            let [latency, load] = had.measured.map(|mean| mean.value().map(rounded));
            if side == 0 {
                one.before_percent = percent;
                (one.latency_before_ms, one.load_before_percent) = (latency, load);
            } else {
                one.then_percent = percent;
                (one.latency_then_ms, one.load_then_percent) = (latency, load);
            }
        }
    }
    told
}

/// Names of `services` that `others` do not have.
fn only_in(services: &[(Service, u16)], others: &[(Service, u16)]) -> Vec<String> {
    let known: HashSet<_> = others.iter().map(|(service, _)| &service.name).collect();
    let services = services.iter().map(|(service, _)| &service.name);
    let only = services.filter(|name| !known.contains(name));
    only.map(|name| name.fmt_with_dot().to_string()).collect()
}

/// To the thousandth.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "it stays far below 2^52")]
fn exact(count: u64) -> f64 {
    count as f64
}
