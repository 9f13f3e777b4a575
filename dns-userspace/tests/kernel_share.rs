//! What recursors of today ask is answered in the kernel: with EDNS, DO and a
//! cookie, names of every kind that a zone has, and names that it has not.

mod support;

use std::{collections::BTreeMap, fs, time::Duration};

use serde::Deserialize as _;
use support::{
    config::Config,
    number,
    world::{Family, Resolver, World},
    zone,
};
use xtask::{lab::dnsperf::Totals, setup::Tool};

/// Of so many queries, at most one may be answered elsewhere than in the kernel.
const ONE_IN: u64 = 1000;

/// In the zone beside [`zone::ZONE`].
const RECORDS: &str = "\
@       MX     10 mail
@       TXT    \"v=spf1 -all\"
mail    A      192.0.2.25
mail    AAAA   2001:db8::25
www     HTTPS  1 . alpn=h2 ipv4hint=10.8.0.1 ipv6hint=fd08::1
www     TXT    \"steered\"
";

/// What is asked for, but for random names: steered, static, through aliases and
/// wildcards, other types, absent types, an empty non-terminal, below a cut.
const QUESTIONS: &str = "\
www.example. A
www.example. AAAA
www.example. HTTPS
www.example. TXT
www.example. MX
cdn.example. A
cdn.example. AAAA
s2.cdn.example. A
static.example. A
static.example. AAAA
static.example. TXT
static.example. HTTPS
multi.example. A
multi.example. AAAA
alias.example. A
alias.example. CNAME
far.example. TXT
example. MX
example. TXT
example. NS
example. SOA
mail.example. A
some.name.wild.example. A
a.wild.example. TXT
b.wild.example. AAAA
ent.example. A
leaf.ent.example. AAAA
www.sub.example. A
www.sub.example. AAAA
sub.example. DS
";

/// Random names among the questions.
const ABSENT: usize = 300;

/// `COOKIE` with a client cookie, as dnsperf takes options.
const COOKIE: &str = "10:3a19c40d925e7bf1";

fn questions() -> String {
    let absent = support::lines(0..ABSENT, |number| {
        let label = number.wrapping_mul(0x9e37_79b9) % 0xffff_ffff;
        let deeper = if number % 3 == 0 { "a.b." } else { "" };
        format!("{label:08x}.{deeper}example. A\n")
    });
    QUESTIONS.repeat(10) + &absent
}

/// Asks `questions` for `seconds`, from resolver A; fails without statistics.
#[track_caller]
fn dnsperf(world: &World, questions: &str, seconds: u64, options: &[&str]) -> Totals {
    let file = world.lab.dir().join("questions");
    fs::write(&file, questions).expect("the lab's directory can be written to");
    let mut dnsperf = world.clients.enter(Tool::Dnsperf.command());
    dnsperf.args(["-s", &Family::V4.dns().to_string()]);
    dnsperf.args(["-a", &Resolver::A.address(Family::V4).to_string()]);
    dnsperf.args(["-l", &seconds.to_string(), "-d"]).arg(file);
    dnsperf.args(options);
    let mut process = world.lab.spawn(dnsperf).expect("dnsperf starts");
    let patience = Duration::from_secs(seconds) + support::PATIENCE;
    let status = process.wait(patience).expect("it ends");
    let output = process.stdout();
    assert!(status.success(), "{status}: {}", process.stderr());
    Totals::read(&output).unwrap_or_else(|| panic!("no statistics: {output}"))
}

/// Packets in the kernel so far, by the name of their outcome.
#[track_caller]
fn outcomes(config: &Config) -> BTreeMap<String, u64> {
    let stats = config.veerctl(&["stats"]);
    let outcomes = BTreeMap::deserialize(&stats["kernel"]["outcomes"]);
    outcomes.unwrap_or_else(|error| panic!("{error}: {stats:#}"))
}

/// Those since `before`.
#[track_caller]
fn outcomes_since(config: &Config, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut rises = outcomes(config);
    for (name, count) in &mut rises {
        *count -= before[name];
    }
    rises.retain(|_, count| *count != 0);
    rises
}

