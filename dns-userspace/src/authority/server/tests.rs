mod ending;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use super::*;
use crate::authority::{socket::widen, udp::WAITING_MAX};

/// Echoes the query with its transport before it, and over TCP the time-out
/// after it if it is "keepalive"; silent to an empty one.
struct Echo;

impl Handler for Echo {
    fn handle(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Handled {
        assert!(out.is_empty() && source.is_loopback());
        out.push(if transport == Transport::Udp {
            b'u'
        } else {
            b't'
        });
        out.extend_from_slice(query);
        if let (Transport::Tcp { timeout }, b"keepalive") = (transport, query) {
            out.extend_from_slice(&timeout.to_be_bytes());
        }
        if query.is_empty() {
            return Handled::Silent;
        }
        if !query.starts_with(b"later") {
            return Handled::Answered;
        }
        // What stands there is no reply yet.
        out.clear();
        let how_long = if query == b"later for long" {
            10 * PATIENCE
        } else {
            LATER
        };
        Handled::Later(Box::pin(async move { tokio::time::sleep(how_long).await }))
    }

    fn finish(&self, query: &[u8], _: IpAddr, _: Transport, out: &mut Vec<u8>) -> bool {
        assert!(out.is_empty());
        out.extend_from_slice(&[b"finished ", query].concat());
        query != b"later silent"
    }
}

/// How long some replies take.
const LATER: Duration = Duration::from_millis(200);

const PATIENCE: Duration = Duration::from_secs(5);

fn start(addresses: &[IpAddr], workers: usize, options: Options) -> (ServerHandle, u16) {
    let server =
        Server::bind(addresses, 0, workers, options, Inherited::default()).expect("free ports");
    let port = server.port();
    let handle = server.start(Arc::new(Echo)).expect("threads");
    (handle, port)
}

fn both() -> [IpAddr; 2] {
    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a listener");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

fn frame(query: &[u8]) -> Vec<u8> {
    let mut frame = (query.len() as u16).to_be_bytes().to_vec();
    frame.extend_from_slice(query);
    frame
}

fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a length");
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).expect("a message");
    message
}

/// The peer closes without another octet.
fn assert_closed(stream: &mut TcpStream) {
    match stream.read(&mut [0; 16]) {
        Ok(0) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        other => panic!("not closed: {other:?}"),
    }
}

#[test]
fn udp_is_answered_from_the_address_asked() {
    let (_server, port) = start(&both(), 2, Options::default());
    for address in both() {
        // Different source ports reach different workers.
        for _ in 0..20 {
            let client = UdpSocket::bind((address, 0)).expect("a socket");
            client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            client.send_to(b"", (address, port)).expect("sent");
            for query in [&b"one"[..], b"two"] {
                client.send_to(query, (address, port)).expect("sent");
                let mut reply = [0; 64];
                let (length, from) = client.recv_from(&mut reply).expect("a reply");
                assert_eq!(from, SocketAddr::new(address, port));
                assert_eq!(&reply[..length], [b"u", query].concat());
            }
        }
    }
}

#[test]
fn who_waits_over_udp_keeps_nobody_waiting() {
    let (_server, port) = start(&both(), 1, Options::default());
    for address in both() {
        let client = UdpSocket::bind((address, 0)).expect("a socket");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        for query in [&b"later silent"[..], b"later", b"at once"] {
            client.send_to(query, (address, port)).expect("sent");
        }
        let mut reply = [0; 64];
        for expected in [&b"uat once"[..], b"finished later"] {
            let (length, from) = client.recv_from(&mut reply).expect("a reply");
            assert_eq!(from, SocketAddr::new(address, port));
            assert_eq!(&reply[..length], expected);
        }
        client.set_nonblocking(true).expect("set");
        client.recv(&mut reply).expect_err("no other reply");
    }
}

