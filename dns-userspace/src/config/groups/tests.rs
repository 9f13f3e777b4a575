use crate::config::tests::{assert_finding, load_files};

#[test]
fn prefixes_and_addresses_get_their_groups() {
    let text = "# resolvers\n\
                192.0.2.0/24 isp-a # first\n\
                \n\
                2001:db8::/32\tisp-b\n\
                198.51.100.7 isp-a\r\n\
                2001:db8::53 default\n\
                192.0.2.0/24 isp-a\n";
    let groups = load_files(&[("groups.conf", text)]).unwrap().groups;
    assert_eq!(groups.names, ["default", "isp-a", "isp-b"]);
    let prefixes: Vec<_> = groups
        .prefixes
        .iter()
        .map(|(prefix, group)| (prefix.to_string(), *group))
        .collect();
    let expected = [
        ("192.0.2.0/24", 1),
        ("2001:db8::/32", 2),
        ("198.51.100.7/32", 1),
        ("2001:db8::53/128", 0),
    ];
    assert_eq!(
        prefixes,
        expected.map(|(prefix, group)| (prefix.to_owned(), group))
    );
}

#[test]
fn each_mistake_is_named_with_its_line() {
    let long = format!("192.0.2.0/24 {}", "a".repeat(64));
    let long_expected = format!("groups.conf:2: {}: is not a group's name", "a".repeat(64));
    let cases = [
        (
            "192.0.2.77/24 a",
            "groups.conf:2: 192.0.2.77/24: has bits set past its length; 192.0.2.0/24 was probably meant",
        ),
        (
            "2001:db8::1/32 a",
            "groups.conf:2: 2001:db8::1/32: has bits set past its length; 2001:db8::/32 was probably meant",
        ),
        (
            "192.0.2.0/33 a",
            "groups.conf:2: 192.0.2.0/33: is not a prefix; valid: ",
        ),
        (
            "www.example.com a",
            "groups.conf:2: www.example.com: is not a prefix; valid: ",
        ),
        (
            "192.0.2.0/24",
            "groups.conf:2: 192.0.2.0/24: is not a prefix and a group; valid: PREFIX GROUP",
        ),
        (
            "192.0.2.0/24 a b",
            "groups.conf:2: 192.0.2.0/24 a b: is not a prefix and a group; valid: PREFIX GROUP",
        ),
        (
            "192.0.2.0/24 ISP",
            "groups.conf:2: ISP: is not a group's name; valid: 1 to 63 of a-z, 0-9 and `-`",
        ),
        (
            "192.0.2.0/24 -a",
            "groups.conf:2: -a: is not a group's name",
        ),
        (&long, &long_expected),
        (
            "192.0.2.0/24 a\n192.0.2.0/24 b",
            "groups.conf:3: 192.0.2.0/24: is in group a on line 2; valid: one group",
        ),
    ];
    for (line, expected) in cases {
        assert_finding(&[("groups.conf", &format!("# first\n{line}\n"))], expected);
    }
}

#[test]
fn both_words_of_a_line_can_be_wrong() {
    let found = load_files(&[("groups.conf", "nowhere NOBODY\n")]).unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn too_many_groups_name_the_tunable_once() {
    let text = "192.0.2.0/24 a\n192.0.3.0/24 b\n192.0.4.0/24 c\n192.0.5.0/24 a\n";
    assert_finding(
        &[("veer.conf", "tables.groups = 2"), ("groups.conf", text)],
        "groups.conf:2: b: is one group more than there is room for; valid: at most 2, \
         `default` included, or raise tables.groups",
    );
    let fits = load_files(&[("veer.conf", "tables.groups = 4"), ("groups.conf", text)]);
    assert_eq!(fits.unwrap().groups.names.len(), 4);
}

#[test]
fn as_many_groups_as_numbers_fit() {
    let lines = (1..65_536).map(|group: u32| format!("2001:db8:{group:x}::/48 g{group}\n"));
    let text = lines.collect::<Vec<_>>().concat();
    let files = [
        ("veer.conf", "tables.groups = 65536"),
        ("groups.conf", &text),
    ];
    let groups = load_files(&files).unwrap().groups;
    assert_eq!(groups.names.len(), 65_536);
    assert_eq!(groups.prefixes[65_534].1, u16::MAX);

    let more = format!("{text}192.0.2.0/24 one-more\n");
    assert_finding(
        &[
            ("veer.conf", "tables.groups = 65536"),
            ("groups.conf", &more),
        ],
        "groups.conf:65536: one-more: is one group more than there is room for",
    );
}
