//! What-ifs: changes to the traffic and to the policy, and the cases they make.
//!
//! A change is a function from one validated policy to another, so what is simulated is what the
//! changed file would do: a key that is gone is gone from the pool as well as from the world.

use keyweir_policy::config::file::{Policy, did_you_mean};
use keyweir_policy::terms::amount::Dimension;

use super::number::factor as shown;
use super::{CASES_MAX, number};

/// The largest multiple of traffic or limits, and one over the smallest.
const FACTOR_MAX: f64 = 1_000.0;
/// The largest limit that may be set; the policy file's own bound.
const PER_MINUTE_MAX: f64 = 1e12;
/// Names that an error lists at most.
const LISTED_MAX: usize = 8;

/// What may be asked beside the policy as it is.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// What if so many times the traffic came, such as 1.2 or +20%? May be repeated.
    #[arg(
        long,
        value_name = "FACTOR",
        allow_hyphen_values = true,
        help_heading = "What if"
    )]
    scale: Vec<String>,
    /// What if this key (or all of this account's) were gone? May be repeated.
    #[arg(long, value_name = "KEY", help_heading = "What if")]
    without: Vec<String>,
    /// What if an account's limits were other ones? ACCOUNT=x2, ACCOUNT:output_tokens=x1.5, or
    /// ACCOUNT:requests=4000 (per minute). May be repeated.
    #[arg(long, value_name = "ACCOUNT=xN", help_heading = "What if")]
    limit: Vec<String>,
    /// Several of these at once, as one case: 'scale 1.2, without team-a-1, limit team-b=x2'.
    /// May be repeated.
    #[arg(long, value_name = "CHANGES", help_heading = "What if")]
    what_if: Vec<String>,
}

/// One policy and one amount of traffic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    /// What it is called.
    pub(super) label: String,
    /// How it differs from what is.
    pub(super) changes: Vec<Change>,
}

/// One thing that is different.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// So many times the traffic comes.
    Scale(f64),
    /// A key is gone, or all keys of an account.
    Without(String),
    /// An account has other limits.
    Limit {
        /// Whose.
        account: String,
        /// Which; `None`: all that are declared.
        dimension: Option<Dimension>,
        /// What they become.
        to: NewLimit,
    },
}

/// What a limit becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NewLimit {
    /// A multiple of itself.
    Times(f64),
    /// This.
    PerMinute(u64),
}

impl Arguments {
    /// The policy as it is, then every case that was asked for.
    pub(super) fn read(&self, policy: &Policy) -> Result<Vec<Case>, String> {
        let mut cases = vec![Case {
            label: "as it is".to_owned(),
            changes: Vec::new(),
        }];
        let one = |flag: &str, change: Result<Change, String>| {
            change
                .map(Case::of)
                .map_err(|wrong| format!("--{flag}: {wrong}"))
        };
        for text in &self.scale {
            cases.push(one("scale", parse_scale(text))?);
        }
        for text in &self.without {
            cases.push(one("without", Ok(Change::Without(text.clone())))?);
        }
        for text in &self.limit {
            cases.push(one("limit", parse_limit(text))?);
        }
        for text in &self.what_if {
            cases.push(parse_case(text).map_err(|wrong| format!("--what-if: {wrong}"))?);
        }
        if cases.len() > CASES_MAX {
            return Err(format!(
                "{} what-ifs, and {} fit beside each other; ask for fewer at a time",
                cases.len() - 1,
                CASES_MAX - 1
            ));
        }
        for case in &cases {
            case.check(policy)?;
        }
        Ok(cases)
    }
}

impl Case {
    fn of(change: Change) -> Self {
        Self {
            label: change.label(),
            changes: vec![change],
        }
    }

    /// How many times the traffic comes.
    pub(super) fn scale(&self) -> f64 {
        let factor = |change: &Change| match change {
            Change::Scale(factor) => *factor,
            _ => 1.0,
        };
        self.changes.iter().map(factor).product()
    }

