//! What may import what: modules in layers, crates in one direction, files named after what they hold.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `workflow-runtime`, from the ground up: a module imports from its own layer and those above it
/// in this table, never from those below.
const LAYERS: &[&[&str]] = &[
    &[
        "location",
        "apart",
        "error",
        "timestamp",
        "job_id",
        "small_map",
        "panics",
        "state",
        "callee_kind",
        "fingerprint",
        "spread",
        "metrics",
        "telemetry",
        "deed",
        "marked",
    ],
    &["data", "options", "hook", "pool", "failure", "retention"],
    &["stats", "choice", "adaptive"],
    &["value"],
    &["schedule"],
    &["record"],
    &["store"],
    &["report"],
    &["context", "archive"],
    &["agent", "transaction"],
    &["schema", "fit", "stray"],
    &["definition"],
    &["scope", "wait"],
    &["code"],
    &["wire"],
    &["entry"],
    &["problem"],
    &["check", "meaning"],
    &["plan"],
    &["registered"],
    &["registry"],
    &["sketch", "picture"],
    &["catalogue", "program"],
    &["machine"],
    &["upgrade"],
    &["engine"],
    &["runnable"],
    &["dag"],
    &["subtask"],
    &["choosing"],
    &["view", "secret", "queued"],
    &["listing", "letter", "stream"],
    &["handle"],
    &[
        "act",
        "audit",
        "builder",
        "config",
        "door",
        "submission",
        "keys",
        "queues",
        "runtime",
        "rerun",
        "requeue",
        "dead_letters",
        "schedules",
        "scheduling",
        "transfer",
        "within",
    ],
    &["testing"],
    &["classic"],
    &["http"],
    &["cli"],
];

/// The modules that, like `lib.rs`, show the crate to others: they import everything, and nothing imports them.
const FACADES: &[&str] = &["prelude", "private", "__private"];

/// Names of files that would hold anything.
const SHAPELESS: &[&str] = &["utils", "common", "helpers"];

#[test]
fn modules_import_from_the_layers_before_them() {
    let files = source_files(&root().join("workflow-runtime/src"));
    assert!(files.len() > FACADES.len(), "no modules were found: {files:?}");
    expect_none(&layering_problems(LAYERS, &files));
}

#[test]
fn every_module_has_one_layer() {
    let mut seen = BTreeSet::new();
    for module in LAYERS.iter().copied().flatten() {
        assert!(seen.insert(module), "`{module}` has two layers in tests/tests/layering.rs");
        assert!(!FACADES.contains(module), "`{module}` is a facade and has no layer");
    }
}

#[test]
fn crates_depend_in_one_direction() {
    let manifest = |name: &str| read(&root().join(name).join("Cargo.toml"));
    let no_dev = |dependency: &Dependency| !dependency.dev;
    let graph: Vec<_> = dependencies(&manifest("workflow-graph")).into_iter().filter(no_dev).collect();
    assert!(graph.is_empty(), "workflow-graph is to depend on nothing, but depends on {graph:?}");

    for (depending, never) in [
        ("workflow-macros", &["workflow-runtime"][..]),
        ("workflow-runtime", &["workflow-examples", "workflow-tests", "elsewhere", "xtask"][..]),
    ] {
        let all = dependencies(&manifest(depending));
        assert!(!all.is_empty(), "no dependencies of {depending} were found");
        let wrong: Vec<_> =
            all.iter().filter(|dependency| never.contains(&dependency.package.as_str())).collect();
        assert!(wrong.is_empty(), "{depending} is not to depend on {wrong:?}");
    }
}

#[test]
fn mod_files_hold_only_modules_and_imports() {
    let files = workspace_files();
    let problems: Vec<String> = files
        .iter()
        .filter(|file| file.path.file_name().is_some_and(|name| name == "mod.rs"))
        .filter_map(|file| {
            let line = first_beyond_imports(&tokens(&file.text))?;
            Some(format!(
                "{}:{line}: a mod.rs holds `mod` and `use` only: move this to a file of its own",
                shown(&file.path)
            ))
        })
        .collect();
    expect_none(&problems);
}

