//! The loop that does what a request's plan says, until there is something to tell the client.
//!
//! Nothing here decides: the plan says which key, whether to wait or to try again, and who has the
//! last word.

mod attempt;
mod holding;
mod opening;
mod tried;

use keyweir_policy::exchange::plan::{Event, Failure};
use keyweir_policy::pool::ask::{Lease, Refusal};
use keyweir_policy::terms::fault::{Attribution, Fault};

use self::tried::Tried;
use crate::request::answer::Answer;
use crate::request::exchange::Exchange;
use crate::request::lease::HeldLease;
use crate::request::record::{self, Chosen};
use crate::request::respond::{self, refusal_texts};
use crate::request::stop::Stop;
use crate::runtime::pool::{Next, Waiter};
use crate::runtime::told::Said;

/// Serves a request. `true`: its answer is complete.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn run(mut exchange: Box<Exchange<'_>>) -> Result<bool, Stop> {
    match reach(&mut exchange).await? {
        Reached::Opened(opened) => respond::deliver(&mut exchange, opened).await,
        Reached::Refused(answer) => respond::relay(&mut exchange, answer).await,
    }
}

/// What a request has come to, before the client gets any of it.
pub(crate) enum Reached {
    /// A good answer.
    Opened(respond::Opened),
    /// A provider's error that is the client's to see.
    Refused(Answer),
}

/// Does what the plan says until there is an answer.
///
/// # Errors
/// If there is none.
pub(crate) async fn reach(exchange: &mut Exchange<'_>) -> Result<Reached, Stop> {
    let mut event = Event::Begin;
    let mut last = None;
    loop {
        let next = exchange.advance(event);
        if let Next::Relay = next
            && let Some(answer) = last
        {
            return Ok(Reached::Refused(answer));
        }
        if let Some(answer) = last.take() {
            Box::pin(answer.discard()).await;
        }
        event = match next {
            Next::Wait(waiter) => {
                let behind = waiter.behind;
                exchange.record.on(record::Event::Waits { behind });
                Event::Decided(wait(exchange, waiter).await?)
            }
            Next::Send(lease) => match attempt(exchange, lease).await? {
                Attempted::Opened(opened) => return Ok(Reached::Opened(opened)),
                Attempted::Failed(failed, answer) => {
                    last = answer;
                    failed
                }
            },
            Next::Reroute => reroute(exchange),
            Next::Refuse(why) => return Err(refusal_texts::why(exchange, &why).into()),
            Next::Relay => {
                return Err(
                    refusal_texts::internal("the gateway lost the provider's answer").into(),
                );
            }
        };
    }
}

/// Waits for the pool's decision.
async fn wait(exchange: &mut Exchange<'_>, waiter: Waiter) -> Result<Result<Lease, Refusal>, Stop> {
    let decision = tokio::select! {
        biased;
        decision = waiter => decision,
        () = exchange.client.gone() => return Err(Stop::ClientLeft),
        () = exchange.gateway.lifecycle.last_called() => return Err(refusal_texts::shutting_down().into()),
    };
    // The pool decides every ticket; it cannot go while a request holds it.
    decision.ok_or_else(|| refusal_texts::internal("the gateway lost the request's place").into())
}

/// How an attempt went.
enum Attempted {
    Opened(respond::Opened),
    Failed(Event, Option<Answer>),
}

/// Sends the request with the key of `lease`.
async fn attempt(exchange: &mut Exchange<'_>, lease: Lease) -> Result<Attempted, Stop> {
    let mut held = HeldLease::new(&exchange.provider().pool, lease);
    let key = held.key();
    #[cfg(test)]
    assert_ne!(exchange.plan.model(), "panic", "as the test wants it");
    let waited = exchange.plan.waited();
    exchange.record.on(record::Event::AttemptBegan {
        account: held.account(),
        key,
        by: held.by(),
        waited,
    });
    let lifecycle = &exchange.gateway.lifecycle;
    let tried = tokio::select! {
        biased;
        tried = attempt::try_once(exchange, &mut held) => tried,
        () = lifecycle.last_called() => {
            exchange.settle(held, Fault::Aborted);
            return Err(refusal_texts::shutting_down().into());
        }
    };
    match tried {
        Tried::Opened(answer, watch) => Ok(Attempted::Opened(respond::Opened {
            held,
            answer,
            watch,
        })),
        Tried::ClientLeft => {
            exchange.settle(held, Fault::ClientLeft);
            Err(Stop::ClientLeft)
        }
        Tried::Failed(fault, mut answer) => {
            if let Some(answer) = &mut answer
                && matches!(
                    fault.attribution(),
                    Attribution::Key | Attribution::Account | Attribution::KeyOrProvider
                )
            {
                held.said(Said::of(answer.status(), &answer.body.joined()));
            }
            exchange.settle(held, fault);
            let status = answer.as_ref().map(Answer::status);
            let failed = Event::Failed(Failure { key, fault, status });
            Ok(Attempted::Failed(failed, answer))
        }
    }
}

/// Reroutes the request to the plan's next choice, as far as that can be done and its tenant's limits have room for it.
fn reroute(exchange: &mut Exchange<'_>) -> Event {
    let to = (exchange.plan.provider(), exchange.plan.model());
    if !exchange.record.reroute(to) {
        return Event::Unusable;
    }
    let choice = exchange.plan.choice();
    let provider = exchange.live.provider(choice.provider);
    let model = choice.model.clone();
    let aimed = exchange.outgoing.aim(choice, &provider.upstream);
    if aimed {
        let takes = exchange.live.policy.provider(choice.provider).stream_usage;
        exchange.outgoing.ask_usage(takes);
    }
    exchange.record.on(record::Event::Chosen(Chosen {
        provider: choice.provider,
        model,
        fell_back: exchange.plan.progress().fell_back,
        waited: exchange.plan.waited(),
    }));
    if aimed { Event::Begin } else { Event::Unusable }
}
