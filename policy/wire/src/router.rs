//! Which table of routes a path is looked up in.

use keyweir_terms::dialect::Dialect;

use crate::route::{Route, RouteError};
use crate::{anthropic, generic, openai, path};

pub(super) fn route<'a>(
    dialect: Dialect,
    method: &str,
    path: &'a str,
) -> Result<Route<'a>, RouteError> {
    if !path::is_plain(path) {
        return Err(RouteError::NotServed);
    }
    match dialect {
        Dialect::Anthropic => anthropic::route(method, path),
        Dialect::OpenAi => openai::route(method, path),
        Dialect::Generic => generic::route(method, path),
    }
}
