//! One path that is served, and how a path is found among them.

use crate::route::served::{Route, RouteError};
use keyweir_terms::endpoint::Endpoint;

/// One path that is served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// `{id}` stands for the id of a stateful resource, `{model}` for a model's name, `{}` for any
    /// segment, and `**` at the end for any number of segments, none included.
    pattern: &'static str,
    /// The length of what stands before the first variable segment.
    literal: usize,
    allow: &'static str,
    endpoint: Endpoint,
    body: Body,
    creates: bool,
}

/// What the body of a `POST` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// None, or none of our business (forms, multipart).
    Opaque,
    /// JSON.
    Json,
    /// JSON that must name a model.
    Model,
}

impl Row {
    pub(crate) const fn new(
        pattern: &'static str,
        allow: &'static str,
        endpoint: Endpoint,
    ) -> Self {
        Self {
            pattern,
            literal: literal_length(pattern),
            allow,
            endpoint,
            body: Body::Opaque,
            creates: false,
        }
    }

    /// A `POST` carries JSON.
    pub(crate) const fn json(mut self) -> Self {
        self.body = Body::Json;
        self
    }

    /// A `POST` carries JSON that must name a model.
    pub(crate) const fn model(mut self) -> Self {
        self.body = Body::Model;
        self
    }

    /// A `POST` makes something that later requests refer to.
    pub(crate) const fn creates(mut self) -> Self {
        self.creates = true;
        self
    }

    fn allows(&self, method: &str) -> bool {
        let lists = |method| self.allow.split(", ").any(|allowed| allowed == method);
        // A HEAD is a GET whose body stays away.
        self.allow == method || lists(method) || method == "HEAD" && lists("GET")
    }

    fn matches<'a>(&self, path: &'a str) -> Option<Found<'a>> {
        if !path.starts_with(&self.pattern[..self.literal]) {
            return None;
        }
        if self.literal == self.pattern.len() {
            return (path.len() == self.literal).then(Found::default);
        }
        matches(self.pattern, path)
    }

    fn serve<'a>(&self, method: &str, found: Found<'a>) -> Route<'a> {
        let post = method == "POST";
        Route {
            endpoint: self.endpoint,
            resource: found.resource,
            // What may be made is listed where it is made.
            is_list: method == "GET" && self.creates && found.resource.is_none(),
            creates_resource: post && self.creates,
            // Where the path names the model, the body need not.
            has_model_body: post && self.body == Body::Model && found.model.is_none(),
            has_json_body: post && self.body != Body::Opaque,
            model: found.model,
        }
    }
}

/// The first row for `path`, if it allows `method`. `path` begins with a slash.
pub(crate) fn find<'a>(rows: &[Row], method: &str, path: &'a str) -> Result<Route<'a>, RouteError> {
    for row in rows {
        if let Some(found) = row.matches(path) {
            return if row.allows(method) {
                Ok(row.serve(method, found))
            } else {
                Err(RouteError::MethodNotAllowed { allow: row.allow })
            };
        }
    }
    Err(RouteError::NotServed)
}

const fn literal_length(pattern: &str) -> usize {
    let bytes = pattern.as_bytes();
    let mut length = 0;
    while length < bytes.len() && bytes[length] != b'{' && bytes[length] != b'*' {
        length += 1;
    }
    // `/things/**` is `/things` too.
    if length < bytes.len() && bytes[length] == b'*' {
        length -= 1;
    }
    length
}

/// What the variable segments of a path were.
#[derive(Clone, Copy, Debug, Default)]
struct Found<'a> {
    resource: Option<&'a str>,
    model: Option<&'a str>,
}

fn matches<'a>(pattern: &str, path: &'a str) -> Option<Found<'a>> {
    let mut found = Found::default();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        if expected == "**" {
            return Some(found);
        }
        let segment = segments.next()?;
        match expected {
            "{id}" => found.resource = Some(segment),
            "{model}" => found.model = Some(segment),
            "{}" => {}
            _ if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[Row] = &[
        Row::new("/v1/things", "GET, POST", Endpoint::Files)
            .json()
            .creates(),
        Row::new("/v1/things/{id}/parts/{}", "GET", Endpoint::Files),
        Row::new("/v1/things/{id}/**", "GET, DELETE", Endpoint::Files),
        Row::new("/on/{model}/ask", "POST", Endpoint::Inference).model(),
    ];

    #[test]
    fn only_a_post_has_a_body_and_creates() {
        let post = find(ROWS, "POST", "/v1/things").unwrap();
        assert!(post.has_json_body && post.creates_resource && !post.has_model_body);
        let get = find(ROWS, "GET", "/v1/things").unwrap();
        assert!(!get.has_json_body && !get.creates_resource);
        let head = find(ROWS, "HEAD", "/v1/things").unwrap();
        assert!(get.is_list && !head.is_list && !post.is_list);
        let as_get = Route {
            is_list: true,
            ..head
        };
        assert_eq!(as_get, get);
    }

    #[test]
    fn variable_segments_are_reported() {
        let part = find(ROWS, "GET", "/v1/things/t1/parts/p2").unwrap();
        assert_eq!((part.resource, part.model), (Some("t1"), None));
        assert_eq!(
            find(ROWS, "GET", "/v1/things/t1").unwrap().resource,
            Some("t1")
        );
        assert_eq!(
            find(ROWS, "GET", "/v1/things/t1/a/b/c").unwrap().resource,
            Some("t1")
        );
        let ask = find(ROWS, "POST", "/on/m/ask").unwrap();
        assert_eq!(ask.model, Some("m"));
        assert!(ask.has_json_body && !ask.has_model_body);
    }

    #[test]
    fn a_path_with_other_methods_says_which() {
        assert_eq!(
            find(ROWS, "PUT", "/v1/things"),
            Err(RouteError::MethodNotAllowed { allow: "GET, POST" })
        );
        for path in ["/v1", "/v1/thing", "/v1/things2", "/on/m/ask/more"] {
            assert_eq!(
                find(ROWS, "GET", path),
                Err(RouteError::NotServed),
                "{path}"
            );
        }
    }
}
