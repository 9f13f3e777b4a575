//! The set of zones served. It is immutable: a change is a new set.

use domain::base::Rtype;

use super::zone::{Suffix, Zone};
use crate::model::{Name, NameMap};

/// Every zone served, by name.
#[derive(Clone, Debug, Default)]
pub struct Zones(NameMap<Zone>);

impl Zones {
    /// The set of `zones`; the error names a zone that is there twice.
    pub fn new(zones: Vec<Zone>) -> Result<Self, String> {
        let mut set = NameMap::default();
        for zone in zones {
            if let Some(twice) = set.insert(zone.apex().clone(), zone) {
                return Err(format!(
                    "zone {} is given twice",
                    twice.apex().fmt_with_dot()
                ));
            }
        }
        Ok(Self(set))
    }

    /// The zone `name` belongs to: the one with the longest matching apex.
    pub fn find(&self, name: &Name) -> Option<&Zone> {
        self.find_from(name, 0)
    }

    /// The zone with this apex.
    pub fn at(&self, apex: &Suffix) -> Option<&Zone> {
        self.0.get(apex)
    }

    /// The zone that answers for `name` and `rtype`: DS at an apex is answered
    /// by the parent where we serve it too (RFC 4035 section 3.1.4.1).
    pub(super) fn authority_for(&self, name: &Name, rtype: Rtype) -> Option<&Zone> {
        if rtype == Rtype::DS && self.0.contains_key(name) {
            let parent = self.find_from(name, 1);
            return parent.or_else(|| self.0.get(name));
        }
        self.find(name)
    }

    /// Every zone, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        self.0.values()
    }

    /// Every name that exists in any zone, in no order; a name that is a cut
    /// in one zone and the apex of another comes twice.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.iter().flat_map(Zone::names)
    }

    fn find_from(&self, name: &Name, labels_skipped: usize) -> Option<&Zone> {
        let mut suffixes = name.iter_suffixes().skip(labels_skipped);
        suffixes.find_map(|suffix| {
            let suffix: &Suffix = suffix.for_slice();
            self.0.get(suffix)
        })
    }
}
