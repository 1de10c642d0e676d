//! Values that count something: numbers, spans of time, sizes.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeInteger, DeValue};

use super::Value;
use crate::file::amount;
use crate::file::form::Shape;

impl Value<'_> {
    /// A whole number.
    pub(in crate::file) fn count(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        if self.may_be(|| Shape::Count(bounds.clone())) {
            return None;
        }
        let Some(number) = self.value.as_integer() else {
            return self.wrong_type("a whole number");
        };
        match whole(number).filter(|number| bounds.contains(number)) {
            Some(number) => Some(number),
            None => {
                let (least, most) = (amount::show_count(*bounds.start()), *bounds.end());
                let most = amount::show_count(most);
                self.refuse(format!("must be a whole number from {least} to {most}"))
            }
        }
    }

    /// A number, whole or not.
    pub(in crate::file) fn fraction(&self, bounds: RangeInclusive<f64>) -> Option<f64> {
        if self.may_be(|| Shape::Fraction(bounds.clone())) {
            return None;
        }
        let text = match self.value {
            DeValue::Integer(number) => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return self.wrong_type("a number"),
        };
        match text.parse().ok().filter(|number| bounds.contains(number)) {
            Some(number) => Some(number),
            None => self.refuse(format!(
                "must be a number from {} to {}",
                bounds.start(),
                bounds.end()
            )),
        }
    }

    /// A duration with its unit: `"5s"`.
    pub(in crate::file) fn duration(&self, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        const EXAMPLE: &str = "write it with its unit: \"250ms\", \"5s\", \"2m\", \"1h\"";
        if self.may_be(|| Shape::Duration) {
            return None;
        }
        if matches!(self.value, DeValue::Integer(_) | DeValue::Float(_)) {
            return self.refuse_with_hint("must be a string, not a number", EXAMPLE);
        }
        let Some(span) = amount::parse_duration(self.string()?) else {
            return self.refuse_with_hint("is not a duration", EXAMPLE);
        };
        if bounds.contains(&span) {
            return Some(span);
        }
        let (least, most) = bounds.into_inner();
        let (least, most) = (amount::show_duration(least), amount::show_duration(most));
        self.refuse(format!("must be from {least} to {most}"))
    }

    /// A number of bytes: `65536` or `"64 KiB"`.
    pub(in crate::file) fn size(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        if self.may_be(|| Shape::Size(bounds.clone())) {
            return None;
        }
        let size = match self.value {
            DeValue::Integer(number) => whole(number),
            DeValue::String(text) => match amount::parse_size(text) {
                Some(size) => Some(size),
                None => {
                    let hint = "write bytes as a number, or \"64 KiB\", \"32 MiB\", \"1 GiB\"";
                    return self.refuse_with_hint("is not a size", hint);
                }
            },
            _ => return self.wrong_type("a number of bytes or a string such as \"32 MiB\""),
        };
        match size.filter(|size| bounds.contains(size)) {
            Some(size) => Some(size),
            None => {
                let (least, most) = bounds.into_inner();
                let (least, most) = (amount::show_size(least), amount::show_size(most));
                self.refuse(format!("must be from {least} to {most}"))
            }
        }
    }
}

fn whole(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}
