//! The provider's half of the world: what becomes of an attempt that reaches it.

use std::time::Duration;

use keyweir_policy::terms::amount::Dimension;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::AccountId;
use keyweir_policy::terms::snapshot::Snapshot;

use crate::course::{Course, Head, PIECES};
use crate::headers;
use crate::metered::Place;
use crate::scenario::SnapshotTaken;
use crate::weather::{Lie, Poison, Weather};
use crate::world::{Event, World};

impl World<'_> {
    /// An attempt reaches the provider.
    pub(crate) fn reach(&mut self, index: usize) {
        self.report.upstream += 1;
        let Some(lease) = &self.requests[index].lease else {
            return;
        };
        let key = lease.key.index();
        let back = self.between(self.scenario.latency.network);
        if let Some(fault) = self.refusing_weather(index, key) {
            let is_overload = matches!(fault, Fault::Overloaded { .. });
            self.report.overloaded_upstream += usize::from(is_overload);
            let head = Head::of(fault, Snapshot::default());
            return self.head_at(self.now + back, index, head);
        }
        let place = self.requests[index].place;
        let taken = self.scenario.taken_by(&self.requests[index].arrival);
        let account = self.metered[place.provider].at(place);
        if let Err((wait, short_of)) = account.admit(self.now, &taken) {
            self.report.refused_upstream += 1;
            let wait = match &self.scenario.told {
                Some(told) => told.wait(wait),
                None => Some(Duration::from_secs(wait.ceil() as u64)),
            };
            let snapshot = self.snapshot_of(place, Some(short_of));
            let head = Head::of(Fault::RateLimited { wait }, snapshot);
            return self.head_at(self.now + back, index, head);
        }
        match self.wrong(index, place) {
            Some(head) => self.head_at(self.now + back, index, head),
            None => self.begin(index, place, back),
        }
    }

    fn head_at(&mut self, at: f64, index: usize, head: Head) {
        self.schedule(at, Event::Head(index, Box::new(head)));
    }

    /// What an account says of a request that it will not serve for the request's own sake.
    fn wrong(&mut self, index: usize, place: Place) -> Option<Head> {
        let request = &self.requests[index];
        let asked = self.sites[place.provider];
        let has_it = request.follows.is_none_or(|follow_up| {
            let here = AccountId(u32::try_from(place.account).expect("accounts are few"));
            follow_up.holder == Some((asked.id, here))
        });
        let mut shares = asked.weather.iter().filter_map(|weather| match *weather {
            Weather::Wrong { share } => Some(share),
            _ => None,
        });
        let (fault, status) = if !has_it {
            (Fault::BadRequest, 404)
        } else if shares.any(|share| lot(index) < share) {
            (Fault::BadRequest, 400)
        } else if request.follows.is_none() && asked.denies(place.account, request.plan.model()) {
            (Fault::ModelDenied, 403)
        } else {
            return None;
        };
        Some(Head::of(fault, self.snapshot(place)).with_status(status))
    }

    /// An admitted answer begins.
    fn begin(&mut self, index: usize, place: Place, back: f64) {
        let course = self.draw_course(place.provider);
        self.requests[index].course = course;
        let first_token = self.between(self.scenario.latency.first_token);
        let head_at = self.now + first_token + back;
        if course == Course::Stalled(0) {
            let given_up = self.requests[index].sent_at + self.scenario.idle_secs;
            let head = Head::of(Fault::TimedOut, Snapshot::default());
            return self.head_at(given_up.max(head_at), index, head);
        }
        if let Course::ErrorEvent(fault) = course {
            let head = Head::of(fault, self.snapshot(place)).with_status(200);
            return self.head_at(head_at, index, head);
        }
        // Otherwise read when the first piece is produced; see `produce`.
        if self.scenario.snapshot_taken == SnapshotTaken::AtAdmission {
            let head = Head::of(Fault::None, self.snapshot(place));
            self.head_at(head_at, index, head);
        }
        self.schedule(self.now + first_token, Event::Produce(index, 0));
    }

    /// A piece of output is produced.
    pub(crate) fn produce(&mut self, index: usize, piece: usize) {
        let back = self.between(self.scenario.latency.network);
        let request = &self.requests[index];
        if request.lease.is_none() {
            return;
        }
        let (arrival, course, place) = (request.arrival, request.course, request.place);
        if piece == 0 && self.scenario.snapshot_taken != SnapshotTaken::AtAdmission {
            let head = Head::of(Fault::None, self.snapshot(place));
            self.head_at(self.now + back, index, head);
        }
        let taken = self.scenario.taken_by(&arrival);
        let part = taken.by_and_by.map(|amount| amount / PIECES as f64);
        let account = self.metered[place.provider].at(place);
        account.charge(self.now, &part);
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

    fn snapshot(&mut self, place: Place) -> Snapshot {
        self.snapshot_of(place, None)
    }

    fn snapshot_of(&mut self, place: Place, short_of: Option<Dimension>) -> Snapshot {
        if self.scenario.snapshot_taken == SnapshotTaken::Never {
            return Snapshot::default();
        }
        if let Some(told) = &self.scenario.told {
            if told.on_refusals_only && short_of.is_none() {
                return Snapshot::default();
            }
            let truth = self.metered[place.provider].at(place).truth(self.now);
            return told.snapshot(truth, self.now, short_of);
        }
        let truth = self.metered[place.provider].at(place).snapshot(self.now);
        let mut weather = self.sites[place.provider].weather.iter();
        let told = weather.find_map(|weather| match weather {
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

    fn refusing_weather(&mut self, index: usize, key: usize) -> Option<Fault> {
        let place = self.requests[index].place;
        let (now, draws) = (self.now, &mut self.draws);
        let weather = self.sites[place.provider].weather.iter();
        for weather in weather {
            let fault = match *weather {
                Weather::Revoked { key: it, from } if it == key && now >= from => {
                    Fault::KeyRejected
                }
                Weather::OutOfMoney { account: it, from } if it == place.account && now >= from => {
                    Fault::OutOfMoney { wait: None }
                }
                Weather::AlwaysRefused { key: it } if it == key => {
                    Fault::RateLimited { wait: None }
                }
                Weather::Poison { share, poison } if lot(index) < share => poison.fault(),
                Weather::Overloaded { share, from, until }
                    if (from..until).contains(&now) && draws.f64() < share =>
                {
                    Fault::Overloaded { wait: None }
                }
                Weather::Broken { share, from, until }
                    if (from..until).contains(&now) && draws.f64() < share =>
                {
                    Fault::Broken { wait: None }
                }
                Weather::Unreachable { from, until } if (from..until).contains(&now) => {
                    Fault::ConnectFailed
                }
                Weather::Reset { share } if draws.f64() < share => Fault::ConnectionLost,
                _ => continue,
            };
            return Some(fault);
        }
        None
    }

    fn draw_course(&mut self, provider: usize) -> Course {
        for weather in self.sites[provider].weather {
            let course = match *weather {
                Weather::ErrorEvent { share } if self.draws.f64() < share => {
                    let is_overload = self.draws.bool();
                    Course::ErrorEvent(if is_overload {
                        Fault::Overloaded { wait: None }
                    } else {
                        Fault::Broken { wait: None }
                    })
                }
                // What is no answer is found out as soon as it begins, like an error event.
                Weather::Malformed { share } if self.draws.f64() < share => {
                    Course::ErrorEvent(Fault::Broken { wait: None })
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

impl Poison {
    const fn fault(self) -> Fault {
        let wait = None;
        match self {
            Self::Broken => Fault::Broken { wait },
            Self::Overloaded => Fault::Overloaded { wait },
            Self::Rejected => Fault::KeyRejected,
            Self::Poor => Fault::OutOfMoney { wait },
            Self::Refused => Fault::RateLimited { wait },
        }
    }
}

/// A request's lot in 0..1, the same whenever and wherever it is sent.
fn lot(index: usize) -> f64 {
    fastrand::Rng::with_seed(index as u64).f64()
}
