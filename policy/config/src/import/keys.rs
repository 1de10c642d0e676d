//! A list of provider keys, one a line, with an account each.
//!
//! A line is a key, or a name and a key with `=` or `:` between them, as environment files and YAML have
//! them; `#` begins a comment. Whose key it is shows in how it begins, or in its name. The keys themselves go into a file each, which the policy names.

use std::collections::HashMap;

use super::draft::{Draft, DraftAccount, quoted};
use super::finding::{Finding, Rating};
use super::key_vendor;
use super::vendor::Vendor;
use super::{ImportError, Imported};
use crate::secret::ProviderSecret;

/// Bytes of a list that is read.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Keys that a policy has room for.
const KEYS_MAX: usize = 10_000;

/// What was made of a list, and what stands in each of the files that the policy names.
pub struct ImportedKeys {
    /// The policy, and what became of each line.
    pub imported: Imported,
    /// Names of files and their content.
    pub secrets: Vec<(String, ProviderSecret)>,
}

/// Makes a policy of `text`, whose secrets stand in files of `folder`.
///
/// # Errors
/// If there is no key in it.
pub fn import(text: &str, folder: &str) -> Result<ImportedKeys, ImportError> {
    if text.len() > BYTES_MAX {
        return Err(ImportError::TooLarge(BYTES_MAX));
    }
    let mut draft = Draft::default();
    let mut findings = Vec::new();
    let mut secrets: Vec<(String, ProviderSecret)> = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line_number = at + 1;
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (name, key) = split(line);
        let found = match (seen.get(key), read(key, name)) {
            (Some(line), _) => Err(format!("is the key of line {line}")),
            _ if draft.accounts.len() >= KEYS_MAX => Err("is one key too many".to_owned()),
            (None, read) => read,
        };
        let (rating, words) = match found {
            Err(why) => (Rating::Unsupported, format!("a key: {why}; it is left out")),
            Ok(found) => {
                seen.insert(key, line_number);
                let (account, told) = put(&mut draft, &found, name, folder);
                secrets.push((account, found.secret));
                told
            }
        };
        findings.push(Finding {
            line: line_number,
            rating,
            words,
        });
    }
    if secrets.is_empty() {
        return Err(ImportError::nothing("key", findings));
    }
    let policy = draft.text();
    let imported = Imported {
        policy,
        findings,
        ..Imported::default()
    };
    Ok(ImportedKeys { imported, secrets })
}

/// A line's name, if it has one, and its key: `NAME=KEY`, `export NAME="KEY"`, `NAME: KEY`.
fn split(line: &str) -> (Option<&str>, &str) {
    let bare = |key: &'_ str| {
        key.trim()
            .trim_end_matches(',')
            .trim_matches(['"', '\''])
            .len()
    };
    let named = line.split_once(['=', ':']).and_then(|(name, key)| {
        let name = name.trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        let name = name.trim_matches(['"', '\'']);
        // What ends in signs of equality is a key that is written in base64.
        let is_key = key.trim_matches('=').is_empty() || bare(key) == 0;
        (!name.is_empty() && !is_key).then_some((name, key))
    });
    let (name, key) = match named {
        Some((name, key)) => (Some(name), key),
        None => (None, line),
    };
    let key = key.trim().trim_end_matches(',').trim_matches(['"', '\'']);
    (name, key)
}

/// A key, and whose it is.
struct Found {
    vendor: Vendor,
    is_guess: bool,
    secret: ProviderSecret,
}

fn read(key: &str, name: Option<&str>) -> Result<Found, String> {
    if keyweir_wire::subscription_token(key) {
        return Err("it is a token of a consumer subscription, which may not be pooled".to_owned());
    }
    if let Some(suspect) = keyweir_wire::suspect_secret(key) {
        return Err(suspect.to_string());
    }
    let secret = ProviderSecret::new(key).map_err(|error| error.to_string())?;
    let (vendor, is_guess) = key_vendor::of(key, name).map_err(|error| error.to_string())?;
    Ok(Found {
        vendor,
        is_guess,
        secret,
    })
}

/// Makes an account of a key. Returns the name of its file, and what is told.
fn put(
    draft: &mut Draft,
    found: &Found,
    name: Option<&str>,
    folder: &str,
) -> (String, (Rating, String)) {
    let vendor = found.vendor;
    let provider = draft.provider(vendor, vendor.base_url);
    let id = draft.account_id(provider, name);
    let file = format!("{id}.key");
    let mut words = format!("a key of {}: account {id}", vendor.name);
    let mut rating = Rating::Exact;
    if name.is_some_and(|name| name != id) {
        rating = Rating::Approximate;
        words += ", since the name given is taken, or cannot be one here";
    }
    if found.is_guess {
        rating = Rating::Approximate;
        words += ", as it begins; if it is another vendor's, call it after that one, as \
                  DEEPSEEK_API_KEY=KEY";
    }
    let path = format!("{folder}/{file}");
    draft.accounts.push(DraftAccount {
        id,
        provider,
        secret: format!("{{ file = {} }}", quoted(&path)),
        models: [].into(),
        limits: Vec::new(),
    });
    (file, (rating, words))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn lines_have_names_in_several_forms() {
        for (line, name, key) in [
            ("k", None, "k"),
            ("N=k", Some("N"), "k"),
            ("export N='k'", Some("N"), "k"),
            ("N: \"k\"", Some("N"), "k"),
            ("\"N\": \"k\",", Some("N"), "k"),
            ("bGFzdA==", None, "bGFzdA=="),
            ("N=bGFzdA==", Some("N"), "bGFzdA=="),
        ] {
            assert_eq!(split(line), (name, key), "{line}");
        }
    }

    #[test]
    fn every_line_is_a_key_of_somebodys_or_told() {
        let text = "\u{feff}# ours\nsk-ant-api03-Qx7vJ2mWcR9tYb4L\nTEAM_B=\"sk-proj-Fk9rDq2NzUv8LxEt7AoW\"\n\
                    sk-ant-api03-Qx7vJ2mWcR9tYb4L # again\nsk-ant-oat01-Qx7vJ2mWcR9tYb4L\nwhat\n";
        let found = import(text, "secrets").expect("keys");
        let ratings = found
            .imported
            .findings
            .iter()
            .map(|it| (it.line, it.rating));
        let ratings: Vec<_> = ratings.collect();
        let no = Rating::Unsupported;
        let expected = [
            (2, Rating::Exact),
            (3, Rating::Approximate),
            (4, no),
            (5, no),
            (6, no),
        ];
        assert_eq!(ratings, expected);
        let files: Vec<&str> = found
            .secrets
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(files, ["anthropic-1.key", "team_b.key"]);
        let policy = found.imported.policy;
        assert!(!policy.contains("Qx7v"), "{policy}");
        let parsed = crate::file::parse(&[("keys.toml", &policy)], SystemTime::UNIX_EPOCH);
        let (policy, report) = parsed.unwrap_or_else(|report| panic!("{report}"));
        assert_eq!((policy.accounts().count(), report.problems.len()), (2, 0));
        assert!(import("# nothing\n", "s").is_err());
    }
}
