//! The parts that a case is simulated in: one world per model group of a provider.

use keyweir_simulator::Scenario;

/// Accounts that one sentence lists.
const LISTED_MAX: usize = 6;

/// All worlds of one case.
pub(super) struct Built {
    pub(super) parts: Vec<Part>,
    /// What is to be known of them.
    pub(super) notes: Vec<String>,
}

/// The traffic of one model group at one provider, and who serves it.
pub(super) struct Part {
    /// The provider's name.
    pub(super) provider: String,
    /// The group's name; empty where the model makes no difference.
    pub(super) group: String,
    /// The accounts' names, in the order of the world's.
    pub(super) accounts: Vec<String>,
    /// Those that are left out because nothing is known of their limits.
    pub(super) undeclared: Vec<String>,
    /// Those that are left out because their limit is zero.
    pub(super) closed: Vec<String>,
    pub(super) scenario: Scenario,
}

impl Part {
    /// What the part is called: by its group, and by its provider if there are several parts.
    pub(super) fn name(&self) -> String {
        if self.group.is_empty() {
            self.provider.clone()
        } else {
            format!("{} at {}", self.group, self.provider)
        }
    }
}

/// Whether every part has accounts to be simulated.
///
/// # Errors
/// What to write into the policy, if not.
pub(super) fn check(built: &Built) -> Result<(), String> {
    let empty = built.parts.iter().find(|part| part.accounts.is_empty());
    empty.map_or(Ok(()), |part| Err(shortfall(part)))
}

fn shortfall(part: &Part) -> String {
    let what = if part.group.is_empty() {
        format!("provider \"{}\"", part.provider)
    } else {
        format!(
            "models of group \"{}\" at \"{}\"",
            part.group, part.provider
        )
    };
    if part.undeclared.is_empty() {
        return format!(
            "{what}: every account that could serve has a limit of 0 ({}); raise one",
            list(&part.closed)
        );
    }
    format!(
        "{what}: no account declares a limit that holds ({}), so there is nothing to simulate; \
         write what the provider's console shows under [[account]]:\n\n{EXAMPLE}",
        list(&part.undeclared)
    )
}

/// A limit as it stands in a policy.
const EXAMPLE: &str = "  [[account.limit]]
  requests_per_minute = 4000
  input_tokens_per_minute = 2000000
  output_tokens_per_minute = 400000";

/// Names in one sentence.
pub(super) fn list(names: &[String]) -> String {
    let shown = names[..names.len().min(LISTED_MAX)].join(", ");
    match names.len().saturating_sub(LISTED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
