//! What is asked of the pools: a traffic file, one flow told by flags, or what a log recorded.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use keyweir_policy::config::file::traffic::{
    Flow, FlowShape, FlowTokens, Names, SEED_MAX, parse_rate, resolve,
};
use keyweir_policy::config::file::{Policy, traffic};

use crate::command::failed::Failed;
use crate::command::load::say;

use super::recorded::Recording;

/// A traffic file of a thousand flows takes a few hundred kilobytes.
const BYTES_MAX: u64 = 1024 * 1024;
/// For how long requests come unless it is said.
const MINUTES: u64 = 10;
/// The longest run: a day.
const MINUTES_MAX: u64 = 1_440;
/// Tokens of one request at most, as in traffic files.
const TOKENS_MAX: u64 = 10_000_000;
/// From sending to the first token, and how fast tokens follow, unless it is said: what large
/// models do on a usual day.
pub(super) const FIRST_TOKEN: Duration = Duration::from_millis(800);
pub(super) const TOKENS_PER_SECOND: f64 = 70.0;
/// How far shares may miss a hundred percent: three times 33.3 % is meant as all.
const SHARES_MISS_MAX: f64 = 0.5;

/// How the traffic may be told.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// The traffic, as a file; docs/simulate.md says what may stand in it.
    #[arg(long, value_name = "FILE", help_heading = "Traffic")]
    traffic: Option<PathBuf>,
    /// The traffic as it was: the gateway's access log, or a part of it.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "traffic",
        help_heading = "Traffic"
    )]
    from_log: Option<PathBuf>,
    /// How many requests come: 5/s, 300/min, 20000/h.
    #[arg(long, conflicts_with_all = ["traffic", "from_log"],
          value_parser = parse_rate, help_heading = "Traffic")]
    rate: Option<f64>,
    /// How they spread over time; the mean stays the rate [default: steady]
    #[arg(long, value_enum, conflicts_with_all = ["traffic", "from_log"], help_heading = "Traffic")]
    shape: Option<Shape>,
    /// The model they ask for; needed where the policy's limits differ by model.
    #[arg(long, conflicts_with_all = ["traffic", "from_log"], help_heading = "Traffic")]
    model: Option<String>,
    /// The provider they go to; needed where several would take them.
    #[arg(long, conflicts_with_all = ["traffic", "from_log"], help_heading = "Traffic")]
    provider: Option<String>,
    /// Mean input tokens of a request; each has half to one and a half of it [default: 1000]
    #[arg(long, value_name = "N", conflicts_with_all = ["traffic", "from_log"],
          value_parser = clap::value_parser!(u64).range(1..=TOKENS_MAX), help_heading = "Traffic")]
    input_tokens: Option<u64>,
    /// Mean output tokens, likewise [default: 300]
    #[arg(long, value_name = "N", conflicts_with_all = ["traffic", "from_log"],
          value_parser = clap::value_parser!(u64).range(0..=TOKENS_MAX), help_heading = "Traffic")]
    output_tokens: Option<u64>,
    /// The clients' max_tokens, which some providers count instead of the output [default: none]
    #[arg(long, value_name = "N", conflicts_with_all = ["traffic", "from_log"],
          value_parser = clap::value_parser!(u64).range(1..=TOKENS_MAX), help_heading = "Traffic")]
    max_tokens: Option<u64>,
    /// Whose they are, such as search=60%; once per tenant. Without it, everybody's in equal parts.
    #[arg(
        long,
        value_name = "NAME=SHARE%",
        conflicts_with_all = ["traffic", "from_log"],
        help_heading = "Traffic"
    )]
    tenant: Vec<String>,
    /// For how many minutes they come [default: 10]
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=MINUTES_MAX), help_heading = "Traffic")]
    minutes: Option<u64>,
    /// Where everything random comes from; the same seed gives the same figures [default: 1]
    #[arg(long, value_name = "N",
          value_parser = clap::value_parser!(u64).range(0..=SEED_MAX), help_heading = "Traffic")]
    seed: Option<u64>,
}

/// How requests spread over time.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// The same rate all the time.
    Steady,
    /// Ten seconds of every minute bring five times the rate of the others.
    Bursts,
    /// From nothing to twice the mean and back, once.
    Day,
}

impl Shape {
    const fn of_flow(self) -> FlowShape {
        match self {
            Self::Steady => FlowShape::Steady,
            Self::Bursts => FlowShape::BURSTS,
            Self::Day => FlowShape::Day { period: None },
        }
    }
}

