//! Against real sockets on loopback.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

use super::*;
use crate::{
    measurement::{
        metric::Metric,
        sample::{Readings, Reason},
        schedule::{TargetId, first_round},
    },
    model::{Command, Probe, Tls},
};

/// A server on a loopback port; it ends when this is dropped.
struct Server {
    address: SocketAddr,
    /// The first request's head, once it has come.
    request: oneshot::Receiver<String>,
    _task: JoinSet<()>,
}

/// Serves `response` on every connection, over TLS when `acceptor` is given.
async fn serve(response: Vec<u8>, acceptor: Option<TlsAcceptor>) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, request) = oneshot::channel();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut first = Some(sender);
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let seen = match &acceptor {
                None => answer(stream, &response).await,
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => answer(stream, &response).await,
                    Err(_handshake_refused) => continue,
                },
            };
            if let Some(first) = first.take() {
                let _nobody_asks = first.send(seen);
            }
        }
    });
    Server {
        address,
        request,
        _task: task,
    }
}

/// Reads one request head, writes `response`, closes; an empty response is
/// never sent, and the connection held open.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, response: &[u8]) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    if response.is_empty() {
        std::future::pending::<()>().await;
    }
    // The probe may hang up as soon as it has seen enough.
    let _may_be_closed = stream.write_all(response).await;
    let _may_be_closed = stream.shutdown().await;
    String::from_utf8(head).unwrap()
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn get(port: u16, tls: Option<Tls>, body: Option<&str>) -> ProbeKind {
    ProbeKind::Http {
        port,
        tls,
        host: "www.example.com".to_owned(),
        path: "/health?full".to_owned(),
        status: vec![200],
        body: body.map(str::to_owned),
    }
}

async fn probe(kind: ProbeKind) -> Verdict {
    probe_at(Ipv4Addr::LOCALHOST, kind).await
}

async fn probe_at(address: Ipv4Addr, kind: ProbeKind) -> Verdict {
    let probe = Probe {
        interval: Duration::from_secs(10),
        timeout: Duration::from_millis(500),
        ..Probe::new(kind)
    };
    take(address, probe).await
}

async fn take(address: impl Into<IpAddr>, probe: Probe) -> Verdict {
    let target = Target {
        id: TargetId(0),
        address: address.into(),
        probe: Arc::new(probe),
    };
    let prober = Arc::new(NetworkProber::new());
    let mut samples = Vec::new();
    first_round([target], prober, |sample| samples.push(sample)).await;
    samples.remove(0).verdict
}

fn assert_passes(verdict: &Verdict) {
    match verdict {
        Verdict::Pass { readings } => {
            let mut times = readings.iter();
            assert!(times.all(
                |(metric, ms)| !Metric::TIMES.contains(&metric) || (0.001..500.0).contains(&ms)
            ));
            assert!(
                readings
                    .iter()
                    .next()
                    .is_some_and(|(metric, _)| Metric::TIMES.contains(&metric))
            );
        }
        other => panic!("{other:?}"),
    }
}

