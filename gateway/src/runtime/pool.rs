//! A provider's pool, shared by all requests: the policy core behind a lock, its decisions carried
//! to those who wait for them, and its clock wound.
//!
//! The core is sans-IO. After every call it may have decided about requests that wait, and its next
//! moment of interest may have moved; [`SharedPool`] sees to both in one place, so that nobody can
//! forget. One timer per pool sleeps until the core's next moment and is only disturbed when that
//! comes nearer: nothing polls.
//!
//! A lock, not a task with a channel: a call takes microseconds, a hop to another task costs as
//! much and a wake-up more, and an answer's settlement must not queue behind admissions.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use keyweir_policy::exchange::plan::{Event, Plan, Step, Why};
use keyweir_policy::pool::Pool;
use keyweir_policy::pool::ask::{Lease, Notice, Refusal, Settlement};
use keyweir_policy::pool::spec::PoolSpec;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::{KeyId, Ticket};
use keyweir_policy::terms::request::Usage;
use keyweir_policy::terms::snapshot::Snapshot;
use keyweir_policy::terms::time::Time;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::runtime::clock::Clock;
use crate::runtime::parts::Parts;
use crate::runtime::told::{Out, Said};
use crate::runtime::words::{Spoken, Words};
use crate::telemetry::events::Events;

/// The shortest sleep between two wake-ups: what tokio's timer can tell apart anyway. It keeps a
/// core that names a moment in the past from turning the timer into a busy loop.
const SLEEP_MIN: Duration = Duration::from_millis(1);

type Decision = Result<Lease, Refusal>;

/// One provider's pool.
pub(crate) struct SharedPool {
    clock: Clock,
    state: Mutex<State>,
    rewind: Notify,
    /// What its accounts and keys are called, and their secrets.
    pub(crate) parts: ArcSwap<Parts>,
    watcher: OnceLock<mpsc::UnboundedSender<Notice>>,
    events: Arc<Events>,
    /// How often a breaker has opened.
    pub(crate) trips: AtomicU64,
    /// What the provider said last of whom it refuses.
    pub(crate) words: Words,
}

#[derive(Debug)]
struct State {
    pool: Pool,
    waiting: HashMap<Ticket, oneshot::Sender<Decision>>,
    /// When the timer will wake the pool.
    armed: Time,
}

/// What a request's plan says to do next, with everything that doing it takes.
pub(crate) enum Next {
    /// Send the request with the lease's key.
    Send(Lease),
    /// Wait for the pool's decision.
    Wait(Waiter),
    /// Reroute the request to the plan's new choice.
    Reroute,
    /// Give the client the provider's answer as it is.
    Relay,
    /// Tell the client no.
    Refuse(Why),
}

impl SharedPool {
    /// `pool`, with its timer running until this is dropped. Must be called on a runtime.
    pub(crate) fn start(pool: Pool, clock: Clock, parts: Parts, events: &Arc<Events>) -> Arc<Self> {
        let shared = Arc::new(Self {
            clock,
            state: Mutex::new(State {
                pool,
                waiting: HashMap::new(),
                armed: Time::NEVER,
            }),
            rewind: Notify::new(),
            parts: ArcSwap::from_pointee(parts),
            watcher: OnceLock::new(),
            events: Arc::clone(events),
            trips: AtomicU64::new(0),
            words: Words::default(),
        });
        tokio::spawn(keep_time(Arc::downgrade(&shared)));
        shared
    }

    /// Tells the plan of a request that asks here what happened.
    pub(crate) fn advance(self: &Arc<Self>, plan: &mut Plan, event: Event) -> Next {
        self.with_state(|state, now| match plan.on(&mut state.pool, now, event) {
            Step::Send(lease) => Next::Send(lease),
            Step::Reroute => Next::Reroute,
            Step::Relay => Next::Relay,
            Step::Refuse(why) => Next::Refuse(why),
            Step::Wait(ticket) => {
                let (sender, decision) = oneshot::channel();
                state.waiting.insert(ticket, sender);
                Next::Wait(Waiter {
                    pool: Arc::clone(self),
                    behind: state.pool.waiting().saturating_sub(1),
                    ticket,
                    decision,
                })
            }
        })
    }