#[test]
fn files_are_named_after_what_they_hold() {
    let files = workspace_files();
    assert!(files.iter().any(|file| file.path.ends_with("workflow-runtime/src/lib.rs")), "{files:?}");
    let problems: Vec<String> = files
        .iter()
        .map(|file| shown(&file.path))
        .filter(|path| shapeless(path))
        .map(|path| format!("{path}: name it after what it holds"))
        .collect();
    expect_none(&problems);
}

// ---------------------------------------------------------------------------------------------------------------
// Layers

fn layering_problems(layers: &[&[&str]], files: &[SourceFile]) -> Vec<String> {
    let layer_of = |module: &str| layers.iter().position(|layer| layer.contains(&module));
    let scanned: Vec<(&SourceFile, Found)> =
        files.iter().map(|file| (file, scan(&file.module, &tokens(&file.text)))).collect();
    let tests: Vec<&Vec<String>> = scanned.iter().flat_map(|(_, found)| &found.test_modules).collect();
    let scanned =
        || scanned.iter().filter(|(file, _)| !tests.iter().any(|test| file.module.starts_with(test)));
    let modules: BTreeSet<&str> =
        scanned().filter_map(|(file, _)| file.module.first()).map(String::as_str).collect();

    let mut problems: Vec<String> = modules
        .iter()
        .filter(|module| !FACADES.contains(*module) && layer_of(module).is_none())
        .map(|module| format!("give `{module}` a layer in tests/tests/layering.rs"))
        .collect();
    for (file, found) in scanned() {
        let Some(from) = file.module.first().filter(|module| !FACADES.contains(&module.as_str())) else {
            continue;
        };
        for import in &found.imports {
            let to = import.path.first().map_or("", String::as_str);
            let why = if FACADES.contains(&to) {
                format!("`{to}` shows the crate to others and is not imported within it")
            } else if !modules.contains(to) {
                "this goes through lib.rs, which shows the crate to others: name the module it is in"
                    .to_owned()
            } else {
                match (layer_of(from), layer_of(to)) {
                    (Some(own), Some(other)) if other > own => {
                        format!("`{from}` is in layer {own} and may not import from `{to}` in layer {other}")
                    }
                    _ => continue,
                }
            };
            problems.push(format!("{}:{}: `{import}`: {why}", shown(&file.path), import.line));
        }
    }
    problems
}

/// A path into the crate, from its root.
#[derive(Debug, PartialEq)]
struct Import {
    path: Vec<String>,
    line: usize,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("crate")?;
        self.path.iter().try_for_each(|segment| write!(f, "::{segment}"))
    }
}

/// What the code of one file names, but for tests.
#[derive(Default)]
struct Found {
    imports: Vec<Import>,
    /// The modules in files of their own that are only there for tests.
    test_modules: Vec<Vec<String>>,
}

fn scan(module: &[String], tokens: &[Token]) -> Found {
    let mut scan =
        Scan { tokens, at: 0, module: module.to_vec(), inline: Vec::new(), found: Found::default() };
    if tokens.windows(7).any(|attribute| spells(attribute, &["#", "!", "[", "cfg", "(", "test", ")"])) {
        scan.found.test_modules.push(module.to_vec());
    } else {
        scan.run();
    }
    scan.found
}

struct Scan<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Where the scan is: the module of the file and the inline modules around.
    module: Vec<String>,
    /// For each brace that is open: whether an inline module ends with it.
    inline: Vec<bool>,
    found: Found,
}