#[test]
fn no_more_wait_than_may_and_one_more_gets_what_there_is() {
    let (_server, port) = start(&both()[..1], 1, Options::default());
    let client = UdpSocket::bind((both()[0], 0)).expect("a socket");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let server = (both()[0], port);
    let mut reply = [0; 64];
    for number in 0..WAITING_MAX {
        client.send_to(b"later for long", server).expect("sent");
        // So that none is lost: no batch holds so many.
        if number % 16 == 0 {
            client.send_to(b"at once", server).expect("sent");
            let length = client.recv(&mut reply).expect("a reply");
            assert_eq!(&reply[..length], b"uat once");
        }
    }
    client.send_to(b"later for long", server).expect("sent");
    let length = client.recv(&mut reply).expect("a reply");
    assert_eq!(&reply[..length], b"finished later for long");
}

#[test]
fn who_waits_on_a_connection_is_answered_in_turn() {
    let (_server, port) = start(&both(), 1, Options::default());
    for address in both() {
        let mut stream = connect(SocketAddr::new(address, port));
        let queries = [&b"first"[..], b"later", b"later too", b"last"];
        let frames: Vec<u8> = queries.iter().flat_map(|query| frame(query)).collect();
        stream.write_all(&frames).expect("sent");
        // Another connection waits for none of them.
        let mut other = connect(SocketAddr::new(address, port));
        other.write_all(&frame(b"other")).expect("sent");
        assert_eq!(read_frame(&mut other), b"tother");
        for expected in [
            &b"tfirst"[..],
            b"finished later",
            b"finished later too",
            b"tlast",
        ] {
            assert_eq!(read_frame(&mut stream), expected);
        }
        stream.write_all(&frame(b"later silent")).expect("sent");
        assert_closed(&mut stream);
    }
}

#[test]
fn a_burst_waits_until_it_is_answered() {
    const BURST: usize = 1000;
    let (_server, port) = start(&both()[..1], 1, Options::default());
    let server = SocketAddr::new(both()[0], port);
    let client = UdpSocket::bind((both()[0], 0)).expect("a socket");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // Room for all replies too.
    widen(&Socket::from(client.try_clone().expect("a handle"))).expect("room");
    for number in 0..BURST {
        let query = (number as u16).to_be_bytes();
        client.send_to(&query, server).expect("sent");
    }
    let mut seen = vec![false; BURST];
    for _ in 0..BURST {
        let mut reply = [0; 8];
        let len = client.recv(&mut reply).expect("a reply");
        assert_eq!((len, reply[0]), (3, b'u'));
        let number = usize::from(u16::from_be_bytes([reply[1], reply[2]]));
        assert!(
            !std::mem::replace(&mut seen[number], true),
            "{number} twice"
        );
    }
}

#[test]
fn rfc7766_6_2_1_1_queries_on_one_connection_are_pipelined() {
    let (_server, port) = start(&both(), 2, Options::default());
    for address in both() {
        let mut stream = connect((address, port).into());
        stream.write_all(&frame(b"alone")).expect("sent");
        assert_eq!(read_frame(&mut stream), b"talone");
        // Two and a half queries at once, then the other half.
        let mut queries = [frame(b"one"), frame(b"two"), frame(b"three")].concat();
        let half = queries.split_off(13);
        stream.write_all(&queries).expect("sent");
        assert_eq!(read_frame(&mut stream), b"tone");
        assert_eq!(read_frame(&mut stream), b"ttwo");
        stream.write_all(&half).expect("sent");
        assert_eq!(read_frame(&mut stream), b"tthree");
    }
}

#[test]
fn a_large_pipeline_is_answered_whole() {
    let (_server, port) = start(&both()[..1], 1, Options::default());
    let mut stream = connect((both()[0], port).into());
    let query = [7; 1000];
    let mut writer = stream.try_clone().expect("a handle");
    let sender = thread::spawn(move || {
        for _ in 0..500 {
            writer.write_all(&frame(&query)).expect("sent");
        }
    });
    for _ in 0..500 {
        assert_eq!(read_frame(&mut stream).len(), 1001);
    }
    sender.join().expect("the sender");
}

