//! The beginning of an answer, collected until it shows what the answer is.
//!
//! What an answer begins with is a few bytes; before that may be a byte order mark and blank lines. Some
//! providers send a blank line every few seconds while a model thinks, so blanks are not collected, only
//! counted: an answer of nothing else is none.

use std::time::Duration;

use crate::answer::opening::{Announced, BodyForm, Form, form, form_of_body};

/// How much of an answer is looked at to see what it is.
const LOOK_MAX: usize = 1024;

/// How many blanks may come before that. Who sends so many has nothing else to say.
const BLANKS_MAX: usize = 64 * 1024;

/// The first bytes of an answer that are not blank.
#[derive(Debug)]
pub struct Beginning {
    announced: Announced,
    asks_in_json: bool,
    bytes: Vec<u8>,
    blanks: usize,
}

impl Beginning {
    /// Nothing has come yet of an answer whose head said `announced`. `asks_in_json`: as
    /// [`form_of_body`] has it.
    pub const fn new(announced: Announced, asks_in_json: bool) -> Self {
        Self {
            announced,
            asks_in_json,
            bytes: Vec::new(),
            blanks: 0,
        }
    }

    /// The next bytes of the answer.
    pub fn feed(&mut self, mut piece: &[u8]) {
        if self.bytes.is_empty() {
            let all = piece.len();
            piece = piece.trim_ascii_start();
            self.blanks += all - piece.len();
        }
        let room = LOOK_MAX - self.bytes.len();
        self.bytes
            .extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// How long nothing more may come of it, where so much is left of the time that a head may take, and
    /// answers may be silent for `idle`. `None`: it is a stream, whose silence is judged apart.
    pub fn silence_max(&self, head_left: Duration, idle: Duration) -> Option<Duration> {
        match form(self.announced) {
            Form::Events => None,
            // Blanks are no answer, however long they go on.
            Form::Json | Form::Opaque => Some(head_left.min(idle)),
        }
    }

    /// What the answer turns out to be; `ended`: that was all of it.
    pub fn form(&self, ended: bool) -> BodyForm {
        match form_of_body(self.announced, self.asks_in_json, &self.bytes, ended) {
            BodyForm::Undecided if self.bytes.len() >= LOOK_MAX => {
                BodyForm::Known(form(self.announced))
            }
            BodyForm::Undecided if self.blanks > BLANKS_MAX => BodyForm::NoAnswer,
            known => known,
        }
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::endpoint::Endpoint;

    use super::*;
    use crate::answer::opening::Head;

    fn beginning() -> Beginning {
        let head = Head {
            bodiless: false,
            content_type: Some("application/json"),
            content_encoding: None,
        };
        Beginning::new(Announced::by(&head, Endpoint::Inference), true)
    }

    #[test]
    fn blanks_before_an_answer_are_skipped_but_not_for_ever() {
        let mut seen = beginning();
        for _ in 0..BLANKS_MAX {
            assert_eq!(seen.form(false), BodyForm::Undecided);
            seen.feed(b"\n");
        }
        let mut late = beginning();
        late.feed(&[b' '; BLANKS_MAX]);
        late.feed(b"\n{");
        assert_eq!(late.form(false), BodyForm::Known(Form::Json));
        seen.feed(b" ");
        assert_eq!(seen.form(false), BodyForm::NoAnswer);
    }

    #[test]
    fn no_answer_is_awaited_longer_than_a_head_and_a_stream_by_its_own_rule() {
        let secs = Duration::from_secs;
        assert_eq!(beginning().silence_max(secs(9), secs(5)), Some(secs(5)));
        assert_eq!(beginning().silence_max(secs(2), secs(5)), Some(secs(2)));
        let head = Head {
            bodiless: false,
            content_type: Some("text/event-stream"),
            content_encoding: None,
        };
        let stream = Beginning::new(Announced::by(&head, Endpoint::Inference), true);
        assert_eq!(stream.silence_max(secs(9), secs(5)), None);
    }

    #[test]
    fn what_is_collected_is_bounded() {
        let mut seen = beginning();
        for _ in 0..3 {
            seen.feed(&[b'{'; 1000]);
        }
        assert_eq!(seen.bytes.len(), LOOK_MAX);
        assert_eq!(seen.form(false), BodyForm::Known(Form::Json));
    }
}
