//! A connection to a gateway's admin listener: in clear, or over TLS with a client certificate or without.
//!
//! Blocking, as commands are.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::pem;

/// How TLS is spoken to an admin listener.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Tls {
    /// Ask over TLS, and believe the authorities in this file (PEM); an https:// before HOST:PORT believes
    /// those of the system.
    #[arg(long, value_name = "FILE")]
    admin_ca: Option<PathBuf>,
    /// The client certificate to show (PEM), where gateway.admin_tls has a client_ca_file.
    #[arg(long, value_name = "FILE", requires = "admin_key")]
    admin_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE", requires = "admin_cert")]
    admin_key: Option<PathBuf>,
}

/// An address, and whether it is asked over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// `host:port`.
    pub(crate) authority: &'a str,
    pub(crate) is_tls: bool,
}

/// A connection.
pub(crate) enum Socket {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Tls {
    /// What `address` names: `host:port`, after a scheme or not.
    pub(crate) fn address<'a>(&self, address: &'a str) -> Address<'a> {
        let has_files = self.admin_ca.is_some() || self.admin_cert.is_some();
        match (
            address.strip_prefix("https://"),
            address.strip_prefix("http://"),
        ) {
            (Some(authority), _) => Address {
                authority: authority.trim_end_matches('/'),
                is_tls: true,
            },
            (None, Some(authority)) => Address {
                authority: authority.trim_end_matches('/'),
                is_tls: false,
            },
            (None, None) => Address {
                authority: address,
                is_tls: has_files,
            },
        }
    }

    /// A connection to it, each step within that time.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn connect(
        &self,
        address: Address<'_>,
        within: Duration,
    ) -> std::io::Result<Socket> {
        let socket = connect(address.authority, within)?;
        socket.set_write_timeout(Some(within))?;
        socket.set_read_timeout(Some(within))?;
        if !address.is_tls {
            return Ok(Socket::Clear(socket));
        }
        let (host, _) = address
            .authority
            .rsplit_once(':')
            .unwrap_or((address.authority, ""));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(Error::other)?;
        let config = Arc::new(self.config().map_err(Error::other)?);
        let mut connection = ClientConnection::new(config, name).map_err(Error::other)?;
        let mut socket = socket;
        while connection.is_handshaking() {
            let shaken = connection.complete_io(&mut socket);
            shaken.map_err(|error| self.refused(self.hinted(error)))?;
        }
        Ok(Socket::Tls(Box::new(StreamOwned::new(connection, socket))))
    }

    /// The same of an exchange that broke off: a client certificate is judged after the handshake, and
    /// whether its refusal or the end of the connection is seen first, is chance.
    pub(crate) fn refused(&self, error: Error) -> Error {
        let inner = error.get_ref().and_then(|it| it.downcast_ref());
        let is_refusal = matches!(inner, Some(rustls::Error::AlertReceived(_)))
            || matches!(
                error.kind(),
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
            );
        match &self.admin_cert {
            Some(cert) if is_refusal => Error::other(format!(
                "the gateway seems not to believe the client certificate {} ({error}): that has to be \
                 signed by an authority of gateway.admin_tls.client_ca_file, not expired, and for clients",
                cert.display()
            )),
            _ => error,
        }
    }

    /// What to do about a certificate that is not believed.
    fn hinted(&self, error: Error) -> Error {
        let inner = error.get_ref().and_then(|it| it.downcast_ref());
        let Some(rustls::Error::InvalidCertificate(why)) = inner else {
            return error;
        };
        let hint = match (&self.admin_ca, why) {
            // What `openssl req -x509` makes unless it is told otherwise.
            (_, CertificateError::Other(why)) if why.to_string().contains("CaUsedAsEndEntity") => {
                "it is an authority (CA:TRUE), which is no server's; make one with \
                 basicConstraints=CA:FALSE, or one that an authority has signed"
            }
            (None, _) => "name the file of its authority with --admin-ca",
            (
                Some(_),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => "ask for a name that is in it (--admin https://NAME:PORT)",
            (Some(_), _) => "the authority of --admin-ca is another",
        };
        Error::other(format!(
            "the gateway's certificate is not believed ({why}); {hint}"
        ))
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        match &self.admin_ca {
            Some(path) => {
                for certificate in certificates(path)? {
                    let added = roots.add(certificate);
                    added.map_err(|error| format!("{}: {error}", path.display()))?;
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs().certs;
                roots.add_parsable_certificates(found);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let Some((cert, key)) = self.admin_cert.as_ref().zip(self.admin_key.as_ref()) else {
            return Ok(config.with_no_client_auth());
        };
        let chain = certificates(cert)?;
        let private = PrivateKeyDer::from_pem_file(key);
        let private =
            private.map_err(|error| format!("{}: {}", key.display(), pem::said(&error)))?;
        let config = config.with_client_auth_cert(chain, private);
        config.map_err(|error| {
            let hint = match error.to_string().contains("UnsupportedCertVersion") {
                // What `openssl x509 -req` makes unless it is given extensions.
                true => {
                    ": it is of version 1 of X.509, which is not believed; sign it with an extension, \
                     such as extendedKeyUsage=clientAuth (openssl x509 -req -extfile …)"
                }
                false => "",
            };
            format!("{} and {}: {error}{hint}", cert.display(), key.display())
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(&pem::said(&error)))?;
    let found = found.collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| failed(&pem::said(&error)))?;
    match found.is_empty() {
        true => Err(failed(&"holds no PEM certificate")),
        false => Ok(found),
    }
}

/// Connects to the first of the name's addresses that answers.
fn connect(address: &str, within: Duration) -> std::io::Result<TcpStream> {
    let mut failed = Error::other("the name has no address");
    for resolved in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&resolved, within) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

impl Socket {
    /// The socket below.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Tls(secured) => &secured.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = match self {
            Self::Clear(socket) => socket.read(into),
            Self::Tls(secured) => secured.read(into),
        };
        match read {
            // An end without a word is the end: what was to come is known by its length.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            read => read,
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.write(bytes),
            Self::Tls(secured) => secured.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Clear(socket) => socket.flush(),
            Self::Tls(secured) => secured.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_whether_it_is_asked_over_tls() {
        let plain = Tls::default();
        let with_ca = Tls {
            admin_ca: Some("ca.pem".into()),
            ..Tls::default()
        };
        for (tls, address, authority, is_tls) in [
            (&plain, "127.0.0.1:9090", "127.0.0.1:9090", false),
            (&plain, "https://gateway:9090/", "gateway:9090", true),
            (&with_ca, "[::1]:9090", "[::1]:9090", true),
            (&with_ca, "http://gateway:9090", "gateway:9090", false),
        ] {
            let expected = Address { authority, is_tls };
            assert_eq!(tls.address(address), expected, "{address}");
        }
    }
}
