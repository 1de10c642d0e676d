//! What is told of a reload: in the log, the status, the metrics and the events.

use std::time::SystemTime;

use super::error::ReloadError;
use super::prepare::Ready;
use super::shown::Shown;
use crate::downstream::certificate::{self, Certificate};
use crate::runtime::gateway::Gateway;
use crate::runtime::policy_status::{Failure, Reloaded};
use crate::runtime::secrets;
use crate::telemetry::events::{Event, Severity};

/// Adds what came of it to what operators should know of; the same mistake once.
pub(super) fn tell(gateway: &Gateway, reloaded: &Reloaded) {
    let (severity, text) = match reloaded {
        Reloaded::Unchanged => return,
        Reloaded::Changed(changes) => {
            let first = changes.first().map_or("", String::as_str);
            let more = match changes.len() {
                0 | 1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            let text = format!("the policy is reloaded: {first}{more}");
            (Severity::Info, text)
        }
        Reloaded::Failed(why) => {
            let first = why.lines().next().unwrap_or_default();
            let text = format!("the policy is not reloaded; the one in force stays: {first}");
            (Severity::Error, text)
        }
    };
    let events = &gateway.events;
    let latest = events.latest();
    if latest.first().is_none_or(|event| event.text != text) {
        events.add(Event::new(severity, text));
    }
}

/// Tells that the old policy stays in force.
pub(super) fn failed(gateway: &Gateway, error: &ReloadError) -> Reloaded {
    let (why, warnings) = error.told();
    let mut status = gateway.policy_status.lock();
    if status.failure.as_ref().is_none_or(|known| known.why != why) {
        for line in why.lines() {
            tracing::error!("{line}");
        }
        for line in status.new_warnings(&warnings) {
            tracing::warn!("{line}");
        }
        tracing::error!("the policy is not reloaded; the one in force stays");
    }
    status.failure = Some(Failure {
        at: SystemTime::now(),
        why: why.clone(),
        warnings,
    });
    gateway.metrics.policy.failed.set(1);
    Reloaded::Failed(why)
}

/// Tells that the files are right, and what is left to be told of them.
pub(super) fn read_well(gateway: &Gateway, ready: &Ready, is_changed: bool) {
    let now = SystemTime::now();
    let mut status = gateway.policy_status.lock();
    if status.failure.take().is_some() {
        tracing::info!("the policy files are right again");
    }
    status.read = Some(now);
    let restart: Vec<String> = ready
        .difference
        .restart
        .iter()
        .map(ToString::to_string)
        .collect();
    for line in restart.iter().filter(|it| !status.restart.contains(it)) {
        tracing::warn!("{line} (needs a restart)");
    }
    for line in &ready.secrets.failures {
        if !status.secrets.contains(line) {
            tracing::error!("{line}");
        }
    }
    for whose in status.readable_again(&ready.secrets.failures) {
        if secrets::is_declared(&ready.policy, whose) {
            tracing::info!("{whose}: the secret can be read again");
        }
    }
    status.restart = restart;
    status.warnings.clone_from(&ready.warnings);
    status.secrets.clone_from(&ready.secrets.failures);
    status.hash.clone_from(&ready.hash);
    if is_changed {
        status.since = Some(now);
    }
    let metrics = &gateway.metrics.policy;
    metrics.loaded(&ready.hash, now);
    metrics
        .secrets_failed
        .set(i64::try_from(status.secrets.len()).unwrap_or(i64::MAX));
}

/// Tells that who connects at `listener` is shown `certificate` from now on.
pub(super) fn replaced(gateway: &Gateway, listener: &'static str, certificate: &Certificate) {
    let until = certificate.expires().and_then(certificate::date);
    let until = until.map_or(String::new(), |until| {
        format!(", which is good until {until}")
    });
    let text = format!("{listener} are shown another certificate{until}");
    tracing::info!("{text}");
    gateway.events.add(Event::new(Severity::Info, text));
    untimely(gateway, listener, certificate);
}

/// Warns of a certificate that is shown at `listener` and that nobody trusts, by its dates.
fn untimely(gateway: &Gateway, listener: &'static str, certificate: &Certificate) {
    if let Some(reason) = certificate.untimely(SystemTime::now()) {
        let text = format!("what {listener} are shown is good for nothing: {reason}");
        tracing::warn!("{text}");
        gateway.events.add(Event::new(Severity::Warning, text));
    }
}

/// Warns of certificates that nobody trusts when the gateway starts.
pub(super) fn began(gateway: &Gateway, shown: &Shown) {
    for (listener, certificate) in of_listeners(shown) {
        untimely(gateway, listener, certificate);
    }
    expiry(gateway, shown);
}

/// Tells until when the certificates are good.
pub(super) fn expiry(gateway: &Gateway, shown: &Shown) {
    for (listener, certificate) in of_listeners(shown) {
        if let Some(at) = certificate.expires() {
            gateway.metrics.process.certificate_expires(listener, at);
        }
    }
}

fn of_listeners(shown: &Shown) -> impl Iterator<Item = (&'static str, &Certificate)> {
    let of_clients = shown.clients.as_deref().map(|it| ("clients", it));
    let of_operators = shown.operators.as_ref();
    let of_operators = of_operators.map(|it| ("operators", it.certificate()));
    of_clients.into_iter().chain(of_operators)
}
