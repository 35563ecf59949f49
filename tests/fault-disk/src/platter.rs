//! The disk itself: what was written, what was synced, and what was changed between.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::image::Image;
use crate::loss::{Keeper, Loss, Part, SECTOR};

/// A file, whatever it is called.
pub(crate) type FileId = u32;

/// One change of a disk.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A name comes to stand for a new file.
    Create(Arc<str>, FileId),
    /// A name is gone.
    Remove(Arc<str>),
    /// Bytes are written at a place.
    Write(FileId, usize, Arc<[u8]>),
    /// A file is cut, or grows by zeros.
    Resize(FileId, usize),
    /// What was written to a file is safe from now on, and its size.
    Sync(FileId),
    /// What names stand for is safe from now on.
    SyncNames,
}

/// The files and their names, as they are and as they would be after a power cut.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platter {
    files: HashMap<FileId, File>,
    names: Names,
    next: FileId,
}

#[derive(Debug, Clone, Default)]
struct Names {
    now: BTreeMap<Arc<str>, FileId>,
    safe: BTreeMap<Arc<str>, FileId>,
    /// What came after `safe`, with its moment; a name without a file is gone.
    since: Vec<(u64, Arc<str>, Option<FileId>)>,
}

#[derive(Debug, Clone, Default)]
struct File {
    now: Vec<u8>,
    safe: Vec<u8>,
    /// What came after `safe`, with its moment.
    since: Vec<(u64, Edit)>,
}

#[derive(Debug, Clone)]
enum Edit {
    Write(usize, Arc<[u8]>),
    Resize(usize),
}

impl Platter {
    pub(crate) fn of(image: &Image) -> Self {
        let mut platter = Self::default();
        for (name, content) in image.files() {
            let id = platter.new_id();
            let file = File { now: content.to_vec(), safe: content.to_vec(), since: Vec::new() };
            platter.files.insert(id, file);
            platter.names.now.insert(name.into(), id);
        }
        platter.names.safe = platter.names.now.clone();
        platter
    }

    /// A number for a file that is to be created.
    pub(crate) fn new_id(&mut self) -> FileId {
        self.next += 1;
        self.next
    }

    pub(crate) fn find(&self, name: &str) -> Option<FileId> {
        self.names.now.get(name).copied()
    }

    /// What was written to a file.
    pub(crate) fn content(&self, file: FileId) -> &[u8] {
        self.files.get(&file).map_or(&[], |file| &file.now)
    }

    /// How many bytes all files have together.
    pub(crate) fn size(&self) -> usize {
        self.names.now.values().map(|file| self.content(*file).len()).sum()
    }

    /// Makes a change, at a moment that is later than all before.
    pub(crate) fn apply(&mut self, moment: u64, change: Change) {
        match change {
            Change::Create(name, id) => {
                self.files.insert(id, File::default());
                self.next = self.next.max(id);
                self.names.now.insert(Arc::clone(&name), id);
                self.names.since.push((moment, name, Some(id)));
            }
            Change::Remove(name) => {
                self.names.now.remove(&name);
                self.names.since.push((moment, name, None));
            }
            Change::Write(file, at, bytes) => self.edit(file, moment, Edit::Write(at, bytes)),
            Change::Resize(file, size) => self.edit(file, moment, Edit::Resize(size)),
            Change::Sync(file) => {
                if let Some(file) = self.files.get_mut(&file) {
                    for (_, edit) in file.since.drain(..) {
                        edit.apply(&mut file.safe);
                    }
                }
            }
            Change::SyncNames => {
                self.names.since.clear();
                self.names.safe.clone_from(&self.names.now);
            }
        }
    }

    fn edit(&mut self, file: FileId, moment: u64, edit: Edit) {
        if let Some(file) = self.files.get_mut(&file) {
            edit.apply(&mut file.now);
            file.since.push((moment, edit));
        }
    }

    /// What is left after a power cut.
    pub(crate) fn image(&self, loss: Loss) -> Image {
        let edits = self.files.values().flat_map(|file| file.since.iter().map(|(moment, _)| *moment));
        let moments = edits.chain(self.names.since.iter().map(|(moment, ..)| *moment));
        let range = moments.fold((u64::MAX, 0), |(first, last), at| (first.min(at), last.max(at)));
        let keeper = Keeper::new(loss, range);
        let mut names = self.names.safe.clone();
        for (moment, name, file) in &self.names.since {
            if *moment <= keeper.until(Part::Name(name)) {
                match file {
                    Some(file) => names.insert(Arc::clone(name), *file),
                    None => names.remove(name),
                };
            }
        }
        let mut image = Image::default();
        for (name, id) in names {
            image.put(name, self.files.get(&id).map_or_else(Vec::new, |file| file.left(id, &keeper)));
        }
        image
    }
}

impl File {
    /// A file is cut as a whole or not at all, for its blocks are freed when its size is written down. If that is lost,
    /// so is what was written since to the blocks that would have been new.
    fn left(&self, id: FileId, keeper: &Keeper) -> Vec<u8> {
        let mut left = self.safe.clone();
        let mut size = left.len();
        let mut old_from = usize::MAX;
        let size_until = keeper.until(Part::Size(id));
        for (moment, edit) in &self.since {
            let sized = *moment <= size_until;
            match edit {
                Edit::Resize(to) if sized => {
                    edit.apply(&mut left);
                    size = *to;
                }
                Edit::Resize(to) => old_from = old_from.min(*to),
                Edit::Write(at, bytes) => {
                    let end = at + bytes.len();
                    left.resize(left.len().max(end), 0);
                    let kept = |at: usize| at < old_from && *moment <= keeper.until(Part::Byte(id, at));
                    for (from, to) in sectors(*at, end).filter(|(from, _)| kept(*from)) {
                        left[from..to].copy_from_slice(&bytes[from - at..to - at]);
                    }
                    if sized {
                        size = size.max(end);
                    }
                }
            }
        }
        left.resize(size, 0);
        left
    }
}

