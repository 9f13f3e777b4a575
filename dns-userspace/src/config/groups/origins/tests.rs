use std::{fs, path::Path};

use xtask::lab::geo::{self, Origin};

use crate::{
    config::{
        groups::database,
        tests::{assert_finding, load_directory, load_files},
    },
    model::{Groups, Quantity},
};

const AS_KEY: &str = "groups.as_database";
const COUNTRY_KEY: &str = "groups.country_database";

/// A configuration of these files with a database of each kind.
fn with_databases(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |file: &str, octets: &[u8]| {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, octets).unwrap();
    };
    let of_as = [
        ("192.0.2.0/25", Origin::As(64500)),
        ("192.0.2.128/25", Origin::As(64500)),
        ("198.51.100.0/24", Origin::As(64501)),
        ("2001:db8:1::/48", Origin::As(64500)),
        ("2001:db8:2::/48", Origin::As(4_200_000_000)),
    ];
    let of_country = [
        ("192.0.0.0/8", Origin::Country("CZ")),
        ("198.51.100.0/25", Origin::Country("CZ")),
        ("203.0.113.0/24", Origin::Country("BR")),
        ("2001:db8::/32", Origin::Country("CZ")),
    ];
    write("as.mmdb", &geo::database(&of_as).unwrap());
    write("country.mmdb", &geo::database(&of_country).unwrap());
    let conf = format!(
        "server.addresses = 192.0.2.53\n{AS_KEY} = as.mmdb\n{COUNTRY_KEY} = country.mmdb\n"
    );
    write("veer.conf", conf.as_bytes());
    for (file, text) in files {
        write(file, text.as_bytes());
    }
    dir
}

#[track_caller]
fn groups(files: &[(&str, &str)]) -> Groups {
    let dir = with_databases(files);
    load_directory(dir.path())
        .unwrap_or_else(|found| panic!("{found:#?}"))
        .groups
}

/// Its prefixes with the names of their groups, in the order of prefixes.
fn named(groups: &Groups) -> Vec<String> {
    let mut prefixes = groups.prefixes.clone();
    prefixes.sort();
    let name = |group: u16| &groups.names[usize::from(group)];
    let lines = prefixes
        .iter()
        .map(|(prefix, group)| format!("{prefix} {}", name(*group)));
    lines.collect()
}

#[track_caller]
fn finds(dir: &Path, expected: &str) {
    let found = load_directory(dir).expect_err(expected);
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "expected {expected}\nfound    {found:#?}"
    );
}

const BOTH: &str = "[[group]]\nname = \"isp-a\"\nas = [64500, 4200000000]\n\
                    [[group]]\nname = \"cz\"\ncountry = [\"CZ\"]\nas = [64501]\n";

#[test]
fn networks_of_an_as_go_before_those_of_a_country() {
    let groups = groups(&[("groups.d/all.toml", BOTH)]);
    assert_eq!(groups.names, ["default", "isp-a", "cz"]);
    let expected = [
        "192.0.0.0/8 cz",
        // Two networks of one AS side by side are one prefix.
        "192.0.2.0/24 isp-a",
        "198.51.100.0/24 cz",
        "2001:db8::/32 cz",
        "2001:db8:1::/48 isp-a",
        "2001:db8:2::/48 isp-a",
    ];
    assert_eq!(named(&groups), expected);
}

#[test]
fn written_prefixes_go_before_databases() {
    let written = "192.0.0.0/16 isp-b\n192.0.2.0/24 default\n2001:db8:1:2::/64 isp-b\n";
    let groups = groups(&[("groups.d/all.toml", BOTH), ("groups.conf", written)]);
    let expected = [
        "192.0.0.0/8 cz",
        "192.0.0.0/16 isp-b",
        "192.0.2.0/24 default",
        "198.51.100.0/24 cz",
        "2001:db8::/32 cz",
        "2001:db8:1::/48 isp-a",
        "2001:db8:1:2::/64 isp-b",
        "2001:db8:2::/48 isp-a",
    ];
    assert_eq!(named(&groups), expected);
}

#[test]
fn a_group_may_be_told_by_line_and_by_table_in_several_files() {
    let one = "[[group]]\nname = \"isp-a\"\nas = [64500]\n";
    let other = "[[group]]\nname = \"isp-a\"\ncountry = [\"BR\"]\n";
    let groups = groups(&[
        ("groups.conf", "10.0.0.0/8 isp-a\n"),
        ("groups.d/one.toml", one),
        ("groups.d/other.toml", other),
    ]);
    assert_eq!(groups.names, ["default", "isp-a"]);
    assert_eq!(groups.prefixes.len(), 4);
}

#[test]
fn the_demand_of_a_group_is_said_wherever_its_prefixes_are() {
    let text = "[[group]]\nname = \"isp-a\"\nas = [64500]\ndemand = 2500\n\
                [[group]]\nname = \"isp-b\"\ndemand = 0.5\n\
                [[group]]\nname = \"default\"\ndemand = 7\n";
    let groups = groups(&[
        ("groups.conf", "10.0.0.0/8 isp-b\n"),
        ("groups.d/all.toml", text),
    ]);
    assert_eq!(groups.names, ["default", "isp-b", "isp-a"]);
    let expected = [(0, 7_000), (1, 500), (2, 2_500_000)];
    assert_eq!(
        groups.demand,
        expected.map(|(group, of)| (group, Quantity(of))).into()
    );
}

