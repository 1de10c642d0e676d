//! What admission must know of a request, and whether its tenant may ask for it.

use keyweir_policy::dialect::{Description, RefusalKind};

use super::body::Body;
use super::record::Record;
use super::refuse::Refuse;
use super::route::Routed;
use crate::gateway::Live;

/// Reads the description of a request from its path and body.
///
/// # Errors
/// If the body is not what the path asks for, or the tenant may not use the model.
pub(crate) fn describe(
    live: &Live,
    routed: &Routed<'_>,
    record: &Record,
    body: &Body,
) -> Result<Description, Refuse> {
    let mut description = routed
        .dialect
        .describe_routed(&routed.route, &body.bytes)
        .map_err(|error| {
            Refuse::new(
                RefusalKind::InvalidRequest,
                "invalid_body",
                error.to_string(),
            )
            .hopeless()
        })?;
    if description.model.is_none() {
        description.model = routed.route.model.map(str::to_owned);
    }
    let tenant = record.tenant.and_then(|tenant| live.tenant(tenant));
    if let (Some(tenant), Some(model)) = (tenant, &description.model)
        && !tenant.models.matches(model)
    {
        let message = format!("model: this client key may not use {model}");
        return Err(Refuse::new(RefusalKind::Permission, "model_not_allowed", message).hopeless());
    }
    Ok(description)
}
