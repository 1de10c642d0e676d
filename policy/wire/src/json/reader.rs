//! Looks into JSON without copying it.
//!
//! Request bodies are up to 32 MiB and most of them is one long string. A deserializer that hands
//! out strings must unescape them into a buffer of their own, as large as the body; raw values
//! avoid that, but then every level of nesting is scanned again. This reader goes over the bytes
//! once, tells its caller where things are, and allocates nothing. It accepts exactly what
//! `serde_json` accepts (a property test holds the two side by side), less very deep nesting, plus a
//! byte order mark before it.

mod or_skip;

use crate::json::text::{Text, end_of_plain};

/// Deeper nesting than any API's; the bound keeps a hostile body off our stack.
const DEPTH_MAX: u32 = 128;

/// The bytes are not JSON; [`Reader::problem`] knows why. An empty type, so that the results of
/// all the small steps fit into a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Why the bytes are not JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The offset at which it shows.
    pub(crate) at: usize,
    /// What should have stood there.
    pub(crate) expected: &'static str,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// Goes through one JSON document, front to back.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
    problem: Problem,
}

impl<'a> Reader<'a> {
    /// At the beginning of a document, behind the mark that says it is UTF-8, if there is one.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
        Self {
            bytes,
            at: if bytes.starts_with(BYTE_ORDER_MARK) {
                BYTE_ORDER_MARK.len()
            } else {
                0
            },
            depth: 0,
            problem: Problem::default(),
        }
    }

    /// What was wrong when a method failed.
    pub(crate) const fn problem(&self) -> Problem {
        self.problem
    }

    /// How far it has come.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The kind of the next value.
    pub(crate) fn peek(&mut self) -> Result<Kind, Malformed> {
        Ok(match self.next() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't') => Kind::True,
            Some(b'f') => Kind::False,
            Some(b'n') => Kind::Null,
            _ => return Err(self.expected("a value")),
        })
    }

    /// Hands every member of an object to `member`, which must read its value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&[u8], &mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.open(b'{', "an object")?;
        if self.next() == Some(b'}') {
            self.close();
            return Ok(());
        }
        loop {
            let name = self.string()?;
            if self.next() != Some(b':') {
                return Err(self.expected("`:`"));
            }
            self.at += 1;
            if name.is_plain() {
                member(name.raw(), self)?;
            } else {
                member(&name.name(), self)?;
            }
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.expected("`,` or `}`")),
            }
        }
        self.close();
        Ok(())
    }

    /// Calls `element` for every element of an array; it must read it.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.open(b'[', "an array")?;
        if self.next() == Some(b']') {
            self.close();
            return Ok(());
        }
        loop {
            element(self)?;
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.expected("`,` or `]`")),
            }
        }
        self.close();
        Ok(())
    }

    /// A string.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Malformed> {
        if self.next() != Some(b'"') {
            return Err(self.expected("a string"));
        }
        let start = self.at;
        let end = end_of_plain(self.bytes, start + 1);
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            let quoted = &self.bytes[start..=end];
            return Ok(Text {
                quoted,
                len: quoted.len() - 2,
            });
        }
        self.string_with_escapes(start, end)
    }

    /// The rest of a string that begins at `start` and has an escape at `at`. Apart, so that the
    /// way most strings go stays short.
    #[inline(never)]
    fn string_with_escapes(&mut self, start: usize, at: usize) -> Result<Text<'a>, Malformed> {
        self.at = at;
        let mut spared = 0;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => spared += self.escape()?,
                Some(_) => return Err(self.expected("no bare control character in a string")),
                None => return Err(self.expected("the end of the string")),
            }
            self.at = end_of_plain(self.bytes, self.at);
        }
        self.at += 1;
        let quoted = &self.bytes[start..self.at];
        Ok(Text {
            quoted,
            len: quoted.len() - 2 - spared,
        })
    }

    /// Passes over any value and returns its bytes.
    pub(crate) fn skip(&mut self) -> Result<&'a [u8], Malformed> {
        let kind = self.peek()?;
        let start = self.at;
        match kind {
            Kind::Object => self.object(|_, reader| reader.skip().map(drop))?,
            Kind::Array => self.array(|reader| reader.skip().map(drop))?,
            Kind::String => drop(self.string()?),
            Kind::Number => self.number()?,
            Kind::True => self.word(b"true")?,
            Kind::False => self.word(b"false")?,
            Kind::Null => self.word(b"null")?,
        }
        Ok(&self.bytes[start..self.at])
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the document")),
        }
    }

    #[cold]
    fn expected(&mut self, expected: &'static str) -> Malformed {
        self.problem = Problem {
            at: self.at,
            expected,
        };
        Malformed
    }

    /// Passes over white space and looks at the byte behind it.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn open(&mut self, bracket: u8, what: &'static str) -> Result<(), Malformed> {
        if self.next() != Some(bracket) {
            return Err(self.expected(what));
        }
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.expected("less nesting"));
        }
        Ok(())
    }

    const fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    /// Passes over an escape; returns by how much it is longer than what it stands for.
    fn escape(&mut self) -> Result<usize, Malformed> {
        let (length, stands_for) = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => (2, 1),
            Some(b'u') => (6, self.code_unit()?),
            _ => return Err(self.expected("a valid escape")),
        };
        self.at += length;
        Ok(length - stands_for)
    }

    /// How many bytes of UTF-8 the code unit of `\uXXXX` stands for.
    fn code_unit(&mut self) -> Result<usize, Malformed> {
        let digits = self.bytes.get(self.at + 2..self.at + 6);
        let unit = digits.and_then(|digits| {
            digits.iter().try_fold(0, |unit, digit| {
                Some(unit * 16 + char::from(*digit).to_digit(16)?)
            })
        });
        let Some(unit) = unit else {
            return Err(self.expected("four hexadecimal digits"));
        };
        Ok(match unit {
            0..0x80 => 1,
            0x80..0x800 => 2,
            // One half of a pair that makes four bytes.
            0xD800..0xE000 => 2,
            _ => 3,
        })
    }

    fn number(&mut self) -> Result<(), Malformed> {
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.expected("a digit"));
        }
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Malformed> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.expected("`true`, `false` or `null`"))
        }
    }
}

#[cfg(test)]
mod tests;
