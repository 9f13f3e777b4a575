use domain::base::Rtype;
use proptest::prelude::*;

use super::entries::entries;
use crate::{
    authority::testing::{HEAD, name, parse, zone},
    config::diagnostic::Diagnostics,
};

/// Every finding for a zone `example.com` of [`HEAD`] (4 lines) and `text`.
fn findings(text: &str) -> Diagnostics {
    let text = format!("{HEAD}{text}");
    parse(&[("example.com.zone", &text)]).expect_err("mistakes")
}

#[track_caller]
fn finds(text: &str, line: usize, reason: &str) {
    let found = findings(text);
    assert_eq!(found.0.len(), 1, "{found}");
    assert_eq!(found.0[0].line, line, "{found}");
    assert!(found.0[0].message.contains(reason), "{found}");
}

#[test]
fn rfc1035_5_1_all_that_a_master_file_may_do() {
    let zone = zone(
        "example.com",
        "; a comment\n\
         www\tIN 60 A 192.0.2.1 ; first\n    \
         A 192.0.2.2\n\
         \n\
         multi TXT ( \"one;\" ; not the end\n\
         \"two)\" )\n\
         $ORIGIN below.example.com.\n\
         $TTL 30\n\
         host A 192.0.2.3\r\n\
         @ TYPE65280 \\# 2 abcd\n\
         esc\\.aped A 192.0.2.4\n    \
         TXT \"still esc\\.aped\"\n\
         last A 192.0.2.5",
    );
    let at = |owner: &str, rtype| zone.rrset(name(owner).for_slice(), rtype);
    assert_eq!(at("www.example.com", Rtype::A).len(), 2);
    assert_eq!(
        at("multi.example.com", Rtype::TXT)[0].data().to_string(),
        "\"one;\" \"two)\""
    );
    assert_eq!(
        at("host.below.example.com", Rtype::A)[0].ttl().as_secs(),
        30
    );
    assert_eq!(at("below.example.com", Rtype::from_int(65280)).len(), 1);
    assert_eq!(at("esc\\.aped.below.example.com", Rtype::TXT).len(), 1);
    assert_eq!(at("last.below.example.com", Rtype::A).len(), 1);
}

#[test]
fn an_omitted_ttl_is_the_last_one_stated_without_dollar_ttl() {
    let text = "@ 900 SOA ns1 admin 1 2 3 4 5\n@ NS ns1\nns1 60 A 192.0.2.1\nwww A 192.0.2.2\n";
    let zone = parse(&[("example.com.zone", text)]).expect("a zone");
    let ttl = |owner, rtype| {
        zone.rrset(name(owner).for_slice(), rtype)[0]
            .ttl()
            .as_secs()
    };
    assert_eq!(ttl("example.com", Rtype::NS), 900);
    assert_eq!(ttl("www.example.com", Rtype::A), 60);
}

#[test]
fn rfc2181_5_2_differing_ttls_become_the_lowest() {
    let zone = zone(
        "example.com",
        "www 60 A 192.0.2.1\nwww 20 A 192.0.2.2\nwww 90 A 192.0.2.3\nwww 10 A 192.0.2.1\n",
    );
    let www = zone.rrset(name("www.example.com").for_slice(), Rtype::A);
    let ttls: Vec<u32> = www.iter().map(|record| record.ttl().as_secs()).collect();
    assert_eq!(ttls, [10, 10, 10], "one record is there twice");
}

#[test]
fn included_files_are_read_where_they_stand() {
    let main = format!("{HEAD}$INCLUDE sub/part hosts\n$INCLUDE \"more\"\nwww A 192.0.2.1\n");
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("sub")).expect("a directory");
    let write = |file: &str, text: &str| {
        std::fs::write(directory.path().join(file), text).expect("a file");
    };
    write("example.com.zone", &main);
    write(
        "sub/part",
        "$ORIGIN a.hosts.example.com.\nx A 192.0.2.2\n$INCLUDE deeper\n",
    );
    write("sub/deeper", "y A 192.0.2.3\n");
    write("more", "z A 192.0.2.4\n");
    let zone = super::parse(&directory.path().join("example.com.zone")).expect("a zone");
    for owner in ["x.a.hosts", "y.a.hosts", "z", "www"] {
        let owner = name(&format!("{owner}.example.com"));
        assert_eq!(zone.rrset(owner.for_slice(), Rtype::A).len(), 1, "{owner}");
    }
}

#[test]
fn mistakes_in_included_files_name_that_file() {
    let main = format!("{HEAD}$INCLUDE part\n$INCLUDE missing\n");
    let found = parse(&[("example.com.zone", &main), ("part", "\nwww A bad\n")]);
    let found = found.expect_err("mistakes").0;
    let places: Vec<_> = found
        .iter()
        .map(|finding| (finding.file.to_str().expect("UTF-8"), finding.line))
        .collect();
    assert_eq!(places, [("example.com.zone", 6), ("part", 2)]);
}

#[test]
fn a_file_that_includes_itself_is_an_error() {
    let text = format!("{HEAD}$INCLUDE example.com.zone\n");
    let found = parse(&[("example.com.zone", &text)]).expect_err("a circle");
    assert!(found.to_string().contains("includes itself"), "{found}");
}

