//! What the command line asks for.

use crate::benches::BENCHES;
use crate::steps::Step;

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
The project's chores: cargo xtask <COMMAND>

  test [--keep-going]  The whole test run: doctor, format, clippy, bare, http alone, cli alone, mcp alone,
                       agents bare, docs, tests.
                       Stops at the first step that fails, unless told to keep going.
  bench [NAME…]        The bench programs, all of them or those named.
  simulate             The long simulation: random workflows until there were a million jobs.
  kill [--rounds N] [--seed S]
                       The long killing: a process with jobs in a file, killed 2,000 times or N times, at moments that
                       the seed decides, while its history is judged from outside.
  cut [--seed S] [--rounds N]
                       Every power cut: at each operation that a workload of every feature does on its disk, for one
                       seed or N of them.
  fleet [--rounds N] [--seed S]
                       The long voyage: processes on one PostgreSQL, to which 1,000 things happen, or N: they are killed,
                       stopped, sent home, the database is restarted, and the network of one is cut, slow or gone, while
                       their history is judged from outside.
  doctor               Checks for what the other commands need, and obtains what it can.
  help                 This text.";

const COMMANDS: &[&str] = &["test", "bench", "simulate", "kill", "cut", "fleet", "doctor", "help"];
const ROUNDS: &str = "--rounds";
const SEED: &str = "--seed";
const KEEP_GOING: &str = "--keep-going";

