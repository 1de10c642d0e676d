//! Reads what admission must know from a request's body.
//!
//! One pass over the bytes, which stay as they are: they are forwarded unchanged, and only the
//! model's name and ids are copied out. Fields of every dialect are read alike, because their
//! names do not collide; dialects differ in what they demand. What is wrong with anything but the
//! model is for the provider to say.
//!
//! A field that decides what the request is charged to must not have two meanings: JSON readers
//! differ in which of two equal names wins, so a body that names the model twice is refused.

use crate::body::content::{Part, Tally};
use crate::body::model_name;
use crate::credential::query;
use crate::json::{Kind, Malformed, Problem, Reader, Text};
use crate::route::Route;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;
use keyweir_terms::fingerprint::Fingerprint;
use keyweir_terms::request::{Description, RequestSize};

/// Why a request's body cannot be described. The message tells the client what to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// Not a JSON object.
    #[error("the request body is not a valid JSON object: {reason}")]
    InvalidJson {
        /// What is wrong, and where.
        reason: String,
    },
    /// A field that must be there is not, or is not what it must be.
    #[error("{field}: {problem}")]
    InvalidField {
        /// The field's name.
        field: &'static str,
        /// What is wrong and what to send instead.
        problem: &'static str,
    },
}

/// The most models one body may name.
const MODELS_MAX: usize = 64;

/// What is demanded of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// A JSON object that names a model.
    Model,
    /// A JSON object.
    Json,
    /// Nothing.
    Nothing,
}

pub(crate) fn describe(
    dialect: Dialect,
    endpoint: Endpoint,
    body: &[u8],
) -> Result<Description, DescribeError> {
    let demand = match (dialect, endpoint) {
        (Dialect::Generic, Endpoint::Inference | Endpoint::CountTokens) => Demand::Json,
        (Dialect::Generic, _) => Demand::Nothing,
        (_, Endpoint::Inference | Endpoint::CountTokens) => Demand::Model,
        _ => Demand::Json,
    };
    read(dialect, demand, false, body)
}

pub(crate) fn describe_routed(
    dialect: Dialect,
    route: &Route<'_>,
    body: &[u8],
) -> Result<Description, DescribeError> {
    let demand = if route.has_model_body {
        Demand::Model
    } else if !route.has_json_body
        || dialect == Dialect::Generic && route.endpoint == Endpoint::Other
    {
        Demand::Nothing
    } else {
        Demand::Json
    };
    let mut description = if route.has_json_body {
        read(dialect, demand, route.creates_resource, body)?
    } else {
        Description {
            stored: route.creates_resource,
            // Some take JSON as well as forms (OpenAI's edits of images, files of a container).
            references: read(dialect, Demand::Nothing, false, body)?.references,
            ..Description::default()
        }
    };
    if let Some(model) = route.model {
        description.model = Some(query::of_segment(model).into_owned());
    }
    Ok(description)
}

fn read(
    dialect: Dialect,
    demand: Demand,
    stored: bool,
    body: &[u8],
) -> Result<Description, DescribeError> {
    let mut reading = Reading::new(dialect, stored);
    let mut reader = Reader::new(body);
    let read = reader
        .object(|name, reader| reading.member(name, reader))
        .and_then(|()| reader.end());
    match read {
        Err(_) if demand == Demand::Nothing => Ok(Description::default()),
        Err(Malformed) => Err(invalid_json(body, reader.problem())),
        Ok(()) => reading.description(demand),
    }
}