impl Scan<'_> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.get(self.at) {
            match token.text.as_str() {
                "#" if self.next_are(&["#", "[", "cfg", "(", "test", ")", "]"]) => self.skip_test(),
                "pub" if self.next_are(&["pub", "(", "in"]) => self.skip_past(")"),
                "mod" if self.text(2) == "{" => {
                    self.module.push(self.text(1).to_owned());
                    self.inline.push(true);
                    self.at += 3;
                }
                "{" => {
                    self.inline.push(false);
                    self.at += 1;
                }
                "}" => {
                    if self.inline.pop() == Some(true) {
                        self.module.pop();
                    }
                    self.at += 1;
                }
                // `use<'a, T>` says what a type captures.
                "use" if self.text(1) != "<" => {
                    self.at += 1;
                    self.tree(None, false);
                }
                _ if self.starts_path() => self.path(),
                _ => self.at += 1,
            }
        }
    }

    fn text(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| &token.text)
    }

    fn next_are(&self, texts: &[&str]) -> bool {
        spells(&self.tokens[self.at..], texts)
    }

    fn skip_past(&mut self, text: &str) {
        while !["", text].contains(&self.text(0)) {
            self.at += 1;
        }
        self.at += 1;
    }

    fn skip_test(&mut self) {
        let start = self.at;
        self.skip_item();
        if let [.., keyword, name, end] = &self.tokens[start..self.at]
            && (keyword.text.as_str(), end.text.as_str()) == ("mod", ";")
        {
            self.found.test_modules.push([&self.module[..], std::slice::from_ref(&name.text)].concat());
        }
    }

    /// Skips an item with its attributes: to its `;`, or to the end of its braces.
    fn skip_item(&mut self) {
        let (mut depth, mut ends_with_semicolon) = (0usize, false);
        while self.at < self.tokens.len() {
            let text = self.text(0);
            ends_with_semicolon |=
                depth == 0 && ["use", "const", "static"].contains(&text) && self.text(1) != "fn";
            match text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth == 0 => return,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            let ended = depth == 0 && (text == ";" || text == "}" && !ends_with_semicolon);
            self.at += 1;
            if ended {
                return;
            }
        }
    }

    /// Whether a path that begins in the crate starts here, outside `use`.
    fn starts_path(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.tokens.get(at));
        let continues = before(1).is_some_and(|token| token.text == "::")
            && before(2).is_some_and(|token| token.is_word() || token.text == ">");
        !continues && is_head(self.text(0)) && self.text(1) == "::"
    }

    fn path(&mut self) {
        let line = self.tokens[self.at].line;
        let mut path = self.enter(None, self.text(0));
        while self.text(1) == "::" && self.tokens.get(self.at + 2).is_some_and(Token::is_word) {
            self.at += 2;
            path = self.enter(path, self.text(0));
        }
        self.at += 1;
        self.find(path, line);
    }

    /// One tree of a `use`, up to, not including, its `,`, `}` or `;`. When it has `begun`, `path` is what is before
    /// it, and `None` is outside the crate.
    fn tree(&mut self, mut path: Option<Vec<String>>, mut begun: bool) {
        let mut line = None;
        loop {
            match self.text(0) {
                "{" => {
                    self.at += 1;
                    loop {
                        self.tree(path.clone(), begun);
                        let ended = self.text(0) != ",";
                        self.at += 1;
                        if ended {
                            return;
                        }
                    }
                }
                "" | "," | "}" | ";" => break,
                "::" => {}
                "as" => self.at += 1,
                segment => {
                    path = if begun && path.is_none() { None } else { self.enter(path, segment) };
                    line = Some(self.tokens[self.at].line);
                    begun = true;
                }
            }
            self.at += 1;
        }
        if let Some(line) = line {
            self.find(path, line);
        }
    }

    /// One segment further; `None` is outside the crate, or before the first segment.
    fn enter(&self, path: Option<Vec<String>>, segment: &str) -> Option<Vec<String>> {
        match (path, segment) {
            (None, "crate" | "workflow_runtime") => Some(Vec::new()),
            (None, "self") => Some(self.module.clone()),
            (None, "super") => self.enter(Some(self.module.clone()), "super"),
            (None, _) => None,
            (Some(path), "self") => Some(path),
            (Some(mut path), "super") => {
                path.pop();
                Some(path)
            }
            (Some(mut path), name) => {
                path.push(name.to_owned());
                Some(path)
            }
        }
    }

    fn find(&mut self, path: Option<Vec<String>>, line: usize) {
        self.found.imports.extend(path.map(|path| Import { path, line }));
    }
}

/// What begins a path into the crate; the crate also knows itself by its name.
fn is_head(word: &str) -> bool {
    ["crate", "super", "self", "workflow_runtime"].contains(&word)
}

// ---------------------------------------------------------------------------------------------------------------
// Rust, as far as imports go

/// A word, `::`, or one sign. Comments and literals are none.
#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
    }
}

