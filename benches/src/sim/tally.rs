//! Tally: figures as they come in, second by second.

mod balance;

use std::collections::BTreeMap;

use veer::model::Plan;

use self::balance::Balance;
use super::{
    clients::{Asked, Clients},
    figures::{Figures, SiteFigures},
    network::Network,
    scenario::{Scenario, What},
};

/// A client is off its best server where it waits for so many percent longer.
const OFF_PERCENT: f64 = 20.0;
/// Of what a lost site had, the share after which it counts as moved.
const MOVED_PERCENT: f64 = 95.0;
/// TTLs for which an answer is to hold, whatever a policy is set to.
const HOLD_TTLS: f64 = 2.0;
/// Points of a curve.
const POINTS: u32 = 200;

/// Seconds after a lost site is out at which what moved is looked at.
const LOOKED_AT_AFTER_S: f64 = 60.0;

/// The site that something happens to, and what follows.
#[derive(Debug)]
struct Loss {
    site: usize,
    /// The region that has lost it, where it is not all of them.
    region: Option<usize>,
    at: f64,
    /// Its share of all demand, or of the region's, at that time.
    had: Option<f64>,
    /// Answers that have changed of other regions.
    other_moves: f64,
    out_at: Option<f64>,
    moved_percent: Option<f64>,
    moved_at: Option<f64>,
}

/// Figures as they come in.
#[derive(Debug)]
pub(super) struct Tally<'s> {
    scenario: &'s Scenario,
    /// By service and candidate, the site's number.
    site_of: Vec<Vec<usize>>,
    requests: f64,
    served: f64,
    regret: f64,
    off: f64,
    lost: f64,
    moved: f64,
    moves: f64,
    spread: f64,
    seconds: f64,
    probes: u64,
    loss: Option<Loss>,
    balance: Balance,
    sites: Vec<SiteFigures>,
}

impl<'s> Tally<'s> {
    pub(super) fn new(scenario: &'s Scenario, plan: &Plan) -> Self {
        let site = |name: &String| {
            let mut sites = scenario.sites.iter();
            let number = sites.position(|site| site.name == *name);
            number.expect("the scenario was checked for a site of each server")
        };
        let site_of = plan.services.iter().map(|(service, _)| {
            let servers = service.pool.servers.iter();
            servers.map(|server| site(&server.name)).collect()
        });
        let mut losses = scenario.events.iter();
        let loss = losses.find(|event| event.what != What::ProberCutOff);
        let loss = loss.and_then(|event| {
            let mut regions = scenario.regions.iter();
            let name = event.region.as_ref();
            Some(Loss {
                site: site(event.site.as_ref()?),
                region: name.and_then(|name| regions.position(|region| region.name == *name)),
                at: event.at_s,
                had: None,
                other_moves: 0.0,
                out_at: None,
                moved_percent: None,
                moved_at: None,
            })
        });
        let sites = scenario.sites.iter().map(|site| SiteFigures {
            name: site.name.clone(),
            min_load_percent: f64::INFINITY,
            mean_load_percent: 0.0,
            max_load_percent: 0.0,
            demand_percent: Vec::new(),
        });
        Self {
            site_of: site_of.collect(),
            requests: 0.0,
            served: 0.0,
            regret: 0.0,
            off: 0.0,
            lost: 0.0,
            moved: 0.0,
            moves: 0.0,
            spread: 0.0,
            seconds: 0.0,
            probes: 0,
            loss,
            balance: Balance::new(scenario),
            sites: sites.collect(),
            scenario,
        }
    }

    fn counts(&self, now: f64) -> bool {
        now >= f64::from(self.scenario.warm_up_s)
    }

    /// Counts a probe that ended at `now`, and the answers of each region that changed by it.
    pub(super) fn probed(
        &mut self,
        plan: &Plan,
        clients: &Clients,
        moves: &BTreeMap<usize, f64>,
        now: f64,
    ) {
        self.probes += 1;
        self.moved(plan, clients, moves, now);
    }

