//! What Prometheus sees. Every name and label is in the tables of this folder, one file per subject,
//! and every label is bounded: by the policy file (tenants, providers, accounts, keys) or by an
//! enum.
//!
//! Counters of the hot path are looked up once and then held: a look-up by label values costs more
//! than the rest of a request's accounting together.

mod attempts;
mod endpoints;
mod gone;
mod issuers;
mod ledger;
mod policy;
mod pools;
mod process;
mod process_files;
mod provider;
mod register;
mod requests;
mod shared;
mod tenancy;

use keyweir_policy::terms::endpoint::Endpoint;
use keyweir_policy::terms::fault::Fault;
use keyweir_policy::terms::ids::AccountId;
use keyweir_policy::terms::table::Table;

use self::attempts::Attempts;
use self::gone::drop_gone;
use self::issuers::IssuerMetrics;
use self::ledger::LedgerMetrics;
use self::process::Process;
use self::register::Register;
use self::requests::Requests;
use self::shared::SharedMetrics;
use super::outcome::Outcome;
use super::tally::Tally;

pub(crate) use self::gone::Named;
pub(crate) use self::issuers::OfIssuer;
pub(crate) use self::policy::PolicyMetrics;
pub(crate) use self::pools::Pools;
pub(crate) use self::provider::ProviderMetrics;
pub(crate) use self::requests::TenantMetrics;
pub(crate) use self::tenancy::{ModelMetrics, TenancyMetrics};

/// Every metric of one gateway.
pub struct Metrics {
    register: Register,
    pub(crate) process: Process,
    pub(crate) pools: Pools,
    pub(crate) policy: PolicyMetrics,
    pub(crate) issuers: IssuerMetrics,
    pub(crate) tenancy: TenancyMetrics,
    pub(crate) ledger: LedgerMetrics,
    pub(crate) shared: SharedMetrics,
    /// For the live page.
    pub(crate) tally: Tally,
    requests: Requests,
    attempts: Attempts,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Self {
        let register = Register::default();
        Self {
            process: Process::new(&register),
            pools: Pools::new(&register),
            policy: PolicyMetrics::new(&register),
            issuers: IssuerMetrics::new(&register),
            tenancy: TenancyMetrics::new(&register),
            ledger: LedgerMetrics::new(&register),
            shared: SharedMetrics::new(&register),
            tally: Tally::default(),
            requests: Requests::new(&register),
            attempts: Attempts::new(&register),
            register,
        }
    }

