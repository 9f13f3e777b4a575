//! A sound host, and what one fact after the other makes of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;
use crate::{
    config::tunables::XdpReply,
    doctor::facts::{
        Interface,
        ethtool::{Channels, Coalescing, PORTS, Rings},
        firewall::{Listed, Listings},
        host::{Host, Privileges},
        link::{Address, Link, Mode},
        sockets::{Bound, Owner, Transport},
        wanted::Configuration,
    },
    kernel::Held,
};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53));
const ANY_V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const ANY_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
const STUB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53));

/// A host where nothing is to be said.
fn sound() -> Facts {
    let channels = Channels {
        combined_max: 16,
        combined: 8,
        ..Channels::default()
    };
    let interface = Interface {
        link: Link {
            index: 2,
            name: "eth0".to_owned(),
            is_ethernet: true,
            is_up: true,
            has_carrier: true,
            mtu: 1500,
            receive_queues: 16,
            ..Link::default()
        },
        driver: Some("ice".to_owned()),
        xdp_features: Some(0x7f),
        channels: Some(channels),
        rings: Some(Rings {
            receive_max: 8160,
            receive: 512,
        }),
        coalescing: Some(Coalescing {
            receive_us: 20,
            is_adaptive: false,
        }),
        hashed: [Some(PORTS | 0x30); 2],
        ..Interface::default()
    };
    Facts {
        wanted: Wanted {
            directory: "/etc/veer".into(),
            configuration: Configuration::Valid,
            addresses: vec![V4, V6],
            port: 53,
            interface: Some("eth0".to_owned()),
            mode: XdpMode::Native,
            reply: XdpReply::Mac,
            pin_path: "/sys/fs/bpf/veer".into(),
        },
        host: Host {
            release: "6.12.9-amd64".to_owned(),
            cpus: 8,
            has_btf: true,
            jit: Some(1),
            is_compiled: Some(true),
            jit_harden: Some(0),
            stats: Some(0),
            has_membarrier: true,
        },
        privileges: Privileges {
            process: Some(u64::MAX),
            file: 0,
            veerd: Some("/usr/sbin/veerd".to_owned()),
            memlock: Some(8 << 20),
            pins_on_bpffs: true,
        },
        interface: Named::Found(Box::new(interface)),
        addresses: Some(vec![V4, V6].into_iter().map(on_eth0).collect()),
        bound: Some(Vec::new()),
        listings: Listings {
            nft: Listed::Text(r#"{"nftables": []}"#.to_owned()),
            iptables: Listed::Absent,
            ip6tables: Listed::Absent,
        },
    }
}

fn on_eth0(address: IpAddr) -> Address {
    Address { address, index: 2 }
}

fn eth0(facts: &mut Facts) -> &mut Interface {
    match &mut facts.interface {
        Named::Found(interface) => interface,
        other => panic!("{other:?}"),
    }
}

/// What the sound host comes to with `fault`, but for what is as it should be.
fn told(fault: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let mut facts = sound();
    fault(&mut facts);
    let mut found = judge(&facts);
    found.retain(|finding| finding.severity != Severity::Ok);
    found
}

/// That `fault` is told by one check alone, with what mends it.
#[track_caller]
fn one(check: &str, severity: Severity, command: &str, fault: impl FnOnce(&mut Facts)) {
    let found = told(fault);
    let [finding] = found.as_slice() else {
        panic!("{check}: {found:#?}");
    };
    let said = (finding.check, finding.severity, finding.command.as_deref());
    let command = Some(command).filter(|command| !command.is_empty());
    assert_eq!(said, (check, severity, command), "{finding:#?}");
    assert!(!finding.found.is_empty() && !finding.means.is_empty());
}

use Severity::{Error, Note, Warn};

#[test]
fn a_sound_host_has_nothing_above_ok() {
    assert_eq!(told(|_| {}), []);
}

#[test]
fn kernels() {
    let age = |release: &'static str| move |facts: &mut Facts| facts.host.release = release.into();
    one("kernel", Error, "", |facts| {
        age("5.4.0-200")(facts);
        facts.privileges.memlock = None;
    });
    one("kernel", Note, "", age("6.1.0-28-amd64"));
    assert_eq!(told(age("6.10.0")), []);
    one("btf", Error, "", |facts| facts.host.has_btf = false);
    let on = "sysctl -w net.core.bpf_jit_enable=1";
    one("jit", Error, on, |facts| facts.host.jit = Some(0));
    one("jit", Warn, on, |facts| facts.host.jit = Some(2));
    one("jit", Error, on, |facts| {
        (facts.host.jit, facts.host.is_compiled) = (None, Some(false));
    });
    one("jit", Note, "", |facts| {
        (facts.host.jit, facts.host.is_compiled) = (None, None);
    });
    one(
        "jit-hardening",
        Warn,
        "sysctl -w net.core.bpf_jit_harden=1",
        |facts| facts.host.jit_harden = Some(2),
    );
    one(
        "bpf-stats",
        Warn,
        "sysctl -w kernel.bpf_stats_enabled=0",
        |facts| facts.host.stats = Some(1),
    );
    one(
        "membarrier",
        Error,
        r#"sed -i 's/nohz_full=[^ "]*//' /etc/default/grub && update-grub"#,
        |facts| facts.host.has_membarrier = false,
    );
}

#[test]
fn privileges() {
    let setcap = "setcap cap_net_bind_service,cap_net_admin,cap_perfmon,cap_bpf=ep /usr/sbin/veerd";
    one("capabilities", Error, setcap, |facts| {
        facts.privileges.process = Some(0);
    });
    let without_bpf = !(1 << 39 | 1 << 21);
    one("capabilities", Error, setcap, |facts| {
        facts.privileges.process = Some(without_bpf);
    });
    let by_file = |facts: &mut Facts| {
        facts.privileges.process = Some(0);
        facts.privileges.file = 1 << 10 | 1 << 12 | 1 << 38 | 1 << 39;
    };
    assert_eq!(told(by_file), []);
    assert_eq!(
        told(|facts| facts.privileges.process = Some(!(1 << 39))),
        [],
        "CAP_SYS_ADMIN includes it"
    );
    let memlock = "prlimit --pid $$ --memlock=unlimited";
    let found = told(|facts| facts.host.release = "5.10.0".into());
    let checks: Vec<_> = found.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, ["kernel", "memlock"]);
    assert_eq!(found[1].command.as_deref(), Some(memlock));
    let mount = "mount -t bpf bpf /sys/fs/bpf";
    let unmounted = |facts: &mut Facts| facts.privileges.pins_on_bpffs = false;
    one("bpffs", Note, mount, unmounted);
    one("bpffs", Error, mount, |facts| {
        unmounted(facts);
        facts.privileges.process = Some(!(1 << 21));
    });
    let elsewhere = "mkdir -p '/run/my pins' && mount -t bpf bpf '/run/my pins'";
    one("bpffs", Error, elsewhere, |facts| {
        unmounted(facts);
        facts.wanted.pin_path = "/run/my pins".into();
    });
}

