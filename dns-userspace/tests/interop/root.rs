//! The root of the names.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use domain::base::Rtype;
use xtask::lab::{Process, dns::Client};

use crate::{
    cdn::CDN,
    knot::Knot,
    support::{
        eventually,
        world::{DNS, Family, Resolver, World},
    },
};

/// Where the root's server answers.
pub(crate) const ROOT: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 55)),
    IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x55)),
];

/// A server that delegates `example.` to ours and `test.` to another's, and the
/// hints that lead to it.
pub(crate) struct Root {
    process: Process,
    pub(crate) hints: PathBuf,
}

impl Root {
    /// Starts it, without waiting.
    pub(crate) fn start(world: &World) -> Self {
        let [v4, v6] = ROOT;
        let hints_text =
            format!(". 3600 IN NS a.root.\na.root. 3600 IN A {v4}\na.root. 3600 IN AAAA {v6}\n");
        let [ours_v4, ours_v6] = DNS;
        let [cdn_v4, cdn_v6] = CDN;
        let zone = format!(
            ". 3600 IN SOA a.root. hostmaster.root. 1 1800 900 604800 3600\n{hints_text}\
             example. 3600 IN NS ns1.example.\n\
             ns1.example. 3600 IN A {ours_v4}\nns1.example. 3600 IN AAAA {ours_v6}\n\
             test. 3600 IN NS ns.test.\n\
             ns.test. 3600 IN A {cdn_v4}\nns.test. 3600 IN AAAA {cdn_v6}\n"
        );
        let Knot { process, directory } = Knot::start(world, "root", ROOT, &[(".", zone)]);
        let hints = directory.join("root.hints");
        fs::write(&hints, hints_text).expect("a file");
        Self { process, hints }
    }
    /// Waits until it answers.
    #[track_caller]
    pub(crate) fn wait(&mut self, world: &World) {
        let source = Resolver::A.address(Family::V4);
        let [server, _] = ROOT;
        let client = Client::new(&world.clients, source, SocketAddr::new(server, 53));
        let mut client = client.expect("a client's socket");
        eventually("the root answers", || {
            let ended = self.process.ended().expect("it is our child");
            assert!(ended.is_none(), "knotd: {}", self.process.stderr());
            client.ask(".", Rtype::SOA).ok()
        });
    }
}
