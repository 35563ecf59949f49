//! All that can be set, and what each takes.

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Flag,
    Name,
    Time,
    Rate,
    /// A whole number from 1.
    Count,
    /// A whole number from 0.
    Amount,
    /// A number from 1.
    Factor,
    /// A number from 0 to 1.
    Share,
    Priority,
    Stall,
    Names,
    Folder,
    Rule,
    Zone,
    /// The word `all`.
    All,
}

impl Kind {
    /// What is to be written.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Name => "a name in quotes",
            Self::Time => "a duration in quotes, like \"30s\", \"5m\" or \"1h30m\"",
            Self::Rate => "a rate in quotes, like \"10/s\" or \"100/1m\"",
            Self::Count => "a whole number from 1, like 8",
            Self::Amount => "a whole number, like 8",
            Self::Factor => "a number from 1, like 2 or 1.5",
            Self::Share => "a number from 0 to 1, like 0.25",
            Self::Priority => "\"low\", \"normal\", \"high\" or \"critical\"",
            Self::Stall => "\"retry\" or \"cancel_job\"",
            Self::Names => "a list of names, like [\"llm\", \"default\"]",
            Self::Folder => "a folder in quotes",
            Self::Rule => "a cron pattern in quotes, like \"0 3 * * *\", or an interval, like \"every 15m\"",
            Self::Zone => "a time zone in quotes, like \"Europe/Berlin\"",
            Self::All => "\"all\", or { age = \"30d\", last = 100 }",
        }
    }
}

/// Something that can be set. Its name has dots where it is in a table of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind }
}

/// What of a program something can be set of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Runtime,
    Retention,
    Queue,
    Agent,
    Workflow,
    Step,
    Schedule,
}

impl Subject {
    /// Those that have a table.
    pub(super) const TABLES: [(&'static str, Self); 6] = [
        ("agents", Self::Agent),
        ("queues", Self::Queue),
        ("retention", Self::Retention),
        ("runtime", Self::Runtime),
        ("schedules", Self::Schedule),
        ("workflows", Self::Workflow),
    ];

    /// What it is, with an article.
    pub(super) fn named(self) -> &'static str {
        match self {
            Self::Runtime => "the runtime",
            Self::Retention => "retention",
            Self::Queue => "a queue",
            Self::Agent => "an agent",
            Self::Workflow => "a workflow",
            Self::Step => "a step",
            Self::Schedule => "a schedule",
        }
    }

    /// All that can be set of it.
    pub(super) fn keys(self) -> &'static [Key] {
        match self {
            Self::Runtime => &RUNTIME,
            Self::Retention => &RETENTION,
            Self::Queue => &QUEUE,
            Self::Agent => &AGENT,
            Self::Workflow => &WORKFLOW,
            Self::Step => &STEP,
            Self::Schedule => &SCHEDULE,
        }
    }
}

const RUNTIME: [Key; 8] = [
    key("backlog", Kind::Count),
    key("deaths", Kind::Count),
    key("grace", Kind::Time),
    key("jitter", Kind::Share),
    key("keep", Kind::Amount),
    key("node", Kind::Name),
    key("on_stall", Kind::Stall),
    key("serves", Kind::Names),
];

const RETENTION: [Key; 6] = [
    key("age", Kind::Time),
    key("archive", Kind::Folder),
    key("every", Kind::Time),
    key("last", Kind::Amount),
    key("letters.age", Kind::Time),
    key("letters.last", Kind::Amount),
];

const QUEUE: [Key; 5] = [
    key("capacity", Kind::Count),
    key("concurrency", Kind::Count),
    key("paused", Kind::Flag),
    key("per_key", Kind::Count),
    key("rate", Kind::Rate),
];

const AGENT: [Key; 21] = [
    key("adaptive.factor", Kind::Factor),
    key("adaptive.least", Kind::Time),
    key("adaptive.most", Kind::Time),
    key("adaptive.percentile", Kind::Factor),
    key("breaker.cooldown", Kind::Time),
    key("breaker.failures", Kind::Count),
    key("concurrency", Kind::Count),
    key("deadline", Kind::Time),
    key("enabled", Kind::Flag),
    key("heartbeat", Kind::Time),
    key("priority", Kind::Priority),
    key("queue", Kind::Name),
    key("rate", Kind::Rate),
    key("retention", Kind::All),
    key("retention.age", Kind::Time),
    key("retention.last", Kind::Amount),
    key("retry.cap", Kind::Time),
    key("retry.factor", Kind::Factor),
    key("retry.first", Kind::Time),
    key("retry.max", Kind::Amount),
    key("timeout", Kind::Time),
];

const WORKFLOW: [Key; 9] = [
    key("concurrency", Kind::Count),
    key("enabled", Kind::Flag),
    key("priority", Kind::Priority),
    key("queue", Kind::Name),
    key("rate", Kind::Rate),
    key("retention", Kind::All),
    key("retention.age", Kind::Time),
    key("retention.last", Kind::Amount),
    key("timeout", Kind::Time),
];

const STEP: [Key; 10] = [
    key("concurrency", Kind::Count),
    key("deadline", Kind::Time),
    key("heartbeat", Kind::Time),
    key("priority", Kind::Priority),
    key("queue", Kind::Name),
    key("retry.cap", Kind::Time),
    key("retry.factor", Kind::Factor),
    key("retry.first", Kind::Time),
    key("retry.max", Kind::Amount),
    key("timeout", Kind::Time),
];

const SCHEDULE: [Key; 3] = [key("enabled", Kind::Flag), key("rule", Kind::Rule), key("zone", Kind::Zone)];

#[cfg(test)]
mod tests {
    use super::*;

    /// The page on configuration.
    const PAGE: &str = include_str!("../../doc/configuration.md");

    const SUBJECTS: [(&str, Subject); 7] = [
        ("## `[runtime]`", Subject::Runtime),
        ("## `[retention]`", Subject::Retention),
        ("## `[queues.NAME]`", Subject::Queue),
        ("## `[agents.NAME]`", Subject::Agent),
        ("## `[workflows.NAME]`", Subject::Workflow),
        ("## `[workflows.NAME.steps.STEP]`", Subject::Step),
        ("## `[schedules.NAME]`", Subject::Schedule),
    ];

    #[test]
    fn the_page_lists_all_that_can_be_set_and_nothing_else() {
        for (title, subject) in SUBJECTS {
            let lines = PAGE.lines().skip_while(|line| *line != title).skip(1);
            let rows = lines.take_while(|line| !line.starts_with("## "));
            let listed: Vec<&str> =
                rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
            let keys: Vec<&str> = subject.keys().iter().map(|key| key.name).collect();
            assert_eq!(listed, keys, "under {title} in doc/configuration.md");
        }
    }

    #[test]
    fn keys_are_in_order() {
        for (_, subject) in SUBJECTS {
            assert!(subject.keys().is_sorted_by(|one, other| one.name < other.name), "{subject:?}");
        }
    }
}
