//! Prints the table of weathers: what the policy reaches in each, what it must reach, and what an
//! all-knowing scheduler reaches with the same arrivals.
//!
//! `cargo run --release -p keyweir-simulator -- [--seed N] [--only NAME] [--harder] [--random N]`

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use keyweir_simulator::weathers::{self, Preset};
use keyweir_simulator::{Report, SnapshotTaken, bounds, random, run};

/// Runs the policy engine through the weathers and says what it reached.
#[derive(Debug, Parser)]
#[command(name = "weathers")]
struct Arguments {
    /// Everything random follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One weather alone, by name, with all there is to say of it.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// The harder worlds too, and those of several providers.
    #[arg(long)]
    harder: bool,
    /// The provider makes its budget headers when an answer's head is sent, not at admission.
    #[arg(long)]
    late_headers: bool,
    /// So many worlds drawn at random instead, from the seed and those that follow it: in how many
    /// the policy keeps up, and the worst of them made small.
    #[arg(long, value_name = "WORLDS")]
    random: Option<usize>,
    /// Of those, every one that is not held.
    #[arg(long, requires = "random")]
    all: bool,
    /// Of those, with a policy that declares all limits: what is not held then is not for want of
    /// knowing them.
    #[arg(long, requires = "random")]
    declared: bool,
    /// Of those, with refusals whose words say which limit they are for, as Anthropic's and OpenAI's do.
    #[arg(long, requires = "random", conflicts_with = "declared")]
    words: bool,
    /// Of those, without the policy: by a scheduler that looks into the provider's buckets and is never
    /// refused, but cannot tell the future.
    #[arg(long, requires = "random", conflicts_with_all = ["declared", "words"])]
    seeing: bool,
}

fn main() -> std::io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let taken = if arguments.late_headers {
        SnapshotTaken::AtHead
    } else {
        SnapshotTaken::AtAdmission
    };
    let mut out = std::io::stdout();
    if let Some(worlds) = arguments.random {
        let judge = match (arguments.declared, arguments.words, arguments.seeing) {
            (true, ..) => random::judge_declared,
            (_, true, _) => random::judge_in_words,
            (.., true) => random::judge_seeing,
            _ => random::judge,
        };
        let survey = random::survey(arguments.seed, worlds, judge);
        write!(out, "{}", survey.told(arguments.all))?;
        return Ok(if survey.is_held() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let mut presets = weathers::promised(arguments.seed, taken);
    if arguments.harder || arguments.only.is_some() {
        presets.extend(weathers::harder(arguments.seed, taken));
        presets.extend(weathers::several(arguments.seed, taken));
    }
    if let Some(only) = &arguments.only {
        let names: Vec<_> = presets.iter().map(|preset| preset.name).collect();
        if !names.contains(&only.as_str()) {
            writeln!(
                out,
                "no weather \"{only}\"; there are: {}",
                names.join(", ")
            )?;
            return Ok(ExitCode::FAILURE);
        }
        presets.retain(|preset| preset.name == only);
    }
    writeln!(
        out,
        "seed {}, budget headers made {taken:?}",
        arguments.seed
    )?;
    let held = table(&mut out, &presets, arguments.only.is_some())?;
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn table(out: &mut impl Write, presets: &[Preset], in_detail: bool) -> std::io::Result<bool> {
    writeln!(
        out,
        "{:16} {:>8} {:>8} {:>9} {:>9} {:>8} {:>17} {:>15}  held",
        "weather",
        "requests",
        "success",
        "of best",
        "upstream",
        "429/1000",
        "wait p50, p99 s",
        "best p50, p99 s"
    )?;
    let mut held = true;
    for preset in presets {
        let report = run(&preset.scenario);
        let missed = preset.bounds.missed(&preset.scenario, &report);
        held &= missed.is_empty();
        row(out, preset, &report, missed.is_empty())?;
        for missed in missed {
            writeln!(out, "{:16}   {missed}", "")?;
        }
        if in_detail {
            detail(out, preset, &report)?;
        }
    }
    Ok(held)
}

fn row(out: &mut impl Write, preset: &Preset, report: &Report, held: bool) -> std::io::Result<()> {
    writeln!(
        out,
        "{:16} {:8} {:8.4} {:9.4} {:9.4} {:8.2} {:8.3} {:8.3} {:7.3} {:7.3}  {}",
        preset.name,
        report.requests,
        if preset.bounds.streams {
            report.begun()
        } else {
            report.success()
        },
        report.goodput(),
        preset.bounds.amplification(report),
        report.refused_per_thousand(),
        report.wait(0.5),
        report.wait(0.99),
        report.oracle_wait(0.5),
        report.oracle_wait(0.99),
        if held { "yes" } else { "NO" },
    )
}

fn detail(out: &mut impl Write, preset: &Preset, report: &Report) -> std::io::Result<()> {
    writeln!(out, "{}", preset.what)?;
    writeln!(
        out,
        "refused {} (waited p50 {:.3} s, p95 {:.3} s, longest {:.3} s); broken off after content {}; \
         told that they are wrong {}, given a failure {}; answered by another choice {:.4}",
        report.refused(),
        report.refusal_wait(0.5),
        report.refusal_wait(0.95),
        report.refusal_wait(1.0),
        report.cut,
        report.told,
        report.relayed,
        report.fell_back(0.0, f64::INFINITY),
    )?;
    writeln!(
        out,
        "capacity used {:.4}; fairness {:.4}; answers by tenant {:?} of {:?}",
        bounds::capacity_used(&preset.scenario, report),
        bounds::fairness(&preset.scenario, report),
        report.answered_by_tenant,
        report.requests_by_tenant,
    )?;
    let mut from = 0.0;
    while from < preset.scenario.duration_secs {
        write!(
            out,
            "{:.0} s: {:.1}/s  ",
            from,
            report.rate(from, from + 1.0)
        )?;
        from += 1.0;
    }
    writeln!(out)?;
    for (at, notice) in &report.notices {
        writeln!(out, "{at:9.3} s  {notice:?}")?;
    }
    Ok(())
}
