//! A gateway that runs: started, and listening. How it stops is in `drain.rs`.
//!
//! Pingora's services run on our runtime rather than under its `Server`, whose end is a fixed sleep
//! and whose sockets are its own affair; see [`crate::server::listen`] and [`crate::runtime::lifecycle`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyweir_policy::config::file::{GatewaySettings, Policy};
use keyweir_policy::terms::replicas::Replicas;
use pingora_core::apps::ServerApp;
use pingora_core::services::Service as _;
use pingora_core::services::listening::Service;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::downstream::certificate::Certificate;
use crate::downstream::operator_tls::{self, OperatorTls};
use crate::runtime::bookkeeper;
use crate::runtime::effective::{bound_connections, refuse_open_listeners};
use crate::runtime::gateway::{Gateway, GatewayError};
use crate::runtime::ledger::{Ledger, LedgerError, Store};
use crate::runtime::peers;
use crate::runtime::reload::{Origin, Reloader, Shown};
use crate::runtime::replicas::Counted;
use crate::runtime::secrets::{self, Anew, SecretProblems, Secrets};
use crate::runtime::share_out;
use crate::runtime::watch as policy_watch;
use crate::server::connection::Connections;
use crate::server::door::Door;
use crate::server::listen::{ListenError, Sockets};
use crate::server::operators::Operators;
use crate::telemetry::access_log::Target;
use crate::upstream::resolve;

/// What the policy file does not say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The files and folders that the policy came from, to be followed when they change. Empty: it
    /// came from none.
    pub files: Vec<PathBuf>,
    /// What tells those files as they were read from any others.
    pub hash: String,
    /// What in them is probably not meant, and was told already: a line for each.
    pub warnings: Vec<String>,
    /// Where relative paths in the policy start.
    pub folder: PathBuf,
    /// Where the access log goes.
    pub access_log: Target,
    /// Where what was spent and learned is kept.
    pub state: State,
    /// How many gateways there are, whatever the policy says.
    pub replicas: Option<Replicas>,
}

/// Where what was spent and learned is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nowhere.
    #[default]
    Off,
    /// Beside the policy, if the folder can be written to.
    BesidePolicy,
    /// In this folder, or there is no start.
    In(PathBuf),
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Secrets are missing.
    #[error(transparent)]
    Secrets(#[from] SecretProblems),
    /// There is no ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It cannot reach its providers.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

/// A gateway that runs.
pub struct Running {
    pub(super) gateway: Arc<Gateway>,
    reloader: Arc<Reloader>,
    /// Where clients connect in clear.
    pub clear: Vec<SocketAddr>,
    /// Where clients connect over TLS.
    pub tls: Vec<SocketAddr>,
    /// Where operators ask.
    pub admin: Option<SocketAddr>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) stop_admin: watch::Sender<bool>,
    pub(super) services: Vec<JoinHandle<()>>,
    pub(super) door: Door,
}

/// Starts a gateway for `policy`. Must be called on a multi-threaded runtime.
///
/// # Errors
/// If an address cannot be bound, or a secret or certificate is missing: all before the first
/// connection is accepted.
pub async fn start(mut policy: Policy, options: &Options) -> Result<Running, StartError> {
    bound_connections(&mut policy, true);
    // Another one may be installed already: then that is what the process wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
    refuse_open_listeners(&policy).map_err(ListenError::from)?;
    let folder = options.folder.as_path();
    // Blocks, as it may: nobody is served yet.
    let secrets = secrets::read(&policy, folder, &Secrets::default(), Anew::All)?;
    let settings = policy.gateway.clone();
    let mut clear = Sockets::bind(&settings.listen)?;
    let tls_addresses = settings.tls.as_ref().map_or(&[][..], |tls| &tls.listen);
    let mut tls = Sockets::bind(tls_addresses)?;
    let shown = shown(&settings, folder)?;
    let mut admin = Sockets::bind(settings.admin.as_slice())?.for_operators();
    let ledger = ledger(&policy, options)?;
    let replicas = Counted::first(options.replicas, &policy).await;
    let log = &options.access_log;
    let gateway = Gateway::new(policy, &secrets, folder, log, replicas)?;
    share_out::keep(&gateway);
    if let Some(store) = ledger {
        let ledger = bookkeeper::keep(store, &gateway)?;
        gateway.metrics.ledger.writable.set(1);
        let _ = gateway.ledger.set(ledger);
    }
    peers::keep(&gateway, folder.to_path_buf());
    find_providers(&gateway).await;
    // Operators' first: of two gateways that start at once, the one that comes late lets no client in.
    Sockets::listen([&mut admin, &mut tls, &mut clear])?;
    let origin = Origin {
        files: options.files.clone(),
        folder: folder.to_path_buf(),
        hash: options.hash.clone(),
        warnings: options.warnings.clone(),
    };
    let acceptor = shown.clients.as_ref().map(Certificate::acceptor);
    let admin_acceptor = shown.operators.as_ref().map(OperatorTls::acceptor);
    let reloader = Reloader::new(Arc::clone(&gateway), origin, secrets, shown);
    policy_watch::start(&reloader);

    let (stop, stopping) = watch::channel(false);
    let (stop_admin, stopping_admin) = watch::channel(false);
    let connections = |tls| Connections {
        gateway: Arc::clone(&gateway),
        tls,
    };
    let mut running = Running {
        clear: clear.addresses.clone(),
        tls: tls.addresses.clone(),
        admin: admin.addresses.first().copied(),
        gateway: Arc::clone(&gateway),
        reloader: Arc::clone(&reloader),
        stop,
        stop_admin,
        services: Vec::new(),
        door: Door::of([clear.take_again(), tls.take_again()].into_iter().flatten()),
    };
    running.spawn("clear", connections(None), clear, stopping.clone());
    running.spawn("tls", connections(acceptor), tls, stopping);
    running.spawn(
        "admin",
        Operators::new(Admin::new(gateway, reloader), admin_acceptor),
        admin,
        stopping_admin,
    );
    Ok(running)
}

