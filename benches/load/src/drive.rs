//! Closed-loop load: a number of connections, each sending its next request when the last one was
//! answered, all on the calling thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::task::JoinSet;

use crate::canned::Exchange;
use crate::client::{Client, ClientError, within};

/// Beyond the time a load was given, or the time its requests may need in the worst case, it is
/// stuck. Wide enough for an instruction counter.
const GRACE: Duration = Duration::from_secs(60);
const PER_REQUEST_MAX: Duration = Duration::from_millis(50);

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time; requests under way then are still awaited, and counted.
    Elapsed(Duration),
    /// After this many requests in all.
    Requests(u64),
}

impl Until {
    fn bound(self) -> Duration {
        match self {
            Self::Elapsed(time) => time + GRACE,
            Self::Requests(number) => {
                GRACE + PER_REQUEST_MAX * u32::try_from(number).unwrap_or(u32::MAX)
            }
        }
    }
}

/// What came of a load. Wrong answers do not appear: they end it with an error.
#[derive(Debug)]
pub(crate) struct Driven {
    /// Requests that were answered, all of them rightly.
    pub(crate) answers: u64,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
}

impl Driven {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.answers as f64 / self.took.as_secs_f64()
    }
}

/// Connections that stay open from one round to the next, so that no round pays for opening them.
pub(crate) struct Fleet {
    clients: Vec<Client>,
}

impl Fleet {
    /// Opens `connections` to one address.
    pub(crate) async fn connect(to: SocketAddr, connections: usize) -> Result<Self, ClientError> {
        let clients = try_join_all((0..connections).map(|_| Client::connect(to))).await?;
        Ok(Self { clients })
    }

    /// Loads the server until the end that was set, or until the first wrong answer.
    pub(crate) async fn drive(
        &mut self,
        exchange: &Arc<Exchange>,
        until: Until,
    ) -> Result<Driven, ClientError> {
        let started = Instant::now();
        let answers = within(until.bound(), self.run(exchange, Left::new(until, started))).await?;
        Ok(Driven {
            answers,
            took: started.elapsed(),
        })
    }

    async fn run(&mut self, exchange: &Arc<Exchange>, left: Left) -> Result<u64, ClientError> {
        let left = Arc::new(left);
        let mut loops = JoinSet::new();
        for client in self.clients.drain(..) {
            loops.spawn(one_after_another(
                client,
                Arc::clone(exchange),
                Arc::clone(&left),
            ));
        }
        let mut answers = 0;
        while let Some(ended) = loops.join_next().await {
            let (client, answered) = ended.expect("a load's loop does not panic")?;
            answers += answered;
            self.clients.push(client);
        }
        Ok(answers)
    }
}

struct Left {
    deadline: Option<Instant>,
    requests: AtomicI64,
}

impl Left {
    fn new(until: Until, started: Instant) -> Self {
        match until {
            Until::Elapsed(time) => Self {
                deadline: Some(started + time),
                requests: AtomicI64::new(i64::MAX),
            },
            Until::Requests(number) => {
                let number = i64::try_from(number).unwrap_or(i64::MAX);
                Self {
                    deadline: None,
                    requests: AtomicI64::new(number),
                }
            }
        }
    }

    fn take(&self) -> bool {
        match self.deadline {
            Some(deadline) => Instant::now() < deadline,
            None => self.requests.fetch_sub(1, Ordering::Relaxed) > 0,
        }
    }
}

async fn one_after_another(
    mut client: Client,
    exchange: Arc<Exchange>,
    left: Arc<Left>,
) -> Result<(Client, u64), ClientError> {
    let mut answered = 0;
    while left.take() {
        client.exchange(&exchange).await?;
        answered += 1;
    }
    Ok((client, answered))
}
