//! Notes: written by whoever has read them, one after the other.

use super::Held;
use super::jobs::{
    Stand, WRITTEN, begin, has_records, is_there, judged, letter, moment, more, new, next_term, note, notes,
    read, same, settle,
};
use crate::store::{Store, Term, Verdict};

/// What is said about a topic: name, text, version.
fn said(store: &impl Store, topic: &str) -> Result<Vec<(String, String, u64)>, String> {
    let said = |note: crate::store::Note| (note.name.to_string(), note.text.to_string(), note.version);
    Ok(notes(store, topic)?.into_iter().map(said).collect())
}

fn says(store: &impl Store, when: &str, expected: &[(&str, &str, u64)]) -> Held {
    let owned =
        |(name, text, version): &(&str, &str, u64)| ((*name).to_owned(), (*text).to_owned(), *version);
    same(&format!("the notes {when}"), &said(store, "topic")?, &expected.iter().map(owned).collect())
}

pub(super) fn notes_are_compared<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let write = |text, was| note("topic", "note", Some(text), was, term);
    says(&store, "about a topic that is none", &[])?;
    let never = [write("?", Some(1)), write("a", Some(0)), write("b", Some(0))];
    let verdicts = [Verdict::Differs(0), Verdict::Noted(1), Verdict::Differs(1)];
    judged(&store, "the verdicts on a note that was never there", &never, &verdicts)?;
    says(&store, "that were made", &[("note", "a", 1)])?;
    let then = [write("c", Some(1)), write("?", Some(1)), write("?", Some(0)), write("?", Some(99))];
    let differs = Verdict::Differs(2);
    judged(&store, "the verdicts on a change", &then, &[Verdict::Noted(2), differs, differs, differs])?;
    says(&store, "that were changed", &[("note", "c", 2)])?;
    judged(&store, "the verdict on who does not care", &[write("d", None)], &[Verdict::Noted(3)])?;
    judged(&store, "the verdict on the same text", &[write("d", Some(3))], &[Verdict::Noted(4)])?;
    let store = stand.reopen(store);
    says(&store, "after a restart", &[("note", "d", 4)])?;
    let late = [write("?", Some(3)), write("e", Some(4))];
    judged(&store, "the verdicts after a restart", &late, &[Verdict::Differs(4), Verdict::Noted(5)])?;
    says(&store, "at the end", &[("note", "e", 5)])
}

pub(super) fn versions_go_on<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let write = |text, was| note("topic", "note", text, was, term);
    judged(&store, "the verdict on making it", &[write(Some("a"), Some(0))], &[Verdict::Noted(1)])?;
    let away = [write(None, Some(7)), write(None, Some(1))];
    judged(&store, "the verdicts on taking it away", &away, &[Verdict::Differs(1), Verdict::Noted(2)])?;
    says(&store, "when it is taken away", &[])?;
    let store = stand.reopen(store);
    says(&store, "when it is taken away, after a restart", &[])?;
    // It was there: who believes that it never was is wrong.
    let anew = [write(Some("b"), Some(0)), write(Some("b"), Some(1)), write(Some("b"), Some(2))];
    let verdicts = [Verdict::Differs(2), Verdict::Differs(2), Verdict::Noted(3)];
    judged(&store, "the verdicts on making it again", &anew, &verdicts)?;
    says(&store, "that were made again", &[("note", "b", 3)])?;
    let twice = [write(None, None), write(None, Some(4)), write(Some(""), None)];
    let verdicts = [Verdict::Noted(4), Verdict::Noted(5), Verdict::Noted(6)];
    judged(&store, "the verdicts on taking it away twice", &twice, &verdicts)?;
    says(&store, "that say nothing, and are there", &[("note", "", 6)])
}