    /// Counts the answers of each region that changed at `now`.
    pub(super) fn moved(
        &mut self,
        plan: &Plan,
        clients: &Clients,
        moves: &BTreeMap<usize, f64>,
        now: f64,
    ) {
        let counts = self.counts(now);
        if counts {
            self.moves += moves.values().sum::<f64>();
        }
        let Some(loss) = &mut self.loss else { return };
        if counts {
            let others = moves
                .iter()
                .filter(|(region, _)| Some(**region) != loss.region);
            loss.other_moves += others.map(|(_, moves)| moves).sum::<f64>();
        }
        if now < loss.at || loss.out_at.is_some() {
            return;
        }
        let is_in = if let Some(region) = loss.region {
            clients.are_sent(region, |service, candidate| {
                self.site_of[service].get(candidate) == Some(&loss.site)
            })
        } else {
            let mut used = plan.services.iter().zip(&self.site_of);
            used.any(|((_, pool), sites)| {
                let mut candidates = sites.iter().enumerate();
                candidates.any(|(candidate, site)| {
                    *site == loss.site && clients.is_eligible(*pool, candidate)
                })
            })
        };
        if !is_in {
            loss.out_at = Some(now);
        }
    }

    /// Counts the second number `second`, in which this was `asked`; the load of each site.
    pub(super) fn second(
        &mut self,
        asked: &[Asked],
        network: &Network<'_>,
        second: u32,
    ) -> Vec<f64> {
        let now = f64::from(second);
        let (at_site, requests) = self.at_sites(asked, None);
        let loads = at_site.iter().zip(&self.scenario.sites);
        let loads: Vec<f64> = loads
            .map(|(requests, site)| requests / site.capacity_per_s)
            .collect();
        let region = self.loss.as_ref().and_then(|loss| loss.region);
        let (at_lost, of_lost) = self.at_sites(asked, region);
        self.follow_loss(&at_lost, of_lost, now);
        self.balance
            .second(&at_site, &loads, network, self.scenario, now);
        let every = self.scenario.duration_s.div_ceil(POINTS);
        if second.is_multiple_of(every) {
            for (site, at_site) in self.sites.iter_mut().zip(&at_site) {
                site.demand_percent.push((now, 100.0 * at_site / requests));
            }
        }
        if self.counts(now) {
            self.seconds += 1.0;
            self.requests += requests;
            for asked in asked {
                self.moved += asked.moved;
                self.wait(asked, network, now);
            }
            self.load(&loads, network, now);
        }
        loads
    }

    /// Requests that go to each site, of `region` or all, and how many these are.
    fn at_sites(&self, asked: &[Asked], region: Option<usize>) -> (Vec<f64>, f64) {
        let mut at_site = vec![0.0; self.sites.len()];
        let mut all = 0.0;
        let of = |asked: &&Asked| region.is_none_or(|region| asked.region == region);
        for asked in asked.iter().filter(of) {
            let sites = &self.site_of[asked.service];
            for (site, requests) in sites.iter().zip(asked.by_candidate(sites.len())) {
                at_site[*site] += requests;
            }
            all += asked.requests.iter().sum::<f64>();
        }
        (at_site, all)
    }

    /// Counts how long clients wait.
    fn wait(&mut self, asked: &Asked, network: &Network<'_>, now: f64) {
        let region = &self.scenario.regions[asked.region].name;
        let sites = &self.site_of[asked.service];
        let feasible = sites.iter().filter(|site| network.is_feasible(**site, now));
        let best = feasible
            .map(|site| network.client_ms(region, *site, now))
            .min_by(f64::total_cmp);
        self.lost += asked.without();
        self.off += asked.without();
        for (site, requests) in sites.iter().zip(asked.by_candidate(sites.len())) {
            if !network.serves(*site, now) {
                self.lost += requests;
                self.off += requests;
            } else if let Some(best) = best {
                // One without room left may still be the quicker one.
                let regret = (network.client_ms(region, *site, now) / best - 1.0).max(0.0);
                self.served += requests;
                self.regret += requests * regret;
                if regret > OFF_PERCENT / 100.0 {
                    self.off += requests;
                }
            }
        }
    }

    fn load(&mut self, loads: &[f64], network: &Network<'_>, now: f64) {
        for (site, load) in self.sites.iter_mut().zip(loads) {
            let percent = 100.0 * load;
            site.min_load_percent = site.min_load_percent.min(percent);
            site.max_load_percent = site.max_load_percent.max(percent);
            site.mean_load_percent += percent;
        }
        let serving = loads.iter().enumerate();
        let serving = serving.filter(|(site, _)| network.serves(*site, now));
        let serving = || serving.clone().map(|(_, load)| *load);
        let most = serving().fold(0.0, f64::max);
        self.spread += most - serving().fold(most, f64::min);
    }

