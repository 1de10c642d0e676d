//! The clients: each request goes out when its time has come, whatever became of those before it,
//! and is never repeated. What came back is judged as an SDK would.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::traffic::Arrival;
use crate::wire::{Side, Wire};

/// Bytes of text per token at the simulated provider, and tokens of every request beside its text.
const BYTES_PER_TOKEN: f64 = 3.6;
const TOKENS_PER_REQUEST: f64 = 8.0;
/// A client that has heard nothing for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// What a client saw of its request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The request.
    pub(crate) arrival: Arrival,
    /// When the head of its answer came, in seconds from the beginning.
    pub(crate) head_at: f64,
    /// When all was over.
    pub(crate) ended_at: f64,
    /// What the gateway says it waited, in seconds.
    pub(crate) waited: f64,
    /// How it ended.
    pub(crate) ending: Ending,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With its whole answer.
    Answered,
    /// With an answer that is none: its status and what it says.
    Refused(u16, String),
    /// In the middle of a stream: whether an error event said so, whether any content had come,
    /// and whether the transfer ended as if all were well.
    Broken {
        /// A valid error event stood at the end.
        told: bool,
        /// Content had come before.
        had_content: bool,
        /// The transfer ended cleanly.
        clean: bool,
    },
    /// The connection broke before a head came.
    Lost(String),
    /// Nothing more came for very long.
    Stuck,
}

/// Where the clients of one run send to, and what they share.
pub(crate) struct Crowd {
    /// The gateways, taken in turns.
    pub(crate) gateways: Vec<SocketAddr>,
    /// By tenant.
    pub(crate) client_keys: Vec<String>,
    /// When the run began.
    pub(crate) began: Instant,
}

/// Connections nobody uses at the moment, by gateway.
type Idle = Rc<RefCell<Vec<Vec<Wire>>>>;