impl Edit {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*at..end].copy_from_slice(bytes);
            }
            Self::Resize(size) => content.resize(*size, 0),
        }
    }
}

/// The range, in pieces that do not go beyond a sector.
fn sectors(start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut from = start;
    std::iter::from_fn(move || {
        let to = ((from / SECTOR + 1) * SECTOR).min(end);
        let piece = (from < end).then_some((from, to));
        from = to;
        piece
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(changes: &[(usize, u8, usize)]) -> Platter {
        let mut platter = Platter::default();
        platter.apply(1, Change::Create("a".into(), 1));
        platter.apply(2, Change::SyncNames);
        for (moment, (at, byte, length)) in (3..).zip(changes) {
            platter.apply(moment, Change::Write(1, *at, vec![*byte; *length].into()));
        }
        platter
    }

    #[test]
    fn what_is_synced_stays_and_the_rest_goes_or_stays() {
        let mut platter = written(&[(0, 1, 600)]);
        platter.apply(9, Change::Sync(1));
        platter.apply(10, Change::Write(1, 100, vec![2; 10].into()));
        platter.apply(11, Change::Resize(1, 200));
        assert_eq!(platter.image(Loss::Everything).file("a"), Some(&[1; 600][..]));
        let nothing = platter.image(Loss::Nothing);
        assert_eq!(nothing.file("a"), Some(platter.content(1)));
        assert_eq!(platter.content(1)[95..115], [vec![1; 5], vec![2; 10], vec![1; 5]].concat());
    }

    #[test]
    fn a_write_is_torn_at_the_borders_of_sectors_and_nowhere_else() {
        let platter = written(&[(0, 1, 4 * SECTOR), (0, 2, 4 * SECTOR)]);
        let (mut torn, mut mixed_up) = (0, 0);
        for seed in 0..1000 {
            let image = platter.image(Loss::Seeded(seed));
            let Some(content) = image.file("a") else { panic!("its name was synced") };
            let sectors: Vec<u8> = content.chunks(SECTOR).map(|sector| sector[0]).collect();
            assert!(content.chunks(SECTOR).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
            assert!(sectors.iter().all(|byte| *byte <= 2));
            torn += usize::from(sectors.windows(2).any(|pair| pair[0] != pair[1]));
            mixed_up += usize::from(sectors.windows(2).any(|pair| pair[0] == 1 && pair[1] == 2));
        }
        assert!(torn > 100 && mixed_up > 20, "{torn} {mixed_up}");
    }

    #[test]
    fn a_sector_is_as_it_was_at_one_moment() {
        // The second write to a sector is never there without the first.
        let platter = written(&[(0, 1, 8), (8, 2, 8)]);
        let mut seen = [false; 3];
        for seed in 0..1000 {
            let image = platter.image(Loss::Seeded(seed));
            let content = image.file("a").map_or(&[][..], |content| content);
            let has = |at: usize, byte: u8| content.get(at) == Some(&byte);
            assert!(!has(8, 2) || has(0, 1), "{content:?}");
            seen[usize::from(has(0, 1)) + usize::from(has(8, 2))] = true;
        }
        assert_eq!(seen, [true; 3]);
    }

    #[test]
    fn names_come_and_go_until_they_are_synced() {
        let mut platter = written(&[]);
        platter.apply(10, Change::Create("b".into(), 2));
        platter.apply(11, Change::Remove("a".into()));
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let image = platter.image(Loss::Seeded(seed));
            seen.insert((image.file("a").is_some(), image.file("b").is_some()));
        }
        assert_eq!(seen.len(), 4, "{seen:?}");
        platter.apply(12, Change::SyncNames);
        let image = platter.image(Loss::Everything);
        assert_eq!(image.files().map(|(name, _)| name).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_file_is_cut_as_a_whole_and_zero_where_it_grows_again() {
        let mut platter = written(&[(0, 1, 2 * SECTOR)]);
        platter.apply(9, Change::Sync(1));
        platter.apply(10, Change::Resize(1, 0));
        platter.apply(11, Change::Resize(1, 2 * SECTOR));
        platter.apply(12, Change::Write(1, 0, [2].into()));
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let image = platter.image(Loss::Seeded(seed));
            let content = image.file("a").map_or(&[][..], |content| content);
            assert!(content.iter().skip(1).all(|byte| *byte == content[1]), "{content:?}");
            seen.insert((content.len(), content.first().copied(), content.get(1).copied()));
        }
        let whole = 2 * SECTOR;
        let old = (whole, Some(1), Some(1));
        let new = [(0, None, None), (whole, Some(0), Some(0)), (whole, Some(2), Some(0))];
        assert!(seen.contains(&old) && new.iter().all(|new| seen.contains(new)), "{seen:?}");
        assert!(seen.iter().all(|found| *found == old || new.contains(found)), "{seen:?}");
    }
}
