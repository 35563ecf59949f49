//! Pictures as SVG: one line, without script, style sheet or id, in the colour of the text around it.

use std::fmt::Write as _;

use crate::layout::{Inner, LINE, Layout, PADDING, Rect, Route, layout, shorten};
use crate::picture::{Block, Item, LinkKind, Picture, Shape};

impl Picture {
    /// The picture as SVG. It takes the colour of the text around it, so that it suits light and dark pages.
    pub fn to_svg(&self) -> String {
        let layout = layout(&self.body, &self.bands);
        let mut svg = Svg::default();
        let (width, height) = (layout.width.max(1.0) + 2.0, layout.height.max(1.0) + 2.0);
        let _ = write!(
            svg.0,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"-1 -1 {w} {h}\" width=\"{w}\" \
             style=\"max-width:100%;height:auto\" font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"11\" \
             fill=\"none\" stroke=\"currentColor\" stroke-width=\"1\"><title>{title}</title>",
            w = number(width),
            h = number(height),
            title = escape(&format!("workflow {}", self.title)),
        );
        svg.bands(&layout, &self.bands, 0.0, 0.0);
        svg.block(&self.body, &layout, 0.0, 0.0, "");
        svg.0.push_str("</svg>");
        svg.0
    }
}

#[derive(Default)]
struct Svg(String);

impl Svg {
    fn bands(&mut self, layout: &Layout, names: &[String], x: f32, y: f32) {
        for (rect, name) in layout.bands.iter().zip(names) {
            self.band(&Rect { x: rect.x + x, y: rect.y + y, ..*rect }, name);
        }
    }

    fn band(&mut self, rect: &Rect, name: &str) {
        self.rect(rect, 6.0, " fill=\"currentColor\" fill-opacity=\".05\" stroke=\"none\"");
        let name: String = shorten(name, false).chars().take(18).collect();
        self.text(rect.x + 10.0, rect.y + 18.0, &name, " opacity=\".65\"");
    }

    fn block(&mut self, block: &Block, layout: &Layout, x: f32, y: f32, before: &str) {
        for route in &layout.routes {
            self.route(route, x, y);
        }
        for ((item, rect), inner) in block.items.iter().zip(&layout.boxes).zip(&layout.inner) {
            let rect = Rect { x: rect.x + x, y: rect.y + y, ..*rect };
            self.item(item, &rect, inner, &format!("{before}{}", item.name));
        }
    }

    fn route(&mut self, route: &Route, x: f32, y: f32) {
        let Some(((first_x, first_y), _)) = route.bends.first() else { return };
        let mut path = format!("M{} {}", number(first_x + x), number(first_y + y));
        let mut end = (0.0, 0.0);
        for ((from_x, from_y), (to_x, to_y)) in &route.bends {
            end = (to_x + x, to_y + y);
            if (to_y - from_y).abs() < 0.1 && (to_x - from_x).abs() < 0.1 {
                continue;
            }
            if (from_x - to_x).abs() < 0.1 {
                let _ = write!(path, "V{}", number(end.1));
            } else {
                let middle = f32::midpoint(*from_y, *to_y) + y;
                let _ = write!(
                    path,
                    "C{} {m} {} {m} {} {}",
                    number(from_x + x),
                    number(end.0),
                    number(end.0),
                    number(end.1),
                    m = number(middle)
                );
            }
        }
        let dashes = if route.kind == LinkKind::Order { " stroke-dasharray=\"4 3\"" } else { "" };
        let _ = write!(self.0, "<path d=\"{path}\" opacity=\".55\"{dashes}/>");
        let (x, y) = end;
        let (left, right, top) = (number(x - 3.5), number(x + 3.5), number(y - 6.0));
        let _ = write!(
            self.0,
            "<path d=\"M{left} {top}L{} {}L{right} {top}z\" fill=\"currentColor\" stroke=\"none\" opacity=\".7\"/>",
            number(x),
            number(y)
        );
    }

