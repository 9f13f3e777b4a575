use std::net::UdpSocket as StdUdpSocket;

use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    super::{
        compare,
        testing::{SAID, Said, question},
    },
    *,
};

const GOOD: Said = Said::answer("www.example. 300 A 192.0.2.1");
const EVIL: Said = Said::answer("www.example. 300 A 192.0.2.66");

fn query() -> Vec<u8> {
    question("www.example.", "A").query(false)
}

/// A server that sends what `make` makes of the number of a query, from 0 on, and of the
/// query.
fn server(
    make: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let socket = StdUdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_nonblocking(true).expect("set");
    let address = socket.local_addr().expect("bound");
    let socket = UdpSocket::from_std(socket).expect("a runtime");
    let task = tokio::spawn(async move {
        let mut query = [0; 512];
        let mut number = 0;
        while let Ok((len, from)) = socket.recv_from(&mut query).await {
            for reply in make(number, &query[..len]) {
                let _ = socket.send_to(&reply, from).await;
            }
            number += 1;
        }
    });
    (address, task)
}

fn cut_off(mut reply: Vec<u8>) -> Vec<u8> {
    reply[2] |= 2;
    reply
}

/// Whether a reply came, and says this.
fn is(asked: &Asked, said: Said) -> bool {
    let question = question("www.example.", "A");
    let expected = Side {
        is_truncated: asked.side.is_truncated,
        ..said.side(&question)
    };
    let differences = compare(&question, &expected, &asked.side, None);
    asked.side.reply.is_ok() && differences.is_empty()
}

#[tokio::test]
async fn only_a_reply_to_the_question_is_taken() {
    let (address, _task) = server(|_, query| {
        let evil = EVIL.message(query);
        let mut other_id = evil.clone();
        other_id[0] ^= 1;
        let other_name = EVIL.message(&question("ww.example.", "A").query(false));
        let mut no_reply = evil.clone();
        no_reply[2] &= 0x7f;
        let runt = evil[..11].to_vec();
        let good = GOOD.message(query);
        vec![other_id, other_name, no_reply, runt, Vec::new(), good, evil]
    });
    let asked = ask(address, query()).await;
    assert!(is(&asked, GOOD), "{asked:?}");
    assert_eq!(asked.unanswered, 0);
}

#[tokio::test]
async fn an_error_without_its_question_is_a_reply() {
    let (address, _task) = server(|_, query| {
        let said = Said {
            rcode: Rcode::FORMERR,
            ..SAID
        };
        let mut bare = said.message(query)[..12].to_vec();
        bare[4..].fill(0);
        vec![bare]
    });
    let asked = ask(address, query()).await;
    assert!(
        is(
            &asked,
            Said {
                rcode: Rcode::FORMERR,
                ..SAID
            }
        ),
        "{asked:?}"
    );
}

#[tokio::test]
async fn who_is_silent_is_asked_once_more() {
    let (address, _task) = server(|number, query| match number {
        0 => Vec::new(),
        _ => vec![GOOD.message(query)],
    });
    let asked = ask(address, query()).await;
    assert!(is(&asked, GOOD) && asked.unanswered == 1, "{asked:?}");

    let (address, _task) = server(|_, _| Vec::new());
    let asked = ask(address, query()).await;
    assert_eq!(asked.unanswered, TRIES);
    let error = asked.side.reply.expect_err("nobody answers");
    assert_eq!(error, "no reply in 1s, asked 2 times");
}

#[tokio::test]
async fn what_does_not_fit_is_had_over_tcp() {
    // The same port for both, which only one of many tries may find taken.
    let (listener, address, _task) = loop {
        let (address, task) = server(|_, query| vec![cut_off(SAID.message(query))]);
        if let Ok(listener) = TcpListener::bind(address).await {
            break (listener, address, task);
        }
    };
    let serve = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut query = vec![0; usize::from(stream.read_u16().await.expect("a length"))];
        stream.read_exact(&mut query).await.expect("a query");
        let reply = GOOD.message(&query);
        stream.write_u16(reply.len() as u16).await.expect("taken");
        stream.write_all(&reply).await.expect("taken");
    };
    let (asked, ()) = tokio::join!(ask(address, query()), serve);
    assert!(asked.side.is_truncated && is(&asked, GOOD), "{asked:?}");
}

#[tokio::test]
async fn without_tcp_a_cut_off_reply_is_none() {
    let (address, _task) = server(|_, query| vec![cut_off(SAID.message(query))]);
    let asked = ask(address, query()).await;
    let error = asked.side.reply.expect_err("nobody listens");
    assert!(error.starts_with("cut off, and over TCP: "), "{error}");
    assert!(asked.side.is_truncated);
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_is_none() {
    let (address, _task) = server(|_, query| {
        let mut reply = GOOD.message(query);
        reply.truncate(reply.len() - 13);
        vec![reply]
    });
    let asked = ask(address, query()).await;
    let error = asked.side.reply.expect_err("it is cut");
    assert!(error.starts_with("a malformed reply: "), "{error}");
}
