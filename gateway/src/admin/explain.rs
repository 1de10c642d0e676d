//! `/explain?model=…`: every candidate for a request, what it has and what is needed, why it is in or
//! out, which would be chosen, and when it would fit. Asking changes nothing.

mod candidates;

use std::time::SystemTime;

use http::{Response, StatusCode};
use keyweir_policy::config::file::Scope;
use keyweir_policy::config::{alias, fallback};
use keyweir_policy::exchange::fallback::Occasions;
use keyweir_policy::pool::ask::{Ask, ChosenBy};
use keyweir_policy::tenancy::lack::{Awaits, Lack};
use keyweir_policy::tenancy::permission::grants;
use keyweir_policy::tenancy::request::Asked;
use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::ids::{ModelId, ProviderId, RequestId, TenantId};
use keyweir_policy::terms::request::RequestSize;
use keyweir_policy::terms::time::Time;
use keyweir_policy::wire::describe::may_name_a_model;
use serde_json::{Value, json};

use self::candidates::{Of, by_dimension, by_reason, held_back};
use super::answer::{json as answer, text};
use super::moments::Moments;
use super::query::Query;
use crate::runtime::gateway::{ANYBODY, Gateway};
use crate::runtime::live::Live;

/// Characters of a name that is none, in the answer.
const SHOWN_MAX: usize = 64;
/// The most tokens that a question may be about.
const TOKENS_MAX: u64 = 100_000_000;

const FIELDS: [&str; 5] = [
    "model",
    "provider",
    "tenant",
    "input_tokens",
    "output_tokens",
];

/// What is asked.
#[derive(Clone, Copy)]
struct Question<'a> {
    /// A model, or an alias.
    name: &'a str,
    /// What the name stands for at the provider that is asked about.
    model: &'a str,
    tenant: TenantId,
    input: u64,
    output: Option<u64>,
    only: Option<ProviderId>,
}

/// The page.
pub(super) fn page(gateway: &Gateway, query: &str) -> Response<Vec<u8>> {
    let live = gateway.live();
    let said = Query::read(query, &FIELDS).and_then(|query| {
        let question = question(&live, &query)?;
        explained(gateway, &live, &question)
    });
    match said {
        Ok(explained) => answer(StatusCode::OK, &explained),
        Err(why) => text(StatusCode::BAD_REQUEST, format!("{why}\n")),
    }
}

fn question<'a>(live: &Live, query: &'a Query<'_>) -> Result<Question<'a>, String> {
    let model = query.get("model");
    let model = model.ok_or("model is missing: /explain?model=claude-sonnet-5")?;
    if !may_name_a_model(model) {
        return Err(format!(
            "model: {:?} is no name that a request may ask for: too long, empty, or with control characters",
            model.chars().take(SHOWN_MAX).collect::<String>()
        ));
    }
    let tenant = match query.get("tenant") {
        None => ANYBODY,
        Some(name) => {
            let mut tenants = live.policy.tenants.iter();
            let found = tenants.find(|(_, tenant)| tenant.id == name);
            let (id, _) = found.ok_or_else(|| format!("no tenant has the id {name:?}"))?;
            id
        }
    };
    let only = match query.get("provider") {
        None => None,
        Some(name) => {
            let mut providers = live.providers.iter();
            let found = providers.find(|(_, provider)| provider.id == name);
            let (id, _) = found.ok_or_else(|| format!("no provider has the id {name:?}"))?;
            Some(id)
        }
    };
    Ok(Question {
        name: model,
        model,
        tenant,
        input: query.number("input_tokens", TOKENS_MAX)?.unwrap_or(0),
        output: query.number("output_tokens", TOKENS_MAX)?,
        only,
    })
}

fn explained(gateway: &Gateway, live: &Live, asked: &Question<'_>) -> Result<Value, String> {
    let moments = Moments::now(gateway.clock);
    // In the order in which they are asked: of one dialect a request that names none goes to the first.
    let candidates = live.policy.providers_in_order().filter_map(|(id, it)| {
        let asked = at(live, asked, id)?;
        let mut accounts = it.accounts.values();
        let takes = it.models.matches(asked.model)
            && accounts.any(|account| account.models.matches(asked.model));
        takes.then_some((id, asked))
    });
    let providers: Vec<Value> = candidates
        .map(|(id, asked)| provider(gateway, live, &moments, &asked, id))
        .collect();
    if providers.is_empty() {
        let name = asked.name;
        return Err(format!("no account of these providers serves {name:?}"));
    }
    let tenant = live.tenant(asked.tenant);
    Ok(json!({
        "model": asked.name,
        "tenant": tenant.map(|tenant| tenant.id.as_str()),
        "time": moments.present(),
        "providers": providers,
    }))
}

