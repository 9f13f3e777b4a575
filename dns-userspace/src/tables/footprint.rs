//! What tables take of the host's memory.

use dns_common::tables::{
    AddressSlot, Chunk, Control, Counters, EntryPair, Line, V4_PAIRS, V6_PAIRS, Word, address,
};
use ipnet::IpNet;

use super::Capacity;

/// Octets of a service's name beside its counter, and of a group's.
const SERVICE_NAME: usize = 256;
const GROUP_NAME: usize = 64;

/// What a daemon has to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objects {
    /// Names in zones, with a record or two each.
    pub names: u64,
    /// Resolver prefixes.
    pub prefixes: u64,
    /// Resolver groups.
    pub groups: u64,
    /// Services.
    pub services: u64,
}

impl Objects {
    /// Octets of its own memory that a daemon has while it loads, when it has the most:
    /// an estimate from measured loads, for names of some 20 octets, services of two
    /// servers, and prefixes of which one in six needs a node. Those that need more take
    /// more: an IPv6 /48 with no other near it up to four nodes. `cargo xtask bench size`
    /// tries it.
    pub fn octets(&self) -> u64 {
        /// The index of IPv4 blocks that is worked out, and what the process itself has.
        const ANY: u64 = V4_PAIRS as u64 * size_of::<EntryPair>() as u64 + (52 << 20);
        const NAME: u64 = 650;
        /// The prefix with its group, and a sixth of a node.
        const PREFIX: u64 = size_of::<(IpNet, u16)>() as u64 + size_of::<Chunk>() as u64 / 6;
        const GROUP: u64 = 100;
        const SERVICE: u64 = 1000;
        ANY + NAME * self.names
            + PREFIX * self.prefixes
            + GROUP * self.groups
            + SERVICE * self.services
    }
}

impl Capacity {
    /// Octets of all tables in the kernel of a host with `cpus` possible CPUs:
    /// entries by the size of one, of both generations, used or not, and the names
    /// of as many services and groups as there is room for. The kernel adds some hundred
    /// octets a table, and rounds up to pages.
    pub fn octets(&self, cpus: usize) -> u64 {
        let sized = self.map_entries().into_iter().chain(self.counters());
        let sized = sized.map(|(map, entries)| {
            let entry = match map {
                "BUCKETS" | "NAMES" | "ANSWERS" => size_of::<Line>(),
                "CHUNKS" => size_of::<Chunk>(),
                "SERVICES" | "GROUPS" => cpus * size_of::<u64>(),
                "COUNTERS" => cpus * size_of::<Counters>(),
                _ => size_of::<Word>(),
            };
            u64::from(entries) * entry as u64
        });
        let fixed = V4_PAIRS as usize * size_of::<EntryPair>()
            + V6_PAIRS as usize * size_of::<EntryPair>()
            + 2 * address::SLOTS as usize * size_of::<AddressSlot>()
            + size_of::<Control>()
            + self.services as usize * SERVICE_NAME
            + self.groups as usize * GROUP_NAME;
        sized.sum::<u64>() + fixed as u64
    }

    /// The tunables that size the table `map`.
    pub fn setting_of(map: &str) -> &'static str {
        match map {
            "BUCKETS" | "NAMES" => "tables.names",
            "ANSWERS" => "tables.answer_cells",
            "CHUNKS" => "tables.chunks",
            "RANKINGS" => "tables.groups or tables.pools",
            "ELIGIBLE" | "SHARES" => "tables.pools",
            "GROUPS" => "tables.groups",
            "SERVICES" => "tables.services",
            "RATES" => "tables.rate_buckets",
            _ => "tables.*",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Capacity = Capacity {
        names: 1 << 10,
        groups: 1,
        pools: 1,
        answer_cells: 1 << 10,
        chunks: 1,
        services: 1,
        rate_buckets: 1,
    };

    #[test]
    fn every_table_that_grows_has_a_setting() {
        let tables = |capacity: Capacity| {
            let sized = capacity.map_entries().into_iter();
            sized.chain(capacity.counters())
        };
        for (map, entries) in tables(SMALL) {
            let more = Capacity {
                names: 4096,
                groups: 2,
                pools: 2,
                answer_cells: 4096,
                chunks: 2,
                services: 2,
                rate_buckets: 2,
            };
            let grows = tables(more).any(|(name, more)| name == map && more > entries);
            let setting = Capacity::setting_of(map);
            assert_eq!(grows, setting != "tables.*", "{map}: {setting}");
        }
    }

    #[test]
    fn each_object_adds_what_the_manual_says() {
        let more = |capacity: Capacity| capacity.octets(4) - SMALL.octets(4);
        let names = Capacity {
            names: SMALL.names << 1,
            ..SMALL
        };
        // Two cells and a half bucket, in each of two generations.
        assert_eq!(more(names), 1024 * 2 * (2 * 64 + 32));
        let groups = Capacity {
            groups: 65,
            pools: 100,
            ..SMALL
        };
        // Every pool has a ranking for each group, a word of its own and a mask for each slot;
        // every group a counter, twice, and a name.
        let rankings = 2 * 8 * (6500 - 1) + 2 * (8 + 1024) * 99;
        assert_eq!(more(groups), rankings + 64 * (2 * 8 * 4 + 64));
        let chunks = Capacity {
            chunks: 11,
            ..SMALL
        };
        assert_eq!(more(chunks), 10 * 2 * 1024);
        let services = Capacity {
            services: 11,
            ..SMALL
        };
        assert_eq!(more(services), 10 * (2 * 8 * 4 + 256));
    }
}
