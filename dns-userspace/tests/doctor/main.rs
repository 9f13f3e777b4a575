//! `veerctl doctor` finds each of many faults by the check that is for it, names what mends
//! it, and finds it no more when that was run.

#[path = "../support/mod.rs"]
mod support;
mod ward;

use std::{fs, path::Path, thread};

use support::{
    eventually, tools,
    world::{DNS, INTERFACE},
    zone,
};
use ward::{Ward, succeeds};
use xtask::{ebpf::Program, lab::Process, setup::Tool};

#[test]
fn a_sound_host() {
    let ward = Ward::new();
    let found = ward.examine_by(&["prlimit", "--memlock=65536"]);
    // Of locked memory this kernel takes none for tables.
    assert_eq!(found.above_notes(), [""; 0], "{found:#?}");
    for check in [
        "kernel",
        "btf",
        "jit",
        "membarrier",
        "capabilities",
        "memlock",
        "bpffs",
        "configuration",
        "interface",
        "addresses",
        "xdp-program",
        "native-xdp",
        "mtu",
        "queues",
        "rings",
        "coalescing",
        "receive-offloads",
        "vlan-stripping",
        "udp-port",
        "tcp-port",
        "firewall",
    ] {
        assert_eq!(found.severity_of(check), "ok", "{check}: {found:#?}");
    }
}

#[test]
fn what_is_veers_own_is_in_nobodys_way() {
    let ward = Ward::new();
    let _origins = ward.world.origins(3);
    ward.config
        .write("services.d/all.toml", &zone::services(&[zone::WWW]));
    let daemon = ward.world.start(&ward.config);
    let found = ward.examine_by(&[]);
    assert_eq!(found.above_notes(), [""; 0], "{found:#?}");
    assert!(
        found.of("xdp-program", "found").contains("veer's own"),
        "{found:#?}"
    );
    assert!(
        found.of("udp-port", "found").contains("veerd's"),
        "{found:#?}"
    );
    daemon.sigkill().expect("it is killed");
    let found = ward.examine_by(&[]);
    assert!(
        found.of("xdp-program", "found").contains("veer's own"),
        "{found:#?}"
    );

    // The same program is in the way of a veerd with other pins.
    let pins = ward.world.lab.pins().join("other");
    ward.config
        .settings(&[&format!("xdp.pin_path = {}", pins.display())]);
    let found = ward.examine_by(&[]);
    assert_eq!(found.above_notes(), ["xdp-program"], "{found:#?}");
    ward.mend(&found.of("xdp-program", "command"), &[]);
    let found = ward.examine_by(&[]);
    assert_eq!(found.severity_of("xdp-program"), "ok", "{found:#?}");
}

#[test]
fn another_native_program_held_by_a_link() {
    let ward = Ward::new();
    let [found, command] = ward.finds("xdp-program", "error", || {
        let attached = ward.world.lab.attach_pass(&ward.world.dns, INTERFACE);
        attached.expect("pass is attached");
    });
    let pid = std::process::id().to_string();
    assert!(
        found.contains("pass, id") && found.contains("native"),
        "{found}"
    );
    assert!(found.contains(&pid), "{found}");
    assert!(command.starts_with("bpftool link detach id "), "{command}");
}

#[test]
fn another_generic_program_that_is_pinned() {
    let ward = Ward::new();
    let pins = ward.world.lab.pins();
    let pin = pins.join("pass");
    let [found, command] = ward.finds("xdp-program", "error", || {
        fs::create_dir_all(&pins).expect("bpffs is there");
        let object = Program::Rig.object().expect("it is built");
        let mut ebpf = aya::Ebpf::load_file(object).expect("it is an object");
        let pass: &mut aya::programs::Xdp = ebpf
            .program_mut("pass")
            .expect("it is there")
            .try_into()
            .expect("it is XDP's");
        pass.load().expect("the verifier takes it");
        pass.pin(&pin).expect("bpffs is there");
        let mut bpftool = ward.world.dns.enter(Tool::Bpftool.command());
        bpftool
            .args(["net", "attach", "xdpgeneric", "pinned"])
            .arg(&pin);
        succeeds(bpftool.args(["dev", INTERFACE]));
    });
    assert!(
        found.contains("pass, id") && found.contains("generic"),
        "{found}"
    );
    assert!(found.contains(&pin.display().to_string()), "{found}");
    assert_eq!(
        command,
        format!("ip link set dev {INTERFACE} xdpgeneric off")
    );
}