#[test]
fn an_oversized_frame_ends_the_connection_after_what_came_before() {
    let (_server, port) = start(&both()[..1], 1, Options::default());
    let mut stream = connect((both()[0], port).into());
    let length = (tcp::QUERY_MAX + 1) as u16;
    let octets = [frame(b"one"), length.to_be_bytes().to_vec()].concat();
    stream.write_all(&octets).expect("sent");
    assert_eq!(read_frame(&mut stream), b"tone");
    assert_closed(&mut stream);
}

#[test]
fn what_is_not_answered_ends_the_connection_after_what_came_before() {
    let (_server, port) = start(&both()[..1], 1, Options::default());
    let mut stream = connect((both()[0], port).into());
    let octets = [frame(b"one"), frame(b""), frame(b"two")].concat();
    stream.write_all(&octets).expect("sent");
    assert_eq!(read_frame(&mut stream), b"tone");
    assert_closed(&mut stream);
}

const SHORT: Options = Options {
    tcp_connections_max: 10,
    tcp_per_client_max: 10,
    tcp_idle: Duration::from_millis(200),
};

#[test]
fn an_idle_connection_ends() {
    let (_server, port) = start(&both()[..1], 1, SHORT);
    let begun = Instant::now();
    let mut stream = connect((both()[0], port).into());
    assert_closed(&mut stream);
    assert!(begun.elapsed() >= SHORT.tcp_idle, "{:?}", begun.elapsed());
}

#[test]
fn a_query_written_octet_by_octet_gets_no_more_time() {
    let (_server, port) = start(&both()[..1], 1, SHORT);
    let mut stream = connect((both()[0], port).into());
    let pause = SHORT.tcp_idle / 10;
    stream.set_read_timeout(Some(pause)).expect("a timeout");
    for octet in frame(&[7; 200]).iter().take(100) {
        let written = stream.write_all(&[*octet]);
        match stream.read(&mut [0; 16]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && written.is_ok() => {}
            Ok(0) | Err(_) => return,
            Ok(_) => panic!("answered half a query"),
        }
    }
    panic!("still open after {:?}", pause * 100);
}

