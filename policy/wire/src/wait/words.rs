//! A wait that stands in the words of a message.
//!
//! Read only where nothing states it: a message is made for people and may be worded otherwise
//! tomorrow. It is taken apart by characters, never by counted bytes: it may say anything.

use crate::wait::duration;
use crate::wait::moment::Moment;
use crate::wait::stated::{Stated, Unit};

/// What comes before a duration or a moment, in lower case.
const PHRASES: &[&str] = &[
    // OpenAI, Groq, Mistral: "Please try again in 6m0s."
    "try again in",
    // Azure: "Please retry after 26 seconds."
    "retry after",
    // Gemini: "Please retry in 34.07s."
    "retry in",
    // OpenRouter and edges in front: "Please wait 20 seconds".
    "please wait",
    // Gemini: "Your quota will reset after 3h20m5s."
    "reset after",
    "resets in",
    "try again at",
    "try again after",
    "resets at",
];

/// `… try again in 6m0s. …`, `… retry after 26 seconds. …`, `… will regain access on 2026-12-01 at
/// 00:00 UTC.`; `message` is in lower case.
pub(crate) fn read(message: &str) -> Option<Stated> {
    PHRASES
        .iter()
        .find_map(|phrase| after(message, phrase))
        .or_else(|| regained(message))
}

/// What follows one of the places at which `phrase` stands.
fn after(message: &str, phrase: &str) -> Option<Stated> {
    message
        .match_indices(phrase)
        .find_map(|(at, _)| duration_or_moment(&message[at + phrase.len()..]))
}

fn duration_or_moment(text: &str) -> Option<Stated> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '~' | '"'));
    if let Some((span, _)) = duration::prefix(text) {
        return Some(span.into());
    }
    if let Some(moment) = moment(text) {
        return Some(Stated::At(moment));
    }
    // A number that nothing follows: seconds.
    let (number, rest) = duration::number(text)?;
    let is_alone = rest
        .trim_start()
        .chars()
        .next()
        .is_none_or(|c| matches!(c, '.' | ',' | ';' | ')' | '"'));
    is_alone
        .then(|| Stated::from_text(number, Unit::Seconds))
        .flatten()
}

fn moment(text: &str) -> Option<Moment> {
    let first = text.split_whitespace().next()?;
    let first = first.trim_end_matches(['.', ',', ';', ')', '"']);
    Moment::from_rfc3339(&first.to_ascii_uppercase())
}

/// `… You will regain access on 2026-12-01 at 00:00 UTC.`
fn regained(message: &str) -> Option<Stated> {
    let (_, rest) = message.split_once("regain access on ")?;
    let day = rest.get(..10)?;
    let time = rest
        .get(10..)
        .and_then(|rest| rest.strip_prefix(" at ")?.get(..5))
        .unwrap_or("00:00");
    Moment::from_rfc3339(&format!("{day}T{time}:00Z")).map(Stated::At)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(message: &str) -> Option<f64> {
        let date = Moment::from_http_date("Sun, 22 Nov 2026 02:00:00 GMT");
        read(message)?.wait(date).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn messages_state_waits() {
        for (message, expected) in [
            ("rate limit reached. please try again in 6m0s.", Some(360.0)),
            ("please try again in 20ms. visit us", Some(0.02)),
            ("try again in 1.5s", Some(1.5)),
            ("try again in 20 ms", Some(0.02)),
            ("try again in\u{a0}20\u{a0}ms", Some(0.02)),
            ("try again in \u{a0}", None),
            ("please retry after 26 seconds.", Some(26.0)),
            ("please retry after 26.", Some(26.0)),
            ("please retry in 34.074824224s.", Some(34.074_824_224)),
            ("try again in 2 minutes", Some(120.0)),
            ("try again in 1 hour 5 minutes", Some(3_900.0)),
            ("your quota will reset after 3h20m5s.", Some(12_005.0)),
            ("please wait 20 seconds", Some(20.0)),
            ("try again at 2026-11-22t02:00:30z.", Some(30.0)),
            (
                "you will regain access on 2026-12-01 at 00:00 utc.",
                Some(8.0 * 86_400.0 + 22.0 * 3_600.0),
            ),
            ("you will regain access on 2026-99-99 at 00:00 utc.", None),
            ("try again in a while", None),
            ("try again in 2 weeks", None),
            ("try again in ", None),
            ("try again in a while, or try again in 5s", Some(5.0)),
            ("", None),
        ] {
            assert_eq!(secs(message), expected, "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read(
            before in "\\PC{0,9}",
            phrase in proptest::sample::select(PHRASES),
            words in "[ \u{a0}.0-9a-zµ:-]{0,12}\\PC{0,9}",
        ) {
            let _ = secs(&format!("{before}{phrase}{words}"));
            let _ = secs(&format!("{before}regain access on {words}"));
        }
    }
}
