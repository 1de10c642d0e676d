//! What has changed of one account's limits: per set of models, each dimension by itself.

use std::time::Duration;

use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPattern;

use super::change::{Changes, Subject};
use super::pairs::pair;
use super::show::{self, or_none};
use crate::file::{Account, Limit, LimitScope, Provider};

/// A limit, by what it holds for.
struct Scoped<'a> {
    /// As it is compared; no two scopes have the same.
    key: String,
    /// As it is shown: the field's name.
    shown: String,
    limit: &'a Limit,
}

/// Compares the limits of an account, each side with the provider whose model groups it names.
pub(super) fn compare(
    subject: &Subject,
    before: (&Provider, &Account),
    after: (&Provider, &Account),
    changes: &mut Changes,
) {
    let (before, after) = (scoped(before), scoped(after));
    let pairs = pair(by_key(&before), by_key(&after));
    let removed = pairs.removed.into_iter().map(|(_, it)| (Some(it), None));
    let kept = pairs.kept.into_iter();
    let kept = kept.map(|(_, before, after)| (Some(before), Some(after)));
    let added = pairs.added.into_iter().map(|(_, it)| (None, Some(it)));
    for (before, after) in removed.chain(kept).chain(added) {
        compare_one(subject, before, after, changes);
    }
    // The one for every group is the last anyway.
    let ranked = |(key, _): &(&str, &Scoped<'_>)| !key.is_empty();
    let keys = by_key(&before).filter(ranked).map(|(key, _)| key);
    let keys_after = by_key(&after).filter(ranked).map(|(key, _)| key);
    changes.order(subject, "order of limits", keys, keys_after);
}

fn by_key<'a>(side: &'a [Scoped<'a>]) -> impl Iterator<Item = (&'a str, &'a Scoped<'a>)> {
    side.iter().map(|it| (it.key.as_str(), it))
}

fn scoped<'a>((provider, account): (&Provider, &'a Account)) -> Vec<Scoped<'a>> {
    let scoped = |limit: &'a Limit| {
        let (key, shown) = match &limit.scope {
            LimitScope::EveryGroup => (String::new(), "limit".to_owned()),
            LimitScope::Group(id) => {
                let group = &provider.model_groups[*id].id;
                (format!("group {group}"), format!("limit of group {group}"))
            }
            LimitScope::Models(models) => {
                let names: Vec<&str> = models.iter().map(ModelPattern::as_str).collect();
                (
                    names.join(","),
                    format!("limit of {}", show::models(models)),
                )
            }
        };
        Scoped { key, shown, limit }
    };
    account.limits.iter().map(scoped).collect()
}

fn compare_one(
    subject: &Subject,
    before: Option<&Scoped<'_>>,
    after: Option<&Scoped<'_>>,
    changes: &mut Changes,
) {
    let Some(shown) = before.or(after).map(|it| it.shown.as_str()) else {
        return;
    };
    let said = changes.found.len();
    let per_minute = |limit: &u64| format!("{}/min", show::count(limit));
    for dimension in Dimension::ALL {
        let of = |side: Option<&Scoped<'_>>| side?.limit.per_minute[dimension.index()];
        let field = format!("{shown} {}", dimension.as_str());
        let limits = (&of(before), &of(after));
        changes.field(subject, &field, limits, or_none(per_minute));
    }
    let burst = |side: Option<&Scoped<'_>>| -> Option<Duration> { side?.limit.burst };
    let bursts = (&burst(before), &burst(after));
    let field = format!("{shown} burst");
    changes.field(subject, &field, bursts, or_none(show::duration));
    // A limit that limits nothing still keeps others from its models.
    if changes.found.len() == said {
        let there = (&before.is_some(), &after.is_some());
        let words = |is_there: &bool| if *is_there { "unknown" } else { show::NONE }.to_owned();
        changes.field(subject, shown, there, words);
    }
}