#[test]
fn connections_past_the_limit_are_closed_and_make_room() {
    let options = Options {
        tcp_connections_max: 1,
        ..Options::default()
    };
    let (_server, port) = start(&both()[..1], 2, options);
    let address = SocketAddr::new(both()[0], port);
    let mut first = connect(address);
    first.write_all(&frame(b"one")).expect("sent");
    assert_eq!(read_frame(&mut first), b"tone");
    assert_closed(&mut connect(address));
    drop(first);
    let begun = Instant::now();
    loop {
        let mut next = connect(address);
        let asked = next.write_all(&frame(b"two"));
        if asked.is_ok() && next.read(&mut [0; 16]).is_ok_and(|length| length > 0) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "no room was made");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A server of one worker on 127.0.0.1, with what it counts.
fn start_counting(options: Options) -> (ServerHandle, SocketAddr, Arc<Connections>) {
    let server =
        Server::bind(&both()[..1], 0, 1, options, Inherited::default()).expect("free ports");
    let address = SocketAddr::new(both()[0], server.port());
    let connections = Arc::clone(server.connections());
    let handle = server.start(Arc::new(Echo)).expect("threads");
    (handle, address, connections)
}

#[track_caller]
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A connection that has been served.
fn served(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(&frame(b"one")).expect("sent");
    assert_eq!(read_frame(&mut stream), b"tone");
    stream
}

#[test]
fn a_clients_connections_past_its_limit_are_closed_and_counted() {
    let options = Options {
        tcp_per_client_max: 2,
        ..Options::default()
    };
    let (_server, address, connections) = start_counting(options);
    let first = served(address);
    let _second = served(address);
    assert_closed(&mut connect(address));
    // Another client has places of its own.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let other = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    socket.bind(&other.into()).expect("an address of loopback");
    socket.connect(&address.into()).expect("a listener");
    let mut other = TcpStream::from(socket);
    other.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    other.write_all(&frame(b"one")).expect("sent");
    assert_eq!(read_frame(&mut other), b"tone");
    let counters = connections.counters();
    assert_eq!(connections.open(), 3);
    assert_eq!(counters.accepted.load(Relaxed), 3);
    assert_eq!(counters.refused_client.load(Relaxed), 1);
    assert_eq!(counters.refused.load(Relaxed), 0);
    drop(first);
    eventually("the place is free", || connections.open() == 2);
    served(address);
}

#[test]
fn connections_refused_and_idle_are_counted() {
    let options = Options {
        tcp_connections_max: 1,
        ..SHORT
    };
    let (_server, address, connections) = start_counting(options);
    let mut idle = connect(address);
    eventually("it is let in", || connections.open() == 1);
    assert_closed(&mut connect(address));
    assert_closed(&mut idle);
    let counters = connections.counters();
    assert_eq!(counters.refused.load(Relaxed), 1);
    assert_eq!(counters.refused_client.load(Relaxed), 0);
    eventually("it is counted", || counters.idle.load(Relaxed) == 1);
    // What the peer closes was not idle.
    eventually("the place is free", || connections.open() == 0);
    drop(served(address));
    eventually("the place is free", || connections.open() == 0);
    assert_eq!(counters.idle.load(Relaxed), 1);
}

#[test]
fn rfc7828_3_3_2_the_time_out_is_the_connections_own() {
    let options = Options {
        tcp_connections_max: 2,
        tcp_idle: Duration::from_millis(4250),
        ..Options::default()
    };
    let (_server, address, connections) = start_counting(options);
    let timeout = |stream: &mut TcpStream| {
        stream.write_all(&frame(b"keepalive")).expect("sent");
        let reply = read_frame(stream);
        let timeout = reply.last_chunk().expect("a time-out");
        u16::from_be_bytes(*timeout)
    };
    let mut first = connect(address);
    assert_eq!(timeout(&mut first), 42);
    let mut second = connect(address);
    assert_eq!(timeout(&mut second), 0, "all places are taken");
    drop(second);
    eventually("the place is free", || connections.open() == 1);
    assert_eq!(timeout(&mut first), 42);
}

#[test]
fn while_places_are_scarce_an_idle_connection_ends_sooner() {
    let options = Options {
        tcp_connections_max: 1,
        tcp_idle: PATIENCE * 10,
        ..Options::default()
    };
    let (_server, address, connections) = start_counting(options);
    let mut stream = served(address);
    assert_closed(&mut stream);
    eventually("it is counted", || {
        connections.counters().idle.load(Relaxed) == 1
    });
}

#[test]
fn stopping_frees_the_sockets() {
    let (server, port) = start(&both(), 2, Options::default());
    let mut stream = connect((both()[0], port).into());
    server.stop();
    assert_closed(&mut stream);
    // Without SO_REUSEPORT: nobody else has it.
    for address in both() {
        UdpSocket::bind((address, port)).expect("free");
        assert!(TcpStream::connect((address, port)).is_err());
    }
}

#[test]
fn a_failed_bind_names_the_address_and_leaves_nothing_bound() {
    let taken = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("a socket");
    let port = taken.local_addr().expect("bound").port();
    let error = Server::bind(&both(), port, 2, Options::default(), Inherited::default())
        .expect_err("taken");
    let shown = error.to_string();
    assert!(
        shown.starts_with(&format!("UDP [::1]:{port}: bind: ")),
        "{shown}"
    );
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("free again");
}

#[test]
fn the_unspecified_address_is_refused() {
    let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    let error = Server::bind(&any, 0, 1, Options::default(), Inherited::default())
        .expect_err("unspecified");
    assert!(
        error.to_string().contains("an address of this host"),
        "{error}"
    );
}
