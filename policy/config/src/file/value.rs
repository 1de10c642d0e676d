//! One value of a policy file, and the ways to read it.
//!
//! Each reader takes the value and gives what it means, or notes what is wrong with it and gives
//! `None`. None of them stops the reading of anything else.

mod quantity;

use std::rc::Rc;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::file::form::{Form, Nothing, Shape};
use crate::file::problems::{At, Problems, Spot};
use crate::file::report::Severity;
use crate::file::{shown, suggest};

/// Longest text accepted for anything that has no bound of its own, in bytes.
const TEXT_LEN_MAX: usize = 4_096;

/// A value, where it stands, and where to note what is wrong with it.
pub(super) struct Value<'t> {
    spot: Spot,
    value: &'t DeValue<'t>,
    problems: &'t Problems,
    asked: Option<Asked<'t>>,
}

/// Of a value that is nothing yet: what it may be is noted here.
#[derive(Clone)]
struct Asked<'t> {
    form: Rc<Form>,
    nothing: Nothing<'t>,
}

impl<'t> Value<'t> {
    pub(super) fn new(
        parent: &Spot,
        name: &str,
        value: &'t Spanned<DeValue<'t>>,
        problems: &'t Problems,
    ) -> Self {
        let spot = parent.field(name, value.span().start);
        Self {
            spot,
            value: value.get_ref(),
            problems,
            asked: None,
        }
    }

    /// A value that is nothing yet: what it may be is noted in `form`.
    pub(super) const fn asking(
        spot: Spot,
        form: Rc<Form>,
        nothing: Nothing<'t>,
        problems: &'t Problems,
    ) -> Self {
        Self {
            spot,
            value: nothing.value,
            problems,
            asked: Some(Asked { form, nothing }),
        }
    }

    /// Whether it is only asked what it may be: of `shape`, then.
    fn may_be(&self, shape: impl FnOnce() -> Shape) -> bool {
        if let Some(asked) = &self.asked {
            asked.form.note(shape());
        }
        self.asked.is_some()
    }

    /// A table is read in one way, anything else in another.
    pub(super) fn table_or<T>(
        self,
        table: impl FnOnce(Self) -> Option<T>,
        other: impl FnOnce(Self) -> Option<T>,
    ) -> Option<T> {
        self.either(Self::is_table, table, other)
    }

    /// Read in one way if it is `first`, and in another if not.
    pub(super) fn either<T>(
        self,
        is_first: impl FnOnce(&Self) -> bool,
        first: impl FnOnce(Self) -> Option<T>,
        other: impl FnOnce(Self) -> Option<T>,
    ) -> Option<T> {
        if let Some(Asked { form, nothing }) = self.asked.clone() {
            first(Self::asking(
                self.spot.clone(),
                form,
                nothing,
                self.problems,
            ));
            return other(self);
        }
        if is_first(&self) {
            first(self)
        } else {
            other(self)
        }
    }

    pub(super) const fn spot(&self) -> &Spot {
        &self.spot
    }

    /// Notes an error; always `None`, so that readers can end in it.
    pub(super) fn refuse<T>(&self, message: impl Into<String>) -> Option<T> {
        self.problems
            .note(Severity::Error, self.spot.clone(), message);
        None
    }

    /// Notes an error and what to write instead; always `None`.
    pub(super) fn refuse_with_hint<T>(
        &self,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Option<T> {
        self.problems
            .note_with_hint(Severity::Error, self.spot.clone(), message, hint);
        None
    }

    /// Notes a warning.
    pub(super) fn warn(&self, message: impl Into<String>, hint: impl Into<String>) {
        self.problems
            .note_with_hint(Severity::Warning, self.spot.clone(), message, hint);
    }

    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        self.refuse(format!("must be {wanted}, not {}", self.type_name()))
    }

    fn type_name(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    /// Reads it, and remembers where it stands.
    pub(super) fn at<T>(self, read: impl FnOnce(&Self) -> Option<T>) -> Option<At<T>> {
        let value = read(&self)?;
        Some(At {
            value,
            spot: self.spot,
        })
    }

    /// A string, as it is.
    pub(super) fn string(&self) -> Option<&'t str> {
        if self.may_be(|| Shape::Text) {
            return None;
        }
        self.value.as_str().or_else(|| self.wrong_type("a string"))
    }

