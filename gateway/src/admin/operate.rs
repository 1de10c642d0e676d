//! `POST /keys/{id}/…` and `/accounts/{id}/…`: drain, resume, trip, reset.

use http::{Response, StatusCode};
use keyweir_policy::pool::operator::{Action, Target};
use keyweir_policy::pool::view::PoolView;
use serde_json::json;

use super::answer::{json as answer, text, told};
use super::route::Kind;
use super::state::State;
use crate::runtime::gateway::Gateway;
use crate::runtime::provider::Provider;

/// Does it; the answer says what has become of the key or account.
pub(super) fn operate(
    gateway: &Gateway,
    kind: Kind,
    id: &str,
    action: Action,
) -> Response<Vec<u8>> {
    let live = gateway.live();
    for (provider_id, provider) in live.providers.iter() {
        let declared = live.policy.provider(provider_id);
        let target = match kind {
            Kind::Key => {
                let mut keys = declared.keys.iter();
                let key = keys.find(|(_, key)| key.id == id);
                key.map(|(key, _)| Target::Key(key))
            }
            Kind::Account => {
                let mut accounts = declared.accounts.iter();
                let account = accounts.find(|(_, account)| account.id == id);
                account.map(|(account, _)| Target::Account(account))
            }
        };
        if let Some(target) = target
            && let Some(done) = done(provider, target, kind, id, action)
        {
            return done;
        }
    }
    let (kind, id) = (kind.as_str(), told(id));
    text(
        StatusCode::NOT_FOUND,
        format!("no {kind} of the policy in force has the id {id:?}; /status lists them\n"),
    )
}

/// `None`: the pool knows no such key or account.
fn done(
    provider: &Provider,
    target: Target,
    kind: Kind,
    id: &str,
    action: Action,
) -> Option<Response<Vec<u8>>> {
    let view = provider.pool.with(|pool, now| {
        let is_there = pool.operate(now, target, action);
        is_there.then(|| pool.view(now))
    })?;
    let (state, running) = standing(&view, target)?;
    let said = json!({
        kind.as_str(): id,
        "provider": provider.id,
        "action": action.as_str(),
        "state": state.as_str(),
        "requests_running": running,
    });
    Some(answer(StatusCode::OK, &said))
}

/// Its state, and how many requests still run with it.
fn standing(view: &PoolView, target: Target) -> Option<(State, u32)> {
    match target {
        Target::Key(id) => {
            let key = view.keys.iter().find(|key| key.key == id)?;
            Some((State::of_key(key), key.in_flight))
        }
        Target::Account(id) => {
            let named = view.accounts.iter().find(|it| it.account == id)?;
            let id = named.same_as.unwrap_or(id);
            let account = view.accounts.iter().find(|it| it.account == id)?;
            let keys = view.keys.iter().filter(|key| key.account == id);
            let running = keys.map(|key| key.in_flight).sum();
            Some((State::of_account(account), running))
        }
    }
}
