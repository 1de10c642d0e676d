//! A stream of events on its way to the client: passed on as it comes, watched as it passes.
//!
//! It ends well only if the provider said so in the stream itself. Whatever else ends it, the client
//! gets an error event of its dialect and then an unclean end: SDKs take a clean one for a whole
//! answer.

use bytes::Bytes;
use keyweir_policy::dialect::{Dialect, RefusalKind};
use keyweir_policy::fault::Fault;

use super::attempt::Answer;
use super::deliver::{Delivery, Next};
use super::opening::Stream;
use super::settle::Held;
use super::{Outcome, Stop};

/// Why a stream is cut short.
pub(crate) struct Cut {
    kind: RefusalKind,
    pub(crate) reason: &'static str,
    message: &'static str,
    fault: Fault,
}

pub(crate) const DIED: Cut = Cut {
    kind: RefusalKind::Unavailable,
    reason: "stream_died",
    message: "the provider's answer broke off before its end",
    fault: Fault::StreamBroken,
};

const STALLED: Cut = Cut {
    kind: RefusalKind::Timeout,
    reason: "stream_stalled",
    message: "the provider sent nothing more in time",
    fault: Fault::StreamBroken,
};

const LAST_CALL: Cut = Cut {
    kind: RefusalKind::Unavailable,
    reason: "shutdown",
    message: "the gateway is shutting down; send the request again",
    fault: Fault::Aborted,
};

/// How the passing on of a stream ended.
enum Passed {
    Whole,
    Cut(Cut),
    ClientLeft,
}

impl Delivery<'_, '_> {
    /// A stream of events, of which the beginning has been read.
    pub(crate) async fn stream(
        &mut self,
        mut held: Held,
        mut answer: Answer,
        mut stream: Box<Stream>,
    ) -> Result<bool, Stop> {
        let mut head = self.head(&answer);
        self.chunk(&mut head, &answer);
        let status = answer.status();
        let passed = match self.begin(head, status).await {
            Ok(()) => self.pass_on(&mut held, &mut answer, &mut stream).await,
            Err(_) => Passed::ClientLeft,
        };
        self.settle_stream(held, &stream, &passed);
        match passed {
            Passed::Whole => self.finish_stream(answer, &mut stream, status).await,
            Passed::Cut(cut) => self.cut_short(&stream, &cut, status).await,
            Passed::ClientLeft => Err(Stop::ClientLeft),
        }
    }

    async fn pass_on(
        &mut self,
        held: &mut Held,
        answer: &mut Answer,
        stream: &mut Stream,
    ) -> Passed {
        // The reader has seen this already.
        let opening = stream.events.pass(answer.joined());
        answer.pieces = Vec::new();
        if self.write(opening, false).await.is_err() {
            return Passed::ClientLeft;
        }
        while !answer.ended {
            if self.job.gateway.lifecycle.is_last_call() {
                return Passed::Cut(LAST_CALL);
            }
            match self.next(&mut answer.link).await {
                Next::Piece(piece) => {
                    stream.reader.feed(&piece);
                    held.progressed(stream.reader.output_so_far());
                    let passed = stream.events.pass(piece);
                    if self.write(passed, false).await.is_err() {
                        return Passed::ClientLeft;
                    }
                }
                Next::End => answer.ended = true,
                Next::Died => return Passed::Cut(DIED),
                Next::Stalled => return Passed::Cut(STALLED),
                Next::ClientLeft => return Passed::ClientLeft,
            }
        }
        self.ended(stream)
    }

    /// A stream that ends without saying so was cut, however clean its end looks.
    fn ended(&self, stream: &Stream) -> Passed {
        let knows_its_end = self.job.dialect != Dialect::Generic;
        let complete = stream.reader.finished() || stream.reader.fault().is_some();
        if knows_its_end && !complete {
            Passed::Cut(DIED)
        } else {
            Passed::Whole
        }
    }

    fn settle_stream(&mut self, mut held: Held, stream: &Stream, passed: &Passed) {
        let usage = stream.reader.usage();
        held.charged(usage);
        self.record.usage = usage;
        for id in stream.reader.resource_ids(self.job.creates) {
            self.job.provider.resources.learn(id, held.account());
        }
        let fault = match passed {
            // An error that comes after content is a broken stream, whatever it says.
            Passed::Whole if stream.reader.fault().is_some() => Fault::StreamBroken,
            Passed::Whole => Fault::None,
            Passed::Cut(cut) => cut.fault,
            Passed::ClientLeft => Fault::ClientLeft,
        };
        self.job.end(held, fault);
    }

    async fn finish_stream(
        &mut self,
        answer: Answer,
        stream: &mut Stream,
        status: u16,
    ) -> Result<bool, Stop> {
        answer.link.release().await;
        self.write(stream.events.rest(), true).await?;
        if stream.reader.fault().is_some() {
            self.record.ended(Outcome::Broken, status);
            self.record.broke("provider_error_event");
        } else {
            self.record.ended(Outcome::Answered, status);
        }
        Ok(true)
    }

    /// Ends a stream in an error event and an end that nobody takes for a good one.
    async fn cut_short(&mut self, stream: &Stream, cut: &Cut, status: u16) -> Result<bool, Stop> {
        let id = self.record.id;
        let event = stream
            .reader
            .error_event(cut.kind, cut.message, id.as_str());
        let _ = self.client.write(Bytes::from(event), false).await;
        self.client.abort().await;
        self.record.ended(Outcome::Broken, status);
        self.record.broke(cut.reason);
        Ok(false)
    }
}
