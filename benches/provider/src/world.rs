//! The world: which accounts exist, what they may use, and how answers behave.
//!
//! The shape of the TOML file of the binary and of [`crate::Provider::start`]. Everything has a
//! default, so that a test names only what it is about.

mod account;

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

pub use self::account::{Account, BudgetHeaders, Limits};
use crate::fault::FaultRule;
use crate::latency::Latency;

/// Everything a provider starts from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Every draw follows from it and from the order of requests.
    pub seed: u64,
    /// The address to listen on; 127.0.0.1 by default, 0.0.0.0 in a pod.
    pub address: IpAddr,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// A path under which everything is served (`/prefix`), as some base URLs have.
    pub path_prefix: String,
    /// The versions of HTTP that are spoken.
    pub http: HttpVersions,
    /// Serve TLS; in the clear if absent.
    pub tls: Option<Tls>,
    /// Serve `/_control/…`. Off by default: a provider has no such thing.
    pub control: bool,
    /// Obey `x-sim-…` request headers (see [`crate::latency`]).
    pub steering: bool,
    /// How many of the last requests to keep for [`crate::Control::requests`].
    pub record_requests: usize,
    /// How many bytes of their bodies to keep.
    pub record_body_bytes: usize,
    /// Models that exist; any other is answered with 404. Empty: every name is a model.
    pub models: Vec<String>,
    /// Models that share buckets. A model in no group is one by itself.
    #[serde(rename = "model_group")]
    pub model_groups: Vec<ModelGroup>,
    /// A connection is reset when one more request than this arrives on it, as if it had been
    /// closed for idleness while the request was on its way.
    pub requests_per_connection: Option<u64>,
    /// The accounts and their keys.
    #[serde(rename = "account")]
    pub accounts: Vec<Account>,
    /// When answers come, and how long they are.
    pub latency: Latency,
    /// How tokens are counted.
    pub tokens: Tokens,
    /// Largest body of a Messages, chat or embeddings request.
    pub message_bytes_max: u64,
    /// Largest body that makes a batch.
    pub batch_bytes_max: u64,
    /// Largest file.
    pub file_bytes_max: u64,
    /// How long a batch is being processed.
    pub batch_secs: f64,
    /// Faults that hold from the start.
    #[serde(rename = "fault")]
    pub faults: Vec<FaultRule>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            seed: 1,
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            path_prefix: String::new(),
            http: HttpVersions::Both,
            tls: None,
            control: false,
            steering: true,
            record_requests: 0,
            record_body_bytes: 0,
            requests_per_connection: None,
            models: Vec::new(),
            model_groups: Vec::new(),
            accounts: Vec::new(),
            latency: Latency::default(),
            tokens: Tokens::default(),
            message_bytes_max: 32 << 20,
            batch_bytes_max: 256 << 20,
            file_bytes_max: 500 << 20,
            batch_secs: 0.0,
            faults: Vec::new(),
        }
    }
}

impl World {
    /// A world with these accounts and defaults elsewhere.
    pub fn new(accounts: Vec<Account>) -> Self {
        Self {
            accounts,
            ..Self::default()
        }
    }

    /// A world of one account without limits, and this key.
    pub fn unlimited(key: &str) -> Self {
        Self::new(vec![Account::new("unlimited", [key])])
    }

    /// Reads a world from TOML.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The names that lists of models show: the world's, without patterns, or `otherwise`.
    pub(crate) fn listed_models(&self, otherwise: &[&str]) -> Vec<String> {
        let named = self.models.iter().filter(|model| !model.ends_with('*'));
        let named: Vec<String> = named.cloned().collect();
        if named.is_empty() {
            otherwise.iter().map(|&model| model.to_owned()).collect()
        } else {
            named
        }
    }

    /// The world of `--demo`: five accounts of different sizes with eight keys (one account has
    /// three, one two), answers that take their time.
    pub fn demo() -> Self {
        let account = |name: &str, keys: &[&str], size: u64| Account {
            limits: vec![Limits {
                requests_per_minute: Some(60 * size),
                input_tokens_per_minute: Some(30_000 * size),
                output_tokens_per_minute: Some(12_000 * size),
                ..Limits::default()
            }],
            ..Account::new(name, keys.iter().copied())
        };
        Self {
            accounts: vec![
                account("amber", &["sk-amber-1", "sk-amber-2", "sk-amber-3"], 10),
                account("basalt", &["sk-basalt-1", "sk-basalt-2"], 5),
                account("cedar", &["sk-cedar-1"], 3),
                account("dune", &["sk-dune-1"], 2),
                account("ember", &["sk-ember-1"], 1),
            ],
            latency: Latency::lifelike(),
            control: true,
            ..Self::default()
        }
    }
}

/// The versions of HTTP a listener speaks. Over TLS they are what ALPN offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpVersions {
    /// HTTP/1.1 and HTTP/2 (in the clear: by the connection's preface).
    #[default]
    Both,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only.
    Http2,
}

/// The server's certificate.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM of the certificate chain; one is made, with an authority of its own, if absent.
    pub cert_pem: Option<String>,
    /// PEM of the key that belongs to it.
    pub key_pem: Option<String>,
    /// The names a made certificate is for; `localhost` and 127.0.0.1 if empty.
    pub names: Vec<String>,
    /// Make a certificate that has expired.
    pub expired: bool,
}

/// Models that share buckets.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelGroup {
    /// Its name in [`Limits::group`].
    pub id: String,
    /// Names of models; a `*` at the end stands for anything.
    pub models: Vec<String>,
}

/// How tokens are counted.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Bytes of text per input token, as it turns out.
    pub bytes_per_token: f64,
    /// Bytes of text per input token, as guessed at admission.
    pub guessed_bytes_per_token: f64,
    /// Tokens of an image or document.
    pub per_media: u64,
    /// Tokens of every request beside its text.
    pub per_request: u64,
    /// How OpenAI's tokens are charged.
    pub openai_charge: OpenAiCharge,
    /// What happens to a request that needs more than a bucket's burst, but not more than its
    /// limit.
    pub oversized: Oversized,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            bytes_per_token: 3.6,
            guessed_bytes_per_token: 4.0,
            per_media: 1_500,
            per_request: 8,
            openai_charge: OpenAiCharge::Declared,
            oversized: Oversized::Debt,
        }
    }
}

/// How OpenAI's tokens are charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenAiCharge {
    /// At admission the larger of `max_tokens` and the guessed input; never corrected.
    #[default]
    Declared,
    /// The guessed input at admission, the output as it is produced, the input corrected after.
    Real,
}

/// What happens to a request that needs more than a bucket's burst, but not more than its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Oversized {
    /// It passes when the bucket is full, and leaves it in debt.
    #[default]
    Debt,
    /// It is refused as too large for the limit.
    Refuse,
}