fn spells(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { letters: source.chars().collect(), at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(letter) = lexer.peek(0) {
        let line = lexer.line;
        let mut push = |text: String| tokens.push(Token { text, line });
        match (letter, lexer.peek(1)) {
            ('/', Some('/')) => lexer.skip_while(|letter| letter != '\n'),
            ('/', Some('*')) => lexer.block_comment(),
            ('"', _) => lexer.quoted('"'),
            ('\'', Some(next)) if next == '\\' || lexer.peek(2) == Some('\'') => lexer.quoted('\''),
            ('\'', _) => {
                lexer.bump();
                lexer.word();
            }
            (':', Some(':')) => {
                lexer.bump();
                lexer.bump();
                push("::".to_owned());
            }
            _ if letter.is_alphanumeric() || letter == '_' => {
                let word = lexer.word();
                match (word.as_str(), lexer.peek(0)) {
                    ("r" | "br" | "cr", Some('"' | '#')) => {
                        if !lexer.raw_string() {
                            // A raw word: `r#type`.
                            lexer.bump();
                            push(lexer.word());
                        }
                    }
                    _ => push(word),
                }
            }
            _ if letter.is_whitespace() => lexer.bump(),
            _ => {
                lexer.bump();
                push(letter.to_string());
            }
        }
    }
    tokens
}

struct Lexer {
    letters: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn bump(&mut self) {
        self.line += usize::from(self.peek(0) == Some('\n'));
        self.at += 1;
    }

    fn skip_while(&mut self, more: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&more) {
            self.bump();
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        self.skip_while(|letter| letter.is_alphanumeric() || letter == '_');
        self.letters[start..self.at].iter().collect()
    }

    /// Block comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0;
        while let Some(letter) = self.peek(0) {
            let pair = (letter, self.peek(1));
            self.bump();
            match pair {
                ('/', Some('*')) => {
                    self.bump();
                    depth += 1;
                }
                ('*', Some('/')) => {
                    self.bump();
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    fn quoted(&mut self, quote: char) {
        self.bump();
        while let Some(letter) = self.peek(0) {
            self.bump();
            match letter {
                '\\' => self.bump(),
                _ if letter == quote => return,
                _ => {}
            }
        }
    }

    /// From the `#`s or the `"` of a raw string to its end; false, and nothing skipped, when it is none.
    fn raw_string(&mut self) -> bool {
        let hashes = self.letters[self.at..].iter().take_while(|letter| **letter == '#').count();
        if self.peek(hashes) != Some('"') {
            return false;
        }
        (0..=hashes).for_each(|_| self.bump());
        while let Some(letter) = self.peek(0) {
            self.bump();
            if letter == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                (0..hashes).for_each(|_| self.bump());
                break;
            }
        }
        true
    }
}

/// The line of the first thing that is neither `mod name;` nor a `use`.
fn first_beyond_imports(tokens: &[Token]) -> Option<usize> {
    let mut rest = tokens;
    while let Some(first) = rest.first() {
        let text = |at: usize| rest.get(at).map_or("", |token| token.text.as_str());
        let end = match text(0) {
            "#" => closing(rest, "[", "]"),
            "pub" if text(1) == "(" => closing(rest, "(", ")"),
            "pub" => Some(0),
            "mod" if text(2) == ";" => Some(2),
            "use" => rest.iter().position(|token| token.text == ";"),
            _ => None,
        };
        let Some(end) = end else { return Some(first.line) };
        rest = &rest[end + 1..];
    }
    None
}

/// Where the first bracket that opens is closed again.
fn closing(tokens: &[Token], opens: &str, closes: &str) -> Option<usize> {
    let mut depth = 0usize;
    tokens.iter().position(|token| {
        depth += usize::from(token.text == opens);
        let closed = token.text == closes && depth == 1;
        depth -= usize::from(token.text == closes && depth > 0);
        closed
    })
}

// ---------------------------------------------------------------------------------------------------------------
// Cargo.toml, as far as dependencies go

#[derive(Debug, PartialEq)]
struct Dependency {
    package: String,
    dev: bool,
}

fn dependencies(manifest: &str) -> Vec<Dependency> {
    let (mut found, mut dev, mut within) = (Vec::new(), false, false);
    for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            // `[dependencies]`, `[target.'…'.dev-dependencies]`, `[dependencies.name]`
            let header = header.split(']').next().unwrap_or_default();
            let (table, name) = match header.rsplit_once('.') {
                Some((before, name)) if before.ends_with("dependencies") => (before, Some(name)),
                _ => (header, None),
            };
            within = table.ends_with("dependencies") && name.is_none();
            dev = table.ends_with("dev-dependencies");
            found.extend(name.map(|name| Dependency { package: unquoted(name), dev }));
        } else if let Some((key, value)) = line.split_once('=').filter(|_| within) {
            let renamed = value.split_once("package").and_then(|(_, after)| after.split('"').nth(1));
            let package = renamed.or(key.split('.').next()).map(unquoted).unwrap_or_default();
            found.push(Dependency { package, dev });
        } else if let Some((_, name)) = line.split_once('=').filter(|(key, _)| key.trim() == "package")
            && let Some(last) = found.last_mut()
        {
            // Within `[dependencies.name]`.
            last.package = unquoted(name);
        }
    }
    found
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches('"').to_owned()
}

// ---------------------------------------------------------------------------------------------------------------
// Files

#[derive(Debug)]
struct SourceFile {
    path: PathBuf,
    /// From the root of the crate, when the file is under `src`.
    module: Vec<String>,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in the workspace").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string().replace('\\', "/")
}

/// Every `.rs` file under `directory`, in order.
fn source_files(directory: &Path) -> Vec<SourceFile> {
    let (mut paths, mut directories) = (BTreeSet::new(), vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        let entries = fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display()));
        for path in entries.map(|entry| entry.expect("a directory that can be listed").path()) {
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                paths.insert(path);
            }
        }
    }
    paths
        .into_iter()
        .map(|path| SourceFile { module: module_of(directory, &path), text: read(&path), path })
        .collect()
}

