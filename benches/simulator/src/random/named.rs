//! Worlds that were met in the field, as recipes: weather that the policy once failed in.

use super::recipe::{AccountRecipe, Mix, Recipe, Tail};
use crate::told::{Grain, Reset, RetryAfter, TokensView, Told};

/// Requests per second of each account, and its keys.
const ACCOUNTS: [(f64, usize); 5] = [(16.7, 3), (8.3, 2), (4.2, 1), (2.5, 1), (1.67, 1)];

/// All of them, by name.
pub fn named(seed: u64) -> Vec<(&'static str, Recipe)> {
    let shallow = Recipe {
        accounts: accounts(0.6, [1.0, 1.5, 3.0]),
        ..heavy(seed)
    };
    let tighter = Told {
        tokens: TokensView::Tighter,
        ..all()
    };
    let silent = Told {
        limit: false,
        remaining: false,
        reset: Reset::Missing,
        retry_after: RetryAfter::Second,
        words: false,
        ..all()
    };
    let with = |told| Recipe {
        told,
        ..shallow.clone()
    };
    vec![
        ("tails", heavy(seed)),
        ("tighter", with(tighter)),
        ("silent", with(silent)),
        (
            "words",
            with(Told {
                words: true,
                ..silent
            }),
        ),
        (
            "sick",
            Recipe {
                load: 0.6,
                sick_key: Some(1),
                accounts: accounts(6.0, [1.0, 1.5, 3.0]),
                ..heavy(seed)
            },
        ),
        ("shallow", shallow),
    ]
}

/// Outputs with heavy tails, which are scarce; buckets of 6 s.
fn heavy(seed: u64) -> Recipe {
    Recipe {
        seed,
        secs: 120.0,
        load: 0.95,
        accounts: accounts(6.0, [3.0, 3.0, 1.0]),
        mixes: vec![Mix {
            share: 1.0,
            input: Tail::Three([400.0, 3_000.0, 12_000.0]),
            output: Tail::Three([256.0, 1_024.0, 4_096.0]),
            output_max: 4_096,
        }],
        told: all(),
        late: true,
        sick_key: None,
        first_token: (0.3, 0.6),
        per_token: 0.005,
    }
}

fn accounts(burst_secs: f64, slack: [f64; 3]) -> Vec<AccountRecipe> {
    ACCOUNTS
        .map(|(per_sec, keys)| AccountRecipe {
            keys,
            per_sec,
            burst_secs,
            slack,
        })
        .to_vec()
}

const fn all() -> Told {
    Told {
        dimensions: [true; 4],
        limit: true,
        remaining: true,
        reset: Reset::Full,
        grain: Grain::Thousand,
        tokens: TokensView::Sum,
        on_refusals_only: false,
        retry_after: RetryAfter::Fits,
        words: true,
    }
}
