//! What operators may ask: the paths of the admin listener, and how each is asked.

use std::borrow::Cow;

use http::{Method, Response, StatusCode, header};
use keyweir_policy::pool::operator::Action;

use super::answer::text;
use super::assets::{self, Asset};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Healthz,
    Readyz,
    Metrics,
    Status,
    /// What was spent.
    Usage,
    /// What an account carried.
    Evidence,
    Reload,
    /// Something is to be done to a key or an account, by its id.
    Operate(Kind, Cow<'a, str>, Action),
    /// What would become of a request.
    Explain,
    /// What became of a request, by its id.
    Explained(Cow<'a, str>),
    /// The live page's events.
    Events,
    /// A file of the live page.
    Asset(&'static Asset),
}

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Key,
    Account,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Account => "account",
        }
    }
}

/// What there is, for whoever asks for something else.
const ALL: &str = "/ /connect /healthz /readyz /metrics /status /status.schema.json /usage \
    /evidence?account=… /explain?model=… /explain/{request id} /events, POST /reload, POST /keys/{id}/{action} and \
    /accounts/{id}/{action} with drain, resume, trip or reset\n";

/// What `method` and `path` ask for.
///
/// # Errors
/// An answer: there is no such thing, or it is asked for in another way.
pub(super) fn find<'a>(
    method: &Method,
    path: &'a str,
) -> Result<Route<'a>, Box<Response<Vec<u8>>>> {
    let route = by_path(path).ok_or_else(|| Box::new(text(StatusCode::NOT_FOUND, ALL)))?;
    let allowed = match route {
        Route::Reload | Route::Operate(..) => "POST",
        _ => "GET, HEAD",
    };
    if allowed.split(", ").any(|it| it == method.as_str()) {
        return Ok(route);
    }
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed}\n"));
    let allowed = header::HeaderValue::from_static(allowed);
    answer.headers_mut().insert(header::ALLOW, allowed);
    Err(Box::new(answer))
}

fn by_path(path: &str) -> Option<Route<'_>> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    Some(match *segments.as_slice() {
        ["healthz"] => Route::Healthz,
        ["readyz"] => Route::Readyz,
        ["metrics"] => Route::Metrics,
        ["status"] => Route::Status,
        ["usage"] => Route::Usage,
        ["evidence"] => Route::Evidence,
        ["reload"] => Route::Reload,
        ["explain"] => Route::Explain,
        ["explain", id] => Route::Explained(decoded(id)?),
        ["events"] => Route::Events,
        ["keys", id, action] => Route::Operate(Kind::Key, decoded(id)?, by_name(action)?),
        ["accounts", id, action] => Route::Operate(Kind::Account, decoded(id)?, by_name(action)?),
        [name] => Route::Asset(assets::find(name)?),
        _ => return None,
    })
}

fn by_name(name: &str) -> Option<Action> {
    Action::ALL.into_iter().find(|it| it.as_str() == name)
}

/// A part of a URI without its percent-encoding (RFC 3986, section 2.1); `None`: it is no text.
pub(super) fn decoded(part: &str) -> Option<Cow<'_, str>> {
    if !part.contains('%') {
        return Some(Cow::Borrowed(part));
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, others) = others.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = others;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_methods() {
        for (method, path, status) in [
            (Method::GET, "/status", 200),
            (Method::HEAD, "/status", 200),
            (Method::POST, "/status", 405),
            (Method::GET, "/evidence", 200),
            (Method::POST, "/evidence", 405),
            (Method::GET, "/reload", 405),
            (Method::POST, "/keys/a%2Fb/drain", 200),
            (Method::GET, "/keys/a/drain", 405),
            (Method::POST, "/keys/a/melt", 404),
            (Method::POST, "/keys//", 404),
            (Method::GET, "/explain/kw_1", 200),
            (Method::GET, "/explain/%ff", 404),
            (Method::GET, "/explain/%f", 404),
            (Method::GET, "/", 200),
            (Method::GET, "/nothing", 404),
            (Method::GET, "//", 404),
        ] {
            let found = find(&method, path).map_or_else(|answer| answer.status().as_u16(), |_| 200);
            assert_eq!(found, status, "{method} {path}");
        }
        let answer = find(&Method::GET, "/accounts/a/trip").expect_err("POST only");
        assert_eq!(answer.headers()[header::ALLOW], "POST");
    }

    #[test]
    fn ids_are_decoded() {
        let key = find(&Method::POST, "/keys/a%2Fb%20%C3%BC/drain");
        let expected = Route::Operate(Kind::Key, "a/b ü".into(), Action::Drain);
        assert_eq!(key.expect("it is there"), expected);
    }
}