fn invalid_json(body: &[u8], problem: Problem) -> DescribeError {
    if body.is_empty() {
        return DescribeError::InvalidJson {
            reason: "it is empty".to_owned(),
        };
    }
    let before = &body[..problem.at.min(body.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let column = before.len() - line_start + 1;
    DescribeError::InvalidJson {
        reason: format!(
            "expected {} at line {line}, column {column}",
            problem.expected
        ),
    }
}

/// The field `model` as it was found.
#[derive(Debug, Default, PartialEq, Eq)]
enum Model {
    #[default]
    Missing,
    NoString,
    Unusable,
    Twice,
    Named(String),
}

/// What has been read so far.
struct Reading {
    model: Model,
    other_models: Vec<String>,
    /// More models than [`MODELS_MAX`], or a name among them that is none.
    has_unusable_models: bool,
    stream: bool,
    output_max: Option<u64>,
    answers: u64,
    stored: bool,
    /// A stored prompt, which may name the model in the body's stead.
    has_stored_prompt: bool,
    session: Option<u64>,
    tally: Tally,
}

impl Reading {
    fn new(dialect: Dialect, stored: bool) -> Self {
        Self {
            model: Model::Missing,
            other_models: Vec::new(),
            has_unusable_models: false,
            stream: false,
            output_max: None,
            answers: 1,
            stored,
            has_stored_prompt: false,
            session: None,
            tally: Tally::new(dialect),
        }
    }

    fn member(&mut self, name: &[u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match name {
            b"model" => self.model(reader),
            b"models" => reader.array_or_skip(|reader| self.other_model(reader)),
            b"stream" => {
                self.stream = reader.is_true()?;
                Ok(())
            }
            b"max_tokens"
            | b"max_completion_tokens"
            | b"max_output_tokens"
            | b"max_tokens_to_sample" => {
                self.output_max = self.output_max.max(reader.u64_or_skip()?);
                Ok(())
            }
            b"n" => {
                self.answers = reader.u64_or_skip()?.unwrap_or(1).max(1);
                Ok(())
            }
            b"store" => {
                match reader.peek()? {
                    Kind::True => self.stored = true,
                    Kind::False => self.stored = false,
                    _ => {}
                }
                reader.skip().map(drop)
            }
            b"prompt_cache_key" => {
                if let Some(key) = reader.string_or_skip()? {
                    let mut session = Fingerprint::default();
                    session.mix(key.raw());
                    self.session = session.finish();
                }
                Ok(())
            }
            b"generationConfig" | b"inferenceConfig" => self.generation_config(reader),
            b"requests" => self.batch(reader),
            _ => self.text(name, reader),
        }
    }

    /// What becomes input tokens, or refers to what does.
    fn text(&mut self, name: &[u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match name {
            b"system" | b"instructions" | b"systemInstruction" | b"system_instruction" => {
                self.tally.part(Part::System, reader)
            }
            b"tools" | b"functions" => self.tally.tools(reader),
            b"messages" | b"contents" | b"input" | b"items" => self.tally.messages(reader),
            b"prompt" if reader.peek()? == Kind::Object => {
                self.has_stored_prompt = true;
                self.tally.stored_prompt(reader)
            }
            b"prompt" | b"suffix" => self.tally.part(Part::First, reader),
            b"response_format" | b"output_config" | b"output_format" | b"text" => {
                self.tally.literal(reader)
            }
            b"container"
            | b"previous_response_id"
            | b"conversation"
            | b"input_file_id"
            | b"file_id"
            | b"file_ids" => self.tally.references.reference(reader),
            b"files" | b"images" | b"mask" => self.tally.references.things(reader),
            b"cachedContent" | b"cached_content" => self.tally.references.named(reader),
            _ => reader.skip().map(drop),
        }
    }

    fn model(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let named = match reader.string_or_skip()? {
            None => Model::NoString,
            Some(text) => text
                .to_text()
                .filter(|model| may_name_a_model(model))
                .map_or(Model::Unusable, Model::Named),
        };
        self.model = match self.model {
            Model::Missing => named,
            _ => Model::Twice,
        };
        Ok(())
    }

    /// A model beside the first.
    fn other_model(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let name = reader.string_or_skip()?.and_then(Text::to_text);
        match name.filter(|name| may_name_a_model(name)) {
            Some(name) if self.other_models.contains(&name) => {}
            Some(name) if self.other_models.len() < MODELS_MAX => self.other_models.push(name),
            _ => self.has_unusable_models = true,
        }
        Ok(())
    }

    /// Gemini's, and Bedrock's.
    fn generation_config(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| match name {
            b"maxOutputTokens" | b"maxTokens" => {
                self.output_max = self.output_max.max(reader.u64_or_skip()?);
                Ok(())
            }
            _ => reader.skip().map(drop),
        })
    }

    /// A batch: each of its requests has a body of its own as `params`. The batch as a whole goes
    /// to one account, chosen by the first model.
    fn batch(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.array_or_skip(|reader| {
            reader.object_or_skip(|name, reader| match name {
                b"params" => reader.object_or_skip(|name, reader| match name {
                    b"model" if self.model == Model::Missing => self.model(reader),
                    b"model" => self.other_model(reader),
                    _ => self.text(name, reader),
                }),
                _ => reader.skip().map(drop),
            })
        })
    }

    fn description(self, demand: Demand) -> Result<Description, DescribeError> {
        let invalid = |problem| DescribeError::InvalidField {
            field: "model",
            problem,
        };
        let model = match self.model {
            Model::Named(model) => Some(model),
            Model::Twice => return Err(invalid("is given twice; name one model")),
            _ if demand != Demand::Model || self.has_stored_prompt => None,
            Model::Missing => return Err(invalid("is required; send the name of a model")),
            Model::NoString => return Err(invalid("must be a string; send the name of a model")),
            Model::Unusable => return Err(invalid("must be the name of a model")),
        };
        if self.has_unusable_models {
            return Err(DescribeError::InvalidField {
                field: "models",
                problem: "must be the names of at most 64 different models",
            });
        }
        Ok(Description {
            other_models: self.other_models,
            model,
            stream: self.stream,
            size: RequestSize {
                text_bytes: self.tally.text_bytes,
                media_tokens: self.tally.media_tokens,
                output_max: self.output_max.map(|cap| cap.saturating_mul(self.answers)),
            },
            affinity: self.tally.affinity(),
            session: self.session,
            stored: self.stored,
            references: self.tally.references.into_list(),
        })
    }
}

/// Whether a request may ask for a model of this name.
pub fn may_name_a_model(model: &str) -> bool {
    !model.trim().is_empty()
        && model.len() <= model_name::BYTES_MAX
        && !model.contains(|c: char| c.is_control())
}

#[cfg(test)]
mod tests;
