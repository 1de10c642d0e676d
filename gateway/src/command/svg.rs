//! A few shapes of SVG, written by hand: a plot of lines and text needs no library.

use std::fmt::Write;

use crate::telemetry::escape::is_unsafe;

/// Where text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) colour: &'static str,
    pub(crate) width: f64,
    pub(crate) dashed: bool,
}

impl Stroke {
    pub(crate) const fn solid(colour: &'static str, width: f64) -> Self {
        Self {
            colour,
            width,
            dashed: false,
        }
    }

    pub(crate) const fn dashed(colour: &'static str, width: f64) -> Self {
        Self {
            dashed: true,
            ..Self::solid(colour, width)
        }
    }

    fn attributes(self) -> String {
        let dashes = if self.dashed {
            " stroke-dasharray=\"6 4\""
        } else {
            ""
        };
        format!(
            "stroke=\"{}\" stroke-width=\"{}\"{dashes}",
            self.colour, self.width
        )
    }
}

/// A picture in the making.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        Self {
            width,
            height,
            title: escaped(title),
            body: String::new(),
        }
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, text: &str) {
        self.push(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{}\" font-size=\"{size}\">{}</text>",
            anchor.as_str(),
            escaped(text)
        ));
    }

    pub(crate) fn bold(&mut self, (x, y): (f64, f64), size: f64, text: &str) {
        self.push(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"600\">{}</text>",
            escaped(text)
        ));
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        self.push(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {}/>",
            from.0,
            from.1,
            to.0,
            to.1,
            stroke.attributes()
        ));
    }

    pub(crate) fn curve(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        self.push(format_args!(
            "<polyline points=\"{}\" fill=\"none\" stroke-linejoin=\"round\" {}/>",
            joined(points),
            stroke.attributes()
        ));
    }

    /// What lies between a curve and a base line.
    pub(crate) fn area(&mut self, points: &[(f64, f64)], base: f64, colour: &str) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        self.push(format_args!(
            "<polygon points=\"{:.1},{base:.1} {} {:.1},{base:.1}\" fill=\"{colour}\" \
             fill-opacity=\"0.18\"/>",
            first.0,
            joined(points),
            last.0
        ));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.body, "{element}");
    }

    /// The whole document.
    pub(crate) fn finish(self) -> String {
        let Self {
            width,
            height,
            title,
            body,
        } = self;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\" fill=\"#1f2937\" \
             font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\">\n\
             <title>{title}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             {body}</svg>\n"
        )
    }
}

fn joined(points: &[(f64, f64)]) -> String {
    let points: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    points.join(" ")
}

/// Text that is neither markup nor a character XML forbids.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            c if is_unsafe(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut svg = Svg::new(10.0, 10.0, "</title><script>");
        svg.text(
            (1.0, 2.0),
            Anchor::Middle,
            12.0,
            "a <b> & \"c\" 'd' \u{0} é",
        );
        let drawn = svg.finish();
        assert!(drawn.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
        assert!(drawn.contains("a &lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; \u{fffd} é"));
        assert!(!drawn.contains("<script>"));
    }
}
