//! Several gateways with one policy before one provider, and a Redis between them.

use std::time::Duration;

use serde_json::Value;
use simulated_provider::{Account, Provider, RunningProvider, World};

use crate::redis::Redis;
use crate::support::api::{Api, Request};
use crate::support::program::{Files, Program};
use crate::support::stage::tenant;
use crate::support::wire::{Answer, Wire};
use crate::support::{PATIENCE, until};

pub(crate) const KEY: &str = "kw_shared0000000000000000000000000000000000000";

/// All of it.
pub(crate) struct House {
    pub(crate) provider: RunningProvider,
    pub(crate) gateways: Vec<Program>,
    pub(crate) redis: Redis,
    policy: String,
    files: Vec<(String, String)>,
}

/// How a [`House`] is built.
pub(crate) struct Plan {
    pub(crate) world: World,
    /// Goes into the tenant's table.
    tenant: String,
    /// Goes into the table of the store.
    redis: String,
    /// Where the store is, if elsewhere than its first server is.
    urls: Vec<String>,
    /// What lies beside the policy.
    files: Vec<(String, String)>,
}

/// Accounts whose keys look like the real ones.
const ACCOUNTS: [(&str, &str); 2] = [
    ("one", "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn"),
    ("two", "sk-ant-api03-Pu3aGe6TnXo1VhMi5BwSy0Cj"),
];

impl Plan {
    pub(crate) fn new() -> Self {
        Self {
            world: World::new(ACCOUNTS.map(|(name, key)| Account::new(name, [key])).into()),
            tenant: String::new(),
            redis: String::new(),
            urls: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Adds lines to the tenant's table.
    pub(crate) fn tenant(mut self, lines: &str) -> Self {
        self.tenant.push_str(lines);
        self.tenant.push('\n');
        self
    }

    /// Adds lines to the table of the store.
    pub(crate) fn store(mut self, lines: &str) -> Self {
        self.redis.push_str(lines);
        self.redis.push('\n');
        self
    }

    /// The store is asked for at these addresses.
    pub(crate) fn urls(mut self, urls: &[String]) -> Self {
        self.urls = urls.to_vec();
        self
    }

    /// A file beside the policy.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    fn policy(&self, base_url: &str, redis: &Redis) -> String {
        let urls = match self.urls.as_slice() {
            [] => &[redis.url()],
            urls => urls,
        };
        let mut policy = format!(
            "[gateway]\nlisten = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\n\
             [gateway.shared.redis]\nurls = {urls:?}\ninterval = \"50ms\"\n{}\n\
             [waiting]\npatience = \"300ms\"\n\
             [[provider]]\nid = \"sim\"\ndialect = \"anthropic\"\nbase_url = \"{base_url}\"\n",
            self.redis
        );
        for (name, key) in ACCOUNTS {
            policy.push_str(&format!(
                "[[account]]\nid = \"{name}\"\nprovider = \"sim\"\n\
                 [[account.key]]\nid = \"{name}-key\"\nsecret = \"{key}\"\n"
            ));
        }
        policy.push_str(&tenant("tester", KEY, &self.tenant));
        policy
    }

    /// Before `redis`, so many gateways. Whether they hear of one another is not waited for.
    pub(crate) async fn before(self, redis: Redis, count: usize) -> House {
        let provider = Provider::start(self.world.clone())
            .await
            .expect("the provider starts");
        let policy = self.policy(provider.base_url(), &redis);
        let mut house = House {
            provider,
            gateways: Vec::new(),
            redis,
            policy,
            files: self.files,
        };
        for _ in 0..count {
            house.start().await;
        }
        house
    }

    /// The same, whose file `redis.password` says `password`.
    pub(crate) async fn guarded(self, redis: Redis, password: &str, count: usize) -> House {
        self.file("redis.password", password)
            .before(redis, count)
            .await
    }

    /// So many gateways that hear of one another.
    pub(crate) async fn build(self, count: usize) -> House {
        let house = self.before(Redis::start().await, count).await;
        house.all_hear().await;
        house
    }
}

impl House {
    /// The policy of all.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }

    /// One gateway more.
    pub(crate) async fn start(&mut self) {
        let files = Files::new(&self.policy);
        for (name, text) in &self.files {
            files.write(name, text);
        }
        self.gateways.push(Program::start(files, None, None).await);
    }

    /// Waits until every gateway has heard of all.
    pub(crate) async fn all_hear(&self) {
        for gateway in 0..self.gateways.len() {
            self.until_shared(gateway, "it hears of all", |shared| {
                shared["heard"] == true && shared["replicas"] == self.gateways.len()
            })
            .await;
        }
    }

    /// Waits until `/status` tells that of what is shared.
    pub(crate) async fn until_shared(
        &self,
        gateway: usize,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) {
        self.until_status(gateway, what, |status| holds(&status["shared"]))
            .await;
    }

    /// Waits until `/status` holds what `holds` looks for.
    pub(crate) async fn until_status(
        &self,
        gateway: usize,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) {
        let wait = async {
            while !holds(&self.gateways[gateway].status().await) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            let status = self.gateways[gateway].status().await;
            panic!("it never came: {what}: {}", status["shared"]);
        }
    }

    /// Waits until a gateway has exchanged words so often as it has now, and twice more: whatever
    /// another has told by now is heard.
    pub(crate) async fn until_heard(&self, gateway: usize) {
        for _ in 0..2 {
            for gateway in [gateway, (gateway + 1) % self.gateways.len()] {
                let before = self.exchanges(gateway).await;
                while self.exchanges(gateway).await < before + 1.0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }

    async fn exchanges(&self, gateway: usize) -> f64 {
        let done = "keyweir_shared_exchanges_total{outcome=\"done\"}";
        self.metric(gateway, done).await.unwrap_or_default()
    }

    /// The value of a metric with exactly these labels.
    pub(crate) async fn metric(&self, gateway: usize, name: &str) -> Option<f64> {
        let text = self.gateways[gateway].admin("/metrics").await.text();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        value.parse().ok()
    }

    /// Asks a gateway, as the tenant.
    pub(crate) async fn ask(&self, gateway: usize, request: &Request) -> Answer {
        let mut wire = Wire::connect(self.gateways[gateway].address).await;
        wire.send(request.bytes()).await;
        wire.answer().await
    }

    /// The statuses of so many messages, one after the other.
    pub(crate) async fn message(&self, gateway: usize, count: usize) -> Vec<u16> {
        let mut wire = Wire::connect(self.gateways[gateway].address).await;
        let mut statuses = Vec::new();
        for _ in 0..count {
            wire.send(message().bytes()).await;
            statuses.push(wire.answer().await.status);
        }
        statuses
    }

    /// Waits until a gateway has written that.
    pub(crate) async fn writes(&self, gateway: usize, text: &str) {
        until(&format!("it writes {text:?}"), || {
            self.gateways[gateway].written().contains(text)
        })
        .await;
    }
}

/// A request of the tenant's.
pub(crate) fn message() -> Request {
    let request = Api::Messages.request(false).without("x-api-key");
    request.header("x-api-key", KEY)
}

/// How many of `statuses` are this one.
pub(crate) fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|it| **it == status).count()
}
