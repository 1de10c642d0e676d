//! What-ifs: changes to the traffic and to the policy, and the cases they make.
//!
//! A change is a function from one validated policy to another, so what is simulated is what the
//! changed file would do: a key that is gone is gone from the pool as well as from the world.

mod change;
mod parse;

use keyweir_policy::config::file::Policy;

use self::change::{Change, NewLimit};
use self::parse::{parse_change, parse_limit, parse_scale};

/// Cases at a time, the policy as it is included: more than a table can show side by side.
const CASES_MAX: usize = 13;

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

    /// What was, with twice the limits of `account`, and twice the traffic with either.
    pub(super) fn with_twice_the_limits(account: &str) -> [Self; 4] {
        let limits = || Change::Limit {
            account: account.to_owned(),
            dimension: None,
            to: NewLimit::Times(2.0),
        };
        let case = |label: &str, changes: Vec<Change>| Self {
            label: label.to_owned(),
            changes,
        };
        let traffic = Change::Scale(2.0);
        [
            case("the hour again", Vec::new()),
            case("with twice the limits", vec![limits()]),
            case("twice the traffic", vec![traffic.clone()]),
            case(
                "twice the traffic, twice the limits",
                vec![traffic, limits()],
            ),
        ]
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
            let provider = policy.providers.values().next().expect("one");
            let of = |account| {
                provider
                    .keys
                    .values()
                    .filter(move |key| key.account == account)
            };
            let accounts = provider.accounts.ids();
            accounts
                .map(|account| of(account).count())
                .collect::<Vec<_>>()
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
        let limits = |text: &str| {
            let policy = applied(text).expect(text);
            let (_, account) = policy.accounts().next().expect("it has accounts");
            account.limits[0].per_minute
        };
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
