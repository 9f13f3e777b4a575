use std::fs;

use tempfile::TempDir;

use super::*;

const ZONE: &str = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n\
                    sub NS ns1\nwww TXT \"text\"\n";

/// What is wrong with services in the zone `example.` beside what `zone` adds.
fn findings(zone: &str, services: &[(&str, &str)]) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    for sub in ["veer.d", "zones.d", "services.d"] {
        fs::create_dir(dir.path().join(sub)).unwrap();
    }
    let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
    write("veer.d/a.conf", "server.addresses = 127.0.0.1\n");
    write("zones.d/example.zone", &format!("{ZONE}{zone}"));
    let services = services.iter().map(|(name, over)| {
        // A table's own keys come before the tables in it.
        let (keys, over) = over.split_at(over.find('[').unwrap_or(0));
        format!(
            "[[service]]\nname = \"{name}\"\ncustomer = \"acme\"\n{keys}\
             policy = {{ kind = \"failover\" }}\nprobe = {{ kind = \"tcp\", port = 80 }}\n\
             [[service.server]]\nname = \"s1\"\naddresses = [\"192.0.2.1\"]\n{over}\n"
        )
    });
    write("services.d/a.toml", &services.collect::<String>());
    match load(&Source::on_disk(dir.path())) {
        Ok(_) => Vec::new(),
        Err(found) => found.0.iter().map(ToString::to_string).collect(),
    }
}

const CNAME: &str = "[[service.hand_over]]\nname = \"cdn\"\ncname = \"cdn.example.net\"";
const NS: &str = "[[service.hand_over]]\nname = \"cdn\"\nns = [{ name = \"ns.example.net\" }]";

#[track_caller]
fn assert_one(found: &[String], expected: &str) {
    let one = found.len() == 1 && found[0].contains(expected);
    assert!(one, "{expected}: {found:#?}");
}

#[test]
fn hand_overs_stand_where_resolvers_can_follow_them() {
    for over in [CNAME, NS] {
        assert_eq!(findings("", &[("a.example", over)]), [""; 0]);
        assert_one(
            &findings("", &[("example", over)]),
            "service.example.: example. is the apex of its zone, where no CNAME can stand and \
             resolvers take NS for an answer",
        );
        assert_one(
            &findings("", &[("sub.example", over)]),
            "sub.example. is at or below the zone cut sub.example.",
        );
        assert_one(
            &findings("a DNAME b\n", &[("a.example", over)]),
            "a.example. has a DNAME, beside which neither CNAME nor NS can stand",
        );
    }
}

#[test]
fn addresses_of_another_dns_stand_at_an_apex_and_lead_not_back_to_us() {
    let flat =
        |name: &str| format!("[[service.hand_over]]\nname = \"cdn\"\naddresses_of = \"{name}\"");
    let elsewhere = flat("cdn.example.net");
    for at in ["example", "www.example"] {
        assert_eq!(findings("", &[(at, &elsewhere)]), [""; 0]);
        assert_one(
            &findings("", &[(at, &flat("CDN.example"))]),
            "addresses_of of the hand-over cdn is CDN.example., in our own zone example.; valid: a \
             name of another DNS",
        );
    }
    assert_one(
        &findings("", &[("example", CNAME)]),
        "valid with a hand-over: a name below the apex, or addresses_of in place of cname or ns",
    );
    // What is delegated is another's.
    assert_eq!(
        findings("", &[("example", &flat("a.sub.example"))]),
        [""; 0]
    );
    let own = format!("{elsewhere}\nresolvers = [\"192.0.2.9\", \"127.0.0.1\"]");
    assert_one(
        &findings("", &[("example", &own)]),
        "resolvers of the hand-over cdn has 127.0.0.1:53, where we answer ourselves; valid: \
         resolvers of others",
    );
    let other_port = own.replace("127.0.0.1", "127.0.0.1:5353");
    assert_eq!(findings("", &[("example", &other_port)]), [""; 0]);
}

#[test]
fn a_cname_stands_beside_other_records_in_the_direct_shape_only() {
    assert_one(
        &findings("", &[("www.example", CNAME)]),
        "www.example. has its own TXT records in the zone file",
    );
    let direct = format!("shape = \"direct\"\n{CNAME}");
    assert_eq!(findings("", &[("www.example", &direct)]), [""; 0]);
    assert_eq!(findings("", &[("www.example", NS)]), [""; 0]);
}

#[test]
fn nothing_else_stands_below_what_is_handed_over_by_ns() {
    let below = [("a.b.example", NS)];
    assert_one(
        &findings("c.a.b TXT \"c\"\n", &below),
        "c.a.b.example. is in the zone, below a.b.example., which a hand-over by ns gives away",
    );
    assert_eq!(
        findings("c.a.b TXT \"c\"\n", &[("a.b.example", CNAME)]),
        [""; 0]
    );
    for services in [
        [("b.example", NS), ("a.b.example", "")],
        [("b.example", NS), ("a.b.example", NS)],
    ] {
        assert_one(
            &findings("", &services),
            "a.b.example. is below b.example., which a service hands over by ns",
        );
        let [first, second] = services;
        assert_one(
            &findings("", &[second, first]),
            "a.b.example. is in the zone, below b.example., which a hand-over by ns gives away",
        );
    }
}

#[test]
fn a_referral_fits_a_reply_without_edns() {
    let with = |label_len: usize| {
        let server = |number: usize| {
            let label = "n".repeat(label_len);
            format!(
                "{{ name = \"{label}{number}.example.org\", addresses = [\"192.0.2.5\", \"2001:db8::5\"] }},"
            )
        };
        let servers: String = (0..6).map(server).collect();
        format!("[[service.hand_over]]\nname = \"cdn\"\nns = [{servers}]")
    };
    assert_eq!(findings("", &[("a.example", &with(1))]), [""; 0]);
    assert_one(
        &findings("", &[("a.example", &with(40))]),
        "service.a.example.: the referral of the hand-over cdn takes 638 octets; valid: at most 512",
    );
}
