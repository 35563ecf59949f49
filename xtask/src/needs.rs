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
        obtaining: Result<bool, String>,
        obtained: Cell<u32>,
    }

    impl Fake {
        fn there() -> Self {
            Fake { there: Cell::new(true), obtaining: Ok(true), obtained: Cell::new(0) }
        }

        /// `Ok` when something can be done, and whether it is there then.
        fn missing(obtaining: Result<bool, &str>) -> Self {
            let obtaining = obtaining.map_err(str::to_owned);
            Fake { there: Cell::new(false), obtaining, obtained: Cell::new(0) }
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
            self.obtaining.clone().map(|there| self.there.set(there))
        }

        fn remedy(&self) -> String {
            "install it".into()
        }
    }

    #[test]
    fn leaves_alone_what_is_there() {
        let need = Fake::there();
        assert_eq!(meet(&[&need]), Ok(()));
        assert_eq!(need.obtained.get(), 0);
    }

    #[test]
    fn obtains_what_is_missing() {
        let need = Fake::missing(Ok(true));
        assert_eq!(meet(&[&need]), Ok(()));
        assert_eq!(need.obtained.get(), 1);
    }

    #[test]
    fn says_what_to_do_for_each_that_cannot_be_obtained() {
        let (one, other) = (Fake::missing(Err("nobody has it")), Fake::missing(Ok(false)));
        let lines = "fake: missing (nobody has it); install it\nfake: missing (missing); install it";
        assert_eq!(meet(&[&one, &Fake::there(), &other]), Err(lines.to_owned()));
    }
}
