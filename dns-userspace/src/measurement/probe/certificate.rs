//! What a certificate says of itself.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

const SECONDS_A_DAY: f64 = 86_400.0;

/// Days until the first of a `chain` ends, less than 0 once it has; `None` where there is
/// none that can be read.
pub(super) fn days_left(chain: Option<&[CertificateDer<'_>]>) -> Option<f64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let ends = chain?.iter().filter_map(|der| {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(certificate.validity().not_after.timestamp())
    });
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of some thousand years fit in 52 bits"
    )]
    let end = ends.min()? as f64;
    Some((end - now.as_secs_f64()) / SECONDS_A_DAY)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn ending(year: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["www.example".to_owned()]).expect("parameters");
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        params
            .self_signed(&key)
            .expect("a certificate")
            .der()
            .clone()
    }

    #[test]
    fn the_first_of_a_chain_to_end_counts() {
        let days = |chain: &[CertificateDer<'_>]| days_left(Some(chain));
        let alone = days(&[ending(3000)]).expect("days");
        assert!((300_000.0..400_000.0).contains(&alone), "{alone}");
        let ended = days(&[ending(3000), ending(2000)]).expect("days");
        assert!(ended < -365.0, "{ended}");
        assert_eq!(days(&[]), None);
        assert_eq!(days(&[CertificateDer::from(vec![0x30, 0])]), None);
    }
}
