//! Where each item stands, and where each link runs.

use super::measure::{Inner, LINE, SMALL, Sized, count, measure};
use super::order::{Cell, Grid, order};
use super::rows::rows;
use crate::picture::{Block, LinkKind};

const GAP: f32 = 24.0;
const PASS: f32 = 14.0;
const ROW_GAP: f32 = 36.0;
const MARGIN: f32 = 10.0;
const ROUNDS: usize = 40;
/// Moves shorter than this are not seen.
const STILL: f32 = 0.4;

/// A box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

/// A link's way: from a box, straight down through rows, bending only between them, to a box.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    /// Pairs of points: where a bend begins and where it ends.
    pub(crate) bends: Vec<((f32, f32), (f32, f32))>,
    pub(crate) kind: LinkKind,
}

/// A block with everything in its place.
#[derive(Default)]
pub(crate) struct Layout {
    pub(crate) width: f32,
    pub(crate) height: f32,
    /// One a item, in the block's order.
    pub(crate) boxes: Vec<Rect>,
    pub(crate) inner: Vec<Vec<Inner>>,
    pub(crate) routes: Vec<Route>,
    /// One a phase.
    pub(crate) bands: Vec<Rect>,
}

/// Lays out a block.
pub(crate) fn layout(block: &Block, bands: &[String]) -> Layout {
    if block.items.is_empty() {
        return Layout::default();
    }
    let sizes: Vec<Sized> = block.items.iter().map(measure).collect();
    let rows = rows(block, &sizes, bands.len());
    let grid = order(block, &rows.rows);
    let label = bands.iter().map(|band| count(band.chars().count().min(18)) * SMALL).fold(0.0, f32::max);
    let left = if bands.is_empty() { 0.0 } else { label + 2.0 * MARGIN };
    let centres = across(&grid, &sizes);
    let right = grid.rows.iter().zip(&centres).flat_map(|(row, centres)| {
        row.iter().zip(centres).map(|(cell, centre)| centre + cell_width(*cell, &sizes) / 2.0)
    });
    let width = left + right.fold(0.0, f32::max) + if bands.is_empty() { 0.0 } else { MARGIN };
    let heights: Vec<(f32, f32)> = down(&grid, &sizes, &rows.bands);
    let mut boxes = vec![Rect { x: 0.0, y: 0.0, width: 0.0, height: 0.0 }; block.items.len()];
    for ((row, centres), (top, height)) in grid.rows.iter().zip(&centres).zip(&heights) {
        for (cell, centre) in row.iter().zip(centres) {
            if let Cell::Item(item) = cell {
                let Sized { width, height: own, .. } = sizes[*item];
                boxes[*item] = Rect {
                    x: left + centre - width / 2.0,
                    y: top + (height - own) / 2.0,
                    width,
                    height: own,
                };
            }
        }
    }
    let routes = routes(block, &grid, &centres, &heights, &boxes, left);
    let height = heights.last().map_or(0.0, |(top, height)| top + height)
        + if bands.is_empty() { 0.0 } else { MARGIN };
    let bands = band_boxes(&rows.bands, &heights, bands.len(), width);
    let inner = sizes.into_iter().map(|size| size.inner).collect();
    Layout { width, height, boxes, inner, routes, bands }
}

fn cell_width(cell: Cell, sizes: &[Sized]) -> f32 {
    match cell {
        Cell::Item(item) => sizes[item].width,
        Cell::Pass(_) => PASS,
    }
}

/// The centres of all cells: each row begins in the middle, then cells move towards what they are linked to, as far
/// as their neighbours let them.
fn across(grid: &Grid, sizes: &[Sized]) -> Vec<Vec<f32>> {
    let widths: Vec<Vec<f32>> =
        grid.rows.iter().map(|row| row.iter().map(|cell| cell_width(*cell, sizes)).collect()).collect();
    let mut centres: Vec<Vec<f32>> = widths.iter().map(|widths| side_by_side(widths)).collect();
    for round in 0..ROUNDS {
        let before = centres.clone();
        for step in 0..grid.rows.len() {
            let row = if round % 2 == 0 { step } else { grid.rows.len() - 1 - step };
            let wanted = wanted(grid, &centres, row);
            settle(&mut centres[row], &widths[row], &wanted);
        }
        let moved =
            centres.iter().flatten().zip(before.iter().flatten()).map(|(now, then)| (now - then).abs());
        if moved.fold(0.0, f32::max) < STILL {
            break;
        }
    }
    let leftmost = centres
        .iter()
        .zip(&widths)
        .flat_map(|(row, widths)| row.iter().zip(widths).map(|(centre, width)| centre - width / 2.0));
    let shift = leftmost.fold(f32::INFINITY, f32::min);
    centres.iter_mut().flatten().for_each(|centre| *centre -= shift);
    centres
}

fn side_by_side(widths: &[f32]) -> Vec<f32> {
    let total: f32 = widths.iter().map(|width| width + GAP).sum::<f32>() - GAP;
    let mut x = -total / 2.0;
    let centre = |width: &f32| {
        let centre = x + width / 2.0;
        x += width + GAP;
        centre
    };
    widths.iter().map(centre).collect()
}

