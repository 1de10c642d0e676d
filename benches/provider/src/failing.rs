//! Answers in the place of an answer: the faults that refuse.

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response};

use crate::accounts::Purpose;
use crate::body::{AnswerBody, Outcome};
use crate::exchange::{Exchange, status};
use crate::fault::Fault;
use crate::http_date::text_value;

impl Exchange {
    /// Answers as a fault that refuses has it.
    pub(crate) fn fail(mut self, fault: &Fault, model: &str) -> Outcome {
        match fault {
            Fault::EdgePage { status } => self.raw(*status, "text/html", edge_page(*status)),
            Fault::EdgeJson {
                status,
                retry_after_secs,
            } => self.raw(
                *status,
                "application/json",
                edge_json(*status, *retry_after_secs),
            ),
            Fault::Answer {
                status,
                headers,
                body,
            } => self
                .raw(*status, "application/json", body.clone())
                .map(|mut answer| {
                    for (name, value) in headers {
                        if let Ok(name) = name.parse::<HeaderName>() {
                            answer.headers_mut().insert(name, text_value(value));
                        }
                    }
                    answer
                }),
            Fault::RateLimitedBare => {
                let problem = self.dialect.failure(fault, model, &self.key.account);
                let body = self.dialect.error_body(&problem, &self.request_id);
                self.raw(429, "application/json", body)
            }
            Fault::Garbage => self.raw(200, "application/json", "<<< not a word of JSON".into()),
            Fault::GarbageOnWire => {
                self.flight.end();
                self.conn.garble();
                // Any answer will do: its bytes are replaced.
                Ok(Response::new(AnswerBody::from(String::from("?"))))
            }
            _ => {
                let problem = self.dialect.failure(fault, model, &self.key.account);
                let purpose = Purpose::Model(model);
                let now = self.state.now();
                let budget = self.state.accounts.budget(&self.key.account, purpose, now);
                let mut readings = budget.readings(now);
                if let (Fault::RateLimited { .. }, Some(requests)) = (fault, &mut readings[0]) {
                    // What a spent bucket would show.
                    requests.remaining = 0.0;
                    let secs = problem.retry_after.unwrap_or(1);
                    requests.full_in = std::time::Duration::from_secs(secs);
                }
                self.problem(&problem, Some(&readings))
            }
        }
    }

    /// An answer without the provider's own headers: the edge's.
    fn raw(&mut self, code: u16, content_type: &'static str, body: String) -> Outcome {
        self.flight.end();
        self.flight.answered(code);
        let mut answer = Response::new(AnswerBody::from(body));
        *answer.status_mut() = status(code);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.remove(RETRY_AFTER);
        Ok(answer)
    }
}

fn edge_page(status: u16) -> String {
    format!(
        "<html>\r\n<head><title>{status} Bad Gateway</title></head>\r\n<body>\r\n\
         <center><h1>{status} Bad Gateway</h1></center>\r\n\
         <hr><center>edge</center>\r\n</body>\r\n</html>\r\n"
    )
}

fn edge_json(status: u16, retry_after_secs: Option<u64>) -> String {
    let wait = retry_after_secs.map_or(String::new(), |secs| format!(r#","retry_after":{secs}"#));
    format!(
        r#"{{"type":"edge","title":"Error {status}: the origin did not answer","status":{status},"cloudflare_error":true,"retryable":true{wait}}}"#
    )
}
