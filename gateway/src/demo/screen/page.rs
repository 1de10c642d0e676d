//! How wide everything on the picture is.

/// The smallest width that everything fits in.
const WIDTH_MIN: usize = 80;
/// From here on bars have numbers.
const WIDTH_NUMBERS: usize = 100;

/// How wide everything is.
pub(super) struct Page {
    /// Columns that are drawn on; the last one of the terminal stays free.
    pub(super) width: usize,
    pub(super) has_numbers: bool,
}

impl Page {
    /// The page of a terminal that has so many columns.
    pub(super) fn of(columns: usize) -> Self {
        let columns = columns.max(WIDTH_MIN);
        Self {
            width: columns - 1,
            has_numbers: columns >= WIDTH_NUMBERS,
        }
    }
}
