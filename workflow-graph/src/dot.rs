//! Pictures as Graphviz's DOT.

use std::fmt::Write as _;

use crate::picture::{Block, Inside, Item, LinkKind, Picture, Shape};

impl Picture {
    /// The picture as DOT.
    pub fn to_dot(&self) -> String {
        let mut text = format!(
            "digraph {} {{\n  compound=true; rankdir=TB; node [shape=box, style=rounded, fontname=monospace];\n",
            quoted(&self.title)
        );
        for (band, name) in self.bands.iter().enumerate() {
            let _ = writeln!(
                text,
                "  subgraph cluster_p{band} {{ label={}; style=filled; color=gray95;",
                quoted(name)
            );
            for (place, item) in
                self.body.items.iter().enumerate().filter(|(_, item)| item.band == Some(band))
            {
                write_item(&mut text, item, &format!("n{place}"), 2);
            }
            text.push_str("  }\n");
        }
        for (place, item) in self.body.items.iter().enumerate().filter(|(_, item)| item.band.is_none()) {
            write_item(&mut text, item, &format!("n{place}"), 1);
        }
        write_links(&mut text, &self.body, "n", 1);
        text.push_str("}\n");
        text
    }
}

fn write_item(text: &mut String, item: &Item, id: &str, depth: usize) {
    let indent = "  ".repeat(depth);
    let Some(heading) = item.heading() else {
        let look = match item.shape {
            Shape::Input | Shape::Output => ", shape=oval",
            Shape::Child { .. } => ", peripheries=2",
            Shape::Sleep | Shape::Signal => ", style=\"rounded,dashed\"",
            _ => "",
        };
        let lines = [&item.name, &item.detail].into_iter().chain(&item.marks).filter(|line| !line.is_empty());
        let label = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
        let _ = writeln!(text, "{indent}{id} [label={}{look}];", quoted(&label));
        return;
    };
    let _ = writeln!(text, "{indent}subgraph cluster_{id} {{ label={}; color=gray50;", quoted(&heading));
    // Links end at a point inside, and are cut off at the form's edge.
    let _ = writeln!(text, "{indent}  {id} [shape=point, style=invis];");
    for (place, Inside { word, block, .. }) in item.shape.blocks().into_iter().enumerate() {
        let inner = format!("{id}b{place}n");
        let _ = writeln!(
            text,
            "{indent}  subgraph cluster_{id}b{place} {{ label={}; color=gray80;",
            quoted(word)
        );
        for (place, item) in block.items.iter().enumerate() {
            write_item(text, item, &format!("{inner}{place}"), depth + 2);
        }
        write_links(text, block, &inner, depth + 2);
        let _ = writeln!(text, "{indent}  }}");
    }
    let _ = writeln!(text, "{indent}}}");
}

fn write_links(text: &mut String, block: &Block, prefix: &str, depth: usize) {
    let is_form = |place: usize| block.items.get(place).is_some_and(|item| item.heading().is_some());
    for link in &block.links {
        let mut look = Vec::new();
        look.extend((link.kind == LinkKind::Order).then(|| "style=dashed".to_owned()));
        look.extend(is_form(link.from).then(|| format!("ltail=cluster_{prefix}{}", link.from)));
        look.extend(is_form(link.to).then(|| format!("lhead=cluster_{prefix}{}", link.to)));
        let look = if look.is_empty() { String::new() } else { format!(" [{}]", look.join(", ")) };
        let _ = writeln!(text, "{}{prefix}{} -> {prefix}{}{look};", "  ".repeat(depth), link.from, link.to);
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            control if control.is_control() => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
