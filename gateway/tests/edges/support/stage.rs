//! A gateway before a simulated provider, and how to see that it is as good as ever.

use std::fmt::Write as _;

use keyweir_policy::config::secret::ClientKeyHash;
use simulated_provider::{Account, Control, Provider, RunningProvider, World};

use super::api::{Api, CLIENT_KEY, Request};
use super::program::{Files, Program};
use super::wire::{Answer, Wire};
use super::{in_time, until};

/// A provider with a gateway before it.
pub(crate) struct Stage {
    pub(crate) provider: RunningProvider,
    pub(crate) gateway: Program,
}

/// How a [`Stage`] is set.
pub(crate) struct Plan {
    pub(crate) world: World,
    gateway: String,
    settings: String,
    upstream: &'static str,
    tail: String,
    files: Vec<(String, String)>,
    log: Option<&'static str>,
    open_files: Option<u32>,
    tenants: bool,
}

/// Two accounts with a key each for either dialect. The keys look like the real ones.
pub(crate) const KEYS: [(&str, &str); 4] = [
    ("claude-one", "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn"),
    ("claude-two", "sk-ant-api03-Pu3aGe6TnXo1VhMi5BwSy0Cj"),
    ("gpt-one", "sk-proj-Fk9rDq2NzUv8LxEt7AoWm4Ib"),
    ("gpt-two", "sk-proj-Hs5yCp1JgRw6KcTa3MeXn0Zu"),
];

impl Plan {
    pub(crate) fn new() -> Self {
        let accounts = KEYS.map(|(name, key)| Account::new(name, [key]));
        let world = World {
            record_requests: 100,
            record_body_bytes: 1 << 16,
            ..World::new(accounts.into())
        };
        Self {
            world,
            gateway: String::new(),
            settings: String::new(),
            upstream: "1.1",
            tail: String::new(),
            files: Vec::new(),
            log: None,
            open_files: None,
            tenants: true,
        }
    }

    /// Adds lines to the policy's beginning: tables of `gateway`, `waiting` or `retry`.
    pub(crate) fn set(mut self, lines: &str) -> Self {
        self.gateway.push_str(lines);
        self.gateway.push('\n');
        self
    }

    /// Adds a line to the table `gateway` itself.
    pub(crate) fn setting(mut self, line: &str) -> Self {
        self.settings.push_str(line);
        self.settings.push('\n');
        self
    }

    /// Adds lines to the policy's end.
    pub(crate) fn and(mut self, lines: &str) -> Self {
        self.tail.push_str(lines);
        self.tail.push('\n');
        self
    }

    /// The HTTP spoken to the provider: `"1.1"` or `"2"`.
    pub(crate) fn upstream(mut self, version: &'static str) -> Self {
        self.upstream = version;
        self
    }

    /// Puts a file beside the policy.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// How much the gateway says of itself.
    pub(crate) fn log(mut self, level: &'static str) -> Self {
        self.log = Some(level);
        self
    }

    /// With no more files open than this.
    pub(crate) fn open_files(mut self, max: u32) -> Self {
        self.open_files = Some(max);
        self
    }

    /// Without tenants: for everybody on this machine.
    pub(crate) fn open(mut self) -> Self {
        self.tenants = false;
        self
    }

    pub(crate) async fn build(self) -> Stage {
        let provider = Provider::start(self.world.clone())
            .await
            .expect("the provider starts");
        let gateway =
            Program::start(self.files(provider.base_url()), self.log, self.open_files).await;
        Stage { provider, gateway }
    }

    pub(crate) fn files(&self, base_url: &str) -> Files {
        let files = Files::new(&self.policy(base_url));
        for (name, key) in KEYS {
            files.write(&format!("{name}.key"), key);
        }
        for (name, text) in &self.files {
            files.write(name, text);
        }
        files
    }

