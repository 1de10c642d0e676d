//! The attribution table on one page, for operators.

use std::fmt::Write;

use crate::classify::families::FAMILIES;
use crate::classify::row::{Charge, Says, Statuses};

/// `docs/CLASSIFICATION.md`: every row, in the order in which they are tried.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Whom an answer is charged to\n\n| Charged as | Whose fault | What follows | What the client gets if nothing else helps |\n|---|---|---|---|\n");
    for charge in Charge::ALL {
        let [whose, follows, client] = charge.explained();
        let name = charge.fault(None);
        let _ = writeln!(
            page,
            "| `{}` | {whose} | {follows} | {client} |",
            name.as_str()
        );
    }
    page.push_str("\n## What providers say\n");
    for family in FAMILIES {
        let _ = write!(
            page,
            "\n### {}\n\n| Status | Says | Charged as | Source |\n|---|---|---|---|\n",
            family.name
        );
        for row in family.rows {
            let charged = row.charge.fault(None);
            let _ = writeln!(
                page,
                "| {} | {} | `{}` | {} |",
                statuses(row.statuses),
                says(row.says),
                charged.as_str(),
                row.source
            );
        }
    }
    page
}

const INTRODUCTION: &str = "\
# Whose fault an answer is

What a provider answers decides who is charged with it: the request, a key, an account, a budget, or
the provider. This page is the table that decides it. It is made from the code: after a change there,
`cargo run -p keyweir-wire --example classification > docs/CLASSIFICATION.md` writes it anew.

Rows are tried from top to bottom, whichever provider answers, and the first that fits holds. *Type or
code* is `error.type`, `error.code`, `error.status`, `details.error_code` or a `reason`; words are
compared without case; `*` stands for a name. Only how a message *begins* can take a key or an account
out of service: the rest may quote the request. A wait that is stated outranks words.

**Your own rows.** A provider may have rows of its own in the policy file; they stand before all of
these, and hold for errors inside a 2xx and in streams, too. All that a row names must fit, and what it
does not name is not looked at:

```toml
[[provider.classify]]
status = 400                  # from 400 to 599; of an error in a 2xx, the one it names or implies
code = \"quota.daily\"         # the type or code
begins = \"daily quota of *\"  # how the message begins; * stands for a name
charged_as = \"rate_limited\"  # as in the next table
```

**Success.** A 2xx is a success, unless it is a page of HTML, an empty or cut body, or an error in
JSON where an answer belongs: an error in a 2xx, or in a stream before its first content, is
classified as the status it names, or that goes with its type or code. An error after the first
content has reached the client is `stream_broken`. 3xx (but 304) and 1xx are `broken`: none of these
APIs redirects.

