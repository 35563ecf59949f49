//! Texts, as many at a time as are asked together.

use std::ops::Range;

/// Ranges of texts, each of so many texts and bytes at most; a text that is longer is alone.
pub(super) fn batches(texts: &[String], most: usize, bytes: usize) -> Vec<Range<usize>> {
    let (mut batches, mut start, mut length) = (Vec::new(), 0, 0);
    for (place, text) in texts.iter().enumerate() {
        let is_full = place - start == most || length + text.len() > bytes;
        if is_full && place > start {
            batches.push(start..place);
            (start, length) = (place, 0);
        }
        length += text.len();
    }
    if start < texts.len() {
        batches.push(start..texts.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(lengths: &[usize], most: usize, bytes: usize) -> Vec<Range<usize>> {
        let texts: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
        batches(&texts, most, bytes)
    }

    #[test]
    fn a_batch_is_full_by_texts_or_by_bytes() {
        assert!(lengths(&[], 2, 10).is_empty());
        assert_eq!(lengths(&[1, 1, 1, 1, 1], 2, 10), [0..2, 2..4, 4..5]);
        assert_eq!(lengths(&[4, 6, 1, 9, 2], 9, 10), [0..2, 2..4, 4..5]);
        assert_eq!(lengths(&[99, 1, 99, 99], 9, 10), [0..1, 1..2, 2..3, 3..4]);
        assert_eq!(lengths(&[0, 0, 0], 1, 0), [0..1, 1..2, 2..3]);
    }
}
