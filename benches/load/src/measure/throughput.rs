//! Requests per second at 64 connections, and the processor time each took.
//!
//! All programs run for the whole of it, and take turns of two seconds. A ratio is of one round's
//! two turns; quoted is the median of the rounds' ratios.

use std::sync::Arc;
use std::time::Duration;

use crate::canned::{self, Exchange};
use crate::drive::{Fleet, Until};
use crate::failure::Failure;
use crate::lab::Lab;
use crate::measure::{BY_RATIO, Rounds};
use crate::process::processor_time;
use crate::report::{Bound, Quoted, Row, Section};
use crate::subject::{Kind, Subject, turns};

/// As many as the bound names.
pub(crate) const CONNECTIONS: usize = 64;
const RATIO_MIN: f64 = 0.85;
const WARM_UP: Duration = Duration::from_secs(2);
const TURN: Duration = Duration::from_secs(2);

/// Measures JSON answers, then streams.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let json = section(lab, "Throughput, JSON answers of 1 KB", canned::json()).await?;
    let stream = canned::short_stream(Duration::ZERO);
    let stream = section(lab, "Throughput, streams of 22 events", stream).await?;
    Ok(vec![json, stream])
}

#[derive(Default)]
struct Found {
    rate: Rounds,
    micros: Rounds,
    share: Rounds,
}

async fn section(lab: &Lab, title: &'static str, exchange: Exchange) -> Result<Section, Failure> {
    let rounds = if lab.conditions.quick { 2 } else { 15 };
    let exchange = Arc::new(exchange);
    let subjects = lab.start_all(&BY_RATIO).await?;
    let mut fleets = Vec::new();
    for subject in &subjects {
        fleets.push(warmed_up(subject, &exchange).await?);
    }
    let mut found = Found::default();
    for round in 0..rounds {
        for turn in turns(round, subjects.len()) {
            take_turn(&subjects[turn], &mut fleets[turn], &exchange, &mut found).await?;
        }
    }
    let remark = format!(
        "{CONNECTIONS} connections, {rounds} rounds of {} s per program; {}.",
        TURN.as_secs(),
        lab.placement()
    );
    Ok(Section {
        title,
        remark,
        rows: rows(&found),
    })
}

async fn warmed_up(subject: &Subject, exchange: &Arc<Exchange>) -> Result<Fleet, Failure> {
    let named = |error| Failure::from(error).with(subject.kind);
    let mut fleet = Fleet::connect(subject.address, CONNECTIONS)
        .await
        .map_err(named)?;
    fleet
        .drive(exchange, Until::Elapsed(WARM_UP))
        .await
        .map_err(named)?;
    Ok(fleet)
}

async fn take_turn(
    subject: &Subject,
    fleet: &mut Fleet,
    exchange: &Arc<Exchange>,
    found: &mut Found,
) -> Result<(), Failure> {
    let id = subject.id()?;
    let before = processor_time(id)?;
    let driven = fleet
        .drive(exchange, Until::Elapsed(TURN))
        .await
        .map_err(|error| Failure::from(error).with(subject.kind))?;
    let busy = processor_time(id)?.saturating_sub(before);
    found.rate.add(subject.kind, driven.rate());
    found.micros.add(
        subject.kind,
        busy.as_secs_f64() * 1e6 / driven.answers as f64,
    );
    found
        .share
        .add(subject.kind, busy.as_secs_f64() / driven.took.as_secs_f64());
    Ok(())
}

fn rows(found: &Found) -> Vec<Row> {
    let bound = Bound::AtLeast(RATIO_MIN);
    let mut rows = found.rate.ratio_rows("answers per second", Some(bound));
    rows.extend(
        found
            .micros
            .ratio_rows("processor time per answer, µs", None),
    );
    rows.push(Row {
        what: "cores in use (1: it was the limit)".to_owned(),
        yardstick: found.share.spread(Kind::PassThrough),
        gateway: found.share.spread(Kind::Gateway),
        quoted: Quoted::Nothing,
    });
    rows
}
