//! How many tokens an image, a document or a sound is likely to be.
//!
//! Only an estimate that the usage in the answer corrects, so the rules are those that providers
//! publish, on what can be seen without decoding anything: an image's size in pixels stands in its
//! first bytes, a document's pages and a sound's length follow from its bytes.
//!
//! Sources: Anthropic's vision guide (width × height / 750, scaled to fit about 1,600 tokens) and
//! PDF guide (1,500 to 3,000 tokens of text per page, and the page as an image); OpenAI's vision
//! guide (85 tokens, and 170 per tile of 512 pixels after scaling) and audio guide (one token per
//! 100 ms).

use crate::json::Text;
use keyweir_terms::dialect::Dialect;

const IMAGE_TOKENS_MAX: u64 = 1_600;
const PIXELS_PER_TOKEN: u64 = 750;

const TILE_TOKENS: u64 = 170;
const TILES_BASE_TOKENS: u64 = 85;
const TILE_PIXELS: u64 = 512;
/// The tiles of a wide photograph: what an image of unknown size counts for.
const TILES_UNKNOWN: u64 = 6;

const PAGE_TOKENS: u64 = 3_000;
/// Between text (some 20 KB a page) and scans (some 200 KB).
const PAGE_BYTES: u64 = 75_000;
/// A document whose bytes are not in the request.
const PAGES_UNKNOWN: u64 = 3;
/// A guess beyond this says more about pictures than about pages.
const PAGES_MAX: u64 = 60;

const SOUND_TOKENS_PER_SEC: u64 = 10;
/// Bytes per second of compressed speech (128 kbit/s), the commonest form.
const SOUND_BYTES_PER_SEC: u64 = 16_000;
const SOUND_SECS_MAX: u64 = 3_600;

/// What kind of data it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Image,
    Document,
    Sound,
}

impl Media {
    /// By a MIME type, or the last part of one. Text is none.
    pub(super) fn of_type(name: &[u8]) -> Option<Self> {
        if name.starts_with(b"image/") {
            return Some(Self::Image);
        }
        match name {
            b"wav" | b"mp3" | b"flac" | b"opus" | b"pcm16" => Some(Self::Sound),
            _ if name.starts_with(b"audio/") => Some(Self::Sound),
            _ if name.starts_with(b"text/") || name.is_empty() => None,
            _ => Some(Self::Document),
        }
    }

    /// By the beginning of a `data:` URL.
    pub(super) fn of_data_url(url: &[u8]) -> Option<Self> {
        let name = url.strip_prefix(b"data:")?;
        let end = name.iter().position(|byte| matches!(byte, b';' | b','))?;
        Some(Self::of_type(&name[..end]).unwrap_or(Self::Document))
    }
}

/// One piece of data in a request.
pub(super) struct Payload<'a> {
    pub(super) media: Media,
    /// Base64, a `data:` URL or an address; `None` if it is elsewhere.
    pub(super) data: Option<Text<'a>>,
    pub(super) is_low_detail: bool,
}

impl Payload<'_> {
    pub(super) fn tokens(&self, dialect: Dialect) -> u64 {
        match (self.media, dialect) {
            (Media::Image, Dialect::OpenAi) => self.tiled_image_tokens(),
            (Media::Image, _) => self.image_tokens(),
            (Media::Document, _) => self.document_tokens(),
            (Media::Sound, _) => self.sound_tokens(),
        }
    }

    fn image_tokens(&self) -> u64 {
        self.dimensions()
            .map_or(IMAGE_TOKENS_MAX, |(width, height)| {
                (width * height)
                    .div_ceil(PIXELS_PER_TOKEN)
                    .clamp(1, IMAGE_TOKENS_MAX)
            })
    }

    fn tiled_image_tokens(&self) -> u64 {
        if self.is_low_detail {
            return TILES_BASE_TOKENS;
        }
        let tiles = self.dimensions().map_or(TILES_UNKNOWN, tiles);
        TILES_BASE_TOKENS + tiles * TILE_TOKENS
    }

    fn document_tokens(&self) -> u64 {
        let pages = self.bytes().map_or(PAGES_UNKNOWN, |bytes| {
            bytes.div_ceil(PAGE_BYTES).clamp(1, PAGES_MAX)
        });
        pages * PAGE_TOKENS
    }

    fn sound_tokens(&self) -> u64 {
        let secs = self
            .bytes()
            .unwrap_or_default()
            .div_ceil(SOUND_BYTES_PER_SEC);
        secs.clamp(1, SOUND_SECS_MAX) * SOUND_TOKENS_PER_SEC
    }

    /// How many bytes the data have, if they are in the request.
    fn bytes(&self) -> Option<u64> {
        self.base64().map(|base64| base64.len() as u64 / 4 * 3)
    }

    fn dimensions(&self) -> Option<(u64, u64)> {
        Encoded(self.base64()?).dimensions()
    }

    fn base64(&self) -> Option<&[u8]> {
        let raw = self.data.as_ref()?.raw();
        if raw.starts_with(b"data:") {
            let comma = memchr::memchr(b',', &raw[..raw.len().min(256)])?;
            return Some(&raw[comma + 1..]);
        }
        // An address has a colon, base64 has none.
        let is_address = raw[..raw.len().min(8)].contains(&b':');
        (!is_address).then_some(raw)
    }
}

