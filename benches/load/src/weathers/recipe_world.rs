//! A random world's provider and its arrivals, over sockets.

use keyweir_simulator::Scenario;
use keyweir_simulator::random::{AccountRecipe, Recipe};
use keyweir_simulator::told::{Grain, Reset, RetryAfter, TokensView, Told};
use simulated_provider::{Account, Latency, Lie, Limits, World};

use super::traffic::Arrival;

/// Pieces of an answer.
const CHUNKS: f64 = 8.0;
/// What a request may take of the smallest limit of a minute: more never fits, wherever it is sent.
const LARGEST: f64 = 0.9;

/// The accounts and their keys.
pub(super) fn accounts(recipe: &Recipe) -> Vec<(String, Vec<String>)> {
    let name = |at: usize| format!("account-{at}");
    let keys = |at: usize, of: &AccountRecipe| {
        let keys = (0..of.keys).map(|key| format!("sk-{at}-{key}"));
        keys.collect()
    };
    let accounts = recipe.accounts.iter().enumerate();
    accounts.map(|(at, of)| (name(at), keys(at, of))).collect()
}

/// The provider.
pub(super) fn world(recipe: &Recipe, scenario: &Scenario) -> World {
    let limits = scenario.accounts.iter().map(|account| {
        let limit = |per_minute: f64| (per_minute > 0.0).then_some(per_minute as u64);
        Limits {
            requests_per_minute: limit(account.rpm),
            input_tokens_per_minute: limit(account.itpm),
            output_tokens_per_minute: limit(account.otpm),
            burst_secs: Some(account.burst_secs),
            ..Limits::default()
        }
    });
    let lies = lies(&recipe.told);
    let named = accounts(recipe).into_iter().zip(limits);
    let accounts = named.map(|((name, keys), limits)| Account {
        lies: lies.clone(),
        ..Account::new(&name, keys.iter().map(String::as_str)).with(limits)
    });
    let (least, most) = recipe.first_token;
    World {
        seed: recipe.seed,
        latency: Latency {
            head_ms: least * 1e3,
            first_token_ms: f64::midpoint(least, most) * 1e3,
            time_spread: 0.2,
            tokens_per_sec: 1.0 / recipe.per_token,
            chunk_tokens: ((scenario.sizes.output / CHUNKS) as u64).max(1),
            ..Latency::default()
        },
        ..World::new(accounts.collect())
    }
}

/// What its headers and words do not say, or say otherwise.
fn lies(told: &Told) -> Vec<Lie> {
    let [requests, input, output, tokens] = told.dimensions;
    let all = [
        (!requests, Lie::RequestsUntold),
        (!input, Lie::InputUntold),
        (!output, Lie::OutputUntold),
        (
            !tokens || told.tokens == TokensView::Missing,
            Lie::TokensUntold,
        ),
        (told.tokens == TokensView::Tighter, Lie::TokensTighter),
        (!told.limit, Lie::LimitMissing),
        (!told.remaining, Lie::RemainingMissing),
        (!told.limit && !told.remaining, Lie::AllMissing),
        (told.on_refusals_only, Lie::OnlyOnRefusals),
        (told.reset == Reset::Missing, Lie::ResetMissing),
        (told.reset == Reset::Any, Lie::ResetAny),
        (told.grain == Grain::One, Lie::RemainingExact),
        (told.grain == Grain::ThousandDown, Lie::RemainingRoundedDown),
        (
            told.retry_after == RetryAfter::Second,
            Lie::RetryAfterSecond,
        ),
        (
            told.retry_after == RetryAfter::Missing,
            Lie::RetryAfterMissing,
        ),
        (!told.words, Lie::WordsMissing),
    ];
    let told = all.into_iter().filter(|(is_told, _)| *is_told);
    told.map(|(_, lie)| lie).collect()
}

/// What comes in the first `secs`.
pub(super) fn arrivals(scenario: &Scenario, secs: f64) -> Vec<Arrival> {
    let limits = scenario.accounts.iter().map(|it| it.itpm);
    let least = limits.filter(|it| *it > 0.0).fold(f64::INFINITY, f64::min);
    let all = scenario.arrivals.iter().flatten();
    let arrivals = all.take_while(|it| it.at < secs).enumerate();
    arrivals
        .map(|(number, it)| Arrival {
            at: it.at,
            tenant: it.tenant,
            input: it.input.min(LARGEST * least),
            output: it.output,
            output_max: it.output_max.unwrap_or(super::traffic::OUTPUT_MAX),
            streamed: number % 2 == 0,
        })
        .collect()
}