    /// The head of the answer arrived.
    pub(crate) fn answered(&self, lease: &Lease, snapshot: &Snapshot) {
        self.with(|pool, now| pool.answered(now, lease, snapshot));
    }

    /// The stream has produced `output` tokens so far.
    pub(crate) fn progressed(&self, lease: &Lease, output: u64) {
        self.with(|pool, now| pool.progressed(now, lease, output));
    }

    /// Ends a lease. Returns what that took out or brought back, the last of it.
    /// `said`: what the provider told of the key or the account.
    pub(crate) fn settle(
        &self,
        lease: Lease,
        settlement: &Settlement,
        said: Option<&Said>,
    ) -> Option<Notice> {
        let spoken = said.map(|said| Spoken::of(&lease, settlement.fault, said));
        let ((), notices) = self.with_notices(spoken.as_ref(), |state, now| {
            state.pool.settle(now, lease, settlement);
        });
        notices.into_iter().rfind(|notice| notice.is_of_health())
    }

    /// Lets `f` see or tell the pool something.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut Pool, Time) -> R) -> R {
        self.with_state(|state, now| f(&mut state.pool, now))
    }

    /// Lets `f` see the pool again and again, and requests in between, until it returns something.
    pub(crate) fn with_in_turns<R>(&self, mut f: impl FnMut(&mut Pool, Time) -> Option<R>) -> R {
        loop {
            if let Some(result) = self.with(&mut f) {
                return result;
            }
            // Who waits for the lock gets it now, and not when it happens to be free.
            MutexGuard::unlock_fair(self.state.lock());
        }
    }

    /// Goes over to another policy, with `parts` for what its accounts and keys are. Those who wait are
    /// served by it, or refused.
    pub(crate) fn reconfigure(&self, spec: PoolSpec, parts: Parts) {
        // First: whoever is granted a new key finds its secret.
        let renewed = self.put(parts);
        self.with(|pool, now| {
            pool.renew(now, &renewed);
            pool.reconfigure(now, spec);
        });
    }

    /// Takes no more requests, as `spec` without accounts says; those who wait are refused.
    pub(crate) fn retire(&self, spec: PoolSpec) {
        self.with(|pool, now| pool.reconfigure(now, spec));
    }

    /// Has `parts` for what its accounts and keys are. What is known of secrets that it no more has is
    /// cleared.
    pub(crate) fn replace(&self, parts: Parts) {
        let renewed = self.put(parts);
        self.with(|pool, now| pool.renew(now, &renewed));
    }

    /// Says which keys have other secrets now.
    fn put(&self, parts: Parts) -> Vec<KeyId> {
        let before = self.parts.load();
        let renewed = parts.renewed_since(&before);
        let parts = parts.after(&before, Instant::now());
        self.words.keep_those_of(&parts);
        self.parts.store(Arc::new(parts));
        renewed
    }

    /// What operators are told from now on, beside the log. For one watcher: a second hears nothing.
    #[cfg(feature = "demo")]
    pub(crate) fn watch(&self) -> mpsc::UnboundedReceiver<Notice> {
        let (sender, notices) = mpsc::unbounded_channel();
        let _ = self.watcher.set(sender);
        notices
    }

    fn with_state<R>(&self, f: impl FnOnce(&mut State, Time) -> R) -> R {
        self.with_notices(None, f).0
    }

    /// Returns what operators were told of it, too.
    fn with_notices<R>(
        &self,
        spoken: Option<&Spoken<'_>>,
        f: impl FnOnce(&mut State, Time) -> R,
    ) -> (R, Vec<Notice>) {
        let mut state = self.state.lock();
        // Read under the lock, so that the core's time never runs backwards.
        let now = self.clock.now();
        let result = f(&mut state, now);
        state.deliver(now);
        let nearer = state.arm(now);
        let notices: Vec<Notice> = std::iter::from_fn(|| state.pool.next_notice()).collect();
        let outage = |notice: &Notice| state.pool.outage(now, *notice);
        let outages: Vec<_> = notices.iter().map(outage).collect();
        drop(state);
        if nearer {
            self.rewind.notify_one();
        }
        if spoken.is_some() || !notices.is_empty() {
            let parts = self.parts.load();
            self.words.hear(now, spoken, (&notices, &parts));
            for (&notice, outage) in notices.iter().zip(&outages) {
                let told = self.words.told(now, notice, outage.as_ref());
                self.report(&parts, notice, &told);
            }
        }
        (result, notices)
    }

    /// Tells operators.
    fn report(&self, parts: &Parts, notice: Notice, told: &(Option<Out>, Option<Said>)) {
        if matches!(notice, Notice::BreakerTripped(_)) {
            self.trips.fetch_add(1, Ordering::Relaxed);
        }
        let (out, said) = told;
        parts.tell(notice, (out.as_ref(), said.as_ref()), &self.events);
        if let Some(watcher) = self.watcher.get() {
            // A watcher that has left misses nothing.
            let _ = watcher.send(notice);
        }
    }
}

