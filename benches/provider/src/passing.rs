//! The gate that requests without a stream pass: faults first, then the budget.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::accounts::Purpose;
use crate::body::{AnswerBody, Outcome};
use crate::budget::{Budget, Charge, Readings};
use crate::exchange::{Exchange, JSON};
use crate::fault::{Fault, Moment};
use crate::halved::{Break, Halved};
use crate::latency::seconds;
use crate::problem::Problem;

/// A request that is to be answered.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) exchange: Exchange,
    pub(crate) budget: Arc<Budget>,
    fault: Option<Fault>,
}

impl Exchange {
    /// Meets the fault it is to meet and takes its place in the budget. `Err` is the answer of a
    /// request that did not get through.
    pub(crate) async fn pass(
        mut self,
        purpose: Purpose<'_>,
        model: &str,
        charge: Charge,
    ) -> Result<Passed, Outcome> {
        let fault = self.fault(Some(model).filter(|model| !model.is_empty()), false);
        if let Some(fault) = fault.as_ref().filter(|fault| fault.is_refusal()) {
            return Err(self.fail(fault, model));
        }
        let state = Arc::clone(&self.state);
        let budget = state
            .accounts
            .budget(&self.key.account, purpose, state.now());
        if let Err(refusal) = self.admit(&budget, charge) {
            return Err(self.refuse(&refusal, model, &budget));
        }
        match self.before_head(fault).await {
            Ok(fault) => Ok(Passed {
                exchange: self,
                budget,
                fault,
            }),
            Err(gone) => Err(Err(gone)),
        }
    }

    /// Answers with JSON, unless a fault breaks it off.
    pub(crate) fn json_or_break(
        self,
        body: Vec<u8>,
        readings: Option<&Readings>,
        fault: Option<Fault>,
    ) -> Outcome {
        let Some((before, breaks)) = self.half(fault) else {
            return self.json(body, readings);
        };
        let mut answer = Response::new(AnswerBody::Whole(None));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        self.identify(headers, readings, false);
        self.flight.answered(200);
        let before = if before { body.len() / 2 } else { 0 };
        let halved = Halved::new(Bytes::from(body), before, breaks, self.flight);
        *answer.body_mut() = AnswerBody::Halved(Box::new(halved));
        Ok(answer)
    }

    /// How a fault strikes in an answer that is not streamed, and whether half of it is sent
    /// before.
    fn half(&self, fault: Option<Fault>) -> Option<(bool, Break)> {
        match fault? {
            Fault::Reset { at, connection } => {
                let breaks = self
                    .breaks(connection)
                    .map_or(Break::Stream, Break::Connection);
                Some((at != Moment::AfterHead, breaks))
            }
            Fault::Stall { at, secs } => {
                Some((at != Moment::AfterHead, Break::Stall(secs.map(seconds))))
            }
            _ => None,
        }
    }
}

impl Passed {
    /// Answers 200 with JSON.
    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Outcome {
        let readings = self.readings();
        self.exchange
            .json_or_break(body.into(), Some(&readings), self.fault)
    }

    /// Answers 200 with something else.
    pub(crate) fn raw(mut self, content_type: &'static str, body: Bytes) -> Outcome {
        let readings = self.readings();
        self.exchange.flight.end();
        self.exchange.flight.answered(200);
        let mut answer = Response::new(AnswerBody::Whole(Some(body)));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.exchange.identify(headers, Some(&readings), false);
        Ok(answer)
    }

    /// Answers with an error after all.
    pub(crate) fn problem(self, problem: &Problem) -> Outcome {
        let readings = self.readings();
        self.exchange.problem(problem, Some(&readings))
    }

    fn readings(&self) -> Readings {
        self.budget.readings(self.exchange.state.now())
    }
}
