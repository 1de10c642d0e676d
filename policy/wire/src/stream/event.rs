//! What one event of a stream says.
//!
//! One reader for the events of every dialect: their names do not collide, and providers of the
//! generic dialect may speak any of them. Unknown events and fields say nothing.

use memchr::memmem;

use crate::answer::created_ids::{Ids, Place};
use crate::answer::usage;
use crate::json::{Kind, Malformed, Reader};
use crate::stream::event_name::{Family, Meaning, by_name, is_last};
use keyweir_terms::request::Usage;

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) meaning: Meaning,
    pub(super) family: Family,
    /// Bytes of text that the model has produced.
    pub(super) content_bytes: u64,
    /// Where that text stands in the data, with its quotes, if it is a single one.
    pub(super) only_text: Option<(usize, usize)>,
    pub(super) usage: Usage,
    /// The choices that it is about, a bit for each, and those that it ends.
    pub(super) choices: u64,
    pub(super) choices_done: u64,
    pub(super) sequence: Option<u64>,
    /// It is the last of its stream, by its name.
    pub(super) is_last: bool,
    /// The answer is complete (`message_delta` with a `stop_reason`); more events follow.
    pub(super) is_stopped: bool,
    pub(super) has_error: bool,
}

impl Event {
    /// Reads the data of an event; of malformed or truncated data, what was read before they
    /// broke. Ids of what the provider keeps go to `ids`.
    pub(super) fn read(data: &[u8], ids: &mut Ids) -> Self {
        let mut event = Self::default();
        let _malformed =
            Reader::new(data).object_or_skip(|name, reader| event.member(name, reader, ids));
        if event.has_error {
            event.meaning = Meaning::Error;
        }
        event
    }

    /// Reads what the end of an event says of which only the beginning was read.
    pub(super) fn read_tail(&mut self, tail: &[u8]) {
        usage::merge(&mut self.usage, usage::in_tail(tail));
        if self.family == Family::Chunks && is_finished(tail, b"\"finish_reason\":") {
            // Whichever choice it was: events this long come alone.
            self.choices |= 1;
            self.choices_done |= 1;
            self.mean(Meaning::Content);
        }
        if is_finished(tail, b"\"finishReason\":") {
            self.mean(Meaning::Finished);
        }
    }

    fn member(
        &mut self,
        name: &[u8],
        reader: &mut Reader<'_>,
        ids: &mut Ids,
    ) -> Result<(), Malformed> {
        match name {
            b"type" => self.name(reader),
            b"delta" => self.delta(reader, ids),
            b"choices" => self.choices(reader),
            b"usage" | b"usageMetadata" => self.usage(reader),
            b"service_tier" => self.tier(reader),
            b"message" | b"response" | b"interaction" | b"x_groq" => self.whole(name, reader, ids),
            b"content_block" => self.content_block(reader),
            b"item" => ids.object(reader, Place::Item),
            b"id" if ids.answers.is_empty() && self.family == Family::Unknown => ids.add(reader),
            b"sequence_number" => {
                self.sequence = reader.u64_or_skip()?;
                Ok(())
            }
            b"error" => self.error(reader),
            b"completion" => self.produced(reader),
            b"stop_reason" => self.ended(reader),
            b"candidates" => self.candidates(reader),
            _ => reader.skip().map(drop),
        }
    }

    fn name(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if let Some(name) = reader.string_or_skip()? {
            let (family, meaning) = by_name(name.raw());
            self.family = family;
            self.is_last = is_last(name.raw());
            self.mean(meaning);
        }
        Ok(())
    }

