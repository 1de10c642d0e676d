//! A policy in the making, and its text.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write;

use super::vendor::Vendor;
use keyweir_terms::pattern::ModelPattern;

/// A policy in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) providers: Vec<DraftProvider>,
    pub(super) accounts: Vec<DraftAccount>,
    pub(super) tenants: Vec<DraftTenant>,
    pub(super) aliases: Vec<DraftAlias>,
    pub(super) fallbacks: Vec<DraftFallback>,
    pub(super) prices: Vec<DraftPrice>,
    /// `[retry] attempts_max`.
    pub(super) attempts_max: Option<u64>,
    /// Names of accounts.
    taken: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct DraftProvider {
    pub(super) id: String,
    pub(super) vendor: Vendor,
    pub(super) base_url: String,
    /// The models that come to it by their names, without it being named. Empty: any.
    pub(super) by_name: BTreeSet<String>,
    /// The number of its last account that has no name of its own.
    accounts: usize,
}

#[derive(Debug)]
pub(super) struct DraftAccount {
    pub(super) id: String,
    /// Its place among the providers.
    pub(super) provider: usize,
    /// As TOML writes it: `{ env = "NAME" }`.
    pub(super) secret: String,
    /// Empty: any.
    pub(super) models: BTreeSet<String>,
    pub(super) limits: Vec<DraftLimit>,
}

#[derive(Debug)]
pub(super) struct DraftLimit {
    pub(super) model: String,
    pub(super) requests: Option<u64>,
    pub(super) tokens: Option<u64>,
}

#[derive(Debug)]
pub(super) struct DraftTenant {
    pub(super) id: String,
    /// As TOML writes it.
    pub(super) client_key: String,
}

#[derive(Debug)]
pub(super) struct DraftAlias {
    pub(super) name: String,
    pub(super) model: String,
    pub(super) provider: usize,
}

/// The price of a model at a provider.
#[derive(Debug)]
pub(super) struct DraftPrice {
    pub(super) model: String,
    pub(super) provider: usize,
    /// Fields and what they say.
    pub(super) rates: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(super) struct DraftFallback {
    pub(super) model: String,
    pub(super) steps: Vec<DraftStep>,
}

#[derive(Clone, Debug)]
pub(super) struct DraftStep {
    pub(super) model: String,
    pub(super) provider: usize,
    /// For requests longer than the model's context, and not where it cannot serve.
    pub(super) for_length: bool,
}

impl Draft {
    /// The provider of `vendor` at `base_url`, made if it is not there.
    pub(super) fn provider(&mut self, vendor: Vendor, base_url: &str) -> usize {
        let same = |it: &DraftProvider| it.vendor == vendor && it.base_url == base_url;
        if let Some(at) = self.providers.iter().position(same) {
            return at;
        }
        let taken = self.providers.iter().map(|it| it.id.as_str()).collect();
        let id = free(&slug(vendor.name), &taken);
        self.providers.push(DraftProvider {
            id,
            vendor,
            base_url: base_url.to_owned(),
            by_name: BTreeSet::new(),
            accounts: 0,
        });
        self.providers.len() - 1
    }

    /// A name for an account that no other has: the one that is wanted, if it is free.
    pub(super) fn account_id(&mut self, provider: usize, wanted: Option<&str>) -> String {
        if let Some(wanted) = wanted.map(slug)
            && self.taken.insert(wanted.clone())
        {
            return wanted;
        }
        let provider = &mut self.providers[provider];
        loop {
            provider.accounts += 1;
            let id = format!("{}-{}", provider.id, provider.accounts);
            if self.taken.insert(id.clone()) {
                return id;
            }
        }
    }

