//! Reports over TLS.

use std::{
    fs,
    io::{Read as _, Write as _},
    sync::Arc,
    time::SystemTime,
};

use rcgen::generate_simple_self_signed;
use rustls_pki_types::ServerName;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring,
};
use veer::agent::report;

use super::scene::{FRESH, PROBE, Scene, TOKEN, least, split};

const NAME: &str = "agent.example";

#[test]
fn with_a_certificate_reports_are_served_over_tls_alone() {
    let mut scene = Scene::new();
    let shown = generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    let write =
        |file: &str, text: String| fs::write(scene.lab.dir().join(file), text).expect("a file");
    write("agent.pem", shown.cert.pem());
    write("agent.key", shown.signing_key.serialize_pem());
    scene.start_file(&format!(
        "{}[tls]\ncertificate_file = \"agent.pem\"\nkey_file = \"agent.key\"\n",
        least()
    ));

    let mut roots = RootCertStore::empty();
    roots.add(shown.cert.der().clone()).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = StreamOwned::new(connection, scene.connect(PROBE).expect("it connects"));
    let request =
        format!("GET /v1/report HTTP/1.1\r\nHost: {NAME}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut response = Vec::new();
    stream
        .read_to_end(&mut response)
        .expect("it ends with a close_notify");
    let (status, _, body) = split(&response);
    assert_eq!(status, 200);
    let report = report::parse(&body, SystemTime::now(), FRESH).expect("a report");
    assert!(report.figures.memory_share.is_some());

    let plain = scene.exchange(PROBE, request.as_bytes());
    assert!(!plain.windows(6).any(|part| part == b"HTTP/1"), "{plain:?}");
}
