//! User-space instructions per request: the figure that does not depend on what else the machine
//! is doing.
//!
//! The gateway authenticates every request and reads its body and the answer's usage, as it
//! always does. Streams are paced, so that each event is read and forwarded on its own; without
//! pauses a counter's slowness would let them arrive in one piece.

use std::sync::Arc;
use std::time::Duration;

use crate::canned;
use crate::counter::{Counted, CountedLoad, Counter};
use crate::failure::Failure;
use crate::lab::Lab;
use crate::measure::Rounds;
use crate::report::{Bound, Quoted, Row, Section};
use crate::subject::Kind;

/// Pause between two events of a paced stream.
pub(crate) const PACE: Duration = Duration::from_millis(20);

const COMPARED: [Kind; 3] = [Kind::PassThrough, Kind::PassThroughMimalloc, Kind::Gateway];
const RATIO_MAX: f64 = 1.1;

/// Measures JSON answers and streams.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let counter = Counter::of_this_machine();
    let rounds = if lab.conditions.quick { 2 } else { 5 };
    let json = CountedLoad {
        exchange: Arc::new(canned::json()),
        name: "json",
        connections: 64,
        requests: 2_000,
    };
    let stream = CountedLoad {
        exchange: Arc::new(canned::short_stream(PACE)),
        name: "paced-stream",
        connections: 16,
        requests: 200,
    };
    let (mut of_json, mut of_stream) = (Rounds::default(), Rounds::default());
    for kind in lab.kinds(&COMPARED) {
        let mut counted = Counted::start(lab, kind, counter).await?;
        // The first round warms up.
        for round in 0..=rounds {
            let named = |failure: Failure| failure.with(kind);
            let json = counted.count(&json).await.map_err(named)?;
            let stream = counted.count(&stream).await.map_err(named)?;
            if round > 0 {
                of_json.add(kind, json);
                of_stream.add(kind, stream);
            }
        }
    }
    let remark = format!(
        "{}; {rounds} rounds of {} requests over {} connections, and of {} streams over {}; {}.",
        counter.as_str(),
        json.requests,
        json.connections,
        stream.requests,
        stream.connections,
        lab.placement(),
    );
    let mut rows = rows("per request with a JSON answer of 1 KB", &of_json);
    rows.extend(rows_of_stream(&of_stream));
    Ok(vec![Section {
        title: "User-space instructions",
        remark,
        rows,
    }])
}

fn rows_of_stream(of: &Rounds) -> Vec<Row> {
    rows("per stream of 22 events", of)
}

fn rows(what: &str, of: &Rounds) -> Vec<Row> {
    let row = |what: String, yardstick, bound| Row {
        what,
        yardstick: of.spread(yardstick),
        gateway: of.spread(Kind::Gateway),
        quoted: Quoted::Compared("×", of.ratio(yardstick), bound),
    };
    vec![
        row(
            what.to_owned(),
            Kind::PassThrough,
            Some(Bound::AtMost(RATIO_MAX)),
        ),
        row(
            "… pass-through on the gateway's allocator".to_owned(),
            Kind::PassThroughMimalloc,
            None,
        ),
    ]
}
