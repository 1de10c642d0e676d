//! What parts of the gateway cost that may be left out: user-space instructions per request of a gateway
//! with them, beside one without.
//!
//! - *Being seen*: all that tells operators of it, beside nothing of that.
//! - *Tenants*: 1,000 of them, with limits and budgets on two levels, beside one that has none.

use std::sync::Arc;

use crate::canned;
use crate::counter::{Counted, CountedLoad, Counter};
use crate::failure::Failure;
use crate::lab::Lab;
use crate::measure::Rounds;
use crate::report::{Bound, Quoted, Row, Section};
use crate::subject::Kind;

/// What is compared: its name, without and with it, and the most that it may be.
const COMPARED: [(&str, Kind, Kind, f64); 2] = [
    (
        "operators see all of it",
        Kind::GatewayUnobserved,
        Kind::GatewayObserved,
        1.05,
    ),
    (
        "1,000 tenants with limits and budgets",
        Kind::Gateway,
        Kind::GatewayOfTenants,
        1.03,
    ),
];

/// Measures JSON answers, which are over soonest.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let counter = Counter::of_this_machine();
    let rounds = if lab.conditions.quick { 2 } else { 5 };
    let load = CountedLoad {
        exchange: Arc::new(canned::json()),
        name: "json",
        connections: 64,
        requests: 2_000,
    };
    let mut rows = Vec::new();
    for (what, without, with, most) in COMPARED {
        let mut found = Rounds::default();
        for kind in lab.kinds(&[without, with]) {
            let mut counted = Counted::start(lab, kind, counter).await?;
            // The first round warms up.
            for round in 0..=rounds {
                let count = counted.count(&load).await;
                let count = count.map_err(|failure| failure.with(kind))?;
                if round > 0 {
                    found.add(kind, count);
                }
            }
        }
        rows.push(Row {
            what: what.to_owned(),
            yardstick: found.spread(without),
            gateway: found.spread(with),
            quoted: Quoted::Compared("×", found.ratio(with, without), Some(Bound::AtMost(most))),
        });
    }
    let remark = format!(
        "{}; {rounds} rounds of {load}; {}. The pass-through's column stands for the gateway without: \
         without access log, admin listener, ledger and traces (of one request in a hundred), and with one \
         tenant that has no limits.",
        counter.as_str(),
        lab.placement(),
    );
    Ok(vec![Section {
        title: "What parts of it cost",
        remark,
        rows,
    }])
}