/// Somebody else's server at our address, over UDP or TCP alone.
fn server(ward: &Ward, is_udp: bool) -> Process {
    let dir = ward.world.lab.dir();
    let file = dir.join("unbound.conf");
    let [udp, tcp] = [is_udp, !is_udp].map(|is_on| if is_on { "yes" } else { "no" });
    let text = format!(
        "server:\n  directory: \"{}\"\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  \
         use-syslog: no\n  num-threads: 1\n  module-config: \"iterator\"\n  interface: {}\n  \
         do-udp: {udp}\n  do-tcp: {tcp}\nremote-control:\n  control-enable: no\n",
        dir.display(),
        DNS[0]
    );
    fs::write(&file, text).expect("a file");
    let program = tools::copy(Tool::Unbound, dir);
    let mut command = ward.world.dns.command(program);
    command.args(["-d", "-p", "-c"]).arg(file);
    ward.world.lab.spawn(command).expect("it starts")
}

#[test]
fn a_port_that_is_taken() {
    for (is_udp, check) in [(true, "udp-port"), (false, "tcp-port")] {
        let ward = Ward::new();
        let mut other = None;
        let [found, command] = ward.finds(check, "error", || other = Some(server(&ward, is_udp)));
        let mut other = other.expect("it was started");
        assert!(
            found.contains("program") && found.contains("10.9.0.53"),
            "{found}"
        );
        assert_eq!(command, format!("kill {}", other.pid()));
        assert!(other.ended().expect("it is ours").is_some());
    }
}

#[test]
fn a_firewall_that_drops_queries() {
    let ward = Ward::new();
    let nft = |line: &str| {
        let mut nft = ward.world.dns.enter(Tool::Nft.command());
        succeeds(nft.args(line.split(' ')));
    };
    nft("add table inet guard");
    nft("add chain inet guard input { type filter hook input priority 0 ; }");
    nft("add rule inet guard input tcp dport 53 drop");
    let [found, command] = ward.finds("firewall", "warn", || {
        nft("add rule inet guard input udp dport 53 limit rate over 9/second drop");
    });
    assert!(found.contains("inet guard input"), "{found}");
    assert!(
        command.starts_with("nft delete rule inet guard input handle "),
        "{command}"
    );
}

#[test]
fn frames_too_large_for_a_native_program() {
    let ward = Ward::new();
    ward.ip(&[
        "link", "add", "eth1", "type", "veth", "peer", "name", "peer1",
    ]);
    for end in ["eth1", "peer1"] {
        ward.ip(&["link", "set", end, "up"]);
    }
    ward.tune("eth1");
    ward.config.settings(&["xdp.interface = eth1"]);
    let [_, command] = ward.finds("mtu", "error", || {
        ward.ip(&["link", "set", "dev", "peer1", "mtu", "3507"]);
        let refused = ward.world.lab.attach_pass(&ward.world.dns, "eth1");
        refused.expect_err("the driver takes none");
    });
    assert_eq!(command, "ip link set dev peer1 mtu 3506");
    ward.world
        .lab
        .attach_pass(&ward.world.dns, "eth1")
        .expect("now the driver takes it");
}

#[test]
fn a_driver_without_native_xdp() {
    let ward = Ward::new();
    ward.ip(&[
        "link", "add", "link", INTERFACE, "name", "mac0", "type", "macvlan",
    ]);
    ward.ip(&["link", "set", "mac0", "up"]);
    let [_, command] = ward.finds("native-xdp", "error", || {
        ward.config.settings(&["xdp.interface = mac0"]);
    });
    assert!(command.contains("xdp.mode = generic"), "{command}");
}

#[test]
fn an_interface_that_is_down() {
    let ward = Ward::new();
    // Addresses of IPv6 go with it.
    ward.config.settings(&["server.addresses = 10.9.0.53"]);
    let [_, command] = ward.finds("interface", "error", || {
        ward.ip(&["link", "set", INTERFACE, "down"]);
    });
    assert_eq!(command, format!("ip link set dev {INTERFACE} up"));
}

#[test]
fn an_address_that_the_host_does_not_have() {
    let ward = Ward::new();
    let [found, _] = ward.finds("addresses", "error", || {
        ward.ip(&["address", "del", "fd09::53/48", "dev", INTERFACE]);
    });
    assert!(found.ends_with(": fd09::53"), "{found}");
}

