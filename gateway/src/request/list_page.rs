//! One page of a list that a provider is asked for, as a part of the client's answer.

use std::time::Duration;

use bytes::Bytes;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::ProviderId;

use crate::request::answer::{Answer, Watch};
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
        waited: Duration::ZERO,
    }));
}

/// The body of a good answer, which is over with it; `None`: it is one that is not read whole.
pub(super) async fn body(exchange: &mut Exchange<'_>, opened: Opened) -> Option<Bytes> {
    let Opened {
        held,
        mut answer,
        watch,
    } = opened;
    exchange.settle(held, Fault::None);
    let Watch::Whole(_) = watch else {
        return None;
    };
    let body = answer.body.joined();
    Answer::discard(answer).await;
    Some(body)
}