/// The question as it is at a provider, with the model in the place of an alias. `None`: it does not go there.
fn at<'a>(live: &'a Live, asked: &Question<'a>, id: ProviderId) -> Option<Question<'a>> {
    if asked.only.is_some_and(|only| only != id) {
        return None;
    }
    let scope = Scope {
        dialect: live.policy.provider(id).dialect,
        named: asked.only,
    };
    match alias::resolve(&live.policy, asked.tenant, scope, asked.name) {
        None => Some(*asked),
        Some(alias) => {
            let goes_here = alias.provider.is_none_or(|provider| provider == id);
            let model = alias.model.as_str();
            goes_here.then_some(Question { model, ..*asked })
        }
    }
}

fn provider(
    gateway: &Gateway,
    live: &Live,
    moments: &Moments,
    asked: &Question<'_>,
    id: ProviderId,
) -> Value {
    let provider = live.provider(id);
    let model = (asked.model, Endpoint::Inference);
    let mut inquiry = provider.pool.with(|pool, now| {
        let ask = |model| ask(live, asked, now, model);
        pool.inquire(now, asked.tenant, model, ask)
    });
    let (now, (explained, turn)) = provider.pool.with_in_turns(|pool, now| {
        let answer = pool.answer(now, &mut inquiry)?;
        Some((now, answer))
    });
    let parts = provider.pool.parts.load();
    let of = Of {
        moments,
        parts: &parts,
        pool: &provider.pool,
    };
    let chosen = explained.chosen.map(|(account, key)| {
        json!({
            "account": parts.account(account),
            "key": parts.key(key),
            "by": explained.by.map(ChosenBy::as_str),
        })
    });
    let fallbacks = fallback::choices(&live.policy, Some(asked.tenant), id, asked.model);
    let fallbacks = fallbacks.map(|choice| {
        let there = live.policy.provider(choice.provider);
        let account = choice.account.and_then(|id| there.accounts.get(id));
        json!({
            "provider": there.id,
            "account": account.map(|account| account.id.as_str()),
            // Without one of its own it asks for the same.
            "model": choice.model.as_deref().unwrap_or(asked.model),
            "on": occasions(choice.on),
        })
    });
    json!({
        "provider": provider.id,
        "model": asked.model,
        "group": explained.group,
        "needed": by_dimension(|dimension| Some(json!(explained.needed[dimension.index()]))),
        "refused": refused(gateway, live, asked, id),
        "held_back": explained.held.map(|held| held_back(moments, held)),
        "chosen": chosen,
        "fits_in_secs": turn.map(|turn| turn.since(now).as_secs_f64()),
        "accounts": of.accounts(&explained),
        "accounts_in_all": explained.accounts.len(),
        "accounts_by_reason": by_reason(&explained),
        "fallbacks": fallbacks.collect::<Vec<_>>(),
    })
}

/// What a fallback is for, in the policy's words.
fn occasions(on: Occasions) -> Vec<&'static str> {
    let all = [
        (on.unavailable, "unavailable"),
        (on.context_length, "context_length"),
    ];
    all.into_iter()
        .filter_map(|(is_on, name)| is_on.then_some(name))
        .collect()
}

/// Why the tenant's request would be refused before anybody is asked; `None`: it would not.
fn refused(
    gateway: &Gateway,
    live: &Live,
    asked: &Question<'_>,
    provider: ProviderId,
) -> Option<String> {
    let tenant = live.tenant(asked.tenant)?;
    if live.has_expired(asked.tenant, SystemTime::now()) {
        return Some("the tenant has expired".to_owned());
    }
    let is_granted = asked.name != asked.model && grants(&tenant.models, asked.name);
    if !is_granted && !tenant.models.matches(asked.model) {
        return Some("the tenant's models do not include this one".to_owned());
    }
    let patience = tenant.patience.unwrap_or(live.policy.waiting.patience);
    let lack = gateway.tenancy.would_refuse(&Asked {
        tenant: asked.tenant,
        provider,
        model: asked.model,
        size: &size(asked),
        patience,
        asks_again: false,
        awaits_ledger: false,
    });
    // For requests that run it waits.
    let waits = |lack: &Lack| lack.awaits == Some(Awaits::Requests) && !patience.is_zero();
    lack.filter(|lack| !waits(lack))
        .map(|lack| lack.to_string())
}

const fn size(asked: &Question<'_>) -> RequestSize {
    RequestSize {
        text_bytes: 0,
        media_tokens: asked.input,
        output_max: asked.output,
    }
}

fn ask(live: &Live, asked: &Question<'_>, now: Time, model: ModelId) -> Ask {
    let tenant = live.tenant(asked.tenant);
    let patience = tenant.and_then(|tenant| tenant.patience);
    Ask {
        request: RequestId(u64::MAX),
        tenant: asked.tenant,
        model,
        priority: tenant.map(|tenant| tenant.priority).unwrap_or_default(),
        size: size(asked),
        affinity: None,
        account: None,
        arrived: now,
        deadline: now + patience.unwrap_or(live.policy.waiting.patience),
        body_bytes: 0,
    }
}