/// Where each cell of a row would like to be: at the mean of all that it is linked to, above and below.
fn wanted(grid: &Grid, centres: &[Vec<f32>], row: usize) -> Vec<f32> {
    let mut sums = vec![(0.0_f32, 0.0_f32); centres[row].len()];
    for way in &grid.ways {
        for pair in way.windows(2) {
            for (near, far) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                if near.0 == row {
                    // A passing link pulls hard, so that long links are straight.
                    let weight = if matches!(grid.rows[far.0][far.1], Cell::Pass(_)) { 2.0 } else { 1.0 };
                    sums[near.1].0 += centres[far.0][far.1] * weight;
                    sums[near.1].1 += weight;
                }
            }
        }
    }
    let wish = |(index, (sum, number)): (usize, &(f32, f32))| {
        if *number > 0.0 { sum / number } else { centres[row][index] }
    };
    sums.iter().enumerate().map(wish).collect()
}

/// Moves the cells to where they want to be, in order and without overlap: what is pushed from the left and what is
/// pushed from the right meet in the middle.
fn settle(centres: &mut [f32], widths: &[f32], wanted: &[f32]) {
    let apart = |left: usize| f32::midpoint(widths[left], widths[left + 1]) + GAP;
    let mut from_left = wanted.to_vec();
    for index in 1..from_left.len() {
        from_left[index] = from_left[index].max(from_left[index - 1] + apart(index - 1));
    }
    let mut from_right = wanted.to_vec();
    for index in (1..from_right.len()).rev() {
        from_right[index - 1] = from_right[index - 1].min(from_right[index] - apart(index - 1));
    }
    for (index, centre) in centres.iter_mut().enumerate() {
        *centre = f32::midpoint(from_left[index], from_right[index]);
    }
}

/// The top and the height of each row. Between phases there is more room, for the edges of their bands.
fn down(grid: &Grid, sizes: &[Sized], bands: &[Option<usize>]) -> Vec<(f32, f32)> {
    let banded = bands.iter().any(Option::is_some);
    let mut top = if bands.first().is_some_and(Option::is_some) { MARGIN } else { 0.0 };
    let mut heights = Vec::new();
    for (row, cells) in grid.rows.iter().enumerate() {
        let height = cells
            .iter()
            .map(|cell| match cell {
                Cell::Item(item) => sizes[*item].height,
                Cell::Pass(_) => LINE,
            })
            .fold(0.0, f32::max);
        heights.push((top, height));
        let changes = banded && bands.get(row) != bands.get(row + 1);
        top += height + ROW_GAP + if changes { MARGIN } else { 0.0 };
    }
    heights
}

fn band_boxes(bands: &[Option<usize>], heights: &[(f32, f32)], count: usize, width: f32) -> Vec<Rect> {
    let of = |band: usize| {
        let rows =
            bands.iter().zip(heights).filter(move |(of, _)| **of == Some(band)).map(|(_, height)| *height);
        let top = rows.clone().map(|(top, _)| top).fold(f32::INFINITY, f32::min);
        let bottom = rows.map(|(top, height)| top + height).fold(0.0, f32::max);
        match top.is_finite() {
            true => Rect { x: 0.0, y: top - MARGIN, width, height: bottom - top + 2.0 * MARGIN },
            false => Rect { x: 0.0, y: 0.0, width: 0.0, height: 0.0 },
        }
    };
    (0..count).map(of).collect()
}

fn routes(
    block: &Block,
    grid: &Grid,
    centres: &[Vec<f32>],
    heights: &[(f32, f32)],
    boxes: &[Rect],
    left: f32,
) -> Vec<Route> {
    let (leaves, arrives) =
        (ports(block, grid, centres, boxes, true), ports(block, grid, centres, boxes, false));
    let mut routes = Vec::new();
    for (index, way) in grid.ways.iter().enumerate() {
        let Some(link) = block.links.get(index).filter(|_| way.len() > 1) else { continue };
        let (from, to) = (boxes[link.from], boxes[link.to]);
        let bottom = |row: usize| heights[row].0 + heights[row].1;
        let mut here = (leaves[index], from.y + from.height);
        let mut bends = Vec::new();
        for pair in way.windows(2) {
            // Straight down to the row's end; the bend lies between two rows, where no box is.
            let begin = (here.0, bottom(pair[0].0));
            let last = pair[1].0 == way[way.len() - 1].0;
            let end = match last {
                true => (arrives[index], heights[pair[1].0].0),
                false => (left + centres[pair[1].0][pair[1].1], heights[pair[1].0].0),
            };
            bends.push((if bends.is_empty() { here } else { begin }, begin));
            bends.push((begin, end));
            here = end;
        }
        bends.push((here, (here.0, to.y)));
        routes.push(Route { bends, kind: link.kind });
    }
    routes
}

/// Where each link leaves, or arrives at, its box: side by side, sorted by where they come from.
fn ports(block: &Block, grid: &Grid, centres: &[Vec<f32>], boxes: &[Rect], leaving: bool) -> Vec<f32> {
    let mut ports = vec![0.0; block.links.len()];
    for (item, rect) in boxes.iter().enumerate() {
        let mut here: Vec<(f32, usize)> = Vec::new();
        for (index, way) in grid.ways.iter().enumerate() {
            let end = if leaving { block.links[index].from } else { block.links[index].to };
            if end == item && way.len() > 1 {
                let next = if leaving { way[1] } else { way[way.len() - 2] };
                here.push((centres[next.0][next.1], index));
            }
        }
        here.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let step = (rect.width * 0.6 / count(here.len()).max(1.0)).min(16.0);
        let middle = (count(here.len()) - 1.0) / 2.0;
        for (place, (_, index)) in here.iter().enumerate() {
            ports[*index] = rect.x + rect.width / 2.0 + (count(place) - middle) * step;
        }
    }
    ports
}
