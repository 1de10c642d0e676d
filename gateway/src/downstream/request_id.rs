//! The name of one request, for its answer, its line in the log and its error body.

use http::HeaderValue;

const LENGTH: usize = PREFIX.len() + 32;
const PREFIX: &[u8; 3] = b"kw_";

/// `kw_` and 128 random bits in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId([u8; LENGTH]);

impl RequestId {
    /// A new one. Not a secret: it only has to differ from all others.
    pub(crate) fn new() -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; LENGTH];
        text[..PREFIX.len()].copy_from_slice(PREFIX);
        let mut random = fastrand::u128(..);
        for digit in &mut text[PREFIX.len()..] {
            *digit = DIGITS[(random & 15) as usize];
            random >>= 4;
        }
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_fit_a_header() {
        let (first, second) = (RequestId::new(), RequestId::new());
        assert_ne!(first, second);
        assert!(first.as_str().starts_with("kw_"));
        assert_eq!(first.header_value().as_bytes(), first.as_str().as_bytes());
    }
}
