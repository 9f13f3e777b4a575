//! What `states` shows: the health of every target.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Director, pool::PoolState};
use crate::{
    measurement::{
        health::{Health, State},
        metric::{Metric, milliseconds},
        overrides::{AdminState, Override},
        schedule::Target,
    },
    model::{Pool, ProbeKind},
};

/// The health of everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct States {
    /// Every target, by number.
    pub targets: Vec<TargetStatus>,
    /// Hand-overs that nothing is measured of: they count as fit.
    pub unmeasured: Vec<UsedBy>,
    /// Why nothing goes down at present; `None` without suspicion.
    pub suspicion: Option<SuspicionStatus>,
    /// Pools in which not every candidate takes every resolver.
    pub shares: Vec<PoolShares>,
    /// What operators say over it, in the order they said it.
    pub overrides: Vec<Override>,
}

/// Who takes how much of a pool's resolvers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolShares {
    /// The pool's number.
    pub pool: u16,
    /// Its candidates, by number.
    pub candidates: Vec<Share>,
}

/// How much one candidate takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The server's or the hand-over's name.
    pub server: String,
    /// Slots of the hash space.
    pub slots: u16,
    /// The same in percent of all of them.
    pub percent: f64,
}

/// One target and who uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// The address and its health.
    #[serde(flatten)]
    pub address: AddressStatus,
    /// The servers one of whose addresses it is.
    pub used_by: Vec<UsedBy>,
}

/// A server in a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedBy {
    /// The pool's number.
    pub pool: u16,
    /// The server's or the hand-over's name.
    pub server: String,
    /// What hands over; `None` for a server.
    pub hand_over: Option<String>,
    /// How an operator wants it to be used there; `None` as measured.
    pub admin: Option<AdminState>,
}

/// One address and its health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddressStatus {
    /// The address.
    pub address: IpAddr,
    /// How it is probed, e.g. `tcp port 80`.
    pub probe: String,
    /// The groups that it is measured for; empty where it is for all.
    pub groups: Vec<String>,
    /// What is believed of it.
    pub state: State,
    /// How long this has been believed, milliseconds; `None` while unknown.
    pub since_ms: Option<f64>,
    /// How long ago the last conclusive sample was taken, milliseconds.
    pub age_ms: Option<f64>,
    /// Whether the last conclusive sample failed.
    pub failing: bool,
    /// How many conclusive samples in a row agree with the last one.
    pub streak: u32,
    /// What was measured of it, smoothed, each in the unit that its name ends with.
    pub measured: BTreeMap<Metric, f64>,
    /// Why it last failed, however long ago.
    pub last_reason: Option<String>,
    /// How many probes failed for reasons of this host's own.
    pub local_failures: u64,
    /// The last of those.
    pub last_local_failure: Option<String>,
}

/// A running suspicion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuspicionStatus {
    /// How long it has lasted, milliseconds.
    pub since_ms: f64,
    /// Why, in one line.
    pub reason: String,
}

impl Director {
    /// The health of everything, seen at `now`.
    pub fn states(&self, now: Instant) -> States {
        let targets = self.targets.iter().zip(&self.uses).map(|(target, uses)| {
            let used_by = uses
                .iter()
                .map(|user| self.used_by(user.pool, user.candidate));
            TargetStatus {
                address: address_status(target, &self.health[target.id.index()], now),
                used_by: used_by.collect(),
            }
        });
        let pools = (0..).zip(&self.plan.pools);
        let unmeasured = pools.flat_map(|(number, pool)| {
            let after = pool.servers.len() as u8..pool.candidates().count() as u8;
            let state = &self.pools[usize::from(number)];
            let unmeasured = after.filter(|candidate| state.targets(*candidate).is_empty());
            unmeasured.map(move |candidate| self.used_by(number, candidate))
        });
        States {
            targets: targets.collect(),
            unmeasured: unmeasured.collect(),
            suspicion: self.suspicion_status(now),
            shares: self.pool_shares(),
            overrides: self.overrides.iter().cloned().collect(),
        }
    }