    /// Whether all its changes can be made, before anything is simulated.
    fn check(&self, policy: &Policy) -> Result<(), String> {
        let mut changed = policy.clone();
        self.changes
            .iter()
            .try_for_each(|change| change.apply(&mut changed))
            .map_err(|wrong| format!("{}: {wrong}", self.label))
    }
}

fn parse_case(text: &str) -> Result<Case, String> {
    let changes: Vec<Change> = text
        .split(',')
        .map(parse_change)
        .collect::<Result<_, _>>()?;
    let labels: Vec<String> = changes.iter().map(Change::label).collect();
    Ok(Case {
        label: labels.join(", "),
        changes,
    })
}

fn parse_change(text: &str) -> Result<Change, String> {
    const EXAMPLES: &str = "write 'scale 1.2', 'without KEY' or 'limit ACCOUNT=x2', \
                            with commas between several";
    let text = text.trim();
    let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    if rest.is_empty() {
        return Err(format!("\"{text}\" is no change; {EXAMPLES}"));
    }
    match verb {
        "scale" => parse_scale(rest),
        "without" => Ok(Change::Without(rest.to_owned())),
        "limit" => parse_limit(rest),
        _ => Err(format!("\"{verb}\" is no change; {EXAMPLES}")),
    }
}

fn parse_scale(text: &str) -> Result<Change, String> {
    const EXAMPLES: &str = "write 1.2, x1.2, 120% or +20%";
    let text = text.trim();
    let number = match text.strip_suffix('%') {
        Some(percent) => {
            let is_relative = percent.starts_with(['+', '-']);
            let share = percent.trim().parse::<f64>().ok().map(|it| it / 100.0);
            share.map(|share| if is_relative { 1.0 + share } else { share })
        }
        None => times(text).or_else(|| text.parse().ok()),
    };
    bounded(number)
        .map(Change::Scale)
        .ok_or_else(|| format!("\"{text}\" is no multiple of the traffic; {EXAMPLES}"))
}

fn parse_limit(text: &str) -> Result<Change, String> {
    const EXAMPLES: &str = "write ACCOUNT=x2 for all of its limits, ACCOUNT:output_tokens=x2 for \
                            one, or ACCOUNT:output_tokens=800000 to set it (per minute)";
    let no_limit = || format!("\"{text}\" is no other limit; {EXAMPLES}");
    let (whose, to) = text.split_once('=').ok_or_else(no_limit)?;
    let (account, dimension) = match whose.trim().split_once(':') {
        Some((account, dimension)) => (account, Some(parse_dimension(dimension.trim())?)),
        None => (whose.trim(), None),
    };
    let to = to.trim();
    let to = match times(to) {
        Some(number) => NewLimit::Times(bounded(Some(number)).ok_or_else(no_limit)?),
        None if dimension.is_some() => NewLimit::PerMinute(per_minute(to).ok_or_else(no_limit)?),
        None => return Err(no_limit()),
    };
    Ok(Change::Limit {
        account: account.to_owned(),
        dimension,
        to,
    })
}

fn parse_dimension(text: &str) -> Result<Dimension, String> {
    let names = Dimension::ALL.map(Dimension::as_str);
    let bare = text.strip_suffix("_per_minute").unwrap_or(text);
    let found = Dimension::ALL.into_iter().find(|it| it.as_str() == bare);
    found.ok_or_else(|| {
        let hint = did_you_mean(bare, names);
        let hint = hint.unwrap_or_else(|| format!("there is {}", names.join(", ")));
        format!("no dimension is called \"{text}\"; {hint}")
    })
}

/// `x2`, `2x`, `×2`.
fn times(text: &str) -> Option<f64> {
    let marks = ['x', 'X', '×'];
    let number = text
        .strip_prefix(marks)
        .or_else(|| text.strip_suffix(marks))?;
    number.trim().parse().ok()
}

fn bounded(number: Option<f64>) -> Option<f64> {
    number.filter(|number| (1.0 / FACTOR_MAX..=FACTOR_MAX).contains(number))
}

fn per_minute(text: &str) -> Option<u64> {
    let number: u64 = text.replace('_', "").parse().ok()?;
    (number > 0 && number as f64 <= PER_MINUTE_MAX).then_some(number)
}