/// What dig says to `name` with a cookie and DO.
#[track_caller]
fn dig(world: &World, name: &str, rtype: &str) -> String {
    let mut dig = world.clients.enter(Tool::Dig.command());
    let source = Resolver::A.address(Family::V4).to_string();
    let server = format!("@{}", Family::V4.dns());
    dig.args([
        "-r", "-b", &source, &server, "+cookie", "+dnssec", name, rtype,
    ]);
    let output = dig.output().expect("dig runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn of_what_recursors_ask_the_kernel_answers_nearly_all() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    config.write("zones.d/example.zone", &format!("{}{RECORDS}", zone::ZONE));
    // All of it comes from one address.
    let source = Resolver::A.address(Family::V4);
    config.settings(&[&format!("rrl.exempt = {source}")]);
    let _daemon = world.start(&config);

    let before = (outcomes(&config), config.stats());
    // Fewer at once than the 256 frames that a veth's ring holds.
    let options = ["-q", "100", "-e", "-D", "-E", COOKIE];
    let totals = dnsperf(&world, &questions(), 3, &options);
    let (rises, after) = (outcomes_since(&config, &before.0), config.stats());
    let answered = after.answered() - before.1.answered();
    let in_userspace = after.userspace() - before.1.userspace();
    println!("{totals:?}, of which {answered} in the kernel: {rises:#?}");

    let fair = totals.sent >= 10_000 && totals.nxdomain > 0 && totals.noerror > 0;
    assert!(fair, "{totals:?}");
    assert_eq!(
        totals.noerror + totals.nxdomain,
        totals.completed,
        "{totals:?}"
    );
    assert_eq!(totals.lost, 0, "{totals:?}: {rises:#?}");
    let elsewhere = totals.sent.saturating_sub(answered).max(in_userspace);
    assert!(
        elsewhere * ONE_IN <= totals.sent,
        "{answered} of {totals:?} in the kernel, {in_userspace} in userspace: {rises:#?}"
    );
    for kind in ["answered", "answered_negative", "answered_referral"] {
        assert!(rises.contains_key(kind), "no {kind}: {rises:#?}");
    }
}

#[test]
fn replies_in_the_kernel_have_cookies_and_do() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    let _daemon = world.start(&config);
    for (name, rtype, outcome) in [
        ("www.example.", "A", "answered"),
        ("static.example.", "TXT", "answered"),
        ("static.example.", "MX", "answered_negative"),
        ("no.such.example.", "A", "answered_negative"),
        ("www.sub.example.", "A", "answered_referral"),
    ] {
        let before = outcomes(&config);
        let reply = dig(&world, name, rtype);
        // That is what dig calls a cookie that has its own in it.
        let fits = reply.contains("; EDNS: version: 0, flags: do; udp: 1232")
            && reply
                .lines()
                .any(|line| line.starts_with("; COOKIE: ") && line.ends_with(" (good)"));
        assert!(fits, "{name} {rtype}: {reply}");
        let rises = outcomes_since(&config, &before);
        assert_eq!(rises.get(outcome), Some(&1), "{name} {rtype}: {rises:?}");
    }
    assert_eq!(config.stats().userspace(), 0);
}

#[test]
fn by_default_denials_are_limited_and_hot_answers_are_not() {
    /// `rrl.negative_per_second`, and at most a second's worth at once.
    const RATE: u64 = 200;
    const SECONDS: u64 = 2;
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    let _daemon = world.start(&config);

    // A query that is dropped is waited for; many at once go on meanwhile.
    let options = ["-q", "200", "-t", "0.5", "-e", "-D", "-E", COOKIE];
    let before = outcomes(&config);
    let totals = dnsperf(&world, "no.such.example. A\n", SECONDS, &options);
    let rises = outcomes_since(&config, &before);
    let count = |name: &str| rises.get(name).copied().unwrap_or(0);
    let counts = ["answered_negative", "answered_slip", "drop_rate"].map(count);
    let [whole, slipped, dropped] = counts;
    assert_eq!(
        whole + slipped + dropped,
        totals.sent,
        "{totals:?}: {rises:#?}"
    );
    assert_eq!(dropped, totals.lost, "{totals:?}: {rises:#?}");
    // One in two is sent, truncated (`rrl.slip`).
    assert!(slipped > 0 && slipped.abs_diff(dropped) <= 8, "{rises:#?}");
    let most = RATE * (1 + SECONDS + 1);
    assert!((RATE..=most).contains(&whole), "{rises:#?}");

    // None is longer than twice its query, which would be limited too.
    let hot = "www.example. A\nwww.example. AAAA\ncdn.example. A\nstatic.example. AAAA\n";
    let before = outcomes(&config);
    let totals = dnsperf(&world, hot, SECONDS, &["-q", "100", "-e"]);
    let rises = outcomes_since(&config, &before);
    assert_eq!(totals.lost, 0, "{totals:?}: {rises:#?}");
    assert_eq!(number(&serde_json::json!(rises), "answered"), totals.sent);
    assert_eq!(totals.noerror, totals.sent, "{totals:?}");
}
