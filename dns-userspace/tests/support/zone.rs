//! What is served: one zone with a bit of everything, services of both shapes,
//! two resolver groups.

use super::lines;

/// Everything of `example.`, but for what services add.
pub(crate) const ZONE: &str = "\
$ORIGIN example.
$TTL 300
@           SOA   ns1 hostmaster 1 3600 900 604800 60
@           NS    ns1
ns1         A     10.9.0.53
ns1         AAAA  fd09::53
static      A     192.0.2.11
static      AAAA  2001:db8::11
static      TXT   \"as it is\"
multi       A     192.0.2.21
multi       A     192.0.2.22
multi       A     192.0.2.23
multi       AAAA  2001:db8::21
multi       AAAA  2001:db8::22
alias       CNAME static
far         CNAME alias
*.wild      A     192.0.2.31
*.wild      TXT   \"any\"
leaf.ent    A     192.0.2.32
old         DNAME new
x.new       A     192.0.2.33
sub         NS    ns.sub
ns.sub      A     10.9.0.54
ns.sub      AAAA  fd09::54
";

/// The zone that `sub.example.` is delegated to.
pub(crate) const CHILD: &str = "\
$ORIGIN sub.example.
$TTL 300
@    SOA   ns hostmaster 1 3600 900 604800 60
@    NS    ns
ns   A     10.9.0.54
ns   AAAA  fd09::54
www  A     192.0.2.41
www  AAAA  2001:db8::41
";

/// The resolvers of [`super::world::Resolver`]; the third one is in no group.
pub(crate) const GROUPS: &str = "\
10.9.1.0/24       isp-a
fd09:0:0:1::/64   isp-a
10.9.2.0/24       isp-b
fd09:0:0:2::/64   isp-b
";

/// A service, in the words of its file.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// The steered name.
    pub(crate) name: &'static str,
    /// `direct` or `cname`.
    pub(crate) shape: &'static str,
    /// `all`, `first` or `servfail`.
    pub(crate) all_down: &'static str,
    /// The table `[service.policy]`.
    pub(crate) policy: &'static str,
    /// The table `[service.probe]`.
    pub(crate) probe: &'static str,
    /// The addresses of the servers `s1`, `s2`, ….
    pub(crate) servers: &'static [&'static [&'static str]],
}

/// Failover, in which isp-b has an order of its own.
pub(crate) const FAILOVER: &str = "kind = \"failover\"\ngroups = { isp-b = [\"s2\", \"s1\"] }";

/// A connect five times a second.
pub(crate) const PROBE: &str =
    "kind = \"tcp\"\nport = 80\ninterval_ms = 200\ntimeout_ms = 150\nup_after = 2\ndown_after = 2";

/// Three servers with one address of each family.
pub(crate) const SERVERS: &[&[&str]] = &[
    &["10.8.0.1", "fd08::1"],
    &["10.8.0.2", "fd08::2"],
    &["10.8.0.3", "fd08::3"],
];

/// Three servers with one address each.
pub(crate) const SERVERS_V4: &[&[&str]] = &[&["10.8.0.1"], &["10.8.0.2"], &["10.8.0.3"]];

/// `www.example.`: an address at the name itself.
pub(crate) const WWW: Service = Service {
    name: "www.example.",
    shape: "direct",
    all_down: "all",
    policy: FAILOVER,
    probe: PROBE,
    servers: SERVERS,
};

/// `cdn.example.`: a CNAME to the server's name, with its address.
pub(crate) const CDN: Service = Service {
    name: "cdn.example.",
    shape: "cname",
    ..WWW
};

/// A file of services.
pub(crate) fn services(services: &[Service]) -> String {
    lines(services, Service::toml)
}

impl Service {
    fn toml(&self) -> String {
        let Self {
            name,
            shape,
            all_down,
            policy,
            probe,
            servers,
        } = self;
        let servers = lines((1..).zip(*servers), |(number, addresses)| {
            format!("[[service.server]]\nname = \"s{number}\"\naddresses = {addresses:?}\n")
        });
        format!(
            "[[service]]\nname = \"{name}\"\ncustomer = \"acme\"\nttl_s = 20\n\
             shape = \"{shape}\"\nall_down = \"{all_down}\"\n\
             [service.policy]\n{policy}\n[service.probe]\n{probe}\n{servers}"
        )
    }
}
