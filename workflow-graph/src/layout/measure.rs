//! How large an item is.

use super::place::{Layout, layout};
use crate::picture::{Item, Shape};

/// The width of a letter of the name, in monospace at 13 px.
pub(crate) const CELL: f32 = 7.8;
/// The width of a letter of everything else, at 11 px.
pub(crate) const SMALL: f32 = 6.6;
/// The height of a line of small text.
pub(crate) const LINE: f32 = 15.0;
/// Between a box's edge and what is in it.
pub(crate) const PADDING: f32 = 12.0;
/// The height of a form's heading.
pub(crate) const TITLE: f32 = 26.0;

const LONGEST: usize = 30;
const LONGEST_HEADING: usize = 56;
const COLUMN_GAP: f32 = 20.0;

/// An item with its size, and the layouts of the blocks inside.
pub(crate) struct Sized {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) inner: Vec<Inner>,
}

/// A block inside an item, and where its layout begins there.
pub(crate) struct Inner {
    pub(crate) layout: Layout,
    pub(crate) x: f32,
    pub(crate) y: f32,
}

/// A text that is not longer than fits.
pub(crate) fn shorten(text: &str, heading: bool) -> String {
    let longest = if heading { LONGEST_HEADING } else { LONGEST };
    match text.chars().count() > longest {
        true => text.chars().take(longest - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn wide(text: &str, cell: f32, heading: bool) -> f32 {
    count(shorten(text, heading).chars().count()) * cell
}

/// Small numbers only: a picture has fewer letters than an `f32` can count.
pub(crate) fn count(number: usize) -> f32 {
    f32::from(u16::try_from(number).unwrap_or(u16::MAX))
}

/// Measures an item.
pub(crate) fn measure(item: &Item) -> Sized {
    match &item.shape {
        Shape::Input | Shape::Output => {
            let width = wide(&item.name, CELL, false) + wide(&item.detail, SMALL, false) + 3.0 * PADDING;
            Sized { width, height: 26.0, inner: Vec::new() }
        }
        Shape::If { .. }
        | Shape::For { .. }
        | Shape::Repeat { .. }
        | Shape::Child { inside: Some(_), .. } => form(item),
        Shape::Step | Shape::Child { .. } | Shape::Sleep | Shape::Signal => leaf(item),
    }
}

fn leaf(item: &Item) -> Sized {
    let glyph = if matches!(item.shape, Shape::Sleep | Shape::Signal) { 18.0 } else { 0.0 };
    let marks = item.marks.iter().map(|mark| wide(mark, SMALL, false)).fold(0.0, f32::max);
    let text = wide(&item.name, CELL, false).max(wide(&item.detail, SMALL, false)).max(marks);
    let lines = 1 + usize::from(!item.detail.is_empty()) + item.marks.len();
    Sized {
        width: (text + glyph + 2.0 * PADDING).max(88.0),
        height: 16.0 + count(lines) * LINE,
        inner: Vec::new(),
    }
}

fn form(item: &Item) -> Sized {
    let heading = item.heading().map_or(0.0, |heading| wide(&heading, SMALL, true));
    let marks = item.marks.iter().map(|mark| wide(mark, SMALL, false)).fold(0.0, f32::max);
    let names = if item.shape.blocks().len() > 1 || item.shape.is_branch() { LINE } else { 0.0 };
    let mut inner = Vec::new();
    let mut x = PADDING;
    let y = TITLE + names + count(item.marks.len()) * LINE;
    for inside in item.shape.blocks() {
        let layout = layout(inside.block, inside.bands);
        let width = layout.width.max(40.0);
        inner.push(Inner { layout, x, y });
        x += width + COLUMN_GAP;
    }
    let blocks = (x - COLUMN_GAP + PADDING).max(0.0);
    let needed = heading.max(marks) + 2.0 * PADDING + 24.0;
    let width = blocks.max(needed);
    // A heading wider than the blocks: those stand in the middle.
    let shift = (width - blocks) / 2.0;
    inner.iter_mut().for_each(|inner| inner.x += shift);
    let tallest = inner.iter().map(|inner| inner.layout.height).fold(0.0, f32::max);
    Sized { width, height: y + tallest + PADDING, inner }
}

impl Shape {
    fn is_branch(&self) -> bool {
        matches!(self, Self::If { .. })
    }
}