#[test]
fn configuration_interface_and_addresses() {
    one("configuration", Note, "", |facts| {
        facts.wanted.configuration = Configuration::Missing;
    });
    one(
        "configuration",
        Error,
        "veerctl --config /etc/veer check",
        |facts| facts.wanted.configuration = Configuration::Faulty(2),
    );
    one("interface", Note, "", |facts| {
        facts.interface = Named::Nobody;
    });
    one("interface", Error, "", |facts| {
        facts.interface = Named::Missing("eth1".into(), vec!["eth0".into()]);
    });
    one("interface", Error, "ip link set dev eth0 up", |facts| {
        eth0(facts).link.is_up = false;
    });
    one("interface", Warn, "", |facts| {
        eth0(facts).link.has_carrier = false;
    });
    // As the loopback is: that it has no native XDP either goes without saying.
    one("interface", Error, "", |facts| {
        let eth0 = eth0(facts);
        (eth0.link.is_ethernet, eth0.link.mtu) = (false, 65_536);
        eth0.xdp_features = Some(0);
    });
    one(
        "addresses",
        Error,
        "ip address add 192.0.2.53/32 dev eth0 && ip address add 2001:db8::53/128 dev eth0",
        |facts| facts.addresses = Some(Vec::new()),
    );
    one(
        "addresses",
        Error,
        "ip address add 2001:db8::53/128 dev eth0",
        |facts| {
            facts.addresses = Some(vec![on_eth0(V4)]);
        },
    );
}

