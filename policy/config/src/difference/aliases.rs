//! What has changed of aliases, by name.

use super::change::{Changes, Subject};
use super::pairs::pair;
use super::show;
use crate::file::{Aliases, Policy};

pub(super) fn compare(before: &Policy, after: &Policy, changes: &mut Changes) {
    let before = listed(before, &before.aliases);
    let after = listed(after, &after.aliases);
    let pairs = pair(by_name(&before), by_name(&after));
    for (name, _) in pairs.removed {
        changes.removed(Subject::Alias(name.to_owned()));
    }
    for (name, leads) in pairs.added {
        changes.added(Subject::Alias(name.to_owned()), leads.clone());
    }
    for (name, before, after) in pairs.kept {
        let subject = Subject::Alias(name.to_owned());
        changes.field(&subject, "model", (before, after), String::clone);
    }
}

/// Each name with what it leads to, by the names of two policies whose ids cannot be compared.
pub(super) fn listed(policy: &Policy, aliases: &Aliases) -> Vec<(String, String)> {
    let mut listed: Vec<(String, String)> = Vec::new();
    for (name, alias) in aliases.iter() {
        let mut leads = show::text(&alias.model);
        match (alias.provider, alias.dialect) {
            (Some(id), _) => leads.push_str(&format!(" at {}", policy.provider(id).id)),
            (None, Some(dialect)) => leads.push_str(&format!(" in {}", dialect.as_str())),
            (None, None) => {}
        }
        match listed
            .last_mut()
            .filter(|(last, _)| *last == *show::text(name))
        {
            Some((_, others)) => others.push_str(&format!(", {leads}")),
            None => listed.push((show::text(name), leads)),
        }
    }
    listed
}

/// `fast: claude-haiku-4-5`.
pub(super) fn show_all(listed: &[(String, String)]) -> String {
    let lines = listed
        .iter()
        .map(|(name, leads)| format!("{name}: {leads}"));
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return show::NONE.to_owned();
    }
    lines.join("; ")
}

fn by_name(listed: &[(String, String)]) -> impl Iterator<Item = (&str, &String)> {
    listed.iter().map(|(name, leads)| (name.as_str(), leads))
}
