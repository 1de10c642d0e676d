//! The family of a model, where the operator names no group for it.
//!
//! Providers share one bucket among the models of a family. For Anthropic's the families are known
//! (one bucket for all Opus 4.x, one for all Sonnet 4.x, and so on,
//! <https://docs.anthropic.com/en/api/rate-limits>); otherwise every model is a family of its own,
//! with dated snapshots of one model taken together.

use keyweir_terms::dialect::Dialect;

/// The family of a model, as a prefix of its name.
pub(crate) fn family(dialect: Dialect, model: &str) -> &str {
    let undated = without_date(model);
    if dialect != Dialect::Anthropic {
        return undated;
    }
    // claude-opus-4-1 → claude-opus-4; claude-3-5-sonnet stays.
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match undated.rsplit_once('-') {
        Some((family, minor))
            if is_number(minor)
                && family
                    .rsplit_once('-')
                    .is_some_and(|(_, major)| is_number(major)) =>
        {
            family
        }
        _ => undated,
    }
}

fn without_date(model: &str) -> &str {
    let model = model.strip_suffix("-latest").unwrap_or(model);
    let Some((name, last)) = model.rsplit_once('-') else {
        return model;
    };
    if last.len() == 8 && last.bytes().all(|byte| byte.is_ascii_digit()) {
        return name;
    }
    // OpenAI writes gpt-4o-2024-08-06.
    let dated = model.len() > 11
        && model.is_char_boundary(model.len() - 11)
        && model[model.len() - 11..]
            .bytes()
            .enumerate()
            .all(|(at, byte)| match at {
                0 | 5 | 8 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
    if dated {
        &model[..model.len() - 11]
    } else {
        model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_a_family_share_a_name() {
        for (dialect, model, name) in [
            (
                Dialect::Anthropic,
                "claude-opus-4-1-20250805",
                "claude-opus-4",
            ),
            (
                Dialect::Anthropic,
                "claude-opus-4-20250514",
                "claude-opus-4",
            ),
            (Dialect::Anthropic, "claude-opus-5", "claude-opus-5"),
            (Dialect::Anthropic, "claude-sonnet-4-5", "claude-sonnet-4"),
            (
                Dialect::Anthropic,
                "claude-3-5-sonnet-latest",
                "claude-3-5-sonnet",
            ),
            (
                Dialect::Anthropic,
                "claude-3-5-sonnet-20241022",
                "claude-3-5-sonnet",
            ),
            (Dialect::OpenAi, "gpt-4o-2024-08-06", "gpt-4o"),
            (Dialect::OpenAi, "gpt-4o-mini", "gpt-4o-mini"),
            (Dialect::OpenAi, "é-2024-08-06", "é"),
            (Dialect::OpenAi, "", ""),
            (Dialect::Generic, "llama-3-70", "llama-3-70"),
        ] {
            assert_eq!(family(dialect, model), name, "{model}");
        }
    }
}
