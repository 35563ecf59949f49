//! Pictures as Mermaid flowcharts.

use std::fmt::Write as _;

use crate::picture::{Block, Inside, Item, LinkKind, Picture, Shape};

impl Picture {
    /// The picture as a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        let mut text = format!("---\ntitle: {}\n---\nflowchart TD\n", quoted(&self.title));
        for (band, name) in self.bands.iter().enumerate() {
            let _ = writeln!(text, "  subgraph p{band}[{}]", quoted(name));
            for (place, item) in
                self.body.items.iter().enumerate().filter(|(_, item)| item.band == Some(band))
            {
                write_item(&mut text, item, &format!("n{place}"), 2);
            }
            text.push_str("  end\n");
        }
        for (place, item) in self.body.items.iter().enumerate().filter(|(_, item)| item.band.is_none()) {
            write_item(&mut text, item, &format!("n{place}"), 1);
        }
        write_links(&mut text, &self.body, "n", 1);
        text
    }
}

fn write_item(text: &mut String, item: &Item, id: &str, depth: usize) {
    let indent = "  ".repeat(depth);
    let Some(heading) = item.heading() else {
        let label = quoted(&label(item));
        let _ = match item.shape {
            Shape::Input | Shape::Output => writeln!(text, "{indent}{id}([{label}])"),
            Shape::Child { .. } => writeln!(text, "{indent}{id}[[{label}]]"),
            Shape::Sleep | Shape::Signal => writeln!(text, "{indent}{id}({label})"),
            _ => writeln!(text, "{indent}{id}[{label}]"),
        };
        return;
    };
    let _ = writeln!(text, "{indent}subgraph {id}[{}]", quoted(&heading));
    for (place, Inside { word, block, .. }) in item.shape.blocks().into_iter().enumerate() {
        let inner = format!("{id}b{place}n");
        if !word.is_empty() {
            let _ = writeln!(text, "{indent}  subgraph {id}b{place}[{}]", quoted(word));
        }
        for (place, item) in block.items.iter().enumerate() {
            write_item(text, item, &format!("{inner}{place}"), depth + 2);
        }
        write_links(text, block, &inner, depth + 2);
        if !word.is_empty() {
            let _ = writeln!(text, "{indent}  end");
        }
    }
    let _ = writeln!(text, "{indent}end");
}

fn write_links(text: &mut String, block: &Block, prefix: &str, depth: usize) {
    for link in &block.links {
        let arrow = if link.kind == LinkKind::Order { "-.->" } else { "-->" };
        let _ = writeln!(text, "{}{prefix}{} {arrow} {prefix}{}", "  ".repeat(depth), link.from, link.to);
    }
}

/// A name, with what it does and what else there is to say below it.
fn label(item: &Item) -> String {
    let lines = [&item.name, &item.detail].into_iter().chain(&item.marks).filter(|line| !line.is_empty());
    lines.map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '\n' => quoted.push_str("<br/>"),
            letter if letter.is_alphanumeric() || " .,:()_-=+/!?%".contains(letter) => quoted.push(letter),
            other => {
                let _ = write!(quoted, "#{};", u32::from(other));
            }
        }
    }
    quoted.push('"');
    quoted
}