impl fmt::Debug for SharedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPool").finish_non_exhaustive()
    }
}

impl State {
    /// Carries the pool's decisions to those who wait for them. Whoever has just left gives back
    /// what it was granted.
    fn deliver(&mut self, now: Time) {
        while let Some((ticket, decision)) = self.pool.next_decision() {
            let unwanted = match self.waiting.remove(&ticket) {
                Some(sender) => sender.send(decision).err(),
                None => Some(decision),
            };
            if let Some(Ok(lease)) = unwanted {
                self.pool.settle(now, lease, &unused());
            }
        }
    }

    /// Notes the pool's next moment; `true` if it has come nearer than the timer is set for.
    fn arm(&mut self, now: Time) -> bool {
        let next = self.pool.next_wake(now).unwrap_or(Time::NEVER);
        let nearer = next < self.armed;
        if nearer {
            self.armed = next;
        }
        nearer
    }
}

/// The settlement of a lease that nothing was sent with.
pub(crate) fn unused() -> Settlement {
    Settlement {
        fault: Fault::ClientLeft,
        snapshot: Snapshot::default(),
        usage: Usage::default(),
        sent: false,
    }
}

async fn keep_time(pool: Weak<SharedPool>) {
    let mut earliest = Instant::now();
    loop {
        let Some(shared) = pool.upgrade() else { return };
        let next = {
            let mut state = shared.state.lock();
            let next = state.pool.next_wake(shared.clock.now());
            state.armed = next.unwrap_or(Time::NEVER);
            state.armed
        };
        let next = shared.clock.instant(next);
        let Some(alarm) = next else {
            wait_for_change(&shared).await;
            continue;
        };
        tokio::select! {
            () = tokio::time::sleep_until(alarm.max(earliest).into()) => {
                earliest = Instant::now() + SLEEP_MIN;
                shared.with(Pool::wake);
            }
            () = shared.rewind.notified() => {}
        }
    }
}

/// Waits until something is to be timed, but not for ever: a pool that nobody uses any more must
/// be able to go.
async fn wait_for_change(shared: &SharedPool) {
    let _ = tokio::time::timeout(Duration::from_secs(60), shared.rewind.notified()).await;
}

/// Who stands in the waiting room. Resolves to the pool's decision; dropped early, it leaves.
#[must_use = "who is dropped leaves the waiting room"]
pub(crate) struct Waiter {
    pool: Arc<SharedPool>,
    ticket: Ticket,
    /// How many others waited when it came.
    pub(crate) behind: usize,
    decision: oneshot::Receiver<Decision>,
}

impl Future for Waiter {
    /// `None` cannot happen as long as the pool lives: every ticket is decided.
    type Output = Option<Decision>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.decision).poll(context).map(Result::ok)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.decision.is_terminated() {
            return;
        }
        // Closing first: a decision is either in the channel by now, or cannot be sent any more.
        self.decision.close();
        match self.decision.try_recv() {
            Ok(Ok(lease)) => {
                self.pool.settle(lease, &unused(), None);
            }
            Ok(Err(_)) => {}
            Err(_) => {
                let ticket = self.ticket;
                self.pool.with_state(|state, now| {
                    state.waiting.remove(&ticket);
                    state.pool.cancel(now, ticket);
                });
            }
        }
    }
}