    /// The policy file.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(attempts) = self.attempts_max {
            let _ = write!(text, "[retry]\nattempts_max = {attempts}\n\n");
        }
        // The first that takes a model has it: so those that take most come last.
        let mut order: Vec<usize> = (0..self.providers.len()).collect();
        order.sort_by_key(|at| Reverse(self.providers[*at].least_named()));
        for at in order {
            self.write_provider(&mut text, at);
        }
        for account in &self.accounts {
            self.write_account(&mut text, account);
        }
        for tenant in &self.tenants {
            let (id, key) = (quoted(&tenant.id), &tenant.client_key);
            let _ = write!(text, "[[tenant]]\nid = {id}\nclient_keys = [{key}]\n\n");
        }
        for alias in &self.aliases {
            let (name, model) = (quoted(&alias.name), quoted(&alias.model));
            let provider = quoted(&self.providers[alias.provider].id);
            let _ = write!(
                text,
                "[[alias]]\nname = {name}\nmodel = {model}\nprovider = {provider}\n\n"
            );
        }
        for fallback in &self.fallbacks {
            self.write_fallback(&mut text, fallback);
        }
        for price in &self.prices {
            let (model, provider) = (quoted(&price.model), &self.providers[price.provider].id);
            let provider = quoted(provider);
            let _ = write!(
                text,
                "[[price]]\nmodels = [{model}]\nprovider = {provider}\n"
            );
            for (field, rate) in &price.rates {
                let _ = writeln!(text, "{field} = {rate}");
            }
            text.push('\n');
        }
        text
    }

    fn write_provider(&self, text: &mut String, at: usize) {
        let provider = &self.providers[at];
        let _ = write!(
            text,
            "[[provider]]\nid = {}\ndialect = {}\nbase_url = {}\n",
            quoted(&provider.id),
            quoted(provider.vendor.dialect.as_str()),
            quoted(&provider.base_url),
        );
        if let Some(credential) = provider.vendor.credential {
            let _ = writeln!(text, "credential = {}", quoted(credential));
        }
        // Of several providers of a dialect each gets its own models, and none gets more by name than
        // is meant.
        let dialect = provider.vendor.dialect;
        let same = self.providers.iter().map(|it| it.vendor.dialect);
        let is_one = same.filter(|it| *it == dialect).count() == 1;
        if !is_one || self.models_of(at) != provider.by_name {
            let models = needed(&provider.by_name);
            if !models.is_empty() {
                let _ = writeln!(text, "models = {}", list(models));
            }
        }
        text.push('\n');
    }

    /// The models of all its accounts.
    fn models_of(&self, provider: usize) -> BTreeSet<String> {
        let accounts = self.accounts.iter().filter(|it| it.provider == provider);
        accounts.flat_map(|it| it.models.iter().cloned()).collect()
    }

    fn write_account(&self, text: &mut String, account: &DraftAccount) {
        let (id, provider) = (quoted(&account.id), &self.providers[account.provider].id);
        let provider = quoted(provider);
        let _ = write!(text, "[[account]]\nid = {id}\nprovider = {provider}\n");
        let models = needed(&account.models);
        if !models.is_empty() {
            let _ = writeln!(text, "models = {}", list(models));
        }
        for limit in &account.limits {
            let _ = writeln!(text, "[[account.limit]]");
            if limit.model != "*" {
                let _ = writeln!(text, "models = [{}]", quoted(&limit.model));
            }
            if let Some(requests) = limit.requests {
                let _ = writeln!(text, "requests_per_minute = {requests}");
            }
            if let Some(tokens) = limit.tokens {
                let _ = writeln!(text, "tokens_per_minute = {tokens}");
            }
        }
        let key = quoted(&format!("{}-key", account.id));
        let secret = &account.secret;
        let _ = write!(text, "[[account.key]]\nid = {key}\nsecret = {secret}\n\n");
    }

    fn write_fallback(&self, text: &mut String, fallback: &DraftFallback) {
        let step = |step: &DraftStep| {
            let (model, provider) = (quoted(&step.model), &self.providers[step.provider].id);
            let on = if step.for_length {
                ", on = [\"context_length\"]"
            } else {
                ""
            };
            format!("{{ model = {model}, provider = {}{on} }}", quoted(provider))
        };
        let steps: Vec<String> = fallback.steps.iter().map(step).collect();
        let model = quoted(&fallback.model);
        let steps = steps.join(", ");
        let _ = write!(
            text,
            "[[fallback]]\nmodels = [{model}]\nsteps = [{steps}]\n\n"
        );
    }
}

impl DraftProvider {
    /// How many letters the least of its patterns wants of a name that it matches; the most if it has
    /// nothing but names.
    fn least_named(&self) -> usize {
        let starred = self.by_name.iter().filter(|it| it.contains('*'));
        let letters = starred.map(|it| it.len() - it.matches('*').count());
        letters.min().unwrap_or(usize::MAX)
    }
}

/// Of models, those that no other of them stands for.
fn needed(models: &BTreeSet<String>) -> Vec<&String> {
    let stands_for = |other: &String, model: &String| {
        let pattern = other.parse::<ModelPattern>();
        other != model && pattern.is_ok_and(|pattern| pattern.matches(model))
    };
    let is_needed = |model: &&String| !models.iter().any(|other| stands_for(other, model));
    models.iter().filter(is_needed).collect()
}

/// A name as ids are written: of `a-z0-9-_.`.
pub(super) fn slug(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let slug: String = text
        .chars()
        .map(|c| {
            if plain(c) {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(48)
        .collect();
    let slug = slug.trim_start_matches(['-', '_', '.']);
    match slug {
        "" | "api" | "v1" | "v2" => "provider".to_owned(),
        slug => slug.to_owned(),
    }
}

fn free(name: &str, taken: &BTreeSet<&str>) -> String {
    let mut found = name.to_owned();
    let mut count = 1;
    while taken.contains(found.as_str()) {
        count += 1;
        found = format!("{name}-{count}");
    }
    found
}

fn list<'s>(texts: impl IntoIterator<Item = &'s String>) -> String {
    let texts = texts.into_iter().map(|text| quoted(text));
    format!("[{}]", texts.collect::<Vec<_>>().join(", "))
}

/// A string as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
