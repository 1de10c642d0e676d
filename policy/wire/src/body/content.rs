//! Counts what a request's content will cost as input, and recognizes the conversation.
//!
//! Tokens are not known before the provider counts them; bytes of text are, and the pool learns
//! their ratio. Base64 must stay out of that count (a 5 MB image is some 1,600 tokens, not a
//! million), so images, documents and sound are told apart and estimated by rules of their own
//! ([`crate::body::media`]). Text counts in its unescaped length, or the same text would be twice as
//! long from a client that escapes everything beyond ASCII.
//!
//! The fingerprint of a conversation is made of texts only, not of JSON: clients move
//! `cache_control` marks from message to message as a conversation grows.

use crate::body::block::{Block, Role, is_opaque};
use crate::body::media::Payload;
use crate::body::references::References;
use crate::json::{Kind, Malformed, Reader, Text};
use keyweir_terms::dialect::Dialect;
use keyweir_terms::fingerprint::Fingerprint;

/// What a number counts for: prompts may be arrays of token ids, at about four bytes each.
const NUMBER_BYTES: u64 = 4;

/// What a conversation is recognized by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    System,
    Tools,
    First,
}

/// The sum of what was read.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) text_bytes: u64,
    pub(super) media_tokens: u64,
    pub(super) references: References,
    dialect: Dialect,
    parts: [Fingerprint; 3],
    /// The part that is being read.
    part: Option<Part>,
}