fn reason(verdict: Verdict) -> Reason {
    match verdict {
        Verdict::Fail { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tcp_passes_where_someone_listens_and_is_refused_elsewhere() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_passes(&probe(ProbeKind::Tcp { port }).await);
    drop(listener);
    let verdict = probe(ProbeKind::Tcp { port }).await;
    assert_eq!(reason(verdict), Reason::Refused);
}

#[tokio::test]
async fn an_address_no_socket_may_connect_to_is_a_local_failure() {
    // Broadcast without SO_BROADCAST: EACCES or ENETUNREACH, from connect itself.
    let verdict = probe_at(Ipv4Addr::BROADCAST, ProbeKind::Tcp { port: 9 }).await;
    assert!(matches!(verdict, Verdict::Local { .. }), "{verdict:?}");
}

#[tokio::test]
async fn http_asks_for_host_and_path_and_passes_on_its_status() {
    let server = serve(http("200 OK", "fine"), None).await;
    assert_passes(&probe(get(server.address.port(), None, None)).await);
    let request = server.request.await.unwrap();
    assert!(request.starts_with("GET /health?full HTTP/1.1\r\n"));
    let headers = request.to_ascii_lowercase();
    assert!(
        headers.contains("\r\nhost: www.example.com\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn http_fails_on_another_status() {
    let server = serve(http("503 Service Unavailable", "fine"), None).await;
    let verdict = probe(get(server.address.port(), None, None)).await;
    assert_eq!(
        reason(verdict).to_string(),
        "status 503, expected 200".to_owned()
    );
}

#[tokio::test]
async fn http_searches_the_body() {
    let server = serve(http("200 OK", "all is well"), None).await;
    let port = server.address.port();
    assert_passes(&probe(get(port, None, Some("is well"))).await);
    assert_eq!(
        reason(probe(get(port, None, Some("is bad"))).await),
        Reason::Body {
            expected: "is bad".to_owned(),
            searched: 11
        }
    );
}

#[tokio::test]
async fn http_searches_no_further_than_64_kib() {
    let long = |before: usize| http("200 OK", &format!("{}end", "x".repeat(before)));
    let inside = serve(long(64 * 1024 - 3), None).await;
    assert_passes(&probe(get(inside.address.port(), None, Some("end"))).await);
    let outside = serve(long(64 * 1024 - 2), None).await;
    assert_eq!(
        reason(probe(get(outside.address.port(), None, Some("end"))).await),
        Reason::Body {
            expected: "end".to_owned(),
            searched: 64 * 1024
        }
    );
}

#[tokio::test]
async fn http_times_out_on_silence() {
    let silent = serve(Vec::new(), None).await;
    let verdict = probe(get(silent.address.port(), None, None)).await;
    let after = Duration::from_millis(500);
    assert_eq!(reason(verdict), Reason::Timeout { after });
}

#[tokio::test]
async fn a_probe_that_timed_out_leaves_no_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let read_to_end = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await
    };
    let (verdict, read) = tokio::join!(probe(get(port, None, None)), read_to_end);
    assert!(matches!(reason(verdict), Reason::Timeout { .. }));
    assert!(read.unwrap() > 0);
}

#[tokio::test]
async fn http_fails_on_a_body_cut_short_and_on_what_is_not_http() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_vec();
    for response in [cut, b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()] {
        let server = serve(response, None).await;
        let verdict = probe(get(server.address.port(), None, None)).await;
        assert!(matches!(reason(verdict), Reason::Network { .. }));
    }
}

/// A server with a certificate for `name`, and that certificate as a PEM file.
async fn serve_tls(name: &str) -> (Server, tempfile::NamedTempFile) {
    let CertifiedKey { cert, signing_key }: CertifiedKey<KeyPair> =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(cert.pem().as_bytes()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = serve(http("200 OK", "fine"), Some(acceptor)).await;
    (server, file)
}

fn verified(ca_file: Option<&Path>) -> Tls {
    Tls {
        verify: true,
        ca_file: ca_file.map(Path::to_owned),
    }
}

#[tokio::test]
async fn https_passes_with_its_root_and_the_right_name() {
    let (server, ca) = serve_tls("www.example.com").await;
    let trusted = Some(verified(Some(ca.path())));
    assert_passes(&probe(get(server.address.port(), trusted, Some("fine"))).await);
}

#[tokio::test]
async fn https_fails_on_an_unknown_root_and_on_a_wrong_name() {
    let (server, _ca) = serve_tls("www.example.com").await;
    let verdict = probe(get(server.address.port(), Some(verified(None)), None)).await;
    assert!(reason(verdict).to_string().contains("UnknownIssuer"));

    let (server, ca) = serve_tls("other.example.com").await;
    let trusted = Some(verified(Some(ca.path())));
    let verdict = probe(get(server.address.port(), trusted, None)).await;
    let words = reason(verdict).to_string();
    assert!(words.starts_with("TLS: ") && words.contains("not valid for name"));
}

#[tokio::test]
async fn https_without_verification_passes_whatever_the_certificate() {
    let (server, _ca) = serve_tls("other.example.com").await;
    let unverified = Tls {
        verify: false,
        ca_file: None,
    };
    assert_passes(&probe(get(server.address.port(), Some(unverified), None)).await);
}

#[tokio::test]
async fn https_to_a_server_without_tls_fails() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        let _until_closed = stream.read_to_end(&mut Vec::new()).await;
    });
    let verdict = probe(get(port, Some(verified(None)), None)).await;
    assert!(matches!(reason(verdict), Reason::Tls { .. }));
}

