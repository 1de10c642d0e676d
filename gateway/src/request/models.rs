//! The models that a tenant may ask for: one list over all providers of the dialect, or one of it.
//!
//! What belongs to it [`keyweir_policy::config::catalog`] says. Providers are asked with the client's
//! own request, one after the other, and their lists kept for a while (`known_models.rs`). All of it has
//! to be done while a coding agent waits, which is three seconds: a provider that takes longer than a
//! second is left out of the list, and not asked again for a while.

use std::time::Duration;

use bytes::Bytes;
use keyweir_policy::config::catalog::{self, Known};
use keyweir_policy::config::file::Scope;
use keyweir_policy::exchange::plan::{Plan, Request, TimeLimits};
use keyweir_policy::exchange::seek::Home;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use keyweir_policy::wire::list::models::{ModelsForm, ModelsPage, first_query, write};
use keyweir_policy::wire::refusal_kind::RefusalKind;
use tokio::time::{Instant, timeout_at};

use crate::request::drive::{self, Reached};
use crate::request::exchange::Exchange;
use crate::request::respond::refuse::Refuse;
use crate::request::respond::{self, Opened};
use crate::request::stop::Stop;
use crate::request::{list_page, listing};
use crate::runtime::known_models::List;

/// How long all providers together may take.
const FETCHED_WITHIN: Duration = Duration::from_secs(2);
/// How long one of them may take, so that it leaves time to those behind it.
const ONE_FETCHED_WITHIN: Duration = Duration::from_secs(1);
/// Pages of one list: thousands of models.
const PAGES_MAX: usize = 10;
/// Bytes of one list, as far as it is kept.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// A request for models.
pub(crate) struct ModelList {
    pub(crate) asked: Scope,
    pub(crate) tenant: TenantId,
    /// The one that is asked for; `None`: all.
    pub(crate) id: Option<String>,
    /// The path of the list.
    pub(crate) path: String,
    /// What the client's query says.
    pub(crate) query: String,
    /// The request for each page.
    pub(crate) request: Request,
    pub(crate) limits: TimeLimits,
}

/// Serves it. `true`: the answer is complete.
///
/// # Errors
/// If there is no answer: nothing is known and nobody gave a list, there is no such model for the
/// tenant, or the client left.
pub(crate) async fn run(mut exchange: Box<Exchange<'_>>, list: ModelList) -> Result<bool, Stop> {
    let live = exchange.live;
    let until = Instant::now() + FETCHED_WITHIN;
    let target = exchange.outgoing.target.clone();
    let mut lists = Vec::new();
    let mut failed = None;
    for id in catalog::providers(&live.policy, list.tenant, list.asked) {
        let fetched = known(&mut exchange, (&list, id), until).await;
        match fetched {
            Ok(known) => lists.push((id, known)),
            Err(Stop::ClientLeft) => return Err(Stop::ClientLeft),
            Err(Stop::Refuse(refuse)) => failed = Some(refuse),
        }
    }
    let form = lists.iter().find_map(|(_, list)| Some(list.as_ref()?.form));
    let is_understood = form.is_some() || list.asked.dialect != Dialect::Generic;
    let known = Known {
        form: form.unwrap_or(ModelsForm::of(list.asked.dialect)),
        lists: lists
            .iter()
            .map(|(id, list)| (*id, list.as_ref().map_or(&[][..], |list| &list.models)))
            .collect(),
    };
    let models = catalog::models(&live.policy, list.tenant, list.asked, &known);
    exchange.outgoing.target = target;
    match &list.id {
        Some(id) => match models.iter().find(|model| model.id == *id) {
            Some(model) => answer(&mut exchange, model.json.clone()).await,
            None => pass_on(exchange, &list).await,
        },
        None if !is_understood => pass_on(exchange, &list).await,
        None if models.is_empty() && failed.is_some() => Err(failed.expect("just seen").into()),
        None => answer(&mut exchange, write(known.form, &models, &list.query)).await,
    }
}