#[test]
fn programs_on_the_hook() {
    let with =
        |held: Held, mode| move |facts: &mut Facts| eth0(facts).programs = vec![(mode, held)];
    let other = Held {
        id: 17,
        name: Some("xdp_dispatcher".to_owned()),
        ..Held::default()
    };
    for (mode, command) in [
        (Mode::Native, "ip link set dev eth0 xdpdrv off"),
        (Mode::Generic, "ip link set dev eth0 xdpgeneric off"),
        (Mode::Offloaded, "ip link set dev eth0 xdpoffload off"),
    ] {
        one("xdp-program", Error, command, with(other.clone(), mode));
    }
    let linked = Held {
        link: Some(5),
        ..other.clone()
    };
    one(
        "xdp-program",
        Error,
        "bpftool link detach id 5",
        with(linked, Mode::Native),
    );
    let ours = |pin: &str| Held {
        id: 18,
        name: Some("veer".to_owned()),
        link: Some(6),
        pins: vec![pin.into()],
        processes: Vec::new(),
    };
    assert_eq!(
        told(with(ours("/sys/fs/bpf/veer/link-native-2"), Mode::Native)),
        []
    );
    one(
        "xdp-program",
        Error,
        "veerctl detach --pin-path /sys/fs/bpf/other",
        with(ours("/sys/fs/bpf/other/link-native-2"), Mode::Native),
    );
    // A name is not enough.
    let named = Held {
        pins: Vec::new(),
        ..ours("")
    };
    one(
        "xdp-program",
        Error,
        "bpftool link detach id 6",
        with(named, Mode::Native),
    );
    let unknown = Held {
        name: None,
        ..other
    };
    one("xdp-program", Note, "", with(unknown, Mode::Native));
}

#[test]
fn drivers() {
    let generic = r"printf '\nxdp.mode = generic\n' >> /etc/veer/veer.conf";
    one("native-xdp", Error, generic, |facts| {
        eth0(facts).xdp_features = Some(0);
    });
    let untold = |driver: &'static str| {
        move |facts: &mut Facts| {
            eth0(facts).xdp_features = None;
            eth0(facts).driver = Some(driver.to_owned());
        }
    };
    one("native-xdp", Note, "", untold("e1000e"));
    assert_eq!(told(untold("i40e")), []);
    assert_eq!(
        told(|facts| {
            facts.wanted.mode = XdpMode::Generic;
            eth0(facts).xdp_features = Some(0);
        }),
        []
    );
    let native = r"printf '\nxdp.mode = native\n' >> /etc/veer/veer.conf";
    one("native-xdp", Note, native, |facts| {
        facts.wanted.mode = XdpMode::Generic;
    });
    one("driver", Note, "", |facts| {
        eth0(facts).driver = Some("ixgbe".to_owned());
    });

    let jumbo = |facts: &mut Facts| eth0(facts).link.mtu = 9000;
    one("mtu", Warn, "ip link set dev eth0 mtu 3498", jumbo);
    let virtio = |facts: &mut Facts| {
        jumbo(facts);
        eth0(facts).driver = Some("virtio_net".to_owned());
    };
    one("mtu", Error, "ip link set dev eth0 mtu 3502", virtio);
    let found = told(|facts| {
        eth0(facts).driver = Some("veth".to_owned());
        eth0(facts).peer = Some(("veth1".to_owned(), 9000));
    });
    assert_eq!(
        found[1].command.as_deref(),
        Some("ip link set dev veth1 mtu 3506")
    );
    let generic = |facts: &mut Facts| {
        virtio(facts);
        facts.wanted.mode = XdpMode::Generic;
        eth0(facts).xdp_features = Some(0);
    };
    assert_eq!(told(generic), []);
}

