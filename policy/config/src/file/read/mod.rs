//! Shape and bounds: what each table may hold.
//!
//! What is read here is raw: a part that was wrong is noted and absent, and names of other things
//! are still text. Checks that need more than one table are in [`super::check`].

mod account;
mod alias;
mod allowance;
pub(super) mod bounds;
mod gateway_bounds;
mod jwt;
mod names;
mod paths;
mod price;
mod provider;
mod proxies;
mod redis;
mod replicas;
mod secret_ref;
mod settings;
mod tenant;
mod units;
mod waiting;

use crate::file::fields::{Fields, Spread};
use crate::file::problems::{At, Problems, Spot};
use crate::file::settings::WaitingSettings;
use crate::file::source::Document;
use keyweir_health::retry_budget::RetryLimits;

use bounds::{ACCOUNTS_MAX, LIST_MAX, PROVIDERS_MAX, TENANTS_MAX};

pub(super) use account::{RawAccount, RawKey, RawLimit, RawScope};
pub(super) use alias::RawAlias;
pub(super) use allowance::{RawAllowance, RawBudget, RawReserve, RawTenantGroup};
pub(super) use price::{RawPrice, RawTenancy};
pub(super) use provider::{RawGroup, RawProvider};
pub(super) use settings::RawGateway;
pub(super) use tenant::{RawFallback, RawModelFallback, RawTenant};

/// All files' tables, as far as they could be read.
#[derive(Debug, Default)]
pub(super) struct RawPolicy {
    pub(super) gateway: Option<At<RawGateway>>,
    pub(super) waiting: Option<At<WaitingSettings>>,
    pub(super) retry: Option<At<RetryLimits>>,
    pub(super) providers: Vec<RawProvider>,
    pub(super) accounts: Vec<RawAccount>,
    pub(super) tenancy: Option<At<RawTenancy>>,
    pub(super) groups: Vec<RawTenantGroup>,
    pub(super) tenants: Vec<RawTenant>,
    pub(super) aliases: Vec<RawAlias>,
    pub(super) prices: Vec<RawPrice>,
    pub(super) fallbacks: Vec<RawModelFallback>,
    pub(super) files: usize,
}

/// The tables of settings, which may be spread over files.
#[derive(Default)]
pub(super) struct Settings<'t> {
    gateway: Spread<'t>,
    waiting: Spread<'t>,
    retry: Spread<'t>,
    tenancy: Spread<'t>,
}

/// Reads all files' tables.
pub(super) fn documents<'t>(documents: &'t [Document<'t>], problems: &'t Problems) -> RawPolicy {
    let (mut raw, mut settings) = (RawPolicy::default(), Settings::default());
    for document in documents {
        let spot = Spot {
            file: Some(document.file),
            ..Spot::default()
        };
        let mut fields = Fields::new(spot, &document.root, problems);
        raw.files += 1;
        tables(&mut fields, &mut raw, &mut settings);
        fields.finish();
    }
    raw.gateway = settings.gateway.read(problems, settings::gateway);
    raw.waiting = settings.waiting.read(problems, waiting::waiting);
    raw.retry = settings.retry.read(problems, waiting::retry);
    raw.tenancy = settings.tenancy.read(problems, price::tenancy);
    raw
}

/// The tables of a file.
pub(super) fn tables<'t>(
    fields: &mut Fields<'t>,
    raw: &mut RawPolicy,
    settings: &mut Settings<'t>,
) {
    fields.spread("gateway", &mut settings.gateway, settings::gateway);
    fields.spread("waiting", &mut settings.waiting, waiting::waiting);
    fields.spread("retry", &mut settings.retry, waiting::retry);
    raw.providers
        .extend(fields.tables("provider", PROVIDERS_MAX, provider::provider));
    raw.accounts
        .extend(fields.tables("account", ACCOUNTS_MAX, account::account));
    fields.spread("tenancy", &mut settings.tenancy, price::tenancy);
    raw.groups
        .extend(fields.tables("tenant_group", TENANTS_MAX, allowance::tenant_group));
    raw.prices
        .extend(fields.tables("price", LIST_MAX, price::price));
    raw.tenants
        .extend(fields.tables("tenant", TENANTS_MAX, tenant::tenant));
    raw.aliases.extend(alias::aliases(fields));
    raw.fallbacks
        .extend(fields.tables("fallback", LIST_MAX, tenant::model_fallback));
}
