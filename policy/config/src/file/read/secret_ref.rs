//! Where a secret is: field `secret` of a provider key, entries of a tenant's `client_keys`. No message
//! of this file quotes any of it.

use std::path::PathBuf;
use std::time::Duration;

use crate::file::fields::Fields;
use crate::file::problems::Spot;
use crate::file::read::paths::path;
use crate::file::report::Severity;
use crate::file::secret_ref::{SecretCommand, SecretRef};
use crate::file::shown;
use crate::file::value::Value;
use crate::secret::{NO_KEY, ProviderSecret};

const HOW: &str =
    "write { env = \"NAME\" }, { file = \"/path\" } or { command = [\"program\", \"argument\"] }";

/// Words of a command: a program and some options.
const WORDS_MAX: usize = 64;

/// A command runs for this long unless the policy says otherwise: a vault answers within a second or
/// two, and a start or a reload waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often a command runs again unless the policy says otherwise: vaults lease credentials for an
/// hour and more.
const REFRESH: Duration = Duration::from_secs(300);

pub(super) fn secret_ref(value: Value<'_>) -> Option<SecretRef> {
    value.table_or(by_reference, |value| literal(&value))
}

fn literal(value: &Value<'_>) -> Option<SecretRef> {
    let Some(text) = value.as_string() else {
        return value.refuse_with_hint("must say where the secret is", HOW);
    };
    if text.starts_with('$') {
        return value.refuse_with_hint(
            "environment variables are not replaced in text",
            "write { env = \"NAME\" }",
        );
    }
    match ProviderSecret::new(text) {
        Ok(secret) => {
            if text != NO_KEY {
                value.warn("the secret stands in the policy file itself", HOW);
            }
            Some(SecretRef::Literal(secret))
        }
        Err(error) => value.refuse(error.to_string()),
    }
}

/// A secret that stands elsewhere, and never in the policy file itself.
pub(super) fn elsewhere(value: Value<'_>) -> Option<SecretRef> {
    value.table_or(by_reference, |value| {
        value.refuse_with_hint("must say where the secret is", HOW)
    })
}

/// The table that says where a secret stands.
pub(super) fn by_reference(value: Value<'_>) -> Option<SecretRef> {
    let spot = value.spot().clone();
    value.table(|fields| {
        let given: Vec<&str> = ["env", "file", "command"]
            .into_iter()
            .filter(|name| fields.has(name))
            .collect();
        let env = fields.optional("env", |value| variable(&value));
        let file = fields.optional("file", |value| file(&value));
        let command = command(fields, &spot);
        let refuse = |fields: &Fields<'_>, message: String, hint: &str| {
            let problems = fields.problems();
            problems.note_with_hint(Severity::Error, spot.clone(), message, hint);
            None
        };
        match given.as_slice() {
            [] => refuse(fields, "must say where the secret is".to_owned(), HOW),
            [_] => env
                .map(SecretRef::Env)
                .or_else(|| file.map(|file: PathBuf| SecretRef::File(file)))
                .or_else(|| command.map(SecretRef::Command)),
            [one, other] => {
                let message = format!("has both {one} and {other}");
                refuse(fields, message, "keep one of them")
            }
            _ => refuse(
                fields,
                "has env, file and command".to_owned(),
                "keep one of them",
            ),
        }
    })
}

/// The command, and how it is run; what belongs to a command is unknown beside anything else.
fn command(fields: &mut Fields<'_>, spot: &Spot) -> Option<SecretCommand> {
    let is_command = fields.has("command");
    let words = fields.optional("command", |value| words(&value));
    let timeout = fields.or("timeout", TIMEOUT, |value| {
        value.duration(Duration::from_millis(100)..=Duration::from_secs(60))
    });
    let refresh = fields.or("refresh", REFRESH, |value| {
        value.duration(Duration::from_secs(1)..=Duration::from_secs(86_400))
    });
    if !is_command && (fields.has("timeout") || fields.has("refresh")) {
        fields.problems().note_with_hint(
            Severity::Error,
            spot.clone(),
            "timeout and refresh are for commands",
            "remove them; files are read anew whenever they change",
        );
    }
    Some(SecretCommand {
        words: words?,
        timeout,
        refresh,
    })
}

fn words(value: &Value<'_>) -> Option<Vec<String>> {
    if value.is_string() {
        return value.refuse_with_hint(
            "must be a list: no shell runs it",
            "write each word by itself: [\"vault\", \"read\", \"-field=key\", \"secret/llm\"]",
        );
    }
    let words = value.list(WORDS_MAX, |word| word.string().map(str::to_owned))?;
    match words.first() {
        None => value.refuse("needs a program to run"),
        Some(program) if program.trim().is_empty() => value.refuse("needs a program to run"),
        Some(_) if words.iter().any(|word| word.contains('\0')) => {
            value.refuse("may not have control characters")
        }
        Some(_) => Some(words),
    }
}

/// The path of a file that holds a secret, and not the secret.
fn file(value: &Value<'_>) -> Option<PathBuf> {
    let file = path(value)?;
    let text = value.as_string().unwrap_or_default();
    if !text.contains(['/', '.']) && !shown::is_showable(text) {
        value.warn(
            "looks like a secret itself, and not like the path of a file",
            "write the path, such as \"/run/secrets/anthropic\" (\"./\" before it for one beside this file)",
        );
    }
    Some(file)
}

pub(super) fn variable(value: &Value<'_>) -> Option<String> {
    let name = value.string()?;
    let first_fits = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    let rest_fits = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if first_fits && rest_fits && name.len() <= 256 {
        return Some(name.to_owned());
    }
    value.refuse_with_hint(
        "is not the name of an environment variable",
        "write its name, such as \"ANTHROPIC_API_KEY\", without $ and not its value",
    )
}
