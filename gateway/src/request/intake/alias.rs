//! Models in the place of their aliases: what a request names is what it is routed, permitted, priced
//! and estimated by, and what the provider sees.

use bytes::Bytes;
use keyweir_policy::config::alias;
use keyweir_policy::config::file::{Alias, Scope};
use keyweir_policy::exchange::routed::Routed;
use keyweir_policy::tenancy::permission::grants;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::terms::request::Description;
use keyweir_policy::wire::{Wire, model_of_segment, with_model_in_path, with_models_renamed};

use super::admitted::{Admitted, Renamed};
use super::body::Body;
use super::plain::Plain;
use crate::runtime::live::Live;

/// The path with a model in the place of the alias that it names; `None`: it names none.
pub(crate) fn path(live: &Live, admitted: &Admitted<'_>) -> Option<(String, Renamed)> {
    let Admitted { routed, tenant, .. } = admitted;
    let segment = routed.route.model?;
    let named = model_of_segment(segment);
    let found = resolve(live, routed, *tenant, &named)?;
    let path = with_model_in_path(routed.path, segment, &found.model)?;
    let mut renamed = Renamed {
        alias: Some(named.to_string()),
        path: true,
        ..Renamed::default()
    };
    renamed.grant(live, *tenant, &named, found);
    Some((path, renamed))
}

impl<'a> Admitted<'a> {
    /// The same request for `path`, which names its model.
    pub(crate) fn with_path(
        self,
        live: &Live,
        method: &str,
        path: &'a str,
        renamed: Renamed,
    ) -> Self {
        let mut routed = self.routed;
        if let Some(alias) = &renamed.alias {
            let alias = resolve(live, &routed, self.tenant, alias);
            pin(&mut routed, alias);
        }
        if let Ok(route) = routed.dialect.route(method, path) {
            (routed.route, routed.path) = (route, path);
        }
        Self {
            routed,
            renamed,
            ..self
        }
    }
}

/// What is renamed in a body.
pub(super) struct Content<'c> {
    pub(super) description: &'c mut Description,
    pub(super) body: &'c mut Body,
    pub(super) plain: &'c mut Option<Plain>,
}

/// Puts models in the place of the aliases in a body.
pub(super) fn body(
    live: &Live,
    (routed, tenant): (&mut Routed<'_>, TenantId),
    content: Content<'_>,
    renamed: &mut Renamed,
) {
    if !alias::has_any(&live.policy, tenant) {
        return;
    }
    let Content {
        description,
        body,
        plain,
    } = content;
    let route = routed.clone();
    let found = |name: &str| resolve(live, &route, tenant, name);
    let bytes = plain.as_ref().map_or(&body.bytes, |plain| &plain.bytes);
    let model = |name: &str| found(name).map(|alias| alias.model.as_str());
    let Some(changed) = with_models_renamed(bytes, model) else {
        return;
    };
    body.bytes = Bytes::from(changed);
    renamed.body |= plain.take().is_some();
    for name in &mut description.other_models {
        if let Some(alias) = found(name) {
            renamed.grant(live, tenant, name, alias);
            name.clone_from(&alias.model);
        }
    }
    let in_body = description
        .model
        .as_mut()
        .filter(|_| route.route.model.is_none());
    if let Some(name) = in_body
        && let Some(alias) = found(name)
    {
        renamed.grant(live, tenant, name, alias);
        renamed.alias = Some(std::mem::replace(name, alias.model.clone()));
        pin(routed, Some(alias));
    }
}

/// An alias of one provider's is asked of that one.
fn pin(routed: &mut Routed<'_>, alias: Option<&Alias>) {
    let provider = alias.and_then(|alias| alias.provider);
    routed.named = routed.named.or(provider);
}

impl Renamed {
    fn grant(&mut self, live: &Live, tenant: TenantId, name: &str, alias: &Alias) {
        let models = live.tenant(tenant).map(|tenant| &tenant.models);
        if models.is_some_and(|models| grants(models, name)) {
            self.granted.push(alias.model.clone());
        }
    }
}

fn resolve<'l>(
    live: &'l Live,
    routed: &Routed<'_>,
    tenant: TenantId,
    name: &str,
) -> Option<&'l Alias> {
    let asked = Scope {
        dialect: routed.dialect,
        named: routed.named,
    };
    alias::resolve(&live.policy, tenant, asked, name)
}
