//! Which fault, if any, a request meets.
//!
//! Rules are asked in the order in which they were set. A request without any rule in force costs
//! one atomic load.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

use crate::clock::Micros;
use crate::fault::{Fault, FaultRule};
use crate::glob;

/// The name of a rule that was set: what [`crate::Control::clear_fault`] takes.
pub type FaultId = u64;

/// A rule that was set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetFault {
    /// Its name.
    pub id: FaultId,
    /// How often it struck.
    pub struck: u64,
    /// What it says.
    pub rule: FaultRule,
}

/// All rules in force.
#[derive(Debug)]
pub(crate) struct FaultTable {
    any: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    next_id: FaultId,
    dice: fastrand::Rng,
    rules: Vec<Active>,
}

#[derive(Debug)]
struct Active {
    id: FaultId,
    rule: FaultRule,
    until: Option<Micros>,
    matched: u64,
    struck: u64,
}

/// What is known of a request when a fault is drawn for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) key: &'a str,
    pub(crate) account: &'a str,
    pub(crate) path: &'a str,
    /// Unknown before the body is read.
    pub(crate) model: Option<&'a str>,
    pub(crate) streamed: bool,
}

impl FaultTable {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            any: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                next_id: 1,
                dice: fastrand::Rng::with_seed(seed),
                rules: Vec::new(),
            }),
        }
    }

    pub(crate) fn set(&self, rule: FaultRule, now: Micros) -> FaultId {
        let mut inner = self.inner.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        let until = rule
            .secs
            .map(|secs| now.saturating_add((secs.max(0.0) * 1e6) as Micros));
        inner.rules.push(Active {
            id,
            rule,
            until,
            matched: 0,
            struck: 0,
        });
        self.any.store(true, Ordering::Release);
        id
    }

    /// Takes a rule back; says how often it struck.
    pub(crate) fn clear(&self, id: FaultId) -> Option<u64> {
        let mut inner = self.inner.lock();
        let position = inner.rules.iter().position(|active| active.id == id)?;
        let struck = inner.rules.remove(position).struck;
        self.any.store(!inner.rules.is_empty(), Ordering::Release);
        Some(struck)
    }

    pub(crate) fn clear_all(&self) {
        self.inner.lock().rules.clear();
        self.any.store(false, Ordering::Release);
    }

    /// All rules, also those that are spent.
    pub(crate) fn list(&self) -> Vec<SetFault> {
        let set = |active: &Active| SetFault {
            id: active.id,
            struck: active.struck,
            rule: active.rule.clone(),
        };
        self.inner.lock().rules.iter().map(set).collect()
    }

    /// How often a rule struck so far.
    pub(crate) fn struck(&self, id: FaultId) -> Option<u64> {
        let inner = self.inner.lock();
        let active = inner.rules.iter().find(|active| active.id == id)?;
        Some(active.struck)
    }

    /// The fault of those that strike before the body is read (`early`), or of the others.
    pub(crate) fn draw(&self, subject: Subject<'_>, early: bool, now: Micros) -> Option<Fault> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut inner = self.inner.lock();
        let Inner { dice, rules, .. } = &mut *inner;
        rules
            .iter_mut()
            .filter(|active| active.rule.fault.is_early() == early)
            .find_map(|active| active.strike(subject, dice, now))
    }
}

impl Active {
    fn strike(
        &mut self,
        subject: Subject<'_>,
        dice: &mut fastrand::Rng,
        now: Micros,
    ) -> Option<Fault> {
        let rule = &self.rule;
        let spent = rule.count.is_some_and(|count| self.struck >= count);
        let over = self.until.is_some_and(|until| now >= until);
        if spent || over || !subject.is_meant_by(rule) {
            return None;
        }
        self.matched += 1;
        if self.matched <= rule.skip || dice.f64() >= rule.probability {
            return None;
        }
        self.struck += 1;
        Some(rule.fault.clone())
    }
}

impl Subject<'_> {
    fn is_meant_by(&self, rule: &FaultRule) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
        same(&rule.key, self.key)
            && same(&rule.account, self.account)
            && rule
                .path
                .as_deref()
                .is_none_or(|p| self.path.starts_with(p))
            && rule.streamed.is_none_or(|wanted| wanted == self.streamed)
            && rule
                .model
                .as_deref()
                .is_none_or(|wanted| self.model.is_some_and(|is| glob::matches(wanted, is)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Subject<'static> = Subject {
        key: "k",
        account: "a",
        path: "/v1/messages",
        model: Some("claude-x-1"),
        streamed: true,
    };

    fn table(rule: FaultRule) -> FaultTable {
        let table = FaultTable::new(1);
        table.set(rule, 0);
        table
    }

    #[test]
    fn rule_strikes_only_whom_it_means() {
        let meant = [
            FaultRule::from(Fault::Revoked),
            FaultRule::from(Fault::Revoked).on_key("k"),
            FaultRule::from(Fault::Revoked).on_account("a"),
            FaultRule::from(Fault::Revoked).on_model("claude-*"),
            FaultRule::from(Fault::Revoked).on_path("/v1/messages"),
        ];
        for rule in meant {
            assert_eq!(table(rule).draw(REQUEST, false, 0), Some(Fault::Revoked));
        }
        let others = [
            FaultRule::from(Fault::Revoked).on_key("other"),
            FaultRule::from(Fault::Revoked).on_account("other"),
            FaultRule::from(Fault::Revoked).on_model("gpt-*"),
            FaultRule::from(Fault::Revoked).on_path("/v1/files"),
        ];
        for rule in others {
            assert_eq!(table(rule).draw(REQUEST, false, 0), None);
        }
    }

    #[test]
    fn rule_skips_counts_and_ends() {
        let counted = table(FaultRule::from(Fault::Revoked).after(1).times(2));
        let struck: Vec<bool> = (0..5)
            .map(|_| counted.draw(REQUEST, false, 0).is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false, false]);

        let timed = table(FaultRule::from(Fault::Revoked).lasting(Duration::from_secs(1)));
        assert!(timed.draw(REQUEST, false, 999_999).is_some());
        assert!(timed.draw(REQUEST, false, 1_000_000).is_none());
    }

    #[test]
    fn probability_is_drawn_from_the_seed() {
        let count = |seed| {
            let table = FaultTable::new(seed);
            table.set(FaultRule::from(Fault::Revoked).likely(0.3), 0);
            (0..1_000)
                .filter(|_| table.draw(REQUEST, false, 0).is_some())
                .count()
        };
        assert_eq!(count(5), count(5));
        assert!((250..350).contains(&count(5)));
    }

    #[test]
    fn early_faults_are_drawn_apart() {
        let table = table(FaultRule::from(Fault::SlowUpload { bytes_per_sec: 1 }));
        assert_eq!(table.draw(REQUEST, false, 0), None);
        assert!(table.draw(REQUEST, true, 0).is_some());
    }

    use std::time::Duration;
}
