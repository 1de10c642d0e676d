//! The plan of one request: what happens next, until the client has an answer.
//!
//! Before it begins, [`routed`] says what the request asks for, and [`destination`] whom it asks first,
//! of those in the [`directory`].
//!
//! [`plan`] is the state machine that both the gateway and the simulator drive: an event goes in, a
//! step comes out. [`retry`] says whether a failed attempt is followed by another, [`repeat`] whether
//! what may have been done already is asked for again, [`fallback`] whether another choice could do
//! better, [`seek`] which accounts are asked for a thing that nobody remembers, [`last_word`] who
//! answers the client when nothing helped. [`holders`] is the index of who holds what, for all
//! providers. [`listing`] makes one list of what lies on several accounts, [`model_lists`] says when a
//! provider is asked for its models.
#![warn(clippy::iter_over_hash_type)]

pub mod destination;
pub mod directory;
pub mod fallback;
pub mod holders;
pub mod last_word;
pub mod listing;
pub mod model_lists;
pub mod ownership;
pub mod patience;
pub mod plan;
pub mod repeat;
pub mod request;
pub mod retry;
pub mod routed;
pub mod seek;
pub mod silence;
pub mod step;