pub(super) fn topics_are_apart<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let long = "long ".repeat(50_000);
    // In the order of their bytes.
    let names = ["", "%", "'", "A/b", "B", "a", "a b", "b", "Ü", "漢字", "🦀"];
    let topics = ["", "topic", "topi_", "Topic", "topic/a", "%"];
    for (number, topic) in topics.iter().enumerate() {
        for name in names.iter().rev() {
            let text = format!("{topic} {name} \"\\\n{number}");
            let entry = note(topic, name, Some(&text), Some(0), term);
            judged(&store, &format!("the verdict on {topic:?}/{name:?}"), &[entry], &[Verdict::Noted(1)])?;
        }
    }
    let changes = [
        note("topic", "a", Some(&long), Some(1), term),
        note("Topic", "a", None, Some(1), term),
        note("topic", "b", Some("3"), None, term),
        note("topic", "b", Some("4"), None, term),
    ];
    let verdicts = [Verdict::Noted(2), Verdict::Noted(2), Verdict::Noted(2), Verdict::Noted(3)];
    judged(&store, "the verdicts on changes", &changes, &verdicts)?;
    let store = stand.reopen(store);
    for (number, topic) in topics.iter().enumerate() {
        let plain = |name: &&str| ((*name).to_owned(), format!("{topic} {name} \"\\\n{number}"), 1);
        let mut expected: Vec<(String, String, u64)> = names.iter().map(plain).collect();
        match *topic {
            "topic" => {
                expected[5] = ("a".to_owned(), long.clone(), 2);
                expected[7] = ("b".to_owned(), "4".to_owned(), 3);
            }
            "Topic" => drop(expected.remove(5)),
            _ => {}
        }
        let found = said(&store, topic)?;
        let names = |notes: &[(String, String, u64)]| -> Vec<String> {
            notes.iter().map(|(name, ..)| name.clone()).collect()
        };
        same(&format!("the names about {topic:?}"), &names(&found), &names(&expected))?;
        if found != expected {
            return Err(format!("what is said about {topic:?} is not read as it was written"));
        }
    }
    same("what is said about nothing", &said(&store, "nothing")?, &Vec::new())
}

pub(super) fn notes_need_a_term<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, before) = stand.begun()?;
    let write = |text, was, term| note("topic", "note", text, was, term);
    judged(&store, "the verdict", &[write(Some("a"), Some(0), before)], &[Verdict::Noted(1)])?;
    let term = next_term(&store, "node")?;
    let never = Term(term.0 + 1000);
    let late = [
        write(Some("?"), Some(1), before),
        write(Some("?"), Some(0), before),
        write(None, None, before),
        write(Some("?"), None, never),
        note("topic", "another", Some("?"), None, before),
    ];
    judged(&store, "the verdicts on who is no term", &late, &[Verdict::Stale; 5])?;
    says(&store, "after what was refused", &[("note", "a", 1)])?;
    let store = stand.reopen(store);
    judged(&store, "the verdicts after a restart", &late, &[Verdict::Stale; 5])?;
    // Notes are nobody's: any living term may, and from the version before on.
    let other = next_term(&store, "other")?;
    let good = [write(Some("b"), Some(1), other), write(Some("c"), Some(2), term)];
    judged(&store, "the verdicts on living terms", &good, &[Verdict::Noted(2), Verdict::Noted(3)])
}

pub(super) fn batches_are_of_all_kinds<S: Store>(stand: &Stand<'_, S>) -> Held {
    let (store, term) = stand.begun()?;
    let (held, dead_one, next) = (stand.head(), stand.head(), stand.head());
    let epoch = begin(&store, &held, term, 1)?;
    letter(&store, &dead_one, term, moment(1))?;
    let none = stand.head();
    let entries = [
        note("topic", "note", Some("a"), Some(0), term),
        more(held.id, epoch, 1, 1),
        note("topic", "note", Some("?"), Some(0), term),
        new(&next, term, 1),
        settle(held.id, term),
        settle(dead_one.id, term),
        more(held.id, epoch, 9, 1),
        note("topic", "note", Some("b"), Some(1), term),
        new(&none, Term(term.0 + 1000), 1),
        more(held.id, epoch, 2, 1),
    ];
    let verdicts = [
        Verdict::Noted(1),
        WRITTEN,
        Verdict::Differs(1),
        WRITTEN,
        Verdict::Settled,
        WRITTEN,
        Verdict::Not { count: 2 },
        Verdict::Noted(2),
        Verdict::Stale,
        WRITTEN,
    ];
    judged(&store, "the verdicts", &entries, &verdicts)?;
    let store = stand.reopen(store);
    says(&store, "of that batch", &[("note", "b", 2)])?;
    has_records(&read(&store, held.id)?, 3)?;
    has_records(&read(&store, next.id)?, 1)?;
    same("whether the letter is settled", &read(&store, dead_one.id)?.head.settled, &true)?;
    same("whether what was refused is there", &is_there(&store, none.id)?, &false)
}
