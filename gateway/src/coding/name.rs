//! Which coding a body came in.

use http::{HeaderMap, header};

/// A coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, and, since some send that by this name, RFC 1951.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

/// A coding that cannot be undone, or several on top of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownCoding;

impl Coding {
    /// That of a body which came with `headers`; `None`: it is as it is.
    ///
    /// # Errors
    /// If it cannot be undone.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, UnknownCoding> {
        let mut found = None;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let names = value.to_str().map_err(|_| UnknownCoding)?;
            for name in names.split(',').map(str::trim) {
                if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                    continue;
                }
                if found.is_some() {
                    return Err(UnknownCoding);
                }
                found = Some(Self::named(name)?);
            }
        }
        Ok(found)
    }

    fn named(name: &str) -> Result<Self, UnknownCoding> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "br" => Ok(Self::Brotli),
            "zstd" => Ok(Self::Zstd),
            _ => Err(UnknownCoding),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn one_coding_can_be_undone() {
        for (value, expected) in [
            ("gzip", Ok(Some(Coding::Gzip))),
            ("X-GZIP", Ok(Some(Coding::Gzip))),
            ("zstd, identity", Ok(Some(Coding::Zstd))),
            ("identity", Ok(None)),
            ("", Ok(None)),
            ("gzip, br", Err(UnknownCoding)),
            ("snappy", Err(UnknownCoding)),
        ] {
            let value = HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, value)]);
            assert_eq!(Coding::of(&headers), expected, "{headers:?}");
        }
    }
}