fn module_of(directory: &Path, path: &Path) -> Vec<String> {
    let within = path.strip_prefix(directory).unwrap_or(path).with_extension("");
    let mut module: Vec<String> = within.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    module.pop_if(|last| last == "mod");
    module.pop_if(|only| only == "lib" && within == Path::new("lib"));
    module
}

/// Every `.rs` file of the crates that the workspace lists.
fn workspace_files() -> Vec<SourceFile> {
    let manifest = read(&root().join("Cargo.toml"));
    let members = manifest.split_once("members").and_then(|(_, rest)| rest.split(['[', ']']).nth(1));
    let members = members.expect("the workspace lists its members").split('"').skip(1).step_by(2);
    members.flat_map(|member| source_files(&root().join(member))).collect()
}

fn shapeless(path: &str) -> bool {
    path.split('/').any(|part| SHAPELESS.contains(&part.trim_end_matches(".rs")))
}

fn expect_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

// ---------------------------------------------------------------------------------------------------------------
// The scanner itself

/// The imports of a small source, in the file of `module`.
fn imported(module: &str, source: &str) -> Vec<String> {
    let module: Vec<String> = module.split("::").map(str::to_owned).collect();
    scan(&module, &tokens(source)).imports.iter().map(Import::to_string).collect()
}

fn files(sources: &[(&str, &str)]) -> Vec<SourceFile> {
    let directory = Path::new("src");
    let file = |(path, text): &(&str, &str)| {
        let path = directory.join(path);
        SourceFile { module: module_of(directory, &path), text: (*text).to_owned(), path }
    };
    sources.iter().map(file).collect()
}

#[test]
fn an_upward_import_is_found() {
    let layers: &[&[&str]] = &[&["low", "beside"], &["high"]];
    let problems = |low: &str, high: &str| {
        layering_problems(layers, &files(&[("low.rs", low), ("beside.rs", ""), ("high/mod.rs", high)]))
    };
    assert_eq!(problems("use crate::beside::A;", "use crate::low::A;\nuse super::low::B;"), [""; 0]);
    let message =
        "src/low.rs:2: `crate::high::A`: `low` is in layer 0 and may not import from `high` in layer 1";
    assert_eq!(problems("\nuse crate::high::A;", ""), [message]);
    assert_eq!(problems("\nfn f() { super::high::A }", ""), [message]);
}

