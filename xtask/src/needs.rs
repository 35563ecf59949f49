//! What a step cannot do without, and how to come by it.

/// Something that must be there, or be running, before a step can do its work.
pub(crate) trait Need {
    fn name(&self) -> &'static str;

    /// What is there, or what is wrong.
    fn check(&self) -> Result<String, String>;

    /// Installs or starts it, saying so first; `Err` says why it could not.
    fn obtain(&self) -> Result<(), String>;

    /// What a person has to do when it could not be obtained.
    fn remedy(&self) -> String;
}

/// Sees that everything is there, obtaining what is not. `Err` has a line for each need that stays unmet.
pub(crate) fn meet(needs: &[&dyn Need]) -> Result<(), String> {
    let unmet: Vec<String> = needs.iter().filter_map(|need| meet_one(*need).err()).collect();
    if unmet.is_empty() { Ok(()) } else { Err(unmet.join("\n")) }
}

fn meet_one(need: &dyn Need) -> Result<(), String> {
    let name = need.name();
    let found = need.check().or_else(|wrong| {
        println!("    {name}: {wrong}");
        need.obtain()
            .and_then(|()| need.check())
            .map_err(|why| format!("{name}: {wrong} ({why}); {}", need.remedy()))
    })?;
    println!("    {name}: {found}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Fake {
        there: Cell<bool>,
        obtainable: bool,
        obtained: Cell<u32>,
    }

    impl Fake {
        fn new(there: bool, obtainable: bool) -> Self {
            Fake { there: Cell::new(there), obtainable, obtained: Cell::new(0) }
        }
    }

    impl Need for Fake {
        fn name(&self) -> &'static str {
            "fake"
        }

        fn check(&self) -> Result<String, String> {
            if self.there.get() { Ok("there".into()) } else { Err("missing".into()) }
        }

        fn obtain(&self) -> Result<(), String> {
            self.obtained.set(self.obtained.get() + 1);
            self.there.set(self.obtainable);
            if self.obtainable { Ok(()) } else { Err("nobody has it".into()) }
        }

        fn remedy(&self) -> String {
            "install it".into()
        }
    }

    #[test]
    fn leaves_alone_what_is_there() {
        let need = Fake::new(true, true);
        assert_eq!(meet(&[&need]), Ok(()));
        assert_eq!(need.obtained.get(), 0);
    }

    #[test]
    fn obtains_what_is_missing() {
        let need = Fake::new(false, true);
        assert_eq!(meet(&[&need]), Ok(()));
        assert_eq!(need.obtained.get(), 1);
    }

    #[test]
    fn says_what_to_do_for_each_that_cannot_be_obtained() {
        let (one, other) = (Fake::new(false, false), Fake::new(false, false));
        let line = "fake: missing (nobody has it); install it";
        assert_eq!(meet(&[&one, &Fake::new(true, true), &other]), Err(format!("{line}\n{line}")));
    }
}
