//! Which row each item stands in.

use super::measure::Sized;
use crate::picture::Block;

/// A row is not wider than this, nor are there more items in it, unless one item alone is wider.
const WIDEST: f32 = 880.0;
const MOST: usize = 6;
const GAP: f32 = 24.0;

/// The rows of a block, and the phase of each row.
pub(super) struct Rows {
    pub(super) rows: Vec<Vec<usize>>,
    pub(super) bands: Vec<Option<usize>>,
}

/// Inputs first, then each phase by levels, then outputs; a level that is too wide becomes several rows.
pub(super) fn rows(block: &Block, sizes: &[Sized], bands: usize) -> Rows {
    let levels = levels(block);
    let outputs = |item: usize| matches!(block.items[item].shape, crate::picture::Shape::Output);
    let mut groups: Vec<(Option<usize>, Vec<usize>)> = Vec::new();
    let of_band =
        |band: Option<usize>| (0..block.items.len()).filter(move |item| block.items[*item].band == band);
    groups.push((None, of_band(None).filter(|item| !outputs(*item)).collect()));
    for band in 0..bands {
        groups.push((Some(band), of_band(Some(band)).collect()));
    }
    groups.push((None, of_band(None).filter(|item| outputs(*item)).collect()));
    let mut rows = Rows { rows: Vec::new(), bands: Vec::new() };
    for (band, items) in groups {
        let mut items = items;
        items.sort_by_key(|item| (levels[*item], *item));
        for level in items.chunk_by(|one, other| levels[*one] == levels[*other]) {
            for row in wrapped(level, sizes) {
                rows.rows.push(row);
                rows.bands.push(band);
            }
        }
    }
    rows
}

/// The longest way to each item from within its own phase. Links that lead back are left out of it.
pub(crate) fn levels(block: &Block) -> Vec<usize> {
    let mut levels = vec![0_usize; block.items.len()];
    let same_band = |from: usize, to: usize| matches!((block.items.get(from), block.items.get(to)), (Some(one), Some(other)) if one.band == other.band);
    // As many rounds as the longest way has links; a cycle would go on for ever.
    for _ in 0..block.items.len() {
        let mut changed = false;
        for link in block.links.iter().filter(|link| link.from != link.to && same_band(link.from, link.to)) {
            let least = levels[link.from] + 1;
            if levels[link.to] < least && least < block.items.len() {
                levels[link.to] = least;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    levels
}

/// Rows of about equal width, none of them too wide.
fn wrapped(level: &[usize], sizes: &[Sized]) -> Vec<Vec<usize>> {
    let width = |items: &[usize]| items.iter().map(|item| sizes[*item].width + GAP).sum::<f32>();
    let by_width = (1..=level.len()).find(|rows| width(level) / super::measure::count(*rows) <= WIDEST);
    let by_count = level.len().div_ceil(MOST);
    let wanted = by_width.unwrap_or(level.len()).max(by_count).max(1);
    level.chunks(level.len().div_ceil(wanted).max(1)).map(<[usize]>::to_vec).collect()
}
