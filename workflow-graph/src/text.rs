//! Pictures as text, for terminals: phases as bands, what can run at once side by side.

use crate::layout::levels;
use crate::picture::{Block, Inside, Item, LinkKind, Picture, Shape};

/// A box that is narrower than this is none: what would be in it is written without.
const NARROWEST: usize = 16;

/// A leaf's box is not wider than this.
const WIDEST: usize = 44;

impl Picture {
    /// The picture as text, no line of it wider than so many columns, or twenty. Steps that stand side by side do not wait
    /// for one another; `←` says what one reads, `after` what it only waits for.
    pub fn to_text(&self, width: usize) -> String {
        let width = width.max(20);
        let mut lines = vec![fit(&format!("workflow {}", self.title), width)];
        lines.extend(body(&self.body, &self.bands, width));
        lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
    }
}

/// A block, and around the items of each phase a frame.
fn body(block: &Block, bands: &[String], width: usize) -> Vec<String> {
    let levels = levels(block);
    let of = |band: Option<usize>, outputs: bool| -> Vec<usize> {
        let is_of = |item: &Item| item.band == band && matches!(item.shape, Shape::Output) == outputs;
        (0..block.items.len()).filter(|item| is_of(&block.items[*item])).collect()
    };
    let mut lines = rows(block, &of(None, false), &levels, width);
    for (band, name) in bands.iter().enumerate() {
        let inside = rows(block, &of(Some(band), false), &levels, within(width));
        lines.extend(framed(name, inside, width, Frame::Band));
    }
    lines.extend(rows(block, &of(None, true), &levels, width));
    lines
}

/// Items by levels: those of one level side by side, as far as there is room.
fn rows(block: &Block, items: &[usize], levels: &[usize], width: usize) -> Vec<String> {
    let mut items = items.to_vec();
    items.sort_by_key(|item| (levels[*item], *item));
    let mut lines: Vec<String> = Vec::new();
    for level in items.chunk_by(|one, other| levels[*one] == levels[*other]) {
        if !lines.is_empty() {
            lines.push("   ↓".to_owned());
        }
        let drawn = level.iter().map(|item| draw(block, *item, width)).collect();
        lines.extend(side_by_side(drawn, width));
    }
    lines
}

/// Drawings beside one another, in as many rows as they need.
fn side_by_side(drawn: Vec<Vec<String>>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut row: Vec<String> = Vec::new();
    for drawing in drawn {
        let (left, own) = (widest(&row), widest(&drawing));
        if row.is_empty() || left + 1 + own > width {
            lines.append(&mut row);
            row = drawing;
            continue;
        }
        let height = row.len().max(drawing.len());
        row.resize(height, String::new());
        for (line, more) in row.iter_mut().zip(drawing) {
            pad(line, left + 1);
            line.push_str(&more);
        }
    }
    lines.append(&mut row);
    lines
}

fn draw(block: &Block, place: usize, width: usize) -> Vec<String> {
    let item = &block.items[place];
    match &item.shape {
        Shape::Input => vec![fit(&format!(" ▷ {}: {}", item.name, item.detail), width)],
        Shape::Output => {
            let mut lines = vec![fit(&format!(" ◁ {}: {}", item.name, item.detail), width)];
            let sources = sources(block, place, LinkKind::Data);
            lines.extend(sources.map(|sources| fit(&format!("   ← {sources}"), width)));
            lines
        }
        _ => match item.heading() {
            Some(heading) => form(block, place, &heading, width),
            None => leaf(block, place, width),
        },
    }
}