#[test]
fn mistakes_in_groups_are_found_where_they_are() {
    let long = format!("[[group]]\nname = \"{}\"\nas = [64500]", "a".repeat(64));
    for (text, expected) in [
        (
            "[[groups]]",
            "1: groups: unknown key in a file of groups; nearest: group",
        ),
        (
            "group = 1",
            "1: group: is an integer; valid: [[group]] tables",
        ),
        (
            "[[group]]\nas = [64500]",
            "1: group.#1.name: is missing; valid: 1 to 63 of",
        ),
        (
            "[[group]]\nname = \"A\"\nas = [64500]",
            "2: group.#1.name: `A` is not a group's name",
        ),
        (&long, "2: group.#1.name: `aaa"),
        (
            "[[group]]\nname = \"a\"",
            "1: group.#1: has neither `as`, `country` nor `demand`",
        ),
        (
            "[[group]]\nname = \"a\"\nas = []",
            "3: group.#1.as: is empty; valid: an array",
        ),
        (
            "[[group]]\nname = \"a\"\nas = 64500",
            "3: group.#1.as: is an integer; valid: an",
        ),
        (
            "[[group]]\nname = \"a\"\nas = [0]",
            "3: group.#1.as: 0 is out of range; valid: 1 to",
        ),
        (
            "[[group]]\nname = \"a\"\nas = [4294967296]",
            "3: group.#1.as: 4294967296 is out of range",
        ),
        (
            "[[group]]\nname = \"a\"\ncountry = [\"cz\"]",
            "3: group.#1.country: `cz` is not the code of a country; valid: an array of",
        ),
        (
            "[[group]]\nname = \"a\"\nas = [64500]\n[[group]]\nname = \"b\"\nas = [64500]",
            "6: group.#2.as: is in a group already, by ",
        ),
        (
            "[[group]]\nname = \"a\"\nas = [64500]\ndemand = 0",
            "4: group.#1.demand: is 0; valid: a number above 0, queries a second",
        ),
        (
            "[[group]]\nname = \"a\"\nas = [64500]\ndemand = \"1\"",
            "4: group.#1.demand: is a string; valid: a number",
        ),
        (
            "[[group]]\nname = \"a\"\nas = [64500]\ndemand = 1\n[[group]]\nname = \"a\"\ndemand = 2",
            "7: group.#2.demand: is said of this group already, by ",
        ),
        (
            "[[group]]\nname = \"a\"\ndemand = 1",
            "1: group: `a` has no prefixes; valid: a group of groups.file, or one with `as`",
        ),
        (
            "[[group]]\nname = \"a\"\nas = [64500, 64999]",
            "3: as: AS 64999 is not in ",
        ),
        (
            "[[group]]\nname = \"a\"\ncountry = [\"UK\"]",
            "3: country: UK is not in ",
        ),
    ] {
        let dir = with_databases(&[("groups.d/all.toml", text)]);
        finds(dir.path(), &format!("groups.d/all.toml:{expected}"));
    }
}

#[test]
fn a_database_that_is_missing_or_something_else_is_named() {
    let by_as = "[[group]]\nname = \"a\"\nas = [64500]\n";
    assert_finding(
        &[("groups.d/a.toml", by_as)],
        "groups.d/a.toml:3: as: needs a database; valid: groups.as_database set to one in",
    );
    let by_country = "[[group]]\nname = \"a\"\ncountry = [\"CZ\"]\n";
    assert_finding(
        &[("groups.d/a.toml", by_country)],
        "groups.d/a.toml:3: country: needs a database; valid: groups.country_database set",
    );
    let conf = format!("# one\n{AS_KEY} = gone.mmdb\n");
    assert_finding(
        &[("groups.d/a.toml", by_as), ("veer.conf", &conf)],
        "veer.conf:2: groups.as_database: gone.mmdb: i/o error: No such file",
    );
    // One of another kind knows no AS, and what is not one at all is not read.
    let conf = format!("server.addresses = 192.0.2.53\n{AS_KEY} = country.mmdb\n");
    let dir = with_databases(&[("groups.d/a.toml", by_as), ("veer.conf", &conf)]);
    finds(
        dir.path(),
        "groups.d/a.toml:3: as: AS 64500 is not in country.mmdb; valid: one",
    );
    let whole = fs::read(dir.path().join("country.mmdb")).unwrap();
    for broken in [&b"MaxMind.com"[..], &whole[..whole.len() / 2], &whole[20..]] {
        fs::write(dir.path().join("country.mmdb"), broken).unwrap();
        finds(
            dir.path(),
            "veer.conf:2: groups.as_database: country.mmdb: ",
        );
    }
    // Nobody asks for it.
    let unused = load_files(&[("veer.conf", &conf.replace("country.mmdb", "gone.mmdb"))]);
    assert_eq!(unused.unwrap().groups, Groups::default());
}

#[test]
fn a_missing_directory_of_groups_is_empty_unless_it_was_named() {
    assert_eq!(load_files(&[]).unwrap().groups, Groups::default());
    assert_finding(
        &[("veer.conf", "groups.directory = nowhere\n")],
        "veer.conf:1: groups.directory: nowhere does not exist; valid: a readable directory",
    );
}

#[test]
fn no_octet_changed_in_a_database_makes_reading_it_panic() {
    let dir = with_databases(&[]);
    let file = dir.path().join("country.mmdb");
    let whole = fs::read(&file).unwrap();
    let mut refused = 0;
    for position in 0..whole.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut octets = whole.clone();
            octets[position] ^= change;
            fs::write(&file, &octets).unwrap();
            let wanted = [*b"CZ", *b"BR"].into_iter();
            let read = database::networks(&file, wanted, database::country);
            refused += usize::from(read.is_err());
        }
    }
    assert!(
        refused > whole.len() / 4,
        "{refused} of {}",
        4 * whole.len()
    );
}
