//! Traffic as it was: the gateway's own access log, read back.
//!
//! A line is written when a request ends, so a request came its `duration_ms` before. Which paths
//! and models ask for inference shows in the log itself: those for which output was ever counted.
//! A request that failed has no tokens; it is taken to have had the mean of its model.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use keyweir_policy::config::file::Policy;
use keyweir_policy::config::file::traffic::{Names, resolve};
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::{ProviderId, TenantId};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A log of this size has more lines than can be simulated.
const BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Lines that are kept: more than can be simulated.
const LINES_MAX: usize = 1_000_000;
/// Models that are told apart; each group of them is a world of its own.
const KINDS_MAX: usize = 256;
/// A day.
const MINUTES_MAX: u64 = 1_440;

/// What a log holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording {
    /// Providers and models that were asked for.
    pub(super) kinds: Vec<(ProviderId, String)>,
    /// Requests, by the time they came.
    pub(super) requests: Vec<Recorded>,
    /// What was left out, and why.
    pub(super) notes: Vec<String>,
}

/// A request that came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Recorded {
    /// When, in seconds since the first.
    pub(super) at: f64,
    /// A position in [`Recording::kinds`].
    pub(super) kind: usize,
    /// Whose it was; zero where the policy has no tenants.
    pub(super) tenant: usize,
    pub(super) input: f64,
    pub(super) output: f64,
}

/// What is of interest in a line.
#[derive(Debug, Deserialize)]
struct Line {
    time: String,
    path: String,
    tenant: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    duration_ms: u64,
    input_tokens: Option<u64>,
    cache_read_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Line {
    /// The log tells cache reads beside the input; all but Anthropic count them against their limits.
    fn as_metered(&mut self, policy: &Policy) {
        let name = self.provider.as_deref().unwrap_or_default();
        let provider = policy.providers.values().find(|it| it.id == name);
        if provider.is_some_and(|it| it.dialect != Dialect::Anthropic)
            && let Some(input) = &mut self.input_tokens
        {
            *input = input.saturating_add(self.cache_read_tokens.unwrap_or_default());
        }
    }
}

impl Recording {
    /// Reads the log at `path`, in the words of `policy`.
    ///
    /// # Errors
    /// If it cannot be read, or nothing in it can be simulated.
    pub(super) fn read(path: &Path, policy: &Policy) -> Result<Self, String> {
        let (mut lines, unreadable) = lines(path)?;
        lines.iter_mut().for_each(|line| line.as_metered(policy));
        let paths: Vec<&str> = counted(&lines, |line| Some(line.path.as_str()));
        let mut recording = Self::default();
        let mut kinds = Kinds::of(&lines, policy, &mut recording.kinds);
        let mut foreign = 0;
        for line in &lines {
            if !paths.contains(&line.path.as_str()) {
                continue;
            }
            match kinds.request(line, policy) {
                Some(request) => recording.requests.push(request),
                None => foreign += 1,
            }
        }
        if recording.requests.is_empty() {
            return Err(format!(
                "{}: no line tells of a request that this policy would serve; a line of the \
                 access log is a JSON object with time, path, provider, model, duration_ms and, \
                 where there was an answer, input_tokens and output_tokens",
                path.display()
            ));
        }
        recording.notes = notes(unreadable, foreign);
        recording.begin_at_zero();
        Ok(recording)
    }

    fn begin_at_zero(&mut self) {
        self.requests.sort_by(|a, b| a.at.total_cmp(&b.at));
        let first = self.requests.first().map_or(0.0, |request| request.at);
        for request in &mut self.requests {
            request.at -= first;
        }
    }

    /// How many minutes it takes.
    ///
    /// # Errors
    /// If that is more than can be simulated.
    pub(super) fn minutes(&self) -> Result<u64, String> {
        let secs = self.requests.last().map_or(0.0, |request| request.at);
        let minutes = (secs / 60.0) as u64 + 1;
        if minutes > MINUTES_MAX {
            return Err(format!(
                "--from-log: the log spans {minutes} minutes, and {MINUTES_MAX} can be simulated; \
                 take the first with --minutes, or cut a day out of it"
            ));
        }
        Ok(minutes)
    }

