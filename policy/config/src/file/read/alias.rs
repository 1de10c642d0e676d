//! Tables `alias`: other names for models, for everybody or for one tenant.

use crate::file::fields::Fields;
use crate::file::problems::{At, Spot};
use crate::file::read::bounds::LIST_MAX;
use crate::file::read::names::reference;
use crate::file::read::provider::DIALECTS;
use crate::file::value::Value;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::pattern::ModelPattern;

/// An alias, as written.
#[derive(Debug)]
pub(in crate::file) struct RawAlias {
    pub(in crate::file) spot: Spot,
    pub(in crate::file) name: Option<At<String>>,
    pub(in crate::file) model: Option<String>,
    pub(in crate::file) provider: Option<At<String>>,
    pub(in crate::file) dialect: Option<Dialect>,
}

/// The list of them, `[[alias]]`.
pub(super) fn aliases(fields: &mut Fields<'_>) -> Vec<RawAlias> {
    fields.tables("alias", LIST_MAX, alias)
}

fn alias(fields: &mut Fields<'_>) -> Option<RawAlias> {
    Some(RawAlias {
        spot: fields.spot().clone(),
        name: fields.required("name", |value| value.at(model)),
        model: fields.required("model", |value| model(&value)),
        provider: fields.optional("provider", reference),
        dialect: fields.optional("dialect", |value| value.one_of(&DIALECTS)),
    })
}

/// The name of one model: what a pattern may be, without a star.
fn model(value: &Value<'_>) -> Option<String> {
    let pattern: ModelPattern = value.parsed()?;
    if pattern.as_str().contains('*') {
        return value
            .refuse_with_hint("names one model, so * has no meaning", "write a whole name");
    }
    Some(pattern.as_str().to_owned())
}
