//! One page of a list that a provider is asked for, as a part of the client's answer.

use bytes::Bytes;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::ProviderId;

use crate::request::answer::{Answer, WHOLE_MAX, Watch};
use crate::request::exchange::Exchange;
use crate::request::record::{Chosen, Event};
use crate::request::respond::Opened;

/// Aims the request at `provider`, whom its plan asks.
pub(super) fn aim(exchange: &mut Exchange<'_>, provider: ProviderId) {
    let upstream = &exchange.live.provider(provider).upstream;
    exchange.outgoing.aim(exchange.plan.choice(), upstream);
    exchange.record.on(Event::Chosen(Chosen {
        provider,
        model: None,
        fell_back: false,
        waited: exchange.plan.waited(),
    }));
}

/// The body of a good answer, which is over with it; `None`: it is one that is not read whole. Where that
/// leaves a page out of a list, it is told.
pub(super) async fn body(exchange: &mut Exchange<'_>, opened: Opened) -> Option<Bytes> {
    let Opened {
        held,
        mut answer,
        watch,
    } = opened;
    exchange.settle(held, Fault::None);
    match watch {
        Watch::Whole(_) => {}
        Watch::Large(_) => {
            tell_dropped(exchange);
            return None;
        }
        Watch::Stream(_) | Watch::Opaque => return None,
    }
    let body = answer.body.joined();
    Answer::discard(answer).await;
    Some(body)
}

fn tell_dropped(exchange: &Exchange<'_>) {
    let id = exchange.plan.provider();
    exchange.live.provider_metrics(id).dropped_pages.inc();
    tracing::warn!(
        provider = %exchange.live.provider(id).id,
        path = exchange.outgoing.target.as_ref().map(|target| target.path.as_str()),
        "a page of the provider's list is longer than {} MiB, and is left out of the list that the client \
         gets; name the models in the policy (provider.models), or ask with a smaller limit",
        WHOLE_MAX >> 20
    );
}