    fn pool_shares(&self) -> Vec<PoolShares> {
        let pools = (0..).zip(self.plan.pools.iter().zip(&self.pools));
        let shared = pools.filter(|(_, (_, state))| !state.shares().is_empty());
        let shares = shared.map(|(pool, (configured, state))| PoolShares {
            pool,
            candidates: state.shares_of(configured),
        });
        shares.collect()
    }

    fn used_by(&self, number: u16, candidate: u8) -> UsedBy {
        let pool = &self.plan.pools[usize::from(number)];
        let name = pool.candidates().nth(candidate.into());
        UsedBy {
            pool: number,
            server: name.unwrap_or_default().to_owned(),
            hand_over: pool.hand_over(candidate).map(ToString::to_string),
            admin: self.pools[usize::from(number)].said().state(candidate),
        }
    }

    /// The running suspicion, seen at `now`.
    pub(super) fn suspicion_status(&self, now: Instant) -> Option<SuspicionStatus> {
        Some(SuspicionStatus {
            since_ms: milliseconds(now.duration_since(self.suspicion.since()?)),
            reason: self.suspicion.reason()?,
        })
    }
}

impl PoolState {
    /// Who takes how much of the resolvers of `pool`, whose state this is; nothing where
    /// all take all.
    pub(super) fn shares_of(&self, pool: &Pool) -> Vec<Share> {
        if self.shares().is_empty() {
            return Vec::new();
        }
        let shares = (0..).zip(pool.candidates()).map(|(number, name)| Share {
            server: name.to_owned(),
            slots: self.shares().count(number),
            percent: rounded(self.shares().percent(number)),
        });
        shares.collect()
    }
}

/// The health of one target, seen at `now`.
pub(super) fn address_status(target: &Target, health: &Health, now: Instant) -> AddressStatus {
    let ago = |then: Instant| milliseconds(now.duration_since(then));
    let measured = health.readings();
    let measured = measured.map(|(metric, series)| (metric, rounded(series.value())));
    AddressStatus {
        address: target.address,
        probe: describe(&target.probe.kind),
        groups: target.probe.groups.clone(),
        state: health.state(),
        since_ms: health.since().map(ago),
        age_ms: health.last_sample().map(ago),
        failing: health.is_failing(),
        streak: health.streak().map_or(0, |streak| streak.length),
        measured: measured.collect(),
        last_reason: health.last_reason().map(ToString::to_string),
        local_failures: health.local_failures(),
        last_local_failure: health.last_local_failure().map(str::to_owned),
    }
}

/// A value to the thousandth.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// A probe in a few words.
pub(crate) fn describe(kind: &ProbeKind) -> String {
    match kind {
        ProbeKind::Tcp { port } => format!("tcp port {port}"),
        ProbeKind::Http {
            port,
            tls,
            host,
            path,
            ..
        } => {
            let scheme = if tls.is_some() { "https" } else { "http" };
            format!("GET {scheme}://{host}{path} port {port}")
        }
        ProbeKind::Icmp { count: 1 } => "ICMP echo".to_owned(),
        ProbeKind::Icmp { count } => format!("ICMP echo × {count}"),
        ProbeKind::Dns { port, query } => {
            format!(
                "DNS {} {} port {port}",
                query.name.fmt_with_dot(),
                query.rtype
            )
        }
        ProbeKind::Ftp { port, file } => match file {
            Some(file) => format!("ftp {} port {port}", file.path),
            None => format!("ftp port {port}"),
        },
        ProbeKind::Agent(agent) => format!("agent port {}", agent.port),
        ProbeKind::Command(command) => format!("command {}", command.program.display()),
    }
}

/// A state in one word.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Unknown => "unknown",
        State::Up => "up",
        State::Down => "down",
    }
}
