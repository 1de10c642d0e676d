//! A list of provider keys, one a line, with an account each.
//!
//! A line is a key, or a name and a key with `=` between them; `#` begins a comment. Whose key it is
//! shows in how it begins. The keys themselves go into a file each, which the policy names.

use std::collections::HashMap;

use super::draft::{Draft, DraftAccount, quoted};
use super::finding::{Finding, Rating};
use super::vendor;
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
        let (name, key) = line.split_once('=').unwrap_or(("", line));
        let key = key.trim().trim_matches(['"', '\'']);
        let found = match (seen.get(key), read(key)) {
            (Some(line), _) => Err(format!("is the key of line {line}")),
            _ if draft.accounts.len() >= KEYS_MAX => Err("is one key too many".to_owned()),
            (None, read) => read,
        };
        let (rating, words) = match found {
            Err(why) => (Rating::Unsupported, format!("a key: {why}; it is left out")),
            Ok((vendor, secret)) => {
                seen.insert(key, line_number);
                let provider = draft.provider(vendor, vendor.base_url);
                let wanted = Some(name.trim()).filter(|name| !name.is_empty());
                let id = draft.account_id(provider, wanted);
                let file = format!("{id}.key");
                let path = format!("{folder}/{file}");
                let (rating, other) = match wanted.filter(|wanted| *wanted != id) {
                    Some(_) => (
                        Rating::Approximate,
                        ", since the name given is taken, or cannot be one here",
                    ),
                    None => (Rating::Exact, ""),
                };
                let words = format!("a key of {}: account {id}{other}", vendor.name);
                draft.accounts.push(DraftAccount {
                    id,
                    provider,
                    secret: format!("{{ file = {} }}", quoted(&path)),
                    models: [].into(),
                    limits: Vec::new(),
                });
                secrets.push((file, secret));
                (rating, words)
            }
        };
        findings.push(Finding {
            line: line_number,
            rating,
            words,
        });
    }
    if secrets.is_empty() {
        return Err(ImportError::Nothing("key"));
    }
    let policy = draft.text();
    let imported = Imported { policy, findings };
    Ok(ImportedKeys { imported, secrets })
}

fn read(key: &str) -> Result<(vendor::Vendor, ProviderSecret), String> {
    if keyweir_wire::subscription_token(key) {
        return Err("it is a token of a consumer subscription, which may not be pooled".to_owned());
    }
    if let Some(suspect) = keyweir_wire::suspect_secret(key) {
        return Err(suspect.to_string());
    }
    let secret = ProviderSecret::new(key).map_err(|error| error.to_string())?;
    let vendor = vendor::of_key(key).ok_or("its beginning does not show whose it is")?;
    Ok((vendor, secret))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

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
