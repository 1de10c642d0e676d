//! The files of the live page. All of them stand in the program: nothing is built, and nothing is
//! fetched from anywhere.

use http::{HeaderValue, Response, StatusCode, header};

use super::answer::answer;

/// What a browser may do with the page: run and show these files, and listen to this gateway.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asset {
    name: &'static str,
    media: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 7] = [
    Asset {
        name: "",
        media: "text/html; charset=utf-8",
        text: include_str!("assets/live.html"),
    },
    Asset {
        name: "connect",
        media: "text/html; charset=utf-8",
        text: include_str!("assets/connect.html"),
    },
    Asset {
        name: "live.js",
        media: "text/javascript; charset=utf-8",
        text: include_str!("assets/live.js"),
    },
    Asset {
        name: "connect.js",
        media: "text/javascript; charset=utf-8",
        text: include_str!("assets/connect.js"),
    },
    Asset {
        name: "page.css",
        media: "text/css; charset=utf-8",
        text: include_str!("assets/page.css"),
    },
    Asset {
        name: "icon.svg",
        media: "image/svg+xml",
        text: include_str!("assets/icon.svg"),
    },
    Asset {
        name: "status.schema.json",
        media: "application/schema+json",
        text: include_str!("assets/status.schema.json"),
    },
];

/// The file of that name.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    static FILES: [Asset; ASSETS.len()] = ASSETS;
    FILES.iter().find(|asset| asset.name == name)
}

impl Asset {
    /// The file, with what a browser may do with it.
    pub(super) fn page(&self) -> Response<Vec<u8>> {
        let mut page = answer(StatusCode::OK, self.media, self.text.as_bytes().to_vec());
        let headers = page.headers_mut();
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(CONTENT_SECURITY_POLICY),
        );
        headers.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        );
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        page
    }
}
