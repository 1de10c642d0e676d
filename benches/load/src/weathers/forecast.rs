//! The weathers: what each row brings, and what it must reach.

use super::traffic::Stream;
use super::weather::{STORM_SECS, STRIKES_AT, Weather};
use super::world::{HOLDERS, Sizes};

/// Before this nothing is quoted that is a rate: buckets start full, and limits are unknown.
pub(crate) const SETTLED_AT: f64 = 10.0;

const ORDINARY: Sizes = Sizes {
    input: 1_000.0,
    output: 100.0,
};

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Forecast {
    /// What to call it on the command line.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) title: &'static str,
    /// Mean sizes.
    pub(crate) sizes: Sizes,
    /// Requests by tenant, as shares of what the accounts have for us.
    pub(crate) loads: Vec<f64>,
    /// How many times more, for three seconds.
    pub(crate) burst: Option<f64>,
    /// Its share of the seconds of arrivals that were asked for.
    pub(crate) length: f64,
    /// Gateways.
    pub(crate) replicas: usize,
    /// Through what they tell one another what they take, and what becomes of it at [`STRIKES_AT`].
    pub(crate) store: Option<Fate>,
    /// Settings of the gateway that differ from the defaults.
    pub(crate) settings: &'static str,
    /// What happens.
    pub(crate) weather: Weather,
    /// What must be reached.
    pub(crate) asked: Asked,
}

/// What becomes of the store midway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Stays,
    /// It is killed.
    Killed,
    /// It stands still: connections stay, and nothing is answered.
    Stalled,
}

/// The bounds of a row; those that are absent are not asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// Least share of requests answered, of those whose turn came.
    pub(crate) success: f64,
    /// Most upstream requests per client request, of those whose turn came.
    pub(crate) upstream: f64,
    /// Most upstream requests per client request while the storm rages.
    pub(crate) upstream_in_storm: Option<f64>,
    /// The 99th percentile of waits against the all-knowing scheduler's.
    pub(crate) waits: bool,
    /// Least share of the capacity that became answers.
    pub(crate) used: Option<f64>,
    /// Refusals come at once or when patience ends, and nobody waits beyond it.
    pub(crate) prompt_refusals: bool,
    /// Least rate in the first second after the storm, as a share of the rate before it.
    pub(crate) recovery: Option<f64>,
    /// Failures before content are invisible, those after it are told, and end uncleanly
    /// unless the provider told and ended them itself.
    pub(crate) streams: bool,
    /// Least share of their fair share that the modest tenants get.
    pub(crate) fairness: Option<f64>,
}

impl Forecast {
    fn new(name: &'static str, title: &'static str, load: f64, asked: Asked) -> Self {
        Self {
            name,
            title,
            sizes: ORDINARY,
            loads: vec![load],
            burst: None,
            length: 1.0,
            replicas: 1,
            store: None,
            settings: "",
            weather: Weather::Fair,
            asked,
        }
    }

    /// All rows.
    pub(crate) fn all() -> Vec<Self> {
        let mut rows = steady();
        rows.extend(troubled());
        rows.extend(replicas());
        rows.extend(sharing());
        rows
    }

    /// The share of each account's refill that is there for us.
    pub(crate) fn shares(&self) -> [f64; HOLDERS.len()] {
        let mut shares = [1.0; HOLDERS.len()];
        if self.weather == Weather::Foreign {
            shares[0] = 0.5;
        }
        shares
    }

    /// Requests per second that all accounts together have for us.
    pub(crate) fn capacity_per_sec(&self) -> f64 {
        HOLDERS
            .iter()
            .zip(self.shares())
            .map(|(holder, share)| holder.capacity_per_sec(self.sizes) * share)
            .sum()
    }

    /// Refill per second of all accounts together that is there for us.
    pub(crate) fn refill(&self) -> [f64; 3] {
        let mut sum = [0.0; 3];
        for (holder, share) in HOLDERS.iter().zip(self.shares()) {
            for (sum, refill) in sum.iter_mut().zip(holder.refill()) {
                *sum += refill * share;
            }
        }
        sum
    }

    /// Everybody's requests.
    pub(crate) fn streams(&self) -> Vec<Stream> {
        let capacity = self.capacity_per_sec();
        let stream = |load: &f64| Stream {
            per_sec: load * capacity,
            burst: self
                .burst
                .map(|factor| (factor, STRIKES_AT, STRIKES_AT + 3.0)),
        };
        self.loads.iter().map(stream).collect()
    }

