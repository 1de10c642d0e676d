//! What it costs that operators see all of it: user-space instructions per request of a gateway that
//! tells everything, beside one that tells nothing.

use std::sync::Arc;

use crate::canned;
use crate::counter::{Counted, CountedLoad, Counter};
use crate::failure::Failure;
use crate::lab::Lab;
use crate::measure::Rounds;
use crate::report::{Bound, Quoted, Row, Section};
use crate::subject::Kind;

const RATIO_MAX: f64 = 1.05;

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
    let mut found = Rounds::default();
    for kind in lab.kinds(&[Kind::GatewayUnobserved, Kind::GatewayObserved]) {
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
    let ratio = found.ratio(Kind::GatewayObserved, Kind::GatewayUnobserved);
    let row = Row {
        what: "per request with a JSON answer of 1 KB".to_owned(),
        yardstick: found.spread(Kind::GatewayUnobserved),
        gateway: found.spread(Kind::GatewayObserved),
        quoted: Quoted::Compared("×", ratio, Some(Bound::AtMost(RATIO_MAX))),
    };
    let remark = format!(
        "{}; {rounds} rounds of {load}; {}. The pass-through's column stands for the gateway without its \
         access log, admin listener, ledger and traces; the other has all of them, and one request in a \
         hundred is traced.",
        counter.as_str(),
        lab.placement(),
    );
    Ok(vec![Section {
        title: "What it costs to be seen",
        remark,
        rows: vec![row],
    }])
}
