//! The lab itself: what tests and benchmarks stand on.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::Command,
    time::Duration,
};

use domain::base::Rtype;
use xtask::{
    ebpf,
    lab::{self, HttpServer, Lab, Namespace, dns::Client, http::Response, veth},
    root,
};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const CLIENT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const SERVER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));

/// Two namespaces joined by a veth pair, each end named `eth0`.
fn pair() -> (Lab, Namespace, Namespace) {
    assert!(root::is_root(), "labs need root: run `cargo xtask test`");
    let lab = Lab::new().expect("a lab");
    let client = lab.namespace("client").expect("a namespace");
    let server = lab.namespace("server").expect("a namespace");
    veth::join(end(&client), end(&server)).expect("a veth pair");
    for (namespace, v4, v6) in [(&client, CLIENT, CLIENT_V6), (&server, SERVER, SERVER_V6)] {
        namespace.add_address("eth0", v4, 24).expect("an address");
        namespace.add_address("eth0", v6, 64).expect("an address");
    }
    (lab, client, server)
}

fn end(namespace: &Namespace) -> veth::End<'_> {
    veth::End {
        namespace,
        interface: "eth0",
    }
}

fn exists(namespace: &str) -> bool {
    Path::new("/run/netns").join(namespace).exists()
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let mut traces = None;
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        let (lab, client, server) = pair();
        let mut sleep = server.command("sleep");
        sleep.arg("1000");
        let process = lab.spawn(sleep).expect("sleep runs");
        let dir = lab.dir().to_owned();
        traces = Some((
            client.name().to_owned(),
            server.name().to_owned(),
            dir,
            process.pid(),
        ));
        assert!(exists(client.name()) && exists(server.name()));
        panic!("as a failing test does");
    }));
    assert!(result.is_err());
    let (client, server, dir, pid) = traces.expect("the lab was made");
    assert!(!exists(&client) && !exists(&server), "namespaces are left");
    assert!(!dir.exists(), "{} is left", dir.display());
    assert!(!Path::new("/proc").join(pid.to_string()).exists());
}

#[test]
fn what_a_killed_process_left_is_swept() {
    // Of a process that has ended, and its number with it.
    let mut ended = Command::new("true").spawn().expect("true runs");
    let pid = ended.id();
    ended.wait().expect("it ends");
    let namespace = format!("veer-{pid}-0-left");
    let dir = std::env::temp_dir().join(format!("veer-{pid}-0"));
    // An earlier process of that number may have left one.
    fs::create_dir_all(&dir).expect("mkdir");
    let add = Command::new("ip")
        .args(["netns", "add", &namespace])
        .status();
    assert!(add.expect("ip runs").success());

    let (_lab, own, _) = pair();
    assert!(lab::sweep().expect("sweeping works") >= 1);
    assert!(!exists(&namespace), "{namespace} is left");
    assert!(!dir.exists(), "{} is left", dir.display());
    assert!(exists(own.name()), "a running process's lab was swept");
}

#[test]
fn commands_and_closures_run_inside_without_a_change_of_mounts() {
    let (_lab, client, _) = pair();
    let inside = client.run(|| {
        let addresses = UdpSocket::bind((CLIENT, 0));
        (
            addresses.is_ok(),
            fs::read_link("/proc/thread-self/ns/mnt").expect("a link"),
        )
    });
    let (bound, mounts) = inside.expect("setns works");
    assert!(bound, "the client's address is not here");
    assert_eq!(mounts, fs::read_link("/proc/self/ns/mnt").expect("a link"));
    assert!(
        UdpSocket::bind((CLIENT, 0)).is_err(),
        "this thread moved too"
    );

    let mut readlink = client.command("readlink");
    readlink.args(["/proc/self/ns/net", "/proc/self/ns/mnt"]);
    let output = readlink.output().expect("readlink runs").stdout;
    let text = String::from_utf8(output).expect("text");
    let mut lines = text.lines();
    let own = fs::read_link("/proc/self/ns/net").expect("a link");
    assert_ne!(lines.next(), own.to_str());
    assert_eq!(lines.next(), mounts.to_str());
}

#[test]
fn a_panic_inside_a_namespace_is_the_callers() {
    let (_lab, client, _) = pair();
    let result = panic::catch_unwind(AssertUnwindSafe(|| client.run(|| panic!("inside"))));
    let payload = result.expect_err("it panicked");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"inside"));
}

