//! One request whose key is known, and the answers that every endpoint can give it.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, DATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use tokio::time::sleep;

use crate::accounts::KeyState;
use crate::body::{AnswerBody, Outcome};
use crate::budget::{Budget, Charge, Readings, Refusal};
use crate::budget_headers;
use crate::conn::Conn;
use crate::counters::add;
use crate::dialect::Dialect;
use crate::fault::{Fault, Moment};
use crate::fault_table::Subject;
use crate::flight::Flight;
use crate::gone::Gone;
use crate::http_date;
use crate::latency::seconds;
use crate::lies::Lie;
use crate::problem::Problem;
use crate::state::State;
use crate::world::BudgetHeaders;

/// One request whose key is known.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) state: Arc<State>,
    pub(crate) conn: Arc<Conn>,
    pub(crate) flight: Flight,
    pub(crate) dialect: Dialect,
    pub(crate) key: Arc<KeyState>,
    pub(crate) head: Parts,
    /// The path after the world's prefix.
    pub(crate) path: String,
    pub(crate) request_id: String,
    /// Whether its headers steer the answer.
    pub(crate) steers: bool,
}

impl Exchange {
    /// The fault this request meets, if any: one of the request's own wish, or of the rules.
    pub(crate) fn fault(&self, model: Option<&str>, streamed: bool) -> Option<Fault> {
        let wished = || {
            let wish = self.head.headers.get("x-sim-fault")?;
            Fault::parse(wish.to_str().ok()?).ok()
        };
        let wished = if self.steers { wished() } else { None };
        let fault = wished.or_else(|| self.draw(model, streamed, false))?;
        self.flight.struck();
        Some(fault)
    }

    /// The fault of the rules that strike before the body is read, or of the others.
    pub(crate) fn draw(&self, model: Option<&str>, streamed: bool, early: bool) -> Option<Fault> {
        let subject = Subject {
            key: &self.key.key,
            account: &self.key.account.name,
            path: &self.path,
            model,
            streamed,
        };
        self.state.faults.draw(subject, early, self.state.now())
    }

    /// The request's steering headers, if they are to be obeyed.
    pub(crate) fn steering(&self) -> Option<&HeaderMap> {
        self.steers.then_some(&self.head.headers)
    }

    /// Takes a place in the budget, or says what is short.
    pub(crate) fn admit(&self, budget: &Budget, charge: Charge) -> Result<(), Refusal> {
        let counters = &self.key.counters;
        if budget.is_hasty(self.state.now()) {
            add(&counters.hasty, 1);
        }
        let admitted = budget.admit(charge, self.state.now());
        match admitted {
            Ok(()) => {
                add(&counters.admitted, 1);
                add(&counters.input_tokens, charge.input);
            }
            Err(_) => add(&counters.refused, 1),
        }
        admitted
    }

    /// Refuses for want of budget.
    pub(crate) fn refuse(self, refusal: &Refusal, model: &str, budget: &Budget) -> Outcome {
        let problem = self.dialect.refusal(refusal, model, &self.key.account);
        let readings = budget.readings(self.state.now());
        let lies = self.key.account.lies();
        let wait = problem.retry_after.and_then(|secs| {
            let value = http_date::retry_after(secs, lies, self.skewed_unix_secs())?;
            value.to_str().ok()?.parse().ok()
        });
        if let Some(secs) = wait {
            budget.keep_away(secs, self.state.now());
        }
        self.problem(&problem, Some(&readings))
    }

    /// Answers with an error.
    pub(crate) fn problem(mut self, problem: &Problem, readings: Option<&Readings>) -> Outcome {
        self.flight.end();
        let body = self.dialect.error_body(problem, &self.request_id);
        let mut answer = Response::new(AnswerBody::from(body));
        *answer.status_mut() = status(problem.status);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        let readings = readings.filter(|_| problem.shows_budget);
        self.identify(headers, readings, problem.status == 429);
        let lies = self.key.account.lies();
        if let Some(secs) = problem.retry_after
            && let Some(value) = http_date::retry_after(secs, lies, self.skewed_unix_secs())
        {
            headers.insert(http::header::RETRY_AFTER, value);
        }
        self.flight.answered(problem.status);
        Ok(answer)
    }

    /// Answers 200 with JSON, and with budget headers if there are any.
    pub(crate) fn json(
        mut self,
        body: impl Into<AnswerBody>,
        readings: Option<&Readings>,
    ) -> Outcome {
        self.flight.end();
        self.flight.answered(200);
        let mut answer = Response::new(body.into());
        answer.headers_mut().insert(CONTENT_TYPE, JSON);
        self.identify(answer.headers_mut(), readings, false);
        Ok(answer)
    }

    /// The headers by which a provider says who it is and what is left.
    pub(crate) fn identify(
        &self,
        headers: &mut HeaderMap,
        readings: Option<&Readings>,
        refused: bool,
    ) {
        let account = &self.key.account;
        let skew = account.clock_skew_secs();
        let unix_secs = self.skewed_unix_secs();
        if skew != 0 {
            headers.insert(DATE, http_date::date(unix_secs));
        }
        self.dialect.identify(headers, account, &self.request_id);
        for (name, value) in &account.extra_headers {
            headers.append(name.clone(), value.clone());
        }
        let lies = account.lies();
        let is_silent =
            lies.tells(Lie::AllMissing) || (!refused && lies.tells(Lie::OnlyOnRefusals));
        if let Some(readings) = readings.filter(|_| !is_silent) {
            match account.budget_headers {
                BudgetHeaders::Native => {
                    self.dialect.show_budget(headers, readings, lies, unix_secs);
                }
                style => budget_headers::show(headers, readings, style, lies, unix_secs),
            }
        }
    }

    /// Seconds since 1970 by the account's clock, which may be wrong.
    fn skewed_unix_secs(&self) -> f64 {
        let micros = self.state.clock.unix_micros(self.state.now());
        micros as f64 / 1e6 + self.key.account.clock_skew_secs() as f64
    }

    /// Lets a fault that strikes before the head happen; any other is given back.
    pub(crate) async fn before_head(
        &mut self,
        fault: Option<Fault>,
    ) -> Result<Option<Fault>, Gone> {
        match fault {
            Some(Fault::Reset {
                at: Moment::BeforeHead,
                connection,
            }) => {
                self.break_off(connection);
                Err(Gone)
            }
            Some(Fault::Stall {
                at: Moment::BeforeHead,
                secs,
            }) => {
                match secs {
                    Some(secs) => sleep(seconds(secs)).await,
                    None => std::future::pending().await,
                }
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// Resets the connection, or over HTTP/2 at least this stream of it.
    pub(crate) fn break_off(&mut self, connection: bool) {
        self.flight.end();
        if let Some(conn) = self.breaks(connection) {
            conn.reset();
        }
    }

    /// The connection, if it is to be reset as a whole.
    pub(crate) fn breaks(&self, connection: bool) -> Option<Arc<Conn>> {
        let whole = connection || self.head.version < Version::HTTP_2;
        whole.then(|| Arc::clone(&self.conn))
    }
}

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A status, or 500 where a rule names none that exists.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
