//! Reading a traffic file.

use std::time::Duration;

use keyweir_terms::time::SECS_PER_DAY;

use crate::file::fields::Fields;
use crate::file::policy::Policy;
use crate::file::problems::{At, Problems, Spot};
use crate::file::report::{Report, Severity};
use crate::file::source;
use crate::file::traffic::flow::{Flow, FlowShape, FlowTokens, Traffic};
use crate::file::traffic::rate::parse_rate;
use crate::file::traffic::resolve::{Names, resolve};
use crate::file::value::Value;

/// Flows of one file.
const FLOWS_MAX: usize = 1_000;
/// Tokens of one request: the largest context there is, with room.
const TOKENS_MAX: u64 = 10_000_000;
/// A day.
const MINUTES_MAX: u64 = 1_440;
/// The largest seed: what a number in a TOML file can be.
pub const SEED_MAX: u64 = i64::MAX as u64;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(SECS_PER_DAY);

/// Reads the traffic that `file`, a name and its text, holds, in the words of `policy`.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn parse(file: (&str, &str), policy: &Policy) -> Result<Traffic, Report> {
    let files = [file];
    let problems = Problems::default();
    let traffic = read_file(&files, &problems, policy);
    let report = problems.into_report(&files);
    match traffic {
        Some(traffic) if report.errors() == 0 => Ok(traffic),
        _ => Err(report),
    }
}

fn read_file(files: &[(&str, &str)], problems: &Problems, policy: &Policy) -> Option<Traffic> {
    let documents = source::parse_all(files, problems)?;
    let document = documents.first()?;
    let spot = Spot {
        file: Some(document.file),
        ..Spot::default()
    };
    let mut fields = Fields::new(spot.clone(), &document.root, problems);
    let traffic = traffic(&mut fields, policy);
    let is_empty = !fields.has("traffic") && !document.torn;
    fields.finish();
    if is_empty && !problems.has_unknown() {
        problems.note_with_hint(
            Severity::Error,
            spot,
            "says nothing of what comes",
            "write a [[traffic]] with rate = \"5/s\"",
        );
    }
    Some(traffic)
}

fn traffic(fields: &mut Fields<'_>, policy: &Policy) -> Traffic {
    Traffic {
        minutes: fields.optional("minutes", |value| value.count(1..=MINUTES_MAX)),
        seed: fields.optional("seed", |value| value.count(0..=SEED_MAX)),
        patience: fields.optional("patience", |value| value.duration(Duration::ZERO..=DAY)),
        first_token: fields.optional("first_token", |value| {
            value.duration(Duration::from_millis(1)..=SECOND * 600)
        }),
        tokens_per_second: fields
            .optional("tokens_per_second", |value| value.fraction(1.0..=100_000.0)),
        flows: fields.tables("traffic", FLOWS_MAX, |fields| flow(fields, policy)),
    }
}

fn flow(fields: &mut Fields<'_>, policy: &Policy) -> Option<Flow> {
    let name = |value: Value<'_>| value.at(|value| value.text().map(str::to_owned));
    let written = ["tenant", "provider", "model"].map(|field| fields.has(field));
    let names = [
        fields.optional("tenant", name),
        fields.optional("provider", name),
        fields.optional("model", name),
    ];
    let per_second = fields.required("rate", |value| {
        parse_rate(value.string()?).map_or_else(|error| value.refuse(error), Some)
    });
    let shape = shape(fields);
    let tokens = tokens(fields);
    // A name that could not be read has been complained of.
    let is_whole = written
        .iter()
        .zip(&names)
        .all(|(written, read)| !written || read.is_some());
    let [tenant, provider, model] = &names;
    let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let (tenant_name, provider_name, model_name) = (text(tenant), text(provider), text(model));
    let resolved = is_whole.then(|| {
        let names = Names {
            tenant: tenant_name.as_deref(),
            provider: provider_name.as_deref(),
            model: model_name.as_deref(),
        };
        resolve(policy, names)
    })?;
    let resolved = match resolved {
        Ok(resolved) => resolved,
        Err(wrong) => {
            let at = match wrong.field {
                "tenant" => tenant,
                "provider" => provider,
                _ => model,
            };
            let spot = at.as_ref().map_or(fields.spot(), |at| &at.spot).clone();
            let message = if at.is_none() {
                format!("{}: {}", wrong.field, wrong.message)
            } else {
                wrong.message
            };
            fields
                .problems()
                .note_with_hint(Severity::Error, spot, message, wrong.hint);
            return None;
        }
    };
    Some(Flow {
        tenant: resolved.tenant,
        provider: resolved.provider,
        model: resolved.model,
        per_second: per_second?,
        shape,
        tokens,
    })
}

