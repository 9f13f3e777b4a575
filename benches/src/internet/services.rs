//! Services, many of them on few pools.

use std::fmt::Write as _;

/// The most pools that [`services`] tells apart.
const POOLS_MAX: usize = 65_536;

/// Services of one customer, and so in one file.
const PER_CUSTOMER: usize = 100;

/// Steered names, and the files that say so.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// The names, absolute.
    pub(crate) names: Vec<String>,
    /// TOML, for each customer.
    pub(crate) files: Vec<String>,
}

/// `count` services, each the name `steered-N` of one of `apexes` in turn, on
/// `pools` pools, which are told apart by the addresses of their servers: two,
/// in 127.0.0.0/8 and `2001:db8::/32`, probed once an hour.
///
/// # Panics
/// Where there is no apex, or `pools` is not 1 to [`POOLS_MAX`].
pub(crate) fn services(count: usize, pools: usize, apexes: &[String]) -> Services {
    assert!((1..=POOLS_MAX).contains(&pools), "{pools} pools");
    let name = |number| format!("steered-{number}.{}", apexes[number % apexes.len()]);
    let names: Vec<String> = (0..count).map(name).collect();
    let numbered: Vec<_> = names.iter().enumerate().collect();
    let files = numbered.chunks(PER_CUSTOMER).enumerate();
    let files = files.map(|(customer, services)| {
        let mut text = String::with_capacity(400 * PER_CUSTOMER);
        for (number, name) in services {
            service(&mut text, name, customer, number % pools);
        }
        text
    });
    Services {
        files: files.collect(),
        names,
    }
}

/// Adds the service at `name`.
fn service(text: &mut String, name: &str, customer: usize, pool: usize) {
    let (high, low) = (pool >> 8, pool & 0xff);
    write!(
        text,
        "[[service]]\n\
         name = \"{name}\"\n\
         customer = \"customer-{customer}\"\n\
         policy = {{ kind = \"failover\", order = [\"a\", \"b\"] }}\n\
         probe = {{ kind = \"tcp\", port = 9, interval_ms = 3600000, timeout_ms = 100 }}\n\
         [[service.server]]\n\
         name = \"a\"\n\
         addresses = [\"127.1.{high}.{low}\", \"2001:db8:1::{pool:x}\"]\n\
         [[service.server]]\n\
         name = \"b\"\n\
         addresses = [\"127.2.{high}.{low}\", \"2001:db8:2::{pool:x}\"]\n"
    )
    .expect("a string takes it");
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs};

    use veer::model::Plan;

    use super::*;

    #[test]
    fn services_are_taken_by_the_configuration() {
        let directory = tempfile::tempdir().expect("a directory");
        let apexes = ["a.example.".to_owned(), "b.example.".to_owned()];
        let Services { names, files } = services(500, 100, &apexes);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 500);
        let services = directory.path().join("services.d");
        fs::create_dir(&services).expect("a directory");
        fs::write(
            directory.path().join("veer.conf"),
            "server.addresses = 192.0.2.1\n",
        )
        .expect("write the tunables");
        for (number, text) in files.iter().enumerate() {
            let file = services.join(format!("{number}.toml"));
            fs::write(file, text).expect("write services");
        }
        let config = veer::config::load(directory.path()).expect("a valid configuration");
        assert_eq!(config.services.len(), 500);
        let plan = Plan::new(config.services, config.groups);
        assert_eq!(plan.pools.len(), 100);
    }
}
