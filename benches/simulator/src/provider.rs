//! The provider's half of the world: what becomes of an attempt that reaches it.

use std::time::Duration;

use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::snapshot::Snapshot;

use crate::course::{Course, PIECES};
use crate::headers;
use crate::scenario::SnapshotTaken;
use crate::weather::{Lie, Weather};
use crate::world::{Event, World};

impl World<'_> {
    /// An attempt reaches the provider.
    pub(crate) fn reach(&mut self, index: usize) {
        self.report.upstream += 1;
        let Some(lease) = &self.requests[index].lease else {
            return;
        };
        let key = lease.key.index();
        let account = self.scenario.account_of(key);
        let back = self.between(self.scenario.latency.network);
        if let Some(fault) = self.refusing_weather(key, account) {
            let is_overload = matches!(fault, Fault::Overloaded { .. });
            self.report.overloaded_upstream += usize::from(is_overload);
            let head = Event::Head(index, fault, Box::default());
            return self.schedule(self.now + back, head);
        }
        let arrival = self.requests[index].arrival;
        let taken = self.scenario.taken_by(&arrival);
        if let Err(wait) = self.accounts[account].admit(self.now, &taken) {
            self.report.refused_upstream += 1;
            let wait = Some(Duration::from_secs(wait.ceil() as u64));
            let snapshot = Box::new(self.snapshot(account));
            let head = Event::Head(index, Fault::RateLimited { wait }, snapshot);
            return self.schedule(self.now + back, head);
        }
        self.begin(index, account, back);
    }

    /// An admitted answer begins.
    fn begin(&mut self, index: usize, account: usize, back: f64) {
        let course = self.draw_course();
        self.requests[index].course = course;
        let first_token = self.between(self.scenario.latency.first_token);
        let head_at = self.now + first_token + back;
        if course == Course::Stalled(0) {
            let given_up = self.requests[index].sent_at + self.scenario.idle_secs;
            let head = Event::Head(index, Fault::TimedOut, Box::default());
            return self.schedule(given_up.max(head_at), head);
        }
        if let Course::ErrorEvent(fault) = course {
            let snapshot = Box::new(self.snapshot(account));
            return self.schedule(head_at, Event::Head(index, fault, snapshot));
        }
        // Otherwise read when the first piece is produced; see `produce`.
        if self.scenario.snapshot_taken == SnapshotTaken::AtAdmission {
            let snapshot = Box::new(self.snapshot(account));
            self.schedule(head_at, Event::Head(index, Fault::None, snapshot));
        }
        self.schedule(self.now + first_token, Event::Produce(index, 0));
    }

    /// A piece of output is produced.
    pub(crate) fn produce(&mut self, index: usize, piece: usize) {
        let back = self.between(self.scenario.latency.network);
        let request = &self.requests[index];
        let Some(lease) = &request.lease else {
            return;
        };
        let (arrival, course) = (request.arrival, request.course);
        let account = self.scenario.account_of(lease.key.index());
        if piece == 0 && self.scenario.snapshot_taken != SnapshotTaken::AtAdmission {
            let snapshot = Box::new(self.snapshot(account));
            self.schedule(self.now + back, Event::Head(index, Fault::None, snapshot));
        }
        let taken = self.scenario.taken_by(&arrival);
        let part = taken.by_and_by.map(|amount| amount / PIECES as f64);
        self.accounts[account].charge(self.now, &part);
        self.schedule(self.now + back, Event::Piece(index, piece));
        let pace = self.scenario.latency.per_token * arrival.output / PIECES as f64;
        let next = piece + 1;
        match course {
            Course::Cut(at) if at == next => {
                self.schedule(self.now + pace + back, Event::Cut(index));
            }
            Course::Stalled(at) if at == next => {
                let given_up = self.now + back + self.scenario.idle_secs;
                self.schedule(given_up, Event::Cut(index));
            }
            _ if next < PIECES => self.schedule(self.now + pace, Event::Produce(index, next)),
            _ => {}
        }
    }

    fn snapshot(&mut self, account: usize) -> Snapshot {
        if self.scenario.snapshot_taken == SnapshotTaken::Never {
            return Snapshot::default();
        }
        let truth = self.accounts[account].snapshot(self.now);
        let told = self
            .scenario
            .weather
            .iter()
            .find_map(|weather| match weather {
                // That one lies by its buckets, which show another burst.
                Weather::Lies(Lie::MinuteScale) => None,
                Weather::Lies(lie) => Some(*lie),
                _ => None,
            });
        match told {
            Some(lie) => headers::lie(lie, &truth, self.now, || self.draws.f64()),
            None => truth,
        }
    }

    fn refusing_weather(&mut self, key: usize, account: usize) -> Option<Fault> {
        for weather in &self.scenario.weather {
            let fault = match *weather {
                Weather::Revoked { key: it, from } if it == key && self.now >= from => {
                    Fault::KeyRejected
                }
                Weather::OutOfMoney { account: it, from } if it == account && self.now >= from => {
                    Fault::OutOfMoney { wait: None }
                }
                Weather::AlwaysRefused { key: it } if it == key => {
                    Fault::RateLimited { wait: None }
                }
                Weather::Overloaded { share, from, until }
                    if (from..until).contains(&self.now) && self.draws.f64() < share =>
                {
                    Fault::Overloaded { wait: None }
                }
                Weather::Reset { share } if self.draws.f64() < share => Fault::ConnectionLost,
                _ => continue,
            };
            return Some(fault);
        }
        None
    }

    fn draw_course(&mut self) -> Course {
        for weather in &self.scenario.weather {
            let course = match *weather {
                Weather::ErrorEvent { share } if self.draws.f64() < share => {
                    let is_overload = self.draws.bool();
                    Course::ErrorEvent(if is_overload {
                        Fault::Overloaded { wait: None }
                    } else {
                        Fault::Broken { wait: None }
                    })
                }
                Weather::Cut { share } if self.draws.f64() < share => {
                    Course::Cut(self.draws.usize(1..PIECES))
                }
                Weather::Stall { share } if self.draws.f64() < share => {
                    Course::Stalled(self.draws.usize(0..PIECES))
                }
                _ => continue,
            };
            return course;
        }
        Course::Whole
    }
}