    /// When the storm rages, if one does.
    pub(crate) fn storm(&self) -> Option<(f64, f64)> {
        (self.weather == Weather::Storm).then_some((STRIKES_AT, STRIKES_AT + STORM_SECS))
    }
}

fn steady() -> Vec<Forecast> {
    let whole = |upstream| Asked {
        success: 1.0,
        upstream,
        ..Asked::default()
    };
    let calm = Asked {
        waits: true,
        ..whole(1.005)
    };
    let flooded = Asked {
        used: Some(0.99),
        prompt_refusals: true,
        ..whole(1.02)
    };
    let burst = Asked {
        success: 0.995,
        ..whole(1.02)
    };
    let sized = |name, title, input, output| Forecast {
        sizes: Sizes { input, output },
        ..Forecast::new(name, title, 0.95, whole(1.02))
    };
    vec![
        Forecast::new("95", "95 % of capacity", 0.95, calm),
        // Patience ends for the first after a minute. Three tenants, since no single one may have
        // so many waiting.
        Forecast {
            loads: vec![0.5; 3],
            length: 1.8,
            ..Forecast::new("150", "150 % of capacity", 0.0, flooded)
        },
        Forecast {
            burst: Some(10.0),
            ..Forecast::new("burst", "ten-fold burst for 3 s at 50 %", 0.5, burst)
        },
        sized("input", "input-bound, 95 %", 6_000.0, 20.0),
        sized("output", "output-bound, 95 %", 200.0, 1_500.0),
    ]
}

fn troubled() -> Vec<Forecast> {
    let asked = |success, upstream| Asked {
        success,
        upstream,
        ..Asked::default()
    };
    let storm = Asked {
        upstream_in_storm: Some(1.3),
        recovery: Some(1.0),
        ..asked(0.99, f64::INFINITY)
    };
    let streams = Asked {
        streams: true,
        ..asked(0.0, 1.2)
    };
    let fair = Asked {
        fairness: Some(0.97),
        ..asked(0.0, f64::INFINITY)
    };
    let row = |name, title, load, weather, asked| Forecast {
        weather,
        ..Forecast::new(name, title, load, asked)
    };
    vec![
        row(
            "sick",
            "a key revoked, one out of credit, one always 429 without headers, at 60 %",
            0.6,
            Weather::Sick,
            asked(0.999, 1.05),
        ),
        row(
            "storm",
            "90 % of answers 529 for 10 s at 50 %",
            0.5,
            Weather::Storm,
            storm,
        ),
        Forecast {
            settings: "[gateway.timeouts]\nstream_idle = \"4s\"\n",
            ..row(
                "streams",
                "streams with errors, resets, stalls, at 60 %",
                0.6,
                Weather::BrokenStreams,
                streams,
            )
        },
        row(
            "foreign",
            "half of the largest account used by somebody else, 95 % of the rest",
            0.95,
            Weather::Foreign,
            asked(0.999, 1.03),
        ),
        Forecast {
            loads: vec![10.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0],
            ..Forecast::new(
                "tenants",
                "three tenants, one asking for ten times its share",
                0.0,
                fair,
            )
        },
    ]
}

fn replicas() -> Vec<Forecast> {
    let asked = Asked {
        success: 0.99,
        upstream: 1.05,
        ..Asked::default()
    };
    let row = |name, title, replicas| Forecast {
        replicas,
        ..Forecast::new(name, title, 0.95, asked)
    };
    vec![
        row("2-replicas", "2 replicas without a store, 95 %", 2),
        row("4-replicas", "4 replicas without a store, 95 %", 4),
    ]
}

fn sharing() -> Vec<Forecast> {
    let asked = Asked {
        success: 0.999,
        upstream: 1.01,
        ..Asked::default()
    };
    let row = |name, title, replicas, fate| Forecast {
        replicas,
        store: Some(fate),
        ..Forecast::new(name, title, 0.95, asked)
    };
    vec![
        row("2-redis", "2 replicas with Redis, 95 %", 2, Fate::Stays),
        row("4-redis", "4 replicas with Redis, 95 %", 4, Fate::Stays),
        row(
            "4-redis-killed",
            "4 replicas whose Redis is killed midway, 95 %",
            4,
            Fate::Killed,
        ),
        row(
            "4-redis-stalled",
            "4 replicas whose Redis stands still from midway, 95 %",
            4,
            Fate::Stalled,
        ),
    ]
}
