//! What has changed of fallbacks, by the models they are for.

use keyweir_exchange::fallback::Occasions;
use keyweir_terms::pattern::ModelPattern;

use super::change::{Changes, Subject};
use super::pairs::pair;
use super::show;
use crate::file::{Fallback, Policy};

/// A step by names: model, provider, account, and what it is for where that is not the usual.
pub(super) type Step = [Option<String>; 4];

/// Fallbacks for some models.
struct Listed {
    models: String,
    shown: String,
    steps: Vec<Step>,
}

pub(super) fn compare(before: &Policy, after: &Policy, changes: &mut Changes) {
    let (before, after) = (listed(before), listed(after));
    let pairs = pair(by_models(&before), by_models(&after));
    for (_, entry) in pairs.removed {
        changes.removed(Subject::Fallback(entry.shown.clone()));
    }
    for (_, entry) in pairs.added {
        let subject = Subject::Fallback(entry.shown.clone());
        changes.added(subject, show_steps(&entry.steps));
    }
    for (_, before, after) in pairs.kept {
        let subject = Subject::Fallback(before.shown.clone());
        let steps = (&*before.steps, &*after.steps);
        changes.field(&subject, "steps", steps, show_steps);
    }
    let models = by_models(&before).map(|(models, _)| models);
    let models_after = by_models(&after).map(|(models, _)| models);
    changes.order(&Subject::Fallbacks, "order", models, models_after);
}

fn by_models(side: &[Listed]) -> impl Iterator<Item = (&str, &Listed)> {
    side.iter().map(|it| (it.models.as_str(), it))
}

fn listed(policy: &Policy) -> Vec<Listed> {
    let fallbacks = policy.fallbacks.iter();
    let listed = fallbacks.map(|fallback| {
        let models = fallback.models.iter().map(ModelPattern::as_str);
        Listed {
            models: models.collect::<Vec<_>>().join(","),
            shown: show::models(&fallback.models),
            steps: steps(policy, &fallback.steps),
        }
    });
    listed.collect()
}

/// Steps by name: the ids of two policies cannot be compared.
pub(super) fn steps(policy: &Policy, steps: &[Fallback]) -> Vec<Step> {
    let step = |step: &Fallback| {
        let Fallback {
            model,
            provider,
            account,
            on,
        } = step;
        let provider = provider.map(|id| policy.provider(id).id.clone());
        let account = account.map(|(id, account)| policy.provider(id).accounts[account].id.clone());
        let on = (*on != Occasions::default()).then(|| match on.unavailable {
            true => "unavailable and context_length".to_owned(),
            false => "context_length".to_owned(),
        });
        [model.clone(), provider, account, on]
    };
    steps.iter().map(step).collect()
}

/// `model claude-x, then account team-b`.
pub(super) fn show_steps(steps: &[Step]) -> String {
    let word = |(kind, name): (&str, &Option<String>)| {
        let name = name.as_ref()?;
        Some(format!("{kind} {}", show::text(name)))
    };
    let step = |step: &Step| {
        let whom = ["model", "provider", "account"].into_iter().zip(step);
        let whom = whom.filter_map(word).collect::<Vec<_>>().join(" at ");
        let when = step.last().and_then(|on| word(("on", on)));
        [whom].into_iter().chain(when).collect::<Vec<_>>().join(" ")
    };
    let steps: Vec<String> = steps.iter().map(step).collect();
    if steps.is_empty() {
        return show::NONE.to_owned();
    }
    steps.join(", then ")
}
