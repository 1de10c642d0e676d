//! What was measured, as a table for people and for BENCHMARKING.md.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::failure::Failure;
use crate::stats::{Spread, short};

/// Figures in a document stand between these two lines; the rest of it is prose, and is kept.
const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

/// What one measurement found.
#[derive(Debug)]
pub(crate) struct Section {
    /// What was measured.
    pub(crate) title: &'static str,
    /// How many rounds of what, and what else one must know to read the rows.
    pub(crate) remark: String,
    /// The figures.
    pub(crate) rows: Vec<Row>,
}

impl Section {
    /// In place of a measurement that went wrong: that it did, and no figure.
    pub(crate) fn void(failure: &Failure) -> Self {
        let remark = format!("```text\n{failure}\n```");
        Self {
            title: "Void",
            remark,
            rows: Vec::new(),
        }
    }
}

/// One figure.
#[derive(Debug)]
pub(crate) struct Row {
    /// What it is, with its unit.
    pub(crate) what: String,
    /// The pass-through's.
    pub(crate) yardstick: Option<Spread>,
    /// The gateway's; none if it was not measured.
    pub(crate) gateway: Option<Spread>,
    /// What is quoted of the two.
    pub(crate) quoted: Quoted,
}

/// How the gateway's figure is judged.
#[derive(Debug)]
pub(crate) enum Quoted {
    /// It stands for itself, without a bound.
    Nothing,
    /// The gateway's own figure against this bound.
    Itself(Bound),
    /// This ratio or difference, per round, and its bound if it has one.
    Compared(&'static str, Option<Spread>, Option<Bound>),
}

/// What a figure must reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Bound {
    fn is_held(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {}", short(bound)),
            Self::AtMost(bound) => format!("≤ {}", short(bound)),
        }
    }
}

impl Row {
    fn markdown(&self) -> String {
        let (compared, bound, judged) = match &self.quoted {
            Quoted::Nothing => (String::new(), None, None),
            Quoted::Itself(bound) => (String::new(), Some(*bound), self.gateway),
            Quoted::Compared(name, value, bound) => {
                let text = value.map_or_else(|| "–".to_owned(), |value| format!("{name} {value}"));
                (text, *bound, *value)
            }
        };
        let held = match (bound, judged) {
            (Some(bound), Some(value)) if bound.is_held(value.median) => "yes",
            (Some(_), Some(_)) => "**no**",
            (Some(_), None) => "–",
            (None, _) => "",
        };
        format!(
            "| {} | {} | {} | {compared} | {} | {held} |",
            self.what,
            spread_text(self.yardstick),
            spread_text(self.gateway),
            bound.map(Bound::text).unwrap_or_default(),
        )
    }
}

fn spread_text(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string())
}

/// Prints a part of what is measured as soon as it is known.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// All of it as Markdown.
pub(crate) fn markdown(facts: &[(&str, String)], sections: &[Section]) -> String {
    let mut text = String::new();
    for (name, value) in facts {
        // Writing to a string does not fail.
        let _ = writeln!(text, "- {name}: {value}");
    }
    for Section {
        title,
        remark,
        rows,
    } in sections
    {
        let _ = writeln!(text, "\n### {title}\n\n{remark}\n");
        if rows.is_empty() {
            continue;
        }
        text += "| What | Pass-through | Keyweir | Compared | Asked for | Held |\n";
        text += "|---|---|---|---|---|---|\n";
        for row in rows {
            let _ = writeln!(text, "{}", row.markdown());
        }
    }
    text
}

/// Puts the figures into the document at `path`: between its marks if it has them, else as all
/// there is.
pub(crate) fn write(path: &Path, figures: &str) -> io::Result<()> {
    let document = match fs::read_to_string(path) {
        Ok(document) => document,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let text = replaced(&document, figures).unwrap_or_else(|| figures.to_owned());
    fs::write(path, text)
}

fn replaced(document: &str, figures: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{figures}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(quoted: Quoted) -> Row {
        let spread = |value| Spread::over(&[value]);
        Row {
            what: "x".to_owned(),
            yardstick: spread(1.0),
            gateway: spread(2.0),
            quoted,
        }
    }

    #[test]
    fn a_bound_that_is_missed_is_said_plainly() {
        let ratio = Spread::over(&[0.8, 0.84, 0.9]);
        let text = row(Quoted::Compared("ratio", ratio, Some(Bound::AtLeast(0.85)))).markdown();
        assert!(
            text.ends_with("| ratio 0.84 (0.80–0.90) | ≥ 0.85 | **no** |"),
            "{text}"
        );
        let text = row(Quoted::Itself(Bound::AtMost(2.0))).markdown();
        assert!(text.ends_with("| ≤ 2.00 | yes |"), "{text}");
    }

    #[test]
    fn prose_around_the_figures_is_kept() {
        let document = format!("# Title\n{BEGIN}\nold\n{END}\nprose\n");
        let expected = format!("# Title\n{BEGIN}\nnew\n{END}\nprose\n");
        assert_eq!(replaced(&document, "new\n"), Some(expected));
        assert_eq!(replaced("# Title\n", "new\n"), None);
    }
}
