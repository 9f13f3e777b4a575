//! From one server to the next.

use std::{io::pipe, os::unix::net::UnixStream};

use super::*;

/// A server, its port, and what somebody keeps of its sockets.
fn start_kept(workers: usize) -> (ServerHandle, u16, Vec<OwnedFd>) {
    let nothing = Inherited::default();
    let server = Server::bind(&both(), 0, workers, Options::default(), nothing);
    let mut server = server.expect("free ports");
    let port = server.port();
    let made = server.take_made();
    let udp = made.iter().filter(|made| made.protocol == Protocol::UDP);
    assert_eq!((made.len(), udp.count()), (4 * workers, 2 * workers));
    let kept = made.into_iter().map(|made| made.descriptor).collect();
    (server.start(Arc::new(Echo)).expect("threads"), port, kept)
}

fn asked(address: SocketAddr, query: &[u8]) -> UdpSocket {
    let client = UdpSocket::bind((address.ip(), 0)).expect("a socket");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.send_to(query, address).expect("sent");
    client
}

#[track_caller]
fn assert_reply(client: &UdpSocket, expected: &[u8]) {
    let mut reply = [0; 64];
    let octets = client.recv(&mut reply).expect("a reply");
    assert_eq!(&reply[..octets], expected);
}

#[test]
fn what_comes_between_two_servers_is_answered_by_the_second() {
    for (before, after) in [(1, 1), (1, 2), (3, 1)] {
        let (handle, port, kept) = start_kept(before);
        let addresses = both().map(|address| SocketAddr::new(address, port));
        let mut open = addresses.map(connect);
        for stream in &mut open {
            stream.write_all(&frame(b"first")).expect("written");
            assert_eq!(read_frame(stream), b"tfirst");
        }
        let left = handle.stop();
        assert_eq!(left.len(), 2, "{before} to {after}");

        // Of many clients each worker's socket has some.
        let clients = addresses.map(|address| [(); 20].map(|()| asked(address, b"between")));
        let mut late = addresses.map(connect);
        for stream in open.iter_mut().chain(&mut late) {
            stream.write_all(&frame(b"between")).expect("written");
        }

        let left = left.into_iter().map(OwnedFd::from);
        let inherited = Inherited::new(kept.into_iter().chain(left));
        let server = Server::bind(&both(), port, after, Options::default(), inherited);
        let mut server = server.expect("they are bound");
        let made = server.take_made().len();
        assert_eq!(
            made,
            4 * after.saturating_sub(before),
            "{before} to {after}"
        );
        assert_eq!(server.unwanted(), []);
        let _handle = server.start(Arc::new(Echo)).expect("threads");
        clients
            .iter()
            .flatten()
            .for_each(|it| assert_reply(it, b"ubetween"));
        for stream in open.iter_mut().chain(&mut late) {
            assert_eq!(read_frame(stream), b"tbetween");
        }
    }
}

#[test]
fn what_was_being_answered_is_answered_before_the_end() {
    let (handle, port, _kept) = start_kept(2);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let client = asked(address, b"later");
    let mut waits = connect(address);
    waits.write_all(&frame(b"later")).expect("written");
    let mut begun = connect(address);
    let whole = frame(b"in two parts");
    begun.write_all(&whole[..5]).expect("written");
    // Until all of them are with the server.
    thread::sleep(LATER / 2);
    let ending = thread::spawn(move || handle.stop());
    thread::sleep(LATER / 4);
    begun.write_all(&whole[5..]).expect("written");
    assert_eq!(read_frame(&mut begun), b"tin two parts");
    assert_reply(&client, b"finished later");
    assert_eq!(read_frame(&mut waits), b"finished later");
    assert_eq!(ending.join().expect("it ends").len(), 2);
}

#[test]
fn what_takes_too_long_does_not_hold_up_the_end() {
    let (handle, port, _kept) = start_kept(1);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut waits = connect(address);
    waits.write_all(&frame(b"later for long")).expect("written");
    thread::sleep(LATER);
    let begun = Instant::now();
    assert_eq!(handle.stop().len(), 0);
    assert!(begun.elapsed() < 10 * PATIENCE, "{:?}", begun.elapsed());
    assert_closed(&mut waits);
}

#[test]
fn what_another_address_or_nobody_would_serve_is_closed() {
    let (handle, port, kept) = start_kept(1);
    drop(handle);
    let (reader, _writer) = pipe().expect("a pipe");
    let (one, _other) = UnixStream::pair().expect("a pair");
    let others = [OwnedFd::from(reader), OwnedFd::from(one)];
    let inherited = Inherited::new(kept.into_iter().chain(others));
    let v4 = &both()[..1];
    let server = Server::bind(v4, port, 1, Options::default(), inherited);
    let mut server = server.expect("it is bound");
    assert_eq!(server.take_made().len(), 0);
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let unwanted = [(v6, Protocol::UDP), (v6, Protocol::TCP)];
    assert_eq!(server.unwanted(), unwanted);
    TcpStream::connect(v6).expect_err("nobody listens there any more");
}
