//! The bodies of answers: whole, streamed, or broken in the middle.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use hyper::body::{Body, Frame, SizeHint};

use crate::gone::Gone;
use crate::halved::Halved;
use crate::stream::Stream;

/// An answer on its way out.
pub(crate) type Answer = Response<AnswerBody>;

/// What a handler makes of a request.
pub(crate) type Outcome = Result<Answer, Gone>;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    /// All of it.
    Whole(Option<Bytes>),
    /// Events, at their pace.
    Stream(Box<Stream>),
    /// A whole one that breaks in the middle.
    Halved(Box<Halved>),
}

impl From<Vec<u8>> for AnswerBody {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(Some(Bytes::from(bytes)))
    }
}

impl From<String> for AnswerBody {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Gone;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Gone>>> {
        let next = match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Self::Stream(stream) => stream.poll_next(cx),
            Self::Halved(halved) => halved.poll_next(cx),
        };
        next.map(|item| item.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Stream(stream) => stream.is_over(),
            Self::Halved(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            _ => SizeHint::default(),
        }
    }
}
