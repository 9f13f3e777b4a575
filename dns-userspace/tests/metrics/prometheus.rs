//! A real Prometheus scrapes the daemon, and asks everything that the dashboard and the alert
//! rules ask.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use domain::base::Rtype;
use serde_json::Value;
use xtask::{lab::Process, setup::Tool};

use crate::{
    config,
    http::{METRICS, Scrape, get},
    support::{
        eventually, lines,
        world::{Family, Resolver, World},
    },
};

const PROMETHEUS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

/// A file that comes with veer.
fn dist(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("dist")
        .join(file)
}

/// Starts one that scrapes the daemon each second, with the alert rules.
fn start(world: &World) -> Process {
    let directory = world.lab.dir().join("prometheus");
    fs::create_dir(&directory).expect("a directory");
    let settings = directory.join("prometheus.yml");
    let text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
         rule_files: [ {} ]\n\
         scrape_configs:\n  - job_name: veer\n    static_configs: [ {{ targets: [ \"{METRICS}\" ] }} ]\n",
        dist("alerts.yml").display()
    );
    fs::write(&settings, text).expect("a file");
    let mut command = world.dns.enter(Tool::Prometheus.command());
    command
        .arg(format!("--config.file={}", settings.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            directory.join("data").display()
        ))
        .arg(format!("--web.listen-address={PROMETHEUS}"));
    world.lab.spawn(command).expect("it starts")
}

/// What the API has at `path`; `None` unless that is a success.
fn api(world: &World, path: &str) -> Option<Value> {
    let (_, head, body) = get(world, PROMETHEUS, path, "*/*").ok()?;
    let head = head.to_ascii_lowercase();
    let body = if head.contains("transfer-encoding: chunked") {
        unchunked(&body)?
    } else {
        body
    };
    let reply: Value = serde_json::from_str(&body).ok()?;
    (reply["status"] == "success").then(|| reply["data"].clone())
}

/// The content of chunks (RFC 9112 section 7.1), which are of ASCII.
fn unchunked(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (octets, rest) = body.split_once("\r\n")?;
        let octets = usize::from_str_radix(octets, 16).ok()?;
        if octets == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..octets)?);
        body = rest.get(octets..)?.strip_prefix("\r\n")?;
    }
}

/// The series that `query` gives; `None` if it is refused.
fn query(world: &World, query: &str) -> Option<usize> {
    let escaped = lines(query.bytes(), |octet| format!("%{octet:02X}"));
    let data = api(world, &format!("/api/v1/query?query={escaped}"))?;
    data["result"].as_array().map(Vec::len)
}

/// Everything that is asked by the dashboard and the rules.
fn expressions(world: &World) -> Vec<String> {
    let dashboard = fs::read_to_string(dist("grafana-dashboard.json")).expect("a file");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let asked = targets.map(|target| target["expr"].as_str().expect("an expression"));
    let asked = asked.map(|text| {
        let text = text.replace("$__rate_interval", "1m");
        text.replace("$instance", ".*")
    });
    let rules = api(world, "/api/v1/rules").expect("rules");
    let rules = rules["groups"][0]["rules"]
        .as_array()
        .expect("rules")
        .clone();
    let rules = rules
        .iter()
        .map(|rule| rule["query"].as_str().expect("a query").to_owned());
    asked.chain(rules).collect()
}

/// The names of metrics in `expression`, each with the labels it is asked for by.
fn selectors(expression: &str) -> Vec<(&str, &str)> {
    let mut selectors = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find("veer_") {
        let found = &rest[at..];
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = found.find(|c| !is_name(c)).unwrap_or(found.len());
        let labels = match found[name..].strip_prefix('{') {
            Some(labels) => labels.find('}').map_or(0, |end| end + 2),
            None => 0,
        };
        selectors.push((&found[..name], &found[..name + labels]));
        rest = &found[name + labels..];
    }
    selectors
}

#[test]
fn prometheus_takes_every_metric_dashboard_and_alert() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world);
    let _daemon = world.start(&config);
    config.veerctl(&["reload"]);
    let mut client = world.client(Resolver::A, Family::V4);
    client.ask("www.example.", Rtype::A).expect("an answer");
    client.ask("www.example.org.", Rtype::A).expect("a refusal");

    let mut promtool = Tool::Promtool.command();
    let checked = promtool
        .args(["check", "rules"])
        .arg(dist("alerts.yml"))
        .output();
    let checked = checked.expect("promtool runs; `cargo xtask test` installs what is missing");
    assert!(checked.status.success(), "{checked:?}");

    let prometheus = start(&world);
    eventually(&format!("it scrapes: {}", prometheus.stderr()), || {
        (query(&world, "up{job=\"veer\"} == 1")? == 1).then_some(())
    });
    // Every sample is a series there, by the same name.
    let names = eventually("all names", || {
        let names = api(&world, "/api/v1/label/__name__/values")?;
        let names = names.as_array()?.iter().filter_map(Value::as_str);
        let names: BTreeSet<_> = names.map(str::to_owned).collect();
        names.contains("veer_build_info").then_some(names)
    });
    let text = Scrape::of(&world).0;
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.filter_map(|line| line.split(['{', ' ']).next());
    let samples: BTreeSet<_> = samples.collect();
    for sample in &samples {
        assert!(names.contains(*sample), "{sample} was not taken");
    }

    let expressions = expressions(&world);
    assert!(expressions.len() > 40, "{expressions:#?}");
    let mut used = BTreeSet::new();
    for expression in &expressions {
        assert!(query(&world, expression).is_some(), "refused: {expression}");
        for (name, selector) in selectors(expression) {
            assert!(samples.contains(name), "{name} is not told: {expression}");
            let found = query(&world, selector);
            assert!(
                found.is_some_and(|found| found > 0),
                "nothing is {selector}"
            );
            used.insert(name);
        }
    }
    // Parts of histograms go with their buckets.
    let parts = ["_sum", "_count"];
    for sample in samples {
        let is_part = parts.iter().any(|part| sample.ends_with(part));
        assert!(used.contains(sample) || is_part, "nobody looks at {sample}");
    }

    // Nothing is wrong, then something is.
    let alerts = || {
        let rules = api(&world, "/api/v1/rules")?;
        let rules = rules["groups"][0]["rules"].as_array()?.clone();
        let all_ok = rules.iter().all(|rule| rule["health"] == "ok");
        let alerting = rules.iter().filter(|rule| rule["state"] != "inactive");
        let alerting = alerting.filter_map(|rule| rule["name"].as_str());
        all_ok.then(|| alerting.map(str::to_owned).collect::<Vec<_>>())
    };
    eventually("no alert", || alerts()?.is_empty().then_some(()));
    config.veerctl(&["detach"]);
    eventually("alerts", || {
        (alerts()? == ["VeerUnhealthy", "VeerProgramOff"]).then_some(())
    });
}
