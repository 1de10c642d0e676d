//! The certificate that clients are shown over TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use keyweir_policy::config::file;
use pingora_core::listeners::tls::{Acceptor, TlsSettings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::pem;

/// The certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = .path.display())]
pub struct CertificateError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub reason: String,
}

/// The certificate that clients are shown; may be replaced while the gateway runs.
#[derive(Debug)]
pub(crate) struct Certificate(ArcSwap<CertifiedKey>);

impl Certificate {
    /// The one that `settings` name; relative paths start at `folder`.
    pub(crate) fn load(
        settings: &file::TlsSettings,
        folder: &Path,
    ) -> Result<Arc<Self>, CertificateError> {
        Ok(Arc::new(Self::new(read(settings, folder)?)))
    }

    /// The one that is shown first.
    pub(crate) fn new(certified: CertifiedKey) -> Self {
        Self(ArcSwap::from_pointee(certified))
    }

    /// When it expires, in seconds since 1970; `None`: it does not say so in a way that is understood.
    pub(crate) fn expires(&self) -> Option<i64> {
        let (_, until) = dates(&self.0.load())?;
        Some(until)
    }

    /// Why nobody trusts it `now`, by its dates.
    pub(crate) fn untimely(&self, now: SystemTime) -> Option<String> {
        untimely(&self.0.load(), now)
    }

    /// Clients are shown `certified` from now on. Returns whether that is another.
    pub(crate) fn replace(&self, certified: CertifiedKey) -> bool {
        let is_other = self.0.load().cert != certified.cert;
        self.0.store(Arc::new(certified));
        is_other
    }

    /// HTTP/1.1 and HTTP/2, whichever the client prefers, under this certificate. Not given to
    /// Pingora with the socket, whose handshakes may take a minute, whatever the policy says, and
    /// are counted by nobody.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Acceptor {
        // The paths are not looked at: the resolver takes their place.
        let mut settings =
            TlsSettings::intermediate("", "").expect("nothing is read before it is built");
        settings.set_cert_resolver(Arc::<Self>::clone(self));
        settings.enable_h2();
        settings.build()
    }
}

/// What the files that `settings` name make; relative paths start at `folder`.
///
/// # Errors
/// If they make no certificate.
pub(crate) fn read(
    settings: &file::TlsSettings,
    folder: &Path,
) -> Result<CertifiedKey, CertificateError> {
    certified_key(
        &folder.join(&settings.cert_file),
        &folder.join(&settings.key_file),
    )
}

/// Whether the files that `settings` name make a certificate that is good `now`; relative paths start at
/// `folder`.
///
/// # Errors
/// If they do not.
pub(crate) fn check(
    settings: &file::TlsSettings,
    folder: &Path,
    now: SystemTime,
) -> Result<(), CertificateError> {
    match untimely(&read(settings, folder)?, now) {
        None => Ok(()),
        Some(reason) => Err(CertificateError {
            path: folder.join(&settings.cert_file),
            reason,
        }),
    }
}

/// From when until when it is good, in seconds since 1970; `None`: it does not say so in a way that is
/// understood.
fn dates(certified: &CertifiedKey) -> Option<(i64, i64)> {
    let first = certified.cert.first()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(first).ok()?;
    let validity = parsed.validity();
    Some((
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    ))
}

/// A moment in seconds since 1970, for people.
pub(crate) fn date(secs: i64) -> Option<String> {
    let since_epoch = Duration::from_secs(u64::try_from(secs).ok()?);
    Some(httpdate::fmt_http_date(UNIX_EPOCH + since_epoch))
}

fn untimely(certified: &CertifiedKey, now: SystemTime) -> Option<String> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let (from, until) = dates(certified)?;
    let (what, moment) = if now > until {
        ("expired on", until)
    } else if now < from {
        ("is not good before", from)
    } else {
        return None;
    };
    let moment = date(moment).unwrap_or_else(|| "a day before 1970".to_owned());
    Some(format!(
        "the certificate {what} {moment}: clients refuse it"
    ))
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// What these files make.
///
/// # Errors
/// If they make no certificate.
pub(super) fn certified_key(
    cert_file: &Path,
    key_file: &Path,
) -> Result<CertifiedKey, CertificateError> {
    let text = |path: &Path| {
        std::fs::read(path).map_err(|error| CertificateError {
            path: path.to_path_buf(),
            reason: error.to_string(),
        })
    };
    let (chain, key) = (text(cert_file)?, text(key_file)?);
    of_pem((cert_file, &chain), (key_file, &key))
}

/// What the texts of these files make.
///
/// # Errors
/// If they make no certificate.
pub(crate) fn of_pem(
    (cert_file, chain): (&Path, &[u8]),
    (key_file, key): (&Path, &[u8]),
) -> Result<CertifiedKey, CertificateError> {
    let fail = |path: &Path, reason: String| CertificateError {
        path: path.to_path_buf(),
        reason,
    };
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| fail(cert_file, pem::said(&error)))?;
    if chain.is_empty() {
        return Err(fail(cert_file, "holds no PEM certificate".to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_slice(key).map_err(|error| fail(key_file, pem::said(&error)))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|error| fail(key_file, error.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(_) => Err(fail(
            key_file,
            "is not the key of the certificate".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_when_it_expires() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let key = rcgen::KeyPair::generate().expect("made");
        let mut told = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("right");
        told.not_before = rcgen::date_time_ymd(2029, 2, 3);
        told.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let cert = told.self_signed(&key).expect("signed");
        std::fs::write(&paths[0], cert.pem()).expect("written");
        std::fs::write(&paths[1], key.serialize_pem()).expect("written");
        let certified = certified_key(&paths[0], &paths[1]).expect("they match");
        let certificate = Certificate::new(certified);
        assert_eq!(certificate.expires(), Some(1_927_843_200));
        let at = |secs| certificate.untimely(UNIX_EPOCH + Duration::from_secs(secs));
        assert_eq!(at(1_927_843_200), None);
        let after = at(1_927_843_201).expect("told");
        assert!(after.contains("expired on Mon, 03 Feb 2031"), "{after}");
        let before = at(1_000_000_000).expect("told");
        assert!(
            before.contains("not good before Sat, 03 Feb 2029"),
            "{before}"
        );
    }

    #[test]
    fn a_key_of_another_certificate_is_said_to_be_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (cert, key) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        std::fs::write(&cert, make().cert.pem()).expect("written");
        std::fs::write(&key, make().signing_key.serialize_pem()).expect("written");

        let error = certified_key(&cert, &key).expect_err("they do not match");

        assert!(
            error
                .to_string()
                .contains("is not the key of the certificate"),
            "{error}"
        );
    }
}
