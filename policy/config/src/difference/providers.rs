//! What has changed of providers, their order and their model groups.

use std::path::PathBuf;

use keyweir_terms::dialect::CredentialStyle;
use keyweir_wire::classify::Rule;

use super::change::{Changes, Subject};
use super::pairs::pair;
use super::show::{self, or_none};
use crate::file::{BaseUrl, ModelGroup, Policy, Provider, ProviderHttp, ProxySetting};

pub(super) fn compare(before: &Policy, after: &Policy, changes: &mut Changes) {
    let pairs = pair(by_name(before), by_name(after));
    for (name, _) in pairs.removed {
        changes.removed(Subject::Provider(name.to_owned()));
    }
    for (name, provider) in pairs.added {
        let words = format!(
            "{} at {}",
            provider.dialect.as_str(),
            show_url(&provider.base_url)
        );
        changes.added(Subject::Provider(name.to_owned()), words);
    }
    for (_, before, after) in pairs.kept {
        compare_one(before, after, changes);
        compare_groups(before, after, changes);
    }
    let names = by_name(before).map(|(name, _)| name);
    let names_after = by_name(after).map(|(name, _)| name);
    changes.order(&Subject::Providers, "order", names, names_after);
}

fn by_name(policy: &Policy) -> impl Iterator<Item = (&str, &Provider)> {
    let providers = policy.providers_in_order();
    providers.map(|(_, provider)| (provider.id.as_str(), provider))
}

fn compare_one(before: &Provider, after: &Provider, changes: &mut Changes) {
    let Provider {
        id,
        dialect,
        base_url,
        ca_file,
        http,
        proxy,
        credential,
        stream_usage,
        whole_answers,
        models,
        rules,
        // Compared by their own names, in `compare_groups` and for all providers together.
        model_groups: _,
        accounts: _,
        keys: _,
    } = before;
    let subject = Subject::Provider(id.clone());
    let dialects = (dialect, &after.dialect);
    changes.field(&subject, "dialect", dialects, |it| it.as_str().to_owned());
    let urls = (base_url, &after.base_url);
    changes.field(&subject, "base_url", urls, show_url);
    let path = or_none(|path: &PathBuf| show::path(path));
    changes.field(&subject, "ca_file", (ca_file, &after.ca_file), path);
    let version = |http: &ProviderHttp| http.as_str().to_owned();
    changes.field(&subject, "http", (http, &after.http), version);
    changes.field(&subject, "proxy", (proxy, &after.proxy), show_proxy);
    let header = |style: &CredentialStyle| style.as_str().to_owned();
    changes.field(
        &subject,
        "credential",
        (credential, &after.credential),
        header,
    );
    let usage = (stream_usage, &after.stream_usage);
    changes.field(&subject, "stream_usage", usage, bool::to_string);
    let whole = (whole_answers, &after.whole_answers);
    changes.field(&subject, "whole_answers", whole, bool::to_string);
    changes.field(&subject, "models", (models, &after.models), show::models);
    let rules = (&**rules, &*after.rules);
    changes.field(&subject, "classify", rules, show_rules);
}

fn show_rules(rules: &[Rule]) -> String {
    let rules: Vec<String> = rules.iter().map(Rule::to_string).collect();
    show::list(&rules)
}

fn show_proxy(proxy: &ProxySetting) -> String {
    match proxy {
        ProxySetting::Environment => "the environment's".to_owned(),
        ProxySetting::Off => "off".to_owned(),
        ProxySetting::At(proxy) => show::text(&proxy.to_string()),
        ProxySetting::Env(name) => show::text(&format!("${name}")),
    }
}

fn show_url(url: &BaseUrl) -> String {
    show::text(&url.to_string())
}

fn compare_groups(before: &Provider, after: &Provider, changes: &mut Changes) {
    let subject = |group: &str| Subject::ModelGroup {
        provider: before.id.clone(),
        group: group.to_owned(),
    };
    let pairs = pair(groups(before), groups(after));
    for (name, _) in pairs.removed {
        changes.removed(subject(name));
    }
    for (name, group) in pairs.added {
        changes.added(subject(name), show::models(&group.models));
    }
    for (name, before, after) in pairs.kept {
        let models = (&before.models, &after.models);
        changes.field(&subject(name), "models", models, show::models);
    }
    let names = groups(before).map(|(name, _)| name);
    let names_after = groups(after).map(|(name, _)| name);
    let provider = Subject::Provider(before.id.clone());
    changes.order(&provider, "order of model groups", names, names_after);
}

fn groups(provider: &Provider) -> impl Iterator<Item = (&str, &ModelGroup)> {
    let groups = provider.model_groups.values();
    groups.map(|group| (group.id.as_str(), group))
}
