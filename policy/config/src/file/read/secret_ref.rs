//! Field `secret` of a provider key. No message of this file quotes any of it.

use std::path::PathBuf;

use crate::file::policy::SecretRef;
use crate::file::read::settings::path;
use crate::file::report::Severity;
use crate::file::value::Value;
use crate::secret::ProviderSecret;

const HOW: &str = "write { env = \"NAME\" } or { file = \"/path\" }";

pub(super) fn secret_ref(value: Value<'_>) -> Option<SecretRef> {
    if value.is_table() {
        by_reference(value)
    } else {
        literal(&value)
    }
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
            value.warn("the secret stands in the policy file itself", HOW);
            Some(SecretRef::Literal(secret))
        }
        Err(error) => value.refuse(error.to_string()),
    }
}

fn by_reference(value: Value<'_>) -> Option<SecretRef> {
    let spot = value.spot().clone();
    value.table(|fields| {
        let both = fields.has("env") && fields.has("file");
        let neither = !fields.has("env") && !fields.has("file");
        let env = fields.optional("env", |value| variable(&value));
        let file = fields.optional("file", |value| path(&value));
        if both {
            fields.problems().note_with_hint(
                Severity::Error,
                spot,
                "has both env and file",
                "keep one of them",
            );
            return None;
        }
        if neither {
            fields.problems().note_with_hint(
                Severity::Error,
                spot,
                "must say where the secret is",
                HOW,
            );
            return None;
        }
        env.map(SecretRef::Env)
            .or_else(|| file.map(|file: PathBuf| SecretRef::File(file)))
    })
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
