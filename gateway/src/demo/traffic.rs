//! The traffic: clients that ask at a tempo, whether or not they are answered.
//!
//! Arrivals are open-loop: a client that waits does not keep the next one from asking. Closed-loop
//! traffic would slow down with the gateway and hide what a queue is for.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::client::{Client, Message};
use super::tally::Tally;
use super::world;

/// How much clients ask, and what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tempo {
    /// Requests per second; 0: silence.
    pub(super) per_sec: f64,
    /// What they are.
    pub(super) mix: Mix,
}

/// Shares of questions (short in, short out), documents (long in) and essays (long out).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mix(pub(super) [f64; 3]);

impl Mix {
    /// On an ordinary day: requests, input and output run out at about the same load.
    pub(super) const ORDINARY: Self = Self([0.72, 0.12, 0.16]);
    /// Scarce: requests.
    pub(super) const QUESTIONS: Self = Self([1.0, 0.0, 0.0]);
    /// Scarce: input tokens.
    pub(super) const DOCUMENTS: Self = Self([0.2, 0.8, 0.0]);
    /// Scarce: output tokens.
    pub(super) const ESSAYS: Self = Self([0.2, 0.0, 0.8]);

    /// Requests per second of this kind that all keys together can serve.
    pub(super) fn capacity_per_sec(self) -> f64 {
        let mean = |of: fn(&Kind) -> f64| -> f64 {
            KINDS
                .iter()
                .zip(self.0)
                .map(|(it, part)| of(it) * part)
                .sum()
        };
        let needs = [1.0, mean(|kind| kind.input), mean(|kind| kind.output)];
        let capacities = world::capacity_per_sec().into_iter().zip(needs);
        capacities
            .map(|(capacity, need)| capacity / need)
            .fold(f64::INFINITY, f64::min)
    }
}

/// A kind of request: mean tokens, and the client's cap on output.
struct Kind {
    input: f64,
    output: f64,
    output_max: u64,
}

const KINDS: [Kind; 3] = [
    Kind {
        input: 300.0,
        output: 150.0,
        output_max: 500,
    },
    Kind {
        input: 2_500.0,
        output: 150.0,
        output_max: 500,
    },
    Kind {
        input: 150.0,
        output: 500.0,
        output_max: 1_000,
    },
];

/// How far sizes spread: sigma of a log-normal distribution.
const SPREAD: f64 = 0.5;
/// Share of requests that ask for a stream.
const STREAMED: f64 = 0.7;
/// Bytes of English per token.
const BYTES_PER_TOKEN: f64 = 3.6;
/// Requests under way at which clients send no more: the demonstration is no stress test.
const OPEN_MAX: u64 = 2_000;

/// Sends requests for as long as there is a tempo.
pub(super) async fn drive(
    client: Client,
    mut tempo: watch::Receiver<Tempo>,
    tally: Arc<Tally>,
    seed: u64,
) {
    let mut dice = Rng::with_seed(seed);
    let mut number = 0;
    let mut due = Instant::now();
    loop {
        let current = *tempo.borrow_and_update();
        // Not earlier than just now: a process that was stopped for a while has nothing to make up.
        due = due.max(Instant::now() - LATE_MAX) + gap(current.per_sec, &mut dice);
        tokio::select! {
            () = sleep_until(due) => {}
            changed = tempo.changed() => {
                if changed.is_err() {
                    return;
                }
                due = Instant::now();
                continue;
            }
        }
        number += 1;
        send(&client, &tally, message(number, current.mix, &mut dice));
    }
}

/// Time to the next arrival, of arrivals that know nothing of each other.
fn gap(per_sec: f64, dice: &mut Rng) -> Duration {
    let secs = -(1.0 - dice.f64()).ln() / per_sec;
    Duration::try_from_secs_f64(secs).map_or(SILENCE, |gap| gap.min(SILENCE))
}

const SILENCE: Duration = Duration::from_secs(3600);
const LATE_MAX: Duration = Duration::from_millis(100);

fn send(client: &Client, tally: &Arc<Tally>, message: Message) {
    if tally.open() >= OPEN_MAX {
        tally.holds_back();
        return;
    }
    tally.asks();
    let (client, tally) = (client.clone(), Arc::clone(tally));
    tokio::spawn(async move {
        let (effort, failure) = client.ask(message).await;
        tally.ended(effort, failure);
    });
}

fn message(number: u64, mix: Mix, dice: &mut Rng) -> Message {
    let kind = draw_kind(mix, dice);
    let input = kind.input * spread(dice);
    let output_tokens = (kind.output * spread(dice)) as u64;
    let is_stream = dice.f64() < STREAMED;
    // The number makes every conversation one of its own, with no prompt cache to prefer.
    let mut text = format!("Request {number}:");
    let bytes = (input * BYTES_PER_TOKEN) as usize;
    while text.len() < bytes {
        text.push_str(" tell me more of how the river finds its way to the sea,");
    }
    let max_tokens = kind.output_max;
    Message {
        body: format!(
            "{{\"model\":\"simulated\",\"max_tokens\":{max_tokens},\"stream\":{is_stream},\
             \"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}"
        ),
        is_stream,
        output_tokens,
    }
}

fn draw_kind(mix: Mix, dice: &mut Rng) -> &'static Kind {
    let mut draw = dice.f64() * mix.0.iter().sum::<f64>();
    for (kind, share) in KINDS.iter().zip(mix.0) {
        if draw < share {
            return kind;
        }
        draw -= share;
    }
    &KINDS[0]
}

/// A log-normal factor whose mean is one.
fn spread(dice: &mut Rng) -> f64 {
    // Box and Muller's way to a normal draw; 1 - u keeps the logarithm finite.
    let radius = (-2.0 * (1.0 - dice.f64()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * dice.f64()).cos();
    (SPREAD * normal - SPREAD * SPREAD / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_an_ordinary_day_no_dimension_is_far_from_scarce() {
        let ordinary = Mix::ORDINARY.capacity_per_sec();
        let [requests, ..] = world::capacity_per_sec();
        assert!(ordinary > 0.85 * requests, "{ordinary} of {requests}");
        assert!(Mix::DOCUMENTS.capacity_per_sec() < 0.6 * ordinary);
        assert!(Mix::ESSAYS.capacity_per_sec() < 0.6 * ordinary);
    }

    #[test]
    fn sizes_and_gaps_keep_to_their_means() {
        let mut dice = Rng::with_seed(7);
        let n = 20_000;
        let mean = (0..n).map(|_| spread(&mut dice)).sum::<f64>() / f64::from(n);
        assert!((0.97..1.03).contains(&mean), "{mean}");
        let gaps: Duration = (0..n).map(|_| gap(50.0, &mut dice)).sum();
        let mean = gaps.as_secs_f64() / f64::from(n);
        assert!((0.0194..0.0206).contains(&mean), "{mean}");
        assert_eq!(gap(0.0, &mut dice), SILENCE);
    }

    #[test]
    fn message_is_json() {
        let mut dice = Rng::with_seed(7);
        let message = message(1, Mix::ORDINARY, &mut dice);
        let json: serde_json::Value = serde_json::from_str(&message.body).expect("it is JSON");
        assert_eq!(json["stream"], message.is_stream);
    }
}
