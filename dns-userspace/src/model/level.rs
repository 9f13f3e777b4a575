//! Agreed levels: who proposed and accepted which value, and from when on it is in force.

use serde::{Deserialize, Serialize};

use super::Quantity;

/// The value from which on something is too bad.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The operator's own word, in force at all times.
    Set(Quantity),
    /// What customer and provider agree on: 1 or more, by number.
    Agreed(Vec<Version>),
}

/// One version of an agreement. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Greater than those before.
    pub number: u32,
    /// The value, in the metric's unit.
    pub value: Quantity,
    /// Who proposed it.
    pub proposed_by: Party,
    /// When.
    pub proposed: u64,
    /// When each party accepted it, by [`Party`]; `None` where it has not.
    pub accepted: [Option<u64>; 2],
    /// From when on it is to be in force.
    pub effective: u64,
}

/// Who agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Whose service it is.
    Customer,
    /// Who runs this.
    Provider,
}

impl Party {
    /// Each with its name.
    pub const ALL: [(&'static str, Self); 2] =
        [("customer", Self::Customer), ("provider", Self::Provider)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

impl Level {
    /// The versions of an agreement, by number.
    pub fn versions(&self) -> &[Version] {
        match self {
            Self::Set(_) => &[],
            Self::Agreed(versions) => versions,
        }
    }

    /// The version in force at the time of day `unix_ms`: the last of those that both have
    /// accepted and that are effective by then. `None` where there is none, and where the
    /// level is no agreement.
    pub fn in_force(&self, unix_ms: u64) -> Option<&Version> {
        let is_by_then = |version: &&Version| version.since().is_some_and(|it| it <= unix_ms);
        self.versions().iter().rev().find(is_by_then)
    }

    /// The value where the version of that number is in force; `None` where none is.
    pub fn value(&self, in_force: Option<u32>) -> Option<Quantity> {
        match self {
            Self::Set(value) => Some(*value),
            Self::Agreed(versions) => {
                let mut versions = versions.iter();
                let version = versions.find(|version| Some(version.number) == in_force);
                version.map(|version| version.value)
            }
        }
    }
}

impl Version {
    /// From when on it would be in force, if there were no later one; `None` until both
    /// have accepted it.
    pub fn since(&self) -> Option<u64> {
        let [customer, provider] = self.accepted;
        Some(customer?.max(provider?).max(self.effective))
    }

    /// Who has not accepted it.
    pub fn refused_by(&self) -> impl Iterator<Item = Party> {
        let parties = Party::ALL.into_iter().map(|(_, party)| party);
        parties.filter(|party| self.accepted[*party as usize].is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version `number`, of the value 100 × that.
    fn version(number: u32, accepted: [Option<u64>; 2], effective: u64) -> Version {
        Version {
            number,
            value: Quantity(100_000 * i64::from(number)),
            proposed_by: Party::Customer,
            proposed: 0,
            accepted,
            effective,
        }
    }

    fn in_force(level: &Level, unix_ms: u64) -> Option<u32> {
        level.in_force(unix_ms).map(|version| version.number)
    }

    #[test]
    fn the_last_version_is_in_force_that_both_accepted_and_whose_time_has_come() {
        let level = Level::Agreed(vec![
            version(1, [Some(10), Some(20)], 100),
            version(2, [Some(10), None], 110),
            version(3, [None, Some(10)], 110),
            version(4, [Some(10), Some(250)], 200),
            version(5, [None, None], 0),
        ]);
        let at = [99, 100, 249, 250].map(|unix_ms| in_force(&level, unix_ms));
        assert_eq!(at, [None, Some(1), Some(1), Some(4)]);
        assert_eq!(level.value(None), None);
        assert_eq!(level.value(Some(4)), Some(Quantity(400_000)));
    }

    #[test]
    fn a_later_version_that_comes_sooner_is_the_last_word() {
        let both = [Some(0); 2];
        let level = Level::Agreed(vec![version(1, both, 300), version(2, both, 200)]);
        let at = [199, 200, 300].map(|unix_ms| in_force(&level, unix_ms));
        assert_eq!(at, [None, Some(2), Some(2)]);
    }

    #[test]
    fn what_the_operator_sets_needs_no_agreement() {
        let level = Level::Set(Quantity(5));
        assert_eq!(level.value(None), Some(Quantity(5)));
        assert_eq!(in_force(&level, u64::MAX), None);
    }

    #[test]
    fn parties_are_numbered_as_they_are_listed() {
        for (number, (name, party)) in Party::ALL.into_iter().enumerate() {
            assert_eq!((party as usize, party.name()), (number, name));
        }
        let of = |accepted| -> Vec<Party> { version(1, accepted, 0).refused_by().collect() };
        assert_eq!(of([None, None]), [Party::Customer, Party::Provider]);
        assert_eq!(of([Some(1), None]), [Party::Provider]);
    }
}
