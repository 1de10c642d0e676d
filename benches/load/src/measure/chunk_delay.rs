//! How long a stream's chunk is under way: from the upstream's write to the client's read.
//!
//! Every chunk carries the time at which it was sent, on the clock that both processes share, so
//! the figure is an upper bound of the delay inside the proxy; without any proxy the same is
//! measured too. Streams begin at random times, since real ones do; all chunks count, those of
//! the beginning included.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::try_join_all;

use crate::canned;
use crate::client::{Client, ClientError, within};
use crate::directive::StreamShape;
use crate::failure::Failure;
use crate::lab::Lab;
use crate::measure::Rounds;
use crate::report::{Bound, Quoted, Row, Section};
use crate::stats::quantile;
use crate::subject::{Kind, turns};
use crate::upstream::unix_nanos;

const COMPARED: [Kind; 3] = [Kind::Direct, Kind::PassThrough, Kind::Gateway];
const MEDIAN_MICROS_MAX: f64 = 1_000.0;
const LOADED_TAIL_MICROS_MAX: f64 = 5_000.0;
/// Streams begin within this time.
const BEGINNING: Duration = Duration::from_millis(500);

/// How many streams there are, and how often each sends.
struct Load {
    title: &'static str,
    streams: usize,
    shape: StreamShape,
    tail_micros_max: Option<f64>,
}

/// Measures one stream alone, then 200 at a time.
pub(crate) async fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let shape = |deltas, gap| StreamShape {
        deltas,
        gap: Duration::from_millis(gap),
        stamped: true,
    };
    let idle = Load {
        title: "Delay of a stream's chunk, one stream",
        streams: 1,
        shape: shape(400, 5),
        tail_micros_max: None,
    };
    let loaded = Load {
        title: "Delay of a stream's chunk, 200 streams",
        streams: 200,
        shape: shape(100, 20),
        tail_micros_max: Some(LOADED_TAIL_MICROS_MAX),
    };
    Ok(vec![
        section(lab, &idle).await?,
        section(lab, &loaded).await?,
    ])
}

async fn section(lab: &Lab, load: &Load) -> Result<Section, Failure> {
    let rounds = if lab.conditions.quick { 2 } else { 10 };
    let subjects = lab.start_all(&COMPARED).await?;
    let (mut medians, mut tails) = (Rounds::default(), Rounds::default());
    for round in 0..rounds {
        for turn in turns(round, subjects.len()) {
            let kind = subjects[turn].kind;
            let micros = micros_of_turn(subjects[turn].address, load)
                .await
                .map_err(|failure| failure.with(kind))?;
            medians.add(kind, quantile(&micros, 0.5).unwrap_or(f64::NAN));
            tails.add(kind, quantile(&micros, 0.99).unwrap_or(f64::NAN));
        }
    }
    let direct = |of: &Rounds| of.spread(Kind::Direct).map(|spread| spread.to_string());
    let remark = format!(
        "{} × {} chunks, {} ms apart, {rounds} rounds per program; {}. Without any proxy: median \
         {} µs, 99th percentile {} µs.",
        load.streams,
        load.shape.deltas,
        load.shape.gap.as_millis(),
        lab.placement(),
        direct(&medians).unwrap_or_default(),
        direct(&tails).unwrap_or_default(),
    );
    let rows = rows(&medians, &tails, load.tail_micros_max);
    Ok(Section {
        title: load.title,
        remark,
        rows,
    })
}

async fn micros_of_turn(to: SocketAddr, load: &Load) -> Result<Vec<f64>, Failure> {
    let planned = load.shape.gap * load.shape.deltas + BEGINNING;
    let streams = try_join_all((0..load.streams).map(|_| read_stream(to, load.shape)));
    let read = within(planned + Duration::from_secs(30), streams).await?;
    Ok(read.concat())
}

async fn read_stream(to: SocketAddr, shape: StreamShape) -> Result<Vec<f64>, ClientError> {
    tokio::time::sleep(BEGINNING.mul_f64(fastrand::f64())).await;
    let mut reader = StampReader::default();
    let mut client = Client::connect(to).await?;
    let status = client
        .watch(&canned::stream_request(shape), |piece| reader.feed(piece))
        .await?;
    let is_whole = reader.micros.len() == shape.deltas as usize && reader.has_ended;
    if status != 200 || !is_whole || reader.micros.iter().any(|delay| *delay < 0.0) {
        let content = format!("{} of {} chunks", reader.micros.len(), shape.deltas);
        return Err(ClientError::WrongAnswer { status, content });
    }
    Ok(reader.micros)
}

/// Reads the stamps out of whole events, however those were cut up on their way.
#[derive(Default)]
struct StampReader {
    unfinished: Vec<u8>,
    micros: Vec<f64>,
    has_ended: bool,
}

impl StampReader {
    fn feed(&mut self, piece: &[u8]) {
        let now = unix_nanos();
        self.unfinished.extend_from_slice(piece);
        while let Some(end) = canned::event_end(&self.unfinished) {
            let event = &self.unfinished[..end];
            // Signed: a clock that was set back must show, not vanish.
            let delay = |sent| now.wrapping_sub(sent).cast_signed() as f64 / 1e3;
            self.micros.extend(canned::stamp(event).map(delay));
            self.has_ended = canned::is_last(event);
            self.unfinished.drain(..end);
        }
    }
}

fn rows(medians: &Rounds, tails: &Rounds, tail_micros_max: Option<f64>) -> Vec<Row> {
    let row = |what: &str, of: &Rounds, bound: Option<f64>| Row {
        what: what.to_owned(),
        yardstick: of.spread(Kind::PassThrough),
        gateway: of.spread(Kind::Gateway),
        quoted: match bound {
            Some(bound) => Quoted::Itself(Bound::AtMost(bound)),
            None => Quoted::Compared("added", of.added(Kind::Gateway, Kind::PassThrough), None),
        },
    };
    vec![
        row("median, µs", medians, Some(MEDIAN_MICROS_MAX)),
        row("99th percentile, µs", tails, tail_micros_max),
    ]
}
