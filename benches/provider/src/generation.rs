//! Answers made of tokens: admitted, paced, charged, streamed or whole.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use tokio::time::{Instant, sleep_until};

use crate::accounts::Purpose;
use crate::body::{AnswerBody, Outcome};
use crate::budget::{Budget, Charge};
use crate::dialect::Dialect;
use crate::exchange::Exchange;
use crate::fault::{Fault, Moment};
use crate::latency::{Plan, number, seconds};
use crate::meter::Meter;
use crate::stream::{Stream, StreamFault, Trouble};
use crate::text::{Prefix, Weight};
use crate::voice::Voice;
use crate::world::{OpenAiCharge, Tokens};

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) streamed: bool,
    pub(crate) weight: Weight,
    pub(crate) output_max: Option<u64>,
    /// Tokens its answer would spend on calling a tool; 0 if it calls none.
    pub(crate) tool_tokens: u64,
}

/// The tokens of a request's input, as its usage will say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    /// What stands behind the cache.
    pub(crate) uncached: u64,
    pub(crate) cache_written: u64,
    pub(crate) cache_read: u64,
}

impl Input {
    /// All of it.
    pub(crate) const fn total(&self) -> u64 {
        self.uncached + self.cache_written + self.cache_read
    }
}

/// Answers a request: `voice` makes the dialect's words for its plan and its input.
pub(crate) async fn generate<V: Voice + 'static>(
    mut exchange: Exchange,
    ask: Ask,
    voice: impl FnOnce(&Exchange, &Plan, Input) -> V,
) -> Outcome {
    let fault = exchange.fault(Some(&ask.model), ask.streamed);
    if let Some(fault) = fault.as_ref().filter(|fault| fault.is_refusal()) {
        return exchange.fail(fault, &ask.model);
    }
    let state = Arc::clone(&exchange.state);
    let budget = state.accounts.budget(
        &exchange.key.account,
        Purpose::Model(&ask.model),
        state.now(),
    );
    let (guess, input) = count_input(&exchange, &ask);
    let charge = charge(&exchange, &ask, guess);
    if let Err(refusal) = exchange.admit(&budget, charge) {
        return exchange.refuse(&refusal, &ask.model, &budget);
    }
    let began = Instant::now();
    let meter = meter(&exchange, budget, guess, input);
    let mut plan = Plan::draw(
        &state.latency.read(),
        state.draw(),
        exchange.steering(),
        ask.output_max,
    );
    if ask.tool_tokens > 0 {
        plan.call_tool(ask.tool_tokens);
    }
    let voice = voice(&exchange, &plan, input);
    let fault = exchange.before_head(fault).await?;
    remember(&exchange, &ask);
    if ask.streamed {
        stream(exchange, Box::new(voice), meter, (plan, began), fault).await
    } else {
        whole(exchange, Box::new(voice), meter, (&plan, began), fault).await
    }
}

async fn stream(
    exchange: Exchange,
    voice: Box<dyn Voice>,
    meter: Meter,
    (plan, began): (Plan, Instant),
    fault: Option<Fault>,
) -> Outcome {
    if !plan.head.is_zero() {
        sleep_until(began + plan.head).await;
    }
    let mut answer = Response::new(AnswerBody::Whole(None));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, EVENTS);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    exchange.identify(headers, Some(&meter.readings()), false);
    exchange.flight.answered(200);
    let fault = fault.and_then(|fault| stream_fault(&exchange, fault));
    let stream = Stream::new((voice, meter), exchange.flight, (plan, began), fault);
    *answer.body_mut() = AnswerBody::Stream(Box::new(stream));
    Ok(answer)
}

/// How a fault strikes in a stream.
fn stream_fault(exchange: &Exchange, fault: Fault) -> Option<StreamFault> {
    let (after, what) = match fault {
        Fault::Reset { at, connection } => {
            (moment(at), Trouble::Reset(exchange.breaks(connection)))
        }
        Fault::Stall { at, secs } => (moment(at), Trouble::Stall(secs.map(seconds))),
        Fault::ErrorEvent {
            after_chunks,
            error,
        } => (Some(after_chunks), Trouble::ErrorEvent(error)),
        Fault::CleanEnd { after_chunks } => (Some(after_chunks), Trouble::CleanEnd),
        _ => return None,
    };
    Some(StreamFault { after, what })
}

const fn moment(at: Moment) -> Option<u64> {
    match at {
        Moment::BeforeHead | Moment::AfterHead => None,
        Moment::AfterChunks(count) => Some(count),
    }
}

