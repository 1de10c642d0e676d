//! The probe by which coding agents see whether anybody is there. Answered here: it concerns this
//! gateway and no key, and must not cost one anything.

use http::header::{self, HeaderValue};
use pingora_http::ResponseHeader;

use crate::downstream::client::Client;
use crate::request::record::{Event, Record};
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

pub(crate) async fn answer(client: &mut Client, record: &mut Record) -> Result<bool, Stop> {
    let mut answer = http::Response::new(());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.insert(crate::headers::REQUEST_ID, record.id().header_value());
    let head = ResponseHeader::from(answer.into_parts().0);
    client
        .write_head(head)
        .await
        .map_err(|_| Stop::ClientLeft)?;
    client
        .write(bytes::Bytes::new(), true)
        .await
        .map_err(|_| Stop::ClientLeft)?;
    record.on(Event::Ended {
        outcome: Outcome::Answered,
        status: 200,
    });
    Ok(true)
}
