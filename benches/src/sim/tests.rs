//! Committed scenarios, as they are and with something spoilt.

use super::*;

/// Groups and resolvers that one stands for here.
const FEWER: u32 = 1000;

fn committed_one(name: &str) -> PathBuf {
    Path::new(SCENARIOS).join(name)
}

/// A copy of the scenario `name` in which `file` has `to` in place of `from`.
fn altered(name: &str, file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("services.d")).expect("a directory in it");
    for file in [
        "scenario.toml",
        "veer.conf",
        "services.d/services.toml",
        "groups.conf",
    ] {
        let from = committed_one(name).join(file);
        if file != "groups.conf" || from.exists() {
            fs::copy(from, dir.path().join(file)).expect("a copy");
        }
    }
    let path = dir.path().join(file);
    let text = fs::read_to_string(&path).expect("a copy");
    assert!(text.contains(from), "{file} lacks {from}: {text}");
    let text = text.replace(from, to);
    fs::write(path, text).expect("written");
    dir
}

#[test]
fn committed_scenarios_have_their_verdicts_at_a_reduced_size() {
    let committed = committed().expect("scenarios");
    let with_verdicts = committed.iter().filter(|dir| !dir.ends_with("day"));
    for dir in with_verdicts {
        let outcome = play(dir, FEWER).expect("it runs");
        assert!(!outcome.checks.is_empty(), "{}", dir.display());
        assert!(outcome.passes(), "{outcome:#?}");
        for told in ["explain.cause", "with all of it"] {
            let mut checks = outcome.checks.iter();
            let is_told = checks.any(|check| check.expected.contains(told));
            assert!(is_told, "{}: {told}", dir.display());
        }
    }
}

#[test]
fn a_day_without_a_verdict_has_figures() {
    let (day, hours) = ("duration_s = 86400", "duration_s = 7200");
    let dir = altered("day", "scenario.toml", day, hours);
    let Outcome {
        figures, checks, ..
    } = play(dir.path(), FEWER).expect("it runs");
    assert!(checks.is_empty(), "{checks:?}");
    assert!(figures.lost_percent < 1e-9, "{figures:#?}");
    // Reports of load take everybody from one site to the next.
    assert!(figures.flips_per_hour > 1.0, "{figures:#?}");
    // Of three regions with 45, 35 and 20 % none is at its peak, and all is served.
    let at_sites = figures.sites.iter().map(|site| site.demand_percent[0].1);
    assert!((at_sites.sum::<f64>() - 100.0).abs() < 1e-6);
}

#[test]
fn a_verdict_fails_where_something_is_spoilt() {
    let services = "services.d/services.toml";
    let kind = "kind = \"latency\"";
    for (name, file, from, to, expected) in [
        // veer does not suspect itself.
        (
            "prober-cut-off",
            "veer.conf",
            "server.",
            "health.suspect_percent = 100\nserver.",
            "max_moves",
        ),
        // Whoever accepts a connection counts as well.
        (
            "fast-errors",
            services,
            "\"http\"",
            "\"tcp\"\nport = 80",
            "out_within_s",
        ),
        // Nothing keeps the origin on its side.
        (
            "origin-slows",
            services,
            "level = 150",
            "level = 150\nhold_s = 0",
            "max_flips_per_hold",
        ),
        (
            "noise",
            services,
            "kind = \"http\"",
            "kind = \"http\"\nweight_permille = 125",
            "max_flips_per_hour",
        ),
        (
            "site-death",
            services,
            "ttl_s = 20",
            "ttl_s = 120",
            "min_moved_percent",
        ),
        // Reports count as of one state that are not.
        (
            "delayed-loads",
            services,
            "report_age_s = 120",
            "report_age_s = 0",
            "settled_within_s",
        ),
        // Two sites still tell of the time before they had any load.
        (
            "largest-dies",
            "scenario.toml",
            "load_reported_after_s = 30",
            "load_reported_after_s = 2400",
            "max_load_percent",
        ),
        (
            "site-death",
            "scenario.toml",
            "\"paris is down",
            "\"tokyo is down",
            "explain.cause",
        ),
        (
            "drifting-delays",
            services,
            kind,
            "kind = \"latency\"\ntolerance_ms = 40",
            "max_mean_regret_percent",
        ),
        // So little loss matters to nobody.
        (
            "one-as-loses",
            services,
            "tolerance = 1\n",
            "tolerance = 100\n",
            "moved_within_s",
        ),
        // It is the host's way that is lossy, and so nobody's but the AS's is known to be well.
        (
            "one-as-loses",
            "scenario.toml",
            "region = \"as64500\"",
            "region = \"home\"",
            "max_other_moves",
        ),
    ] {
        let dir = altered(name, file, from, to);
        let outcome = play(dir.path(), FEWER).expect("it runs");
        let mut failed = outcome.checks.iter().filter(|check| !check.holds);
        assert!(
            failed.any(|check| check.expected.starts_with(expected)),
            "{name}: {outcome:#?}"
        );
    }
}