#[test]
fn queues_rings_and_waiting() {
    let combined = |now, max| {
        move |facts: &mut Facts| {
            eth0(facts).channels = Some(Channels {
                combined: now,
                combined_max: max,
                ..Channels::default()
            });
        }
    };
    one(
        "queues",
        Warn,
        "ethtool -L eth0 combined 8",
        combined(1, 16),
    );
    one("queues", Note, "ethtool -L eth0 combined 6", combined(4, 6));
    one("queues", Note, "", combined(6, 6));
    one("queues", Note, "", combined(1, 1));
    one("queues", Warn, "ethtool -L eth0 rx 2", |facts| {
        eth0(facts).channels = Some(Channels {
            receive: 1,
            receive_max: 2,
            ..Channels::default()
        });
    });
    let of = |driver: &'static str, now, max| {
        move |facts: &mut Facts| {
            combined(now, max)(facts);
            eth0(facts).driver = Some(driver.to_owned());
        }
    };
    let found = told(of("gve", 8, 8));
    assert_eq!(
        found[1].command.as_deref(),
        Some("ethtool -L eth0 combined 4")
    );
    one(
        "queues",
        Note,
        "ethtool -L eth0 combined 2",
        of("virtio_net", 8, 10),
    );
    one("queues", Note, "", of("virtio_net", 8, 8));
    assert_eq!(told(of("virtio_net", 8, 16)), []);

    let sdfn = "ethtool -N eth0 rx-flow-hash udp4 sdfn && ethtool -N eth0 rx-flow-hash udp6 sdfn";
    one("udp-hashing", Warn, sdfn, |facts| {
        eth0(facts).hashed = [Some(0x30); 2];
    });
    one(
        "udp-hashing",
        Warn,
        "ethtool -N eth0 rx-flow-hash udp6 sdfn",
        |facts| eth0(facts).hashed[1] = Some(0x30),
    );
    let frames = |receive, receive_max| {
        let rings = Rings {
            receive_max,
            receive,
        };
        move |facts: &mut Facts| eth0(facts).rings = Some(rings)
    };
    one("rings", Warn, "ethtool -G eth0 rx 512", frames(64, 4096));
    one("rings", Note, "ethtool -G eth0 rx 512", frames(4096, 4096));
    assert_eq!(told(frames(128, 128)), []);
    let waits = |receive_us, is_adaptive| {
        let coalescing = Coalescing {
            receive_us,
            is_adaptive,
        };
        move |facts: &mut Facts| eth0(facts).coalescing = Some(coalescing)
    };
    one(
        "coalescing",
        Warn,
        "ethtool -C eth0 rx-usecs 20",
        waits(250, false),
    );
    assert_eq!(told(waits(250, true)), []);
    let untold = |facts: &mut Facts| {
        let eth0 = eth0(facts);
        (eth0.rings, eth0.coalescing, eth0.hashed) = (None, None, [None; 2]);
    };
    assert_eq!(told(untold), []);
}

#[test]
fn offloads_and_routing() {
    let on = |feature: &'static str| {
        move |facts: &mut Facts| {
            eth0(facts).features.insert(feature.to_owned(), true);
        }
    };
    one(
        "receive-offloads",
        Error,
        "ethtool -K eth0 lro off",
        on("rx-lro"),
    );
    one(
        "receive-offloads",
        Error,
        "ethtool -K eth0 rx-gro-hw off",
        on("rx-gro-hw"),
    );
    let rxvlan = "ethtool -K eth0 rxvlan off";
    one("vlan-stripping", Note, rxvlan, on("rx-vlan-hw-parse"));
    one("vlan-stripping", Warn, rxvlan, |facts| {
        on("rx-vlan-hw-parse")(facts);
        eth0(facts).vlans = vec!["eth0.5".to_owned()];
    });
    let fib = |facts: &mut Facts| {
        facts.wanted.reply = XdpReply::Fib;
        eth0(facts).forwarding = [Some(false), Some(true)];
    };
    one(
        "forwarding",
        Error,
        "sysctl -w net/ipv4/conf/eth0/forwarding=1",
        fib,
    );
    assert_eq!(
        told(|facts| {
            fib(facts);
            facts.wanted.addresses = vec![V6];
        }),
        []
    );
}