impl Crowd {
    /// Sends every request at its time, and waits for all that comes back.
    pub(crate) async fn send(self, arrivals: Vec<Arrival>) -> Vec<Seen> {
        let crowd = Rc::new(self);
        let idle: Idle = Rc::new(RefCell::new(
            crowd.gateways.iter().map(|_| Vec::new()).collect(),
        ));
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async move {
                let mut clients = Vec::with_capacity(arrivals.len());
                for (number, arrival) in arrivals.into_iter().enumerate() {
                    sleep_until(crowd.began + Duration::from_secs_f64(arrival.at)).await;
                    let (crowd, idle) = (Rc::clone(&crowd), Rc::clone(&idle));
                    let client = async move { crowd.ask(&idle, number, arrival).await };
                    clients.push(tokio::task::spawn_local(client));
                }
                let mut seen = Vec::with_capacity(clients.len());
                for client in clients {
                    if let Ok(saw) = client.await {
                        seen.push(saw);
                    }
                }
                seen
            })
            .await
    }

    async fn ask(&self, idle: &Idle, number: usize, arrival: Arrival) -> Seen {
        let gateway = number % self.gateways.len();
        let mut seen = Seen {
            arrival,
            head_at: f64::NAN,
            ended_at: f64::NAN,
            waited: 0.0,
            ending: Ending::Stuck,
        };
        let request = self.request(number, &arrival);
        let asked = timeout(STUCK_AFTER, async {
            let kept = idle.borrow_mut()[gateway].pop();
            let wire = match kept {
                Some(wire) => Ok(wire),
                None => TcpStream::connect(self.gateways[gateway])
                    .await
                    .and_then(Wire::new),
            };
            match wire {
                Ok(wire) => self.exchange(wire, &request, &mut seen).await,
                Err(error) => {
                    seen.ending = Ending::Lost(error.to_string());
                    None
                }
            }
        })
        .await;
        seen.ended_at = self.began.elapsed().as_secs_f64();
        if seen.head_at.is_nan() {
            seen.head_at = seen.ended_at;
        }
        if let Ok(Some(wire)) = asked {
            idle.borrow_mut()[gateway].push(wire);
        }
        seen
    }

    /// One request and its answer; the connection, if it can be used again.
    async fn exchange(&self, mut wire: Wire, request: &[u8], seen: &mut Seen) -> Option<Wire> {
        let wanted = ["x-keyweir-waited-ms", "connection"];
        if let Err(error) = wire.stream.write_all(request).await {
            seen.ending = Ending::Lost(error.to_string());
            return None;
        }
        let head = match wire.read_head(Side::Answer, &wanted).await {
            Ok(Some(head)) => head,
            Ok(None) => {
                seen.ending = Ending::Lost("closed without an answer".to_owned());
                return None;
            }
            Err(error) => {
                seen.ending = Ending::Lost(error.to_string());
                return None;
            }
        };
        seen.head_at = self.began.elapsed().as_secs_f64();
        let waited = head.wanted[0].as_deref().and_then(|ms| ms.parse().ok());
        seen.waited = waited.unwrap_or(0.0) / 1e3;
        let mut content = Vec::new();
        let read = wire.read_body(&head, |piece| content.extend_from_slice(piece));
        let clean = read.await.is_ok();
        let content = String::from_utf8_lossy(&content);
        seen.ending = judge(head.status, &content, seen.arrival.streamed, clean);
        let stays = head.wanted[1].as_deref() != Some("close");
        (clean && stays).then_some(wire)
    }

    fn request(&self, number: usize, arrival: &Arrival) -> Vec<u8> {
        let text = ((arrival.input - TOKENS_PER_REQUEST) * BYTES_PER_TOKEN).max(8.0) as usize;
        // Each begins differently: these are no turns of one conversation.
        let mut prompt = format!("{number:08} ");
        let words = "the quick brown fox jumps over the lazy dog ";
        while prompt.len() < text {
            prompt.push_str(&words[..words.len().min(text - prompt.len())]);
        }
        let body = format!(
            r#"{{"model":"claude-sonnet-4-5","max_tokens":{},"stream":{},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#,
            arrival.output_max, arrival.streamed
        );
        format!(
            "POST /v1/messages HTTP/1.1\r\nhost: gateway.example\r\n\
             content-type: application/json\r\nanthropic-version: 2023-06-01\r\n\
             x-api-key: {}\r\nx-sim-output-tokens: {}\r\ncontent-length: {}\r\n\r\n{body}",
            self.client_keys[arrival.tenant],
            arrival.output,
            body.len()
        )
        .into_bytes()
    }
}

fn judge(status: u16, content: &str, streamed: bool, clean: bool) -> Ending {
    if status != 200 {
        return Ending::Refused(status, message(content));
    }
    let complete = if streamed {
        content.contains("event: message_stop")
    } else {
        content.contains("\"usage\"")
    };
    if complete && clean {
        return Ending::Answered;
    }
    let told = content
        .rsplit_once("event: error\ndata: ")
        .is_some_and(|(_, event)| event.ends_with("}\n\n") && event.contains("\"type\":\"error\""));
    Ending::Broken {
        told,
        had_content: content.contains("event: content_block_delta"),
        clean,
    }
}

/// What an error's body says to people.
fn message(content: &str) -> String {
    let after = content.split_once("\"message\":\"");
    let message = after.map_or(content, |(_, rest)| rest.split('"').next().unwrap_or(rest));
    message.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_apart() {
        assert_eq!(judge(200, "{\"usage\":1}", false, true), Ending::Answered);
        assert_eq!(
            judge(
                429,
                r#"{"error":{"type":"x","message":"spent; try"}}"#,
                true,
                true
            ),
            Ending::Refused(429, "spent; try".to_owned())
        );
        let broken =
            "event: content_block_delta\ndata: {}\n\nevent: error\ndata: {\"type\":\"error\"}\n\n";
        assert_eq!(
            judge(200, broken, true, false),
            Ending::Broken {
                told: true,
                had_content: true,
                clean: false
            }
        );
        let cut = "event: content_block_delta\ndata: {\"te";
        assert_eq!(
            judge(200, cut, true, true),
            Ending::Broken {
                told: false,
                had_content: true,
                clean: true
            }
        );
    }
}
