//! `POST /reload`: follows the policy files as they are now, and says what that came to.

use http::{Response, StatusCode};
use serde_json::json;

use super::answer::json as page;
use super::issuers;
use crate::runtime::gateway::Gateway;
use crate::runtime::policy_status::Reloaded;
use crate::runtime::reload::{Reloader, Trigger};

/// Reloads; the answer says what is different, or what is wrong.
pub(super) async fn answer(gateway: &Gateway, reloader: &Reloader) -> Response<Vec<u8>> {
    let reloaded = reloader.reload(Trigger::Operator).await;
    let status = match reloaded {
        Reloaded::Failed(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Reloaded::Changed(_) | Reloaded::Unchanged => StatusCode::OK,
    };
    let told = reloader.status();
    let (changes, mistakes) = match &reloaded {
        Reloaded::Changed(changes) => (changes.clone(), Vec::new()),
        Reloaded::Failed(why) => (Vec::new(), why.lines().map(str::to_owned).collect()),
        Reloaded::Unchanged => (Vec::new(), Vec::new()),
    };
    // Of the files as they are: of the policy that is refused, or of the one that is in force.
    let warnings = told
        .failure
        .map_or(told.warnings, |failure| failure.warnings);
    let said = json!({
        "result": reloaded.as_str(),
        "policy": told.hash,
        "changes": changes,
        "mistakes": mistakes,
        "warnings": warnings,
        "needs_restart": told.restart,
        "secrets_failed": told.secrets,
        // Addresses are asked behind it: of those this is what they said last.
        "issuers_failed": issuers::troubles(gateway),
    });
    page(status, &said)
}
