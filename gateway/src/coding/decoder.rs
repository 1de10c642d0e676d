//! A coding, undone piece by piece.

use std::io::{self, ErrorKind, Read};

use brotli::Decompressor as Brotli;
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::stream::read::Decoder as Zstd;

use super::name::Coding;
use super::source::Source;

/// The most that is decoded at once.
const PIECE: usize = 64 * 1024;
/// The largest window of zstd as a content coding (RFC 9659), as a power of two.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// What brotli reads ahead; its own usual.
const BROTLI_BUFFER: usize = 4 * 1024;

/// What comes next of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Piece(Bytes),
    /// More must come first.
    Hungry,
    /// That was all.
    End,
}

/// Undoes the coding of one body.
pub(crate) struct Decoder {
    reader: Reader,
    buffer: Box<[u8]>,
}

enum Reader {
    /// By the name of deflate, and nothing has come to tell which.
    Deflate(Source),
    Raw(DeflateDecoder<Source>),
    Zlib(ZlibDecoder<Source>),
    Gzip(MultiGzDecoder<Source>),
    Brotli(Box<Brotli<Source>>),
    Zstd(Zstd<'static, Source>),
}

impl Decoder {
    pub(crate) fn new(coding: Coding) -> Self {
        let source = Source::default();
        Self {
            reader: match coding {
                Coding::Gzip => Reader::Gzip(MultiGzDecoder::new(source)),
                Coding::Deflate => Reader::Deflate(source),
                Coding::Brotli => Reader::Brotli(Box::new(Brotli::new(source, BROTLI_BUFFER))),
                Coding::Zstd => Reader::Zstd(zstd_decoder(source)),
            },
            buffer: vec![0; PIECE].into(),
        }
    }

    /// Takes the next coded piece, once the last one is used up ([`Decoded::Hungry`]).
    pub(crate) fn feed(&mut self, piece: Bytes) {
        self.source().feed(piece);
    }

    /// No coded piece comes any more.
    pub(crate) fn end(&mut self) {
        self.source().end();
    }

    /// What comes next.
    ///
    /// # Errors
    /// If the body is not in this coding, or ends before its end.
    pub(crate) fn next(&mut self) -> io::Result<Decoded> {
        self.tell_deflate();
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return Ok(Decoded::End),
                Ok(count) => {
                    let piece = Bytes::copy_from_slice(&self.buffer[..count]);
                    return Ok(Decoded::Piece(piece));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Decoded::Hungry),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn source(&mut self) -> &mut Source {
        match &mut self.reader {
            Reader::Deflate(source) => source,
            Reader::Raw(reader) => reader.get_mut(),
            Reader::Zlib(reader) => reader.get_mut(),
            Reader::Gzip(reader) => reader.get_mut(),
            Reader::Brotli(reader) => reader.get_mut(),
            Reader::Zstd(reader) => reader.get_mut(),
        }
    }

    /// Finds out which of the two it is that deflate stands for. A lone first byte is taken for the
    /// beginning of the right one.
    fn tell_deflate(&mut self) {
        let Reader::Deflate(source) = &mut self.reader else {
            return;
        };
        let Some(first) = source.first() else {
            return;
        };
        let source = std::mem::take(source);
        // The method (8) stands in the low half of zlib's first byte; blocks of raw deflate that
        // begin so are stored ones with a length that none has (RFC 1950, 2.2; RFC 1951, 3.2.3).
        self.reader = if first & 0x0F == 8 {
            Reader::Zlib(ZlibDecoder::new(source))
        } else {
            Reader::Raw(DeflateDecoder::new(source))
        };
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Deflate(source) => source.read(buffer),
            Self::Raw(reader) => reader.read(buffer),
            Self::Zlib(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer),
            Self::Brotli(reader) => reader.read(buffer),
            Self::Zstd(reader) => reader.read(buffer),
        }
    }
}

fn zstd_decoder(source: Source) -> Zstd<'static, Source> {
    let mut decoder = Zstd::with_buffer(source).expect("a decoder takes memory and nothing else");
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .expect("zstd knows windows of this size");
    decoder
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::coded::{ALL, coded};

    fn text() -> Vec<u8> {
        let numbers = (0..40_000).map(|number| number.to_string());
        numbers.collect::<Vec<_>>().join(" ").into_bytes()
    }

    fn decoded(coding: Coding, pieces: &[&[u8]]) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::new(coding);
        let (mut all, mut pieces) = (Vec::new(), pieces.iter());
        loop {
            match decoder.next()? {
                Decoded::Piece(piece) => all.extend_from_slice(&piece),
                Decoded::End => return Ok(all),
                Decoded::Hungry => match pieces.next() {
                    Some(piece) => decoder.feed(Bytes::copy_from_slice(piece)),
                    None => decoder.end(),
                },
            }
        }
    }

    #[test]
    fn every_coding_is_undone_however_it_is_split() {
        let text = text();
        for coding in ALL {
            let coded = coded(coding, &text);
            for size in [1, 7, 5_000, coded.len()] {
                let pieces: Vec<&[u8]> = coded.chunks(size).collect();
                let found = decoded(coding, &pieces).expect("it can be undone");
                assert!(found == text, "{coding:?} {size}");
            }
        }
    }

    #[test]
    fn raw_deflate_is_told_from_zlib() {
        use std::io::Write;
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&text()).expect("memory");
        let coded = encoder.finish().expect("memory");
        assert!(decoded(Coding::Deflate, &[&coded]).expect("raw") == text());
    }

    #[test]
    fn what_is_cut_or_something_else_is_an_error() {
        for coding in ALL {
            let coded = coded(coding, &text());
            assert!(
                decoded(coding, &[&coded[..coded.len() / 2]]).is_err(),
                "{coding:?}"
            );
            assert!(decoded(coding, &[b"{\"a\": 1}"]).is_err(), "{coding:?}");
        }
    }

    #[test]
    fn what_is_flushed_comes_at_once() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut decoder = Decoder::new(Coding::Gzip);
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            encoder.write_all(event.as_bytes()).expect("memory");
            encoder.flush().expect("memory");
            decoder.feed(Bytes::from(std::mem::take(encoder.get_mut())));
            let piece = decoder.next().expect("gzip");
            assert_eq!(piece, Decoded::Piece(Bytes::from_static(event.as_bytes())));
            assert_eq!(decoder.next().expect("gzip"), Decoded::Hungry);
        }
    }
}
