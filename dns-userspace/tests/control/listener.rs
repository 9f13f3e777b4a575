//! The socket's file, and what is done to callers who ask too much.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    sync::Arc,
    time::Duration,
};

use tokio::{io::AsyncReadExt as _, time::Instant};
use veer::control::server::{BindError, CONNECTIONS_MAX, IDLE, Listener, REQUEST_OCTETS_MAX};

use crate::fake::{Fake, Host};

fn ask(stream: &UnixStream, request: &str) -> String {
    let mut writer = stream;
    writer.write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn only_owner_and_group_may_connect() {
    let host = Host::with_daemon(|_| {});
    let mode = fs::metadata(host.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn the_file_goes_with_the_daemon() {
    let mut host = Host::with_daemon(|_| {});
    assert!(host.socket().exists());
    host.stop_daemon();
    assert!(!host.socket().exists());
}

#[test]
fn a_stopping_daemon_leaves_the_file_of_its_successor() {
    let mut host = Host::with_daemon(|_| {});
    fs::remove_file(host.socket()).unwrap();
    let successor = host.within(|| Listener::bind(&host.socket())).unwrap();
    host.stop_daemon();
    assert!(host.socket().exists());
    drop(successor);
    assert!(!host.socket().exists());
}

#[test]
fn the_socket_of_a_killed_daemon_is_replaced() {
    let host = Host::without_daemon("");
    fs::create_dir(host.socket().parent().unwrap()).unwrap();
    // Closing the socket leaves its file, as a kill does.
    drop(UnixListener::bind(host.socket()).unwrap());
    assert!(host.socket().exists());
    let listener = host.within(|| Listener::bind(&host.socket())).unwrap();
    assert!(UnixStream::connect(host.socket()).is_ok());
    drop(listener);
}

#[test]
fn a_second_daemon_is_refused_and_the_first_goes_on() {
    let host = Host::with_daemon(|_| {});
    let refused = host.within(|| Listener::bind(&host.socket())).unwrap_err();
    assert!(matches!(refused, BindError::InUse(_)), "{refused}");
    assert_eq!(refused.to_string().lines().count(), 1);
    assert_eq!(host.client().status().unwrap().pid, 4242);
}

#[test]
fn a_file_that_is_no_socket_stays() {
    let host = Host::without_daemon("");
    let path = host.dir.path().join("veer.conf");
    let refused = host.within(|| Listener::bind(&path)).unwrap_err();
    assert!(matches!(refused, BindError::NotASocket(_)), "{refused}");
    assert!(path.exists());
}

#[test]
fn a_line_that_is_no_request_is_refused_and_the_connection_stays() {
    let host = Host::with_daemon(|_| {});
    let stream = UnixStream::connect(host.socket()).unwrap();
    for line in ["hello\n", "{}\n", "\n", "{\"request\":\"reboot\"}\n"] {
        let response = ask(&stream, line);
        assert!(
            response.starts_with(r#"{"error":{"refused":["not a request: "#),
            "{response}"
        );
    }
    assert!(ask(&stream, "{\"request\":\"status\"}\n").starts_with(r#"{"ok":"#));
}

#[test]
fn the_longest_line_is_read_and_a_longer_one_is_refused() {
    let host = Host::with_daemon(|_| {});
    let mut line = String::from(r#"{"request":"status"}"#);
    line.push_str(&" ".repeat(REQUEST_OCTETS_MAX - line.len()));

    let longest = UnixStream::connect(host.socket()).unwrap();
    let response = ask(&longest, &format!("{line}\n"));
    assert!(response.starts_with(r#"{"ok":"#), "{response}");

    let longer = UnixStream::connect(host.socket()).unwrap();
    let response = ask(&longer, &format!("{line} "));
    let refused = format!("longer than {REQUEST_OCTETS_MAX} octets");
    assert!(response.contains(&refused), "{response}");
    assert_eq!((&longer).read(&mut [0]).unwrap(), 0, "it is closed");
}

#[test]
fn one_connection_too_many_is_told_so() {
    let host = Host::with_daemon(|_| {});
    let held: Vec<_> = (0..CONNECTIONS_MAX)
        .map(|_| UnixStream::connect(host.socket()).unwrap())
        .collect();
    let refused = host.client().status().unwrap_err().to_string();
    assert!(refused.contains("64 control connections"), "{refused}");

    assert!(ask(&held[0], "{\"request\":\"status\"}\n").starts_with(r#"{"ok":"#));
    drop(held);
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = host.client().status() {
        assert!(Instant::now() < deadline, "{error}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_the_midst_of_a_line_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = Listener::bind(&path).unwrap();
    let daemon = tokio::spawn(listener.serve(Arc::new(Fake::of(dir.path()))));
    let start = Instant::now();
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream.try_write(b"{\"request\":").unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert!(start.elapsed() >= IDLE, "{:?}", start.elapsed());
    daemon.abort();
}
