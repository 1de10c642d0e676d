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

/// Reads the description of a request from its path and body.
///
/// # Errors
/// If the body is not what the path asks for.
pub(crate) fn describe(routed: &Routed<'_>, body: &[u8]) -> Result<Description, Refuse> {
    read(routed, body).map_err(|error| {
        let message = error.to_string();
        Refuse::new(RefusalKind::InvalidRequest, "invalid_body", message).non_retryable()
    })
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
const LARGE: usize = 1024 * 1024;

fn read(routed: &Routed<'_>, body: &[u8]) -> Result<Description, DescribeError> {
    let read = || routed.dialect.describe_routed(&routed.route, body);
    if body.len() < LARGE {
        return read();
    }
    tokio::task::block_in_place(read)
}
