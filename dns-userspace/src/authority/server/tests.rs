use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::Instant,
};

use super::*;

/// Echoes the query with its transport before it; silent to an empty one.
struct Echo;

impl Handler for Echo {
    fn handle(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> bool {
        assert!(out.is_empty() && source.is_loopback());
        out.push(if transport == Transport::Udp {
            b'u'
        } else {
            b't'
        });
        out.extend_from_slice(query);
        !query.is_empty()
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

fn start(addresses: &[IpAddr], workers: usize, options: Options) -> (ServerHandle, u16) {
    let server = Server::bind(addresses, 0, workers, options).expect("free ports");
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
    let error = Server::bind(&both(), port, 2, Options::default()).expect_err("taken");
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
    let error = Server::bind(&any, 0, 1, Options::default()).expect_err("unspecified");
    assert!(
        error.to_string().contains("an address of this host"),
        "{error}"
    );
}
