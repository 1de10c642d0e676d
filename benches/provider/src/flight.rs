//! One request from its head's arrival to its answer's end, counted whatever happens.
//!
//! hyper drops the service's future or the body when the client leaves. So the guard that is
//! dropped without having been told the end has seen a cancellation.

use std::sync::Arc;

use crate::accounts::KeyState;
use crate::counters::add;
use crate::state::State;

/// The guard of one request.
#[derive(Debug)]
pub(crate) struct Flight {
    state: Arc<State>,
    key: Option<Arc<KeyState>>,
    streaming: bool,
    ended: bool,
}

impl Flight {
    pub(crate) fn begin(state: &Arc<State>) -> Self {
        state.live.request_began();
        Self {
            state: Arc::clone(state),
            key: None,
            streaming: false,
            ended: false,
        }
    }

    /// The request carries this key.
    pub(crate) fn carries(&mut self, key: &Arc<KeyState>) {
        key.counters.request_began();
        self.key = Some(Arc::clone(key));
    }

    /// The head of the answer is sent.
    pub(crate) fn answered(&self, status: u16) {
        self.state.live.answered(status);
        if let Some(key) = &self.key {
            key.counters.answered(status);
        }
    }

    /// The answer streams from now on.
    pub(crate) fn streams(&mut self) {
        self.streaming = true;
        self.state.live.stream_began();
    }

    /// A fault on command strikes.
    pub(crate) fn struck(&self) {
        add(&self.state.live.faults, 1);
    }

    /// The end, as far as the provider is concerned.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let live = &self.state.live;
        live.request_ended();
        if self.streaming {
            live.stream_ended();
        }
        if let Some(key) = &self.key {
            key.counters.request_ended();
        }
        if !self.ended {
            if let Some(key) = &self.key {
                key.counters.client_left();
            }
            live.client_left(self.key.as_ref().map(|k| k.key.clone()), self.streaming);
        }
    }
}
