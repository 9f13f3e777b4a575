//! What is asked: a configuration with one of everything, read, compiled and
//! published as the daemon does it, in the tables of a loaded program.

use std::{
    fmt::Write as _,
    fs,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use dns_common::{
    cookie::Secret,
    decision::{Eligible, SHARE_WORDS},
    host::Constants,
};
use tokio::time::Instant;
use veer::{
    authority::{chaos::Chaos, respond::Profile},
    clock::Clock,
    config::source::Source,
    daemon::load,
    flattening::Flattened,
    kernel::Kernel,
    measurement::{
        compile::{Surroundings, compile},
        director::{Change, Director},
    },
    plane::{Live, Plane},
    tables::Tables,
};

use crate::random::Random;

/// What differs between the programs that are tried: what is switched on.
pub(super) const SETUPS: [&str; 4] = [
    "",
    "edns.client_subnet = trusted\nedns.payload_bytes = 4096\nserver.nsid = host-1\n",
    "edns.client_subnet = off\nedns.payload_bytes = 512\ncookie.enabled = off\n",
    "cookie.enabled = off\nedns.payload_bytes = 1400\n",
];

/// No rates: replies depend on nothing but the query, the tables and the second.
const SETTINGS: &str = "\
server.addresses = 198.51.100.53, 198.51.100.54, 2001:db8::53, 2001:db8:ffff::5:3
edns.client_subnet_trusted = 203.0.113.0/24 2001:db8:b::/48 10.0.0.0/8
rrl.positive_per_second = 0
rrl.large_per_second = 0
rrl.negative_per_second = 0
rrl.referral_per_second = 0
rrl.error_per_second = 0
up.queries_per_second_max = 0
tables.names = 1024
tables.groups = 16
tables.pools = 64
tables.answer_cells = 65536
tables.chunks = 512
tables.services = 64
tables.rate_buckets = 1024
";

const GROUPS: &str = "\
198.51.100.0/24     isp-a
203.0.113.0/24      isp-b
203.0.113.128/25    isp-a
203.0.113.200/32    isp-c
10.0.0.0/8          isp-b
10.128.0.0/9        isp-c
192.0.2.64/26       isp-c
2001:db8:a::/48     isp-a
2001:db8:b::/48     isp-b
2001:db8:b:8000::/49 isp-c
2001:db8:b:1::1/128 isp-a
2600::/12           isp-c
";

/// The secrets of server cookies: what makes them, and what is taken as well.
pub(super) const SECRETS: [Secret; 2] = [
    Secret(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908),
    Secret(0x1716_1514_1312_1110, 0x1f1e_1d1c_1b1a_1918),
];

/// A program, its tables, and userspace over the same.
pub(super) struct World {
    pub(super) kernel: Kernel,
    pub(super) tables: Arc<Tables>,
    pub(super) plane: Plane,
    pub(super) clock: Arc<Frozen>,
    pub(super) constants: Constants,
    pub(super) addresses: Vec<IpAddr>,
    /// In host order.
    pub(super) port: u16,
    /// Every name of the zones, in wire form.
    pub(super) names: Vec<Vec<u8>>,
    /// Eligibility with all candidates fit, by pool.
    fit: Vec<Eligible>,
    /// Whether there are hand-overs, by pool.
    hands_over: Vec<bool>,
}

/// A clock that stands.
#[derive(Debug, Default)]
pub(super) struct Frozen(AtomicU64);

impl Frozen {
    pub(super) fn set(&self, now_ns: u64) {
        self.0.store(now_ns, Relaxed);
    }
}

impl Clock for Frozen {
    fn now_ns(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl World {
    /// The world of [`SETUPS`]`[setup]`.
    pub(super) fn load(setup: usize) -> Result<Self> {
        let directory = tempfile::tempdir().context("make a directory")?;
        let write = |file: &str, text: &str| {
            let file = directory.path().join(file);
            fs::write(&file, text).with_context(|| format!("write {}", file.display()))
        };
        for directory in ["zones.d", "services.d"].map(|name| directory.path().join(name)) {
            fs::create_dir(&directory)
                .with_context(|| format!("create {}", directory.display()))?;
        }
        write("veer.conf", &format!("{SETTINGS}{}", SETUPS[setup]))?;
        write("groups.conf", GROUPS)?;
        write("zones.d/example.zone", &example())?;
        write("zones.d/in.example.zone", super::zones::INNER)?;
        write("zones.d/test.zone", super::zones::TEST)?;
        write("services.d/all.toml", super::zones::SERVICES)?;
        let loaded =
            load::load(&Source::on_disk(directory.path())).context("load the configuration")?;
        let settings = loaded.config.settings;
        let constants = settings.constants();
        let (mut kernel, tables) = Kernel::load(settings.tables, &constants)?;
        let tables = Arc::new(tables);

        let director = Director::new(loaded.plan, 100, Instant::now());
        let services = &director.plan().services;
        let counters: Vec<String> = services
            .iter()
            .map(|(service, _)| service.name.fmt_with_dot().to_string())
            .collect();
        kernel.name_counters(counters.clone(), Vec::new())?;
        let surroundings = Surroundings {
            addresses: &settings.addresses,
            port: settings.port,
            secrets: SECRETS,
            counters: &counters,
        };
        let prefixes = &director.plan().groups.prefixes;
        tables.replace_resolvers(&tables.prepare_resolvers(prefixes, &settings.resolver_flags)?);
        let image = compile(1, &tables, &loaded.zones, &director, &surroundings)?;
        tables.publish(&image);

        let names = loaded.zones.names().map(|name| name.as_slice().to_vec());
        let mut names: Vec<_> = names.collect();
        // A map's order is another one in each process.
        names.sort();
        let live = Live {
            generation: tables.generation(1),
            number: 1,
            names: image.names(),
            zones: loaded.zones,
            plan: Arc::clone(director.plan()),
            resolver_flags: settings.resolver_flags.clone(),
            flattened: Flattened::default(),
        };
        let profile = Profile {
            udp_payload: settings.edns_payload_bytes,
            nsid: settings.nsid.clone().into(),
            chaos: Chaos::new("veer", "host-1"),
        };
        let clock = Arc::new(Frozen::default());
        let live = Arc::new(ArcSwap::from_pointee(live));
        let fit = director.words().filter_map(|change| match change {
            Change::Eligible { word, .. } => Some(word),
            Change::Ranking { .. } | Change::Shares { .. } => None,
        });
        let pools = director.plan().pools.iter();
        let hands_over = pools.map(|pool| !pool.hand_overs.is_empty()).collect();
        Ok(Self {
            plane: Plane::new(
                Arc::clone(&tables),
                live,
                profile,
                constants,
                Arc::clone(&clock) as _,
            ),
            kernel,
            tables,
            clock,
            constants,
            addresses: settings.addresses,
            port: settings.port,
            names,
            fit: fit.collect(),
            hands_over,
        })
    }

    /// Another state of the servers and another time of day, as `turn` says.
    pub(super) fn turn(&self, turn: u64) {
        let mut random = Random::new(turn, 0);
        for (pool, fit) in (0..).zip(&self.fit) {
            // All fit, none, or any.
            let mask = match random.below(4) {
                0 => 0xffff,
                1 => 0,
                _ => random.next() & 0xffff,
            };
            // Beside hand-overs both families have the same candidates.
            let mask = if self.hands_over[usize::from(pool)] {
                (mask & 0xff) * 0x0101
            } else {
                mask
            };
            let word = fit.0 & (mask | !0xffff);
            // In one of two worlds some take only some of the resolvers.
            let shared = random.next() & Eligible::SHARED;
            for index in (0..SHARE_WORDS as u8).filter(|_| shared != 0) {
                self.tables.store_shares(1, pool, index, random.next());
            }
            // Lots are drawn in one of two of these.
            let random = random.next() & Eligible::RANDOM;
            self.tables.store_eligible(1, pool, word | shared | random);
        }
        // The seconds that cookies have wrap.
        let seconds = match random.below(3) {
            0 => 1_800_000_000,
            1 => (1 << 32) - random.next() % 7200,
            _ => random.next() & 0xffff_ffff,
        };
        self.tables.set_clock_offset_ns(seconds * 1_000_000_000);
    }
}

/// The zone with nearly everything.
fn example() -> String {
    let mut zone = super::zones::EXAMPLE.to_owned();
    // Record sets of all sizes about those that payload sizes are about.
    for (name, strings) in [
        ("t1", 1),
        ("t2", 2),
        ("t4", 4),
        ("t5", 5),
        ("t6", 6),
        ("t9", 9),
    ] {
        for number in 0..strings {
            let text = "x".repeat(180 + 3 * number);
            let _ = writeln!(zone, "{name} TXT \"{number}{text}\"");
        }
    }
    for number in 1..=40 {
        let _ = writeln!(
            zone,
            "many A 192.0.2.{number}\nmany AAAA 2001:db8::{number}"
        );
    }
    // Names of every length modulo eight, and the longest.
    let label = "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxyz";
    for len in 1..=40 {
        let _ = writeln!(zone, "{} A 192.0.2.{len}", &label[..len]);
    }
    // `.example.` is nine octets in wire form.
    let (long, rest) = (&label[..61], &label[..246 - 3 * 62 - 1]);
    let _ = writeln!(zone, "{rest}.{long}.{long}.{long} A 192.0.2.255");
    let _ = writeln!(zone, "{}.{long}.{long}.{long} TXT \"shorter\"", &rest[1..]);
    zone
}
