//! The Debian package on a system where systemd is the first process: installed, upgraded,
//! removed, purged. Needs root.
//!
//! It holds the programs that tests are built with: what is tried is the package, and a release
//! build takes minutes.

#[path = "../support/mod.rs"]
mod support;

mod installed;

use installed::Installed;
use support::{
    eventually,
    load::{Load, assert_answers},
    number, text,
    world::World,
    zone,
};

const SERVICES: &[zone::Service] = &[zone::WWW, zone::CDN];

/// What an operator writes into `/etc/veer/veer.conf`.
const CONF: &str = "server.addresses = 10.9.0.53, fd09::53
xdp.interface = eth0
tables.groups = 64
rrl.exempt = 10.9.0.0/16 fd09::/48
";

/// How long the daemon may be silent, in place of the unit's time: long for a daemon that lives
/// on a busy machine, and not too long for a test.
const WATCHDOG_S: u32 = 10;

/// Finds files, pins, users and groups of it.
const TRACES: &str = "find / /run /sys/fs/bpf -xdev -name '*veer*'; \
    getent passwd veer; getent group veer veer-admin; true";

/// A system that has the package, configured and started.
#[track_caller]
fn serving(world: &World) -> Installed {
    let installed = Installed::new(world);
    let said = installed.dpkg(&["--install", &installed.old]);
    assert!(
        said.contains("server.addresses: is not set"),
        "what is to be configured is not said: {said}"
    );
    assert!(
        said.contains("veer: no start of veer.service before"),
        "{said}"
    );
    installed.write("veer.conf", CONF);
    installed.write("zones.d/example.zone", zone::ZONE);
    installed.write("groups.conf", zone::GROUPS);
    installed.write("services.d/all.toml", &zone::services(SERVICES));
    installed.systemctl(&["start", "veer"]);
    installed
}

#[test]
fn installed_upgraded_and_purged_it_serves_loses_nothing_and_leaves_nothing() {
    let world = World::new();
    let _origins = world.origins(3);
    let installed = serving(&world);
    assert_answers(&world);
    let status = installed.veerctl(&["status"]);
    assert_eq!(status["xdp"]["state"], "attached", "{status:#}");
    assert_eq!(installed.show("User"), "veer");
    assert_eq!(installed.show("StatusErrno"), "0");

    // Neither an upgrade nor a restart loses an answer of the kernel's.
    let answered = || number(&installed.veerctl(&["stats"]), "kernel/answered");
    let before = answered();
    let load = Load::start(&world);
    let first = installed.show("MainPID");
    let said = installed.dpkg(&["--install", &installed.new]);
    assert!(!said.contains("veer: no restart"), "{said}");
    installed.is_active();
    assert_ne!(installed.show("MainPID"), first, "it was not restarted");
    load.goes_on();
    installed.systemctl(&["restart", "veer"]);
    load.goes_on();
    let status = installed.veerctl(&["status"]);
    assert_eq!(text(&status, "xdp/state"), "adopted", "{status:#}");
    // A configuration that is wrong stops no daemon that runs, nor its program.
    installed.write("veer.d/20-wrong.conf", "server.ports = 53\n");
    let said = installed.dpkg(&["--install", &installed.old]);
    assert!(
        said.contains("veer: no restart of veer.service before"),
        "{said}"
    );
    installed.systemctl(&["is-active", "veer"]);
    installed.remove("veer.d/20-wrong.conf");
    let asked = load.stop();
    let stats = installed.veerctl(&["stats"]);
    assert_eq!(
        number(&stats, "userspace/udp_queries"),
        0,
        "hot queries reached a socket"
    );
    assert_eq!(
        answered() - before,
        asked,
        "answered in the kernel, of those asked"
    );

    installed.systemctl(&["stop", "veer"]);
    assert!(!world.has_xdp(), "stopped, the program is on its interface");
    assert_eq!(installed.machine("ls /sys/fs/bpf/veer"), "");
    installed.systemctl(&["start", "veer"]);
    assert_answers(&world);

    installed.dpkg(&["--remove", "veer"]);
    assert!(!world.has_xdp(), "removed, the program is on its interface");
    assert_eq!(installed.machine("find /sys/fs/bpf -name '*veer*'"), "");
    assert!(installed.machine("ls /etc/veer").contains("veer.conf"));
    // What comes back finds what it was told.
    installed.dpkg(&["--install", &installed.new]);
    installed.is_active();
    assert_answers(&world);

    installed.dpkg(&["--purge", "veer"]);
    assert!(!world.has_xdp(), "purged, the program is on its interface");
    assert_eq!(installed.machine(TRACES), "", "left of a purged package");
}

