//! The models that a tenant may ask for: one list over all providers of the dialect, or one of it.
//!
//! What belongs to it [`keyweir_policy::config::catalog`] says, and which provider is asked when, and for
//! how long, [`keyweir_policy::exchange::model_lists`]. Providers are asked with the client's own request,
//! one after the other, and their lists kept for a while (`known_models.rs`).

use bytes::Bytes;
use keyweir_policy::config::catalog::{self, Listed};
use keyweir_policy::config::file::Scope;
use keyweir_policy::exchange::model_lists::{Fetch, TimeToFetch};
use keyweir_policy::exchange::plan::{Plan, Request, TimeLimits};
use keyweir_policy::exchange::seek::Home;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use keyweir_policy::wire::list::models::{ModelsForm, ModelsPage, write};
use keyweir_policy::wire::refusal_kind::RefusalKind;
use tokio::time::timeout;

use crate::request::drive::{self, Reached};
use crate::request::exchange::Exchange;
use crate::request::respond::refuse::Refuse;
use crate::request::respond::{self, Opened};
use crate::request::stop::Stop;
use crate::request::{list_page, listing};
use crate::runtime::known_models::List;

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
    let time = TimeToFetch::begins(exchange.gateway.clock.now());
    let target = exchange.outgoing.target.clone();
    let mut lists = Vec::new();
    let mut failed = None;
    for id in catalog::providers(&live.policy, list.tenant, list.asked) {
        let fetched = known(&mut exchange, &list, id, time).await;
        match fetched {
            Ok(known) => lists.push((id, known)),
            Err(Stop::ClientLeft) => return Err(Stop::ClientLeft),
            Err(Stop::Refuse(refuse)) => failed = Some(refuse),
        }
    }
    let form = lists.iter().find_map(|(_, list)| Some(list.as_ref()?.form));
    let is_understood = form.is_some() || list.asked.dialect != Dialect::Generic;
    let known = Listed {
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
    list: &ModelList,
    id: ProviderId,
    time: TimeToFetch,
) -> Result<Option<List>, Stop> {
    let known = exchange.live.provider(id).models();
    let clock = &exchange.gateway.clock;
    if let Some(fresh) = known.fresh(clock.now()) {
        return Ok(fresh);
    }
    let Ok(_fetching) = timeout(time.left(clock.now()), known.fetching()).await else {
        return Ok(known.last());
    };
    if let Some(fresh) = known.fresh(clock.now()) {
        return Ok(fresh);
    }
    let refresh = exchange.live.settings().models_refresh;
    let allotted = time.of_next(clock.now());
    let failed = match timeout(allotted.span, fetch(exchange, list, id)).await {
        Ok(Ok(fetched)) => {
            known.came(fetched, clock.now(), refresh);
            return Ok(known.last());
        }
        Ok(Err(Stop::ClientLeft)) => return Err(Stop::ClientLeft),
        Ok(Err(refuse)) => Err(refuse),
        Err(_) if allotted.is_enough => Ok(None),
        Err(_) => return Ok(known.last()),
    };
    known.came(None, clock.now(), refresh);
    known.last().map_or(failed, |last| Ok(Some(last)))
}

/// All pages of a provider's list; `None`: it gave none that could be read.
async fn fetch(
    exchange: &mut Exchange<'_>,
    list: &ModelList,
    id: ProviderId,
) -> Result<Option<List>, Stop> {
    let mut fetch = Fetch::new(list.asked.dialect);
    while let Some(query) = fetch.next_page() {
        aim(exchange, list, id, query);
        let page = match drive::reach(exchange).await? {
            Reached::Opened(opened) => page(exchange, opened, list.asked.dialect).await,
            Reached::Refused(answer) => {
                Box::pin(answer.discard()).await;
                None
            }
        };
        fetch.came(page);
    }
    Ok(fetch.list().map(|(form, models)| List {
        form,
        models: models.into(),
    }))
}

/// Aims the request at a page of a provider's list.
fn aim(exchange: &mut Exchange<'_>, list: &ModelList, provider: ProviderId, query: String) {
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
    let taker = catalog::taker(
        &exchange.live.policy,
        list.tenant,
        list.asked,
        list.id.as_deref(),
    );
    let provider = taker.unwrap_or(exchange.plan.provider());
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
