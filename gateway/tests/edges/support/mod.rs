//! What the edges are tested with: the program itself in a process of its own, a simulated provider
//! behind it, and before it clients that write bytes rather than requests.

pub(crate) mod api;
pub(crate) mod fake;
pub(crate) mod frames;
pub(crate) mod program;
pub(crate) mod scripted;
pub(crate) mod stage;
pub(crate) mod tls;
pub(crate) mod wire;

use std::time::Duration;

/// Longer than anything here takes, on the slowest of machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What has to happen at once; generous, because two processes share few cores with other tests.
pub(crate) const PROMPT: Duration = Duration::from_secs(10);

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("it never came: {what}"));
}

/// What `future` comes to, which has to be soon.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("it took too long: {what}"))
}
