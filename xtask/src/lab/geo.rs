//! A database in `MaxMind`'s format, as small as a test needs it.

use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Context as _, Result, anyhow};
use maxminddb_writer::{Database, metadata::IpVersion, paths::IpAddrWithMask};
use serde::Serialize;

/// What is known of a network, in the words of `MaxMind`'s own databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its autonomous system.
    As(u32),
    /// Its country.
    Country(&'static str),
}

#[derive(Serialize)]
struct AsRecord {
    autonomous_system_number: u32,
}

#[derive(Serialize)]
struct CountryRecord {
    country: Country,
}

#[derive(Serialize)]
struct Country {
    iso_code: &'static str,
}

/// A database of `networks`, which do not overlap, of both families.
pub fn database(networks: &[(&str, Origin)]) -> Result<Vec<u8>> {
    let mut database = Database::default();
    database.metadata.ip_version = IpVersion::V6;
    database.metadata.binary_format_major_version = 2;
    "Test".clone_into(&mut database.metadata.database_type);
    for (network, origin) in networks {
        let path = path(network).with_context(|| format!("the network {network}"))?;
        let record = match *origin {
            Origin::As(autonomous_system_number) => database.insert_value(AsRecord {
                autonomous_system_number,
            }),
            Origin::Country(iso_code) => database.insert_value(CountryRecord {
                country: Country { iso_code },
            }),
        };
        database.insert_node(path, record?);
    }
    Ok(database.write_to(Vec::new())?)
}

/// Where a network is in a database of IPv6: IPv4 is in its first 2^32 addresses.
fn path(network: &str) -> Result<IpAddrWithMask> {
    let (address, length) = network.split_once('/').context("it has no length")?;
    let length: u8 = length.parse()?;
    match address.parse()? {
        IpAddr::V4(address) => {
            let embedded = Ipv6Addr::from(u128::from(u32::from(address)));
            let length = length.checked_add(96).filter(|length| *length <= 128);
            let length = length.ok_or_else(|| anyhow!("it is longer than an address"))?;
            Ok(IpAddrWithMask::new(embedded.into(), length))
        }
        address @ IpAddr::V6(_) => Ok(IpAddrWithMask::new(address, length)),
    }
}
