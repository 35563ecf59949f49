use proptest::prelude::*;

use super::*;
use crate::picture::{Block, Item, Link, LinkKind, Picture, Shape};

/// Names that pictures have to cope with.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,12}", "\\PC{0,60}", Just("a < b && \"c\" > 'd'\n`e`".to_owned())]
}

fn shape(depth: u32) -> BoxedStrategy<Shape> {
    let leaf = prop_oneof![
        Just(Shape::Step),
        Just(Shape::Child { workflow: "Child".to_owned(), inside: None }),
        Just(Shape::Sleep),
        Just(Shape::Signal),
        Just(Shape::Step),
        Just(Shape::Step)
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let inner = block(depth - 1, 4).boxed();
    prop_oneof![
        6 => leaf,
        1 => (name(), inner.clone(), inner.clone())
            .prop_map(|(condition, then, otherwise)| Shape::If { condition, then, otherwise }),
        1 => (name(), inner.clone()).prop_map(|(each, body)| Shape::For { each, body }),
        1 => (name(), prop::collection::vec(name(), 0..3), inner.clone()).prop_map(|(workflow, bands, mut body)| {
            body.items.iter_mut().zip(0..).for_each(|(item, place)| item.band = (place < bands.len()).then_some(place));
            Shape::Child { workflow: workflow.clone(), inside: Some(Box::new(Picture { title: workflow, bands, body })) }
        }),
        1 => (name(), inner).prop_map(|(condition, body)| {
            Shape::Repeat { carried: "x".to_owned(), condition, max: 5, body }
        }),
    ]
    .boxed()
}

fn block(depth: u32, most: usize) -> impl Strategy<Value = Block> {
    let item = (name(), name(), shape(depth), prop::collection::vec(name(), 0..3))
        .prop_map(|(name, detail, shape, marks)| Item { band: None, name, detail, shape, marks });
    let links = prop::collection::vec((0..most * 2, 0..most * 2, any::<bool>()), 0..most * 2);
    (prop::collection::vec(item, 0..most), links).prop_map(|(items, links)| {
        let kind = |data| if data { LinkKind::Data } else { LinkKind::Order };
        let links = links.into_iter().map(|(from, to, data)| Link { from, to, kind: kind(data) });
        Block { items, links: links.collect() }
    })
}

fn picture() -> impl Strategy<Value = Picture> {
    (name(), prop::collection::vec(name(), 1..5), block(2, 24), any::<[u8; 24]>()).prop_map(
        |(title, bands, mut body, of)| {
            for (item, of) in body.items.iter_mut().zip(of) {
                item.band = Some(of as usize % bands.len());
            }
            Picture { title, bands, body }
        },
    )
}

fn check(layout: &Layout) -> Result<(), TestCaseError> {
    let inside = |outer: (f32, f32), rect: &Rect| {
        rect.x >= -0.1
            && rect.y >= -0.1
            && rect.x + rect.width <= outer.0 + 0.1
            && rect.y + rect.height <= outer.1 + 0.1
    };
    for (index, rect) in layout.boxes.iter().enumerate() {
        prop_assert!(inside((layout.width, layout.height), rect), "{rect:?} leaves the picture");
        for other in &layout.boxes[..index] {
            prop_assert!(!overlap(rect, other, 1.0), "{rect:?} and {other:?} overlap");
        }
    }
    for route in &layout.routes {
        for ((from_x, from_y), (to_x, to_y)) in &route.bends {
            // A bend lies in the rectangle of its ends, for its tangents there are upright.
            let bend = Rect {
                x: from_x.min(*to_x),
                y: from_y.min(*to_y),
                width: (from_x - to_x).abs(),
                height: to_y - from_y,
            };
            prop_assert!(bend.height >= -0.1, "{route:?} goes up");
            for rect in &layout.boxes {
                prop_assert!(!overlap(&bend, rect, 0.5), "{bend:?} of {route:?} crosses {rect:?}");
            }
        }
    }
    for inner in layout.inner.iter().flatten() {
        check(&inner.layout)?;
    }
    Ok(())
}

fn overlap(one: &Rect, other: &Rect, slack: f32) -> bool {
    one.x + slack < other.x + other.width
        && other.x + slack < one.x + one.width
        && one.y + slack < other.y + other.height
        && other.y + slack < one.y + one.height
}

/// Whether the tags of a text are balanced, and its characters allowed.
fn is_well_formed(svg: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in svg.split('<').skip(1) {
        let Some((tag, text)) = tag.split_once('>') else { return false };
        // In text, and in the values of attributes, an ampersand begins a reference that ends.
        let is_reference = |part: &str| {
            part.find(';').is_some_and(|end| {
                part[..end].chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '#')
            })
        };
        if !tag.split('&').skip(1).chain(text.split('&').skip(1)).all(is_reference) {
            return false;
        }
        match tag.strip_prefix('/') {
            Some(closed) if open.pop() != Some(closed) => return false,
            Some(_) => {}
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap_or(tag)),
        }
    }
    open.is_empty() && !svg.chars().any(char::is_control)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn boxes_stand_apart_and_links_run_between_them(picture in picture()) {
        check(&layout(&picture.body, &picture.bands))?;
    }

    #[test]
    fn any_picture_can_be_written(picture in picture()) {
        let svg = picture.to_svg();
        prop_assert!(is_well_formed(&svg), "{svg}");
        // A step may have any name, and its path says so.
        let numbers = svg.replace("data-step=\"", "").replace("data-child=\"", "");
        prop_assert!(!numbers.contains("=\"NaN") && !numbers.contains("=\"inf"), "{svg}");
        prop_assert_eq!(&svg, &picture.to_svg());
        let (mermaid, dot) = (picture.to_mermaid(), picture.to_dot());
        prop_assert!(mermaid.lines().filter(|line| line.trim() == "end").count() >= picture.bands.len());
        for width in [20, 80] {
            let text = picture.to_text(width);
            prop_assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{text}");
            prop_assert!(text.lines().all(|line| crate::text::columns(line) <= width), "{text}");
        }
        prop_assert_eq!(dot.matches('{').count() > 0, true);
    }
}