impl Tally {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            text_bytes: 0,
            media_tokens: 0,
            references: References::default(),
            dialect,
            parts: [Fingerprint::default(); 3],
            part: None,
        }
    }

    /// The conversation's fingerprint, if there is anything to recognize it by.
    pub(super) fn affinity(&self) -> Option<u64> {
        let parts = self.parts.map(Fingerprint::finish);
        let mut whole = Fingerprint::default();
        for part in parts {
            whole.mix_word(part.unwrap_or_default());
        }
        parts.iter().any(Option::is_some).then(|| whole.finish())?
    }

    /// Content that belongs to `part` as a whole.
    pub(super) fn part(&mut self, part: Part, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.part = Some(part);
        self.content(reader)?;
        self.part = None;
        Ok(())
    }

    /// Tool definitions, which models read as they stand.
    pub(super) fn tools(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.part = Some(Part::Tools);
        self.array_or(reader, Self::tool)?;
        self.part = None;
        Ok(())
    }

    /// Messages, or the input of a response. The conversation's first part ends with the first
    /// message of the user's: what comes before it (a system message, say) recognizes it too.
    pub(super) fn messages(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.part = Some(Part::First);
        self.array_or(reader, |tally, reader| {
            if reader.peek()? == Kind::Object {
                if tally.block(reader)? == Role::User {
                    tally.part = None;
                }
                return Ok(());
            }
            tally.content(reader)
        })?;
        self.part = None;
        Ok(())
    }

    /// A prompt that the provider keeps: its id, and what is filled in.
    pub(super) fn stored_prompt(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.part = Some(Part::First);
        reader.object(|name, reader| match name {
            b"id" => {
                if let Some(id) = reader.string_or_skip()? {
                    self.references.id(&id);
                    self.mix(id.raw());
                }
                Ok(())
            }
            _ => self.content(reader),
        })?;
        self.part = None;
        Ok(())
    }

    /// JSON that the model reads as it stands (a schema).
    pub(super) fn literal(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if reader.peek()? == Kind::String {
            let text = reader.string()?;
            self.text(&text);
            return Ok(());
        }
        let raw = reader.skip()?;
        self.text_bytes += raw.len() as u64;
        self.mix(raw);
        Ok(())
    }

    /// Content in any form: text, a block, or several.
    fn content(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::String => {
                let text = reader.string()?;
                self.text(&text);
                Ok(())
            }
            Kind::Array => reader.array(|reader| self.content(reader)),
            Kind::Object => self.block(reader).map(drop),
            Kind::Number => {
                self.text_bytes += NUMBER_BYTES;
                let number = reader.skip()?;
                self.mix(number);
                Ok(())
            }
            _ => reader.skip().map(drop),
        }
    }

    fn array_or(
        &mut self,
        reader: &mut Reader<'_>,
        mut element: impl FnMut(&mut Self, &mut Reader<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match reader.peek()? {
            Kind::Array => reader.array(|reader| element(self, reader)),
            _ => self.content(reader),
        }
    }

    /// A tool's definition: what it is called, does and takes; and what it refers to.
    fn tool(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        if reader.peek()? != Kind::Object {
            return self.literal(reader);
        }
        reader.object(|name, reader| match name {
            b"cache_control" => reader.skip().map(drop),
            b"container" | b"vector_store_ids" | b"file_ids" => self.references.reference(reader),
            b"environment" | b"input_image_mask" => self.references.things(reader),
            _ => self.literal(reader),
        })
    }

    /// A message, or a block of one. Both are objects whose members' names say what they hold.
    fn block(&mut self, reader: &mut Reader<'_>) -> Result<Role, Malformed> {
        let mut role = Role::Other;
        let mut block = Block::default();
        reader.object(|name, reader| match name {
            b"role" => {
                block.says_more = true;
                let said = reader.string_or_skip()?;
                if said.is_some_and(|said| said.raw() == b"user") {
                    role = Role::User;
                }
                Ok(())
            }
            b"type" => block.kind(reader),
            b"id" => block.id(reader),
            _ => {
                block.says_more = true;
                self.member(name, &mut block, reader)
            }
        })?;
        self.finish(&block);
        Ok(role)
    }

    fn member<'a>(
        &mut self,
        name: &[u8],
        block: &mut Block<'a>,
        reader: &mut Reader<'a>,
    ) -> Result<(), Malformed> {
        match name {
            b"source" | b"image_url" | b"input_audio" | b"file" | b"inlineData"
            | b"inline_data" | b"fileData" | b"file_data"
                if reader.peek()? == Kind::Object =>
            {
                self.source(block, reader)
            }
            b"data" | b"file_data" | b"image_url" | b"url" | b"file_url" | b"result"
            | b"b64_json" => self.data(block, reader),
            b"file_id" | b"container_id" => {
                block.is_remote = name == b"file_id";
                self.references.reference(reader)
            }
            // Sound that the provider keeps, in a message that it answered with.
            b"audio" if reader.peek()? == Kind::Object => self.references.reference(reader),
            b"content" => {
                block.has_content = matches!(reader.peek()?, Kind::Array | Kind::String);
                self.content(reader)
            }
            b"detail" => block.detail(reader),
            b"encrypted_content" => {
                block.sealed = reader.string_or_skip()?;
                Ok(())
            }
            // Signatures and ciphers stand for text that is not in the request.
            b"signature" | b"encrypted_stdout" | b"thoughtSignature" | b"cache_control"
            | b"tool_use_id" | b"call_id" | b"tool_call_id" | b"status" => reader.skip().map(drop),
            b"input" | b"arguments" | b"args" => self.literal(reader),
            _ => self.content(reader),
        }
    }

    /// The object inside a block that says where its data are.
    fn source<'a>(
        &mut self,
        block: &mut Block<'a>,
        reader: &mut Reader<'a>,
    ) -> Result<(), Malformed> {
        reader.object(|name, reader| match name {
            b"type" => block.source_kind(reader),
            b"media_type" | b"mimeType" | b"mime_type" | b"format" => block.media_type(reader),
            b"data" | b"url" | b"file_data" => {
                block.payload = reader.string_or_skip()?.or(block.payload);
                Ok(())
            }
            b"file_id" => {
                block.is_remote = true;
                self.references.reference(reader)
            }
            b"fileUri" | b"file_uri" => self.references.named(reader),
            b"detail" => block.detail(reader),
            b"content" => self.content(reader),
            _ => reader.skip().map(drop),
        })
    }

    /// A member that may hold data, or an address, or plain text.
    fn data<'a>(
        &mut self,
        block: &mut Block<'a>,
        reader: &mut Reader<'a>,
    ) -> Result<(), Malformed> {
        if reader.peek()? != Kind::String {
            return self.content(reader);
        }
        let text = reader.string()?;
        if is_opaque(&text) {
            block.payload = Some(text);
        } else {
            self.text(&text);
        }
        Ok(())
    }

    fn finish(&mut self, block: &Block<'_>) {
        if let Some(id) = block.reference() {
            self.references.id(&id);
        }
        // Anthropic's are read by every account.
        if let Some(sealed) = block.sealed.filter(|_| self.dialect != Dialect::Anthropic) {
            self.references.sealed(&sealed);
        }
        let Some(media) = block.media() else {
            if let Some(text) = block.payload.filter(|_| !block.is_cipher) {
                self.text(&text);
            }
            return;
        };
        let payload = Payload {
            media,
            data: block.payload,
            is_low_detail: block.is_low_detail,
        };
        self.media_tokens += payload.tokens(self.dialect);
        if let Some(data) = block.payload {
            self.mix(data.raw());
        }
    }

    fn text(&mut self, text: &Text<'_>) {
        self.text_bytes += text.len() as u64;
        self.mix(text.raw());
    }

    fn mix(&mut self, bytes: &[u8]) {
        if let Some(part) = self.part {
            self.parts[part as usize].mix(bytes);
        }
    }
}
