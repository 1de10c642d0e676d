//! What concerns this gateway and no key, answered here so that it costs none anything: the probe by
//! which coding agents see whether anybody is there, and a browser's question whether it may send a
//! page's request.

use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::downstream::client::Client;
use crate::headers::{self, AnswerHead, cors};
use crate::request::record::{Event, Record};
use crate::request::stop::Stop;
use crate::telemetry::outcome::Outcome;

pub(crate) async fn answer(client: &mut Client, record: &mut Record) -> Result<bool, Stop> {
    let mut headers = HeaderMap::new();
    let mut status = StatusCode::OK;
    let asked = client.headers();
    match record.cors().cloned() {
        Some(origin) if cors::is_preflight(&client.head().method, asked) => {
            headers = cors::preflight(asked, origin);
            status = StatusCode::NO_CONTENT;
        }
        origin => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            if let Some(origin) = origin {
                cors::allow(&mut headers, origin);
            }
        }
    }
    headers.insert(headers::REQUEST_ID, record.id().header_value());
    let head = AnswerHead { status, headers };
    client
        .write_head(head.into())
        .await
        .map_err(|_| Stop::ClientLeft)?;
    client
        .write(bytes::Bytes::new(), true)
        .await
        .map_err(|_| Stop::ClientLeft)?;
    record.on(Event::Ended {
        outcome: Outcome::Answered,
        status: status.as_u16(),
    });
    Ok(true)
}