async fn whole(
    exchange: Exchange,
    mut voice: Box<dyn Voice>,
    mut meter: Meter,
    (plan, began): (&Plan, Instant),
    fault: Option<Fault>,
) -> Outcome {
    produce_all(&mut meter, plan, began).await;
    let text = plan.piece(0, plan.text_tokens());
    let mut body = Vec::with_capacity(text.len() + 512);
    voice.whole(&text, meter.output, &mut body);
    let state = Arc::clone(&meter.state);
    let budget = Arc::clone(&meter.budget);
    // The guess is put right before the headers are made.
    drop(meter);
    let readings = budget.readings(state.now());
    exchange.json_or_break(body, Some(&readings), fault)
}

/// Takes the time the answer takes, and charges its tokens as they are produced.
async fn produce_all(meter: &mut Meter, plan: &Plan, began: Instant) {
    let last = plan.due(plan.chunks());
    if last.is_zero() {
        meter.produce(plan.output);
        return;
    }
    for index in 0..plan.chunks() {
        let due = began + plan.due(index);
        if due > Instant::now() {
            sleep_until(due).await;
        }
        let from = index * plan.chunk_tokens;
        meter.produce(plan.chunk_tokens.min(plan.text_tokens() - from));
    }
    meter.produce(plan.tool_tokens);
}

/// The input as guessed for admission, and as it turns out.
fn count_input(exchange: &Exchange, ask: &Ask) -> (u64, Input) {
    let world = &exchange.state.world;
    let tokens = &world.tokens;
    let mut account_cache = exchange.key.account.prompt_cache.lock();
    let cached = account_cache.look_up(hash_of(&ask.model), &ask.weight, exchange.state.now());
    drop(account_cache);
    let of = |prefix: Option<Prefix>| prefix.map_or(0, |p| tokens.truth(p.bytes, p.media));
    let total = exchange
        .steering()
        .and_then(|headers| number(headers, "x-sim-input-tokens"))
        .unwrap_or_else(|| tokens.truth(ask.weight.bytes, ask.weight.media) + tokens.per_request);
    let cache_read = of(cached.read).min(total);
    let cache_written = of(cached.written).min(total).saturating_sub(cache_read);
    let input = Input {
        uncached: total - cache_read - cache_written,
        cache_written,
        cache_read,
    };
    let read_bytes = cached.read.map_or(0, |prefix| prefix.bytes);
    let read_media = cached.read.map_or(0, |prefix| prefix.media);
    let guess = tokens.guess(ask.weight.bytes - read_bytes, ask.weight.media - read_media);
    (guess, input)
}

fn remember(exchange: &Exchange, ask: &Ask) {
    if !ask.weight.marks.is_empty() {
        let mut cache = exchange.key.account.prompt_cache.lock();
        cache.remember(hash_of(&ask.model), &ask.weight, exchange.state.now());
    }
}

fn charge(exchange: &Exchange, ask: &Ask, guess: u64) -> Charge {
    let tokens = if declares(exchange) {
        guess.max(ask.output_max.unwrap_or_default())
    } else {
        guess
    };
    Charge {
        input: guess,
        tokens,
        produces: true,
    }
}

fn meter(exchange: &Exchange, budget: Arc<Budget>, guess: u64, input: Input) -> Meter {
    crate::counters::add(&exchange.key.counters.cache_read_tokens, input.cache_read);
    Meter {
        state: Arc::clone(&exchange.state),
        key: Arc::clone(&exchange.key),
        budget,
        guess,
        input: input.uncached + input.cache_written,
        also_total: !declares(exchange),
        output: 0,
    }
}

/// Whether the bucket of all tokens is charged once and for all at admission.
fn declares(exchange: &Exchange) -> bool {
    exchange.dialect == Dialect::OpenAi
        && exchange.state.world.tokens.openai_charge == OpenAiCharge::Declared
}

impl Tokens {
    /// The true tokens of so much text and so many media.
    pub(crate) fn truth(&self, bytes: u64, media: u64) -> u64 {
        (bytes as f64 / self.bytes_per_token.max(0.1)).ceil() as u64 + media * self.per_media
    }

    /// The guess at admission.
    pub(crate) fn guess(&self, bytes: u64, media: u64) -> u64 {
        let text = bytes as f64 / self.guessed_bytes_per_token.max(0.1);
        text.ceil() as u64 + media * self.per_media + self.per_request
    }
}

fn hash_of(model: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    model.hash(&mut hasher);
    hasher.finish()
}

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
