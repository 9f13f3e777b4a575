//! TLS for HTTPS probes: one client configuration per setting, kept.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::{
            Resumption,
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        },
        crypto::{self, CryptoProvider, ring},
    },
};

use super::errors::Failure;
use crate::{measurement::sample::Reason, model::Tls};

/// The connectors built so far, by setting.
#[derive(Default)]
pub(super) struct Connectors(Mutex<HashMap<Tls, TlsConnector>>);

impl Connectors {
    /// The connector for `tls`, built at its first use. One that can't be built
    /// (an unreadable `ca_file`) is tried again by the next probe.
    fn get(&self, tls: &Tls) -> Result<TlsConnector, Failure> {
        // A panic can't leave the map half changed, so a poisoned one is whole.
        let mut built = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = built.get(tls) {
            return Ok(connector.clone());
        }
        let connector = TlsConnector::from(Arc::new(config(tls).map_err(Failure::Local)?));
        built.insert(tls.clone(), connector.clone());
        Ok(connector)
    }

    /// The TLS handshake over `stream` with the server called `host`.
    pub(super) async fn handshake(
        &self,
        tls: &Tls,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let connector = self.get(tls)?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| Failure::Local(format!("TLS server name {host:?}: {error}")))?;
        let handshake = connector.connect(name, stream).await;
        handshake.map_err(|error| match error.get_ref() {
            Some(inner) if inner.is::<Error>() => Failure::Target(Reason::Tls {
                error: inner.to_string(),
            }),
            _ => Failure::of_exchange("TLS handshake", &error),
        })
    }
}

impl std::fmt::Debug for Connectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connectors").finish_non_exhaustive()
    }
}

/// The client configuration for `tls`, or what can't be read.
fn config(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS versions: {error}"))?;
    let builder = if tls.verify {
        builder.with_root_certificates(roots(tls)?)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session shows no certificate: an expired one would go unseen,
    // and the latency would depend on what was probed before.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// The roots of `ca_file`, else Mozilla's.
fn roots(tls: &Tls) -> Result<RootCertStore, String> {
    let Some(file) = &tls.ca_file else {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        return Ok(roots);
    };
    let said = |error: &dyn std::fmt::Display| format!("ca_file {}: {error}", file.display());
    let pem = std::fs::read(file).map_err(|error| said(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| said(&error))?;
        roots.add(certificate).map_err(|error| said(&error))?;
    }
    if roots.is_empty() {
        return Err(said(&"no PEM certificate in it"));
    }
    Ok(roots)
}

/// `verify = false`: any certificate, of any name, issuer and date, passes. The
/// handshake's signature is still checked, so the peer does hold the key of the
/// certificate it shows. Good to see whether a server is alive; no proof of who
/// it is.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