/// What is known of a provider's models, fetched if that is too old, by one request at a time.
async fn known(
    exchange: &mut Exchange<'_>,
    (list, id): (&ModelList, ProviderId),
    until: Instant,
) -> Result<Option<List>, Stop> {
    let known = exchange.live.provider(id).models();
    if let (last, true) = known.last() {
        return Ok(last);
    }
    let Ok(_fetching) = timeout_at(until, known.fetching()).await else {
        return Ok(known.last().0);
    };
    if let (last, true) = known.last() {
        return Ok(last);
    }
    let refresh = exchange.live.settings().models_refresh;
    let own = Instant::now() + ONE_FETCHED_WITHIN;
    let fetched = timeout_at(until.min(own), fetch(exchange, (list, id))).await;
    let failed = match fetched {
        Ok(Ok(fetched)) => {
            known.came(fetched, refresh);
            return Ok(known.last().0);
        }
        Ok(Err(Stop::ClientLeft)) => return Err(Stop::ClientLeft),
        Ok(Err(refuse)) => Err(refuse),
        Err(_) if own <= until => Ok(None),
        // The others left it no time; that is no failure of its own.
        Err(_) => return Ok(known.last().0),
    };
    known.came(None, refresh);
    known.last().0.map_or(failed, |last| Ok(Some(last)))
}

/// All pages of a provider's list; `None`: it gave none that could be read.
async fn fetch(
    exchange: &mut Exchange<'_>,
    (list, id): (&ModelList, ProviderId),
) -> Result<Option<List>, Stop> {
    let mut query = first_query(list.asked.dialect);
    let (mut models, mut form, mut bytes) = (Vec::new(), None, 0);
    for _ in 0..PAGES_MAX {
        aim(exchange, (list, id), query);
        let page = match drive::reach(exchange).await? {
            Reached::Opened(opened) => page(exchange, opened, list.asked.dialect).await,
            Reached::Refused(answer) => {
                Box::pin(answer.discard()).await;
                None
            }
        };
        let Some(page) = page else { break };
        form = Some(page.form);
        bytes += page
            .models
            .iter()
            .map(|model| model.json.len())
            .sum::<usize>();
        models.extend(page.models);
        match page.next {
            Some(next) if bytes < BYTES_MAX => query = next,
            _ => break,
        }
    }
    Ok(form.map(|form| List {
        form,
        models: models.into(),
    }))
}

/// Aims the request at a page of a provider's list.
fn aim(exchange: &mut Exchange<'_>, (list, provider): (&ModelList, ProviderId), query: String) {
    let (request, limits) = (list.request.clone(), list.limits);
    let waited = exchange.plan.waited();
    let plan = Plan::new(request, limits, provider, Home::Any, [].into());
    exchange.plan = plan.having_waited(waited);
    if let Some(target) = &mut exchange.outgoing.target {
        target.path.clone_from(&list.path);
        target.query = Some(query);
    }
    list_page::aim(exchange, provider);
}

/// The page in a good answer, if there is one in it.
async fn page(exchange: &mut Exchange<'_>, opened: Opened, dialect: Dialect) -> Option<ModelsPage> {
    let body = list_page::body(exchange, opened).await?;
    ModelsPage::read(dialect, &body)
}

/// Lets the provider answer: for a model that no list has (a name that it resolves itself), or a list
/// of a kind that is not understood.
async fn pass_on(mut exchange: Box<Exchange<'_>>, list: &ModelList) -> Result<bool, Stop> {
    let tenant = exchange.live.tenant(list.tenant);
    if let (Some(id), Some(tenant)) = (&list.id, tenant)
        && !tenant.models.matches(id)
    {
        let message = format!("model: no model {id} is there for this client key");
        let refuse = Refuse::new(RefusalKind::NotFound, "no_such_model", message);
        return Err(refuse.non_retryable().into());
    }
    let provider = list.first(&exchange);
    let (request, limits) = (list.request.clone(), list.limits);
    exchange.plan = Plan::new(request, limits, provider, Home::Any, [].into());
    list_page::aim(&mut exchange, provider);
    match drive::reach(&mut exchange).await? {
        Reached::Opened(opened) => respond::deliver(&mut exchange, opened).await,
        Reached::Refused(answer) => respond::relay(&mut exchange, answer).await,
    }
}

async fn answer(exchange: &mut Exchange<'_>, json: Vec<u8>) -> Result<bool, Stop> {
    let attempts = exchange.plan.progress().attempts;
    listing::answer(exchange, Bytes::from(json), attempts).await
}

impl ModelList {
    /// Whoever takes the model, or any, where none is named.
    fn first(&self, exchange: &Exchange<'_>) -> ProviderId {
        let policy = &exchange.live.policy;
        let providers = catalog::providers(policy, self.tenant, self.asked);
        let takes = |id: &&ProviderId| {
            let models = &policy.provider(**id).models;
            self.id
                .as_ref()
                .map_or(models.is_any(), |id| models.matches(id))
        };
        let found = providers.iter().find(takes).or(providers.first());
        found.copied().unwrap_or(exchange.plan.provider())
    }
}