#[test]
fn every_mistake_of_a_file_is_found_with_its_line() {
    let found = findings(
        "www A 192.0.2\n\
         ok A 192.0.2.1\n\
         www NOTATYPE x\n\
         www.example.net. A 192.0.2.1\n\
         ok CNAME www\n\
         text TXT ( \"a\"\n\
         ; a comment\n\
         \"unquoted )\n\
         )\n\
         good A 192.0.2.2\n\
         @ CH TXT \"x\"\n",
    );
    let lines: Vec<usize> = found.0.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [5, 7, 8, 9, 10, 15], "{found}");
}

#[test]
fn each_mistake_says_what_is_valid() {
    finds("www A 192.0.2\n", 5, "valid is [OWNER] [TTL in seconds]");
    finds("$TTL 1h\n", 5, "seconds from 0 to 2147483647");
    finds(
        "www 4294967295 A 192.0.2.1\n",
        5,
        "seconds from 0 to 2147483647",
    );
    finds("www CH A 192.0.2.1\n", 5, "class CH; valid is IN");
    finds(
        "a.example.net. A 192.0.2.1\n",
        5,
        "outside the zone example.com.",
    );
    finds(
        "a SOA ns1 admin 1 2 3 4 5\n",
        5,
        "at the apex example.com. only",
    );
    finds("@ SOA ns1 admin 1 2 3 4 5\n", 5, "one SOA at most");
    finds("a CNAME b\na TXT x\n", 6, "TXT beside a CNAME");
    finds("a TXT x\na CNAME b\n", 6, "CNAME beside TXT");
    finds("a CNAME b\na CNAME c\n", 6, "one CNAME at most");
    finds("a DNAME b\na DNAME c\n", 6, "one DNAME at most");
    finds(
        "x.a TXT x\na DNAME b\n",
        5,
        "below the DNAME at a.example.com.",
    );
    finds("*.a NS ns1\n", 5, "wildcard");
    finds("*.a DNAME b\n", 5, "wildcard");
    finds("a TYPE255 \\# 0\n", 5, "not a type that a zone can hold");
    finds("a TXT ( \"x\"\n\n", 5, "never closed");
    finds("a TXT x )\n", 5, "unbalanced");
    finds("$GENERATE 1-2 a A 192.0.2.$\n", 5, "unknown control");
}

#[test]
fn a_missing_soa_or_ns_is_found_beside_the_rest() {
    let found = parse(&[("example.com.zone", "www A bad\n")]).expect_err("mistakes");
    let messages: Vec<&str> = found.0.iter().map(|found| found.message.as_str()).collect();
    assert!(messages[0].contains("no SOA record at the apex"), "{found}");
    assert!(messages[1].contains("no NS record at the apex"), "{found}");
    assert_eq!(found.0[2].line, 1, "{found}");
}

#[test]
fn an_indented_first_record_has_no_owner() {
    let found = parse(&[("example.com.zone", "  A 192.0.2.1\n")]).expect_err("mistakes");
    assert!(found.to_string().contains("names an owner"), "{found}");
}

#[test]
fn a_signed_zone_is_refused_in_one_line() {
    let key = "DNSKEY 257 3 13 qqqq\n";
    finds(
        &format!("@ {key}@ {key}www NSEC example.com. A\n@ NSEC3PARAM 1 0 0 -\n"),
        5,
        "signed zones are not served yet",
    );
}

#[test]
fn the_file_name_names_the_zone() {
    for file in ["example.com", "example.com.db", ".zone", "a..b.zone"] {
        let found = parse(&[(file, HEAD)]).expect_err(file);
        assert_eq!(found.0.len(), 1, "{found}");
        assert!(found.to_string().contains("example.com.zone"), "{found}");
    }
    let root = ". 300 SOA . . 1 1 1 1 1\n. NS ns.\nns A 192.0.2.1\n";
    assert!(parse(&[("..zone", root)]).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_is_said_to_be() {
    let found = super::parse(std::path::Path::new("/nonexistent/example.com.zone"));
    let found = found.expect_err("no file").to_string();
    assert!(
        found.starts_with("/nonexistent/example.com.zone: read: "),
        "{found}"
    );
}

#[test]
fn entries_have_their_first_line_and_whole_text() {
    let text = b"\n ; c\na (\n b ; )\n)\n\"open\n  c\n\n d";
    let found: Vec<_> = entries(text)
        .map(|entry| (entry.line, entry.indented, entry.text))
        .collect();
    assert_eq!(
        found,
        [
            (3, false, &b"a (\n b ; )\n)"[..]),
            (6, false, b"\"open"),
            (7, true, b"  c"),
            (9, true, b" d"),
        ]
    );
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(text in "([a-z@.$\\\\\"();# \t\n0-9]|TXT|SOA|A|IN|MX|ORIGIN|TTL){0,60}") {
        let text = format!("{HEAD}{text}");
        let _ = parse(&[("example.com.zone", &text)]);
    }
}
