//! Middleboxes: content networks, load balancers, proxies and portals between us and the API.

use crate::classify::row::Charge::{Broken, Overloaded};
use crate::classify::row::Says::{Anything, NoJson, Page};
use crate::classify::row::{Family, Row, status};

/// Pages for people, before anybody's words: none of these APIs sends one.
pub(super) const PAGES: Family = Family {
    name: "Edges: pages for people",
    rows: &[
        // The edge turned us away, whoever asked for what.
        Row::new(
            status![401, 403],
            Page,
            Broken,
            "Cloudflare, Error 1xxx; login pages of portals",
        ),
    ],
};

pub(super) const EDGES: Family = Family {
    name: "Edges: Cloudflare, AWS, nginx, proxies",
    rows: &[
        Row::new(
            status![407],
            Anything,
            Broken,
            "RFC 9110, 15.5.8: a proxy between wants a credential",
        ),
        Row::new(
            status![408],
            Anything,
            Broken,
            "RFC 9110, 15.5.9: the request came too slowly, or was not waited for",
        ),
        Row::new(
            status![421],
            Anything,
            Broken,
            "RFC 9110, 15.5.20: to be sent on another connection",
        ),
        Row::new(status![425], Anything, Broken, "RFC 8470: to be sent again"),
        // A dependency of the provider's failed.
        Row::new(status![424], NoJson, Broken, "RFC 4918, 11.4"),
        Row::new(
            &[(460, 499)],
            NoJson,
            Broken,
            "AWS, load balancers' 460, 463, 464; nginx's 494 to 499",
        ),
        Row::new(
            &[(520, 528), (530, 530)],
            Anything,
            Broken,
            "Cloudflare, Error 5xx",
        ),
        Row::new(
            status![529],
            Anything,
            Overloaded,
            "Anthropic, API reference, Errors",
        ),
    ],
};
