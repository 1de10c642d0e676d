//! Fallbacks: of public names, and among the models of one name.

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

/// Puts all of them into the policy.
pub(super) fn put(import: &mut Import) {
    let mut steps: Vec<(Target, Vec<DraftStep>)> = Vec::new();
    let of_name = |import: &Import, name: &str| import.names.get(name).cloned();
    for targets in import.names.values() {
        for (at, target) in targets.iter().enumerate().skip(1) {
            add(import, &mut steps, (&targets[0], target), false);
            debug_assert!(at > 0, "the first is asked first");
        }
    }
    for wanted in std::mem::take(&mut import.fallbacks) {
        let Some(first) = of_name(import, &wanted.name).and_then(|it| it.into_iter().next()) else {
            let table = wanted.table();
            let words = format!("{table} of {}: no deployment is called so", wanted.name);
            import.unsupported(wanted.line, words);
            continue;
        };
        let (mut done, mut left) = (0, 0);
        for other in &wanted.others {
            for target in of_name(import, other).unwrap_or_default().iter().take(1) {
                match add(import, &mut steps, (&first, target), wanted.for_length) {
                    true => done += 1,
                    false => left += 1,
                }
            }
        }
        let missing = wanted.others.len() - done - left;
        let (rating, words) = match (done, left + missing) {
            (_, 0) => (Rating::Exact, "all of them"),
            (0, _) => (
                Rating::Unsupported,
                "they are of another dialect, or not there",
            ),
            _ => (Rating::Approximate, "without those of another dialect"),
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
}

/// Adds a step; `false` if it cannot be taken.
fn add(
    import: &Import,
    steps: &mut Vec<(Target, Vec<DraftStep>)>,
    (from, to): (&Target, &Target),
    for_length: bool,
) -> bool {
    let dialect = |target: &Target| import.draft.providers[target.provider].vendor.dialect;
    let is_same = (from.provider, &from.model) == (to.provider, &to.model);
    let has_star = from.model.contains('*') || to.model.contains('*');
    if dialect(from) != dialect(to) || is_same || has_star {
        return is_same;
    }
    let step = DraftStep {
        model: to.model.clone(),
        provider: to.provider,
        for_length,
    };
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