fn tiles((width, height): (u64, u64)) -> u64 {
    const LONG_SIDE_MAX: u64 = 2_048;
    const SHORT_SIDE_MAX: u64 = 768;
    let (width, height) = shrunk(width, height, width.max(height), LONG_SIDE_MAX);
    let (width, height) = shrunk(width, height, width.min(height), SHORT_SIDE_MAX);
    width.div_ceil(TILE_PIXELS).max(1) * height.div_ceil(TILE_PIXELS).max(1)
}

/// The size scaled down so that `side` becomes at most `side_max`.
fn shrunk(width: u64, height: u64, side: u64, side_max: u64) -> (u64, u64) {
    if side <= side_max {
        return (width, height);
    }
    (width * side_max / side, height * side_max / side)
}

/// Base64 whose bytes are looked at one by one, without decoding the rest.
struct Encoded<'a>(&'a [u8]);

impl Encoded<'_> {
    /// Width and height, from the headers of PNG, GIF, WebP and JPEG.
    fn dimensions(&self) -> Option<(u64, u64)> {
        let found = match (self.byte(0)?, self.byte(1)?) {
            (0x89, b'P') => (self.big(16, 4)?, self.big(20, 4)?),
            (b'G', b'I') => (self.little(6, 2)?, self.little(8, 2)?),
            (b'R', b'I') => self.webp()?,
            (0xFF, 0xD8) => self.jpeg()?,
            _ => return None,
        };
        let plausible = 1..=0x10000;
        (plausible.contains(&found.0) && plausible.contains(&found.1)).then_some(found)
    }

    fn webp(&self) -> Option<(u64, u64)> {
        match self.byte(15)? {
            b'X' => Some((self.little(24, 3)? + 1, self.little(27, 3)? + 1)),
            b' ' => Some((self.little(26, 2)? & 0x3FFF, self.little(28, 2)? & 0x3FFF)),
            b'L' => {
                let packed = self.little(21, 4)?;
                Some(((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1))
            }
            _ => None,
        }
    }

    /// Hops from segment to segment until the frame header.
    fn jpeg(&self) -> Option<(u64, u64)> {
        const SEGMENTS_MAX: usize = 32;
        let mut at = 2;
        for _ in 0..SEGMENTS_MAX {
            if self.byte(at)? != 0xFF {
                return None;
            }
            let marker = self.byte(at + 1)?;
            if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
                return Some((self.big(at + 7, 2)?, self.big(at + 5, 2)?));
            }
            at += 2 + usize::try_from(self.big(at + 2, 2)?).ok()?;
        }
        None
    }

    fn big(&self, at: usize, count: usize) -> Option<u64> {
        (at..at + count).try_fold(0, |value, at| Some(value << 8 | u64::from(self.byte(at)?)))
    }

    fn little(&self, at: usize, count: usize) -> Option<u64> {
        (at..at + count)
            .rev()
            .try_fold(0, |value, at| Some(value << 8 | u64::from(self.byte(at)?)))
    }

    /// The byte at `at` of what is encoded: it lies in two of four characters.
    fn byte(&self, at: usize) -> Option<u8> {
        let first = at / 3 * 4 + at % 3;
        let (high, low) = (self.sextet(first)?, self.sextet(first + 1)?);
        let shift = at % 3 * 2 + 2;
        Some(high << shift | low >> (6 - shift))
    }

    fn sextet(&self, at: usize) -> Option<u8> {
        Some(match *self.0.get(at)? {
            byte @ b'A'..=b'Z' => byte - b'A',
            byte @ b'a'..=b'z' => byte - b'a' + 26,
            byte @ b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::Reader;

    fn encode(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk
                .iter()
                .fold(0u32, |word, byte| word << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for n in 0..=chunk.len() {
                let sextet = word >> (18 - 6 * n) & 63;
                out.push(char::from(ALPHABET[sextet as usize]));
            }
        }
        out
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    fn tokens(dialect: Dialect, media: Media, data: Option<&str>) -> u64 {
        let json = format!("\"{}\"", data.unwrap_or_default());
        let text = Reader::new(json.as_bytes()).string().unwrap();
        Payload {
            media,
            data: data.map(|_| text),
            is_low_detail: false,
        }
        .tokens(dialect)
    }

    #[test]
    fn the_first_bytes_tell_an_images_size() {
        let gif = b"GIF89a\x40\x01\xf0\x00".to_vec();
        let mut jpeg = b"\xff\xd8\xff\xe0\x00\x10".to_vec();
        jpeg.extend([0; 14]);
        jpeg.extend(b"\xff\xc2\x00\x11\x08\x00\xf0\x01\x40\x03");
        let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
        webp.extend(b"\x3f\x01\x00\xef\x00\x00");
        let mut lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".to_vec();
        lossless.extend((319u32 | 239 << 14).to_le_bytes());
        let mut lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a".to_vec();
        lossy.extend(b"\x40\x01\xf0\x00");
        for image in [png(320, 240), gif, jpeg, webp, lossless, lossy] {
            let base64 = encode(&image);
            assert_eq!(
                Encoded(base64.as_bytes()).dimensions(),
                Some((320, 240)),
                "{base64}"
            );
        }
        assert_eq!(Encoded(b"iVBORw0KGgo").dimensions(), None);
        assert_eq!(Encoded(encode(&png(0, 5)).as_bytes()).dimensions(), None);
    }

    #[test]
    fn images_count_by_their_pixels() {
        use Dialect::*;
        let data = |width, height| encode(&png(width, height));
        for (dialect, data, expected) in [
            (Anthropic, data(200, 200), 54),
            (Anthropic, data(1000, 1000), 1_334),
            (Anthropic, data(4000, 3000), 1_600),
            (
                Anthropic,
                format!("data:image/png;base64,{}", data(200, 200)),
                54,
            ),
            (Anthropic, "https://example.com/cat.png".to_owned(), 1_600),
            (OpenAi, data(1024, 1024), 765),
            (OpenAi, data(2048, 4096), 1_105),
            (OpenAi, data(100, 100), 255),
            (OpenAi, "https://example.com/cat.png".to_owned(), 1_105),
        ] {
            assert_eq!(
                tokens(dialect, Media::Image, Some(&data)),
                expected,
                "{data}"
            );
        }
    }

    #[test]
    fn documents_and_sounds_count_by_their_bytes() {
        let tokens = |media, bytes: usize| {
            tokens(Dialect::Anthropic, media, Some(&"A".repeat(bytes / 3 * 4)))
        };
        assert_eq!(tokens(Media::Document, 300), 3_000);
        assert_eq!(tokens(Media::Document, 750_000), 30_000);
        assert_eq!(tokens(Media::Document, 20_000_000), 180_000);
        assert_eq!(tokens(Media::Sound, 96_000), 60);
        let elsewhere = super::tests::tokens(Dialect::Anthropic, Media::Document, None);
        assert_eq!(elsewhere, 9_000);
    }

    proptest! {
        #[test]
        fn any_data_has_a_bounded_estimate(bytes in proptest::collection::vec(any::<u8>(), 0..80), start in 0usize..4) {
            let start: &[u8] = [&b"\x89PNG"[..], b"GIF", b"RIFF", b"\xff\xd8\xff"][start];
            let base64 = encode(&[start, &bytes].concat());
            for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Generic] {
                for media in [Media::Image, Media::Document, Media::Sound] {
                    let tokens = tokens(dialect, media, Some(&base64));
                    prop_assert!((1..=200_000).contains(&tokens));
                }
            }
        }
    }
}