    /// The string, if it is one; notes nothing.
    pub(super) fn as_string(&self) -> Option<&'t str> {
        if self.may_be(|| Shape::Text) {
            return None;
        }
        self.value.as_str()
    }

    /// Whether it is a string.
    pub(super) const fn is_string(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// The date as it would be written in a string, if it is one; notes nothing.
    pub(super) fn as_date(&self) -> Option<String> {
        self.value.as_datetime().map(ToString::to_string)
    }

    /// The digits of a number or of a string, if it is one; notes nothing.
    pub(super) fn as_digits(&self) -> Option<&str> {
        if self.may_be(|| Shape::Decimal) {
            return None;
        }
        match self.value {
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
            DeValue::Float(number) => Some(number.as_str()),
            DeValue::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) const fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// Whether it is a table with this field; notes nothing.
    pub(super) fn has_field(&self, name: &str) -> bool {
        matches!(self.value, DeValue::Table(table) if table.contains_key(name))
    }

    /// A string with something in it, without control characters.
    pub(super) fn text(&self) -> Option<&'t str> {
        let text = self.string()?;
        match text {
            _ if text.trim().is_empty() => self.refuse("may not be empty"),
            _ if text.len() > TEXT_LEN_MAX => {
                self.refuse(format!("has at most {TEXT_LEN_MAX} bytes"))
            }
            _ if text.chars().any(char::is_control) => {
                self.refuse("may not have control characters")
            }
            _ => Some(text),
        }
    }

    /// A string of a type that checks itself and whose errors do not quote it.
    pub(super) fn parsed<T>(&self) -> Option<T>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        self.string()?
            .parse()
            .map_or_else(|error: T::Err| self.refuse(error.to_string()), Some)
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        if self.may_be(|| Shape::Boolean) {
            return None;
        }
        self.value
            .as_bool()
            .or_else(|| self.wrong_type("true or false"))
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let known = || words.iter().map(|(word, _)| (*word).to_owned()).collect();
        if self.may_be(|| Shape::Words(known())) {
            return None;
        }
        let word = self.value.as_str();
        if let Some((_, meaning)) = words.iter().find(|(known, _)| word == Some(known)) {
            return Some(*meaning);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("must be {}", alternatives(&names));
        let near = || suggest::did_you_mean(word?, names);
        match self.problems.hint(near) {
            Some(hint) => self.refuse_with_hint(message, hint),
            None => self.refuse(message),
        }
    }

    /// A list: what could be read of it, and where.
    pub(super) fn list<T>(
        &self,
        count_max: usize,
        read: impl Fn(Value<'t>) -> Option<T>,
    ) -> Option<Vec<T>> {
        if let Some(Asked { form, nothing }) = &self.asked {
            let element = Rc::new(Form::default());
            form.note(Shape::List(count_max, Rc::clone(&element)));
            let spot = self.spot.clone();
            read(Self::asking(spot, element, *nothing, self.problems));
            return None;
        }
        let Some(array) = self.value.as_array() else {
            return self.refuse_with_hint(
                format!("must be a list, not {}", self.type_name()),
                "put it in [ ]",
            );
        };
        if array.len() > count_max {
            self.refuse::<()>(format!(
                "has {} entries; at most {count_max} fit",
                array.len()
            ));
        }
        let values = array
            .iter()
            .take(count_max)
            .enumerate()
            .map(|(index, value)| Self {
                spot: self.spot.element(index, value.span().start),
                value: value.get_ref(),
                problems: self.problems,
                asked: None,
            });
        Some(values.filter_map(read).collect())
    }

    /// Where problems are noted.
    pub(super) const fn problems(&self) -> &'t Problems {
        self.problems
    }

    /// Where what it may be is noted, if it is nothing yet.
    pub(super) fn asked(&self) -> Option<(&Form, Nothing<'t>)> {
        let asked = self.asked.as_ref()?;
        Some((&asked.form, asked.nothing))
    }

    /// What is in it if it is a table: where it stands, its fields, and where to note problems.
    pub(super) fn into_table(self) -> Option<(Spot, &'t DeTable<'t>, &'t Problems)> {
        match self.value {
            DeValue::Table(table) => Some((self.spot, table, self.problems)),
            _ => self.wrong_type("a table"),
        }
    }
}

/// `"a", "b" or "c"`.
fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| shown::quoted(word)).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
