//! What admission must know of a request, and whether its tenant may ask for it.

use keyweir_policy::exchange::routed::Routed;
use keyweir_policy::tenancy::permission;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::terms::request::Description;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::describe::DescribeError;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::understood::Form;

use crate::downstream::client::Client;
use crate::request::respond::refuse::Refuse;
use crate::runtime::live::Live;

/// Shorter names are looked at no further: client keys are longer, and most models' names are not.
const KEY_BYTES_MIN: usize = 32;

/// Reads the description of a request from its path and body.
///
/// # Errors
/// If the body is not what the path asks for, or has a client key in a model's place: that would stand in
/// the log, in metrics and at the provider.
pub(crate) fn describe(
    live: &Live,
    routed: &Routed<'_>,
    body: &[u8],
) -> Result<Description, Refuse> {
    let invalid =
        |reason, message| Refuse::new(RefusalKind::InvalidRequest, reason, message).non_retryable();
    let read = read(routed, body);
    let description = read.map_err(|error| invalid("invalid_body", error.to_string()))?;
    let mut models = description.model.iter().chain(&description.other_models);
    let is_key =
        |name: &String| name.len() >= KEY_BYTES_MIN && live.client_keys.find(name).is_some();
    if models.any(is_key) {
        let message = "model: this is a client key and no model; send the name of a model";
        return Err(invalid("key_as_model", message.to_owned()));
    }
    Ok(description)
}

/// Whether `tenant` may use every model that a request names; those in `granted` it may.
///
/// # Errors
/// If it may not.
pub(crate) fn permit(
    live: &Live,
    tenant: TenantId,
    (routed, granted): (&Routed<'_>, &[String]),
    (client, query): (&Client, Option<&str>),
    body: &[u8],
) -> Result<(), Refuse> {
    if let Some(tenant) = live.tenant(tenant).filter(|it| !it.models.is_any()) {
        let headers = client.headers().iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let form = Form {
            dialect: routed.dialect,
            method: client.head().method.as_str(),
            route: &routed.route,
            query,
            headers: &headers,
            body,
        };
        permission::check(&tenant.models, granted, &form).map_err(|denied| {
            let message = denied.to_string();
            Refuse::new(RefusalKind::Permission, "model_not_allowed", message).non_retryable()
        })?;
    }
    Ok(())
}

/// A body this large takes milliseconds to read through, in which its thread would serve nobody
/// else: their streams move to another thread first.
pub(super) const LARGE: usize = 1024 * 1024;

fn read(routed: &Routed<'_>, body: &[u8]) -> Result<Description, DescribeError> {
    let read = || routed.dialect.describe_routed(&routed.route, body);
    if body.len() < LARGE {
        return read();
    }
    tokio::task::block_in_place(read)
}
