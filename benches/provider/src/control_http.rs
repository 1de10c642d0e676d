//! The control over HTTP, under `/_control/`.

use std::sync::Arc;

use http::Response;
use http::request::Parts;
use hyper::body::Incoming;

use crate::body::{AnswerBody, Outcome};
use crate::state::State;

/// Where it stands.
pub(crate) const ROOT: &str = "/_control/";

pub(crate) async fn serve(state: &Arc<State>, head: &Parts, path: &str, body: Incoming) -> Outcome {
    let _ = (state, head, path, body);
    Ok(Response::new(AnswerBody::from(String::from("{}"))))
}