    /// The text a scrape gets.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.register.encode()
    }

    /// Drops what was counted of tenants and accounts that are not `named`.
    pub(crate) fn drop_gone(&self, named: &Named<'_>) {
        drop_gone(&self.attempts.attempts, named);
        for counters in self.requests.of_tenants() {
            drop_gone(counters, named);
        }
        self.tenancy.drop_gone(named);
    }

    /// The held counters of one provider.
    pub(crate) fn of_provider(
        &self,
        provider: &str,
        accounts: &Table<AccountId, String>,
    ) -> ProviderMetrics {
        ProviderMetrics::new(&self.requests, &self.attempts, provider, accounts)
    }

    /// The held counters of one tenant at one provider.
    pub(crate) fn of_tenant(&self, tenant: &str, provider: &str) -> TenantMetrics {
        self.requests.of_tenant(tenant, provider)
    }

    /// Counts a request that was refused before its provider was known.
    pub(crate) fn refused_early(&self, reason: &str) {
        self.requests.refused("", reason);
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, provider: &str, reason: &str) {
        self.requests.refused(provider, reason);
    }

    /// Counts an attempt by its account and fault.
    pub(crate) fn attempted(&self, provider: &ProviderMetrics, account: AccountId, fault: &Fault) {
        self.tally.attempted(fault);
        provider.attempted(&self.attempts, account, fault.as_str());
    }

    /// Counts a request by its end.
    pub(crate) fn ended(&self, tenant: &TenantMetrics, endpoint: Endpoint, outcome: Outcome) {
        self.tally.ended(outcome);
        self.requests.ended(tenant, endpoint, outcome);
    }

    /// Counts a request that ended before its tenant or provider was known.
    pub(crate) fn ended_early(&self, outcome: Outcome) {
        self.tally.ended(outcome);
        self.requests.ended_early(outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_about_metrics_has_every_metric_as_it_is_and_no_other() {
        let page = include_str!("../../../../docs/METRICS.md");
        let told = page
            .lines()
            .filter(|line| line.starts_with("| `keyweir_") || line.starts_with("| `process_"));
        let mut told: Vec<String> = told.map(str::to_owned).collect();
        let mut there = Metrics::new().register.rows();
        told.sort();
        there.sort();
        let missing: Vec<_> = there.iter().filter(|row| !told.contains(row)).collect();
        let gone: Vec<_> = told.iter().filter(|row| !there.contains(row)).collect();
        assert!(
            missing.is_empty() && gone.is_empty(),
            "missing: {missing:#?}\ngone: {gone:#?}"
        );
    }

    #[test]
    fn the_page_about_metrics_tells_how_requests_and_attempts_end() {
        let page = include_str!("../../../../docs/METRICS.md");
        let outcomes = Outcome::ALL.map(Outcome::as_str);
        let faults = [
            Fault::None,
            Fault::RateLimited { wait: None },
            Fault::TooLargeForLimit,
            Fault::KeyRejected,
            Fault::ScopeMissing,
            Fault::AccountDisabled,
            Fault::ModelDenied,
            Fault::ReferenceUnknown,
            Fault::ContextTooLong,
            Fault::BadRequest,
            Fault::ConnectFailed,
            Fault::Unverified,
            Fault::ConnectionLost,
            Fault::TimedOut,
            Fault::StreamBroken,
            Fault::ClientLeft,
            Fault::Aborted,
        ];
        let names = faults.iter().map(Fault::as_str).chain(outcomes);
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    /// The sources of `folder`, in one text.
    fn sources(folder: &Path) -> String {
        let files = std::fs::read_dir(folder).expect("a folder");
        let paths = files.map(|file| file.expect("a file").path());
        let texts = paths.map(|path| match path.is_dir() {
            true => sources(&path),
            false => std::fs::read_to_string(&path).expect("a text"),
        });
        texts.collect()
    }

    #[test]
    fn the_page_about_metrics_tells_every_reason_that_a_request_is_refused_or_cut_for() {
        let page = include_str!("../../../../docs/METRICS.md");
        let text = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/request"));
        let is_reason = |text: &&str| text.bytes().all(|it| it == b'_' || it.is_ascii_lowercase());
        let reasons = ["Refuse::new(", "invalid(", "reason: "].map(|before| {
            let after = text.split(before).skip(1);
            let first = |code: &'_ str| {
                let code = code.split(';').next().unwrap_or_default();
                let first = code.split('"').nth(1).filter(is_reason)?;
                Some(first.to_owned())
            };
            let found: Vec<String> = after.filter_map(first).collect();
            assert!(!found.is_empty(), "{before}");
            found
        });
        for reason in reasons.concat() {
            assert!(page.contains(&format!("`{reason}`")), "{reason}");
        }
    }

    #[test]
    fn what_was_counted_of_a_tenant_that_is_gone_is_dropped() {
        let metrics = Metrics::new();
        for tenant in ["", "stays", "gone"] {
            let of_tenant = metrics.of_tenant(tenant, "p");
            metrics.ended(&of_tenant, Endpoint::Inference, Outcome::Answered);
            let _ = metrics.tenancy.of_model(tenant, "other");
            metrics
                .tenancy
                .limited(tenant, "tenant_requests", "refused");
        }
        let accounts = ["a", "b"].map(str::to_owned);
        let provider = metrics.of_provider("p", &Table::from_iter(accounts));
        for account in [AccountId(0), AccountId(1)] {
            metrics.attempted(&provider, account, &Fault::None);
        }
        let before = String::from_utf8(metrics.encode()).expect("text");
        assert!(before.contains("\"gone\"") && before.contains("account=\"b\""));

        metrics.drop_gone(&Named::of(["stays"], [("p", "a")]));

        let text = String::from_utf8(metrics.encode()).expect("text");
        assert!(
            !text.contains("\"gone\"") && !text.contains("account=\"b\""),
            "{text}"
        );
        for stays in ["tenant=\"\"", "tenant=\"stays\"", "account=\"a\""] {
            let count = |text: &str| text.matches(stays).count();
            assert_eq!(count(&text), count(&before), "{stays}");
        }
    }

    #[test]
    fn a_scrape_shows_what_was_counted() {
        let metrics = Metrics::new();
        let provider = metrics.of_provider("p", &Table::from_iter(["a".to_owned()]));
        metrics.attempted(&provider, AccountId(0), &Fault::None);
        let refused = Fault::RateLimited { wait: None };
        metrics.attempted(&provider, AccountId(0), &refused);
        let tenant = metrics.of_tenant("t", "p");
        metrics.ended(&tenant, Endpoint::Inference, Outcome::Answered);

        let text = String::from_utf8(metrics.encode()).expect("text");

        for line in [
            r#"keyweir_attempts_total{account="a",fault="none",provider="p"} 1"#,
            r#"keyweir_attempts_total{account="a",fault="rate_limited",provider="p"} 1"#,
            r#"keyweir_requests_total{endpoint="inference",outcome="answered",provider="p",tenant="t"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