    fn item(&mut self, item: &Item, rect: &Rect, inner: &[Inner], path: &str) {
        let full = [item.name.as_str(), item.detail.as_str()].join(" ");
        let heading = item.heading();
        self.0.push_str("<g");
        if item.shape.is_step() {
            let _ = write!(self.0, " data-step=\"{}\"", escape(path));
        }
        if let Shape::Child { workflow, .. } = &item.shape {
            let _ = write!(self.0, " data-child=\"{}\"", escape(workflow));
        }
        let _ = write!(self.0, "><title>{}</title>", escape(heading.as_deref().unwrap_or(full.trim())));
        match &item.shape {
            Shape::Input | Shape::Output => self.pill(item, rect),
            Shape::If { .. }
            | Shape::For { .. }
            | Shape::Repeat { .. }
            | Shape::Child { inside: Some(_), .. } => {
                self.form(item, rect, inner, path);
            }
            Shape::Step | Shape::Child { .. } | Shape::Sleep | Shape::Signal => self.leaf(item, rect),
        }
        self.0.push_str("</g>");
    }

    fn pill(&mut self, item: &Item, rect: &Rect) {
        self.rect(rect, 13.0, " opacity=\".6\"");
        let (name, detail) = (shorten(&item.name, false), shorten(&item.detail, false));
        let _ = write!(
            self.0,
            "<text x=\"{}\" y=\"{}\" fill=\"currentColor\" stroke=\"none\" font-size=\"13\">{}<tspan dx=\"8\" \
             font-size=\"11\" opacity=\".65\">{}</tspan></text>",
            number(rect.x + PADDING),
            number(rect.y + 17.5),
            escape(&name),
            escape(&detail)
        );
    }

    fn leaf(&mut self, item: &Item, rect: &Rect) {
        let round = if matches!(item.shape, Shape::Sleep | Shape::Signal) { rect.height / 2.0 } else { 5.0 };
        self.rect(rect, round, " fill=\"currentColor\" fill-opacity=\".04\"");
        let mut centre = rect.x + rect.width / 2.0;
        match item.shape {
            Shape::Child { .. } => {
                let inner = Rect {
                    x: rect.x + 3.0,
                    y: rect.y + 3.0,
                    width: rect.width - 6.0,
                    height: rect.height - 6.0,
                };
                self.rect(&inner, 3.0, " opacity=\".5\"");
            }
            Shape::Sleep => {
                self.clock(rect.x + 18.0, rect.y + rect.height / 2.0);
                centre += 9.0;
            }
            Shape::Signal => {
                self.bell(rect.x + 18.0, rect.y + rect.height / 2.0);
                centre += 9.0;
            }
            _ => {}
        }
        let mut y = rect.y + 19.5;
        self.middle(centre, y, &shorten(&item.name, false), " font-size=\"13\" font-weight=\"bold\"");
        if !item.detail.is_empty() {
            y += LINE;
            self.middle(centre, y, &shorten(&item.detail, false), " opacity=\".75\"");
        }
        for mark in &item.marks {
            y += LINE;
            self.middle(centre, y, &shorten(mark, false), " opacity=\".6\" font-style=\"italic\"");
        }
    }

