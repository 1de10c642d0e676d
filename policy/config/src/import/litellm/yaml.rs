//! A YAML document whose values know their lines.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, MarkedYaml};

use crate::import::ImportError;

/// Brackets within brackets. Blocks are bounded by their indentation and the file's size.
const DEPTH_MAX: usize = 64;

/// The first document of `text`.
///
/// # Errors
/// If it is no YAML, or too deep.
pub(super) fn parse(text: &str) -> Result<MarkedYaml<'_>, ImportError> {
    let text = text.trim_start_matches('\u{feff}');
    check_depth(text)?;
    let documents = MarkedYaml::load_from_str(text).map_err(|error| ImportError::Syntax {
        line: error.marker().line(),
        // What it says may quote the file, and that may hold a key.
        why: "look at this line and the one before it".to_owned(),
    })?;
    documents
        .into_iter()
        .next()
        .ok_or_else(|| ImportError::nothing("document", Vec::new()))
}

/// What is nested deeply is dropped by calls as deep.
fn check_depth(text: &str) -> Result<(), ImportError> {
    let mut depth = 0_usize;
    for line in text.lines() {
        let indent = line
            .bytes()
            .take_while(|byte| b" -?:".contains(byte))
            .count();
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth > DEPTH_MAX || indent > 8 * DEPTH_MAX {
            return Err(ImportError::TooDeep);
        }
    }
    Ok(())
}

/// A value.
#[derive(Clone, Copy)]
pub(super) struct Node<'y>(&'y MarkedYaml<'y>);

impl<'y> Node<'y> {
    pub(super) const fn new(node: &'y MarkedYaml<'y>) -> Self {
        Self(node)
    }

    /// Its line, from 1.
    pub(super) fn line(self) -> usize {
        self.0.span.start.line()
    }

    /// Its members, each with the line of its name; none if it is no mapping. What `<<` merges into it
    /// comes behind, as far as it has no member of that name.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'y str, usize, Self)> {
        let mut known = BTreeSet::new();
        let mut entries = Vec::new();
        self.collect(&mut entries, &mut known);
        entries.into_iter()
    }

    fn collect(self, entries: &mut Vec<(&'y str, usize, Self)>, known: &mut BTreeSet<&'y str>) {
        let mut merged = Vec::new();
        for (name, value) in self.0.data.as_mapping().into_iter().flatten() {
            let Some(text) = name.data.as_str() else {
                continue;
            };
            let value = Self(value);
            if text == "<<" && (value.is_mapping() || value.elements().all(Self::is_mapping)) {
                merged.push(value);
            } else if known.insert(text) {
                entries.push((text, name.span.start.line(), value));
            }
        }
        for value in merged {
            // A mapping has no elements, and a sequence no members.
            value.collect(entries, known);
            for element in value.elements() {
                element.collect(entries, known);
            }
        }
    }

    fn is_mapping(self) -> bool {
        self.0.data.as_mapping().is_some()
    }

    /// Whether it is nothing.
    pub(super) fn is_null(self) -> bool {
        self.0.data.is_null()
    }

    /// A member.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        self.entry(name).map(|(_, value)| value)
    }

    /// A member, with the line of its name.
    pub(super) fn entry(self, name: &str) -> Option<(usize, Self)> {
        let mut entries = self.entries();
        let found = entries.find(|(known, _, _)| *known == name);
        found.map(|(_, line, value)| (line, value))
    }

    /// Its elements; none if it is no sequence.
    pub(super) fn elements(self) -> impl Iterator<Item = Self> {
        self.0.data.as_sequence().into_iter().flatten().map(Self)
    }

    pub(super) fn text(self) -> Option<&'y str> {
        self.0.data.as_str()
    }

    /// A number, as such or in text.
    pub(super) fn number(self) -> Option<f64> {
        let data = &self.0.data;
        let of_text = || data.as_str()?.trim().parse().ok();
        let of_whole = || data.as_integer().map(|whole| whole as f64);
        data.as_floating_point().or_else(of_whole).or_else(of_text)
    }

    /// A whole number, as such or in text.
    pub(super) fn count(self) -> Option<u64> {
        let data = &self.0.data;
        let of_text = || data.as_str()?.trim().parse().ok();
        let of_number = data.as_integer().and_then(|it| u64::try_from(it).ok());
        of_number.or_else(of_text)
    }
}
