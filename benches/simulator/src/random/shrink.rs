//! Makes a bad world smaller while it stays bad.

use super::judge::judge;
use super::recipe::{Recipe, Tail};
use crate::told::{Grain, Reset, RetryAfter, TokensView, Told};

/// How bad a smaller world has to stay, as a share of what it was.
const KEPT: f64 = 0.7;
/// Runs that shrinking may take.
const RUNS_MAX: usize = 300;

/// The smallest world that is nearly as bad as `recipe`, found by taking away one thing after the
/// other.
pub fn shrink(recipe: &Recipe) -> Recipe {
    let enough = KEPT * judge(recipe).badness();
    let mut smallest = recipe.clone();
    let mut runs = 0;
    loop {
        let smaller = candidates(&smallest).into_iter().find(|candidate| {
            runs += 1;
            runs <= RUNS_MAX && judge(candidate).badness() >= enough
        });
        match smaller {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

/// Worlds that are one step simpler.
fn candidates(of: &Recipe) -> Vec<Recipe> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Recipe)| {
        let mut changed = of.clone();
        change(&mut changed);
        if changed != *of {
            all.push(changed);
        }
    };
    for at in 0..of.accounts.len() {
        if of.accounts.len() > 1 && of.sick_key.is_none() {
            with(&|it| it.accounts = without(&it.accounts, at));
        }
        if of.sick_key.is_none() {
            with(&|it| it.accounts[at].keys = 1);
        }
        with(&|it| it.accounts[at].burst_secs = it.accounts[0].burst_secs);
    }
    for at in 0..of.mixes.len() {
        if of.mixes.len() > 1 {
            with(&|it| it.mixes = without(&it.mixes, at));
        }
        with(&|it| it.mixes[at].input = Tail::Even(1_000.0, 1_000.0));
        with(&|it| it.mixes[at].output = Tail::Even(100.0, 100.0));
    }
    with(&|it| it.sick_key = None);
    with(&|it| it.secs = (it.secs / 2.0).max(20.0).floor());
    for dimension in 0..3 {
        with(&|it| {
            it.accounts
                .iter_mut()
                .for_each(|it| it.slack[dimension] = 0.0);
        });
    }
    with(&|it| it.late = false);
    with(&|it| it.first_token = (0.3, 0.3));
    with(&|it| it.per_token = 0.001);
    for told in simpler(&of.told) {
        with(&|it| it.told = told);
    }
    // A world needs some limit.
    all.retain(|it| {
        it.accounts
            .iter()
            .all(|it| it.slack.iter().any(|slack| *slack > 0.0))
    });
    all
}

fn simpler(told: &Told) -> Vec<Told> {
    let mut all: Vec<Told> = (0..told.dimensions.len())
        .map(|at| {
            let mut dimensions = told.dimensions;
            dimensions[at] = false;
            Told {
                dimensions,
                ..*told
            }
        })
        .collect();
    all.extend([
        Told {
            limit: false,
            ..*told
        },
        Told {
            remaining: false,
            ..*told
        },
        Told {
            reset: Reset::Missing,
            ..*told
        },
        Told {
            grain: Grain::One,
            ..*told
        },
        Told {
            tokens: TokensView::Missing,
            ..*told
        },
        Told {
            on_refusals_only: false,
            ..*told
        },
        Told {
            retry_after: RetryAfter::Fits,
            ..*told
        },
    ]);
    all
}

fn without<T: Clone>(all: &[T], at: usize) -> Vec<T> {
    let mut left = all.to_vec();
    left.remove(at);
    left
}
