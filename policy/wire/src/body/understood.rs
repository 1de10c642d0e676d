//! Every model that a request names, of a request that is understood wholly.
//!
//! For tenants that may use certain models only. Whoever looks for *a* model in a request can be
//! shown one while the provider reads another: in a member of another case, for readers that do not
//! tell `Model` from `model`; in a field of a vendor's that nobody here has heard of; in a tool that
//! asks a second model; in the path, the query or a header; in a form that is JSON as well. So such a
//! tenant's request must be of a form whose every part is known, and what is not is refused. The
//! price is that a new field of an API has to be added here before these tenants can use it; others
//! do not notice.

mod obscure;
mod reading;

use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;

pub use self::obscure::Obscure;
use self::obscure::short;
use self::reading::{Reading, names_a_model};
use crate::credential::query;
use crate::route::Route;

/// What else than its body a request may be named a model in.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// What the client speaks.
    pub dialect: Dialect,
    /// Its method.
    pub method: &'a str,
    /// What its path asks for.
    pub route: &'a Route<'a>,
    /// Its query.
    pub query: Option<&'a str>,
    /// Its headers, names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Its body.
    pub body: &'a [u8],
}

/// Every model that a request names.
///
/// # Errors
/// If it is not understood wholly.
pub fn models(form: &Form<'_>) -> Result<Vec<String>, Obscure> {
    let route = form.route;
    named_elsewhere(form)?;
    if form.method != "POST" {
        let is_known = route.is_list
            || route.resource.is_some()
            || matches!(route.endpoint, Endpoint::Models | Endpoint::Probe);
        let is_whole = is_known && form.body.is_empty();
        return is_whole.then(Vec::new).ok_or(Obscure::Unknown);
    }
    let runs = match route.endpoint {
        Endpoint::Inference | Endpoint::CountTokens => true,
        Endpoint::Batches => route.creates_resource,
        Endpoint::Files => return Ok(Vec::new()),
        // What is made or done there by other APIs may well be done by a model.
        Endpoint::Other
            if form.dialect != Dialect::Generic
                && (route.resource.is_some() || route.creates_resource) =>
        {
            return Ok(Vec::new());
        }
        Endpoint::Other | Endpoint::Models | Endpoint::Probe => return Err(Obscure::Unknown),
    };
    if !runs {
        return Ok(Vec::new());
    }
    if !route.has_json_body {
        return Err(Obscure::Unseen);
    }
    let mut reading = Reading::new(form.dialect);
    if let Some(model) = route.model {
        reading.add(&unescaped(model))?;
    }
    reading.is_batch = route.endpoint == Endpoint::Batches;
    if !is_plain_json(form) {
        return Err(Obscure::NotJson);
    }
    reading.whole(form.body)?;
    if route.endpoint == Endpoint::Batches && !reading.has_requests {
        // It lies in a file, whatever stands beside that.
        return Err(Obscure::Unseen);
    }
    if reading.models.is_empty() {
        return Err(Obscure::Unseen);
    }
    Ok(reading.models)
}

/// Models are named in bodies and paths, and nowhere else.
fn named_elsewhere(form: &Form<'_>) -> Result<(), Obscure> {
    for (name, _) in form.headers {
        if names_a_model(name) || routes(name) {
            return Err(Obscure::Elsewhere(short(name)));
        }
    }
    if form.method != "POST" {
        return Ok(());
    }
    let mut names = query::names(form.query.unwrap_or_default());
    match names.find(|name| names_a_model(name) || name.starts_with('$')) {
        Some(name) => Err(Obscure::Elsewhere(short(&name))),
        None => Ok(()),
    }
}

/// Whether a header of this name tells gateways behind us where to go: `x-portkey-config`, `helicone-fallbacks`,
/// `x-goog-request-params`. What is in it may name models, in whatever form.
fn routes(name: &str) -> bool {
    let mut words = name.split(['-', '_', '.']);
    let is_routing = |word: &str| {
        matches!(
            word,
            "config"
                | "fallback"
                | "fallbacks"
                | "params"
                | "provider"
                | "providers"
                | "route"
                | "router"
                | "routing"
        )
    };
    words.any(is_routing)
}

/// A path's segment without its escapes.
fn unescaped(segment: &str) -> String {
    query::names(segment).next().unwrap_or_default()
}

/// Whether the body is JSON to every reader: said to be, in UTF-8, and not encoded.
fn is_plain_json(form: &Form<'_>) -> bool {
    let mut types = 0;
    for (name, value) in form.headers {
        let value = value.to_ascii_lowercase();
        let value = String::from_utf8_lossy(&value);
        match *name {
            "content-encoding" if value.trim() != "identity" => return false,
            "content-type" => {
                types += 1;
                let mut parts = value.split(';').map(str::trim);
                let is_json = parts.next() == Some("application/json");
                let in_utf8 = |part: &str| {
                    let charset = part.strip_prefix("charset=");
                    charset.is_some_and(|it| it.trim_matches('"') == "utf-8")
                };
                if !is_json || !parts.all(|part| part.is_empty() || in_utf8(part)) {
                    return false;
                }
            }
            _ => {}
        }
    }
    let has_mark = form.body.starts_with(b"\xef\xbb\xbf");
    types == 1 && !has_mark && std::str::from_utf8(form.body).is_ok()
}

#[cfg(test)]
mod tests;