#[test]
fn it_runs_with_little_and_dies_without_a_gap() {
    let world = World::new();
    let _origins = world.origins(3);
    let installed = serving(&world);

    // Exposure as systemd counts it, ten times: the threshold is 2.5.
    let said = installed.machine(
        "systemd-analyze security --offline=true --threshold=25 --no-pager \
         /usr/lib/systemd/system/veer.service",
    );
    assert!(
        said.contains("Overall exposure level for veer.service"),
        "{said}"
    );
    let capabilities = installed.machine("grep CapEff: /proc/$(pidof veerd)/status");
    // CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF.
    let mask: u64 = 1 << 10 | 1 << 12 | 1 << 38 | 1 << 39;
    assert_eq!(capabilities.trim(), format!("CapEff:\t{mask:016x}"));
    eventually("all is well", || {
        installed.shell("veerctl health").0.then_some(())
    });

    // Reloads are told, waited for, and refused where the configuration is wrong.
    installed.systemctl(&["reload", "veer"]);
    installed.write("veer.d/20-wrong.conf", "server.ports = 53\n");
    let refused = installed.try_systemctl(&["reload", "veer"]);
    assert!(!refused.status.success(), "{refused:?}");
    installed.systemctl(&["is-active", "veer"]);
    // A restart by that fails, and the kernel goes on.
    let load = Load::start(&world);
    let refused = installed.try_systemctl(&["restart", "veer"]);
    assert!(!refused.status.success(), "{refused:?}");
    assert_eq!(installed.show("ExecMainStatus"), "2");
    load.goes_on();
    installed.remove("veer.d/20-wrong.conf");
    installed.systemctl(&["start", "veer"]);

    // Killed, and hung, it comes back by itself.
    installed.watch(WATCHDOG_S);
    installed.systemctl(&["restart", "veer"]);
    let killed = installed.show("MainPID");
    installed.systemctl(&["kill", "--signal=KILL", "veer"]);
    installed.comes_back_after(&killed);
    load.goes_on();
    let hung = installed.show("MainPID");
    installed.systemctl(&["kill", "--signal=STOP", "veer"]);
    installed.comes_back_after(&hung);
    assert_eq!(installed.show("NRestarts"), "2");
    load.goes_on();
    load.stop();

    let journal = installed.machine("journalctl --unit veer --output json --no-pager");
    let ready = journal.lines().find(|line| line.contains("\"ready: "));
    let ready = ready.unwrap_or_else(|| panic!("veerd never said that it is ready: {journal}"));
    assert!(ready.contains("\"PRIORITY\":\"6\""), "{ready}");
}

#[test]
fn members_of_one_group_look_and_of_the_other_change() {
    let world = World::new();
    let _origins = world.origins(3);
    let installed = serving(&world);
    for (user, group) in [
        ("reader", "veer"),
        ("writer", "veer-admin"),
        ("stranger", "users"),
    ] {
        installed.machine(&format!("useradd --groups {group} {user}"));
    }
    let asks = |user: &str, args: &str| {
        installed.shell(&format!("runuser -u {user} -- veerctl {args} 2>&1"))
    };
    let freezes = |user: &str| asks(user, "freeze --for 1h");
    let (can, said) = asks("reader", "status");
    assert!(can, "{said}");
    let (can, said) = freezes("reader");
    assert!(!can);
    assert!(
        said.contains("only root and members of the group veer-admin may do this"),
        "{said}"
    );
    let (can, said) = asks("stranger", "status");
    assert!(!can);
    assert!(
        said.contains("only root and members of the group veer or veer-admin may use this socket"),
        "{said}"
    );
    let (can, said) = freezes("writer");
    assert!(can, "{said}");
    let overridden = installed.veerctl(&["states"]);
    assert_eq!(
        text(&overridden, "overrides/0/user"),
        "writer",
        "{overridden:#}"
    );
    // The log is written by a thread of its own.
    eventually("what was asked for is logged, with who did", || {
        let journal = installed.machine("journalctl --unit veer --output cat --no-pager");
        let is_logged = |line: &str| {
            let mut lines = journal.lines();
            lines.any(|logged| logged.contains(line) && logged.contains("change=\"freeze\""))
        };
        let refused = is_logged("refused over the control socket user=\"reader\"");
        (refused && is_logged("asked for over the control socket user=\"writer\"")).then_some(())
    });
}