fn tokens(fields: &mut Fields<'_>) -> FlowTokens {
    let default = FlowTokens::default();
    let output_max = fields.optional("max_tokens", |value| {
        value.at(|value| value.count(1..=TOKENS_MAX))
    });
    let tokens = FlowTokens {
        input: fields.or("input_tokens", default.input, |value| {
            value.count(1..=TOKENS_MAX)
        }),
        output: fields.or("output_tokens", default.output, |value| {
            value.count(0..=TOKENS_MAX)
        }),
        output_max: output_max.as_ref().map(|at| at.value),
    };
    if let Some(at) = output_max.filter(|at| at.value < tokens.output) {
        let message = format!("is below the mean output of {} tokens", tokens.output);
        let hint = "no answer is longer than max_tokens: lower output_tokens, or raise this";
        fields
            .problems()
            .note_with_hint(Severity::Error, at.spot, message, hint);
    }
    tokens
}

#[derive(Clone, Copy)]
enum Word {
    Steady,
    Bursts,
    Day,
}

const WORDS: [(&str, Word); 3] = [
    ("steady", Word::Steady),
    ("bursts", Word::Bursts),
    ("day", Word::Day),
];

fn shape(fields: &mut Fields<'_>) -> FlowShape {
    let FlowShape::Bursts {
        times,
        every,
        lasting,
    } = FlowShape::BURSTS
    else {
        unreachable!("it is that variant")
    };
    let word = fields.or("shape", Word::Steady, |value| value.one_of(&WORDS));
    let times = fields.or("burst_times", times, |value| value.fraction(1.0..=1_000.0));
    let every = fields.or("burst_every", every, |value| value.duration(SECOND..=DAY));
    let lasting_at = fields.optional("burst_lasting", |value| {
        value.at(|value| value.duration(Duration::from_millis(100)..=DAY))
    });
    let lasting = lasting_at.as_ref().map_or(lasting, |at| at.value);
    let period = fields.optional("day", |value| value.duration(SECOND * 10..=DAY));
    if lasting >= every {
        let spot = lasting_at.map_or(fields.spot().clone(), |at| at.spot);
        let hint = "make burst_lasting shorter than burst_every, which is 60s unless it is set";
        fields.problems().note_with_hint(
            Severity::Error,
            spot,
            "each burst lasts until the next",
            hint,
        );
    }
    note_what_means_nothing(fields, word);
    match word {
        Word::Steady => FlowShape::Steady,
        Word::Bursts => FlowShape::Bursts {
            times,
            every,
            lasting,
        },
        Word::Day => FlowShape::Day { period },
    }
}

/// A setting of a shape that is not the flow's would be ignored in silence.
fn note_what_means_nothing(fields: &Fields<'_>, word: Word) {
    let of_bursts = ["burst_times", "burst_every", "burst_lasting"];
    let stray = |names: &[&'static str], shape: &str| {
        for name in names.iter().filter(|name| fields.has(name)) {
            fields.problems().note_with_hint(
                Severity::Error,
                fields.spot().clone(),
                format!("{name} means nothing in this shape"),
                format!("write shape = \"{shape}\", or leave it out"),
            );
        }
    };
    if !matches!(word, Word::Bursts) {
        stray(&of_bursts, "bursts");
    }
    if !matches!(word, Word::Day) {
        stray(&["day"], "day");
    }
}

#[cfg(test)]
mod tests;
