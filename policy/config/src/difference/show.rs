//! Values as lines of a difference show them: short, as a policy file would say them, and without
//! anything that may be a secret.

use std::path::Path;
use std::time::{Duration, SystemTime};

use keyweir_terms::pattern::{ModelPattern, ModelPatterns};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::file::SecretRef;
use crate::file::amount;
use crate::file::shown;

/// What is shown where there is nothing.
pub(super) const NONE: &str = "none";

/// Entries of a list that are shown; the line stays one that can be read.
const LISTED_MAX: usize = 8;

pub(super) fn text(text: &str) -> String {
    if shown::is_showable(text) {
        text.to_owned()
    } else {
        "(hidden)".to_owned()
    }
}

pub(super) fn list<T: AsRef<str>>(texts: &[T]) -> String {
    if texts.is_empty() {
        return NONE.to_owned();
    }
    let listed = texts.iter().take(LISTED_MAX);
    let mut listed: Vec<String> = listed.map(|it| text(it.as_ref())).collect();
    if texts.len() > LISTED_MAX {
        listed.push(format!("… {} more", texts.len() - LISTED_MAX));
    }
    listed.join(", ")
}

pub(super) fn models(models: &ModelPatterns) -> String {
    list(&models.iter().map(ModelPattern::as_str).collect::<Vec<_>>())
}

pub(super) fn path(path: &Path) -> String {
    text(&path.to_string_lossy())
}

pub(super) fn duration(duration: &Duration) -> String {
    amount::show_duration(*duration)
}

pub(super) fn size(bytes: &u64) -> String {
    amount::show_size(*bytes)
}

pub(super) fn count<N: Copy + TryInto<u64>>(count: &N) -> String {
    amount::show_count((*count).try_into().unwrap_or(u64::MAX))
}

pub(super) fn or_none<T>(show: impl Fn(&T) -> String) -> impl Fn(&Option<T>) -> String {
    move |value| value.as_ref().map_or_else(|| NONE.to_owned(), &show)
}

pub(super) fn moment(moment: &SystemTime) -> String {
    let moment = OffsetDateTime::from(*moment);
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| "a time".to_owned())
}

/// Where a secret is, and nothing of it.
pub(super) fn secret(secret: &SecretRef) -> String {
    match secret {
        SecretRef::Env(name) => format!("env {}", text(name)),
        SecretRef::File(file) => format!("file {}", path(file)),
        // Its arguments may hold a secret of their own.
        SecretRef::Command(command) => {
            let program = command.words.first().map(String::as_str);
            format!("command {}", text(program.unwrap_or_default()))
        }
        SecretRef::Literal(_) => "in the policy file".to_owned(),
    }
}

/// Where secrets are.
pub(super) fn secrets(secrets: &[SecretRef]) -> String {
    list(&secrets.iter().map(secret).collect::<Vec<_>>())
}
