//! A gateway whose policy is changed while it serves, and clients that never stop asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::api::{Api, Request};
use crate::support::program::Program;
use crate::support::stage::{Plan, Stage};
use crate::support::wire::{Answer, Wire};
use crate::support::{PATIENCE, until};

/// A stage whose policy can change.
pub(crate) struct House {
    pub(crate) stage: Stage,
    policy: Mutex<String>,
}

impl House {
    pub(crate) async fn build(plan: Plan) -> Self {
        let stage = plan.build().await;
        let policy = std::fs::read_to_string(stage.gateway.files.path().join("keys.toml"));
        Self {
            policy: Mutex::new(policy.expect("it is there")),
            stage,
        }
    }

    pub(crate) fn gateway(&self) -> &Program {
        &self.stage.gateway
    }

    /// The policy as it was written last.
    pub(crate) fn policy(&self) -> String {
        self.policy.lock().clone()
    }

    /// Puts another policy in the place of the file.
    pub(crate) fn write(&self, policy: &str) {
        self.put("keys.toml", policy);
        policy.clone_into(&mut self.policy.lock());
    }

    /// Puts a file in the place of another.
    pub(crate) fn put(&self, name: &str, text: &str) {
        let files = &self.gateway().files;
        files.write("next.tmp", text);
        let folder = files.path();
        std::fs::rename(folder.join("next.tmp"), folder.join(name)).expect("renamed");
    }

    /// Waits until one request is in a waiting room.
    pub(crate) async fn until_one_waits(&self) {
        self.until_status("it waits", |status| {
            let providers = status["providers"].as_array().expect("a list");
            let mut groups = providers.iter().filter_map(|it| it["groups"].as_array());
            groups.any(|groups| groups.iter().any(|group| group["waiting"] == 1))
        })
        .await;
    }

    /// Puts another policy in the place of the file, and has it followed at once. What has changed.
    pub(crate) async fn follow(&self, policy: &str) -> Vec<String> {
        let changed = r#"keyweir_policy_reloads_total{result="changed"}"#;
        let before = self.metric(changed).await as usize;
        self.write(policy);
        let answer = self.gateway().reload().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        if answer["result"] == "changed" {
            return lines(&answer["changes"]);
        }
        if self.metric(changed).await as usize == before {
            return Vec::new();
        }
        // The watch was faster, and tells the log.
        until("the change is logged", || self.told().len() > before).await;
        self.told().swap_remove(before)
    }

    /// What the log tells of each reload that changed something.
    fn told(&self) -> Vec<Vec<String>> {
        let mut reloads = vec![Vec::new()];
        for line in self.gateway().messages().lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if line["target"] != "keyweir::runtime::reload" {
                continue;
            }
            match (line["took"].is_null(), line["message"].as_str()) {
                (false, _) => reloads.push(Vec::new()),
                (true, Some(change)) => reloads.last_mut().expect("one").push(change.to_owned()),
                (true, None) => {}
            }
        }
        // The last one is not whole yet.
        reloads.pop();
        reloads
    }

    pub(crate) async fn ask(&self, request: &Request) -> Answer {
        self.stage.ask(request).await
    }

    /// Waits until the status holds what `holds` looks for.
    pub(crate) async fn until_status(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let wait = async {
            while !holds(&self.gateway().status().await) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("it never came: {what}"));
    }

    /// The value of a metric without labels, or with exactly these.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.gateway().admin("/metrics").await.text();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {name} in {text}"));
        value.parse().expect("a number")
    }
}

/// The texts of a list.
pub(crate) fn lines(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|it| it.as_str().expect("text").to_owned())
        .collect()
}

/// Clients that ask one thing after the other, on connections that stay.
pub(crate) struct Crowd {
    state: Arc<State>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stop: AtomicBool,
    served: AtomicU64,
    failed: Mutex<Vec<String>>,
    took: Mutex<Vec<Duration>>,
}

impl Crowd {
    /// So many clients, of which every other asks for streams.
    pub(crate) fn start(house: &House, clients: usize) -> Self {
        let state = Arc::new(State::default());
        let address = house.gateway().address;
        let tasks = (0..clients).map(|number| {
            let state = Arc::clone(&state);
            let api = [Api::Messages, Api::Chat][number % 2];
            tokio::spawn(async move {
                let mut wire = Wire::connect(address).await;
                let request = api.request(number % 4 > 1).bytes();
                while !state.stop.load(Ordering::Relaxed) {
                    let began = std::time::Instant::now();
                    wire.send(&request).await;
                    let answer = wire.answer().await;
                    state.took.lock().push(began.elapsed());
                    state.served.fetch_add(1, Ordering::Relaxed);
                    if answer.status != 200 || !answer.whole || api.has_error(&answer.text()) {
                        let told = format!("{}: {}", answer.status, answer.text());
                        state.failed.lock().push(told);
                        wire = Wire::connect(address).await;
                    }
                }
            })
        });
        let tasks = tasks.collect();
        Self { state, tasks }
    }

    /// How many answers there were so far.
    pub(crate) fn served(&self) -> u64 {
        self.state.served.load(Ordering::Relaxed)
    }

    /// Waits until so many more were served.
    pub(crate) async fn goes_on(&self, more: u64) {
        let least = self.served() + more;
        crate::support::until("the crowd is served", || self.served() >= least).await;
    }

    /// Ends it, and holds every answer to have been good. How long they took, the shortest first.
    pub(crate) async fn all_served(self) -> Vec<Duration> {
        self.state.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no panic");
        }
        let failed = self.state.failed.lock();
        let count = failed.len();
        assert!(failed.is_empty(), "{count} failed: {:?}", failed.first());
        let mut took = std::mem::take(&mut *self.state.took.lock());
        took.sort_unstable();
        took
    }
}
