//! What concerns this gateway and no key, answered here so that it costs none anything: the probe by
//! which coding agents see whether anybody is there, and a browser's question whether it may send a
//! page's request.

use http::StatusCode;
use http::header::{self, HeaderValue};
use pingora_http::ResponseHeader;

use crate::downstream::client::Client;
use crate::headers::cors;
use crate::request::record::{Event, Record};
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

pub(crate) async fn answer(client: &mut Client, record: &mut Record) -> Result<bool, Stop> {
    let mut answer = http::Response::new(());
    let asked = client.headers();
    match record.cors().cloned() {
        Some(origin) if cors::is_preflight(&client.head().method, asked) => {
            *answer.headers_mut() = cors::preflight(asked, origin);
            *answer.status_mut() = StatusCode::NO_CONTENT;
        }
        origin => {
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            if let Some(origin) = origin {
                cors::allow(headers, origin);
            }
        }
    }
    let status = answer.status().as_u16();
    let id = record.id().header_value();
    answer.headers_mut().insert(crate::headers::REQUEST_ID, id);
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
        status,
    });
    Ok(true)
}
