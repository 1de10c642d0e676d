//! What choosing a key costs, and settling what came of it.
//!
//! The policy engine alone, on simulated time, without sockets and locks. Calls are timed in
//! batches, since reading the clock costs as much as a tenth of one; each batch is preceded by
//! making what it needs, which is not timed.

use std::time::{Duration, Instant};

use keyweir_policy::pool::ask::Lease;

use crate::counting::Asked;
use crate::crowd::{Crowd, CrowdSpec};
use crate::failure::Failure;
use crate::lab::Lab;
use crate::report::{Bound, Quoted, Row, Section};
use crate::stats::Spread;

const BATCH: usize = 256;

/// Accounts, keys in each, and how long a choice among them may take.
const POOLS: [(usize, usize, f64); 4] = [
    (1_000, 1, 2.0),
    (100, 10, 2.0),
    (10_000, 1, 5.0),
    (100, 100, 5.0),
];

/// Measures all of them.
pub(crate) fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let batches = if lab.conditions.quick { 20 } else { 400 };
    let mut rows = Vec::new();
    for (accounts, keys_each, micros_max) in POOLS {
        let name = format!("{} keys in {accounts} accounts", accounts * keys_each);
        let costs = choose(
            CrowdSpec {
                accounts,
                keys_each,
                requests_per_minute: 4_000,
            },
            batches,
        )?;
        rows.push(judged(
            format!("choosing among {name}, µs"),
            &costs.admit,
            micros_max,
        ));
        rows.push(plain(format!("settling in {name}, µs"), &costs.settle));
        rows.push(plain(
            format!("allocations per choice, {name}"),
            &costs.calls,
        ));
        rows.push(plain(
            format!("bytes allocated per choice, {name}"),
            &costs.bytes,
        ));
    }
    let remark = format!(
        "`Pool::admit` and `Pool::settle`, {batches} batches of {BATCH} calls; 100 tenants, \
         10,000 conversations, accounts up to ten times apart, {BATCH} requests under way. \
         Nothing else is in the times: no sockets, no locks."
    );
    Ok(vec![Section {
        title: "Choosing a key",
        remark,
        rows,
    }])
}

#[derive(Default)]
struct ChoiceCosts {
    admit: Vec<f64>,
    settle: Vec<f64>,
    calls: Vec<f64>,
    bytes: Vec<f64>,
}

fn choose(spec: CrowdSpec, batches: usize) -> Result<ChoiceCosts, Failure> {
    let mut crowd = Crowd::new(spec);
    crowd.warm_up()?;
    let mut costs = ChoiceCosts::default();
    let mut leases: Vec<Lease> = Vec::with_capacity(BATCH);
    for _ in 0..batches {
        let asks: Vec<_> = (0..BATCH).map(|_| crowd.ask()).collect();
        let (asked, started) = (Asked::so_far(), Instant::now());
        for ask in asks {
            leases.push(crowd.grant(ask)?);
            crowd.advance(Duration::from_micros(50));
        }
        costs.admit.push(micros_each(started, BATCH));
        let asked = Asked::so_far().since(asked);
        costs.calls.push(asked.calls as f64 / BATCH as f64);
        costs.bytes.push(asked.taken as f64 / BATCH as f64);
        let settlements: Vec<_> = leases.iter().map(|lease| crowd.settlement(lease)).collect();
        let started = Instant::now();
        for (lease, settlement) in leases.drain(..).zip(&settlements) {
            crowd.pool.settle(crowd.now, lease, settlement);
            crowd.advance(Duration::from_micros(50));
        }
        costs.settle.push(micros_each(started, BATCH));
    }
    Ok(costs)
}

/// A figure of the policy engine's, with its bound.
pub(super) fn judged(what: String, of: &[f64], most: f64) -> Row {
    Row {
        quoted: Quoted::Itself(Bound::AtMost(most)),
        ..plain(what, of)
    }
}

/// A figure of the policy engine's.
pub(super) fn plain(what: String, of: &[f64]) -> Row {
    Row {
        what,
        yardstick: None,
        gateway: Spread::over(of),
        quoted: Quoted::Nothing,
    }
}

/// Microseconds for each of the calls made since.
pub(super) fn micros_each(started: Instant, calls: usize) -> f64 {
    started.elapsed().as_secs_f64() * 1e6 / calls as f64
}
