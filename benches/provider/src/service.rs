//! One request: whose it is, what it wants, and who answers it.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, Method, Request, Response};
use hyper::body::Incoming;

use crate::body::{AnswerBody, Outcome};
use crate::conn::Conn;
use crate::dialect::Dialect;
use crate::exchange::{Exchange, JSON, status};
use crate::fault::Fault;
use crate::flight::Flight;
use crate::gone::Gone;
use crate::problem::Problem;
use crate::request::{NoBody, announces_more_than, credential, discard, read_body};
use crate::state::State;
use crate::{anthropic, control_http, generic, openai};

/// Answers one request.
pub(crate) async fn serve(
    state: Arc<State>,
    conn: Arc<Conn>,
    request: Request<Incoming>,
) -> Outcome {
    let (head, body) = request.into_parts();
    if conn.is_stale(state.world.requests_per_connection) {
        conn.reset();
        return Err(Gone);
    }
    let Some(path) = own_path(&state, &head) else {
        let mut nowhere = Response::new(AnswerBody::from(String::from("not here")));
        *nowhere.status_mut() = status(404);
        return Ok(nowhere);
    };
    if state.world.control && path.starts_with(control_http::ROOT) {
        return control_http::serve(&state, &head, &path, body).await;
    }
    let mut flight = Flight::begin(&state);
    let dialect = Dialect::of(&path, &head.headers);
    let request_id = state.new_id("req_01");
    let credential = credential(&head.headers);
    let Some(key) = credential.and_then(|key| state.accounts.key(key)) else {
        let problem = dialect.unauthenticated(credential);
        discard(&state, body);
        return Ok(anonymous(flight, dialect, &problem, &request_id));
    };
    flight.carries(&key);
    let steers = state.world.steering && head.headers.keys().any(is_steering);
    let exchange = Exchange {
        state,
        conn,
        flight,
        dialect,
        key,
        head,
        path,
        request_id,
        steers,
    };
    exchange.receive(body).await
}

impl Exchange {
    /// Reads the body, unless something happens first, and answers.
    async fn receive(self, body: Incoming) -> Outcome {
        let early = self.draw(None, false, true);
        if early.is_some() {
            self.flight.struck();
        }
        let pace = match early {
            Some(Fault::EarlyAnswer { status, drain }) => {
                return self.answer_early(status, drain, body);
            }
            Some(Fault::SlowUpload { bytes_per_sec }) => Some(bytes_per_sec),
            _ => None,
        };
        let max = self.body_bytes_max();
        if announces_more_than(&self.head.headers, max) {
            discard(&self.state, body);
            return self.too_large();
        }
        match read_body(&self.state, body, max, pace).await {
            Ok(body) => {
                self.state.recorder.record(&self.head, &body);
                match self.dialect {
                    _ if self.path.starts_with(generic::ROOT) => generic::answer(self).await,
                    Dialect::Anthropic => anthropic::answer(self, body).await,
                    Dialect::OpenAi => openai::answer(self, body).await,
                }
            }
            Err(NoBody::TooLarge) => self.too_large(),
            Err(NoBody::ClientLeft) => Err(Gone),
        }
    }

    fn answer_early(self, status: u16, drain: bool, body: Incoming) -> Outcome {
        if drain {
            discard(&self.state, body);
        }
        if status == 413 {
            return self.too_large();
        }
        let fault = Fault::RateLimited {
            retry_after_secs: None,
        };
        let mut problem = self.dialect.failure(&fault, "unread", &self.key.account);
        problem.status = status;
        self.problem(&problem, None)
    }

    fn too_large(self) -> Outcome {
        let problem = self.dialect.too_large();
        self.problem(&problem, None)
    }

    fn body_bytes_max(&self) -> u64 {
        let world = &self.state.world;
        if self.path.starts_with("/v1/files") {
            world.file_bytes_max
        } else if self.path.starts_with("/v1/messages/batches") {
            world.batch_bytes_max
        } else {
            world.message_bytes_max
        }
    }

    /// Whether this is `method` (HEAD is served like GET).
    pub(crate) fn is(&self, method: &Method) -> bool {
        self.head.method == *method || (*method == Method::GET && self.head.method == Method::HEAD)
    }
}

fn is_steering(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-sim-")
}

/// The path after the world's prefix; `None` for one that does not start with it.
fn own_path(state: &State, head: &Parts) -> Option<String> {
    let rest = head
        .uri
        .path()
        .strip_prefix(state.world.path_prefix.as_str())?;
    Some(if rest.is_empty() {
        "/".to_owned()
    } else {
        rest.to_owned()
    })
}

/// An error for somebody who is not known: it names no organization.
fn anonymous(
    mut flight: Flight,
    dialect: Dialect,
    problem: &Problem,
    id: &str,
) -> crate::body::Answer {
    flight.end();
    flight.answered(problem.status);
    let mut answer = Response::new(AnswerBody::from(dialect.error_body(problem, id)));
    *answer.status_mut() = status(problem.status);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    let name = match dialect {
        Dialect::Anthropic => "request-id",
        Dialect::OpenAi => "x-request-id",
    };
    headers.insert(name, crate::http_date::text_value(id));
    answer
}