/// What leads to an item.
fn sources(block: &Block, place: usize, kind: LinkKind) -> Option<String> {
    let links = block.links.iter().filter(|link| link.to == place && link.kind == kind);
    let names: Vec<&str> = links.filter_map(|link| Some(block.items.get(link.from)?.name.as_str())).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// What there is to say of an item besides its name.
fn notes(block: &Block, place: usize) -> Vec<String> {
    let item = &block.items[place];
    let mut notes = Vec::new();
    notes.extend((!item.marks.is_empty()).then(|| item.marks.join(" · ")));
    notes.extend(sources(block, place, LinkKind::Data).map(|sources| format!("← {sources}")));
    notes.extend(sources(block, place, LinkKind::Order).map(|sources| format!("after {sources}")));
    notes
}

fn leaf(block: &Block, place: usize, width: usize) -> Vec<String> {
    let item = &block.items[place];
    let mut lines = vec![match item.shape {
        Shape::Sleep => format!("{}: sleep {}", item.name, item.detail),
        Shape::Signal => format!("{}: signal {}", item.name, item.detail),
        Shape::Child { .. } => format!("{}: workflow {}", item.name, item.detail),
        _ if item.detail == item.name || item.detail.is_empty() => item.name.clone(),
        _ => format!("{}: {}", item.name, item.detail),
    }];
    lines.extend(notes(block, place));
    let width = width.min(WIDEST);
    let lines = lines.iter().map(|line| fit(line, within(width))).collect();
    framed(
        "",
        lines,
        width,
        if matches!(item.shape, Shape::Child { .. }) { Frame::Double } else { Frame::Single },
    )
}

fn form(block: &Block, place: usize, heading: &str, width: usize) -> Vec<String> {
    let item = &block.items[place];
    let room = within(width);
    let mut lines: Vec<String> = notes(block, place).iter().map(|note| fit(note, room)).collect();
    let drawn = item.shape.blocks().into_iter().map(|Inside { word, block, bands }| {
        let mut lines: Vec<String> = (!word.is_empty()).then(|| word.to_owned()).into_iter().collect();
        lines.extend(body(block, bands, room));
        lines
    });
    lines.extend(side_by_side(drawn.collect(), room));
    let frame = if matches!(item.shape, Shape::Child { .. }) { Frame::Double } else { Frame::Single };
    framed(heading, lines, width, frame)
}

/// How a frame looks.
#[derive(Clone, Copy, PartialEq)]
enum Frame {
    /// As wide as there is room.
    Band,
    Single,
    Double,
}

/// The room in a frame that is so wide; if there would be too little, there is no frame.
fn within(width: usize) -> usize {
    if width < NARROWEST { width.saturating_sub(1).max(1) } else { width - 4 }
}

fn framed(heading: &str, lines: Vec<String>, width: usize, frame: Frame) -> Vec<String> {
    if width < NARROWEST {
        let heading = (!heading.is_empty()).then(|| fit(heading, width));
        let indent = if heading.is_some() { " " } else { "" };
        return heading
            .into_iter()
            .chain(lines.iter().map(|line| fit(&format!("{indent}{line}"), width)))
            .collect();
    }
    let [line, upright, ends @ ..] = match frame {
        Frame::Band => ['─', '│', '╭', '╮', '╰', '╯'],
        Frame::Single => ['─', '│', '┌', '┐', '└', '┘'],
        Frame::Double => ['═', '║', '╔', '╗', '╚', '╝'],
    };
    let heading = match heading.is_empty() {
        true => String::new(),
        false => format!(" {} ", fit(heading, width - 6)),
    };
    let room = match frame {
        Frame::Band => width - 4,
        _ => widest(&lines).max(columns(&heading)),
    };
    let run = |of: usize| std::iter::repeat_n(line, of).collect::<String>();
    let top = format!("{}{line}{heading}{}{}", ends[0], run(room + 1 - columns(&heading)), ends[1]);
    let bottom = format!("{}{}{}", ends[2], run(room + 2), ends[3]);
    let middle = lines.into_iter().map(|mut text| {
        pad(&mut text, room);
        format!("{upright} {text} {upright}")
    });
    std::iter::once(top).chain(middle).chain([bottom]).collect()
}

fn pad(line: &mut String, to: usize) {
    line.extend(std::iter::repeat_n(' ', to.saturating_sub(columns(line))));
}

fn widest(lines: &[String]) -> usize {
    lines.iter().map(|line| columns(line)).max().unwrap_or(0)
}

/// A text in one line, not wider than there is room.
fn fit(text: &str, room: usize) -> String {
    let text: String = text
        .chars()
        .map(|letter| if letter.is_control() || is_turning(letter) { ' ' } else { letter })
        .collect();
    if columns(&text) <= room {
        return text;
    }
    let mut left = room.saturating_sub(1);
    let fits = |letter: &char| match left.checked_sub(wide(*letter)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(wide).sum()
}

/// What would turn around the order of what stands beside it.
fn is_turning(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many columns a character takes, as far as that can be told without a table of all of them.
fn wide(letter: char) -> usize {
    match u32::from(letter) {
        0x0300..=0x036f | 0x200b..=0x200d | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Link;

    fn item(band: usize, name: &str, detail: &str, shape: Shape) -> Item {
        Item { band: Some(band), name: name.to_owned(), detail: detail.to_owned(), shape, marks: Vec::new() }
    }

    fn picture() -> Picture {
        let inner = |name: &str| Item { band: None, ..item(0, name, name, Shape::Step) };
        let choice = Shape::If {
            condition: "reply.confidence < 0.8".to_owned(),
            then: Block { items: vec![inner("human_review")], links: Vec::new() },
            otherwise: Block { items: vec![inner("accept")], links: Vec::new() },
        };
        let mut items = vec![
            Item { band: None, ..item(0, "question", "Question", Shape::Input) },
            item(0, "model", "select_model", Shape::Step),
            item(0, "facts", "fetch_facts", Shape::Step),
            item(0, "reply", "ask_model", Shape::Step),
            item(1, "if checked", "", choice),
            item(1, "told", "Tell", Shape::Child { workflow: "Tell".to_owned(), inside: None }),
            Item { band: None, ..item(0, "checked", "Receipt", Shape::Output) },
        ];
        items[3].marks = vec!["retry 3".to_owned(), "timeout 30s".to_owned()];
        let link = |from, to, kind| Link { from, to, kind };
        let links = vec![
            link(0, 1, LinkKind::Data),
            link(0, 2, LinkKind::Data),
            link(1, 3, LinkKind::Data),
            link(2, 3, LinkKind::Order),
            link(3, 4, LinkKind::Data),
            link(4, 6, LinkKind::Data),
        ];
        Picture {
            title: "Answer".to_owned(),
            bands: vec!["call".to_owned(), "review".to_owned()],
            body: Block { items, links },
        }
    }

    #[test]
    fn phases_are_bands_and_what_runs_at_once_stands_side_by_side() {
        let wanted = "\
workflow Answer
 ▷ question: Question
╭─ call ───────────────────────────────────────────────────────────────╮
│ ┌─────────────────────┐ ┌────────────────────┐                       │
│ │ model: select_model │ │ facts: fetch_facts │                       │
│ │ ← question          │ │ ← question         │                       │
│ └─────────────────────┘ └────────────────────┘                       │
│    ↓                                                                 │
│ ┌───────────────────────┐                                            │
│ │ reply: ask_model      │                                            │
│ │ retry 3 · timeout 30s │                                            │
│ │ ← model               │                                            │
│ │ after facts           │                                            │
│ └───────────────────────┘                                            │
╰──────────────────────────────────────────────────────────────────────╯
╭─ review ─────────────────────────────────────────────────────────────╮
│ ┌─ if reply.confidence < 0.8 ─┐ ╔═════════════════════╗              │
│ │ ← reply                     │ ║ told: workflow Tell ║              │
│ │ then             else       │ ╚═════════════════════╝              │
│ │ ┌──────────────┐ ┌────────┐ │                                      │
│ │ │ human_review │ │ accept │ │                                      │
│ │ └──────────────┘ └────────┘ │                                      │
│ └─────────────────────────────┘                                      │
╰──────────────────────────────────────────────────────────────────────╯
 ◁ checked: Receipt
   ← if checked
";
        assert_eq!(picture().to_text(72), wanted);
    }

    #[test]
    fn no_line_is_wider_than_there_is_room() {
        for width in 20..100 {
            let text = picture().to_text(width);
            assert!(text.lines().all(|line| columns(line) <= width), "{width}\n{text}");
        }
    }

    #[test]
    fn no_name_moves_a_cursor() {
        let mut picture = picture();
        picture.title = "red\u{1b}[31m\nturned\u{202e}".to_owned();
        let text = picture.to_text(80);
        assert!(text.starts_with("workflow red [31m turned\n ▷"), "{text}");
    }
}
