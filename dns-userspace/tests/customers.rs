//! Customers side by side on one daemon: each with names and files of its own, all with the
//! same caches. What is done to one of them is nothing to the others.

mod support;

use domain::base::Rtype;
use support::{
    config::Config,
    eventually, lines, number,
    origin::Origin,
    world::{Resolver, World, origin},
    zone::PROBE,
};
use xtask::lab::Daemon;

const ACME: &str = "acme";
const GLOBEX: &str = "globex";

/// The caches' origins, of all customers.
const CACHES: [u8; 2] = [5, 6];

/// The zone of `customer`: its static content is at the provider's caches, under their name.
fn zone(customer: &str) -> String {
    format!(
        "$ORIGIN {customer}.test.\n$TTL 300\n@ SOA ns1.example. hostmaster 1 3600 900 604800 60\n\
         @ NS ns1.example.\nstatic CNAME cache.example.\n"
    )
}

/// A service of two servers, which are called like their origins; resolvers of isp-b get
/// the second first.
fn service(customer: &str, name: &str, servers: [u8; 2]) -> String {
    let [first, second] = servers;
    let listed = lines(servers, |number| {
        let address = origin(number)[0];
        format!("[[service.server]]\nname = \"s{number}\"\naddresses = [\"{address}\"]\n")
    });
    format!(
        "[[service]]\nname = \"{name}\"\ncustomer = \"{customer}\"\nttl_s = 20\n\
         [service.policy]\nkind = \"failover\"\n\
         groups = {{ isp-b = [\"s{second}\", \"s{first}\"] }}\n\
         [service.probe]\n{PROBE}\n{listed}"
    )
}

/// The file of `customer`: its page at mirrors of its own, and a name of its own for the caches.
fn file(customer: &str, mirrors: [u8; 2]) -> String {
    service(customer, &format!("www.{customer}.test."), mirrors)
        + &service(customer, &format!("img.{customer}.test."), CACHES)
}

/// Two customers of one provider.
struct Provider {
    config: Config,
    daemon: Daemon,
    origins: Vec<Origin>,
    world: World,
}

impl Provider {
    #[track_caller]
    fn start() -> Self {
        let world = World::new();
        let config = world.config("veer", &[]);
        for (customer, mirrors) in [(ACME, [1, 2]), (GLOBEX, [3, 4])] {
            config.write(&format!("zones.d/{customer}.test.zone"), &zone(customer));
            let services = file(customer, mirrors);
            config.write(&format!("services.d/{customer}.toml"), &services);
        }
        let caches = service("provider", "cache.example.", CACHES);
        config.write("services.d/all.toml", &caches);
        let origins = world.origins(6);
        let daemon = world.start(&config);
        Self {
            config,
            daemon,
            origins,
            world,
        }
    }

    /// From now on nobody is at origin `number`.
    fn stop(&mut self, number: u8) {
        self.origins.remove(usize::from(number) - 1).stop();
    }

    /// Which origins resolvers of isp-a and of isp-b get under `name`, now.
    #[track_caller]
    fn gets(&self, name: &str) -> [u8; 2] {
        [Resolver::A, Resolver::B].map(|resolver| {
            let found = self.world.addresses(resolver, name, Rtype::A);
            let found = found.expect("an answer");
            let [address] = found.as_slice() else {
                panic!("{resolver:?} gets {found:?} for {name}");
            };
            let is_it = |number: &u8| origin(*number)[0].to_string() == *address;
            (1..=6).find(is_it).expect("an origin")
        })
    }

    /// The same for each name of `customer`: its page, its static content under the
    /// provider's name, its static content under its own.
    #[track_caller]
    fn gets_all(&self, customer: &str) -> [[u8; 2]; 3] {
        ["www", "static", "img"].map(|host| self.gets(&format!("{host}.{customer}.test.")))
    }

    #[track_caller]
    fn moves(&self, name: &str, to: [u8; 2]) {
        eventually(&format!("{name} goes to {to:?}"), || {
            (self.gets(name) == to).then_some(())
        });
    }

    fn veerctl(&self, line: &str) {
        let args: Vec<_> = line.split(' ').collect();
        self.config.veerctl(&args);
    }
}

