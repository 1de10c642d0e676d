//! What was spent of budgets, as the store remembers it for those who come later.

use std::collections::{BTreeSet, HashMap};

use keyweir_policy::tenancy::period::Wall;
use keyweir_policy::tenancy::report::{self as of_tenants, RowReport, What};

use super::store::Spent;
use crate::runtime::gateway::Gateway;

/// What the store has of our budgets: by row and period.
pub(super) type Stored = HashMap<(u64, i64), u128>;

/// What was spent that the store does not have yet, by period. `known`: what it has; `None`: that is not
/// known, and it is to tell all that it remembers.
pub(super) fn news(
    gateway: &Gateway,
    rows: &[RowReport],
    book: u64,
    known: Option<&Stored>,
) -> (Vec<Spent>, Stored) {
    let budgets = rows.iter().filter_map(|row| match row.what {
        What::Budget { begin, spent, .. } => Some((row.row, begin, spent)),
        _ => None,
    });
    let is_news = |(row, begin, spent): &(u64, Wall, u128)| {
        let known = known.and_then(|known| known.get(&(*row, begin.0)));
        *spent > 0 && known != Some(spent)
    };
    let news: Vec<_> = budgets.filter(is_news).collect();
    if news.is_empty() && known.is_some() {
        return (Vec::new(), Stored::new());
    }
    let all: BTreeSet<(Wall, Wall)> = gateway.tenancy.with(|meters, wall| {
        let budgets = meters.budgets(wall);
        budgets.map(|it| (it.begin, it.end)).collect()
    });
    let periods = all.into_iter().map(|(begin, end)| {
        let of_period = news.iter().filter(|(_, at, _)| *at == begin);
        let field =
            |(row, _, spent): &(u64, Wall, u128)| (format!("{row}:{book}"), spent.to_string());
        Spent {
            begin: begin.0.div_euclid(1_000_000),
            end: end.0.div_euclid(1_000_000),
            fields: of_period.map(field).collect(),
        }
    });
    let periods = periods.filter(|it| known.is_none() || !it.fields.is_empty());
    let stored = news.iter().map(|it| ((it.0, it.1.0), it.2));
    (periods.collect(), stored.collect())
}

/// What the store remembers of budgets, by `periods`.
pub(super) fn remembered(
    periods: &[Spent],
    spent: &[Vec<(String, String)>],
) -> Vec<of_tenants::Stored> {
    let one = |begin: i64, (field, value): &(String, String)| {
        let (row, book) = field.split_once(':')?;
        Some(of_tenants::Stored {
            row: row.parse().ok()?,
            begin: Wall(begin.saturating_mul(1_000_000)),
            book: book.parse().ok()?,
            spent: value.parse().ok()?,
        })
    };
    let all = periods.iter().zip(spent);
    all.flat_map(|(period, fields)| fields.iter().filter_map(|it| one(period.begin, it)))
        .collect()
}
