//! Reports over TLS.

use std::{path::Path, sync::Arc};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

/// Shows a certificate to those who connect. It is read once.
#[derive(Clone)]
pub struct Acceptor(pub(super) TlsAcceptor);

impl Acceptor {
    /// With the chain and the key of these files, PEM; else what is wrong with
    /// them.
    pub fn new(chain: &Path, key: &Path) -> Result<Self, String> {
        let said =
            |file: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect)
            .map_err(|error| said(chain, &error))?;
        if certificates.is_empty() {
            return Err(said(chain, &"no PEM certificate in it"));
        }
        let key_read = PrivateKeyDer::from_pem_file(key).map_err(|error| said(key, &error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS versions: {error}"))?
            .with_no_client_auth()
            .with_single_cert(certificates, key_read)
            .map_err(|error| format!("{} and {}: {error}", chain.display(), key.display()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// The key is told nobody.
impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}