#[tokio::test]
async fn an_unreadable_or_empty_ca_file_is_a_local_failure() {
    let (server, _ca) = serve_tls("www.example.com").await;
    let port = server.address.port();
    let missing = Some(verified(Some(Path::new("/nonexistent/ca.pem"))));
    match probe(get(port, missing, None)).await {
        Verdict::Local { error } => assert!(error.contains("/nonexistent/ca.pem"), "{error}"),
        other => panic!("{other:?}"),
    }
    let empty = tempfile::NamedTempFile::new().unwrap();
    let verdict = probe(get(port, Some(verified(Some(empty.path()))), None)).await;
    assert!(matches!(verdict, Verdict::Local { .. }));
}

/// A shell's script as a program; commands are run without a shell themselves.
fn command(script: &str, metric: Option<Metric>) -> ProbeKind {
    ProbeKind::Command(Command {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        metric,
    })
}

#[tokio::test]
async fn a_command_passes_with_its_number_and_fails_with_its_words() {
    let load = |script| probe(command(script, Some(Metric::Load)));
    assert_eq!(
        load("echo 12.5 of 100").await,
        Verdict::Pass {
            readings: Readings::of(Metric::Load, 12.5)
        }
    );
    let without = probe(command("exit 0", None)).await;
    let readings = Readings::default();
    assert_eq!(without, Verdict::Pass { readings });
    let address = probe(command("test $VEER_ADDRESS = 127.0.0.1", None)).await;
    assert!(matches!(address, Verdict::Pass { .. }), "{address:?}");

    let said = |verdict| reason(verdict).to_string();
    assert_eq!(
        said(load("echo overloaded >&2; echo 3; exit 2").await),
        "exit status: 2: overloaded"
    );
    assert_eq!(said(load("exit 1").await), "exit status: 1");
    for script in ["echo none", "echo NaN", "echo inf", "true"] {
        let said = said(load(script).await);
        assert!(said.starts_with("it printed no number: "), "{said}");
    }
}

#[tokio::test]
async fn a_command_that_prints_without_end_is_waited_for_no_longer_than_its_time() {
    let verdict = probe(command("yes", Some(Metric::Load))).await;
    assert!(matches!(reason(verdict), Reason::Timeout { .. }));
    let long = "head -c 200000 /dev/zero | tr '\\0' '7'; echo; exit 3";
    let verdict = probe(command(long, None)).await;
    assert_eq!(reason(verdict).to_string(), "exit status: 3");
}

#[tokio::test]
async fn a_hung_command_is_killed_with_all_that_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("numbers");
    let script = format!("sleep 600 & echo $! $$ > {}; wait", file.display());
    let verdict = probe(command(&script, None)).await;
    assert!(matches!(reason(verdict), Reason::Timeout { .. }));
    let numbers = std::fs::read_to_string(file).unwrap();
    let is_gone = |number: &str| {
        // A process that was killed and not yet waited for is a zombie.
        let status = std::fs::read_to_string(format!("/proc/{number}/status"));
        status.is_ok_and(|status| status.contains("State:\tZ"))
            || !Path::new("/proc").join(number).exists()
    };
    let begin = std::time::Instant::now();
    while !numbers.split_whitespace().all(is_gone) {
        assert!(begin.elapsed() < Duration::from_secs(10), "{numbers}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_run_says_nothing_of_the_target() {
    let kind = ProbeKind::Command(Command {
        program: "/nonexistent".into(),
        arguments: Vec::new(),
        metric: None,
    });
    let verdict = probe(kind).await;
    let Verdict::Local { error } = verdict else {
        panic!("{verdict:?}")
    };
    assert!(error.starts_with("/nonexistent: No such file"), "{error}");
}

#[tokio::test]
async fn a_probe_is_sent_from_the_address_it_is_told() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = Source {
        v4: Some([127, 0, 0, 9].into()),
        v6: None,
    };
    let told = Probe {
        source,
        ..Probe::new(ProbeKind::Tcp { port })
    };
    let (verdict, accepted) = tokio::join!(take(Ipv4Addr::LOCALHOST, told), listener.accept());
    assert_passes(&verdict);
    assert_eq!(accepted.unwrap().1.ip(), IpAddr::from([127, 0, 0, 9]));
    // An address that this host does not have is this host's own matter.
    let other = Probe {
        source: Source {
            v4: Some([192, 0, 2, 1].into()),
            v6: None,
        },
        ..Probe::new(ProbeKind::Tcp { port })
    };
    let verdict = take(Ipv4Addr::LOCALHOST, other).await;
    assert!(matches!(verdict, Verdict::Local { .. }), "{verdict:?}");
}

mod agent;
mod protocols;
