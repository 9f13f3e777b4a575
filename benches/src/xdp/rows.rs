//! What is measured: which family, by the program with which constants, with how
//! much in the tables, and how often the same query comes.

use dns_common::outcome::Outcome::{
    self, Answered, AnsweredNegative, DropRate, DropUnknownName, UpUnknownName,
};
use serde::Serialize;

use super::{
    constants::Set::{
        self, AllGroups, Cookies, Defaults, Expires, GroupSample, Off, OverRates, OverUpBudget,
        Rates, ReplyByFib, Subnets, SubnetsTrusted, Told, UpBudget,
    },
    families::{Edns, Family, Over, families},
    world::Size,
};

/// How queries follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Access {
    /// The same again and again.
    Hot,
    /// Any name from anywhere, each as likely as another.
    Random,
    /// The same again and again, each time with empty caches.
    Cold,
}

impl Access {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Random => "random",
            Self::Cold => "cold",
        }
    }
}

/// One of the things measured.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) family: Family,
    pub(super) set: Set,
    pub(super) access: Access,
    pub(super) outcome: Outcome,
}

/// What each feature costs is measured with these.
pub(super) const FEATURES: Size = size(1_000, 10_000);
/// What every family costs is measured with these.
pub(super) const HEADLINE: Size = size(100_000, 1_000_000);

/// All sizes.
pub(super) const SIZES: [Size; 7] = [
    FEATURES,
    size(1_000, 1_000_000),
    size(10_000, 1_000_000),
    HEADLINE,
    size(1_000_000, 1_000_000),
    size(100_000, 10_000),
    size(100_000, 100_000),
];

const fn size(names: usize, prefixes: usize) -> Size {
    Size { names, prefixes }
}

/// The rows that are measured with `size`.
pub(super) fn rows(size: Size) -> Vec<Row> {
    if size == FEATURES {
        return features();
    }
    let wanted = |family: &Family| size == HEADLINE || is_followed(family);
    let mut rows = Vec::new();
    for family in families().into_iter().filter(wanted) {
        let mut accesses = vec![Access::Hot];
        if family.varies() {
            accesses.push(Access::Random);
        }
        if size == HEADLINE && is_followed(&family) {
            accesses.push(Access::Cold);
        }
        for access in accesses {
            for set in [Off, Defaults] {
                // Over its rate it would come to another outcome.
                if set == Off || !family.is_limited() {
                    rows.push(row(&family, set, access, family.outcome));
                }
            }
        }
    }
    rows
}

/// Whether the cost of a family is followed over sizes, and measured with empty
/// caches.
fn is_followed(family: &Family) -> bool {
    let name = family.name.as_str();
    let is_headline = family.over == Over::V4
        && family.tags == 0
        && !family.untrusted
        && family.rtype == domain::base::Rtype::A
        && family.varies()
        && family.outcome == Answered
        && family.edns != Edns::Plain
        && family.edns != Edns::OurCookie(1);
    is_headline
        || matches!(
            name,
            "A over IPv6" | "no such type" | "no such name, 1 label"
        )
}

/// Each feature off, on, and where that changes what becomes of a query.
fn features() -> Vec<Row> {
    #[rustfmt::skip] // One family, one line.
    let wanted: [(&str, &[(Set, Outcome)]); 13] = [
        ("A", &[
            (Off, Answered), (Defaults, Answered), (Rates, Answered), (ReplyByFib, Answered),
            (GroupSample, Answered), (AllGroups, Answered), (Told, Answered), (Expires, Answered),
        ]),
        ("A over IPv6", &[(Off, Answered), (ReplyByFib, Answered)]),
        ("A, EDNS", &[(Off, Answered)]),
        ("A, EDNS, DO", &[(Off, Answered), (Defaults, Answered)]),
        ("A, client cookie", &[(Off, Answered), (Cookies, Answered), (Defaults, Answered)]),
        ("A, server cookie", &[(Off, Answered), (Cookies, Answered), (Defaults, Answered)]),
        ("A, cookie of the other secret", &[(Cookies, Answered)]),
        ("A, ECS IPv4 /24", &[(Off, Answered), (Subnets, Answered), (SubnetsTrusted, Answered)]),
        ("A, ECS IPv6 /56", &[(Off, Answered), (Subnets, Answered), (SubnetsTrusted, Answered)]),
        ("A, ECS IPv4 /24, not trusted", &[(SubnetsTrusted, Answered)]),
        ("no such name, 1 label", &[(Off, AnsweredNegative), (Rates, AnsweredNegative), (OverRates, DropRate)]),
        ("no such name, 10 labels", &[(Off, AnsweredNegative)]),
        ("outside our zones", &[(Off, UpUnknownName), (UpBudget, UpUnknownName), (OverUpBudget, DropUnknownName)]),
    ];
    let families = families();
    let of = |name| families.iter().filter(move |family| family.name == name);
    let rows = wanted.iter().flat_map(|(name, sets)| {
        of(*name).flat_map(|family| {
            let rows = sets.iter();
            rows.map(|(set, outcome)| row(family, *set, Access::Hot, *outcome))
        })
    });
    rows.collect()
}

fn row(family: &Family, set: Set, access: Access, outcome: Outcome) -> Row {
    Row {
        family: family.clone(),
        set,
        access,
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_set_and_every_family_is_measured() {
        let sets: Vec<Set> = rows(FEATURES).iter().map(|row| row.set).collect();
        for set in Set::ALL {
            assert!(sets.contains(&set), "{}", set.name());
        }
        let measured: Vec<Row> = SIZES.into_iter().flat_map(rows).collect();
        let measured: HashSet<&str> = measured
            .iter()
            .map(|row| row.family.name.as_str())
            .collect();
        let all = families();
        assert_eq!(
            measured,
            all.iter().map(|family| family.name.as_str()).collect()
        );
        assert_eq!(measured.len(), all.len(), "names tell families apart");
    }
}
