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
use crate::measure::{BY_RATIO, Rounds};
use crate::report::{Bound, Section};

/// Pause between two events of a paced stream.
pub(crate) const PACE: Duration = Duration::from_millis(20);

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
    for kind in lab.kinds(&BY_RATIO) {
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
    let bound = Some(Bound::AtMost(RATIO_MAX));
    let mut rows = of_json.ratio_rows("per request with a JSON answer of 1 KB", bound);
    rows.extend(of_stream.ratio_rows("per stream of 22 events", bound));
    Ok(vec![Section {
        title: "User-space instructions",
        remark,
        rows,
    }])
}
