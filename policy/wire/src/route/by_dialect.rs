//! Which table of routes a path is looked up in.

use keyweir_terms::dialect::Dialect;

use crate::route::served::{Route, RouteError};
use crate::route::{anthropic_paths, generic_paths, openai_paths, plain_path};

pub(crate) fn route<'a>(
    dialect: Dialect,
    method: &str,
    path: &'a str,
) -> Result<Route<'a>, RouteError> {
    if !plain_path::is_plain(path) {
        return Err(RouteError::NotServed);
    }
    match dialect {
        Dialect::Anthropic => anthropic_paths::route(method, path),
        Dialect::OpenAi => openai_paths::route(method, path),
        Dialect::Generic => generic_paths::route(method, path),
    }
}