/// The values of an attribute, in the order in which they are drawn.
fn values<'a>(svg: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    svg.split(&begin).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
}

fn one(name: &str, shape: Shape) -> Block {
    let item = Item { band: None, name: name.to_owned(), detail: String::new(), shape, marks: Vec::new() };
    Block { items: vec![item], links: Vec::new() }
}

#[test]
fn every_step_has_its_path() {
    let choice = Shape::If {
        condition: "late".to_owned(),
        then: one("told", Shape::Step),
        otherwise: one("each", Shape::For { each: "a in b".to_owned(), body: one("sent", Shape::Sleep) }),
    };
    let mut body = one("review", choice);
    body.items.extend(one("late", Shape::Input).items);
    body.items.extend(one("told", Shape::Output).items);
    let svg = Picture { title: String::new(), bands: Vec::new(), body }.to_svg();
    let paths = ["review", "review/then/told", "review/else/each", "review/else/each/sent"];
    assert_eq!(values(&svg, "data-step"), paths);
}

#[test]
fn workflows_are_opened_in_place_and_one_that_calls_itself_not_for_ever() {
    let picture = |name: &str, child: &str| Picture {
        title: name.to_owned(),
        bands: vec![format!("phase of {name}")],
        body: one("again", Shape::Child { workflow: child.to_owned(), inside: None }),
    };
    let closed = picture("Outer", "Inner").to_svg();
    assert_eq!((values(&closed, "data-step"), values(&closed, "data-child")), (vec!["again"], vec!["Inner"]));
    let mut opened = picture("Outer", "Inner");
    opened.open(|path, name| (path == "again").then(|| picture(name, "Innermost")));
    let svg = opened.to_svg();
    assert_eq!(values(&svg, "data-step"), ["again", "again/again"]);
    assert_eq!(values(&svg, "data-child"), ["Inner", "Innermost"]);
    assert!(svg.contains("phase of Inner"), "{svg}");
    let mut endless = picture("Outer", "Outer");
    endless.open(|_, name| Some(picture(name, "Outer")));
    assert_eq!(values(&endless.to_svg(), "data-step").len(), 9);
}

#[test]
fn a_picture_of_ten_steps_is_small_and_quick() {
    let items = (0..10).map(|step| Item {
        band: Some(step / 3),
        name: format!("step_{step}"),
        detail: "agent_of_it".to_owned(),
        shape: Shape::Step,
        marks: vec!["retry 3".to_owned()],
    });
    let links =
        (1..10).map(|to| Link { from: to / 2, to, kind: LinkKind::Data }).filter(|link| link.from != link.to);
    let body = Block { items: items.collect(), links: links.collect() };
    let picture =
        Picture { title: "Ten".to_owned(), bands: ["a", "b", "c", "d"].map(str::to_owned).to_vec(), body };
    let svg = picture.to_svg();
    assert!(svg.len() < 10_000, "{} bytes", svg.len());
}
