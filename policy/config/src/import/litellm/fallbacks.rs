//! Fallbacks: of public names, and among the models of one name.

use super::names;
use super::taken::{Import, Target, Wanted};
use super::yaml::Node;
use crate::import::draft::{DraftFallback, DraftStep};
use crate::import::finding::Rating;

/// Steps of one list.
const STEPS_MAX: usize = 16;

/// Reads `[{name: [other, …]}, …]`.
pub(super) fn read(import: &mut Import, list: Node<'_>, for_length: bool) {
    for (name, line, others) in list.elements().flat_map(Node::entries) {
        let others = others.elements().filter_map(Node::text);
        import.fallbacks.push(Wanted {
            name: name.to_owned(),
            others: others.map(str::to_owned).collect(),
            for_length,
            line,
        });
    }
}

/// Reads `[other, …]`, for names that have no fallbacks of their own.
pub(super) fn of_all(import: &mut Import, line: usize, list: Node<'_>) {
    let others = list.elements().filter_map(Node::text);
    import.of_all = Some((line, others.map(str::to_owned).collect()));
}

/// Puts all of them into the policy.
pub(super) fn put(import: &mut Import) {
    let mut steps: Vec<(Target, Vec<DraftStep>)> = Vec::new();
    for name in import.names.keys() {
        for group in names::by_dialect(import, name) {
            for other in group.iter().skip(1) {
                add(&mut steps, (&group[0], other), false);
            }
        }
    }
    for wanted in std::mem::take(&mut import.fallbacks) {
        let from = names::by_dialect(import, &wanted.name);
        let (rating, words) = if from.is_empty() {
            (Rating::Unsupported, "no deployment is called so")
        } else {
            let others = wanted.others.iter();
            let done = others
                .filter(|other| follow(import, &mut steps, &from, (other, wanted.for_length)));
            told(done.count(), wanted.others.len())
        };
        let words = format!("{} of {}: {words}", wanted.table(), wanted.name);
        import.found(wanted.line, rating, words);
    }
    for (target, steps) in steps {
        import.draft.fallbacks.push(DraftFallback {
            model: target.model,
            steps,
        });
    }
    // The first that fits a model counts: so these come last.
    if let Some((line, others)) = import.of_all.take() {
        put_of_all(import, line, &others);
    }
}

fn put_of_all(import: &mut Import, line: usize, others: &[String]) {
    let mut steps = Vec::new();
    let mut done = 0;
    for other in others {
        let groups = names::by_dialect(import, other);
        done += usize::from(!groups.is_empty());
        // Of several dialects, requests pass over those that are not theirs.
        steps.extend(groups.iter().map(|group| step(&group[0], false)));
    }
    let left = steps.len().saturating_sub(STEPS_MAX);
    steps.truncate(STEPS_MAX);
    if !steps.is_empty() {
        import.draft.fallbacks.push(DraftFallback {
            model: "*".to_owned(),
            steps,
        });
    }
    let (rating, words) = told(done.saturating_sub(left), others.len());
    let words = format!("default_fallbacks: {words}, for requests of their dialect");
    import.found(line, rating, words);
}

/// How many of `all` are taken over, in words.
const fn told(done: usize, all: usize) -> (Rating, &'static str) {
    match done {
        0 => (
            Rating::Unsupported,
            "they are of another dialect, or not there",
        ),
        _ if done == all => (Rating::Exact, "all of them"),
        _ => (
            Rating::Approximate,
            "without those of another dialect, or that are not there",
        ),
    }
}

/// Has `other` follow in each dialect that both have models of. `false` if there is none.
fn follow(
    import: &Import,
    steps: &mut Vec<(Target, Vec<DraftStep>)>,
    from: &[Vec<Target>],
    (other, for_length): (&str, bool),
) -> bool {
    let others = names::by_dialect(import, other);
    let mut is_done = false;
    for (from, to) in from.iter().map(|from| &from[0]).flat_map(|from| {
        let to = others.iter().map(|to| &to[0]);
        to.map(move |to| (from, to))
    }) {
        if import.dialect(from) == import.dialect(to) {
            is_done |= add(steps, (from, to), for_length);
        }
    }
    is_done
}

fn step(to: &Target, for_length: bool) -> DraftStep {
    DraftStep {
        model: to.model.clone(),
        provider: to.provider,
        for_length,
    }
}

/// Adds a step; `false` if it cannot be taken.
fn add(
    steps: &mut Vec<(Target, Vec<DraftStep>)>,
    (from, to): (&Target, &Target),
    for_length: bool,
) -> bool {
    if from.is(to) {
        return true;
    }
    let step = step(to, for_length);
    let known = steps
        .iter_mut()
        .find(|(target, _)| target.model == from.model);
    match known {
        Some((_, steps)) if steps.len() >= STEPS_MAX => return false,
        Some((_, steps)) => {
            let is_there = steps.iter().any(|it| {
                (&it.model, it.provider, it.for_length) == (&step.model, step.provider, for_length)
            });
            if !is_there {
                steps.push(step);
            }
        }
        None => steps.push((from.clone(), vec![step])),
    }
    true
}
