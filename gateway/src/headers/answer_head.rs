//! The head of an answer to a client, while it is put together.

use http::{HeaderMap, StatusCode};
use pingora_http::ResponseHeader;

/// A head that headers are put into. A [`ResponseHeader`] reads the name of each anew.
#[derive(Debug)]
pub(crate) struct AnswerHead {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

impl From<AnswerHead> for ResponseHeader {
    fn from(head: AnswerHead) -> Self {
        let mut answer = http::Response::new(());
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        Self::from(answer.into_parts().0)
    }
}
