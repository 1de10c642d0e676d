//! What a deployment says of its model beside how to ask for it: `model_info`, and prices.

use super::instead::instead;
use super::params::Params;
use super::taken::Import;
use super::yaml::Node;
use crate::import::draft::DraftPrice;
use crate::import::finding::Rating;

/// LiteLLM's dollars per token, and the field here, of dollars per million tokens.
const PRICES: [(&str, &str); 4] = [
    ("input_cost_per_token", "input"),
    ("output_cost_per_token", "output"),
    ("cache_read_input_token_cost", "cache_read"),
    ("cache_creation_input_token_cost", "cache_write"),
];
/// The dearest price that a policy may have, in dollars per million tokens.
const DEAREST: f64 = 1_000_000.0;

/// Whether `field` is of a price that is taken over.
pub(super) fn is_price(field: &str) -> bool {
    PRICES.iter().any(|(theirs, _)| *theirs == field)
}

/// Whether `field` is a limit that is taken over.
pub(super) fn is_limit(field: &str) -> bool {
    ["rpm", "tpm"].contains(&field)
}

/// Reads what `deployment` says of `model` at `provider`.
pub(super) fn read(
    import: &mut Import,
    (name, model, provider): (&str, &str, usize),
    (deployment, params): (Node<'_>, &Params<'_>),
) {
    let info = deployment.get("model_info");
    let said = |field: &str| params.entry(field).or_else(|| info?.entry(field));
    for (field, line, _) in info.into_iter().flat_map(Node::entries) {
        if !is_price(field) && !is_limit(field) {
            let words = format!("{name}: model_info.{field}: {}", instead(field));
            import.unsupported(line, words);
        }
    }
    let mut rates = Vec::new();
    for (theirs, ours) in PRICES {
        let Some((line, value)) = said(theirs) else {
            continue;
        };
        match value.number().and_then(per_million) {
            Some(rate) => rates.push((line, ours, rate)),
            None => import.unsupported(line, format!("{name}: {theirs}: is no price")),
        }
    }
    let Some(line) = rates.first().map(|(line, ..)| *line) else {
        return;
    };
    // Embeddings have no output: it has no price there.
    let mode = info.and_then(|info| info.get("mode")).and_then(Node::text);
    if mode == Some("embedding") && !rates.iter().any(|(_, ours, _)| *ours == "output") {
        rates.push((line, "output", "0".to_owned()));
    }
    let has = |field: &str| rates.iter().any(|(_, ours, _)| *ours == field);
    if !has("input") || !has("output") {
        let words = "a price needs input_cost_per_token and output_cost_per_token";
        return import.unsupported(line, format!("{name}: {words}"));
    }
    let is_there = |it: &DraftPrice| it.model == model && it.provider == provider;
    if !import.draft.prices.iter().any(is_there) {
        let rates = rates.into_iter().map(|(_, ours, rate)| (ours, rate));
        import.draft.prices.push(DraftPrice {
            model: model.to_owned(),
            provider,
            rates: rates.collect(),
        });
    }
    import.found(line, Rating::Exact, format!("{name}: the price of {model}"));
}

/// As a policy writes it, with six decimals at most.
fn per_million(per_token: f64) -> Option<String> {
    let rate = per_token * 1e6;
    let is_price = rate.is_finite() && (0.0..=DEAREST).contains(&rate);
    let text = is_price.then(|| format!("{rate:.6}"))?;
    let text = text.trim_end_matches('0').trim_end_matches('.');
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_per_token_are_told_per_million() {
        for (per_token, expected) in [
            (2.5e-6, Some("2.5")),
            (0.00001, Some("10")),
            (7.5e-8, Some("0.075")),
            (0.0, Some("0")),
            (-1.0, None),
            (f64::NAN, None),
            (2.0, None),
        ] {
            assert_eq!(per_million(per_token).as_deref(), expected, "{per_token}");
        }
    }
}