#[test]
fn facades_import_everything_and_nothing_imports_them() {
    let problems = |low: &str| {
        let lib = "mod low; pub use low::A;";
        layering_problems(
            &[&["low"]],
            &files(&[("lib.rs", lib), ("prelude.rs", "pub use crate::{A, low::B};"), ("low.rs", low)]),
        )
    };
    assert_eq!(problems("use self::inner::A;"), [""; 0]);
    for low in [
        "use crate::prelude::A;",
        "use crate::A;",
        "use super::*;",
        "use crate as all;",
        "fn f() { crate::f() }",
    ] {
        assert_eq!(problems(low).len(), 1, "{low}");
    }
}

#[test]
fn a_module_without_a_layer_is_found() {
    let sources = files(&[("known.rs", "use crate::new::A;"), ("new/part.rs", "")]);
    assert_eq!(layering_problems(&[&["known"]], &sources), ["give `new` a layer in tests/tests/layering.rs"]);
}

#[test]
fn files_of_tests_import_everything() {
    let upward = "use crate::high::A;";
    let problems = |low: &str, part: &str| {
        let sources =
            [("low/mod.rs", low), ("low/part.rs", part), ("low/part/deep.rs", upward), ("high.rs", "")];
        layering_problems(&[&["low"], &["high"]], &files(&sources)).len()
    };
    assert_eq!(problems("mod part;", upward), 2);
    assert_eq!(problems("#[cfg(test)]\nmod part;", upward), 0);
    assert_eq!(problems("mod part;", &format!("#![cfg(test)] {upward}")), 0);
    let sources = [("lib.rs", "#[cfg(test)] mod tests;"), ("tests.rs", "use crate::low::A;"), ("low.rs", "")];
    assert_eq!(layering_problems(&[&["low"]], &files(&sources)), [""; 0]);
}

#[test]
fn groups_are_expanded() {
    assert_eq!(
        imported("a", "pub(crate) use crate::{\n    b::X,\n    c::{Y, d::{self, Z as W}, *},\n};"),
        ["crate::b::X", "crate::c::Y", "crate::c::d", "crate::c::d::Z", "crate::c::*"]
    );
    assert_eq!(
        imported("a", "use {std::fmt, crate::b, super::{c, d::E,}};"),
        ["crate::b", "crate::c", "crate::d::E"]
    );
    assert_eq!(imported("a", "use std::{self, io::{self, Read}}; use other::crate_like::X;"), [""; 0]);
}

#[test]
fn paths_in_code_are_found() {
    for (source, expected) in [
        ("fn f(x: crate::b::T) {}", "crate::b::T"),
        ("let x = crate::b::f::<u8>(1);", "crate::b::f"),
        ("m!(&'a [crate::b::X; 2])", "crate::b::X"),
        ("$crate::b::X", "crate::b::X"),
        ("::workflow_runtime::b::X", "crate::b::X"),
        ("use workflow_runtime::b::X;", "crate::b::X"),
        ("fn f<'a>(c: char) { c == '\"'; crate::b::x; c == '\"' }", "crate::b::x"),
        ("fn f() -> impl Sized + use<> { crate::b::x }", "crate::b::x"),
        ("crate::r#b::X", "crate::b::X"),
    ] {
        assert_eq!(imported("a", source), [expected], "{source}");
    }
}

#[test]
fn comments_strings_tests_and_visibility_are_ignored() {
    for source in [
        "// crate::b::X",
        "/// [`crate::b::X`]",
        "//! use crate::b::X;",
        "/* /* nested */ use crate::b::X; */",
        "\"use crate::b::X;\"",
        "\"\\\" crate::b::X\"",
        "r\"\\\" ; r#\"\" crate::b::X \"#",
        "b\"crate::b::X\"; c\"crate::b::X\"; br##\"\"# crate::b::X\"##",
        "#[cfg(test)]\nmod tests { use crate::b::X; fn f() { crate::b::Y } }",
        "#[cfg(test)] #[path = \"x.rs\"] pub(crate) mod tests;",
        "#[cfg(test)] use crate::b::{X, Y};",
        "#[cfg(test)] const fn f(x: [u8; 2]) { crate::b::X }",
        "#[cfg(test)] const X: u8 = if Y { 1 } else { crate::b::X };",
        "#![cfg(test)] use crate::b::X;",
        "pub(in crate::b) struct X;",
        "pub(crate) struct X;",
        "other::crate::b",
    ] {
        assert_eq!(imported("a", source), [""; 0], "{source}");
    }
}

