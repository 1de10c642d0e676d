//! Headers between client and provider: which are stripped, which are set, and which say something
//! to the gateway.

mod answer_head;
pub(crate) mod cors;
mod for_us;
mod incoming;
mod left;
mod lookup;
mod names;
mod outgoing;
mod stripped;

pub(crate) use answer_head::AnswerHead;
pub(crate) use for_us::ForUs;
pub(crate) use incoming::incoming;
pub(crate) use left::left;
pub(crate) use lookup::{Fields, lookup};
pub(crate) use names::*;
pub(crate) use outgoing::OutgoingHead;
