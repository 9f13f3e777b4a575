//! The targets of a plan: every (address, probe) once, however many pools share it.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::Arc,
};

use crate::model::{Plan, Pool, PoolProbe, Probe};

/// Number of a target within one [`Targets`], from 0 without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u32);

impl TargetId {
    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One address and how it is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its number.
    pub id: TargetId,
    /// What is probed.
    pub address: IpAddr,
    /// How.
    pub probe: Arc<Probe>,
}

/// The distinct targets of a plan.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    list: Vec<Target>,
    known: HashMap<(IpAddr, Arc<Probe>), TargetId>,
}

impl Targets {
    /// The targets of `plan`, numbered in the order its pools name them.
    pub fn new(plan: &Plan) -> Self {
        let mut targets = Self::default();
        for pool in &plan.pools {
            for PoolProbe { probe, instead, .. } in &pool.probes {
                let probe = Arc::new(probe.clone());
                for (number, _) in (0_u8..).zip(pool.candidates()) {
                    for address in probed(pool, number, instead.get(&number)) {
                        targets.add(address, &probe);
                    }
                }
            }
        }
        targets
    }

    /// Adds one target unless it is there.
    fn add(&mut self, address: IpAddr, probe: &Arc<Probe>) {
        let id = TargetId(self.list.len() as u32);
        let known = self.known.entry((address, Arc::clone(probe)));
        if let Entry::Vacant(vacant) = known {
            vacant.insert(id);
            self.list.push(Target {
                id,
                address,
                probe: Arc::clone(probe),
            });
        }
    }

    /// The number of the target that probes `address` as `probe` says.
    pub fn id(&self, address: IpAddr, probe: &Arc<Probe>) -> Option<TargetId> {
        self.known.get(&(address, Arc::clone(probe))).copied()
    }

    /// The target with number `id`.
    pub fn get(&self, id: TargetId) -> Option<&Target> {
        self.list.get(id.index())
    }

    /// Every target, by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Target> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// What is probed of candidate `number` of `pool`: all of its addresses, or the one
/// `instead`.
pub fn probed(pool: &Pool, number: u8, instead: Option<&IpAddr>) -> impl Iterator<Item = IpAddr> {
    let own = instead.is_none().then(|| pool.addresses(number));
    own.into_iter().flatten().chain(instead.copied())
}