    /// Only what comes within so many minutes.
    pub(super) fn cut(&mut self, minutes: u64) {
        self.requests
            .retain(|request| request.at < minutes as f64 * 60.0);
    }
}

fn notes(unreadable: usize, foreign: usize) -> Vec<String> {
    let mut notes = vec![
        "the log does not tell max_tokens, so providers that count it are taken to count the \
         output instead"
            .to_owned(),
    ];
    if unreadable > 0 {
        notes.push(format!(
            "lines of the log that are none of an access log: {unreadable}"
        ));
    }
    if foreign > 0 {
        notes.push(format!(
            "requests of the log that are left out, since their tenant, provider or model is not \
             the policy's or was never answered: {foreign}"
        ));
    }
    notes
}

/// The lines that can be read, and how many cannot.
fn lines(path: &Path) -> Result<(Vec<Line>, usize), String> {
    let failed = |error| format!("cannot read {}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut reader = BufReader::new(file.take(BYTES_MAX));
    let (mut lines, mut unreadable) = (Vec::new(), 0);
    let mut text = Vec::new();
    while reader.read_until(b'\n', &mut text).map_err(failed)? > 0 {
        match serde_json::from_slice(&text) {
            Ok(line) => lines.push(line),
            Err(_) => unreadable += 1,
        }
        text.clear();
        if lines.len() > LINES_MAX {
            break;
        }
    }
    if lines.len() > LINES_MAX || reader.into_inner().limit() == 0 {
        return Err(format!(
            "{} is larger than can be simulated ({LINES_MAX} lines, {BYTES_MAX} bytes); cut some \
             minutes out of it",
            path.display()
        ));
    }
    Ok((lines, unreadable))
}

/// What lines say for which output was counted, each once.
fn counted<'l, T: PartialEq + 'l>(lines: &'l [Line], of: impl Fn(&'l Line) -> Option<T>) -> Vec<T> {
    let mut found = Vec::new();
    for line in lines.iter().filter(|line| line.output_tokens.is_some()) {
        if let Some(thing) = of(line).filter(|thing| !found.contains(thing)) {
            if found.len() == KINDS_MAX {
                break;
            }
            found.push(thing);
        }
    }
    found
}

/// Where lines belong, and what those without tokens are taken to have had.
struct Kinds<'l> {
    places: HashMap<(&'l str, &'l str), Kind>,
    tenants: HashMap<String, usize>,
}

struct Kind {
    at: usize,
    mean_input: f64,
    mean_output: f64,
}

impl<'l> Kinds<'l> {
    fn of(lines: &'l [Line], policy: &Policy, kinds: &mut Vec<(ProviderId, String)>) -> Self {
        let mut places = HashMap::new();
        for (provider, model) in counted(lines, asked) {
            let names = Names {
                tenant: None,
                provider: Some(provider),
                model: Some(model),
            };
            let Ok(resolved) = resolve(policy, names) else {
                continue;
            };
            let of_kind = lines
                .iter()
                .filter(|it| asked(it) == Some((provider, model)));
            let answered: Vec<(u64, u64)> = of_kind
                .filter_map(|line| Some((line.input_tokens.unwrap_or(0), line.output_tokens?)))
                .collect();
            let mean = |of: fn(&(u64, u64)) -> u64| {
                answered.iter().map(of).sum::<u64>() as f64 / answered.len().max(1) as f64
            };
            let kind = Kind {
                at: kinds.len(),
                mean_input: mean(|it| it.0),
                mean_output: mean(|it| it.1),
            };
            places.insert((provider, model), kind);
            kinds.push((resolved.provider, resolved.model));
        }
        let tenants = policy.tenants.values().map(|tenant| tenant.id.clone());
        Self {
            places,
            tenants: tenants.zip(0..).collect(),
        }
    }

    fn request(&mut self, line: &'l Line, policy: &Policy) -> Option<Recorded> {
        let place = asked(line)?;
        let kind = self.places.get(&place)?;
        let tenant = match &line.tenant {
            _ if policy.tenants.is_empty() => 0,
            Some(name) => *self.tenants.get(name)?,
            None => return None,
        };
        let id = TenantId(u32::try_from(tenant).ok()?);
        let may = policy.tenants.is_empty() || policy.tenant(id).models.matches(place.1);
        let ended = OffsetDateTime::parse(&line.time, &Rfc3339).ok()?;
        let ended = ended.unix_timestamp_nanos() as f64 / 1e9;
        may.then_some(Recorded {
            at: ended - line.duration_ms as f64 / 1e3,
            kind: kind.at,
            tenant,
            input: line
                .input_tokens
                .map_or(kind.mean_input, |it| it as f64)
                .max(1.0),
            output: line.output_tokens.map_or(kind.mean_output, |it| it as f64),
        })
    }
}

fn asked(line: &Line) -> Option<(&str, &str)> {
    Some((line.provider.as_deref()?, line.model.as_deref()?))
}
