//! What may stand at a place of a policy file, found out by asking the readers themselves: each is given
//! a value that is nothing yet and notes what it would have read. So the schema cannot say anything
//! that the readers do not do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use toml::de::{DeTable, DeValue};

/// One way to write a value.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Text,
    Boolean,
    /// One of these words.
    Words(Vec<String>),
    /// A whole number.
    Count(RangeInclusive<u64>),
    /// A number.
    Fraction(RangeInclusive<f64>),
    /// Text such as `"1m 30s"`.
    Duration,
    /// A number of bytes, or text such as `"32 MiB"`.
    Size(RangeInclusive<u64>),
    /// A list of at most so many.
    List(usize, Rc<Form>),
    Table(Rc<TableForm>),
}

/// All ways to write the value at one place.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) shapes: RefCell<Vec<Shape>>,
    /// Its table must have it.
    pub(super) required: Cell<bool>,
}

/// The fields of a table.
#[derive(Debug, Default)]
pub(super) struct TableForm(pub(super) RefCell<BTreeMap<&'static str, Rc<Form>>>);

/// What a value that is nothing yet has in the place of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nothing<'t> {
    pub(super) value: &'t DeValue<'t>,
    pub(super) table: &'t DeTable<'t>,
}

impl Form {
    /// Notes a way to write it.
    pub(super) fn note(&self, shape: Shape) {
        self.shapes.borrow_mut().push(shape);
    }
}

impl TableForm {
    /// The form of a field.
    pub(super) fn field(&self, name: &'static str) -> Rc<Form> {
        Rc::clone(self.0.borrow_mut().entry(name).or_default())
    }
}