#[test]
fn what_follows_something_ignored_is_found() {
    for before in [
        "// comment\n",
        "/* /* nested */ */",
        "\"\\\\\"; ",
        "r#\"\"# ; ",
        "'\\''; '\\\"'; ",
        "b'\"'; ",
        "fn f<'a>(x: &'a str) {} ",
        "#[cfg(test)] mod tests { fn f() { {} } } ",
        "#[cfg(test)] mod tests; ",
        "#[cfg(test)] use crate::c::{X, Y}; ",
        "#[cfg(test)] const X: Y = Y { z: 1 }; ",
        "#[cfg(test)] fn f(x: [u8; 2]) {} ",
        "#[cfg(test)] const fn f() {} ",
        "#[cfg(not(test))] ",
        "pub(in crate::c) use std::fmt; ",
    ] {
        assert_eq!(imported("a", &format!("{before}use crate::b::X;")), ["crate::b::X"], "{before}");
    }
}

#[test]
fn supers_are_counted_from_the_module_they_are_in() {
    assert_eq!(imported("a", "use super::b::X;"), ["crate::b::X"]);
    assert_eq!(
        imported("a::part", "use super::b::X; use super::super::b::Y;"),
        ["crate::a::b::X", "crate::b::Y"]
    );
    assert_eq!(
        imported("a", "mod inner { use super::X; fn f() { super::super::b::Y } } use self::super::c::Z;"),
        ["crate::a::X", "crate::b::Y", "crate::c::Z"]
    );
}

#[test]
fn lines_are_counted() {
    let source = "/* \n */ // \n\"\n\\\n\"; r#\"\n\"#; '\\n';\nuse crate::{\n    b::X,\n};";
    let lines: Vec<usize> =
        scan(&["a".to_owned()], &tokens(source)).imports.iter().map(|import| import.line).collect();
    assert_eq!(lines, [8]);
}

#[test]
fn a_mod_file_may_only_lead_elsewhere() {
    let beyond = |source: &str| first_beyond_imports(&tokens(source));
    let fine = "//! Words.\n#![warn(x)]\n#[cfg(a)]\nmod a;\npub(crate) mod b;\npub use a::{X, b::*};\nuse c::Y as _;";
    assert_eq!(beyond(fine), None);
    for item in ["fn f() {}", "pub(crate) struct X;", "mod a { }", "const X: u8 = 1;"] {
        assert_eq!(beyond(&format!("mod a;\n{item}")), Some(2), "{item}");
    }
}

#[test]
fn dependencies_are_read_in_every_form() {
    let manifest = "\
[package]
name = \"x\"
[dependencies]
# commented = \"1\"
plain = \"1\"
inherited.workspace = true
renamed = { package = \"actual\", version = \"1\" }
[dev-dependencies]
testing.workspace = true
[target.'cfg(unix)'.dependencies]
unix = \"1\"
[build-dependencies.table]
version = \"1\"
[dependencies.alias]
package = \"aliased\"
[lints]
workspace = true
";
    let found: Vec<(String, bool)> =
        dependencies(manifest).into_iter().map(|dependency| (dependency.package, dependency.dev)).collect();
    let expected = [
        ("plain", false),
        ("inherited", false),
        ("actual", false),
        ("testing", true),
        ("unix", false),
        ("table", false),
        ("aliased", false),
    ];
    assert_eq!(found, expected.map(|(package, dev)| (package.to_owned(), dev)));
}

#[test]
fn shapeless_names_are_found() {
    for path in ["x/src/utils.rs", "x/tests/common/mod.rs", "helpers.rs"] {
        assert!(shapeless(path), "{path}");
    }
    assert!(!shapeless("x/src/common_prefix.rs"));
}
