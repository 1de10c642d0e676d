//! Public names, and what they lead to.
//!
//! Clients of LiteLLM speak OpenAI's API, whatever a name leads to. Here a name is served in the dialect
//! of what it leads to, and in no other. So that no client that asks in another one reaches a vendor that
//! its name does not lead to, a provider takes by name what its names say, and nothing else.

use std::collections::BTreeMap;

use super::taken::{Import, Target};
use super::yaml::Node;
use crate::import::draft::DraftAlias;
use crate::import::finding::Rating;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::pattern::ModelPattern;

/// Names that a line lists.
const LISTED_MAX: usize = 30;

/// What a name leads to, those of one dialect together: the first of them is asked first.
pub(super) fn by_dialect(import: &Import, name: &str) -> Vec<Vec<Target>> {
    let mut groups: Vec<(Dialect, Vec<Target>)> = Vec::new();
    for target in import.names.get(name).into_iter().flatten() {
        let dialect = import.dialect(target);
        match groups.iter_mut().find(|(known, _)| *known == dialect) {
            Some((_, group)) if group.iter().any(|it| it.is(target)) => {}
            Some((_, group)) => group.push(target.clone()),
            None => groups.push((dialect, vec![target.clone()])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The public name that `pattern` would take away in `dialect`: it leads elsewhere.
pub(super) fn taken_by<'i>(import: &'i Import, pattern: &str, dialect: Dialect) -> Option<&'i str> {
    let pattern: ModelPattern = pattern.parse().ok()?;
    let leads_elsewhere = |(name, targets): &(&String, &Vec<Target>)| {
        pattern.matches(name) && !targets.iter().any(|it| import.dialect(it) == dialect)
    };
    let found = import.names.iter().find(leads_elsewhere);
    found.map(|(name, _)| name.as_str())
}

/// `model_group_alias`: further names.
pub(super) fn group_aliases(import: &mut Import, value: Node<'_>) {
    for (alias, line, meant) in value.entries() {
        // Either the name itself, or what it is and whether it is hidden.
        let meant = meant.text().or_else(|| meant.get("model")?.text());
        let targets = meant.and_then(|name| import.names.get(name).cloned());
        let is_name = |_: &Vec<Target>| !alias.contains(['*', ' ']);
        let refused = match targets.as_ref().filter(|it| is_name(it)) {
            None => Some("leads to no deployment"),
            Some(_) => import
                .names
                .contains_key(alias)
                .then_some("is the name of a deployment, too"),
        };
        let (Some(mut targets), None) = (targets, refused) else {
            let why = refused.unwrap_or_default();
            import.unsupported(line, format!("model_group_alias: {alias}: {why}"));
            continue;
        };
        targets.iter_mut().for_each(|target| target.line = line);
        match targets
            .iter()
            .any(|it| import.dialect(it) == Dialect::OpenAi)
        {
            true => import.found(line, Rating::Exact, format!("model_group_alias: {alias}")),
            false => {
                let words = format!("model_group_alias: {alias}: of another dialect");
                import.found(line, Rating::Approximate, words);
            }
        }
        import.names.insert(alias.to_owned(), targets);
    }
}

/// Has names lead to models.
pub(super) fn put(import: &mut Import) {
    let names: Vec<String> = import.names.keys().cloned().collect();
    for name in &names {
        let groups = by_dialect(import, name);
        tell_of_several(import, name, &groups);
        for target in groups.iter().filter_map(|group| group.first()) {
            // A name that is the model's own is taken by its provider, but for another that takes it, too.
            if target.model != *name || is_taken_elsewhere(import, name, target) {
                import.draft.aliases.push(DraftAlias {
                    name: name.clone(),
                    model: target.model.clone(),
                    provider: target.provider,
                });
            }
        }
        tell_of_astray(import, name);
    }
    tell_of_clients(import);
}

fn is_taken_elsewhere(import: &Import, name: &str, target: &Target) -> bool {
    let dialect = import.dialect(target);
    let mut providers = import.draft.providers.iter().enumerate();
    providers.any(|(at, it)| {
        at != target.provider && it.vendor.dialect == dialect && takes(&it.by_name, name)
    })
}

fn takes<'p>(patterns: impl IntoIterator<Item = &'p String>, name: &str) -> bool {
    let matches = |pattern: &String| {
        let pattern = pattern.parse::<ModelPattern>();
        pattern.is_ok_and(|pattern| pattern.matches(name))
    };
    patterns.into_iter().any(matches)
}

fn tell_of_several(import: &mut Import, name: &str, groups: &[Vec<Target>]) {
    let line = |targets: &[Target]| targets.iter().map(|it| it.line).max().unwrap_or_default();
    for group in groups.iter().filter(|group| group.len() > 1) {
        let words = format!(
            "{name}: leads to several models: {} is asked first, the others where it cannot serve",
            group[0].model
        );
        import.found(line(group), Rating::Approximate, words);
    }
    if groups.len() > 1 {
        let of = |group: &Vec<Target>| {
            let api = api(import.dialect(&group[0]));
            format!("clients of {api} are served {}", group[0].model)
        };
        let each: Vec<String> = groups.iter().map(of).collect();
        let words = format!(
            "{name}: leads to models of several APIs: {}; none of them stands in for another",
            each.join(", ")
        );
        import.found(line(&groups.concat()), Rating::Approximate, words);
    }
}

/// Tells of a name that is, in a dialect that it does not lead to, a model of somebody else's.
fn tell_of_astray(import: &mut Import, name: &str) {
    let Some(targets) = import.names.get(name) else {
        return;
    };
    let spoken: Vec<Dialect> = targets.iter().map(|it| import.dialect(it)).collect();
    let line = targets.first().map_or(0, |target| target.line);
    let mut providers = import.draft.providers.iter();
    let other = providers.find(|it| {
        let dialect = it.vendor.dialect;
        !spoken.contains(&dialect) && dialect != Dialect::Generic && takes(&it.by_name, name)
    });
    if let Some(other) = other {
        let words = format!(
            "{name}: is also what {} calls a model of its own: clients of {} that ask for it are \
             served that one; give one of them another name",
            other.id,
            api(other.vendor.dialect)
        );
        import.unsupported(line, words);
    }
}

/// Says first which names are not for clients of OpenAI's API any more.
fn tell_of_clients(import: &mut Import) {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut first: BTreeMap<&str, &Target> = BTreeMap::new();
    for (name, targets) in &import.names {
        let is_openais = |it: &Target| import.dialect(it) == Dialect::OpenAi;
        if let Some(target) = targets.first().filter(|_| !targets.iter().any(is_openais)) {
            let api = match import.dialect(target) {
                Dialect::Generic => import.draft.providers[target.provider].id.as_str(),
                dialect => api(dialect),
            };
            names.entry(api).or_default().push(name);
            first.entry(api).or_insert(target);
        }
    }
    let line = |(api, names): (&&str, &Vec<&str>)| {
        let more = names.len().saturating_sub(LISTED_MAX);
        let mut listed = names[..names.len() - more].join(", ");
        if more > 0 {
            listed += &format!(" and {more} more");
        }
        match import.dialect(first[api]) {
            Dialect::Generic => format!(
                "clients that ask for these must now speak the API of {api}, at the base URL \
                 http://HOST:PORT/{api}: {listed}"
            ),
            _ => format!(
                "clients that ask for these must now speak {api}, at the base URL http://HOST:PORT \
                 (without /v1, which OpenAI's SDKs have at the end); OpenAI's SDKs are answered 404: \
                 {listed}"
            ),
        }
    };
    import.first = names.iter().map(line).collect();
}

/// Whose API a dialect is.
const fn api(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => "Anthropic's API",
        Dialect::OpenAi => "OpenAI's API",
        Dialect::Generic => "the vendor's own API",
    }
}
