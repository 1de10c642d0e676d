//! How many tokens a request's JSON stands for, and where its prompt cache could begin.
//!
//! Strings count by their bytes, whatever field they stand in; base64 of images and documents
//! counts as one medium each, never by its length. One pass, nothing is kept of the text but a
//! hash.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Weight {
    /// Bytes of text.
    pub(crate) bytes: u64,
    /// Images and documents.
    pub(crate) media: u64,
    /// A hash of all text so far.
    hash: u64,
    /// Ends of objects: places at which an earlier request's cached prefix may end.
    pub(crate) ends: Vec<Prefix>,
    /// Ends of the objects that carry `cache_control`.
    pub(crate) marks: Vec<Prefix>,
}

/// The text up to some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) hash: u64,
    pub(crate) bytes: u64,
    pub(crate) media: u64,
}

impl Weight {
    /// Adds a JSON value. What is no valid JSON was refused before.
    pub(crate) fn add(&mut self, json: &RawValue) {
        let mut deserializer = serde_json::Deserializer::from_str(json.get());
        let _ = Counter {
            weight: self,
            is_data: false,
        }
        .deserialize(&mut deserializer);
    }

    fn text(&mut self, text: &str, is_data: bool) {
        let mut hashed = text.as_bytes();
        if is_data || text.starts_with("data:") {
            self.media += 1;
            // The beginning tells images apart well enough.
            hashed = &hashed[..hashed.len().min(256)];
        } else {
            self.bytes += text.len() as u64;
        }
        self.hash = mix(self.hash ^ text.len() as u64, hashed);
    }

    fn prefix(&self) -> Prefix {
        Prefix {
            hash: self.hash,
            bytes: self.bytes,
            media: self.media,
        }
    }
}

/// A quick hash: eight bytes at a time, the length included.
fn mix(hash: u64, bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (hash ^ bytes.len() as u64).wrapping_mul(ODD);
    for eight in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..eight.len()].copy_from_slice(eight);
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(ODD);
    }
    hash ^ (hash >> 29)
}

/// A number is a token or so.
const NUMBER_BYTES: u64 = 4;

/// Counts one value into a weight.
struct Counter<'w> {
    weight: &'w mut Weight,
    /// The value stands under `data`, so a string is base64.
    is_data: bool,
}

impl<'de> DeserializeSeed<'de> for Counter<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counter<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.weight.text(text, self.is_data);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.weight.bytes += NUMBER_BYTES;
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.weight.bytes += NUMBER_BYTES;
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.weight.bytes += NUMBER_BYTES;
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items
            .next_element_seed(Counter {
                weight: self.weight,
                is_data: false,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut is_marked = false;
        while let Some(field) = fields.next_key::<Field>()? {
            if field == Field::CacheControl {
                is_marked = true;
                fields.next_value::<IgnoredAny>()?;
                continue;
            }
            fields.next_value_seed(Counter {
                weight: self.weight,
                is_data: field == Field::Data,
            })?;
        }
        let end = self.weight.prefix();
        self.weight.ends.push(end);
        if is_marked {
            self.weight.marks.push(end);
        }
        Ok(())
    }
}

/// The fields that matter here.
#[derive(PartialEq, Eq)]
enum Field {
    Data,
    CacheControl,
    Other,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E>(self, name: &str) -> Result<Field, E> {
                Ok(match name {
                    "data" | "file_data" => Field::Data,
                    "cache_control" => Field::CacheControl,
                    _ => Field::Other,
                })
            }
        }
        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weigh(json: &str) -> Weight {
        let mut weight = Weight::default();
        weight.add(&RawValue::from_string(json.to_owned()).expect("valid JSON"));
        weight
    }

    #[test]
    fn text_counts_by_bytes_and_media_by_piece() {
        assert_eq!(weigh(r#""four""#).bytes, 4);
        let image = r#"[{"source":{"data":"AAAAAAAAAAAAAAAA","media_type":"x"}}]"#;
        assert_eq!((weigh(image).bytes, weigh(image).media), (1, 1));
        let url = r#"{"image_url":{"url":"data:image/png;base64,AAAA"}}"#;
        assert_eq!((weigh(url).bytes, weigh(url).media), (0, 1));
    }

    #[test]
    fn cached_prefix_of_one_turn_is_found_in_the_next() {
        let first = r#"[{"text":"one","cache_control":{"ttl":"5m"}}]"#;
        let next = r#"[{"text":"one"},{"text":"two"}]"#;
        let marks = weigh(first).marks;
        assert_eq!(marks.len(), 1);
        assert!(weigh(next).ends.contains(&marks[0]));
    }
}