**Waits.** Taken from `retry-after-ms`, `x-ms-retry-after-ms`, `retry-after`, then from the body
(`retry_after`, `retry_after_ms`, `RetryInfo.retryDelay` and their like), then from its words
(\"try again in 6m0s\"): seconds, fractions, durations (`1m30s`), dates (RFC 9110, RFC 3339) and epochs.
A moment is compared with the answer's own `Date`, or with the gateway's clock. More than a month is a month; more than a year is
no wait.
";

fn statuses(statuses: Statuses) -> String {
    let ranges = statuses.iter().map(|(first, last)| match (first, last) {
        _ if first == last => first.to_string(),
        (_, &u16::MAX) => format!("{first} and above"),
        _ => format!("{first} to {last}"),
    });
    ranges.collect::<Vec<_>>().join(", ")
}

fn says(says: Says) -> String {
    match says {
        Says::Anything => "anything".to_owned(),
        Says::Code(codes) => format!("type or code {}", listed(codes)),
        Says::Begins(words) => format!("begins {}", listed(words)),
        Says::BeginsWithoutWait(words) => format!("begins {}, and names no wait", listed(words)),
        Says::Has(words) => format!("has {}", listed(words)),
        Says::Model(codes, words) => format!(
            "of a model's endpoint: {}",
            [("type or code", codes), ("begins", words)]
                .iter()
                .filter(|(_, words)| !words.is_empty())
                .map(|(what, words)| format!("{what} {}", listed(words)))
                .collect::<Vec<_>>()
                .join(", or ")
        ),
        Says::MoreThanTheLimit => "names a limit and a larger request".to_owned(),
        Says::Retry => "`x-should-retry: true`".to_owned(),
        Says::Page => "a page of HTML".to_owned(),
        Says::NoJson => "no JSON".to_owned(),
    }
}

fn listed(words: &[&str]) -> String {
    let quoted = words.iter().map(|word| {
        if word.contains('`') {
            format!("`` {word} ``")
        } else {
            format!("`{word}`")
        }
    });
    quoted.collect::<Vec<_>>().join(", ")
}

impl Charge {
    /// Whose fault it is, what follows, and what the client gets when no other attempt helps.
    const fn explained(self) -> [&'static str; 3] {
        const OWN_WORDS: &str = "503 in the gateway's words";
        const AS_IT_CAME: &str = "the provider's answer, unchanged";
        match self {
            Self::RateLimited => [
                "the account's budget for this quota group",
                "it cools down for the wait; another account, or the waiting room",
                "429 in the gateway's words, with the earliest wait of all accounts",
            ],
            Self::RampLimited => [
                "the account's budget for this quota group: it grew too fast",
                "it grows more slowly; another account",
                "429 in the gateway's words, with the earliest wait of all accounts",
            ],
            Self::TooLargeForLimit => [
                "nobody: larger than this account's limit, or than its balance affords",
                "an account with a larger limit",
                AS_IT_CAME,
            ],
            Self::KeyRejected => [
                "the key",
                "the key is out and looked at again; another key",
                OWN_WORDS,
            ],
            Self::ScopeMissing => [
                "the key, for this model or endpoint",
                "another key; this one goes on serving all else",
                "403 in the gateway's words",
            ],
            Self::OutOfMoney => [
                "the account",
                "the account is out and looked at again, after the wait if there is one; another account",
                OWN_WORDS,
            ],
            Self::AccountDisabled => [
                "the account",
                "the account is out and looked at again; another account",
                OWN_WORDS,
            ],
            Self::ModelDenied => [
                "the key, for this model",
                "another key; this one goes on serving other models",
                AS_IT_CAME,
            ],
            Self::ReferenceUnknown => [
                "the request: it names something of another account",
                "the account that made it, where it can be found",
                AS_IT_CAME,
            ],
            Self::ContextTooLong => [
                "the request: it is longer than the model's context",
                "a fallback with `on = [\"context_length\"]`, if there is one",
                AS_IT_CAME,
            ],
            Self::BadRequest => [
                "the request",
                "nothing: no other attempt would be answered otherwise",
                AS_IT_CAME,
            ],
            Self::Overloaded => [
                "the key or the provider; which, the pool sees from other keys",
                "another key; the overload gate, when several are hit",
                AS_IT_CAME,
            ],
            Self::Broken => [
                "the key or the provider; which, the pool sees from other keys",
                "another key; the breaker, when it goes on",
                AS_IT_CAME,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CLASSIFICATION.md");

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test may read what is to be checked"
    )]
    fn the_page_in_docs_is_the_table() {
        let written = std::fs::read_to_string(PATH).unwrap_or_default();
        assert!(
            written == page(),
            "docs/CLASSIFICATION.md is not the table: its beginning says how it is written anew"
        );
    }

    #[test]
    fn words_are_in_lower_case_and_every_row_has_a_source() {
        for row in FAMILIES.iter().flat_map(|family| family.rows) {
            let (Says::Code(words)
            | Says::Begins(words)
            | Says::BeginsWithoutWait(words)
            | Says::Has(words)
            | Says::Model(words, _)) = row.says
            else {
                continue;
            };
            assert!(!row.source.is_empty());
            for word in words {
                assert_eq!(*word, word.to_ascii_lowercase());
            }
        }
    }
}
