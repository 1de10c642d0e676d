//! The third table: several providers, fallbacks, and what one account alone has or serves.

use keyweir_policy::exchange::fallback::{Choice, Occasions};
use keyweir_policy::terms::ids::ProviderId;
use keyweir_policy::terms::pattern::{ModelPattern, ModelPatterns};

use super::preset::{Preset, preset};
use super::worlds::*;
use crate::account::AccountWorld;
use crate::beyond::{Beyond, FallbackRule, FollowUps, ProviderWorld};
use crate::bounds::{Bounds, Handover, STORM};
use crate::scenario::{Demand, Scenario, SnapshotTaken};
use crate::site::Site;
use crate::streams::{Stream, arrivals};
use crate::traffic::Shape;
use crate::weather::Weather;

/// When the first provider is out, where it is.
const OUTAGE: (f64, f64) = (20.0, 50.0);
/// When an account is out, where one is.
const OUT_FROM: f64 = 30.0;
/// How long requests wait that would rather go elsewhere.
const IMPATIENCE_SECS: f64 = 2.0;
/// How long a choice that has a fallback is waited for.
const FALLBACK_SECS: f64 = 1.0;
const OPUS: &str = "claude-opus-4-1";

/// The third table.
pub fn several(seed: u64, snapshot_taken: SnapshotTaken) -> Vec<Preset> {
    let base = || Scenario {
        snapshot_taken,
        ..Scenario::standard(seed)
    };
    let mut presets = fallbacks(&base);
    presets.extend(homes(&base));
    presets
}

fn fallbacks(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    let (from, until) = OUTAGE;
    let unreachable = Weather::Unreachable { from, until };
    let broken = Weather::Broken {
        share: 1.0,
        from,
        until,
    };
    // The fallback answers at once, after what the first choice is waited for. Until it has answered
    // for the first time it gets few requests, and the others have no patience left to wait with:
    // a third of a second's requests out of a minute's, at most.
    let handed = Bounds::answered(0.995, 1.1).waiting(FALLBACK_SECS + 0.1);
    vec![
        preset(
            "down",
            "no connection to the first provider for 30 s, a fallback of its size, patience 2 s",
            handed.hands_over(handover(OUTAGE, 0.99)),
            down(unreachable, impatient(base())),
        ),
        preset(
            "down 500",
            "every answer of the first provider 500 for 30 s, the same fallback and patience",
            handed.hands_over(handover(OUTAGE, 0.99)),
            down(broken, impatient(base())),
        ),
        preset(
            "down patient",
            "the same, but patience 30 s: what waits for no longer than it must does not wait",
            Bounds::answered(0.999, 1.1)
                .waiting(FALLBACK_SECS + 0.1)
                .hands_over(handover(OUTAGE, 0.99)),
            down(unreachable, base()),
        ),
        preset(
            "storm fallback",
            "90 % of answers 529 for 10 s at 50 %, a fallback of the same size, patience 2 s",
            // A few go through in the storm.
            handed.hands_over(handover(STORM, 0.9)),
            with_fallback(impatient(storm(0.9, base()))),
        ),
        preset(
            "other model",
            "150 % of capacity of one model, a fallback to another at the same accounts",
            // The first model's buckets are used to at least 96 %: the other gives 36 % at most.
            Bounds::answered(0.999, 1.02)
                .waiting(IMPATIENCE_SECS)
                .hands_over(Handover {
                    from: 10.0,
                    until: 90.0,
                    over_min: 0.25,
                    back_from: 10.0,
                    back_max: 0.36,
                }),
            other_model(overrun(impatient(base()))),
        ),
        preset(
            "outcomes",
            "requests that are wrong, answers that are none or 500, resets, 60 %",
            Bounds::answered(0.999, 1.12),
            outcomes(base()),
        ),
    ]
}

/// Another choice has what comes from the first second of an outage on, as long as patience ends
/// within it; the first has all of it again two seconds after its end.
fn handover((from, until): (f64, f64), over_min: f64) -> Handover {
    Handover {
        from: from + 1.0,
        until: until - IMPATIENCE_SECS - 1.0,
        over_min,
        back_from: until + 2.0,
        back_max: 0.01,
    }
}