/// What is asked of the pools.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) minutes: u64,
    pub(super) seed: u64,
    /// How long requests wait, whatever the policy says.
    pub(super) patience: Option<Duration>,
    pub(super) first_token: Duration,
    pub(super) tokens_per_second: f64,
    pub(super) flows: Vec<Flow>,
    /// What comes beside them.
    pub(super) recording: Recording,
    /// What was assumed.
    pub(super) notes: Vec<String>,
}

impl Asked {
    /// About how many requests come.
    pub(super) fn requests_expected(&self) -> f64 {
        let per_second: f64 = self.flows.iter().map(|flow| flow.per_second).sum();
        per_second * self.secs() + self.recording.requests.len() as f64
    }

    /// For how long they come.
    pub(super) fn secs(&self) -> f64 {
        self.minutes as f64 * 60.0
    }
}

/// Reads what is asked.
///
/// # Errors
/// If the file or the flags are wrong.
pub(super) fn read(arguments: &Arguments, policy: &Policy) -> Result<Asked, Failed> {
    let mut asked = match (&arguments.traffic, &arguments.from_log) {
        (Some(path), _) => from_file(path, policy)?,
        (None, Some(path)) => from_log(path, arguments.minutes, policy).map_err(Failed::Because)?,
        (None, None) => from_flags(arguments, policy).map_err(Failed::Because)?,
    };
    // These two say how to look, not what at, and may be told beside a file.
    asked.minutes = arguments.minutes.unwrap_or(asked.minutes);
    asked.seed = arguments.seed.unwrap_or(asked.seed);
    asked.notes = assumptions(&asked, policy);
    Ok(asked)
}

fn from_file(path: &Path, policy: &Policy) -> Result<Asked, Failed> {
    let text = text_of(path).map_err(Failed::Because)?;
    let traffic = match traffic::parse((&path.display().to_string(), &text), policy) {
        Ok(traffic) => traffic,
        Err(report) => {
            say(&report)?;
            return Err(Failed::Said);
        }
    };
    Ok(Asked {
        minutes: traffic.minutes.unwrap_or(MINUTES),
        seed: traffic.seed.unwrap_or(1),
        patience: traffic.patience,
        first_token: traffic.first_token.unwrap_or(FIRST_TOKEN),
        tokens_per_second: traffic.tokens_per_second.unwrap_or(TOKENS_PER_SECOND),
        flows: traffic.flows,
        recording: Recording::default(),
        notes: Vec::new(),
    })
}

fn from_log(path: &Path, minutes: Option<u64>, policy: &Policy) -> Result<Asked, String> {
    let mut recording = Recording::read(path, policy)?;
    let minutes = match minutes {
        Some(minutes) => minutes,
        None => recording.minutes()?,
    };
    recording.cut(minutes);
    Ok(Asked {
        minutes,
        seed: 1,
        patience: None,
        first_token: FIRST_TOKEN,
        tokens_per_second: TOKENS_PER_SECOND,
        flows: Vec::new(),
        recording,
        notes: Vec::new(),
    })
}

