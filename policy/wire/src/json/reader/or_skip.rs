//! Reading values whose type is not certain. Fields of an unexpected type are not our business: they are
//! passed over, and the provider says what it thinks of them.

use super::{Kind, Malformed, Reader};
use crate::json::text::Text;

impl<'a> Reader<'a> {
    /// [`Self::object`], or nothing if the value is something else.
    pub(crate) fn object_or_skip(
        &mut self,
        member: impl FnMut(&[u8], &mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match self.peek()? {
            Kind::Object => self.object(member),
            _ => self.skip().map(drop),
        }
    }

    /// [`Self::array`], or nothing if the value is something else.
    pub(crate) fn array_or_skip(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match self.peek()? {
            Kind::Array => self.array(element),
            _ => self.skip().map(drop),
        }
    }

    /// [`Self::string`], or nothing if the value is something else.
    pub(crate) fn string_or_skip(&mut self) -> Result<Option<Text<'a>>, Malformed> {
        match self.peek()? {
            Kind::String => self.string().map(Some),
            _ => self.skip().map(|_| None),
        }
    }

    /// A whole number that is not negative, or nothing if the value is something else.
    pub(crate) fn u64_or_skip(&mut self) -> Result<Option<u64>, Malformed> {
        let raw = self.skip()?;
        Ok(std::str::from_utf8(raw)
            .ok()
            .and_then(|digits| digits.parse().ok()))
    }

    /// Any number, or nothing if the value is something else.
    pub(crate) fn f64_or_skip(&mut self) -> Result<Option<f64>, Malformed> {
        let raw = self.skip()?;
        Ok(std::str::from_utf8(raw)
            .ok()
            .and_then(|digits| digits.parse().ok()))
    }

    /// Whether the value is `true`.
    pub(crate) fn is_true(&mut self) -> Result<bool, Malformed> {
        Ok(self.skip()? == b"true")
    }
}
