use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsFd as _,
    time::Duration,
};

use super::*;

fn socket(address: IpAddr) -> UdpSocket {
    let socket = UdpSocket::bind((address, 0)).expect("a socket");
    let patience = Some(Duration::from_secs(5));
    socket.set_read_timeout(patience).expect("a timeout");
    socket
}

fn address_of(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("bound")
}

fn both() -> [IpAddr; 2] {
    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
}

/// On loopback what has been sent has arrived.
#[test]
fn each_reply_goes_where_its_query_came_from_and_none_where_none_is_made() {
    for address in both() {
        let server = socket(address);
        let clients: Vec<UdpSocket> = (0..10).map(|_| socket(address)).collect();
        for (number, client) in (0..).zip(&clients) {
            let query = vec![number; 1 + usize::from(number)];
            client.send_to(&query, address_of(&server)).expect("sent");
        }
        let mut batch = Batch::new();
        batch.receive(server.as_fd()).expect("queries");
        assert!(!batch.is_full());
        batch.answer(|query, source, out| {
            assert_eq!(source.ip(), address);
            assert_eq!(source, address_of(&clients[usize::from(query[0])]));
            assert!(out.is_empty());
            out.extend_from_slice(query);
            out.push(b'!');
            query[0] % 3 != 0
        });
        while batch.has_replies() {
            batch.send(server.as_fd()).expect("room");
        }
        for (number, client) in (0_u8..).zip(&clients) {
            let mut reply = [0; 64];
            if number % 3 == 0 {
                client.set_nonblocking(true).expect("set");
                client.recv(&mut reply).expect_err("no reply");
                continue;
            }
            let (len, from) = client.recv_from(&mut reply).expect("a reply");
            assert_eq!(from, address_of(&server));
            let mut expected = vec![number; 1 + usize::from(number)];
            expected.push(b'!');
            assert_eq!(reply[..len], expected);
        }
    }
}

#[test]
fn more_than_a_batch_comes_in_order_in_several() {
    let server = socket(both()[0]);
    let client = socket(both()[0]);
    let all = BATCH + BATCH / 2;
    for number in 0..all {
        let query = [number as u8];
        client.send_to(&query, address_of(&server)).expect("sent");
    }
    let mut batch = Batch::new();
    let mut seen = Vec::new();
    for is_full in [true, false] {
        batch.receive(server.as_fd()).expect("queries");
        assert_eq!(batch.is_full(), is_full);
        batch.answer(|query, _, _| {
            seen.push(usize::from(query[0]));
            false
        });
        assert!(!batch.has_replies());
    }
    assert_eq!(seen, (0..all).collect::<Vec<_>>());
    let none = batch.receive(server.as_fd()).expect_err("all are taken");
    assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn queries_of_any_length_are_taken_and_cut_at_the_longest() {
    let server = socket(both()[0]);
    let client = socket(both()[0]);
    let lens = [0, 1, QUERY_MAX, QUERY_MAX + 1, 65_000];
    for len in lens {
        let query = vec![7; len];
        client.send_to(&query, address_of(&server)).expect("sent");
    }
    let mut batch = Batch::new();
    batch.receive(server.as_fd()).expect("queries");
    let mut seen = Vec::new();
    batch.answer(|query, _, _| {
        assert!(query.iter().all(|octet| *octet == 7));
        seen.push(query.len());
        false
    });
    assert_eq!(seen, lens.map(|len| len.min(QUERY_MAX)));
}

#[test]
fn a_reply_that_cannot_be_sent_does_not_hold_up_the_next() {
    let server = socket(both()[0]);
    let client = socket(both()[0]);
    for query in [b"a", b"b", b"c"] {
        client.send_to(query, address_of(&server)).expect("sent");
    }
    let mut batch = Batch::new();
    batch.receive(server.as_fd()).expect("queries");
    batch.answer(|query, _, out| {
        out.extend_from_slice(query);
        // No datagram can be as long.
        out.resize(if query == b"b" { 70_000 } else { 1 }, 0);
        true
    });
    let mut failed = Vec::new();
    while batch.has_replies() {
        if let Err(error) = batch.send(server.as_fd()) {
            failed.push(error.raw_os_error());
        }
    }
    assert_eq!(failed, [Some(libc::EMSGSIZE)]);
    let mut reply = [0; 8];
    for expected in [b"a", b"c"] {
        let len = client.recv(&mut reply).expect("a reply");
        assert_eq!(&reply[..len], expected);
    }
}