    pub(crate) fn policy(&self, base_url: &str) -> String {
        let mut policy = format!(
            "{}\n[gateway]\n{}listen = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n",
            self.gateway, self.settings
        );
        for (id, dialect) in [("claude", "anthropic"), ("gpt", "openai")] {
            let _ = write!(
                policy,
                "\n[[provider]]\nid = \"{id}\"\ndialect = \"{dialect}\"\n\
                 base_url = \"{base_url}\"\nhttp = \"{}\"\n",
                self.upstream
            );
        }
        for (name, _) in KEYS {
            let provider = name.split('-').next().unwrap_or_default();
            let _ = write!(
                policy,
                "\n[[account]]\nid = \"{name}\"\nprovider = \"{provider}\"\n\
                 [[account.key]]\nid = \"{name}-key\"\nsecret = {{ file = \"{name}.key\" }}\n"
            );
        }
        if self.tenants {
            policy.push_str(&tenant("tester", CLIENT_KEY, ""));
        }
        policy.push_str(&self.tail);
        policy
    }
}

/// A tenant's table, with `more` in it.
pub(crate) fn tenant(id: &str, client_key: &str, more: &str) -> String {
    let hash = ClientKeyHash::of(client_key);
    format!("\n[[tenant]]\nid = \"{id}\"\nclient_keys = [\"{hash}\"]\n{more}\n")
}

impl Stage {
    pub(crate) fn control(&self) -> &Control {
        self.provider.control()
    }

    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.gateway.address).await
    }

    /// Sends bytes on a connection of their own, and reads one answer.
    pub(crate) async fn send(&self, bytes: impl AsRef<[u8]>) -> (Answer, Wire) {
        let mut wire = self.connect().await;
        wire.send(bytes).await;
        (wire.answer().await, wire)
    }

    pub(crate) async fn ask(&self, request: &Request) -> Answer {
        self.send(request.bytes()).await.0
    }

    /// Asks a model something simple, and holds the answer to be right.
    pub(crate) async fn serves(&self, api: Api) {
        let answer = self.ask(&api.request(false)).await;
        assert_eq!(answer.status, 200, "{api:?}: {}", answer.text());
        assert!(answer.whole && answer.json().is_object(), "{api:?}");
    }

    /// Holds the gateway to be as good as ever: it serves both dialects, and nothing is left of
    /// what was before.
    pub(crate) async fn is_unharmed(&self) {
        self.serves(Api::Messages).await;
        self.serves(Api::Chat).await;
        self.is_quiet().await;
    }

    /// Waits until nothing is left of any request: no lease, no place in a queue, no body, nothing
    /// that runs at the provider.
    pub(crate) async fn is_quiet(&self) {
        let wait = async {
            loop {
                let left = self.left_over().await;
                if left.is_empty() {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(super::PROMPT, wait).await;
        if in_time.is_err() {
            panic!("left over: {:?}", self.left_over().await);
        }
    }

    async fn left_over(&self) -> Vec<String> {
        let status = self.gateway.status().await;
        let mut left = Vec::new();
        let mut check = |what: &str, count: &serde_json::Value| {
            if count != 0 {
                left.push(format!("{what}: {count}"));
            }
        };
        check("requests", &status["requests_running"]);
        check("body bytes", &status["body_bytes_held"]);
        for provider in status["providers"].as_array().expect("a list") {
            check("leases", &provider["requests_running"]);
            for key in provider["keys"].as_array().expect("a list") {
                check("leases of a key", &key["requests_running"]);
            }
            for group in provider["groups"].as_array().expect("a list") {
                check("waiting", &group["waiting"]);
                check("waiting bytes", &group["waiting_bytes"]);
            }
        }
        check(
            "at the provider",
            &self.control().counters().requests_open.into(),
        );
        left
    }

    /// Waits until no client is connected any more.
    pub(crate) async fn has_no_connections(&self) {
        let wait = async {
            while self.gateway.status().await["connections"] != 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        in_time("every connection closed", wait).await;
    }

    /// Waits until so many requests have come to the provider, whatever became of them.
    pub(crate) async fn provider_got(&self, requests: u64) {
        until("the request came to the provider", || {
            self.control().counters().requests == requests
        })
        .await;
    }

    /// Waits until so many requests are at the provider.
    pub(crate) async fn provider_has(&self, requests: u64) {
        until("the request is at the provider", || {
            self.control().counters().requests_open == requests
        })
        .await;
    }
}