#[test]
fn one_queue_for_several_cpus() {
    if thread::available_parallelism()
        .expect("there are CPUs")
        .get()
        == 1
    {
        return; // One queue is as many as there can be.
    }
    let ward = Ward::new();
    ward.finds("queues", "warn", || {
        ward.ethtool(&["-L", INTERFACE, "rx", "1"]);
    });
}

#[test]
fn tags_that_the_card_takes_off() {
    let ward = Ward::new();
    ward.finds("vlan-stripping", "note", || {
        ward.ethtool(&["-K", INTERFACE, "rxvlan", "on"]);
    });
}

#[test]
fn routing_tables_that_are_not_asked() {
    let ward = Ward::new();
    let forward = |value: u8| {
        let keys = ["ipv4", "ipv6"]
            .map(|family| format!("net.{family}.conf.{INTERFACE}.forwarding={value}"));
        succeeds(ward.world.dns.command("sysctl").arg("-w").args(keys));
    };
    forward(1);
    ward.config.settings(&["xdp.reply = fib"]);
    ward.finds("forwarding", "error", || forward(0));
}

/// A mount namespace that goes with a process.
fn mounts(ward: &Ward) -> (Process, String) {
    let mut command = ward.world.dns.command("unshare");
    command.args(["--mount", "sh", "-c", "echo made; exec sleep 600"]);
    let process = ward.world.lab.spawn(command).expect("it starts");
    eventually("the namespace is made", || {
        process.stdout().contains("made").then_some(())
    });
    let mounts = format!("--mount=/proc/{}/ns/mnt", process.pid());
    (process, mounts)
}

#[test]
fn a_file_system_for_pins_that_is_not_mounted() {
    let ward = Ward::new();
    let (_process, mounts) = mounts(&ward);
    let starter = ["nsenter", &mounts];
    let [_, command] = ward.finds_by(&starter, "bpffs", "note", || {
        // It may be mounted more than once.
        let all = "while umount --lazy /sys/fs/bpf 2> /dev/null; do :; done";
        ward.mend(all, &starter);
    });
    assert_eq!(command, "mount -t bpf bpf /sys/fs/bpf");

    let pins = ward.world.lab.dir().join("pins of my own");
    let [_, command] = ward.finds_by(&starter, "bpffs", "error", || {
        ward.config
            .settings(&[&format!("xdp.pin_path = {}", pins.display())]);
    });
    assert!(command.ends_with("pins of my own'"), "{command}");
}

#[test]
fn a_user_who_may_not() {
    const NOBODY: [&str; 4] = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let ward = Ward::new();
    let binaries = ward.world.lab.dir().join("bin");
    fs::create_dir(&binaries).expect("a directory");
    for program in [env!("CARGO_BIN_EXE_veerctl"), env!("CARGO_BIN_EXE_veerd")] {
        succeeds(std::process::Command::new("cp").arg(program).arg(&binaries));
    }
    let veerctl: &Path = &binaries.join("veerctl");
    assert_eq!(ward.examine(veerctl, &["env"]).above_notes(), [""; 0]);
    let found = ward.examine(veerctl, &NOBODY);
    assert_eq!(found.above_notes(), ["capabilities"], "{found:#?}");
    let said = found.of("capabilities", "found");
    for name in [
        "CAP_BPF",
        "CAP_PERFMON",
        "CAP_NET_ADMIN",
        "CAP_NET_BIND_SERVICE",
    ] {
        assert!(said.contains(name), "{said}");
    }
    ward.mend(&found.of("capabilities", "command"), &[]);
    let found = ward.examine(veerctl, &NOBODY);
    assert_eq!(found.above_notes(), [""; 0], "{found:#?}");
}

#[test]
fn a_person_reads_what_mends_it() {
    let ward = Ward::new();
    ward.ip(&["address", "del", "fd09::53/48", "dev", INTERFACE]);
    let mut command = ward.world.dns.enter(ward.config.control.command());
    let output = command
        .args(["doctor", INTERFACE])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let shown = String::from_utf8(output.stdout).expect("text");
    let mending = format!("\n  ip address add fd09::53/128 dev {INTERFACE}\n");
    assert!(shown.contains(&mending), "{shown}");
    assert!(shown.ends_with("eth0: 1 error, 0 warnings\n"), "{shown}");
}