fn homes(base: &impl Fn() -> Scenario) -> Vec<Preset> {
    vec![
        preset(
            "follow-ups",
            "8 accounts, half of the requests follow up, a third on what is not remembered",
            // Were nothing remembered of what is found, it would be 1.6.
            Bounds::answered(0.999, 1.5).waiting(0.1),
            follow_ups(base()),
        ),
        preset(
            "follow-ups out",
            "the same, one account out of money from 30 s on",
            // An eighth of a half of the requests of half the time, and what nobody has.
            Bounds::answered(0.95, 1.55).at_once(),
            Scenario {
                weather: vec![Weather::OutOfMoney {
                    account: 3,
                    from: OUT_FROM,
                }],
                ..follow_ups(base())
            },
        ),
        preset(
            "one account",
            "a model that only one account serves, which is out of money from 30 s on",
            Bounds {
                goodput_min: Some(0.99),
                ..Bounds::answered(0.9, 1.02).at_once()
            },
            one_account(true, base()),
        ),
        preset(
            "one unlisted",
            "the same, but the policy does not say which account serves it",
            Bounds {
                goodput_min: Some(0.99),
                ..Bounds::answered(0.9, 1.02).at_once()
            },
            one_account(false, base()),
        ),
    ]
}

fn impatient(scenario: Scenario) -> Scenario {
    Scenario {
        patience_secs: IMPATIENCE_SECS,
        ..scenario
    }
}

/// The first provider fails, the second takes over.
fn down(weather: Weather, scenario: Scenario) -> Scenario {
    with_fallback(Scenario {
        demand: Demand::OfCapacity(0.6),
        weather: vec![weather],
        ..lasting(90.0, scenario)
    })
}

/// A second provider like the first, for whatever the first cannot serve.
fn with_fallback(scenario: Scenario) -> Scenario {
    let second = ProviderWorld {
        accounts: scenario.accounts.clone(),
        weather: Vec::new(),
        pool: None,
    };
    Scenario {
        beyond: Beyond {
            providers: vec![second],
            fallbacks: vec![to(1, None)],
            follow_ups: None,
        },
        ..scenario
    }
}

fn other_model(scenario: Scenario) -> Scenario {
    Scenario {
        beyond: Beyond {
            fallbacks: vec![to(0, Some("claude-haiku-4-5"))],
            ..Beyond::default()
        },
        ..scenario
    }
}

fn to(provider: u32, model: Option<&str>) -> FallbackRule {
    FallbackRule {
        choices: vec![Choice {
            provider: ProviderId(provider),
            account: None,
            model: model.map(str::to_owned),
            on: Occasions::default(),
        }],
        ..FallbackRule::default()
    }
}

fn outcomes(scenario: Scenario) -> Scenario {
    let (from, until) = (0.0, f64::INFINITY);
    Scenario {
        demand: Demand::OfCapacity(0.6),
        weather: vec![
            Weather::Wrong { share: 0.05 },
            Weather::Malformed { share: 0.02 },
            Weather::Broken {
                share: 0.02,
                from,
                until,
            },
            Weather::Reset { share: 0.02 },
        ],
        ..scenario
    }
}

fn follow_ups(scenario: Scenario) -> Scenario {
    let account = AccountWorld {
        keys: 1,
        ..scenario.accounts[2].clone()
    };
    Scenario {
        accounts: vec![account; 8],
        demand: Demand::OfCapacity(0.6),
        beyond: Beyond {
            follow_ups: Some(FollowUps {
                share: 0.5,
                things: 2_000,
                forgotten: 1.0 / 3.0,
                absent: 0.02,
            }),
            ..Beyond::default()
        },
        ..scenario
    }
}

/// A model that the third account alone serves. `is_listed`: and the policy says so.
fn one_account(is_listed: bool, mut scenario: Scenario) -> Scenario {
    const ACCOUNT: usize = 2;
    let weather = (0..scenario.accounts.len()).filter(|account| *account != ACCOUNT);
    let denied = weather.map(|account| Weather::Denied { account, model: 1 });
    let out = Weather::OutOfMoney {
        account: ACCOUNT,
        from: OUT_FROM,
    };
    scenario.models.push(OPUS.to_owned());
    scenario.weather = denied.chain([out]).collect();
    if is_listed {
        let mut pool = Site::all(&scenario)[0].pool_spec(0);
        for (account, spec) in pool.accounts.iter_mut() {
            if account.index() != ACCOUNT {
                spec.models = sonnet_only();
            }
        }
        scenario.pool = Some(pool);
    }
    let stream = |model, per_sec| Stream {
        tenant: 0,
        model,
        per_sec,
        shape: Shape::Steady,
        sizes: scenario.sizes,
        output_max: scenario.output_max,
    };
    let streams = [stream(0, 40.0), stream(1, 5.0)];
    scenario.arrivals = Some(arrivals(
        &streams,
        scenario.duration_secs,
        1.0,
        scenario.seed,
    ));
    scenario
}

fn sonnet_only() -> ModelPatterns {
    let pattern: ModelPattern = "claude-sonnet-*".parse().expect("it is a pattern");
    ModelPatterns::new(vec![pattern]).expect("there is one")
}
