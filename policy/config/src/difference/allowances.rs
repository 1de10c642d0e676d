//! What has changed of groups, prices, and what bounds tenants and groups.

use std::collections::BTreeSet;

use keyweir_exchange::seek::Holder;
use keyweir_tenancy::allowance::{Allowance, Amount, Budget, Limit};
use keyweir_tenancy::money::WHOLE;
use keyweir_tenancy::prices::{Price, Rates, Unpriced};
use keyweir_terms::amount::Dimension;
use keyweir_terms::pattern::ModelPattern;

use super::change::{Changes, Subject};
use super::pairs::pair;
use super::show::{self, or_none};
use crate::file::{Policy, Reserve, TenancySettings, Tenant, TenantGroup};

/// A tenant's or a group's bounds, with the name of the group that it is in.
pub(super) struct Bounded<'a> {
    group: Option<&'a str>,
    accounts: Option<Vec<&'a str>>,
    reserves: Vec<(&'a str, f64)>,
    allowance: &'a Allowance,
}

impl<'a> Bounded<'a> {
    pub(super) fn of_tenant(policy: &'a Policy, tenant: &'a Tenant) -> Self {
        Self {
            group: name(policy, tenant.group),
            accounts: called(policy, tenant.accounts.as_ref()),
            reserves: kept(policy, &tenant.reserves),
            allowance: &tenant.allowance,
        }
    }

    fn of_group(policy: &'a Policy, group: &'a TenantGroup) -> Self {
        Self {
            group: name(policy, group.group),
            accounts: called(policy, group.accounts.as_ref()),
            reserves: kept(policy, &group.reserves),
            allowance: &group.allowance,
        }
    }
}

fn name(policy: &Policy, group: Option<usize>) -> Option<&str> {
    Some(policy.groups.get(group?)?.id.as_str())
}

/// What is kept, by the accounts' names.
fn kept<'a>(policy: &'a Policy, reserves: &[Reserve]) -> Vec<(&'a str, f64)> {
    let named = |reserve: &Reserve| {
        let (provider, account) = reserve.account;
        let account = &policy.provider(provider).accounts[account];
        (account.id.as_str(), reserve.share)
    };
    reserves.iter().map(named).collect()
}

/// Accounts by name: the ids of two policies cannot be compared.
fn called<'a>(policy: &'a Policy, accounts: Option<&BTreeSet<Holder>>) -> Option<Vec<&'a str>> {
    let called = |(provider, account): &Holder| {
        let provider = policy.provider(*provider);
        provider.accounts[*account].id.as_str()
    };
    let mut names: Vec<&str> = accounts?.iter().map(called).collect();
    names.sort_unstable();
    Some(names)
}

/// Compares groups, prices, and how spending is counted.
pub(super) fn compare(before: &Policy, after: &Policy, changes: &mut Changes) {
    let TenancySettings {
        unpriced,
        cache_read_weight,
    } = &before.tenancy;
    let tenancy = Subject::Settings("tenancy");
    let word = |unpriced: &Unpriced| unpriced.as_str().to_owned();
    let choice = (unpriced, &after.tenancy.unpriced);
    changes.field(&tenancy, "unpriced", choice, word);
    let weights = (cache_read_weight, &after.tenancy.cache_read_weight);
    let share = |weight: &u64| format!("{:.3}", *weight as f64 / 1_000.0);
    changes.field(&tenancy, "cache_read_weight", weights, share);
    let by_name = |policy: &'_ Policy| -> Vec<(String, TenantGroup)> {
        let groups = policy.groups.iter();
        groups.map(|it| (it.id.clone(), it.clone())).collect()
    };
    let (groups, groups_after) = (by_name(before), by_name(after));
    let pairs = pair(refer(&groups), refer(&groups_after));
    for (name, _) in pairs.removed {
        changes.removed(Subject::Group(name.to_owned()));
    }
    for (name, _) in pairs.added {
        changes.added(Subject::Group(name.to_owned()), "");
    }
    for (name, group, other) in pairs.kept {
        let sides = (
            Bounded::of_group(before, group),
            Bounded::of_group(after, other),
        );
        compare_one(&Subject::Group(name.to_owned()), sides, changes);
    }
    compare_prices(before, after, changes);
}

fn refer<T>(side: &[(String, T)]) -> impl Iterator<Item = (&str, &T)> {
    side.iter().map(|(name, thing)| (name.as_str(), thing))
}

