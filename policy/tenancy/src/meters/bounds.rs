//! What bounds a tenant, looked up once per policy and not per request.

use std::sync::Arc;

use super::row::Row;
use super::rows::Rows;

/// The places of all rows that bound a tenant: its own, and those of its groups.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) rows: Arc<[u32]>,
    /// All of them hold whatever the model is.
    are_for_all_models: bool,
    /// What requests cost matters to one of them.
    pub(super) of_money: bool,
    /// Budgets among them that warn.
    pub(super) warning: Vec<u32>,
}

impl Bounds {
    /// Those at `places` of `rows`.
    pub(super) fn new(places: Vec<u32>, rows: &Rows) -> Self {
        let all = || places.iter().filter_map(|place| rows.get(*place));
        let warns = |place: &u32| rows.get(*place).is_some_and(Row::may_warn);
        Self {
            are_for_all_models: all().all(|row| row.models.is_any()),
            of_money: all().any(Row::is_of_money),
            warning: places.iter().copied().filter(warns).collect(),
            rows: places.into(),
        }
    }

    /// The places of those that hold for a request for `model`.
    pub(super) fn holding(&self, model: &str, rows: &Rows) -> Arc<[u32]> {
        if self.are_for_all_models {
            return Arc::clone(&self.rows);
        }
        let holds = |place: &u32| {
            let row = rows.get(*place);
            row.is_some_and(|row| row.models.matches(model))
        };
        self.rows.iter().copied().filter(holds).collect()
    }
}
