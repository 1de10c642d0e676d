//! Everything that runs: provider, gateway, traffic; and the eye that looks at them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyweir_policy::pool::ask::Notice;
use keyweir_policy::pool::view::PoolView;
use keyweir_policy::terms::ids::ProviderId;
use simulated_provider::{Counters, Provider, RunningProvider};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::arguments::Arguments;
use super::client::{Client, USER_AGENT};
use super::feed::Tone;
use super::scene::{Rates, Scene, Upstream};
use super::story::Story;
use super::summary::Summary;
use super::tally::Tally;
use super::traffic::{self, Mix, Tempo};
use super::try_it::TryIt;
use super::{rows, world};
use crate::command::failed::Failed;
use crate::runtime::live::Live;
use crate::server::listen::ListenError;
use crate::server::serve::{self, Options, Running, StartError};
use crate::telemetry::access_log::Target;

/// Where clients connect if nothing else was said.
const PORT: u16 = 8080;
/// The provider of the demonstration's policy, which has no other.
const PROVIDER: ProviderId = ProviderId(0);
/// Looks over which a rate is taken: two seconds.
const RATE_LOOKS: usize = 16;

/// The demonstration, running.
pub(super) struct Stage {
    provider: RunningProvider,
    gateway: Running,
    live: Arc<Live>,
    notices: mpsc::UnboundedReceiver<Notice>,
    story: Story,
    tally: Arc<Tally>,
    traffic: JoinHandle<()>,
    started: Instant,
    samples: VecDeque<Sample>,
    second: Sample,
    scene: Scene,
}

/// The sums at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    at: Duration,
    asked: u64,
    answered: u64,
    waiting_max: usize,
}

impl Stage {
    /// Starts everything.
    pub(super) async fn open(arguments: &Arguments) -> Result<Self, Failed> {
        let provider = Provider::start(world::world(arguments.seed)).await?;
        let gateway = start_gateway(provider.base_url(), arguments.port).await?;
        let live = gateway.gateway().live();
        let notices = live.provider(PROVIDER).pool.watch();
        let (sender, tempo) = watch::channel(Tempo {
            per_sec: 0.0,
            mix: Mix::ORDINARY,
        });
        let story = Story::new(provider.control().clone(), sender, arguments.load);
        let tally = Arc::new(Tally::default());
        let client = Client::new(gateway.clear[0]);
        let driving = traffic::drive(client, tempo, Arc::clone(&tally), arguments.seed);
        Ok(Self {
            notices,
            live,
            story,
            traffic: tokio::spawn(driving),
            tally,
            started: Instant::now(),
            samples: VecDeque::new(),
            second: Sample::default(),
            scene: Scene::default(),
            provider,
            gateway,
        })
    }

    /// How a visitor takes part.
    pub(super) fn try_it(&self) -> TryIt {
        TryIt::new(self.gateway.clear[0], self.gateway.admin)
    }

    /// The traffic stops; what is under way goes on.
    pub(super) fn hush(&mut self) {
        if !self.scene.is_finishing {
            self.scene.is_finishing = true;
            self.story.end();
        }
    }

    /// Whether no client waits for an answer.
    pub(super) fn is_quiet(&self) -> bool {
        self.tally.open() == 0
    }

    /// What there is to see now.
    pub(super) fn look(&mut self) -> &Scene {
        let now = self.started.elapsed();
        self.scene.elapsed = now;
        self.follow_story(now);
        self.look_at_pool(now);
        self.look_at_clients(now);
        self.look_at_provider(now);
        self.measure(now);
        &self.scene
    }

    fn follow_story(&mut self, now: Duration) {
        for title in self.story.advance(now) {
            self.scene.feed.tell(now, Tone::Story, title);
        }
        self.scene.round = self.story.round();
        self.story.chapter().clone_into(&mut self.scene.chapter);
        self.scene.next_in = self.story.next_in(now);
    }

    fn look_at_pool(&mut self, now: Duration) {
        let provider = self.live.provider(PROVIDER);
        let view: PoolView = provider.pool.with(|pool, now| pool.view(now));
        while let Ok(notice) = self.notices.try_recv() {
            let before = &self.scene.accounts;
            self.scene.feed.notice(now, provider, notice, before);
        }
        let rows = rows::rows(provider, &view);
        self.scene.feed.compare(now, &self.scene.accounts, &rows);
        self.scene.accounts = rows;
        self.scene.is_overloaded = view.is_overloaded;
        self.scene.waiting = view.groups.iter().map(|group| group.waiting).sum();
        let waiting = self.scene.waiting;
        self.scene.feed.queue(now, waiting, view.is_overloaded);
    }

    fn look_at_clients(&mut self, now: Duration) {
        self.scene.feed.failures(now, self.tally.fresh_failures());
        self.scene.totals = self.tally.totals();
    }

    fn look_at_provider(&mut self, now: Duration) {
        let control = self.provider.control();
        self.scene.upstream = upstream(&control.counters());
        let requests = control.requests();
        control.clear_requests();
        for request in requests {
            if request.header("user-agent") == Some(USER_AGENT) {
                continue;
            }
            let key = request.header("x-api-key").map_or("?", world::key_of);
            let text = format!("your request went out with key {key}");
            self.scene.feed.tell(now, Tone::Yours, text);
        }
    }

    fn measure(&mut self, at: Duration) {
        let totals = &self.scene.totals;
        let sample = Sample {
            at,
            asked: totals.asked,
            answered: totals.answered,
            waiting_max: self.scene.waiting,
        };
        self.samples.push_back(sample);
        if self.samples.len() > RATE_LOOKS {
            self.samples.pop_front();
        }
        let oldest = self.samples[0];
        let span = (at - oldest.at).as_secs_f64().max(1e-3);
        self.scene.rates = Rates {
            asked: (sample.asked - oldest.asked) as f64 / span,
            answered: (sample.answered - oldest.answered) as f64 / span,
        };
        self.second.waiting_max = self.second.waiting_max.max(sample.waiting_max);
        if at.as_secs() > self.second.at.as_secs() {
            self.scene.history.push(
                sample.asked - self.second.asked,
                sample.answered - self.second.answered,
                self.second.waiting_max as u64,
            );
            self.second = sample;
        }
    }

    /// Stops everything, and sums it up.
    pub(super) async fn close(mut self) -> Summary {
        self.hush();
        self.look();
        self.traffic.abort();
        let summary = Summary::of(&self.scene);
        self.gateway.stop().await;
        self.provider.shutdown().await;
        summary
    }
}

/// The gateway on `port`; without one on the usual port, or on a free one if that is taken.
async fn start_gateway(base_url: &str, port: Option<u16>) -> Result<Running, StartError> {
    let options = Options {
        access_log: Target::Off,
        ..Options::default()
    };
    let first = port.unwrap_or(PORT);
    match serve::start(world::policy(base_url, first), &options).await {
        Err(StartError::Listen(ListenError::Bind { .. })) if port.is_none() => {
            serve::start(world::policy(base_url, 0), &options).await
        }
        started => started,
    }
}

fn upstream(counters: &Counters) -> Upstream {
    let errors = counters
        .by_status
        .iter()
        .filter(|(status, _)| **status >= 400);
    let all: u64 = errors.map(|(_, count)| count).sum();
    let (rate_limited, overloaded) = (counters.status(429), counters.status(529));
    Upstream {
        rate_limited,
        overloaded,
        otherwise: all - rate_limited - overloaded,
        requests: counters.requests,
    }
}
