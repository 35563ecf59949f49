//! In what order the items of a row stand, so that few links cross.

use super::measure::count;
use crate::picture::Block;

/// What takes a place in a row: an item, or a link that passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// An item.
    Item(usize),
    /// A link on its way, by its place in the block.
    Pass(usize),
}

/// The rows with everything that takes a place in them, and each link's way through them.
pub(super) struct Grid {
    pub(super) rows: Vec<Vec<Cell>>,
    /// For each link the places it comes by, as row and place in the row; empty for a link that is not drawn.
    pub(super) ways: Vec<Vec<(usize, usize)>>,
}

const SWEEPS: usize = 6;

/// Puts passing links into the rows, then sorts each row by the middle of its neighbours, down and up.
pub(super) fn order(block: &Block, rows: &[Vec<usize>]) -> Grid {
    let mut row_of = vec![None; block.items.len()];
    for (row, items) in rows.iter().enumerate() {
        items.iter().for_each(|item| row_of[*item] = Some(row));
    }
    let row_of = |item: usize| row_of.get(item).copied().flatten();
    let mut cells: Vec<Vec<Cell>> =
        rows.iter().map(|items| items.iter().copied().map(Cell::Item).collect()).collect();
    let mut chains: Vec<Vec<(usize, Cell)>> = Vec::new();
    for (index, link) in block.links.iter().enumerate() {
        let chain = match (row_of(link.from), row_of(link.to)) {
            (Some(from), Some(to)) if from < to => {
                let passes = (from + 1..to).map(|row| (row, Cell::Pass(index)));
                passes.clone().for_each(|(row, pass)| cells[row].push(pass));
                let start = std::iter::once((from, Cell::Item(link.from)));
                start.chain(passes).chain([(to, Cell::Item(link.to))]).collect()
            }
            _ => Vec::new(),
        };
        chains.push(chain);
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let last = cells.len();
        for step in 0..last {
            let row = if down { step } else { last - 1 - step };
            sort(&mut cells, &chains, row, down);
        }
    }
    let ways = chains
        .iter()
        .map(|chain| chain.iter().map(|(row, cell)| (*row, place(&cells[*row], *cell))).collect());
    Grid { ways: ways.collect(), rows: cells }
}

fn place(row: &[Cell], cell: Cell) -> usize {
    row.iter().position(|other| *other == cell).unwrap_or(0)
}

/// Sorts a row by the mean place of what its cells are linked to in the row above, or below.
fn sort(cells: &mut [Vec<Cell>], chains: &[Vec<(usize, Cell)>], row: usize, down: bool) {
    let size = |row: usize| count(cells[row].len()).max(1.0);
    let mut sums = vec![(0.0_f32, 0.0_f32); cells[row].len()];
    for chain in chains {
        for pair in chain.windows(2) {
            let (near, far) = if down { (pair[1], pair[0]) } else { (pair[0], pair[1]) };
            if near.0 == row {
                let sum = &mut sums[place(&cells[row], near.1)];
                sum.0 += (count(place(&cells[far.0], far.1)) + 0.5) / size(far.0);
                sum.1 += 1.0;
            }
        }
    }
    let own = size(row);
    let mut keyed: Vec<(f32, usize, Cell)> = Vec::with_capacity(cells[row].len());
    for (index, cell) in cells[row].iter().enumerate() {
        let (sum, number) = sums[index];
        // What is linked to nothing there stays where it is.
        let key = if number > 0.0 { sum / number } else { (count(index) + 0.5) / own };
        keyed.push((key, index, *cell));
    }
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    cells[row] = keyed.into_iter().map(|(_, _, cell)| cell).collect();
}
