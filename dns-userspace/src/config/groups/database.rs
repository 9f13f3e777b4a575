//! Which networks belong to whom, by a database in `MaxMind`'s format.

use std::{collections::HashMap, hash::Hash, path::Path};

use foldhash::fast::RandomState;
use ipnet::IpNet;
use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions, path};

/// Networks by who has them.
pub(super) type Networks<K> = HashMap<K, Vec<IpNet>, RandomState>;

/// A record of a database.
pub(super) type Record<'r> = LookupResult<'r, Vec<u8>>;

/// The networks that the database `file` has of each of `wanted`, as `whose` reads
/// records; none of what is not in it.
pub(super) fn networks<K: Copy + Eq + Hash>(
    file: &Path,
    wanted: impl Iterator<Item = K>,
    whose: impl Fn(&Record<'_>) -> Result<Option<K>, MaxMindDbError>,
) -> Result<Networks<K>, MaxMindDbError> {
    let reader = Reader::open_readfile(file)?;
    let mut networks: Networks<K> = wanted.map(|key| (key, Vec::new())).collect();
    // Most networks share their record with many others.
    let mut known: HashMap<usize, Option<K>, RandomState> = HashMap::default();
    for record in reader.networks(WithinOptions::default())? {
        let record = record?;
        let Some(offset) = record.offset() else {
            continue;
        };
        let key = if let Some(key) = known.get(&offset) {
            *key
        } else {
            let key = whose(&record)?;
            known.insert(offset, key);
            key
        };
        if let Some(of) = key.and_then(|key| networks.get_mut(&key)) {
            let network = record.network()?;
            let prefix = IpNet::new(network.ip(), network.prefix());
            of.push(prefix.expect("a network is no longer than its address"));
        }
    }
    Ok(networks)
}

/// The number of the autonomous system that a record is of.
pub(super) fn as_number(record: &Record<'_>) -> Result<Option<u32>, MaxMindDbError> {
    record.decode_path(&path!["autonomous_system_number"])
}

/// The code of the country (ISO 3166-1) that a record is of.
pub(super) fn country(record: &Record<'_>) -> Result<Option<Country>, MaxMindDbError> {
    let code: Option<&str> = record.decode_path(&path!["country", "iso_code"])?;
    Ok(code.and_then(|code| Country::try_from(code.as_bytes()).ok()))
}

/// Two capital letters.
pub(super) type Country = [u8; 2];
