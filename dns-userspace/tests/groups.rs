//! Groups by autonomous system and country, as a database has them: in the kernel, and
//! when the database is another.

mod support;

use std::fs;

use domain::base::Rtype;
use support::{
    config::Config,
    text,
    world::{Family, Resolver, World},
    zone,
};
use xtask::lab::geo::{self, Origin};

const WWW: &str = "www.example.";
const RESOLVERS: [Resolver; 3] = [Resolver::A, Resolver::B, Resolver::Other];

/// Puts a database where the configuration has it.
fn write(config: &Config, file: &str, networks: &[(&str, Origin)]) {
    let database = geo::database(networks).expect("a database");
    fs::write(config.path(file), database).expect("a file");
}

/// Who answers each of [`RESOLVERS`], now.
#[track_caller]
fn servers(world: &World) -> [String; 3] {
    RESOLVERS.map(|resolver| {
        let found = world.addresses(resolver, WWW, Rtype::A);
        found.expect("an answer").join(" ")
    })
}

/// The group of `resolver`, and by which prefix.
#[track_caller]
fn group(config: &Config, resolver: Resolver) -> [String; 2] {
    let from = resolver.address(Family::V4).to_string();
    let explained = config.veerctl(&["explain", WWW, "--from", &from]);
    ["group", "prefix"].map(|key| text(&explained, key).to_owned())
}

#[test]
fn resolvers_are_in_the_group_of_their_as_or_country_unless_a_prefix_says_else() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW]);
    config.settings(&[
        "groups.as_database = as.mmdb",
        "groups.country_database = country.mmdb",
    ]);
    write(&config, "as.mmdb", &[("10.9.0.0/22", Origin::As(64500))]);
    let of_country = [("10.9.3.0/24", Origin::Country("CZ"))];
    write(&config, "country.mmdb", &of_country);
    config.write("groups.conf", "10.9.1.0/24 isp-a\n");
    let tables = "[[group]]\nname = \"isp-b\"\nas = [64500]\n\
                  [[group]]\nname = \"cz\"\ncountry = [\"CZ\"]\n";
    config.write("groups.d/all.toml", tables);
    let daemon = world.start(&config);
    assert_eq!(servers(&world), ["10.8.0.1", "10.8.0.2", "10.8.0.2"]);
    assert_eq!(config.stats().userspace(), 0);
    assert_eq!(group(&config, Resolver::A), ["isp-a", "10.9.1.0/24"]);
    for resolver in [Resolver::B, Resolver::Other] {
        assert_eq!(group(&config, resolver), ["isp-b", "10.9.0.0/22"]);
    }

    // The AS has less of it now, and the country the rest.
    write(&config, "as.mmdb", &[("10.9.2.0/24", Origin::As(64500))]);
    config.veerctl(&["reload"]);
    assert_eq!(servers(&world), ["10.8.0.1", "10.8.0.2", "10.8.0.1"]);
    assert_eq!(group(&config, Resolver::B), ["isp-b", "10.9.2.0/24"]);
    assert_eq!(group(&config, Resolver::Other), ["cz", "10.9.3.0/24"]);

    // What is no database changes nothing.
    config.write("as.mmdb", "not one");
    let refused = config.veerctl_fails(&["reload"]);
    assert!(refused.contains("groups.as_database: "), "{refused}");
    assert_eq!(servers(&world), ["10.8.0.1", "10.8.0.2", "10.8.0.1"]);
    daemon.sigterm().expect("it stops");
}