    fn follow_loss(&mut self, at_site: &[f64], requests: f64, now: f64) {
        let Some(loss) = &mut self.loss else { return };
        let share = at_site[loss.site] / requests;
        if now <= loss.at {
            loss.had = Some(share);
        }
        // A second counts whole, so the first after the site was out.
        let (Some(had), Some(out_at)) = (loss.had, loss.out_at) else {
            return;
        };
        if had <= 0.0 {
            return;
        }
        let moved = 100.0 * (1.0 - share / had);
        if now <= out_at + LOOKED_AT_AFTER_S {
            loss.moved_percent = Some(moved);
        }
        if moved >= MOVED_PERCENT && loss.moved_at.is_none() {
            loss.moved_at = Some(now);
        }
    }

    /// What it all comes to.
    pub(super) fn finish(mut self, plan: &Plan, clients: &Clients) -> Figures {
        let percent = |part: f64, whole: f64| {
            if whole > 0.0 {
                100.0 * part / whole
            } else {
                0.0
            }
        };
        for site in &mut self.sites {
            site.mean_load_percent /= self.seconds;
        }
        let begin = f64::from(self.scenario.warm_up_s);
        let hours = self.seconds / 3600.0;
        let counted = |flips: &[f64]| -> Vec<f64> {
            flips.iter().copied().filter(|at| *at >= begin).collect()
        };
        let services = || plan.services.iter().map(|(service, _)| service);
        let flips = clients.flips().flat_map(|of| of.iter().zip(services()));
        let flips = flips.map(|(flips, service)| {
            let hold = HOLD_TTLS * f64::from(service.ttl_s);
            let flips = counted(flips);
            (flips.len(), most_within(&flips, hold))
        });
        let (flips, within) = flips.fold((0, 0), |most, one| {
            (usize::max(most.0, one.0), usize::max(most.1, one.1))
        });
        let groups = clients.groups();
        let answers = groups * plan.services.len();
        let loss = self.loss.as_ref();
        let (uneven_for_s, settled_after_s) = self.balance.finish();
        let max_load = self.sites.iter().map(|site| site.max_load_percent);
        Figures {
            groups,
            resolvers: self.scenario.demand.resolvers,
            mean_regret_percent: percent(self.regret, self.served),
            off_best_percent: percent(self.off, self.requests),
            lost_percent: percent(self.lost, self.requests),
            moves: self.moves / answers as f64,
            flips_per_hour: flips as f64 / hours,
            flips_per_hold: within,
            churn_percent_per_hour: percent(self.moved, self.requests) * self.seconds / hours,
            max_load_percent: max_load.fold(0.0, f64::max),
            mean_spread_percent: percent(self.spread, self.seconds),
            uneven_for_s,
            settled_after_s,
            probes_per_s: self.probes as f64 / f64::from(self.scenario.duration_s),
            out_after_s: loss.and_then(|loss| Some(loss.out_at? - loss.at)),
            other_moves: loss.and_then(|loss| {
                loss.region?;
                Some(loss.other_moves / answers as f64)
            }),
            moved_percent: loss.and_then(|loss| loss.moved_percent),
            moved_after_s: loss.and_then(|loss| Some((loss.moved_at? - loss.out_at?).max(0.0))),
            sites: self.sites,
        }
    }
}

/// The most of `times`, which are in order, that are less than `span` apart.
fn most_within(times: &[f64], span: f64) -> usize {
    // Times are sums of many steps.
    const EXACT: f64 = 1e-6;
    let from = |first: usize| {
        let begin = times[first];
        let after = times[first..].iter();
        after
            .take_while(|time| *time - begin < span - EXACT)
            .count()
    };
    (0..times.len()).map(from).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::most_within;

    #[test]
    fn flips_a_whole_hold_apart_are_not_within_one() {
        assert_eq!(most_within(&[], 40.0), 0);
        assert_eq!(most_within(&[0.0, 40.0, 80.0], 40.0), 1);
        assert_eq!(most_within(&[0.0, 39.0, 80.0, 81.0, 82.0], 40.0), 3);
    }
}
