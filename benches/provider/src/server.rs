//! The listener, its connections, and their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::clock::Clock;
use crate::conn::{Conn, Linger, Wire};
use crate::control::Control;
use crate::counters::{add, subtract};
use crate::service::serve;
use crate::start_error::StartError;
use crate::state::State;
use crate::tls::Identity;
use crate::world::{HttpVersions, World};

/// Starts providers.
#[derive(Debug)]
pub struct Provider;

/// A provider that runs. It stops when it is dropped, and [`RunningProvider::shutdown`] waits
/// until it has.
#[derive(Debug)]
pub struct RunningProvider {
    addr: SocketAddr,
    base_url: String,
    ca_pem: Option<String>,
    control: Control,
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
}

impl Provider {
    /// Starts a provider on the current tokio runtime.
    pub async fn start(world: World) -> Result<RunningProvider, StartError> {
        Self::start_at(world, Clock::machine()).await
    }

    /// Starts a provider whose budgets go by `clock`.
    pub async fn start_at(world: World, clock: Clock) -> Result<RunningProvider, StartError> {
        let addr = SocketAddr::new(world.address, world.port);
        let listen_error = |source| StartError::Listen { addr, source };
        let identity = match &world.tls {
            Some(tls) => Some(Identity::new(tls, world.http)?),
            None => None,
        };
        let listener = TcpListener::bind(addr).await.map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        let scheme = if identity.is_some() { "https" } else { "http" };
        let base_url = format!("{scheme}://{addr}{}", world.path_prefix);
        let state = Arc::new(State::new(world, clock));
        // Nobody else has set it: the state was made a line ago.
        let _ = state.base_url.set(base_url.clone());
        let (stop, stopped) = watch::channel(false);
        let ca_pem = identity.as_ref().map(|identity| identity.ca_pem.clone());
        let accepting = accept(listener, Arc::clone(&state), identity, stopped);
        Ok(RunningProvider {
            addr,
            base_url,
            ca_pem,
            control: Control { state },
            stop,
            listener: tokio::spawn(accepting),
        })
    }
}

impl RunningProvider {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a client's base URL has to be, without `/v1` and without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The authority that its certificate comes from, in PEM, if it serves TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The handle that steers and watches it.
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Closes the listener and every connection, and waits until they are closed.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // A listener that panicked has stopped too.
        let _ = (&mut self.listener).await;
    }
}

impl Drop for RunningProvider {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Accepts connections until told to stop; then breaks those that are open.
async fn accept(
    listener: TcpListener,
    state: Arc<State>,
    identity: Option<Identity>,
    mut stopped: watch::Receiver<bool>,
) {
    let server = Arc::new(builder(state.world.http));
    let mut connections = JoinSet::new();
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                // Out of file descriptors, most likely: wait for others to close.
                Err(_) => {
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            _ = stopped.changed() => break,
        };
        let _ = socket.set_nodelay(true);
        let acceptor = identity.as_ref().map(|identity| identity.acceptor.clone());
        let (state, server) = (Arc::clone(&state), Arc::clone(&server));
        connections.spawn(async move {
            match acceptor {
                None => converse(socket, state, &server).await,
                // A handshake that fails is the client's loss.
                Some(acceptor) => match acceptor.accept(socket).await {
                    Ok(secured) => converse(secured, state, &server).await,
                    Err(_) => drop(state),
                },
            }
        });
    }
    connections.shutdown().await;
}

/// One connection, from its first request to its end.
async fn converse<S>(socket: S, state: Arc<State>, server: &auto::Builder<TokioExecutor>)
where
    S: AsyncRead + AsyncWrite + Linger + Send + Unpin + 'static,
{
    let _open = OpenConnection::new(&state);
    let conn = Arc::new(Conn::default());
    let wire = Wire::new(socket, Arc::clone(&conn));
    // Boxed, since hyper keeps the room for it as long as the connection, or the stream, is open.
    let service =
        service_fn(|request| Box::pin(serve(Arc::clone(&state), Arc::clone(&conn), request)));
    // How a connection ends is the client's business, or a fault's.
    let _ = server.serve_connection(TokioIo::new(wire), service).await;
}

struct OpenConnection {
    state: Arc<State>,
}

impl OpenConnection {
    fn new(state: &Arc<State>) -> Self {
        add(&state.live.connections, 1);
        add(&state.live.connections_open, 1);
        Self {
            state: Arc::clone(state),
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        subtract(&self.state.live.connections_open, 1);
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// hyper's settings: generous, since what is tested is the client.
fn builder(http: HttpVersions) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder = match http {
        HttpVersions::Both => builder,
        HttpVersions::Http1 => builder.http1_only(),
        HttpVersions::Http2 => builder.http2_only(),
    };
    builder
        .http2()
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // A gateway that cancels many streams is no attacker here.
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(Some(RESETS_MAX));
    builder
}

const STREAMS_MAX: u32 = 1_000;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
const RESETS_MAX: usize = 10_000;
