//! A request, as far as it stays the same whoever is asked.

use std::time::Duration;

use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::ids::{RequestId, TenantId};
use keyweir_terms::request::{Priority, RequestSize};
use keyweir_terms::time::Time;

/// A request, as far as it stays the same whoever is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which it is, to the pools: the same for all its attempts, and no other's.
    pub id: RequestId,
    /// Who asks.
    pub tenant: TenantId,
    /// The class it waits in.
    pub priority: Priority,
    /// What is known of its size.
    pub size: RequestSize,
    /// The kind of thing that is asked for.
    pub endpoint: Endpoint,
    /// The model it names, or an empty text.
    pub model: String,
    /// Fingerprint of the conversation, for the provider's prompt cache.
    pub affinity: Option<u64>,
    /// It makes something at the provider (a batch, a file) that would be there twice.
    pub creates: bool,
    /// Bytes of body it holds.
    pub body_bytes: u64,
    /// When it came.
    pub arrived: Time,
}

/// How long a request may take.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// In the waiting room, in all. The time that attempts take is not counted.
    pub patience: Duration,
    /// Of that, at each choice that is not the last: how long before it is rerouted to the next. Falling
    /// back costs nothing but preference.
    pub fallback: Duration,
    /// From its arrival until no attempt but the first is begun, whoever would be asked.
    pub attempts: Duration,
}
