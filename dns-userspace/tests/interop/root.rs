//! The root of the names: Knot's server, which nothing of ours is in.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use xtask::{lab::Process, setup::Tool};

use crate::support::world::{DNS, INTERFACE, World};

/// Where the root's server answers.
pub(crate) const ROOT: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 55)),
    IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x55)),
];

/// A server that delegates `example.` to ours, and the hints that lead to it.
pub(crate) struct Root {
    pub(crate) process: Process,
    pub(crate) hints: PathBuf,
}

impl Root {
    /// Starts it, without waiting.
    pub(crate) fn start(world: &World) -> Self {
        for (address, prefix) in ROOT.into_iter().zip([16, 48]) {
            let added = world.dns.add_address(INTERFACE, address, prefix);
            added.expect("an address");
        }
        let directory = world.lab.dir().join("root");
        fs::create_dir(&directory).expect("a directory");
        let file = |name: &str, text: String| {
            let path = directory.join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        let [v4, v6] = ROOT;
        let hints =
            format!(". 3600 IN NS a.root.\na.root. 3600 IN A {v4}\na.root. 3600 IN AAAA {v6}\n");
        let [ours_v4, ours_v6] = DNS;
        let zone = format!(
            ". 3600 IN SOA a.root. hostmaster.root. 1 1800 900 604800 3600\n{hints}\
             example. 3600 IN NS ns1.example.\n\
             ns1.example. 3600 IN A {ours_v4}\nns1.example. 3600 IN AAAA {ours_v6}\n"
        );
        let config = config(&directory, &file("root.zone", zone));
        let mut command = world.dns.enter(Tool::Knotd.command());
        command.arg("--config").arg(file("knot.conf", config));
        Self {
            process: world.lab.spawn(command).expect("knotd starts"),
            hints: file("root.hints", hints),
        }
    }
}

fn config(directory: &Path, zone: &Path) -> String {
    let [v4, v6] = ROOT;
    let (directory, zone) = (directory.display(), zone.display());
    format!(
        "\
server:
  rundir: {directory}
  listen: [{v4}@53, {v6}@53]
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: warning
database:
  storage: {directory}
zone:
  - domain: .
    file: {zone}
    zonefile-sync: -1
    journal-content: none
"
    )
}
