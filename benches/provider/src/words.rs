//! The text of every answer: one word per token, over and over.

/// Words of about the length of a token, without anything JSON would escape.
const WORDS: [&str; 32] = [
    "The ", "mill ", "turns ", "while ", "there ", "is ", "water, ", "and ", "when ", "the ",
    "pond ", "runs ", "low ", "the ", "miller ", "waits ", "for ", "rain; ", "nobody ", "grinds ",
    "faster ", "than ", "the ", "stream ", "allows, ", "but ", "a ", "good ", "miller ", "wastes ",
    "no ", "drop. ",
];

/// Appends the words of `count` tokens, the first being number `from` of the answer.
pub(crate) fn append(out: &mut String, from: u64, count: u64) {
    for token in from..from + count {
        out.push_str(WORDS[(token % WORDS.len() as u64) as usize]);
    }
}
