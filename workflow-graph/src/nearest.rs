//! The name that was meant.

/// The nearest of some names, if one is near enough: about a third of the letters may be wrong.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let allowed = (wanted.len() / 3).max(1);
    let near = names.into_iter().filter(|known| *known != name).map(|known| {
        let letters: Vec<char> = known.to_lowercase().chars().collect();
        (distance(&wanted, &letters), known)
    });
    near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, known)| known)
}

/// How many letters to insert, remove, replace, or swap with their neighbour (Damerau-Levenshtein, restricted).
fn distance(one: &[char], other: &[char]) -> usize {
    let width = other.len() + 1;
    let mut before_last = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1; width];
        for (column, against) in other.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != against);
            let mut least = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *against {
                least = least.min(before_last[column - 1] + 1);
            }
            current[column + 1] = least;
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_meant_is_found() {
        let names = ["question", "model", "facts"];
        assert_eq!(nearest("modle", names), Some("model"));
        assert_eq!(nearest("Question", names), Some("question"));
        assert_eq!(nearest("fact", names), Some("facts"));
        assert_eq!(nearest("receipt", names), None);
        assert_eq!(nearest("timeuot", ["timeout", "retry"]), Some("timeout"));
    }

    #[test]
    fn short_names_may_be_one_letter_off() {
        assert_eq!(nearest("ab", ["ac", "xyz"]), Some("ac"));
        assert_eq!(nearest("", ["abc"]), None);
    }
}
