//! What a request's body says: JSON, and a model that exists.

use bytes::Bytes;

use super::errors;
use crate::exchange::Exchange;
use crate::glob;
use crate::problem::Problem;

/// Reads a JSON body.
pub(super) fn read<'a, T: serde::Deserialize<'a>>(body: &'a Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => errors::invalid(error.to_string()),
        _ => errors::invalid(format!(
            "We could not parse the JSON body of your request: {error}"
        )),
    })
}

/// The model a request names, if it exists.
pub(super) fn known_model(exchange: &Exchange, model: Option<&str>) -> Result<String, Problem> {
    let model = model
        .filter(|model| !model.is_empty())
        .ok_or_else(|| errors::invalid("you must provide a model parameter").param("model"))?;
    let models = &exchange.state.world.models;
    if models.is_empty() || models.iter().any(|known| glob::matches(known, model)) {
        Ok(model.to_owned())
    } else {
        Err(errors::unknown_model(model))
    }
}