impl Change {
    fn label(&self) -> String {
        match self {
            Self::Scale(factor) => format!("{} × traffic", shown(*factor)),
            Self::Without(key) => format!("without {key}"),
            Self::Limit {
                account,
                dimension,
                to,
            } => {
                let what = match dimension {
                    Some(dimension) => in_words(*dimension),
                    None => "limits",
                };
                match to {
                    NewLimit::Times(factor) => {
                        format!("{} × {what} of {account}", shown(*factor))
                    }
                    NewLimit::PerMinute(limit) => {
                        format!(
                            "{account} with {} {what}/min",
                            number::amount(*limit as f64)
                        )
                    }
                }
            }
        }
    }

    /// Makes the change.
    ///
    /// # Errors
    /// If there is nothing to change.
    pub(super) fn apply(&self, policy: &mut Policy) -> Result<(), String> {
        match self {
            Self::Scale(_) => Ok(()),
            Self::Without(name) => remove(policy, name),
            Self::Limit {
                account,
                dimension,
                to,
            } => set_limits(policy, account, *dimension, *to),
        }
    }
}

/// A dimension as people say it.
pub(super) const fn in_words(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Requests => "requests",
        Dimension::InputTokens => "input tokens",
        Dimension::OutputTokens => "output tokens",
        Dimension::Tokens => "tokens",
    }
}

fn remove(policy: &mut Policy, name: &str) -> Result<(), String> {
    for account in &mut policy.accounts {
        if let Some(at) = account.keys.iter().position(|key| key.id == name) {
            account.keys.remove(at);
            return Ok(());
        }
    }
    if let Some(account) = policy.accounts.iter_mut().find(|it| it.id == name) {
        account.keys.clear();
        return Ok(());
    }
    let keys = policy.accounts.iter().flat_map(|account| &account.keys);
    let accounts = policy.accounts.iter().map(|account| account.id.as_str());
    let known: Vec<&str> = keys.map(|key| key.id.as_str()).chain(accounts).collect();
    Err(format!(
        "the policy has no key or account \"{name}\"; {}",
        hint(name, &known)
    ))
}

fn set_limits(
    policy: &mut Policy,
    name: &str,
    dimension: Option<Dimension>,
    to: NewLimit,
) -> Result<(), String> {
    let Some(account) = policy.accounts.iter_mut().find(|it| it.id == name) else {
        let known: Vec<&str> = policy.accounts.iter().map(|it| it.id.as_str()).collect();
        return Err(format!(
            "the policy has no account \"{name}\"; {}",
            hint(name, &known)
        ));
    };
    let mut changed = 0;
    for limit in &mut account.limits {
        for of in Dimension::ALL {
            if dimension.is_some_and(|it| it != of) {
                continue;
            }
            if let Some(declared) = &mut limit.per_minute[of.index()] {
                *declared = match to {
                    NewLimit::Times(factor) => times_limit(*declared, factor),
                    NewLimit::PerMinute(limit) => limit,
                };
                changed += 1;
            }
        }
    }
    if changed > 0 {
        return Ok(());
    }
    let which = dimension.map_or("", in_words);
    Err(format!(
        "account \"{name}\" declares no limit{}{which}, so there is none to change; write one \
         into the policy first, under [[account.limit]]",
        if which.is_empty() { "" } else { " of " }
    ))
}

/// Zero stays zero; nothing else becomes it.
fn times_limit(limit: u64, factor: f64) -> u64 {
    let product = (limit as f64 * factor).round().min(PER_MINUTE_MAX) as u64;
    product.max(limit.min(1))
}