fn text_of(path: &Path) -> Result<String, String> {
    let unreadable = |error| format!("cannot read {}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    let read = file.take(BYTES_MAX + 1).read_to_string(&mut text);
    if read.map_err(unreadable)? as u64 > BYTES_MAX {
        return Err(format!(
            "{} is larger than {BYTES_MAX} bytes, which no traffic file is",
            path.display()
        ));
    }
    Ok(text)
}

fn from_flags(arguments: &Arguments, policy: &Policy) -> Result<Asked, String> {
    let default = FlowTokens::default();
    let tokens = FlowTokens {
        input: arguments.input_tokens.unwrap_or(default.input),
        output: arguments.output_tokens.unwrap_or(default.output),
        output_max: arguments.max_tokens,
    };
    if tokens.output_max.is_some_and(|max| max < tokens.output) {
        return Err(format!(
            "--max-tokens: is below the mean output of {} tokens; lower --output-tokens, or raise \
             it",
            tokens.output
        ));
    }
    let shape = arguments.shape.map_or(FlowShape::Steady, Shape::of_flow);
    let rate = arguments
        .rate
        .ok_or("--rate: missing; write --rate 5/s, --traffic FILE or --from-log FILE")?;
    let mut flows = Vec::new();
    for (tenant, share) in shares(&arguments.tenant)? {
        let names = Names {
            tenant,
            provider: arguments.provider.as_deref(),
            model: arguments.model.as_deref(),
        };
        let resolved = resolve(policy, names)
            .map_err(|wrong| format!("--{}: {}; {}", wrong.field, wrong.message, wrong.hint))?;
        flows.push(Flow {
            tenant: resolved.tenant,
            provider: resolved.provider,
            model: resolved.model,
            per_second: rate * share,
            shape,
            tokens,
        });
    }
    Ok(Asked {
        minutes: MINUTES,
        seed: 1,
        patience: None,
        first_token: FIRST_TOKEN,
        tokens_per_second: TOKENS_PER_SECOND,
        flows,
        recording: Recording::default(),
        notes: Vec::new(),
    })
}

/// Tenants and their shares of the rate; everybody together where none is named.
fn shares(written: &[String]) -> Result<Vec<(Option<&str>, f64)>, String> {
    if let [only] = written
        && !only.contains('=')
    {
        return Ok(vec![(Some(only), 1.0)]);
    }
    let mut shares: Vec<(Option<&str>, f64)> = Vec::new();
    for text in written {
        let (name, percent) = share(text).ok_or_else(|| {
            format!("--tenant: \"{text}\" is no share; write NAME=60%, more than 0 and at most 100")
        })?;
        if shares.iter().any(|(known, _)| *known == Some(name)) {
            return Err(format!(
                "--tenant: \"{name}\" is named twice; add the shares up"
            ));
        }
        shares.push((Some(name), percent / 100.0));
    }
    if shares.is_empty() {
        return Ok(vec![(None, 1.0)]);
    }
    let sum: f64 = shares.iter().map(|(_, share)| share * 100.0).sum();
    if (sum - 100.0).abs() > SHARES_MISS_MAX {
        return Err(format!(
            "--tenant: the shares make {sum} %, not 100 %; name everybody whose requests come"
        ));
    }
    Ok(shares)
}

fn share(text: &str) -> Option<(&str, f64)> {
    let (name, share) = text.split_once('=')?;
    let percent: f64 = share.trim().strip_suffix('%')?.trim().parse().ok()?;
    (percent > 0.0 && percent <= 100.0).then_some((name.trim(), percent))
}

/// What the traffic leaves open, and what was made of it.
fn assumptions(asked: &Asked, policy: &Policy) -> Vec<String> {
    let mut notes = asked.recording.notes.clone();
    if policy.tenants.len() > 1 && asked.flows.iter().any(|flow| flow.tenant.is_none()) {
        notes.push(
            "requests without a tenant come from all tenants that may send them, in equal parts"
                .to_owned(),
        );
    }
    let has_fallbacks = !policy.fallbacks.is_empty()
        || policy
            .tenants
            .values()
            .any(|tenant| !tenant.fallbacks.is_empty());
    if has_fallbacks {
        notes.push(
            "fallbacks are not followed: what they would have saved counts as refused".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(written: &[&str]) -> Result<Vec<(Option<String>, f64)>, String> {
        let written: Vec<String> = written.iter().map(ToString::to_string).collect();
        let owned = |(name, share): &(Option<&str>, f64)| (name.map(str::to_owned), *share);
        Ok(shares(&written)?.iter().map(owned).collect())
    }

    #[test]
    fn shares_make_a_whole() {
        assert_eq!(told(&[]), Ok(vec![(None, 1.0)]));
        assert_eq!(told(&["a"]), Ok(vec![(Some("a".to_owned()), 1.0)]));
        let two = told(&["a=60%", "b= 40 %"]).expect("a whole");
        assert_eq!(two[0], (Some("a".to_owned()), 0.6));
        assert!(told(&["a=33.3%", "b=33.3%", "c=33.3%"]).is_ok());
        for (written, expected) in [
            (&["a=60%"][..], "make 60 %, not 100 %"),
            (&["a=60%", "b=50%"], "make 110 %"),
            (&["a=50%", "a=50%"], "\"a\" is named twice"),
            (&["a=0%", "b=100%"], "write NAME=60%"),
            (&["a=60"], "write NAME=60%"),
            (&["a", "b"], "write NAME=60%"),
            (&["a=nan%"], "write NAME=60%"),
        ] {
            let error = told(written).expect_err("no whole");
            assert!(error.contains(expected), "{written:?}: {error}");
        }
    }
}
