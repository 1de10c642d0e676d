//! Added latency at one connection: request sent to answer complete, one at a time.
//!
//! Programs take turns of some hundred requests. Medians and 99th percentiles are those of a turn;
//! what was added is the difference of one round's two turns.

use crate::canned;
use crate::client::Client;
use crate::failure::Failure;
use crate::lab::Lab;
use crate::measure::Rounds;
use crate::report::{Bound, Quoted, Row, Section};
use crate::stats::quantile;
use crate::subject::{Kind, turns};

const TURN_REQUESTS: usize = 1000;
const ADDED_MICROS_MAX: f64 = 100.0;

const SHARING_MICROS_MAX: f64 = 300.0;

const COMPARED: [Kind; 4] = [
    Kind::Direct,
    Kind::PassThrough,
    Kind::Gateway,
    Kind::GatewaySharing,
];

/// Measures all of it.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let rounds = if lab.conditions.quick { 3 } else { 30 };
    let subjects = lab.start_all(&COMPARED).await?;
    let mut clients = Vec::new();
    for subject in &subjects {
        let mut client = Client::connect(subject.address).await?;
        micros_of_turn(&mut client)
            .await
            .map_err(|failure| failure.with(subject.kind))?;
        clients.push(client);
    }
    let (mut medians, mut tails) = (Rounds::default(), Rounds::default());
    for round in 0..rounds {
        for turn in turns(round, subjects.len()) {
            let kind = subjects[turn].kind;
            let micros = micros_of_turn(&mut clients[turn])
                .await
                .map_err(|failure| failure.with(kind))?;
            medians.add(kind, quantile(&micros, 0.5).unwrap_or(f64::NAN));
            tails.add(kind, quantile(&micros, 0.99).unwrap_or(f64::NAN));
        }
    }
    let remark = format!(
        "One connection, JSON answers of 1 KB, {rounds} rounds of {TURN_REQUESTS} requests per \
         program; {}. Without any proxy the median is {} µs.",
        lab.placement(),
        medians
            .spread(Kind::Direct)
            .map(|spread| spread.to_string())
            .unwrap_or_default(),
    );
    let sharing =
        "The same run. In the first column is the gateway without a store, in the second one that \
         exchanges words through a Redis ten times a second, beside its requests."
            .to_owned();
    Ok(vec![
        Section {
            title: "Added latency at one connection",
            remark,
            rows: rows(&medians, &tails),
        },
        Section {
            title: "What a Redis between replicas adds",
            remark: sharing,
            rows: of_sharing(&medians, &tails),
        },
    ])
}

async fn micros_of_turn(client: &mut Client) -> Result<Vec<f64>, Failure> {
    let exchange = canned::json();
    let mut micros = Vec::with_capacity(TURN_REQUESTS);
    for _ in 0..TURN_REQUESTS {
        let took = client.exchange(&exchange).await?;
        micros.push(took.as_secs_f64() * 1e6);
    }
    Ok(micros)
}

fn rows(medians: &Rounds, tails: &Rounds) -> Vec<Row> {
    let row = |what: &str, of: &Rounds, bound| Row {
        what: what.to_owned(),
        yardstick: of.spread(Kind::PassThrough),
        gateway: of.spread(Kind::Gateway),
        quoted: Quoted::Compared("added", of.added(Kind::Gateway, Kind::PassThrough), bound),
    };
    vec![
        row("median, µs", medians, Some(Bound::AtMost(ADDED_MICROS_MAX))),
        row("99th percentile, µs", tails, None),
    ]
}

/// Here the gateway without a store is the yardstick.
fn of_sharing(medians: &Rounds, tails: &Rounds) -> Vec<Row> {
    let row = |what: &str, of: &Rounds, bound| {
        let added = of.added(Kind::GatewaySharing, Kind::Gateway);
        Row {
            what: what.to_owned(),
            yardstick: of.spread(Kind::Gateway),
            gateway: of.spread(Kind::GatewaySharing),
            quoted: Quoted::Compared("added", added, bound),
        }
    };
    let bound = Some(Bound::AtMost(SHARING_MICROS_MAX));
    vec![
        row("median, µs", medians, bound),
        row("99th percentile, µs", tails, None),
    ]
}