#[test]
fn datagrams_pass_with_whole_checksums_and_an_xdp_program() {
    ebpf::build().expect("the rig is built");
    let (lab, client, server) = pair();
    lab.attach_pass(&client, "eth0").expect("pass is attached");
    lab.attach_pass(&server, "eth0").expect("pass is attached");
    let shown = client.ip(&["link", "show", "eth0"]).expect("ip runs");
    assert!(shown.contains("prog/xdp"), "{shown}");
    let features = server.command("ethtool").args(["-k", "eth0"]).output();
    let features = String::from_utf8(features.expect("ethtool runs").stdout).expect("text");
    assert!(features.contains("tx-checksumming: off"), "{features}");

    veth::receive_on_cpu(end(&server), 0).expect("a NAPI thread is pinned");
    for address in [SERVER, SERVER_V6] {
        let echo = server
            .run(|| UdpSocket::bind((address, 53)))
            .expect("setns")
            .expect("bind");
        let client = Client::new(&client, source(address), SocketAddr::new(address, 53));
        let client = client.expect("a client");
        let echoing = std::thread::spawn(move || {
            let mut datagram = [0; 512];
            let (length, from) = echo.recv_from(&mut datagram).expect("a query");
            // One that is not the answer, then one that is.
            echo.send_to(b"no", from).expect("a reply");
            echo.send_to(&datagram[..length], from).expect("a reply");
            from
        });
        let query = b"\x12\x34 as sent";
        assert_eq!(client.exchange(query).expect("the reply"), query);
        assert_eq!(echoing.join().expect("it echoes").ip(), source(address));
    }
}

fn source(server: IpAddr) -> IpAddr {
    if server.is_ipv4() { CLIENT } else { CLIENT_V6 }
}

#[test]
fn a_client_reads_addresses_and_gives_up_in_time() {
    let (_lab, client, server) = pair();
    let socket = server
        .run(|| UdpSocket::bind((SERVER, 53)))
        .expect("setns")
        .expect("bind");
    let mut client = Client::new(&client, CLIENT, (SERVER, 53).into()).expect("a client");
    client.set_timeout(Duration::from_millis(50));
    let unanswered = client
        .ask("www.example.com.", Rtype::A)
        .expect_err("no answer");
    assert_eq!(unanswered.kind(), io::ErrorKind::TimedOut);

    let answering = std::thread::spawn(move || {
        let mut datagram = [0; 512];
        socket.recv(&mut datagram).expect("the question given up");
        let (length, from) = socket.recv_from(&mut datagram).expect("a question");
        let mut reply = datagram[..length].to_vec();
        reply[2] |= 0x80;
        reply[7] = 2;
        let owner = b"\xc0\x0c";
        let (a, aaaa) = ([192, 0, 2, 7], [0x20; 16]);
        reply.extend([owner.as_slice(), b"\0\x01\0\x01\0\0\0\x05\0\x04", &a].concat());
        reply.extend([owner.as_slice(), b"\0\x1c\0\x01\0\0\0\x05\0\x10", &aaaa].concat());
        socket.send_to(&reply, from).expect("a reply");
    });
    client.set_timeout(Duration::from_secs(5));
    let reply = client.ask("www.example.com.", Rtype::A).expect("an answer");
    answering.join().expect("it answers");
    let expected: [IpAddr; 2] = [[192, 0, 2, 7].into(), [0x20_u8; 16].into()];
    assert_eq!(reply.addresses().expect("well formed"), expected);
}

#[test]
fn a_stopped_server_refuses_and_can_come_back() {
    let (_lab, client, server) = pair();
    let address = SocketAddr::new(SERVER, 80);
    let get = || -> io::Result<String> {
        client
            .run(|| {
                let mut stream = TcpStream::connect(address)?;
                stream.write_all(b"GET / HTTP/1.1\r\nHost: s1\r\n\r\n")?;
                let mut response = String::new();
                stream.read_to_string(&mut response)?;
                Ok(response)
            })
            .expect("setns")
    };
    for _ in 0..2 {
        let http = HttpServer::start(&server, address, Response::ok("s1")).expect("it listens");
        let response = get().expect("a response");
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        assert!(response.ends_with("\r\n\r\ns1"), "{response}");
        http.respond(Response {
            status: 503,
            ..Response::ok("busy")
        });
        assert!(get().expect("a response").starts_with("HTTP/1.1 503 "));
        assert_eq!(http.requests(), 2);
        http.respond_to(CLIENT, Response::ok("you"));
        http.respond_to(SERVER, Response::ok("nobody"));
        assert!(get().expect("a response").ends_with("\r\n\r\nyou"));
        http.stop().expect("it stops");
        let refused = get().expect_err("nobody listens");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}

#[test]
fn a_process_is_heard_waited_for_and_killed() {
    let (lab, client, _) = pair();
    let shell = |script| {
        let mut shell = client.command("sh");
        shell.args(["-c", script]);
        lab.spawn(shell).expect("sh runs")
    };
    let mut talker = shell("echo out; echo err >&2; exit 3");
    let status = talker.wait(Duration::from_secs(5)).expect("it ends");
    assert_eq!(status.code(), Some(3));
    assert_eq!(
        (talker.stdout().as_str(), talker.stderr().as_str()),
        ("out\n", "err\n")
    );

    let mut sleeper = shell("exec sleep 1000");
    assert!(sleeper.wait(Duration::from_millis(20)).is_err());
    let pid = sleeper.pid();
    drop(sleeper);
    assert!(!Path::new("/proc").join(pid.to_string()).exists());
}
