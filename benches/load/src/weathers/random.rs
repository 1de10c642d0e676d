//! Worlds drawn at random, and those that were met in the field, over real sockets: the recipes of the
//! simulator, with the provider, the gateway and the clients of the weather table.

use std::path::Path;

use futures::future::join_all;
use keyweir_simulator::oracle;
use keyweir_simulator::random::{Recipe, Verdict, build, draw, named};
use keyweir_simulator::traffic;
use simulated_provider::{Fault, FaultRule, Provider};
use tokio::time::Instant;

use super::client::{Crowd, Ending, Seen};
use super::gateways::{Gateways, Wanted};
use super::recipe_world;
use super::traffic::Arrival;
use crate::failure::Failure;
use crate::report::print;

/// Attempts per request where headers tell, and where they do not.
const ATTEMPTS_MAX: f64 = 1.03;
const ATTEMPTS_UNTOLD_MAX: f64 = 1.10;

/// Which worlds to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worlds<'a> {
    /// How many are drawn, from this seed and those that follow it.
    pub(super) drawn: u64,
    pub(super) seed: u64,
    /// Seconds of arrivals.
    pub(super) secs: f64,
    /// Only the one of this name.
    pub(super) only: Option<&'a str>,
    /// How many go side by side.
    pub(super) at_once: usize,
}

/// Runs them and prints what became of each.
pub(super) async fn run(worlds: Worlds<'_>, program: &Path, folder: &Path) -> Result<(), Failure> {
    let met = named(worlds.seed).into_iter();
    let met = met.map(|(name, recipe)| (name.to_owned(), recipe));
    let seeds = worlds.seed..worlds.seed.saturating_add(worlds.drawn);
    let drawn = seeds.map(|seed| (format!("seed {seed}"), draw(seed)));
    let wanted = |(name, _): &(String, Recipe)| worlds.only.is_none_or(|only| only == name);
    let all: Vec<_> = met.chain(drawn).filter(wanted).collect();
    let mut held = 0;
    for some in all.chunks(worlds.at_once.max(1)) {
        let runs = some.iter().map(|(name, recipe)| async move {
            let folder = folder.join(name.replace(' ', "-"));
            let verdict = one(recipe, worlds.secs, program, &folder).await;
            (name, verdict)
        });
        for (name, verdict) in join_all(runs).await {
            let verdict = verdict?;
            held += usize::from(verdict.is_held());
            let judged = if verdict.is_held() { "held" } else { "    " };
            print(&format!("{name:12} {judged} {verdict}\n"))?;
        }
    }
    print(&format!("{held} of {} held\n", all.len()))?;
    Ok(())
}

async fn one(
    recipe: &Recipe,
    secs: f64,
    program: &Path,
    folder: &Path,
) -> Result<Verdict, Failure> {
    std::fs::create_dir_all(folder)?;
    let scenario = build(recipe);
    let provider = Provider::start(recipe_world::world(recipe, &scenario))
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    let accounts = recipe_world::accounts(recipe);
    let control = provider.control().clone();
    let mut keys = accounts.iter().flat_map(|(_, keys)| keys);
    if let Some(sick) = recipe.sick_key.and_then(|at| keys.nth(at)) {
        control.fault(FaultRule::from(Fault::RateLimitedBare).on_key(sick));
    }
    let client_keys: Vec<String> = (0..recipe.mixes.len())
        .map(|tenant| format!("kw_{tenant:043}"))
        .collect();
    let gateways = Gateways::start(Wanted {
        program,
        folder,
        provider: provider.base_url(),
        accounts: &accounts,
        replicas: 1,
        client_keys: &client_keys,
        settings: "",
    })
    .await?;
    let arrivals = recipe_world::arrivals(&scenario, secs);
    let best = oracle::serve(&scenario, &known(&arrivals));
    let crowd = Crowd {
        gateways: gateways.addresses.clone(),
        client_keys,
        began: Instant::now(),
    };
    let seen = crowd.send(arrivals).await;
    let counters = control.counters();
    drop(gateways);
    provider.shutdown().await;
    let hasty = counters.keys.values().map(|key| key.hasty).sum::<u64>();
    Ok(verdict(recipe, &seen, &best, (counters.requests, hasty)))
}

/// The same arrivals, for who knows all of them.
fn known(arrivals: &[Arrival]) -> Vec<traffic::Arrival> {
    let known = arrivals.iter().map(|it| traffic::Arrival {
        at: it.at,
        tenant: it.tenant,
        input: it.input,
        output: it.output,
        output_max: Some(it.output_max),
        model: 0,
    });
    known.collect()
}

fn verdict(
    recipe: &Recipe,
    seen: &[Seen],
    best: &oracle::Reached,
    (attempts, hasty): (u64, u64),
) -> Verdict {
    let answered = seen.iter().filter(|it| it.ending == Ending::Answered);
    let mut waits: Vec<f64> = answered.map(|it| it.waited).collect();
    waits.sort_by(f64::total_cmp);
    let quantiles = |sorted: &[f64]| {
        let at = |share: f64| {
            let last = sorted.len().saturating_sub(1) as f64;
            let found = sorted.get((share * last).round() as usize);
            found.copied().unwrap_or_default()
        };
        (at(0.5), at(0.99))
    };
    let requests = seen.len();
    Verdict {
        requests,
        success: (waits.len() as f64 / best.served.max(1) as f64).min(1.0),
        waits: quantiles(&waits),
        best_waits: quantiles(&best.waits),
        attempts: attempts as f64 / requests.max(1) as f64,
        attempts_max: match recipe.told.is_any() {
            true => ATTEMPTS_MAX,
            false => ATTEMPTS_UNTOLD_MAX,
        },
        hasty: hasty as usize,
        broke: seen.iter().any(|it| it.ending == Ending::Stuck),
    }
}