    /// An error, unless it is an empty one.
    fn error(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::String => self.has_error |= reader.string()?.len() > 0,
            Kind::Object => {
                return reader.object(|_, reader| {
                    self.has_error = true;
                    reader.skip().map(drop)
                });
            }
            _ => drop(reader.skip()?),
        }
        Ok(())
    }

    /// What was produced since the last event: a text, or an object with texts. (Cohere's last one has the
    /// usage.)
    fn delta(&mut self, reader: &mut Reader<'_>, ids: &mut Ids) -> Result<(), Malformed> {
        if reader.peek()? != Kind::Object {
            return self.produced(reader);
        }
        reader.object(|name, reader| match name {
            b"container" => ids.container(reader),
            b"usage" => self.usage(reader),
            b"stop_reason" => {
                self.is_stopped |= says_something(reader)?;
                Ok(())
            }
            _ => self.delta_member(name, reader),
        })
    }

    fn delta_member(&mut self, name: &[u8], reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match name {
            b"type" | b"role" | b"index" | b"stop_reason" | b"stop_sequence" => {
                reader.skip().map(drop)
            }
            // Sound: content, but not text.
            b"signature" | b"data" => {
                self.mean(Meaning::Content);
                reader.skip().map(drop)
            }
            _ => self.produced(reader),
        }
    }

    /// Text in any form: something was produced if any of it is not empty.
    fn produced(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::String => {
                let text = reader.string()?;
                if text.len() > 0 {
                    let end = reader.at();
                    let place = (end - text.quoted_len(), end);
                    self.only_text = (self.content_bytes == 0).then_some(place);
                    self.content_bytes += text.len() as u64;
                    self.mean(Meaning::Content);
                }
                Ok(())
            }
            Kind::Object => reader.object(|name, reader| self.delta_member(name, reader)),
            Kind::Array => reader.array(|reader| self.produced(reader)),
            _ => reader.skip().map(drop),
        }
    }

    fn choices(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.family = Family::Chunks;
        let read = reader.array_or_skip(|reader| {
            let (mut index, mut done) = (0, false);
            reader.object_or_skip(|name, reader| match name {
                b"index" => {
                    index = reader.u64_or_skip()?.unwrap_or_default();
                    Ok(())
                }
                b"delta" | b"text" => self.produced(reader),
                b"finish_reason" => {
                    // Some send `""` for as long as they go on.
                    done = says_something(reader)?;
                    Ok(())
                }
                b"usage" => self.usage(reader),
                _ => reader.skip().map(drop),
            })?;
            let bit = 1 << index.min(63);
            self.choices |= bit;
            if done {
                self.choices_done |= bit;
                self.mean(Meaning::Content);
            }
            Ok(())
        });
        self.content_if_cut(read)
    }

    /// A part of the answer that is so long that it was not read to its end.
    fn content_if_cut(&mut self, read: Result<(), Malformed>) -> Result<(), Malformed> {
        if read.is_err() {
            self.mean(Meaning::Content);
        }
        read
    }

    fn usage(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let news = usage::read_object(reader)?;
        usage::merge(&mut self.usage, news);
        Ok(())
    }

    fn tier(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.usage.tier = usage::read_tier(reader)?.or(self.usage.tier);
        Ok(())
    }

    /// The answer as a whole, as it is at this point: Anthropic's message, OpenAI's response, Gemini's
    /// interaction; and what Groq says of it.
    fn whole(
        &mut self,
        whole: &[u8],
        reader: &mut Reader<'_>,
        ids: &mut Ids,
    ) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| match name {
            b"usage" | b"meta" => self.usage(reader),
            b"service_tier" => self.tier(reader),
            b"container" => ids.container(reader),
            b"id" if whole == b"response" && ids.answers.is_empty() => ids.add(reader),
            _ => reader.skip().map(drop),
        })
    }

    /// A block begins. Most begin empty; some (a search's result) come whole.
    fn content_block(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut opens_empty = false;
        reader.object_or_skip(|name, reader| match name {
            b"type" => {
                let kind = reader.string_or_skip()?;
                opens_empty = kind.is_some_and(|kind| matches!(kind.raw(), b"text" | b"thinking"));
                Ok(())
            }
            _ => reader.skip().map(drop),
        })?;
        if !opens_empty {
            self.mean(Meaning::Content);
        }
        Ok(())
    }

    /// The end of a legacy completion, whose events are texts until one has a reason to stop.
    fn ended(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if says_something(reader)? {
            self.mean(Meaning::Finished);
        }
        Ok(())
    }

    /// Gemini's chunks.
    fn candidates(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let read = reader.array_or_skip(|reader| {
            reader.object_or_skip(|name, reader| match name {
                b"content" => self.produced(reader),
                b"finishReason" => self.ended(reader),
                _ => reader.skip().map(drop),
            })
        });
        self.content_if_cut(read)
    }

    /// The strongest of all that an event means holds.
    fn mean(&mut self, meaning: Meaning) {
        self.meaning = self.meaning.max(meaning);
    }
}

/// Whether the value is a text that is not empty.
fn says_something(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    let text = reader.string_or_skip()?;
    Ok(text.is_some_and(|text| text.len() > 0))
}

/// Whether the last `name` in `tail` has a text that is not empty.
fn is_finished(tail: &[u8], name: &[u8]) -> bool {
    memmem::rfind(tail, name)
        .and_then(|at| says_something(&mut Reader::new(&tail[at + name.len()..])).ok())
        .unwrap_or_default()
}
