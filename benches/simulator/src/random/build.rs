//! A scenario from a recipe.

use super::recipe::{AccountRecipe, Mix, Recipe};
use crate::account::AccountWorld;
use crate::scenario::{Demand, Latency, Scenario, Sizes, SnapshotTaken, TenantTraffic};
use crate::traffic::Arrival;
use crate::weather::Weather;

/// Draws that the means of sizes are taken over.
const MEANS_OVER: usize = 20_000;

/// The scenario that a recipe is for.
pub fn build(recipe: &Recipe) -> Scenario {
    let mut draws = fastrand::Rng::with_seed(recipe.seed ^ 0xa441);
    let sizes = means(recipe, &mut draws);
    let accounts = recipe.accounts.iter();
    let mut scenario = Scenario {
        accounts: accounts.map(|it| account(it, &sizes)).collect(),
        tenants: recipe
            .mixes
            .iter()
            .map(|mix| TenantTraffic::with_share(mix.share))
            .collect(),
        demand: Demand::OfCapacity(recipe.load),
        sizes,
        latency: Latency {
            network: (0.0005, 0.002),
            first_token: recipe.first_token,
            per_token: recipe.per_token,
        },
        weather: recipe
            .sick_key
            .map(|key| Weather::AlwaysRefused { key })
            .into_iter()
            .collect(),
        duration_secs: recipe.secs,
        snapshot_taken: if recipe.late {
            SnapshotTaken::AtHead
        } else {
            SnapshotTaken::AtAdmission
        },
        told: Some(recipe.told),
        ..Scenario::standard(recipe.seed)
    };
    scenario.arrivals = Some(arrivals(recipe, scenario.demand_per_sec(), &mut draws));
    scenario
}

fn account(recipe: &AccountRecipe, sizes: &Sizes) -> AccountWorld {
    let per_minute = |need: f64, slack: f64| (recipe.per_sec * slack * need * 60.0).ceil();
    let [requests, input, output] = recipe.slack;
    AccountWorld {
        keys: recipe.keys,
        rpm: per_minute(1.0, requests),
        itpm: per_minute(sizes.input, input),
        otpm: per_minute(sizes.output, output),
        tpm: 0.0,
        burst_secs: recipe.burst_secs,
        foreign: 0.0,
    }
}

fn means(recipe: &Recipe, draws: &mut fastrand::Rng) -> Sizes {
    let (mut input, mut output) = (0.0, 0.0);
    for _ in 0..MEANS_OVER {
        let (_, sizes) = request(recipe, draws);
        input += sizes.input;
        output += sizes.output;
    }
    let mean = |sum: f64| sum / MEANS_OVER as f64;
    Sizes {
        input: mean(input),
        output: mean(output),
    }
}

fn arrivals(recipe: &Recipe, per_sec: f64, draws: &mut fastrand::Rng) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    let mut at = 0.0;
    loop {
        at += -(1.0 - draws.f64()).ln() / per_sec;
        if at >= recipe.secs {
            return arrivals;
        }
        let (tenant, sizes) = request(recipe, draws);
        arrivals.push(Arrival {
            at,
            tenant,
            input: sizes.input,
            output: sizes.output,
            output_max: Some(sizes.output_max),
            model: 0,
        });
    }
}

struct Request {
    input: f64,
    output: f64,
    output_max: u64,
}

fn request(recipe: &Recipe, draws: &mut fastrand::Rng) -> (usize, Request) {
    let shares: f64 = recipe.mixes.iter().map(|mix| mix.share).sum();
    let mut pick = draws.f64() * shares;
    let picked = recipe.mixes.iter().position(|mix| {
        pick -= mix.share;
        pick < 0.0
    });
    let tenant = picked.unwrap_or(0);
    let mix = &recipe.mixes[tenant];
    (tenant, of_mix(mix, draws))
}

fn of_mix(mix: &Mix, draws: &mut fastrand::Rng) -> Request {
    let output = mix.output.draw(draws);
    let output_max = match mix.output {
        // The cap goes with the kind of request.
        super::recipe::Tail::Three(caps) => {
            let fits = |cap: &&f64| output <= 0.8 * **cap;
            caps.iter()
                .find(fits)
                .map_or(mix.output_max, |cap| *cap as u64)
        }
        _ => mix.output_max,
    };
    Request {
        input: mix.input.draw(draws),
        output: output.min(output_max as f64),
        output_max,
    }
}
