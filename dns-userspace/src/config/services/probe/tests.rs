mod groups;

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use domain::base::Rtype;

use crate::{
    agent::report,
    config::tests::{assert_finding, load_files},
    measurement::metric::Metric,
    model::{
        Agent, Command, DnsQuery, FtpFile, PoolProbe, Probe, ProbeKind, Smoothing, Tls, Token,
    },
};

const FILE: &str = "services.d/acme.toml";

/// A service of two servers with these probes from line 6 on.
fn with(probes: &str) -> String {
    format!(
        r#"
[[service]]
name = "www.example.com"
customer = "acme"
policy = {{ kind = "failover" }}
{probes}
[[service.server]]
name = "s1"
addresses = ["192.0.2.1"]
[[service.server]]
name = "s2"
addresses = ["192.0.2.2"]
"#
    )
}

#[track_caller]
fn read(probes: &str) -> Vec<PoolProbe> {
    let config = load_files(&[(FILE, &with(probes))]);
    let mut services = config.unwrap_or_else(|found| panic!("{found:#?}")).services;
    services.remove(0).pool.probes
}

#[track_caller]
fn refused(probes: &str, expected: &str) {
    let expected = format!(
        "{FILE}:{}",
        expected.replace('@', "service.www.example.com..probe")
    );
    assert_finding(&[(FILE, &with(probes))], &expected);
}

#[test]
fn a_service_may_have_several_probes_of_which_some_only_measure() {
    let probes = read(
        "[[service.probe]]\nkind = \"tcp\"\nport = 80\nsource = [\"192.0.2.53\", \"2001:db8::53\"]\n\
         [[service.probe]]\nkind = \"command\"\nprogram = \"/bin/true\"\narguments = [\"-a\", \"b\"]\n\
         metric = \"cpu_percent\"\nrequired = false\ninterval_ms = 2000\nstale_after_ms = 7000\n\
         smoothing = \"percentile\"\npercent = 90\nwindow_ms = 30000\naddresses = { S2 = \"10.0.0.2\" }",
    );
    let [first, second] = probes.as_slice() else {
        panic!("{probes:?}")
    };
    assert!(first.is_required && first.instead.is_empty());
    assert_eq!(first.probe.source.v4, Some([192, 0, 2, 53].into()));
    assert!(first.probe.source.v6.is_some());
    let command = ProbeKind::Command(Command {
        program: "/bin/true".into(),
        arguments: vec!["-a".to_owned(), "b".to_owned()],
        metric: Some(Metric::Cpu),
    });
    let probe = Probe {
        interval: Duration::from_secs(2),
        stale_after: Duration::from_secs(7),
        smoothing: Smoothing::Percentile {
            percent: 90,
            window: Duration::from_secs(30),
        },
        ..Probe::new(command)
    };
    assert!(!second.is_required);
    assert_eq!(second.probe, probe);
    assert_eq!(second.instead.get(&1), Some(&[10, 0, 0, 2].into()));
    assert_eq!(second.instead.len(), 1);
}

#[test]
fn icmp_dns_and_ftp_have_defaults() {
    let kind = |text: &str| {
        let mut probes = read(&format!("[service.probe]\n{text}"));
        probes.remove(0).probe.kind
    };
    assert_eq!(kind("kind = \"icmp\""), ProbeKind::Icmp { count: 1 });
    let query = DnsQuery {
        name: "example.com.".parse().unwrap(),
        rtype: Rtype::A,
        expected: None,
    };
    let dns = kind("kind = \"dns\"\nname = \"example.com\"");
    assert_eq!(dns, ProbeKind::Dns { port: 53, query });
    let ftp = kind("kind = \"ftp\"");
    assert_eq!(
        ftp,
        ProbeKind::Ftp {
            port: 21,
            file: None
        }
    );
    let ftp = kind("kind = \"ftp\"\npath = \"/pub/file\"\nuser = \"me\"");
    let file = Some(FtpFile {
        path: "/pub/file".to_owned(),
        user: "me".to_owned(),
        password: "probe@".to_owned(),
    });
    assert_eq!(ftp, ProbeKind::Ftp { port: 21, file });
}

