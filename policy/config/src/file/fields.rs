//! The fields of a table. Whatever nobody asked for is unknown.

use std::rc::Rc;

use toml::de::DeTable;

use crate::file::form::{Nothing, Shape, TableForm};
use crate::file::problems::{At, Problems, Spot};
use crate::file::value::Value;
use crate::file::{shown, suggest};

/// How many known names a message lists when none is near.
const LISTED_MAX: usize = 16;

/// A table that is being read.
pub(super) struct Fields<'t> {
    spot: Spot,
    table: &'t DeTable<'t>,
    /// What other files say of the same table.
    more: Vec<(Spot, &'t DeTable<'t>)>,
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
            more: Vec::new(),
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

    /// A list of tables, `[[name]]`; empty if absent. Those of several files are one list.
    pub(super) fn tables<T>(
        &mut self,
        name: &'static str,
        count_max: usize,
        read: impl Fn(&mut Fields<'t>) -> Option<T>,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for value in self.all(name) {
            let left = count_max.saturating_sub(all.len());
            all.extend(value.tables(left, &read));
        }
        all
    }

    /// A table that may be spread over files: it is put to what `spread` has of it, and read once all
    /// files were seen.
    pub(super) fn spread<T>(
        &mut self,
        name: &'static str,
        spread: &mut Spread<'t>,
        read: impl FnOnce(&mut Self) -> T,
    ) {
        let Some(value) = self.get(name) else {
            return;
        };
        if value.asked().is_some() {
            value.table(|fields| Some(read(fields)));
        } else if let Some((spot, table, _)) = value.into_table() {
            spread.0.push((spot, table));
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.parts().any(|(_, table)| table.contains_key(name))
    }

    /// The table in each file.
    fn parts(&self) -> impl Iterator<Item = (&Spot, &'t DeTable<'t>)> {
        let more = self.more.iter().map(|(spot, table)| (spot, *table));
        std::iter::once((&self.spot, self.table)).chain(more)
    }

    fn get(&mut self, name: &'static str) -> Option<Value<'t>> {
        let mut all = self.all(name).into_iter();
        let first = all.next();
        for other in all {
            other.refuse::<()>("is in an earlier file already; keep one of them");
        }
        first
    }

    /// What each file says of a field.
    fn all(&mut self, name: &'static str) -> Vec<Value<'t>> {
        if let Some((form, nothing)) = &self.asked {
            let form = form.field(name);
            let spot = self.spot.clone();
            return vec![Value::asking(spot, form, *nothing, self.problems)];
        }
        self.known.push(name);
        let value = |(spot, table): (&Spot, &'t DeTable<'t>)| {
            Some(Value::new(spot, name, table.get(name)?, self.problems))
        };
        self.parts().filter_map(value).collect()
    }

    /// Notes the fields that nobody asked for.
    pub(super) fn finish(self) {
        #[cfg(test)]
        self.record();
        for (spot, table) in self.parts() {
            for key in table.keys() {
                let name = key.get_ref().as_ref();
                if !self.known.contains(&name) {
                    let spot = spot.field(shown::field_name(name), key.span().start);
                    let hint = self.problems.hint(|| Some(self.hint_for(name)));
                    self.problems.note_unknown(spot, hint.unwrap_or_default());
                }
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

/// A table that may be spread over files: each of its fields stands in one of them.
#[derive(Default)]
pub(super) struct Spread<'t>(Vec<(Spot, &'t DeTable<'t>)>);

impl<'t> Spread<'t> {
    /// What all files say of it together, and where the first begins.
    pub(super) fn read<T>(
        self,
        problems: &'t Problems,
        read: impl FnOnce(&mut Fields<'t>) -> T,
    ) -> Option<At<T>> {
        let mut parts = self.0.into_iter();
        let (spot, table) = parts.next()?;
        let mut fields = Fields {
            more: parts.collect(),
            ..Fields::new(spot.clone(), table, problems)
        };
        let value = read(&mut fields);
        fields.finish();
        Some(At { value, spot })
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
