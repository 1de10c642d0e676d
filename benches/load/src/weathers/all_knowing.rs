//! The all-knowing scheduler: the same arrivals, served by someone who sees every bucket as the
//! provider keeps it and knows every request's tokens beforehand. What it makes them wait is what
//! there was to wait.
//!
//! It goes by arrival: each request starts at the earliest moment at which some account has room,
//! and where several have, on the one that is nearest to overflowing. Output is produced over
//! time, so its bucket may be overdrawn by what flows in meanwhile.

use super::traffic::Arrival;
use super::world::{BURST_SECS, HOLDERS, Holder, TOKENS_PER_SEC};

/// Seconds that each of `arrivals` has to wait, sorted, while `shares` of the accounts' refill are
/// there for them.
pub(crate) fn waits(arrivals: &[Arrival], shares: &[f64; HOLDERS.len()]) -> Vec<f64> {
    let mean = arrivals.iter().map(|it| it.output).sum::<f64>() / arrivals.len().max(1) as f64;
    let production = mean / TOKENS_PER_SEC / 2.0;
    let mut accounts: Vec<[Bucket; 3]> = HOLDERS
        .iter()
        .zip(shares)
        .map(|(holder, share)| buckets(holder, *share, production))
        .collect();
    let mut waits: Vec<f64> = arrivals
        .iter()
        .map(|arrival| serve(&mut accounts, arrival) - arrival.at)
        .collect();
    waits.sort_by(f64::total_cmp);
    waits
}

fn buckets(holder: &Holder, share: f64, production_secs: f64) -> [Bucket; 3] {
    let [requests, input, output] = holder.refill();
    [
        Bucket::new(requests * share, requests * BURST_SECS),
        Bucket::new(input * share, input * BURST_SECS),
        Bucket::new(output * share, output * (BURST_SECS + production_secs)),
    ]
}

fn serve(accounts: &mut [[Bucket; 3]], arrival: &Arrival) -> f64 {
    let needs = [1.0, arrival.input, arrival.output];
    let offers = accounts.iter().map(|buckets| {
        let starts = buckets.iter().zip(needs).map(|(it, need)| it.start(need));
        let start = starts.fold(arrival.at, f64::max);
        let left = buckets
            .iter()
            .zip(needs)
            .map(|(it, need)| it.left(start, need));
        (start, left.fold(f64::INFINITY, f64::min))
    });
    let best = offers.enumerate().min_by(|(_, a), (_, b)| {
        let earlier = a.0.total_cmp(&b.0);
        earlier.then(b.1.total_cmp(&a.1))
    });
    let Some((account, (start, _))) = best else {
        return f64::INFINITY;
    };
    for (bucket, need) in accounts[account].iter_mut().zip(needs) {
        bucket.take(start, need);
    }
    start
}

/// A bucket whose level is kept as of the latest start.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    refill: f64,
    burst: f64,
    level: f64,
    at: f64,
}

impl Bucket {
    fn new(refill: f64, burst: f64) -> Self {
        Self {
            refill,
            burst,
            level: burst,
            at: 0.0,
        }
    }

    fn start(&self, need: f64) -> f64 {
        let lacking = need.min(self.burst) - self.level;
        if lacking <= 0.0 {
            0.0
        } else if self.refill > 0.0 {
            self.at + lacking / self.refill
        } else {
            f64::INFINITY
        }
    }

    /// The share that is left when `need` has been taken at `at`.
    fn left(&self, at: f64, need: f64) -> f64 {
        let gained = (at - self.at).max(0.0) * self.refill;
        ((self.level + gained).min(self.burst) - need) / self.burst
    }

    fn take(&mut self, at: f64, need: f64) {
        self.level = self.left(at, need) * self.burst;
        self.at = self.at.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_begin_where_the_bursts_end() {
        let arrival = |at| Arrival {
            at,
            tenant: 0,
            input: 1.0,
            output: 1.0,
            output_max: 1,
            streamed: false,
        };
        // 8,000 per minute and three seconds of it saved up: 400 at once, 133 a second.
        let crowd: Vec<Arrival> = std::iter::repeat_n(arrival(0.0), 533).collect();
        let waits = waits(&crowd, &[1.0; 5]);
        // The last of each burst may wait for what rounding took from it.
        let at_once = waits.iter().filter(|wait| **wait < 1e-6).count();
        assert!((395..=400).contains(&at_once), "{at_once}");
        assert!((0.9..1.2).contains(&waits[532]), "{}", waits[532]);
    }
}
