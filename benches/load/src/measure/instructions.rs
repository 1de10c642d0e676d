//! User-space instructions per request: the figure that does not depend on what else the machine
//! is doing.
//!
//! The gateway authenticates every request and reads its body and the answer's usage, as it
//! always does. Streams are counted twice. Sent at once, their events arrive in a few pieces, the
//! same ones every time: that count repeats within a thousandth. Sent one by one with pauses, as
//! real ones are, each event is read and forwarded on its own, as long as the machine keeps up:
//! where a counter slows the program and others take its core, events pile up, and that count
//! moves by a tenth or two.

use std::sync::Arc;
use std::time::Duration;

use crate::canned;
use crate::counter::{Counted, CountedLoad, Counter};
use crate::failure::Failure;
use crate::lab::Lab;
use crate::measure::{BY_RATIO, Rounds};
use crate::report::{Bound, Row, Section};

/// Pause between two events of a paced stream.
pub(crate) const PACE: Duration = Duration::from_millis(50);

const RATIO_MAX: f64 = 1.1;

/// Measures JSON answers and streams.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let counter = Counter::of_this_machine();
    let rounds = if lab.conditions.quick { 2 } else { 5 };
    let loads = loads();
    let mut found = loads.each_ref().map(|_| Rounds::default());
    for kind in lab.kinds(&BY_RATIO) {
        let mut counted = Counted::start(lab, kind, counter).await?;
        // The first round warms up.
        for round in 0..=rounds {
            for ((_, load), of) in loads.iter().zip(&mut found) {
                let count = counted.count(load).await;
                let count = count.map_err(|failure| failure.with(kind))?;
                if round > 0 {
                    of.add(kind, count);
                }
            }
        }
    }
    let remark = format!(
        "{}; {rounds} rounds of {}; {}.",
        counter.as_str(),
        loads
            .each_ref()
            .map(|(_, load)| load.to_string())
            .join(", "),
        lab.placement(),
    );
    let title = "User-space instructions";
    Ok(vec![Section {
        title,
        remark,
        rows: rows(&loads, &found),
    }])
}

fn rows(loads: &[(&str, CountedLoad)], found: &[Rounds]) -> Vec<Row> {
    let bound = Some(Bound::AtMost(RATIO_MAX));
    let rows = |((what, _), of): (&(&str, _), &Rounds)| of.ratio_rows(what, bound);
    loads.iter().zip(found).flat_map(rows).collect()
}

/// What is counted, by its name in the table.
fn loads() -> [(&'static str, CountedLoad); 3] {
    [
        (
            "per request with a JSON answer of 1 KB",
            CountedLoad {
                exchange: Arc::new(canned::json()),
                name: "json",
                connections: 64,
                requests: 2_000,
            },
        ),
        (
            "per stream of 22 events, sent at once",
            CountedLoad {
                exchange: Arc::new(canned::short_stream(Duration::ZERO)),
                name: "stream",
                connections: 64,
                requests: 640,
            },
        ),
        (
            "per stream of 22 events, sent one by one",
            CountedLoad {
                exchange: Arc::new(canned::short_stream(PACE)),
                name: "paced-stream",
                connections: 16,
                requests: 128,
            },
        ),
    ]
}