/// The certificates that are shown, read.
fn shown(settings: &GatewaySettings, folder: &Path) -> Result<Shown, ListenError> {
    let load = |tls| Certificate::load(tls, folder);
    let read = |tls| operator_tls::read(tls, folder);
    let operators = settings.admin_tls.as_deref().map(read).transpose()?;
    Ok(Shown {
        clients: settings.tls.as_ref().map(load).transpose()?,
        operators: operators.map(OperatorTls::new),
    })
}

/// Looks the providers' names up, and again from time to time.
async fn find_providers(gateway: &Gateway) {
    let live = gateway.live();
    resolve::first(live.upstreams()).await;
    resolve::keep(live.upstreams(), live.settings().upstream.dns_refresh);
}

/// The ledger that `options` ask for, opened.
fn ledger(policy: &Policy, options: &Options) -> Result<Option<Arc<Store>>, LedgerError> {
    match &options.state {
        State::Off => Ok(None),
        State::In(folder) => Ledger::open(folder).map(Some),
        State::BesidePolicy => match Ledger::open(&options.folder) {
            Ok(store) => Ok(Some(store)),
            // Nobody asked for this place: two policies may well lie in one folder.
            Err(error @ (LedgerError::Unusable(..) | LedgerError::InUse(_))) => {
                let why = "what is spent and learned is forgotten when this process ends (--state DIR \
                           keeps it, --state off is silent)";
                if policy.tenants.is_empty() {
                    tracing::info!("{error}; {why}");
                } else {
                    tracing::warn!("{error}; {why}");
                }
                Ok(None)
            }
            Err(error) => Err(error),
        },
    }
}

impl Running {
    /// Replaces the policy.
    pub fn reloader(&self) -> &Arc<Reloader> {
        &self.reloader
    }

    /// What the gateway's requests share.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    fn spawn<A: ServerApp + Send + Sync + 'static>(
        &mut self,
        name: &str,
        app: A,
        sockets: Sockets,
        stopping: watch::Receiver<bool>,
    ) {
        if sockets.addresses.is_empty() {
            return;
        }
        let mut service = Service::new(name.to_owned(), app);
        for config in sockets.configs() {
            service.endpoints().add_listener(config);
        }
        let fds = sockets.into_fds();
        self.services.push(tokio::spawn(async move {
            service.start_service(Some(fds), stopping, 1).await;
        }));
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::runtime::policy_files;

    async fn ask(address: SocketAddr, path: &str, model: &str) -> String {
        let body = format!("{{\"model\":\"{model}\",\"max_tokens\":1,\"messages\":[]}}");
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let mut socket = TcpStream::connect(address).await.expect("it listens");
        socket.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("it closes");
        answer
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_is_answered_and_logged_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.toml");
        let provider = |id: &str| {
            format!(
                "[[provider]]\nid = \"{id}\"\ndialect = \"{id}\"\nbase_url = \"http://127.0.0.1:9\"\n\
                 [[account]]\nid = \"{id}\"\nprovider = \"{id}\"\n\
                 [[account.key]]\nid = \"{id}-key\"\nsecret = \"sk-{id}-Wd5nRb8kQp2mZs7yTc3vLf6x\"\n"
            )
        };
        let policy = format!(
            "[gateway]\nlisten = [\"127.0.0.1:0\"]\nadmin = \"off\"\n{}{}",
            provider("anthropic"),
            provider("openai")
        );
        std::fs::write(&path, policy).expect("written");
        let loaded = policy_files::load(&[path]).expect("it is right");
        let log = folder.path().join("access.log");
        let options = Options {
            folder: loaded.folder,
            access_log: Target::File(log.clone()),
            ..Options::default()
        };
        let running = start(loaded.policy, &options).await.expect("it starts");

        for (path, kind) in [
            ("/v1/messages", "\"type\":\"api_error\""),
            ("/v1/chat/completions", "\"type\":\"server_error\""),
        ] {
            let answer = ask(running.clear[0], path, "panic").await;
            assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
            assert!(answer.contains(kind), "{answer}");
        }

        let gateway = running.gateway();
        assert_eq!(gateway.lifecycle.requests_running(), 0);
        assert_eq!(gateway.bodies.held(), 0);
        for provider in gateway.live().providers.values() {
            let view = provider.pool.with(|pool, now| pool.view(now));
            assert_eq!(view.in_flight, 0);
        }
        gateway.access_log.flushed().await;
        let lines = std::fs::read_to_string(log).expect("it is there");
        assert_eq!(
            lines.matches("\"reason\":\"internal\"").count(),
            2,
            "{lines}"
        );
        running.stop().await;
    }
}