#[test]
fn one_seed_gives_one_run_and_another_one_another() {
    let run = |seed: &str| {
        let from = "noise_percent = 10";
        let to = format!("{from}\nseed = {seed}");
        let dir = altered("drifting-delays", "scenario.toml", from, &to);
        let figures = play(dir.path(), FEWER).expect("it runs").figures;
        serde_json::to_string(&figures).expect("JSON")
    };
    assert_eq!(run("1"), run("1"));
    assert_ne!(run("1"), run("2"));
}

#[test]
fn groups_with_an_order_of_their_own_are_followed_apart() {
    let services = "services.d/services.toml";
    let own = "kind = \"failover\"\norder = [\"tokyo\", \"dallas\", \"paris\"]\n\
               [service.policy.groups]\nhome-1 = [\"paris\"]";
    let dir = altered("site-death", services, "kind = \"latency\"", own);
    fs::write(dir.path().join("groups.conf"), "198.51.100.0/24 home-1\n").expect("written");
    let figures = play(dir.path(), 32_000).expect("it runs").figures;
    // One of two groups is at the site that dies, and only that one moves.
    assert_eq!(figures.groups, 2);
    assert!((figures.moves - 0.5).abs() < 1e-9, "{figures:#?}");
    let paris = figures.sites.iter().find(|site| site.name == "paris");
    let had = paris.expect("Paris").demand_percent[0].1;
    assert!((had - 50.0).abs() < 1e-6, "{had}");
}

#[test]
fn an_agreed_level_comes_into_force_at_its_time_in_the_scenario() {
    let moves = |effective: &str| {
        let level = format!(
            "level = [{{ version = 1, value = 150, proposed = {{ by = \"provider\", on = 1970-01-01 }}, \
             accepted = {{ customer = 1970-01-01, provider = 1970-01-01 }}, effective = {effective} }}]"
        );
        let services = "services.d/services.toml";
        let dir = altered("origin-slows", services, "level = 150", &level);
        play(dir.path(), FEWER).expect("it runs").figures.moves
    };
    assert!(
        moves("1970-01-01T01:00:00Z") > 0.5,
        "it is of effect in the second hour"
    );
    assert!(
        moves("1970-01-01T02:00:00Z") < 1e-9,
        "the scenario ends before"
    );
}

#[test]
fn what_a_scenario_cannot_mean_is_refused() {
    let file = "scenario.toml";
    for (from, to, said) in [
        (
            "duration_s = 900",
            "duration_s = 900\ndurance = 1",
            "durance",
        ),
        ("warm_up_s = 60", "warm_up_s = 900", "warm_up_s"),
        ("host = \"home\"", "host = \"moon\"", "host"),
        (
            "name = \"paris\"",
            "name = \"lyon\"",
            "a site that there is",
        ),
        ("groups = 64000", "groups = 65600", "at most 65534"),
        ("demand_percent = 100", "demand_percent = 99", "99 percent"),
        ("{ home = 20 }", "{ homes = 20 }", "each region once"),
        (
            "capacity_per_s = 150000",
            "capacity_per_s = nan",
            "capacity_per_s is NaN",
        ),
        (
            "resolvers = 1000000",
            "resolvers = 1000000\nstep = [{ at_s = 9, percent = 90 }, { at_s = 9, percent = 80 }]",
            "at_s does not rise",
        ),
        (
            "resolvers = 1000000",
            "resolvers = 1000000\nstep = [{ at_s = 9, percent = -1 }]",
            "demand.step.percent is -1",
        ),
        (
            "what = \"silent\"",
            "what = \"prober-cut-off\"",
            "needs no site",
        ),
        (
            "what = \"silent\"",
            "what = \"loses\"\nregion = \"homes\"\npercent = 5",
            "Loses needs a site and a region that there are",
        ),
        (
            "what = \"silent\"",
            "what = \"loses\"\nregion = \"home\"",
            "percent is 0; valid: above 0",
        ),
        (
            "what = \"silent\"",
            "what = \"silent\"\npercent = 5",
            "percent is 5",
        ),
        (
            "out_within_s = 4",
            "max_other_moves = 0",
            "needs an event of a region",
        ),
    ] {
        let dir = altered("site-death", file, from, to);
        let error = scenario::load(dir.path(), 1).expect_err(from);
        let error = format!("{error:#}");
        assert!(error.contains(said), "{to}: {error}");
    }
    for (policy, said) in [
        ("kind = \"quick\"", "services.toml:"),
        (
            "kind = \"criteria\"\ncriterion = [{ metric = \"memory_percent\" }]",
            "memory_percent is not simulated",
        ),
        (
            "kind = \"weighted\"\nsticky = false\nweights = { paris = 1 }",
            "are drawn for are not simulated",
        ),
    ] {
        let services = "services.d/services.toml";
        let dir = altered("site-death", services, "kind = \"latency\"", policy);
        let icmp = dir.path().join(services);
        let text = fs::read_to_string(&icmp).expect("a copy");
        let command = "\"command\"\nprogram = \"/bin/true\"\nmetric = \"memory_percent\"";
        fs::write(&icmp, text.replace("\"http\"", command)).expect("written");
        let error = scenario::load(dir.path(), 1).expect_err(policy);
        let error = format!("{error:#}");
        assert!(error.contains(said), "{policy}: {error}");
    }
}
