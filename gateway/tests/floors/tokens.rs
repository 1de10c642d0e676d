//! Rust source as the few tokens that imports are made of: words, `::`, and single signs. Comments,
//! strings and characters are left out, so that nothing in them is taken for an import, and so is
//! what is compiled for tests only.
//!
//! Not a parser: `syn` would be a dependency for one test, and says no more of paths than the
//! tokens do.

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name, a keyword or a number.
    Word(String),
    /// `::`
    Path,
    /// Any other sign.
    Sign(char),
}

impl Token {
    pub(crate) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub(crate) fn is_sign(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }
}

/// The tokens of `source` that are compiled outside of tests.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    without_tests(&all(source))
}

fn all(source: &str) -> Vec<Token> {
    let source: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        at += match rest {
            ['/', '/', ..] => length_until(rest, |rest| rest[0] == '\n'),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => string(rest),
            ['\'', ..] => character(rest),
            [':', ':', ..] => {
                tokens.push(Token::Path);
                2
            }
            [first, ..] if is_word(*first) => {
                let length = length_until(rest, |rest| !is_word(rest[0]));
                match raw_string(&rest[..length], &rest[length..]) {
                    Some(of_string) => length + of_string,
                    None => {
                        tokens.push(Token::Word(rest[..length].iter().collect()));
                        length
                    }
                }
            }
            [first, ..] => {
                if !first.is_whitespace() {
                    tokens.push(Token::Sign(*first));
                }
                1
            }
            [] => unreachable!("there is a rest"),
        };
    }
    tokens
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn length_until(source: &[char], ends: impl Fn(&[char]) -> bool) -> usize {
    (0..source.len())
        .find(|at| ends(&source[*at..]))
        .unwrap_or(source.len())
}

fn block_comment(source: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < source.len() {
        match &source[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(source: &[char]) -> usize {
    let mut at = 1;
    while at < source.len() && source[at] != '"' {
        at += if source[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of the raw string that follows its prefix, if it is one: `r"…"`, `br#"…"#`.
fn raw_string(prefix: &[char], rest: &[char]) -> Option<usize> {
    if !matches!(prefix, ['r'] | ['b' | 'c', 'r']) {
        return None;
    }
    let hashes = length_until(rest, |rest| rest[0] != '#');
    if rest.get(hashes) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    let content = &rest[hashes + 1..];
    Some(hashes + 1 + length_until(content, |rest| rest.starts_with(&end)) + end.len())
}

/// A character, or the quote of a lifetime.
fn character(source: &[char]) -> usize {
    match source {
        ['\'', '\\', _, rest @ ..] => 3 + length_until(rest, |rest| rest[0] == '\'') + 1,
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        match attribute(&tokens[at..]) {
            Some(length) if is_for_tests(&tokens[at..at + length]) => {
                at += length;
                at += item(&tokens[at..]);
            }
            Some(length) => at += length,
            None => {
                kept.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    kept
}

/// The length of the attribute that `tokens` begin with, if it is one.
fn attribute(tokens: &[Token]) -> Option<usize> {
    let open = match tokens {
        [first, second, ..] if first.is_sign('#') && second.is_sign('[') => 1,
        [first, second, third, ..]
            if first.is_sign('#') && second.is_sign('!') && third.is_sign('[') =>
        {
            2
        }
        _ => return None,
    };
    Some(open + enclosed(&tokens[open..]))
}

fn is_for_tests(attribute: &[Token]) -> bool {
    let has = |word| attribute.iter().any(|token| token.is_word(word));
    has("cfg") && has("test") && !has("not")
}

/// The length of the item that `tokens` begin with: to its `;`, its `}`, or (of an expression or a
/// field) its comma.
fn item(tokens: &[Token]) -> usize {
    let mut at = 0;
    let mut ends_at_brace = true;
    while at < tokens.len() {
        if let Some(length) = attribute(&tokens[at..]) {
            at += length;
            continue;
        }
        match &tokens[at] {
            Token::Word(word) if word == "use" || word == "static" || word == "let" => {
                ends_at_brace = false;
            }
            Token::Word(word) if word == "const" => {
                ends_at_brace = tokens.get(at + 1).is_some_and(|next| next.is_word("fn"));
            }
            Token::Sign(';' | ',') => return at + 1,
            Token::Sign('}' | ')' | ']') => return at,
            Token::Sign(open @ ('{' | '(' | '[')) => {
                at += enclosed(&tokens[at..]);
                if *open == '{' && ends_at_brace {
                    return at;
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// The length of what stands in the brackets that `tokens` begin with, brackets included.
fn enclosed(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{' | '(' | '[') => depth += 1,
            Token::Sign('}' | ')' | ']') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        let words = tokens(source).into_iter().filter_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        });
        words.collect()
    }

    #[test]
    fn comments_strings_and_characters_are_left_out() {
        assert_eq!(
            words("a // b\n/* c /* d */ e */ \"f \\\" g\" '\"' h '\\'' i <'j>"),
            ["a", "h", "i", "j"]
        );
        assert_eq!(
            words("a r\"b\" br#\"c\"d\"# b\"e\" 'f'"),
            ["a", "b"],
            "the prefix of a plain byte string is a word like any other"
        );
    }

    #[test]
    fn what_is_compiled_for_tests_only_is_left_out() {
        for item in [
            "mod tests;",
            "mod tests { use b::c; fn d() { e } }",
            "use b::{c, d};",
            "#[allow(b)] pub(crate) fn c(d: [u8; 3]) -> E { f }",
            "const B: C = { d };",
            "const fn b() { c }",
        ] {
            let source = format!("#[cfg(test)] {item} z");
            assert_eq!(words(&source), ["z"], "{item}");
        }
        assert_eq!(words("#[cfg(not(test))] a"), ["a"]);
        assert_eq!(
            words("#![cfg(unix)] #[derive(B)] struct C;"),
            ["struct", "C"]
        );
    }
}
