//! Drawing a recipe from a seed.

use super::recipe::{AccountRecipe, Mix, Recipe, Tail};
use crate::told::{Grain, Reset, RetryAfter, TokensView, Told};

/// Requests of one run, at most, so that hundreds of runs take minutes.
const REQUESTS_MAX: f64 = 6_000.0;

/// The recipe of a world.
pub fn draw(seed: u64) -> Recipe {
    let mut draws = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let draws = &mut draws;
    let accounts = accounts(draws);
    let load = *draws
        .choice(&[0.5, 0.8, 0.9, 0.95, 0.95])
        .expect("not empty");
    let mixes = (0..draws.usize(1..=3)).map(|_| mix(draws)).collect();
    let per_sec: f64 = accounts.iter().map(|it| it.per_sec).sum();
    let first = between(draws, 0.1, 1.5);
    let keys: usize = accounts.iter().map(|it| it.keys).sum();
    let is_sick = keys > accounts.len() && draws.f64() < 0.25;
    Recipe {
        seed,
        secs: (REQUESTS_MAX / (load * per_sec)).clamp(40.0, 240.0).round(),
        load,
        sick_key: is_sick.then(|| sick_key(draws, &accounts)),
        accounts,
        mixes,
        told: told(draws),
        late: draws.bool(),
        first_token: (first, first * (1.0 + 2.0 * draws.f64())),
        per_token: between(draws, 0.001, 0.02),
    }
}

fn accounts(draws: &mut fastrand::Rng) -> Vec<AccountRecipe> {
    let same_burst = draws.bool().then(|| between(draws, 0.3, 60.0));
    let scale = between(draws, 1.0, 20.0);
    let spare = |draws: &mut fastrand::Rng| match draws.u8(0..4) {
        0 => 0.0,
        1 | 2 => between(draws, 1.1, 4.0),
        _ => 1.0,
    };
    // Which dimension is scarce is mostly the same for all.
    let mut slack = [spare(draws), spare(draws), spare(draws)];
    slack[draws.usize(0..3)] = 1.0;
    (0..draws.usize(1..=8))
        .map(|_| AccountRecipe {
            keys: draws.usize(1..=3),
            per_sec: scale * between(draws, 0.1, 3.0),
            burst_secs: same_burst.unwrap_or_else(|| between(draws, 0.3, 60.0)),
            slack,
        })
        .collect()
}

/// A key of an account that has others.
fn sick_key(draws: &mut fastrand::Rng, accounts: &[AccountRecipe]) -> usize {
    let mut first = 0;
    let mut candidates = Vec::new();
    for account in accounts {
        if account.keys > 1 {
            candidates.push(first);
        }
        first += account.keys;
    }
    *draws
        .choice(&candidates)
        .expect("some account has two keys")
}

fn mix(draws: &mut fastrand::Rng) -> Mix {
    let input = match draws.u8(0..4) {
        0 => Tail::Even(100.0, between(draws, 200.0, 8_000.0)),
        1 => Tail::LogNormal(between(draws, 200.0, 4_000.0), 0.5 + draws.f64()),
        2 => Tail::Pareto(between(draws, 100.0, 1_000.0), 1.2 + draws.f64(), 60_000.0),
        _ => Tail::Three([400.0, 3_000.0, 12_000.0]),
    };
    let output_max = *draws
        .choice(&[256, 1_024, 4_096, 16_384])
        .expect("not empty");
    let output = match draws.u8(0..4) {
        0 => Tail::Even(20.0, between(draws, 40.0, 1_000.0)),
        1 => Tail::LogNormal(between(draws, 50.0, 600.0), 0.5 + draws.f64()),
        2 => Tail::Pareto(between(draws, 20.0, 200.0), 1.2 + draws.f64(), 16_384.0),
        _ => Tail::Three([256.0, 1_024.0, 4_096.0]),
    };
    Mix {
        share: between(draws, 0.2, 1.0),
        input,
        output,
        output_max,
    }
}

fn told(draws: &mut fastrand::Rng) -> Told {
    let has_headers = draws.f64() < 0.75;
    let often = |draws: &mut fastrand::Rng, share| draws.f64() < share;
    Told {
        dimensions: std::array::from_fn(|_| often(draws, 0.85)),
        limit: has_headers && often(draws, 0.9),
        remaining: has_headers && often(draws, 0.9),
        reset: *draws
            .choice(&[Reset::Missing, Reset::Full, Reset::Full, Reset::Any])
            .expect("not empty"),
        grain: *draws
            .choice(&[Grain::One, Grain::Thousand, Grain::ThousandDown])
            .expect("not empty"),
        tokens: *draws
            .choice(&[TokensView::Missing, TokensView::Sum, TokensView::Tighter])
            .expect("not empty"),
        on_refusals_only: often(draws, 0.15),
        retry_after: *draws
            .choice(&[
                RetryAfter::Fits,
                RetryAfter::Fits,
                RetryAfter::Second,
                RetryAfter::Missing,
            ])
            .expect("not empty"),
        words: false,
    }
}

/// Between the two, evenly in the logarithm.
fn between(draws: &mut fastrand::Rng, least: f64, most: f64) -> f64 {
    let drawn = least * (most / least).powf(draws.f64());
    // Three figures are enough, and can be read.
    let unit = 10f64.powf(drawn.log10().floor() - 2.0);
    (drawn / unit).round() * unit
}
