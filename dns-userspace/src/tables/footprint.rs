//! What tables take of the host's memory.

use dns_common::tables::{
    AddressSlot, Chunk, Control, Counters, EntryPair, Line, V4_PAIRS, V6_PAIRS, Word, address,
};

use super::Capacity;

impl Capacity {
    /// Octets of all tables in the kernel of a host with `cpus` possible CPUs:
    /// entries by the size of one, of both generations, used or not. The kernel
    /// adds some hundred octets a table, and rounds up to pages.
    pub fn octets(&self, cpus: usize) -> u64 {
        let sized = self.map_entries().map(|(map, entries)| {
            let entry = match map {
                "BUCKETS" | "NAMES" | "ANSWERS" => size_of::<Line>(),
                "CHUNKS" => size_of::<Chunk>(),
                "SERVICES" => cpus * size_of::<u64>(),
                "COUNTERS" => cpus * size_of::<Counters>(),
                _ => size_of::<Word>(),
            };
            u64::from(entries) * entry as u64
        });
        let fixed = V4_PAIRS as usize * size_of::<EntryPair>()
            + V6_PAIRS as usize * size_of::<EntryPair>()
            + 2 * address::SLOTS as usize * size_of::<AddressSlot>()
            + size_of::<Control>();
        sized.iter().sum::<u64>() + fixed as u64
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
        // Every pool has a ranking for each group, and one word of its own.
        assert_eq!(more(groups), 2 * 8 * (6500 - 1) + 2 * 8 * 99);
        let chunks = Capacity {
            chunks: 11,
            ..SMALL
        };
        assert_eq!(more(chunks), 10 * 2 * 1024);
        let services = Capacity {
            services: 11,
            ..SMALL
        };
        assert_eq!(more(services), 10 * 2 * 8 * 4);
    }
}