/// A command line, understood.
pub(crate) enum Command {
    Test { keep_going: bool },
    Bench { benches: Vec<&'static Step> },
    Simulate,
    Kill { rounds: u64, seed: u64 },
    Cut { seed: u64, rounds: u64 },
    Fleet { rounds: u64, seed: u64 },
    Doctor,
    Help,
}

/// Understands a command line, or says what is wrong with it.
pub(crate) fn parse(words: &[String]) -> Result<Command, String> {
    let Some((command, rest)) = words.split_first() else {
        return Err(format!("no command was given\n\n{HELP}"));
    };
    match command.as_str() {
        "test" => test(rest),
        "bench" => bench(rest),
        "simulate" => nothing_more(rest, Command::Simulate),
        "kill" => numbers("kill", rest, 2000, 1).map(|(rounds, seed)| Command::Kill { rounds, seed }),
        "cut" => numbers("cut", rest, 1, 0).map(|(rounds, seed)| Command::Cut { seed, rounds }),
        "fleet" => numbers("fleet", rest, 1000, 1).map(|(rounds, seed)| Command::Fleet { rounds, seed }),
        "doctor" => nothing_more(rest, Command::Doctor),
        "help" | "--help" | "-h" => nothing_more(rest, Command::Help),
        unknown => Err(unknown_word("command", unknown, COMMANDS)),
    }
}

fn test(options: &[String]) -> Result<Command, String> {
    match options.iter().find(|option| *option != KEEP_GOING) {
        Some(unknown) => Err(unknown_word("option of `test`", unknown, &[KEEP_GOING])),
        None => Ok(Command::Test { keep_going: !options.is_empty() }),
    }
}

fn bench(names: &[String]) -> Result<Command, String> {
    if names.is_empty() {
        return Ok(Command::Bench { benches: BENCHES.iter().collect() });
    }
    let find = |name: &String| {
        BENCHES.iter().find(|bench| bench.name == name).ok_or_else(|| {
            let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
            unknown_word("bench", name, &known)
        })
    };
    let benches = names.iter().map(find).collect::<Result<_, _>>()?;
    Ok(Command::Bench { benches })
}

/// How many rounds, and which seed; what is not said is as usual.
fn numbers(command: &str, options: &[String], mut rounds: u64, mut seed: u64) -> Result<(u64, u64), String> {
    for pair in options.chunks(2) {
        let number = match &pair[0][..] {
            ROUNDS => &mut rounds,
            SEED => &mut seed,
            unknown => {
                return Err(unknown_word(&format!("option of `{command}`"), unknown, &[ROUNDS, SEED]));
            }
        };
        let said = pair.get(1).map(|text| text.parse().map_err(|_| format!("`{text}` is no number")));
        *number = said.unwrap_or_else(|| Err(format!("`{}` needs a number", pair[0])))?;
    }
    Ok((rounds, seed))
}

fn nothing_more(rest: &[String], command: Command) -> Result<Command, String> {
    match rest.first() {
        Some(word) => Err(format!("nothing is expected here: `{word}`")),
        None => Ok(command),
    }
}

fn unknown_word(kind: &str, word: &str, known: &[&str]) -> String {
    let nearest = workflow_graph::nearest(word, known.iter().copied());
    let nearest = nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    format!("there is no {kind} `{word}`{nearest} (see `cargo xtask help`)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn understands_every_command() {
        assert!(matches!(parsed("test"), Ok(Command::Test { keep_going: false })));
        assert!(matches!(parsed("test --keep-going"), Ok(Command::Test { keep_going: true })));
        assert!(matches!(parsed("doctor"), Ok(Command::Doctor)));
        assert!(matches!(parsed("simulate"), Ok(Command::Simulate)));
        for line in ["help", "--help", "-h"] {
            assert!(matches!(parsed(line), Ok(Command::Help)), "{line}");
        }
    }

    #[test]
    fn benches_are_all_or_those_named() {
        let names = |line: &str| match parsed(line) {
            Ok(Command::Bench { benches }) => benches.iter().map(|bench| bench.name).collect::<Vec<_>>(),
            _ => panic!("`{line}` is not understood"),
        };
        assert_eq!(names("bench").len(), BENCHES.len());
        assert_eq!(names("bench registry levels"), ["registry", "levels"]);
    }

    #[test]
    fn rounds_and_seeds_are_as_usual_unless_they_are_said() {
        assert!(matches!(parsed("kill"), Ok(Command::Kill { rounds: 2000, seed: 1 })));
        assert!(matches!(parsed("kill --rounds 5 --seed 7"), Ok(Command::Kill { rounds: 5, seed: 7 })));
        assert!(matches!(parsed("cut --seed 7"), Ok(Command::Cut { seed: 7, rounds: 1 })));
        assert!(matches!(parsed("fleet --rounds 5"), Ok(Command::Fleet { rounds: 5, seed: 1 })));
        assert_eq!(parsed("kill --rounds many").err().as_deref(), Some("`many` is no number"));
        assert_eq!(parsed("kill --seed").err().as_deref(), Some("`--seed` needs a number"));
    }

    #[test]
    fn names_the_nearest() {
        for (line, expected) in [
            ("tset", "there is no command `tset`; did you mean `test`? (see `cargo xtask help`)"),
            ("docter", "there is no command `docter`; did you mean `doctor`? (see `cargo xtask help`)"),
            (
                "test --keepgoing",
                "there is no option of `test` `--keepgoing`; did you mean `--keep-going`? (see `cargo xtask help`)",
            ),
            (
                "kill --sed 1",
                "there is no option of `kill` `--sed`; did you mean `--seed`? (see `cargo xtask help`)",
            ),
            ("bench level", "there is no bench `level`; did you mean `levels`? (see `cargo xtask help`)"),
        ] {
            assert_eq!(parsed(line).err().as_deref(), Some(expected));
        }
    }

    #[test]
    fn refuses_what_it_would_ignore() {
        assert_eq!(parsed("doctor now").err().as_deref(), Some("nothing is expected here: `now`"));
        assert!(parsed("").is_err_and(|problem| problem.starts_with("no command was given")));
    }

    #[test]
    fn help_names_every_command_and_step() {
        for command in COMMANDS {
            assert!(HELP.contains(&format!("\n  {command}")), "{command}");
        }
        let names: Vec<&str> = crate::steps::TEST.iter().map(|step| step.name).collect();
        let words = HELP.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&names.join(", ")), "{names:?}");
    }
}