/// Compares what bounds one tenant or group.
pub(super) fn compare_one(
    subject: &Subject,
    (before, after): (Bounded<'_>, Bounded<'_>),
    changes: &mut Changes,
) {
    let Allowance {
        limits,
        budgets,
        shadow,
    } = before.allowance;
    let other = after.allowance;
    let groups = (&before.group, &after.group);
    changes.field(
        subject,
        "group",
        groups,
        or_none(|name: &&str| show::text(name)),
    );
    let accounts = (&before.accounts, &after.accounts);
    let shown = |names: &Option<Vec<&str>>| match names {
        Some(names) => show::list(names),
        None => "all".to_owned(),
    };
    changes.field(subject, "accounts", accounts, shown);
    let reserves = (&*before.reserves, &*after.reserves);
    let shown = |reserves: &[(&str, f64)]| {
        let one = |(account, share): &(&str, f64)| format!("{share} of {}", show::text(account));
        many(reserves.iter().map(one))
    };
    changes.field(subject, "reserve", reserves, shown);
    changes.field(subject, "shadow", (shadow, &other.shadow), bool::to_string);
    let shown = |limits: &[Limit]| many(limits.iter().map(show_limit));
    changes.field(subject, "limits", (&**limits, &*other.limits), shown);
    let shown = |of_side: &[Budget]| {
        let one = |budget: &Budget| {
            let taken = if takes_over(budget, budgets) {
                ", with what is spent"
            } else {
                ""
            };
            show_budget(budget) + taken
        };
        many(of_side.iter().map(one))
    };
    changes.field(subject, "budgets", (&**budgets, &*other.budgets), shown);
}

/// Whether `budget` is one of those before whose period begins at another moment: what was spent of that is
/// spent of this.
fn takes_over(budget: &Budget, before: &[Budget]) -> bool {
    let unit = |budget: &Budget| matches!(budget.amount, Amount::Money(_));
    let is_same = |other: &&Budget| {
        let names = |budget: &Budget| (budget.models.set(), unit(budget), budget.period.word());
        names(other) == names(budget)
    };
    let mut same = before.iter().filter(is_same).peekable();
    same.peek().is_some() && !same.any(|other| other.period == budget.period)
}

fn many(shown: impl Iterator<Item = String>) -> String {
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        return show::NONE.to_owned();
    }
    shown.join("; ")
}

fn show_limit(limit: &Limit) -> String {
    let dimension = |dimension: Dimension| {
        let max = limit.per_minute[dimension.index()]?;
        Some(format!("{} {}/min", show::count(&max), dimension.as_str()))
    };
    let at_a_time = limit.concurrency.map(|max| format!("{max} at a time"));
    let parts = Dimension::ALL.into_iter().filter_map(dimension);
    let parts: Vec<String> = parts.chain(at_a_time).collect();
    if limit.models.is_any() {
        return parts.join(", ");
    }
    format!("{} for {}", parts.join(", "), show::models(&limit.models))
}

fn show_budget(budget: &Budget) -> String {
    let amount = match budget.amount {
        Amount::Tokens(tokens) => format!("{} tokens", show::count(&tokens)),
        Amount::Money(money) => format!("{money} USD"),
    };
    let soft = if budget.soft { ", soft" } else { "" };
    let warns = budget.warn_at.map(|at| format!(", warns at {} %", at.0));
    let warns = warns.unwrap_or_default();
    let period = budget.period.in_words();
    let shown = format!("{amount} per {period}{soft}{warns}");
    if budget.models.is_any() {
        return shown;
    }
    format!("{shown} for {}", show::models(&budget.models))
}

fn compare_prices(before: &Policy, after: &Policy, changes: &mut Changes) {
    let (prices, prices_after) = (by_models(before), by_models(after));
    let pairs = pair(refer(&prices), refer(&prices_after));
    for (models, _) in pairs.removed {
        changes.removed(Subject::Price(models.to_owned()));
    }
    for (models, price) in pairs.added {
        changes.added(Subject::Price(models.to_owned()), show_price(price));
    }
    for (models, price, other) in pairs.kept {
        let subject = Subject::Price(models.to_owned());
        changes.field(&subject, "usd per million", (price, other), show_price);
    }
    let order = refer(&prices).map(|(models, _)| models);
    let order_after = refer(&prices_after).map(|(models, _)| models);
    let all = Subject::Settings("price");
    changes.order(&all, "order", order, order_after);
}

fn by_models(policy: &Policy) -> Vec<(String, Price)> {
    let prices = policy.prices.iter().map(|price| {
        let models = price.models.iter().map(ModelPattern::as_str);
        let models = models.collect::<Vec<_>>().join(",");
        let key = match &price.provider {
            Some(provider) => format!("{models} at {provider}"),
            None => models,
        };
        (key, price.clone())
    });
    prices.collect()
}

fn show_price(price: &Price) -> String {
    let rates = |rates: &Rates| {
        let all = [
            rates.input,
            rates.output,
            rates.cache_read,
            rates.cache_write,
            rates.cache_write_1h,
        ];
        // Picodollars per token are millionths of a dollar per million tokens.
        let all = all.map(|rate| format!("{}", rate as f64 / 1e6));
        all.join("/")
    };
    let mut shown = rates(&price.rates);
    if let Some((above, long)) = &price.long {
        shown += &format!(", above {} {}", show::count(above), rates(long));
    }
    if price.batch != WHOLE {
        shown += &format!(", in batches × {}", price.batch as f64 / WHOLE as f64);
    }
    shown
}
