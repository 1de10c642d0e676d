//! Peak memory of a 30 MiB request that fails over twice.
//!
//! The upstream reads the whole body, answers 529, reads it again from another key, answers 429,
//! and serves the third attempt; it compares the bodies, and its answer says how many attempts it
//! saw. Whichever keys the gateway chooses, the first two fail.
//!
//! Every round has a new process: a second request would find the first one's memory in place.

use crate::client::{Client, within};
use crate::drive::{Fleet, Until};
use crate::failure::Failure;
use crate::lab::{Lab, Setup};
use crate::report::{Bound, Quoted, Row, Section};
use crate::stats::Spread;
use crate::subject::Kind;
use crate::{canned, process};

use std::sync::Arc;
use std::time::Duration;

const BODY_BYTES: usize = 30 << 20;
const STATUSES: [u16; 2] = [529, 429];
const BODIES_MAX: f64 = 1.3;
/// The gateway may back off between attempts.
const ANSWER_SECS_MAX: Duration = Duration::from_secs(60);

/// Measures the gateway; the pass-through cannot fail over.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let rounds = if lab.conditions.quick { 1 } else { 5 };
    let (mut bodies, mut idle) = (Vec::new(), Vec::new());
    if !lab.conditions.yardstick_only {
        for round in 0..rounds {
            let found = one_round(lab, round)
                .await
                .map_err(|failure| failure.with(Kind::Gateway))?;
            bodies.push((found.peak - found.idle) / BODY_BYTES as f64);
            idle.push(found.idle / f64::from(1 << 20));
        }
    }
    let row = |what: &str, of: &[f64], quoted| Row {
        what: what.to_owned(),
        yardstick: None,
        gateway: Spread::over(of),
        quoted,
    };
    let rows = vec![
        row(
            "peak above idle, in bodies",
            &bodies,
            Quoted::Itself(Bound::AtMost(BODIES_MAX)),
        ),
        row("idle, MiB", &idle, Quoted::Nothing),
    ];
    let remark = format!(
        "A body of {} MiB (images in base64), answered with {STATUSES:?} and then served; \
         {rounds} rounds, each in a new process; resident memory, peak by the kernel's count.",
        BODY_BYTES >> 20
    );
    Ok(vec![Section {
        title: "Memory of a large request that fails over twice",
        remark,
        rows,
    }])
}

struct Found {
    idle: f64,
    peak: f64,
}

async fn one_round(lab: &Lab, round: u64) -> Result<Found, Failure> {
    let subject = lab.start(Kind::Gateway, &Setup::default()).await?;
    let id = subject.id()?;
    let mut fleet = Fleet::connect(subject.address, 8).await?;
    fleet
        .drive(&Arc::new(canned::json()), Until::Requests(500))
        .await?;
    let exchange = canned::failing_first(round, &STATUSES, BODY_BYTES);
    let mut client = Client::connect(subject.address).await?;
    let idle = process::settled_bytes(id).await?;
    process::reset_peak(id)?;
    within(ANSWER_SECS_MAX, client.exchange(&exchange)).await?;
    Ok(Found {
        idle: idle as f64,
        peak: process::peak_bytes(id)? as f64,
    })
}