#[test]
fn who_has_the_port() {
    let owner = |name: &str, unit: Option<&str>| Owner {
        pid: 321,
        name: name.to_owned(),
        unit: unit.map(str::to_owned),
    };
    let bound = |transport, address, owner: Option<Owner>| {
        move |facts: &mut Facts| {
            facts.bound = Some(vec![Bound {
                transport,
                address,
                owner,
            }]);
        }
    };
    let (udp, tcp) = (Transport::Udp, Transport::Tcp);
    let named = owner("named", Some("named.service"));
    let stop = "systemctl disable --now named.service";
    one("udp-port", Error, stop, bound(udp, V4, Some(named.clone())));
    one(
        "tcp-port",
        Error,
        stop,
        bound(tcp, ANY_V6, Some(named.clone())),
    );
    one(
        "udp-port",
        Error,
        "kill 321",
        bound(udp, ANY_V4, Some(owner("dnsmasq", None))),
    );
    one("udp-port", Error, "", bound(udp, V6, None));
    let resolved = || Some(owner("systemd-resolve", Some("systemd-resolved.service")));
    assert_eq!(told(bound(udp, STUB, resolved())), [], "another address");
    let found = told(bound(udp, ANY_V4, resolved()));
    let command = found[0].command.as_deref().expect("it is mended");
    assert!(command.contains("DNSStubListener=no"), "{command}");
    assert_eq!(told(bound(udp, V4, Some(owner("veerd", None)))), []);
    // Without a configuration only who takes all addresses is surely in the way.
    let unknown = |address| {
        let bound = bound(udp, address, Some(named.clone()));
        told(|facts| {
            bound(facts);
            facts.wanted.addresses.clear();
        })
    };
    assert_eq!(unknown(V4), []);
    assert_eq!(unknown(ANY_V4).len(), 1);
}

#[test]
fn rules_of_a_firewall() {
    let listed = |text: &'static str| {
        move |facts: &mut Facts| facts.listings.iptables = Listed::Text(text.to_owned())
    };
    one(
        "firewall",
        Warn,
        "iptables -t filter -D INPUT -p udp -m udp --dport 53 -j DROP",
        listed("*filter\n-A INPUT -p udp -m udp --dport 53 -j DROP\nCOMMIT\n"),
    );
    one(
        "firewall",
        Note,
        "",
        listed("*filter\n-A INPUT -p udp -m udp --dport 53 -j ACCEPT\nCOMMIT\n"),
    );
    one("firewall", Note, "", |facts| {
        facts.listings.nft = Listed::Absent;
    });
    one("firewall", Note, "", |facts| {
        facts.listings.nft = Listed::Refused("Operation not permitted".to_owned());
    });
}

#[test]
fn without_the_kernel_less_is_needed() {
    let found = told(|facts| {
        facts.wanted.mode = XdpMode::Off;
        facts.host.release = "4.19.0".to_owned();
        facts.privileges.process = Some(1 << 10);
        facts.privileges.pins_on_bpffs = false;
        eth0(facts).xdp_features = Some(0);
    });
    assert_eq!(found, []);
}

#[test]
fn commands_take_any_name_for_one_word() {
    assert_eq!(quoted("eth0.5"), "eth0.5");
    assert_eq!(quoted("a b"), "'a b'");
    assert_eq!(quoted("a'$(b)"), r"'a'\''$(b)'");
    assert_eq!(quoted(""), "''");
}
