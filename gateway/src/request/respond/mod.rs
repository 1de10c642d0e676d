//! An answer on its way to the client.
//!
//! From here on nothing can be taken back: the request's body is let go, and what goes wrong goes
//! wrong in front of the client, in an end that nobody takes for a good one.

mod error_inside;
mod event_redaction;
mod head;
mod opaque;
pub(crate) mod piece;
mod redaction;
pub(crate) mod refusal_texts;
pub(crate) mod refuse;
mod stream;
mod whole;

pub(crate) use self::whole::rewritten;
use crate::request::answer::{Answer, Watch};
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

/// A good answer that has begun.
pub(crate) struct Opened {
    pub(crate) held: HeldLease,
    pub(crate) answer: Answer,
    pub(crate) watch: Watch,
}

/// Gives a good answer to the client, and settles its lease. `true`: all of it arrived.
pub(crate) async fn deliver(exchange: &mut Exchange<'_>, opened: Opened) -> Result<bool, Stop> {
    let Opened {
        held,
        answer,
        watch,
    } = opened;
    exchange.let_go();
    learn_home(exchange, &held);
    match watch {
        Watch::Whole(usage) => whole::deliver(exchange, held, answer, usage).await,
        Watch::Stream(stream) => stream::deliver(exchange, held, answer, stream).await,
        // Boxed: files and results are few, and every request would carry its future.
        Watch::Opaque => {
            let answered = Outcome::Answered;
            Box::pin(opaque::deliver(
                exchange,
                Some(held),
                answer,
                None,
                answered,
            ))
            .await
        }
        Watch::Large(large) => {
            let answered = Outcome::Answered;
            let large = Some(large);
            Box::pin(opaque::deliver(
                exchange,
                Some(held),
                answer,
                large,
                answered,
            ))
            .await
        }
    }
}

/// Gives a provider's error to the client as it is; its lease has been settled. `true`: all of it
/// arrived.
pub(crate) async fn relay(exchange: &mut Exchange<'_>, mut answer: Answer) -> Result<bool, Stop> {
    exchange.let_go();
    if let Some(error) = answer.error_inside.take() {
        return Box::pin(error_inside::deliver(exchange, answer, error)).await;
    }
    let passed = Outcome::PassedThrough;
    Box::pin(opaque::deliver(exchange, None, answer, None, passed)).await
}

/// The account that answers knows the things asked for and referred to.
fn learn_home(exchange: &Exchange<'_>, held: &HeldLease) {
    if !exchange.plan.is_sought() {
        return;
    }
    let holder = (exchange.plan.provider(), held.account());
    let facts = &exchange.facts;
    for id in facts.resource.iter().chain(&facts.references) {
        // Who made what had to be sought nobody knows.
        exchange.live.learn_holder(id, holder, None);
    }
}
