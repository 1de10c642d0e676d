//! Requests in the dialects that clients speak, and what their answers have to look like.

use serde_json::Value;

use super::wire::Answer;

/// The client key that the tests' tenant presents.
pub(crate) const CLIENT_KEY: &str = "kw_7TqWm3ZrK9sXbV2nYc5LdF8hGjP4tR6eUaQ1wN0oSiB";

/// One way to ask a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Messages,
    Chat,
    Responses,
}

/// All of them.
pub(crate) const APIS: [Api; 3] = [Api::Messages, Api::Chat, Api::Responses];

impl Api {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Messages => "/v1/messages",
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
        }
    }

    /// A small body that is right, of a request for a stream or not.
    pub(crate) fn body(self, stream: bool) -> String {
        let input = r#"[{"role":"user","content":"hello there"}]"#;
        match self {
            Self::Messages => format!(
                r#"{{"model":"claude-a","max_tokens":64,"stream":{stream},"messages":{input}}}"#
            ),
            Self::Chat => format!(
                r#"{{"model":"gpt-a","max_tokens":64,"stream":{stream},"messages":{input}}}"#
            ),
            Self::Responses => format!(
                r#"{{"model":"gpt-a","max_output_tokens":64,"stream":{stream},"input":{input}}}"#
            ),
        }
    }

    /// The headers with which a client presents `key`.
    pub(crate) fn credential(self, key: &str) -> (&'static str, String) {
        match self {
            Self::Messages => ("x-api-key", key.to_owned()),
            Self::Chat | Self::Responses => ("authorization", format!("Bearer {key}")),
        }
    }

    /// A right request.
    pub(crate) fn request(self, stream: bool) -> Request {
        let mut request = Request::new("POST", self.path())
            .header("content-type", "application/json")
            .body(self.body(stream));
        if self == Self::Messages {
            request = request.header("anthropic-version", "2023-06-01");
        }
        let (name, value) = self.credential(CLIENT_KEY);
        request.header(name, &value)
    }

    /// Whether the text of a stream ends as complete ones do.
    pub(crate) fn is_complete(self, stream: &str) -> bool {
        stream.contains(match self {
            Self::Messages => "event: message_stop\n",
            Self::Chat => "data: [DONE]\n",
            Self::Responses => "event: response.completed\n",
        })
    }

    /// Pieces of model's text in a stream.
    pub(crate) fn contents(self, stream: &str) -> usize {
        let marks = match self {
            Self::Messages => stream.matches("event: content_block_delta\n"),
            Self::Chat => stream.matches(r#""content":""#),
            Self::Responses => stream.matches("event: response.output_text.delta\n"),
        };
        marks.count()
    }

    /// Whether there is an error event in a stream.
    pub(crate) fn has_error(self, stream: &str) -> bool {
        stream.contains("event: error\n") || stream.contains("data: {\"error\":")
    }

    /// The error event of ours at the end of a stream that broke: its `error` object.
    pub(crate) fn last_error(self, stream: &str) -> Value {
        assert!(stream.ends_with("\n\n"), "half an event: {stream}");
        let last = stream.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let data = match (self, last.split_once('\n')) {
            (Self::Messages | Self::Responses, Some(("event: error", data))) => data,
            (Self::Chat, None) => last,
            _ => panic!("no error event of {self:?}: {last}"),
        };
        let data = data.strip_prefix("data: ").expect("data");
        let data: Value = serde_json::from_str(data).expect("JSON");
        if self != Self::Chat {
            assert_eq!(data["type"], "error", "{data}");
        }
        assert!(data["error"]["message"].is_string(), "{data}");
        assert!(data["error"]["type"].is_string(), "{data}");
        data["error"].clone()
    }

    /// Holds a refusal to its dialect; its message.
    pub(crate) fn check_refusal(self, answer: &Answer, status: u16, kind: &str) -> String {
        let text = answer.text();
        assert_eq!(answer.status, status, "{text}");
        assert!(answer.whole, "cut short: {text}");
        assert_eq!(answer.header("content-type"), "application/json", "{text}");
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
        let error = &body["error"];
        assert_eq!(error["type"], kind, "{text}");
        let id = answer.header("x-keyweir-request-id");
        assert!(!id.is_empty(), "no request id: {text}");
        if self == Self::Messages {
            assert_eq!(body["type"], "error", "{text}");
            assert_eq!(body["request_id"], id, "{text}");
        } else {
            assert_eq!(error["param"], Value::Null, "{text}");
        }
        error["message"].as_str().expect("a message").to_owned()
    }
}

/// A request, as bytes in the making.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    chunked: bool,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("Host".to_owned(), b"localhost".to_vec())],
            body: None,
            chunked: false,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Without any header of this name.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends the body in chunks.
    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    pub(crate) fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The request line and the headers, with the empty line after them.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            push_header(&mut bytes, name, value);
        }
        match &self.body {
            Some(_) if self.chunked => push_header(&mut bytes, "transfer-encoding", b"chunked"),
            Some(body) => {
                push_header(
                    &mut bytes,
                    "content-length",
                    body.len().to_string().as_bytes(),
                );
            }
            None => {}
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        let body = self.body.as_deref().unwrap_or_default();
        if self.chunked {
            for chunk in body.chunks(1000) {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            bytes.extend_from_slice(body);
        }
        bytes
    }
}

fn push_header(bytes: &mut Vec<u8>, name: &str, value: &[u8]) {
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(b": ");
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"\r\n");
}