#[test]
fn m10_customers_have_names_of_their_own_and_share_the_caches() {
    let mut provider = Provider::start();
    assert_eq!(provider.gets_all(ACME), [[1, 2], [5, 6], [5, 6]]);
    assert_eq!(provider.gets_all(GLOBEX), [[3, 4], [5, 6], [5, 6]]);
    // All names of the caches are decided together.
    assert_eq!(number(&provider.config.veerctl(&["status"]), "pools"), 3);

    let stores = provider.config.stats().stores();
    provider.stop(5);
    provider.moves("cache.example.", [6, 6]);
    for (customer, mirrors) in [(ACME, [1, 2]), (GLOBEX, [3, 4])] {
        let now = provider.gets_all(customer);
        assert_eq!(now, [mirrors, [6, 6], [6, 6]], "{customer}");
    }
    let stats = provider.config.stats();
    assert_eq!(stats.stores(), stores + 1);
    assert_eq!(
        stats.userspace(),
        0,
        "the kernel follows the shared name too"
    );

    // So does the cache that comes back.
    provider.origins.push(Origin::start(&provider.world, 5));
    provider.moves("static.acme.test.", [5, 6]);
    assert_eq!(provider.gets_all(ACME), [[1, 2], [5, 6], [5, 6]]);
    assert_eq!(provider.gets_all(GLOBEX), [[3, 4], [5, 6], [5, 6]]);
}

#[test]
fn m10_what_is_said_of_one_customer_is_nothing_to_the_other() {
    let mut provider = Provider::start();
    let before = provider.gets_all(GLOBEX);
    provider.veerctl("state s5 drain --customer acme");
    provider.moves("img.acme.test.", [6, 6]);
    // Its own name for the caches, and not the name that all have.
    assert_eq!(provider.gets_all(ACME), [[1, 2], [5, 6], [6, 6]]);
    assert_eq!(provider.gets_all(GLOBEX), before);
    provider.veerctl("state s5 auto --customer acme");
    provider.moves("img.acme.test.", [5, 6]);

    provider.veerctl("pin img.acme.test. isp-a s6");
    provider.moves("img.acme.test.", [6, 6]);
    assert_eq!(provider.gets_all(GLOBEX), before);
    provider.veerctl("unpin img.acme.test. isp-a");
    provider.moves("img.acme.test.", [5, 6]);

    // Frozen, acme stays where its mirror has died; globex leaves its own.
    provider.veerctl("freeze --customer acme");
    provider.stop(3);
    provider.stop(1);
    provider.moves("www.globex.test.", [4, 4]);
    eventually("acme's mirror is seen down", || {
        let states = provider.config.veerctl(&["states"]);
        let mut targets = states["targets"].as_array()?.iter();
        targets
            .any(|target| target["address"] == "10.8.0.1" && target["state"] == "down")
            .then_some(())
    });
    assert_eq!(provider.gets("www.acme.test."), [1, 2]);
    provider.veerctl("thaw --customer acme");
    provider.moves("www.acme.test.", [2, 2]);
    assert_eq!(provider.gets_all(GLOBEX), [[4, 4], [5, 6], [5, 6]]);
}

#[test]
fn m10_one_customers_broken_file_leaves_the_other_as_it_is() {
    let mut provider = Provider::start();
    let (acme, globex) = (provider.gets_all(ACME), provider.gets_all(GLOBEX));
    let own = file(ACME, [1, 2]);
    let broken = own.replace(
        "customer = \"acme\"",
        "customer = \"acme\"\ncolour = \"red\"",
    );
    provider.config.write("services.d/acme.toml", &broken);
    let refused = provider.config.veerctl_fails(&["reload"]);
    let place = provider.config.path("services.d/acme.toml:4");
    assert!(
        refused.contains(&place) && refused.contains("colour"),
        "{refused}"
    );
    assert!(!refused.contains("globex"), "{refused}");
    assert_eq!(provider.gets_all(ACME), acme);
    assert_eq!(provider.gets_all(GLOBEX), globex);

    // Deciding goes on for both.
    provider.stop(3);
    provider.moves("www.globex.test.", [4, 4]);
    provider.stop(1);
    provider.moves("www.acme.test.", [2, 2]);

    // One that leaves, and one that takes another's name.
    provider.config.remove("services.d/acme.toml");
    provider.veerctl("reload");
    assert_eq!(provider.gets_all(GLOBEX), [[4, 4], [5, 6], [5, 6]]);
    let gone = provider
        .world
        .addresses(Resolver::A, "www.acme.test.", Rtype::A);
    assert_eq!(gone, Some(Vec::new()));
    let taken = own.replace("www.acme.test.", "www.globex.test.");
    provider.config.write("services.d/acme.toml", &taken);
    let refused = provider.config.veerctl_fails(&["reload"]);
    assert!(refused.contains("is steered already"), "{refused}");
    assert_eq!(provider.gets("www.globex.test."), [4, 4]);
    provider.config.write("services.d/acme.toml", &own);
    provider.veerctl("reload");
    provider.moves("www.acme.test.", [2, 2]);
    provider.daemon.sigterm().expect("it stops");
}
