//! Servers that nothing of ours is in: Knot's.

use std::{fmt::Write as _, fs, net::IpAddr, path::PathBuf};

use xtask::{lab::Process, setup::Tool};

use crate::support::world::{INTERFACE, World};

/// One of them, and where its files are.
pub(crate) struct Knot {
    pub(crate) process: Process,
    pub(crate) directory: PathBuf,
}

impl Knot {
    /// Starts the one called `name` at `addresses`, which it gets, for `zones`,
    /// apexes with their texts; without waiting.
    pub(crate) fn start(
        world: &World,
        name: &str,
        addresses: [IpAddr; 2],
        zones: &[(&str, String)],
    ) -> Self {
        for (address, prefix) in addresses.into_iter().zip([16, 48]) {
            let added = world.dns.add_address(INTERFACE, address, prefix);
            added.expect("an address");
        }
        let directory = world.lab.dir().join(name);
        fs::create_dir(&directory).expect("a directory");
        let save = |file: String, text: &str| {
            let path = directory.join(file);
            fs::write(&path, text).expect("a file");
            path
        };
        let shown = directory.display();
        let [v4, v6] = addresses;
        let mut config = format!(
            "\
server:
  rundir: {shown}
  listen: [{v4}@53, {v6}@53]
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: warning
database:
  storage: {shown}
zone:
"
        );
        for (number, (apex, text)) in zones.iter().enumerate() {
            let file = save(format!("{number}.zone"), text);
            let file = file.display();
            write!(
                config,
                "  - domain: {apex}\n    file: {file}\n    zonefile-sync: -1\n    journal-content: none\n"
            )
            .expect("a String");
        }
        let mut command = world.dns.enter(Tool::Knotd.command());
        command
            .arg("--config")
            .arg(save("knot.conf".to_owned(), &config));
        Self {
            process: world.lab.spawn(command).expect("knotd starts"),
            directory,
        }
    }
}