#[test]
fn an_agent_is_asked_over_tls_with_the_first_token_of_a_file() {
    let token = "0123456789abcdef0123456789abcdef";
    let load = |more: &str, mode: u32| {
        let probe = format!(
            "[service.probe]\nkind = \"agent\"\nport = 9853\ntoken_file = \"agents.token\"\n{more}"
        );
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        write("veer.conf", "server.addresses = 192.0.2.53\n");
        write(FILE, &with(&probe));
        let file = write("agents.token", &format!("# new\n{token}\n"));
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        crate::config::load(dir.path())
    };
    let agent = |more: &str| {
        let config = load(more, 0o600).unwrap_or_else(|found| panic!("{found}"));
        let kind = config.services[0].pool.probes[0].probe.kind.clone();
        let ProbeKind::Agent(agent) = kind else {
            panic!("{kind:?}")
        };
        agent
    };
    let expected = Agent {
        port: 9853,
        tls: Some(Tls {
            verify: true,
            ca_file: None,
        }),
        host: "www.example.com".to_owned(),
        path: "/v1/report".to_owned(),
        token: Token(token.to_owned()),
        kind: report::Kind::Server,
    };
    assert_eq!(agent(""), expected);
    let plain = Agent {
        tls: None,
        kind: report::Kind::Aggregate,
        ..expected
    };
    assert_eq!(agent("tls = false\nreport = \"aggregate\""), plain);
    assert!(!format!("{plain:?}").contains(token));
    let found = load("", 0o640)
        .expect_err("a file that others may read")
        .to_string();
    assert!(
        found.contains("others than its owner may use it"),
        "{found}"
    );
    assert!(!found.contains(token), "{found}");
}

#[test]
fn values_grow_stale_after_ten_intervals() {
    let probes = read("[service.probe]\nkind = \"tcp\"\nport = 80\ninterval_ms = 500");
    assert_eq!(probes[0].probe.stale_after, Duration::from_secs(5));
    let mean = read("[service.probe]\nkind = \"tcp\"\nport = 80\nweight_permille = 500");
    let weight = Smoothing::Mean {
        weight_permille: 500,
    };
    assert_eq!(mean[0].probe.smoothing, weight);
}

#[test]
fn mistakes_in_probes_are_found_where_they_are() {
    const COMMAND: &str = "[service.probe]\nkind = \"command\"\n";
    let tcp = |more: &str| format!("[service.probe]\nkind = \"tcp\"\nport = 80\n{more}");
    let twice = "[[service.probe]]\nkind = \"http\"\n[[service.probe]]\nkind = \"http\"\nport = 81";
    for (probes, expected) in [
        (
            "probe = []",
            "6: @: has 0 probes; valid: a [service.probe] table, or 1 to 8",
        ),
        (
            twice,
            "8: @.#2: measures response_time_ms, as a probe before it does",
        ),
        (
            &tcp("required = false"),
            "6: @: says `required = false` of every probe",
        ),
        (
            &tcp("source = [\"192.0.2.1\", \"192.0.2.2\"]"),
            "9: @.source: has two of a family",
        ),
        (
            &tcp("source = [\"localhost\"]"),
            "9: @.source: `localhost` is not an IP address",
        ),
        (
            &tcp("addresses = { s9 = \"10.0.0.1\" }"),
            "9: @.addresses.s9: is not a candidate of this service; valid: s1, s2",
        ),
        (
            &tcp("addresses = { s1 = \"here\" }"),
            "9: @.addresses.s1: `here` is not an IP address",
        ),
        (
            &tcp("weight_permille = 0"),
            "9: @.weight_permille: 0 is out of range; valid: 1 to 1000",
        ),
        (
            &tcp("percent = 50"),
            "9: @.percent: unknown key in a tcp probe",
        ),
        (
            &tcp("smoothing = \"percentile\"\nwindow_ms = 1024001"),
            "6: @.window_ms: holds more than 1024 probes; valid: up to 1024000",
        ),
        (
            "[service.probe]\nkind = \"icmp\"\ncount = 0",
            "8: @.count: 0 is out of range; valid: 1 to 10",
        ),
        (
            "[service.probe]\nkind = \"dns\"",
            "6: @.name: is missing; valid: a domain name",
        ),
        (
            "[service.probe]\nkind = \"dns\"\nname = \"a..b\"",
            "8: @.name: `a..b` is not a domain name",
        ),
        (
            "[service.probe]\nkind = \"dns\"\nname = \"a.b\"\ntype = \"X\"",
            "9: @.type: `X` is not a record type",
        ),
        (
            "[service.probe]\nkind = \"ftp\"\npath = \"/a\\r\\nDELE b\"",
            "8: @.path: `/a\\r\\nDELE b` is not; valid: a text without line breaks",
        ),
        (
            &format!("{COMMAND}program = \"true\""),
            "8: @.program: true is not there; valid: the absolute path",
        ),
        (
            &format!("{COMMAND}program = \"/nonexistent\""),
            "8: @.program: /nonexistent is not there",
        ),
        (
            &format!("{COMMAND}program = \"/bin/true\"\nmetric = \"cost\""),
            "9: @.metric: `cost` is not a choice; valid: response_time_ms, ",
        ),
        (
            &format!("{COMMAND}program = \"/bin/true\"\narguments = [1]"),
            "9: @.arguments: is an integer; valid: an array of up to 64 texts",
        ),
    ] {
        refused(probes, expected);
    }
}