fn hint(name: &str, known: &[&str]) -> String {
    did_you_mean(name, known.iter().copied()).unwrap_or_else(|| {
        let listed = &known[..known.len().min(LISTED_MAX)];
        let more = if known.len() > LISTED_MAX {
            ", …"
        } else {
            ""
        };
        format!("there is {}{more}", listed.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use keyweir_policy::config::file;

    use super::*;

    fn policy() -> Policy {
        let text = r#"
[[provider]]
id = "anthropic"
dialect = "anthropic"
base_url = "https://api.anthropic.com"
[[account]]
id = "team-a"
provider = "anthropic"
[[account.limit]]
requests_per_minute = 1000
output_tokens_per_minute = 80_000
[[account.key]]
id = "team-a-1"
secret = { env = "A" }
[[account.key]]
id = "team-a-2"
secret = { env = "B" }
[[account]]
id = "team-b"
provider = "anthropic"
[[account.key]]
id = "team-b-1"
secret = { env = "C" }
"#;
        let parsed = file::parse(&[("keys.toml", text)], SystemTime::UNIX_EPOCH);
        parsed.expect("it is right").0
    }

    fn applied(text: &str) -> Result<Policy, String> {
        let mut policy = policy();
        for change in parse_case(text)?.changes {
            change.apply(&mut policy)?;
        }
        Ok(policy)
    }

    #[test]
    fn scales_are_written_in_several_ways() {
        for text in ["1.2", "x1.2", "1.2x", "120%", "+20%", " 1.2 "] {
            let Ok(Change::Scale(factor)) = parse_scale(text) else {
                panic!("{text}");
            };
            assert!((factor - 1.2).abs() < 1e-9, "{text}");
        }
        assert_eq!(parse_scale("-20%"), Ok(Change::Scale(0.8)));
        for text in ["", "0", "-1", "nan", "inf", "lots", "-100%", "1e9"] {
            let error = parse_scale(text).expect_err(text);
            assert!(error.contains("+20%"), "{error}");
        }
    }

    #[test]
    fn keys_and_accounts_are_removed() {
        let keys = |policy: &Policy| {
            let count = |account: &file::Account| account.keys.len();
            policy.accounts.iter().map(count).collect::<Vec<_>>()
        };
        assert_eq!(keys(&applied("without team-a-1").expect("a key")), [1, 1]);
        assert_eq!(keys(&applied("without team-a").expect("all")), [0, 1]);
        let error = applied("without team-a-11").expect_err("there is none");
        assert!(error.contains("did you mean \"team-a-1\"?"), "{error}");
        let twice = applied("without team-b-1, without team-b-1").expect_err("it is gone");
        assert!(twice.contains("no key or account"), "{twice}");
    }

    #[test]
    fn limits_are_multiplied_or_set() {
        let limits = |text: &str| applied(text).expect(text).accounts[0].limits[0].per_minute;
        assert_eq!(
            limits("limit team-a=x2"),
            [Some(2000), None, Some(160_000), None]
        );
        assert_eq!(
            limits("limit team-a:output_tokens=1.5x"),
            [Some(1000), None, Some(120_000), None]
        );
        assert_eq!(
            limits("limit team-a:requests_per_minute=4_000"),
            [Some(4000), None, Some(80_000), None]
        );
        for (text, expected) in [
            ("limit team-a=2", "is no other limit"),
            ("limit team-a=x0", "is no other limit"),
            ("limit team-a", "is no other limit"),
            ("limit team-c=x2", "did you mean \"team-a\"?"),
            ("limit team-b=x2", "declares no limit, so"),
            ("limit team-a:tokens=x2", "declares no limit of tokens, so"),
            (
                "limit team-a:output=x2",
                "no dimension is called \"output\"",
            ),
            ("double team-a", "write 'scale 1.2'"),
            ("scale", "write 'scale 1.2'"),
            ("", "write 'scale 1.2'"),
        ] {
            let error = applied(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_case_may_have_several_changes() {
        let case = parse_case("scale +50%, without team-a-1, limit team-a=x2").expect("a case");
        assert_eq!(case.changes.len(), 3);
        assert_eq!(case.scale(), 1.5);
        assert_eq!(
            case.label,
            "1.5 × traffic, without team-a-1, 2 × limits of team-a"
        );
    }

    #[test]
    fn there_are_only_so_many_cases() {
        let arguments = Arguments {
            scale: vec!["2".to_owned(); CASES_MAX],
            ..Arguments::default()
        };
        let error = arguments.read(&policy()).expect_err("too many");
        assert!(error.contains("13 what-ifs, and 12 fit"), "{error}");
    }
}
