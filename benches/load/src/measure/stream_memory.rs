//! Memory of an open stream: 5,000 of them at a time, each in the middle of its answer.
//!
//! Memory is read once every stream has brought several events, so that whatever is held for the
//! beginning of a stream has been let go, and the streams are still running when it is read.
//! Every round has a new process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::client::{Client, ClientError};
use crate::directive::StreamShape;
use crate::drive::{Fleet, Until};
use crate::failure::Failure;
use crate::lab::{Lab, Setup};
use crate::measure::Rounds;
use crate::report::{Bound, Quoted, Row, Section};
use crate::subject::Kind;
use crate::{canned, process};

const STREAMS: usize = 5_000;
const KIB_MAX: f64 = 40.0;
/// Content events a stream must have brought before memory is read.
const EVENTS_SEEN: usize = 3;
/// A content event every two seconds, for longer than the measurement lasts.
const SHAPE: StreamShape = StreamShape {
    deltas: 600,
    gap: Duration::from_secs(2),
    stamped: true,
};
/// Streams are opened this many at a time, so that no listener's queue overflows.
const OPENED_AT_ONCE: usize = 100;
const OPEN_SECS_MAX: Duration = Duration::from_secs(120);

const COMPARED: [Kind; 2] = [Kind::PassThrough, Kind::Gateway];

/// Measures pass-through and gateway.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let rounds = if lab.conditions.quick { 1 } else { 3 };
    let mut kib = Rounds::default();
    for _ in 0..rounds {
        for kind in lab.kinds(&COMPARED) {
            let each = kib_per_stream(lab, kind)
                .await
                .map_err(|failure| failure.with(kind))?;
            kib.add(kind, each);
        }
    }
    let rows = vec![Row {
        what: "resident memory per stream, KiB".to_owned(),
        yardstick: kib.spread(Kind::PassThrough),
        gateway: kib.spread(Kind::Gateway),
        quoted: Quoted::Itself(Bound::AtMost(KIB_MAX)),
    }];
    let remark = format!(
        "{STREAMS} open streams of {} requests' bodies, {rounds} rounds, each in a new process; \
         (resident with them − resident before them) / {STREAMS}.",
        "1 KB"
    );
    Ok(vec![Section {
        title: "Memory of open streams",
        remark,
        rows,
    }])
}

async fn kib_per_stream(lab: &Lab, kind: Kind) -> Result<f64, Failure> {
    let subject = lab.start(kind, &Setup::default()).await?;
    let id = subject.id()?;
    let mut fleet = Fleet::connect(subject.address, 8).await?;
    fleet
        .drive(&Arc::new(canned::json()), Until::Requests(500))
        .await?;
    let before = process::settled_bytes(id).await?;
    let mut streams = Streams::open(subject.address).await?;
    streams.wait_until_running().await?;
    let with_streams = process::settled_bytes(id).await?;
    streams.check().await?;
    Ok((with_streams as f64 - before as f64) / 1024.0 / STREAMS as f64)
}

/// Streams that are read for as long as this lives.
struct Streams {
    readers: JoinSet<Result<(), ClientError>>,
    running: Arc<AtomicUsize>,
}

impl Streams {
    async fn open(to: SocketAddr) -> Result<Self, Failure> {
        let mut streams = Self {
            readers: JoinSet::new(),
            running: Arc::default(),
        };
        let deadline = Instant::now() + OPEN_SECS_MAX;
        let connected = Arc::new(AtomicUsize::new(0));
        for opened in 1..=STREAMS {
            let running = Arc::clone(&streams.running);
            streams
                .readers
                .spawn(read(to, Arc::clone(&connected), running));
            while opened - connected.load(Ordering::Relaxed) >= OPENED_AT_ONCE {
                streams.check().await?;
                bounded_pause(deadline, "streams do not begin").await?;
            }
        }
        Ok(streams)
    }

    async fn wait_until_running(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + OPEN_SECS_MAX;
        while self.running.load(Ordering::Relaxed) < STREAMS {
            self.check().await?;
            bounded_pause(deadline, "not all streams bring content").await?;
        }
        Ok(())
    }

    /// Streams do not end by themselves while they are measured; one that did has failed.
    async fn check(&mut self) -> Result<(), Failure> {
        tokio::task::yield_now().await;
        match self.readers.try_join_next() {
            None => Ok(()),
            Some(Ok(Err(error))) => Err(error.into()),
            Some(_) => Err(Failure::new("a stream ended early")),
        }
    }
}

async fn bounded_pause(deadline: Instant, what: &str) -> Result<(), Failure> {
    if Instant::now() > deadline {
        return Err(Failure::new(what));
    }
    sleep(Duration::from_millis(5)).await;
    Ok(())
}

async fn read(
    to: SocketAddr,
    connected: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
) -> Result<(), ClientError> {
    let mut client = Client::connect(to).await?;
    let mut content_events = 0;
    let mut begun = false;
    let request = canned::stream_request(SHAPE);
    let status = client
        .watch(&request, |piece| {
            if !begun {
                begun = true;
                connected.fetch_add(1, Ordering::Relaxed);
            }
            if canned::stamp(piece).is_some() {
                content_events += 1;
                if content_events == EVENTS_SEEN {
                    running.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .await?;
    let content = format!("ended after {content_events} content events");
    Err(ClientError::WrongAnswer { status, content })
}
