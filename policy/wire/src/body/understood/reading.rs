//! Reads a body whose every field must be known, and notes the models that it names.

use keyweir_terms::dialect::Dialect;

use super::obscure::{Obscure, short};
use crate::body::known_fields::{is_content, is_known};
use crate::body::model_name;
use crate::body::tool::{self, Tool};
use crate::json::{Kind, Malformed, Reader, Text};

/// What has been read so far.
pub(super) struct Reading {
    dialect: Dialect,
    pub(super) models: Vec<String>,
    /// It is a batch, which has requests and nothing else.
    pub(super) is_batch: bool,
    pub(super) has_requests: bool,
    /// What was not understood first.
    obscure: Option<Obscure>,
}

impl Reading {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            models: Vec::new(),
            is_batch: false,
            has_requests: false,
            obscure: None,
        }
    }

    /// Reads `body` to its end.
    pub(super) fn whole(&mut self, body: &[u8]) -> Result<(), Obscure> {
        let mut reader = Reader::new(body);
        let read = self.body(&mut reader, true).and_then(|()| reader.end());
        match (self.obscure.take(), read) {
            (Some(obscure), _) => Err(obscure),
            (None, Err(Malformed)) => Err(Obscure::NotJson),
            (None, Ok(())) => Ok(()),
        }
    }

    /// A request's body, or that of one in a batch.
    fn body(&mut self, reader: &mut Reader<'_>, is_top: bool) -> Result<(), Malformed> {
        let mut seen: Vec<Box<[u8]>> = Vec::new();
        reader.object(|name, reader| {
            let is_known = match is_top && name == b"requests" {
                true => self.is_batch || self.dialect == Dialect::Generic,
                false => is_known(name) && !(is_top && self.is_batch),
            };
            if seen.iter().any(|other| **other == *name) || !is_known {
                return self.refuse(field(name));
            }
            seen.push(name.into());
            match name {
                b"model" => self.model(reader),
                b"models" if reader.peek()? == Kind::Array => {
                    reader.array(|reader| self.model(reader))
                }
                b"models" => self.refuse(Obscure::NoName),
                b"requests" => self.requests(reader),
                b"tools" => self.tools(reader),
                // A stored prompt names a model of its own.
                b"prompt" if reader.peek()? == Kind::Object => self.refuse(Obscure::Unseen),
                name if is_content(name) => reader.skip().map(drop),
                _ => self.any(reader),
            }
        })
    }

    /// A batch's requests: each has a body of its own.
    fn requests(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.has_requests = true;
        if reader.peek()? != Kind::Array {
            return self.refuse(Obscure::Unseen);
        }
        reader.array(|reader| {
            let before = self.models.len();
            let (mut has_params, mut named) = (false, false);
            reader.object(|name, reader| match name {
                b"custom_id" => reader.skip().map(drop),
                b"params" if !has_params => {
                    has_params = true;
                    self.body(reader, false)
                }
                // Gemini's batches of embeddings.
                b"model" if self.dialect == Dialect::Generic && !named => {
                    named = true;
                    self.model(reader)
                }
                b"content" | b"taskType" | b"title" | b"outputDimensionality"
                    if self.dialect == Dialect::Generic =>
                {
                    reader.skip().map(drop)
                }
                _ => self.refuse(field(name)),
            })?;
            if self.models.len() == before && self.dialect != Dialect::Generic {
                return self.refuse(Obscure::Unseen);
            }
            Ok(())
        })
    }

    fn tools(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if reader.peek()? != Kind::Array {
            return reader.skip().map(drop);
        }
        reader.array(|reader| {
            if reader.peek()? != Kind::Object {
                return reader.skip().map(drop);
            }
            let before = self.models.len();
            let mut tool = Tool::default();
            let mut has_type = false;
            reader.object(|name, reader| match name {
                b"type" if has_type => self.refuse(Obscure::Tool),
                b"type" => {
                    has_type = true;
                    tool = Tool::of(reader.string_or_skip()?.and_then(Text::to_text));
                    Ok(())
                }
                // What a tool takes is the client's own to say, whatever it is called.
                name if tool::is_schema(name) => reader.skip().map(drop),
                name => self.member(name, reader),
            })?;
            if tool == Tool::MayAskAModel && self.models.len() == before {
                return self.refuse(Obscure::Tool);
            }
            Ok(())
        })
    }

    /// Anything: what in it is called a model must be the name of one.
    fn any(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::Object => reader.object(|name, reader| self.member(name, reader)),
            Kind::Array => reader.array(|reader| self.any(reader)),
            _ => reader.skip().map(drop),
        }
    }

    fn member(&mut self, name: &[u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if !std::str::from_utf8(name).is_ok_and(names_a_model) {
            return self.any(reader);
        }
        match reader.peek()? {
            Kind::String => self.model(reader),
            Kind::Array => reader.array(|reader| match reader.peek()? {
                Kind::String => self.model(reader),
                _ => self.any(reader),
            }),
            _ => self.any(reader),
        }
    }

    /// The name of a model.
    fn model(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let name = reader.string_or_skip()?.and_then(Text::to_text);
        match name.map(|name| self.add(&name)) {
            Some(Ok(())) => Ok(()),
            _ => self.refuse(Obscure::NoName),
        }
    }

    pub(super) fn add(&mut self, name: &str) -> Result<(), Obscure> {
        // Gemini's bodies name models by where they stand.
        let bare = match self.dialect {
            Dialect::Generic => name.strip_prefix("models/").unwrap_or(name),
            _ => name,
        };
        let is_name = !bare.is_empty()
            && bare.len() <= model_name::BYTES_MAX
            && bare.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name {
            return Err(Obscure::NoName);
        }
        if !self.models.iter().any(|known| known == bare) {
            self.models.push(bare.to_owned());
        }
        Ok(())
    }

    /// Notes what is not understood, and stops reading.
    fn refuse(&mut self, obscure: Obscure) -> Result<(), Malformed> {
        self.obscure.get_or_insert(obscure);
        Err(Malformed)
    }
}

fn field(name: &[u8]) -> Obscure {
    Obscure::Field(short(&String::from_utf8_lossy(name)))
}

/// Whether a member, a header or a parameter of this name may name a model: `model`, `modelId`,
/// `advisor_model`, `fallback-models`, `deployment`, `engine`.
pub(super) fn names_a_model(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let ends = |word: &str| {
        ["", "s", "id", "ids", "name", "names", "override"]
            .iter()
            .any(|end| {
                plain
                    .strip_suffix(end)
                    .is_some_and(|plain| plain.ends_with(word))
            })
    };
    ["model", "deployment", "engine"]
        .iter()
        .any(|word| ends(word))
}
