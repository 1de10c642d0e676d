//! What 20,000 connections that never show a client key cost the others: memory, and their tail.
//!
//! They come from many addresses and do what costs a server most: heads that never end, heads as
//! large as they may be, bodies that drip, and requests one after another that are refused. Whoever
//! is closed comes back, at a bounded pace. The others send at a steady pace over connections of
//! their own, before and meanwhile; the crowd shares its core with them, so the second figure is an
//! upper bound.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::canned;
use crate::client::{Client, within};
use crate::failure::Failure;
use crate::lab::{Lab, Setup};
use crate::measure::Rounds;
use crate::process;
use crate::report::{Bound, Quoted, Row, Section};
use crate::stats::quantile;
use crate::subject::Kind;

/// Fewer, where this process may not have so many sockets.
const STRANGERS: usize = 20_000;
/// Files that this process has open beside them.
const OTHER_FILES: usize = 500;
/// This many come, or come back, per second.
const ARRIVALS_PER_SECOND: usize = 2_000;
const ADDRESSES: usize = 200;
/// A head's drip, a body's, and a refused request's successor.
const DRIP: Duration = Duration::from_secs(5);
const MIB_MAX: f64 = 400.0;
const TAIL_RATIO_MAX: f64 = 2.0;
/// The others: connections, the pace of each, and how long they are watched.
const CLIENTS: usize = 8;
const PACE: Duration = Duration::from_millis(20);
const WATCHED: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_secs(60);

/// Measures the gateway, without the crowd and with it.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let rounds = if lab.conditions.quick { 1 } else { 3 };
    let (mut tails, mut mib, mut came) = (Rounds::default(), Rounds::default(), 0);
    let files = usize::try_from(process::open_files_max()?).unwrap_or(usize::MAX);
    let strangers = STRANGERS.min(files.saturating_sub(OTHER_FILES));
    for _ in 0..rounds {
        for kind in lab.kinds(&[Kind::Gateway]) {
            let subject = lab.start(kind, &Setup::default()).await?;
            let id = subject.id()?;
            // The pass-through's column stands for the same gateway on its own.
            tails.add(Kind::PassThrough, tail_micros(subject.address).await?);
            mib.add(Kind::PassThrough, in_mib(process::resident_bytes(id)?));
            process::reset_peak(id)?;
            let crowd = Crowd::gather(subject.address, strangers).await?;
            tails.add(kind, tail_micros(subject.address).await?);
            mib.add(kind, in_mib(process::peak_bytes(id)?));
            came += crowd.came.load(Ordering::Relaxed);
        }
    }
    let row = |what: &str, of: &Rounds, quoted| Row {
        what: what.to_owned(),
        yardstick: of.spread(Kind::PassThrough),
        gateway: of.spread(Kind::Gateway),
        quoted,
    };
    let ratio = tails.ratio(Kind::Gateway, Kind::PassThrough);
    let tail_max = Some(Bound::AtMost(TAIL_RATIO_MAX));
    let remark = format!(
        "{strangers} connections from {ADDRESSES} addresses, {came} in all with those that came back; \
         {CLIENTS} clients with a request every {} ms each, for {} s; {rounds} rounds, each in a new \
         process; {}. First column: the gateway without the crowd; second: with it.",
        PACE.as_millis(),
        WATCHED.as_secs(),
        lab.placement(),
    );
    Ok(vec![Section {
        title: "A crowd without client keys",
        remark,
        rows: vec![
            row(
                "99th percentile of the others, µs",
                &tails,
                Quoted::Compared("×", ratio, tail_max),
            ),
            row(
                "peak resident memory, MiB",
                &mib,
                Quoted::Itself(Bound::AtMost(MIB_MAX)),
            ),
        ],
    }])
}

fn in_mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The 99th percentile of those who have a key.
async fn tail_micros(to: SocketAddr) -> Result<f64, Failure> {
    let exchange = canned::json();
    let watch = async || {
        let mut client = Client::connect(to).await?;
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut micros = Vec::new();
        let until = Instant::now() + WATCHED;
        while Instant::now() < until {
            pace.tick().await;
            micros.push(client.exchange(&exchange).await?.as_secs_f64() * 1e6);
        }
        Ok(micros)
    };
    let clients = try_join_all((0..CLIENTS).map(|_| within(WATCHED + GRACE, watch())));
    let micros = clients.await?.concat();
    Ok(quantile(&micros, 0.99).unwrap_or(f64::NAN))
}

/// Connections that are kept up for as long as this lives.
struct Crowd {
    _strangers: JoinSet<()>,
    came: Arc<AtomicUsize>,
}

impl Crowd {
    /// Returns once everybody has come at least once.
    async fn gather(to: SocketAddr, count: usize) -> Result<Self, Failure> {
        let came = Arc::new(AtomicUsize::new(0));
        let mut strangers = JoinSet::new();
        let turn = Duration::from_secs((STRANGERS / ARRIVALS_PER_SECOND) as u64);
        for number in 0..count {
            let came = Arc::clone(&came);
            let first = turn.mul_f64(number as f64 / STRANGERS as f64);
            strangers.spawn(async move {
                sleep(first).await;
                // As often as it is closed, and no oftener than its turn.
                let mut turns = interval(turn);
                turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    turns.tick().await;
                    came.fetch_add(1, Ordering::Relaxed);
                    // Closed, refused or reset: all the same to it.
                    let _ = annoy(to, number).await;
                }
            });
        }
        let deadline = Instant::now() + turn + GRACE;
        while came.load(Ordering::Relaxed) < count {
            if Instant::now() > deadline {
                return Err(Failure::new("the crowd does not gather"));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(Self {
            _strangers: strangers,
            came,
        })
    }
}

/// One connection, until the other end closes it.
async fn annoy(to: SocketAddr, number: usize) -> io::Result<()> {
    let mut stream = connect(to, number).await?;
    let (beginning, drip): (Vec<u8>, &[u8]) = match number % 4 {
        0 => (b"POST /v1/messages HTTP/1.1\r\nhost: a\r\nx: ".into(), b"y"),
        1 => {
            let mut head = b"POST /v1/messages HTTP/1.1\r\nhost: a\r\nx: ".to_vec();
            head.resize(60_000, b'y');
            (head, b"y")
        }
        2 => {
            let mut body =
                b"POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                             content-length: 30000000\r\n\r\n{\"model\":\""
                    .to_vec();
            body.resize(16_000, b'm');
            (body, b"m")
        }
        _ => {
            let request: &[u8] =
                b"POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}";
            (request.repeat(8), request)
        }
    };
    stream.write_all(&beginning).await?;
    let mut answer = [0; 4_096];
    loop {
        match timeout(DRIP, stream.read(&mut answer)).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => stream.write_all(drip).await?,
        }
    }
}

async fn connect(to: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let host = (number % ADDRESSES) as u8;
    let from = Ipv4Addr::new(127, 0, 1, host + 1);
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    socket.connect(to).await
}
