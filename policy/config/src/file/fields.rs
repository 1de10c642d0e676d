//! The fields of a table. Whatever nobody asked for is unknown.

use std::rc::Rc;

use toml::de::DeTable;

use crate::file::form::{Nothing, Shape, TableForm};
use crate::file::problems::{Problems, Spot};
use crate::file::value::Value;
use crate::file::{shown, suggest};

/// How many known names a message lists when none is near.
const LISTED_MAX: usize = 16;

/// A table that is being read.
pub(super) struct Fields<'t> {
    spot: Spot,
    table: &'t DeTable<'t>,
    problems: &'t Problems,
    known: Vec<&'static str>,
    /// Of a table that is nothing yet: what it may have is noted here.
    asked: Option<(Rc<TableForm>, Nothing<'t>)>,
}

impl<'t> Fields<'t> {
    pub(super) const fn new(spot: Spot, table: &'t DeTable<'t>, problems: &'t Problems) -> Self {
        Self {
            spot,
            table,
            problems,
            known: Vec::new(),
            asked: None,
        }
    }

    /// A table that is nothing yet: what it may have is noted in `form`.
    pub(super) fn asking(
        nothing: Nothing<'t>,
        form: &Rc<TableForm>,
        problems: &'t Problems,
    ) -> Self {
        Self {
            asked: Some((Rc::clone(form), nothing)),
            ..Self::new(Spot::default(), nothing.table, problems)
        }
    }

    /// Where the table begins.
    pub(super) const fn spot(&self) -> &Spot {
        &self.spot
    }

    /// Where problems of the table as a whole are noted.
    pub(super) const fn problems(&self) -> &'t Problems {
        self.problems
    }

    /// A field that may be absent. `None` if it is, or if it is wrong.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value<'t>) -> Option<T>,
    ) -> Option<T> {
        read(self.get(name)?)
    }

    /// A field that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value<'t>) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(name);
        if let Some((form, _)) = &self.asked {
            form.field(name).required.set(true);
        }
        if value.is_none() {
            let spot = Spot {
                path: self.spot.field(name, 0).path,
                ..self.spot.clone()
            };
            self.problems.note_missing(spot);
        }
        read(value?)
    }

    /// A field with a default. A wrong one is noted and the default goes on in its place.
    pub(super) fn or<T>(
        &mut self,
        name: &'static str,
        default: T,
        read: impl FnOnce(Value<'t>) -> Option<T>,
    ) -> T {
        self.optional(name, read).unwrap_or(default)
    }

    /// A list of tables, `[[name]]`; empty if absent.
    pub(super) fn tables<T>(
        &mut self,
        name: &'static str,
        count_max: usize,
        read: impl Fn(&mut Fields<'t>) -> Option<T>,
    ) -> Vec<T> {
        self.get(name)
            .map(|value| value.tables(count_max, read))
            .unwrap_or_default()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    fn get(&mut self, name: &'static str) -> Option<Value<'t>> {
        if let Some((form, nothing)) = &self.asked {
            let form = form.field(name);
            let spot = self.spot.clone();
            return Some(Value::asking(spot, form, *nothing, self.problems));
        }
        self.known.push(name);
        let value = self.table.get(name)?;
        Some(Value::new(&self.spot, name, value, self.problems))
    }

    /// Notes the fields that nobody asked for.
    pub(super) fn finish(self) {
        #[cfg(test)]
        self.record();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let spot = self.spot.field(shown::field_name(name), key.span().start);
                let hint = self.hint_for(name);
                self.problems.note_unknown(spot, hint);
            }
        }
    }

    fn hint_for(&self, name: &str) -> String {
        let near = suggest::did_you_mean(name, self.known.iter().copied());
        near.unwrap_or_else(|| {
            let mut names = self.known.clone();
            names.truncate(LISTED_MAX);
            format!("known here: {}", names.join(", "))
        })
    }

    #[cfg(test)]
    fn record(&self) {
        let table: String = self
            .spot
            .path
            .chars()
            .filter(|c| !c.is_ascii_digit() && !"[]".contains(*c))
            .collect();
        let asked = self.known.iter().map(|name| format!("{table}.{name}"));
        self.problems.asked.borrow_mut().extend(asked);
    }
}

impl<'t> Value<'t> {
    /// A list of tables, `[[name]]`. A single table is read as well, so that what is wrong inside
    /// shows too.
    pub(super) fn tables<T>(
        self,
        count_max: usize,
        read: impl Fn(&mut Fields<'t>) -> Option<T>,
    ) -> Vec<T> {
        if self.is_table() {
            let hint = format!("write [[{}]]", without_indexes(&self.spot().path));
            self.refuse_with_hint::<()>("must be a list of tables, not a table", hint);
            return self.table(read).into_iter().collect();
        }
        self.list(count_max, |value| value.table(&read))
            .unwrap_or_default()
    }

    /// A table. Fields that `read` does not ask for are unknown.
    pub(super) fn table<T>(self, read: impl FnOnce(&mut Fields<'t>) -> Option<T>) -> Option<T> {
        if let Some((form, nothing)) = self.asked() {
            let table = Rc::new(TableForm::default());
            form.note(Shape::Table(Rc::clone(&table)));
            read(&mut Fields::asking(nothing, &table, self.problems()));
            return None;
        }
        let (spot, table, problems) = self.into_table()?;
        let mut fields = Fields::new(spot, table, problems);
        let meaning = read(&mut fields);
        fields.finish();
        meaning
    }
}

fn without_indexes(path: &str) -> String {
    let segments = path
        .split('.')
        .map(|segment| segment.split('[').next().unwrap_or_default());
    segments.collect::<Vec<_>>().join(".")
}