    fn form(&mut self, item: &Item, rect: &Rect, inner: &[Inner], path: &str) {
        if matches!(item.shape, Shape::For { .. }) {
            let behind = Rect { x: rect.x + 4.0, y: rect.y - 4.0, ..*rect };
            self.rect(&behind, 6.0, " opacity=\".35\"");
        }
        self.rect(rect, 6.0, " fill=\"currentColor\" fill-opacity=\".03\"");
        let heading = shorten(&item.heading().unwrap_or_default(), true);
        self.glyph(&item.shape, rect.x + 14.0, rect.y + 14.0);
        self.text(rect.x + 26.0, rect.y + 18.0, &heading, " font-weight=\"bold\" opacity=\".85\"");
        for (line, mark) in (1_u8..).zip(&item.marks) {
            let y = rect.y + 18.0 + f32::from(line) * LINE;
            self.text(rect.x + 26.0, y, &shorten(mark, false), " opacity=\".6\" font-style=\"italic\"");
        }
        for (place, (Inner { layout, x, y }, inside)) in inner.iter().zip(item.shape.blocks()).enumerate() {
            let (x, y) = (rect.x + x, rect.y + y);
            if !inside.word.is_empty() {
                self.text(x, y - 4.0, inside.word, " opacity=\".65\"");
            }
            if place > 0 {
                let _ = write!(
                    self.0,
                    "<path d=\"M{x} {}V{}\" stroke-dasharray=\"2 3\" opacity=\".5\"/>",
                    number(y - LINE),
                    number(rect.y + rect.height - 8.0),
                    x = number(x - 10.0)
                );
            }
            self.bands(layout, inside.bands, x, y);
            self.block(inside.block, layout, x, y, &inside.prefix(path));
        }
    }

    /// A diamond for a choice, stacked sheets for each, a frame in a frame for a workflow, an arrow round for again.
    fn glyph(&mut self, shape: &Shape, x: f32, y: f32) {
        let path = match shape {
            Shape::If { .. } => format!("M{} {}l5 -5l5 5l-5 5z", number(x - 5.0), number(y)),
            Shape::For { .. } => {
                format!("M{x} {y}h7v7h-7zm3 0v-3h7v7h-3", x = number(x - 5.0), y = number(y - 2.0))
            }
            Shape::Child { .. } => {
                format!("M{} {}h11v9h-11zm2 2h7v5h-7z", number(x - 5.0), number(y - 5.0))
            }
            _ => format!("M{} {}a5 5 0 1 0 1.5 -3.5m-2 -2.5l2 2.7l-3 1", number(x - 5.0), number(y)),
        };
        let _ = write!(self.0, "<path d=\"{path}\"/>");
    }

    fn clock(&mut self, x: f32, y: f32) {
        let (x, y) = (number(x), number(y));
        let _ = write!(self.0, "<circle cx=\"{x}\" cy=\"{y}\" r=\"6\"/><path d=\"M{x} {y}v-4M{x} {y}h3\"/>");
    }

    fn bell(&mut self, x: f32, y: f32) {
        let _ = write!(
            self.0,
            "<path d=\"M{} {}h11c-2 -2 -2 -3 -2 -5a3.500 3.500 0 0 0 -7 0c0 2 0 3 -2 5zm4 2h3\"/>",
            number(x - 5.5),
            number(y + 3.0)
        );
    }

    fn rect(&mut self, rect: &Rect, round: f32, style: &str) {
        let _ = write!(
            self.0,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"{style}/>",
            number(rect.x),
            number(rect.y),
            number(rect.width),
            number(rect.height),
            number(round)
        );
    }

    fn text(&mut self, x: f32, y: f32, text: &str, style: &str) {
        let (x, y, text) = (number(x), number(y), escape(text));
        let _ = write!(
            self.0,
            "<text x=\"{x}\" y=\"{y}\" fill=\"currentColor\" stroke=\"none\"{style}>{text}</text>"
        );
    }

    fn middle(&mut self, x: f32, y: f32, text: &str, style: &str) {
        self.text(x, y, text, &format!(" text-anchor=\"middle\"{style}"));
    }
}

/// At most one decimal.
fn number(value: f32) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// XML's five, and characters that XML cannot hold.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Markdown reads a picture's text before a browser does.
            '`' | '*' | '_' | '[' | ']' | '\\' | '|' => {
                let _ = write!(escaped, "&#{};", u32::from(letter));
            }
            '\n' | '\r' | '\t' => escaped.push(' '),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}')
            }
            other => escaped.push(other),
        }
    }
    escaped
}
