//! What a block of content is, judged by its members in whatever order they come.
//!
//! Only when a block has been read to its end is it clear whether a long string in it was text or
//! the bytes of a picture: the type may stand behind the data.

use crate::body::media::Media;
use crate::json::{Malformed, Reader, Text};

/// Data this short is no picture.
const OPAQUE_BYTES_MIN: usize = 256;

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    User,
    Other,
}

/// What is known of a block while its members are read, in whatever order they come.
#[derive(Default)]
pub(super) struct Block<'a> {
    pub(super) media: Option<Media>,
    pub(super) media_by_type: Option<Media>,
    pub(super) payload: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) is_text_source: bool,
    pub(super) is_remote: bool,
    pub(super) is_cipher: bool,
    pub(super) is_low_detail: bool,
    /// It stands for an item that the provider has kept.
    pub(super) is_item_reference: bool,
    /// It is an item that the provider looks up by its id unless it is given in full.
    pub(super) is_kept_item: bool,
    pub(super) has_content: bool,
    /// It says what it is.
    pub(super) has_kind: bool,
    /// It says more than what it is and its id.
    pub(super) says_more: bool,
    /// Content that only the account that made it can read.
    pub(super) sealed: Option<Text<'a>>,
}

impl<'a> Block<'a> {
    pub(super) fn kind(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        let Some(kind) = reader.string_or_skip()? else {
            return Ok(());
        };
        self.has_kind = true;
        match &*kind.name() {
            b"image" | b"input_image" | b"image_url" | b"computer_screenshot" => {
                self.media = Some(Media::Image);
            }
            b"image_generation_call" => {
                self.media = Some(Media::Image);
                self.is_kept_item = true;
            }
            b"document" | b"input_file" | b"file" => self.media = Some(Media::Document),
            b"input_audio" => self.media = Some(Media::Sound),
            b"redacted_thinking" => self.is_cipher = true,
            b"item_reference" => self.is_item_reference = true,
            b"reasoning" => self.is_kept_item = true,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn id(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        self.id = reader.string_or_skip()?;
        Ok(())
    }

    pub(super) fn source_kind(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        if let Some(kind) = reader.string_or_skip()? {
            self.is_text_source |= kind.raw() == b"text";
            self.is_remote |= matches!(kind.raw(), b"url" | b"file");
        }
        Ok(())
    }

    pub(super) fn media_type(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        self.media_by_type = reader
            .string_or_skip()?
            .and_then(|text| Media::of_type(text.raw()));
        Ok(())
    }

    pub(super) fn detail(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        let detail = reader.string_or_skip()?;
        self.is_low_detail = detail.is_some_and(|detail| detail.raw() == b"low");
        Ok(())
    }

    /// The id of what it refers to without saying it.
    pub(super) fn reference(&self) -> Option<Text<'a>> {
        let is_in_full = self.has_content || self.sealed.is_some() || self.payload.is_some();
        // OpenAI's references need not say that they are some.
        let is_bare = !self.has_kind && !self.says_more;
        self.id
            .filter(|_| is_bare || self.is_item_reference || self.is_kept_item && !is_in_full)
    }

    /// What the block's payload is, if it is not text.
    pub(super) fn media(&self) -> Option<Media> {
        if self.is_text_source || self.is_cipher {
            return None;
        }
        let Some(payload) = self.payload else {
            return self.media.filter(|_| self.is_remote);
        };
        Media::of_data_url(payload.raw())
            .or(self.media_by_type)
            .or(self.media)
            // Base64 in a block of a kind we do not know: most likely a picture.
            .or(is_encoded(&payload).then_some(Media::Image))
    }
}

/// Base64, a data URL, or an address: nothing that becomes tokens by its length.
pub(super) fn is_opaque(text: &Text<'_>) -> bool {
    let raw = text.raw();
    raw.starts_with(b"data:")
        || raw.starts_with(b"https://")
        || raw.starts_with(b"http://")
        || is_encoded(text)
}

fn is_encoded(text: &Text<'_>) -> bool {
    let head = text.raw().get(..OPAQUE_BYTES_MIN);
    head.is_some_and(|head| head.iter().all(is_base64))
}

const fn is_base64(byte: &u8) -> bool {
    // `\` for the escaped slashes of some encoders.
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'\\')
}
