//! What a full waiting room costs: to be refused by it, to enter it, to leave it, to be served.
//!
//! As in [`choice`](super::choice), the policy engine alone, calls timed in batches.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use keyweir_policy::pool::ask::{Admission, Ask, Lease, Settlement};
use keyweir_policy::pool::attempts::Attempts;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::Ticket;
use keyweir_policy::terms::request::Usage;
use keyweir_policy::terms::snapshot::Snapshot;

use crate::counting::Asked;
use crate::crowd::{Crowd, CrowdSpec};
use crate::failure::Failure;
use crate::lab::Lab;
use crate::measure::choice::{judged, micros_each, plain};
use crate::report::Section;

const BATCH: usize = 256;
/// Few, since time must pass for each.
const SERVED: usize = 16;
const ROOM: usize = 10_000;
const MICROS_MAX: f64 = 10.0;
const WAITER_BYTES_MAX: f64 = 1_024.0;
/// Wake-ups in which nobody was served before the engine counts as stuck.
const IDLE_WAKES_MAX: usize = 10_000;

/// Little budget, and of few accounts: the room stays full.
const SMALL: CrowdSpec = CrowdSpec {
    accounts: 8,
    keys_each: 1,
    requests_per_minute: 6,
};

/// Measures all of it.
pub(crate) fn measure(lab: &Lab) -> Result<Vec<Section>, Failure> {
    let batches = if lab.conditions.quick { 20 } else { 200 };
    let mut room = FullRoom::new()?;
    let mut costs = Costs::default();
    for _ in 0..batches {
        costs.refuse.push(room.refuse()?);
        costs.leave.push(room.leave()?);
        costs.enter.push(room.enter(BATCH)?);
        costs.serve.push(room.serve()?);
        room.enter(ROOM - room.tickets.len())?;
    }
    let rows = vec![
        judged("entering it, µs".to_owned(), &costs.enter, MICROS_MAX),
        judged(
            "being refused by it, µs".to_owned(),
            &costs.refuse,
            MICROS_MAX,
        ),
        plain("leaving it, µs".to_owned(), &costs.leave),
        plain(
            "being served out of it, settlement included, µs".to_owned(),
            &costs.serve,
        ),
        judged(
            "bytes per waiter beside its body".to_owned(),
            &[room.bytes_each],
            WAITER_BYTES_MAX,
        ),
    ];
    let remark = format!(
        "{ROOM} requests of 100 tenants wait; {batches} batches of {BATCH} calls ({SERVED} for \
         those served, which takes as many refills). The policy engine alone."
    );
    Ok(vec![Section {
        title: "A full waiting room",
        remark,
        rows,
    }])
}

#[derive(Default)]
struct Costs {
    refuse: Vec<f64>,
    leave: Vec<f64>,
    enter: Vec<f64>,
    serve: Vec<f64>,
}

struct FullRoom {
    crowd: Crowd,
    tickets: VecDeque<Ticket>,
    bytes_each: f64,
}

impl FullRoom {
    fn new() -> Result<Self, Failure> {
        let mut room = Self {
            crowd: Crowd::new(SMALL),
            tickets: VecDeque::new(),
            bytes_each: 0.0,
        };
        room.exhaust()?;
        room.tickets.reserve(2 * ROOM);
        let before = Asked::so_far();
        for _ in 0..ROOM {
            let ask = room.crowd.ask();
            let ticket = room.crowd.wait(ask)?;
            room.tickets.push_back(ticket);
        }
        let held = Asked::so_far().since(before);
        room.bytes_each = (held.taken as f64 - held.freed as f64) / ROOM as f64;
        Ok(room)
    }

    /// Spends all budgets on requests that are over at once.
    fn exhaust(&mut self) -> Result<(), Failure> {
        loop {
            let ask = self.crowd.ask();
            match self
                .crowd
                .pool
                .admit(self.crowd.now, ask, &Attempts::default())
            {
                Admission::Granted(lease) => self.settle(lease),
                Admission::Waiting(ticket) => {
                    self.tickets.push_back(ticket);
                    self.leave_all();
                    return Ok(());
                }
                Admission::Refused(refusal) => {
                    return Err(Failure::new(format!("refused: {refusal:?}")));
                }
            }
        }
    }

    fn leave_all(&mut self) {
        for ticket in self.tickets.drain(..) {
            self.crowd.pool.cancel(self.crowd.now, ticket);
        }
    }

    fn refuse(&mut self) -> Result<f64, Failure> {
        let asks = self.asks(BATCH);
        let started = Instant::now();
        for ask in asks {
            let answer = self
                .crowd
                .pool
                .admit(self.crowd.now, ask, &Attempts::default());
            if !matches!(answer, Admission::Refused(_)) {
                return Err(Failure::new(format!("not refused: {answer:?}")));
            }
        }
        Ok(micros_each(started, BATCH))
    }

    fn leave(&mut self) -> Result<f64, Failure> {
        let leaving: Vec<_> = self.tickets.drain(..BATCH).collect();
        let started = Instant::now();
        for ticket in leaving {
            self.crowd.pool.cancel(self.crowd.now, ticket);
        }
        let each = micros_each(started, BATCH);
        match self.crowd.pool.waiting() {
            left if left == ROOM - BATCH => Ok(each),
            left => Err(Failure::new(format!("{left} are left"))),
        }
    }

    fn enter(&mut self, number: usize) -> Result<f64, Failure> {
        let asks = self.asks(number);
        let started = Instant::now();
        for ask in asks {
            let ticket = self.crowd.wait(ask)?;
            self.tickets.push_back(ticket);
        }
        Ok(micros_each(started, number))
    }

    /// Lets time pass until some have been served; only the engine's share of it is timed, which
    /// is all of it.
    fn serve(&mut self) -> Result<f64, Failure> {
        let mut served = HashSet::with_capacity(2 * SERVED);
        let mut idle = 0;
        let started = Instant::now();
        while served.len() < SERVED {
            let before = served.len();
            self.wake(&mut served)?;
            idle = if served.len() == before { idle + 1 } else { 0 };
            if idle > IDLE_WAKES_MAX {
                return Err(Failure::new("nobody is served"));
            }
        }
        let each = micros_each(started, served.len());
        self.tickets.retain(|ticket| !served.contains(ticket));
        Ok(each)
    }

    fn wake(&mut self, served: &mut HashSet<Ticket>) -> Result<(), Failure> {
        let next = self.crowd.pool.next_wake(self.crowd.now);
        self.crowd.now = next.ok_or_else(|| Failure::new("nothing to wake for"))?;
        self.crowd.pool.wake(self.crowd.now);
        while let Some((ticket, decision)) = self.crowd.pool.next_decision() {
            let lease = decision.map_err(|refusal| Failure::new(format!("{refusal:?}")))?;
            served.insert(ticket);
            self.settle(lease);
        }
        Ok(())
    }

    fn settle(&mut self, lease: Lease) {
        let settlement = Settlement {
            fault: Fault::None,
            snapshot: Snapshot::default(),
            usage: Usage {
                input: Some(800),
                cache_read: Some(0),
                output: Some(200),
                ..Usage::default()
            },
            sent: true,
        };
        self.crowd.pool.settle(self.crowd.now, lease, &settlement);
    }

    fn asks(&mut self, number: usize) -> Vec<Ask> {
        (0..number).map(|_| self.crowd.ask()).collect()
    }
}
