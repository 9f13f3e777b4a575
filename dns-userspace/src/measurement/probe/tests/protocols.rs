//! ICMP, DNS and FTP.

use domain::{
    base::{Message, MessageBuilder, Rtype, iana::Rcode},
    rdata::A,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::UdpSocket,
};

use super::*;
use crate::model::{DnsQuery, FtpFile, Name};

#[tokio::test]
async fn an_echo_comes_back_from_this_host_in_both_families() {
    for address in ["127.0.0.1", "::1"] {
        let told = Probe {
            timeout: Duration::from_millis(500),
            interval: Duration::from_secs(10),
            ..Probe::new(ProbeKind::Icmp { count: 3 })
        };
        let verdict = take(address.parse::<IpAddr>().unwrap(), told).await;
        let Verdict::Pass { readings } = verdict else {
            panic!("{address}: {verdict:?}")
        };
        let readings: Vec<_> = readings.iter().collect();
        assert!(
            matches!(readings[0], (Metric::RoundTrip, ms) if ms > 0.0),
            "{readings:?}"
        );
        assert_eq!(readings[1], (Metric::Loss, 0.0));
    }
}

#[tokio::test]
async fn an_echo_to_where_nothing_may_be_sent_is_a_local_failure() {
    let verdict = probe_at(Ipv4Addr::BROADCAST, ProbeKind::Icmp { count: 1 }).await;
    assert!(matches!(verdict, Verdict::Local { .. }), "{verdict:?}");
}

/// What a DNS server of the test's makes of a query.
#[derive(Clone, Copy)]
enum Says {
    Addresses(&'static [[u8; 4]]),
    Refused,
    AnotherId,
}

/// Answers one query.
async fn dns_server(says: Says) -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut octets = [0; 512];
        let (len, from) = socket.recv_from(&mut octets).await.unwrap();
        let request = Message::from_octets(&octets[..len]).unwrap();
        let rcode = match says {
            Says::Refused => Rcode::REFUSED,
            Says::Addresses(_) | Says::AnotherId => Rcode::NOERROR,
        };
        let mut answer = MessageBuilder::new_vec()
            .start_answer(&request, rcode)
            .unwrap();
        if let Says::AnotherId = says {
            let id = request.header().id();
            answer.header_mut().set_id(id.wrapping_add(1));
        }
        if let Says::Addresses(addresses) = says {
            let name = request.sole_question().unwrap().into_qname();
            for [a, b, c, d] in addresses {
                answer
                    .push((&name, 60, A::from_octets(*a, *b, *c, *d)))
                    .unwrap();
            }
        }
        socket.send_to(&answer.finish(), from).await.unwrap();
    });
    port
}

async fn dns(says: Says, expected: Option<&str>) -> Verdict {
    let query = DnsQuery {
        name: Name::bytes_from_str("www.example.").unwrap(),
        rtype: Rtype::A,
        expected: expected.map(str::to_owned),
    };
    let port = dns_server(says).await;
    probe(ProbeKind::Dns { port, query }).await
}

#[tokio::test]
async fn dns_passes_on_the_record_that_is_expected() {
    let two = Says::Addresses(&[[192, 0, 2, 1], [192, 0, 2, 2]]);
    assert_passes(&dns(two, None).await);
    assert_passes(&dns(two, Some("192.0.2.2")).await);
    let said = |verdict| reason(verdict).to_string();
    assert_eq!(
        said(dns(two, Some("192.0.2.3")).await),
        "A records 192.0.2.1 and 192.0.2.2, expected 192.0.2.3"
    );
    assert_eq!(
        said(dns(Says::Addresses(&[]), None).await),
        "A records none, expected any"
    );
    assert_eq!(said(dns(Says::Refused, None).await), "RCODE REFUSED");
}

#[tokio::test]
async fn dns_takes_no_response_to_another_query() {
    let verdict = dns(Says::AnotherId, None).await;
    assert!(matches!(reason(verdict), Reason::Timeout { .. }));
}

#[tokio::test]
async fn dns_is_refused_where_nobody_listens() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let query = DnsQuery {
        name: Name::bytes_from_str("www.example.").unwrap(),
        rtype: Rtype::A,
        expected: None,
    };
    let verdict = probe(ProbeKind::Dns { port, query }).await;
    assert_eq!(reason(verdict), Reason::Refused);
}

/// Greets, and answers each command with the next of `replies`; the commands.
async fn ftp_server(
    greeting: &'static str,
    replies: &'static [&'static str],
) -> (u16, oneshot::Receiver<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, commands) = oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(greeting.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        for reply in replies {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap() == 0 {
                break;
            }
            seen.push(line.trim_end().to_owned());
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        let _ = sender.send(seen);
    });
    (port, commands)
}

#[tokio::test]
async fn ftp_passes_on_a_greeting_of_several_lines_and_a_files_size() {
    let greeting = "220-Welcome\r\n220-to the\r\n220 server\r\n";
    let (port, _) = ftp_server(greeting, &["221 bye\r\n"]).await;
    assert_passes(&probe(ProbeKind::Ftp { port, file: None }).await);

    let replies = &[
        "331 password\r\n",
        "230 in\r\n",
        "213 1234\r\n",
        "221 bye\r\n",
    ];
    let (port, commands) = ftp_server("220 ready\r\n", replies).await;
    let file = Some(FtpFile {
        path: "/pub/file".to_owned(),
        user: "anonymous".to_owned(),
        password: "probe@".to_owned(),
    });
    assert_passes(&probe(ProbeKind::Ftp { port, file }).await);
    assert_eq!(
        commands.await.unwrap(),
        ["USER anonymous", "PASS probe@", "SIZE /pub/file", "QUIT"]
    );
}

#[tokio::test]
async fn ftp_fails_where_the_server_refuses() {
    let (port, _) = ftp_server("421 too many users\r\n", &[]).await;
    let verdict = probe(ProbeKind::Ftp { port, file: None }).await;
    let said = reason(verdict).to_string();
    assert!(
        said.starts_with("greeting: 421 ") && said.ends_with("too many users"),
        "{said}"
    );

    let replies = &["331 password\r\n", "230 in\r\n", "550 no such file\r\n"];
    let (port, _) = ftp_server("220 ready\r\n", replies).await;
    let file = Some(FtpFile {
        path: "/gone".to_owned(),
        user: "anonymous".to_owned(),
        password: "probe@".to_owned(),
    });
    let said = reason(probe(ProbeKind::Ftp { port, file }).await).to_string();
    assert!(
        said.starts_with("SIZE: 550 ") && said.ends_with("no such file"),
        "{said}"
    );
}

#[tokio::test]
async fn ftp_times_out_on_silence() {
    let (port, _commands) = ftp_server("", &["never\r\n"]).await;
    let verdict = probe(ProbeKind::Ftp { port, file: None }).await;
    assert!(matches!(reason(verdict), Reason::Timeout { .. }));
}
