use std::net::UdpSocket as StdUdpSocket;

use domain::base::{Rtype, iana::Rcode};
use tokio::net::TcpListener;

use super::{
    super::{
        reply::What,
        testing::{question, reply},
    },
    *,
};

const GOOD: &str = "www.cdn.example. 20 A 192.0.2.1";

/// A resolver that sends back what `make` makes of a query, one after another.
fn resolver(
    make: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let socket = StdUdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_nonblocking(true).expect("set");
    let address = socket.local_addr().expect("bound");
    let socket = UdpSocket::from_std(socket).expect("a runtime");
    let task = tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut query).await {
            for reply in make(&query[..len]) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    (address, task)
}

fn good(query: &[u8]) -> Vec<u8> {
    reply(query, Rcode::NOERROR, GOOD, "", Some(24))
}

/// What comes of asking these, and how many messages were refused.
async fn ask(resolvers: Vec<SocketAddr>) -> (Result<Told, String>, u64) {
    let refused = AtomicU64::new(0);
    let resolvers = Resolvers::new(resolvers);
    let told = resolvers.ask(&question(Rtype::A), &refused).await;
    (told, refused.into_inner())
}

fn is_good(told: &Result<Told, String>) -> bool {
    let addresses = vec!["192.0.2.1".parse().unwrap()];
    told.as_ref()
        .is_ok_and(|told| told.what == What::Addresses(addresses))
}

#[tokio::test]
async fn a_hostile_reply_is_refused_and_counted_and_the_true_one_taken() {
    let (address, _task) = resolver(|query| {
        let evil = "www.cdn.example. 20 A 192.0.2.66";
        let made = |query: &[u8]| reply(query, Rcode::NOERROR, evil, "", Some(24));
        let mut other_id = query.to_vec();
        other_id[0] ^= 1;
        let mut other_name = query.to_vec();
        other_name[13..16].copy_from_slice(b"wwx");
        let mut other_subnet = made(query);
        *other_subnet.last_mut().unwrap() ^= 1;
        let mut circular = made(query);
        circular.truncate(12);
        circular.extend([0xc0, 12, 0, 1, 0, 1]);
        let mut oversized = made(query);
        oversized.resize(PAYLOAD + 1, 0);
        vec![
            made(&other_id),
            made(&other_name),
            other_subnet,
            circular,
            oversized,
            query.to_vec(),
            Vec::new(),
            good(query),
        ]
    });
    let (told, refused) = ask(vec![address]).await;
    assert!(is_good(&told), "{told:?}");
    assert_eq!(refused, 7);
}

#[tokio::test]
async fn only_who_was_asked_can_answer() {
    let (sender, receiver) = std::sync::mpsc::channel();
    // Knows the query, but is not who was asked.
    let other = StdUdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (address, _task) = resolver(move |query| {
        sender.send(query.to_vec()).unwrap();
        vec![]
    });
    let (told, refused) = ask(vec![address]).await;
    assert!(receiver.try_iter().count() == 2);
    assert_eq!(refused, 0);
    let error = told.unwrap_err();
    assert_eq!(error, format!("{address}: no reply in {UDP_PATIENCE:?}"));
    drop(other);
}

#[tokio::test]
async fn the_next_resolver_is_asked_and_then_first() {
    let (silent, _silent) = resolver(|_| vec![]);
    let (failing, _failing) = resolver(|query| vec![reply(query, Rcode::REFUSED, "", "", None)]);
    let (well, _well) = resolver(|query| vec![good(query)]);
    let refused = AtomicU64::new(0);
    let resolvers = Resolvers::new(vec![silent, failing, well]);
    let told = resolvers.ask(&question(Rtype::A), &refused).await;
    assert!(is_good(&told), "{told:?}");
    assert_eq!(resolvers.first.load(Relaxed), 2);
    let (told, _) = ask(vec![failing]).await;
    assert_eq!(told.unwrap_err(), format!("{failing}: answered REFUSED"));
    let (told, _) = ask(vec![]).await;
    assert_eq!(told.unwrap_err(), "there is no resolver to ask");
}

#[tokio::test]
async fn queries_have_ids_and_ports_of_their_own() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (address, _task) = resolver(move |query| {
        sender.send([query[0], query[1]]).unwrap();
        vec![good(query)]
    });
    for _ in 0..20 {
        ask(vec![address]).await.0.unwrap();
    }
    let mut ids: Vec<_> = receiver.try_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() > 15, "{ids:?}");
}

#[tokio::test]
async fn what_is_cut_off_comes_over_tcp() {
    let (address, _task) = resolver(|query| {
        let mut cut = reply(query, Rcode::NOERROR, "", "", Some(0));
        cut[2] |= 2;
        vec![cut]
    });
    let listener = TcpListener::bind(address).await.expect("the same port");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let len = stream.read_u16().await.expect("a length");
            let mut query = vec![0; usize::from(len)];
            stream.read_exact(&mut query).await.expect("a query");
            let reply = good(&query);
            stream.write_u16(reply.len() as u16).await.expect("sent");
            stream.write_all(&reply).await.expect("sent");
        }
    });
    let (told, refused) = ask(vec![address]).await;
    assert!(is_good(&told), "{told:?}");
    assert_eq!(refused, 0);
}
