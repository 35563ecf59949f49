//! Which messages become jobs.

use std::time::Duration;

use workflow_runtime::Callable;

/// Messages of a stream that become jobs: each a job of its own, acknowledged when the runtime's store has it.
///
/// ```
/// use workflow_agents::Intake;
///
/// let orders = Intake::named("ORDERS", "takers", "TakeOrder").subject("orders.new").dead_letters("orders.dead");
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is taken before a bridge has it, by `take`"]
pub struct Intake {
    pub(super) stream: String,
    pub(super) durable: String,
    pub(super) name: String,
    pub(super) subject: String,
    pub(super) dead_letters: Option<String>,
    pub(super) wait: Duration,
    pub(super) at_once: usize,
}

impl Intake {
    /// The messages of a stream, as jobs of an agent or a workflow. `durable` is the name of the consumer that keeps how far one
    /// has come; it is made if it is not there, and processes that name the same share the messages.
    pub fn of<C: Callable>(stream: impl Into<String>, durable: impl Into<String>) -> Self {
        Self::named(stream, durable, C::NAME)
    }

    /// The same, with the agent or workflow by its name.
    pub fn named(stream: impl Into<String>, durable: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            stream: stream.into(),
            durable: durable.into(),
            name: name.into(),
            subject: String::new(),
            dead_letters: None,
            wait: Duration::from_secs(30),
            at_once: 256,
        }
    }

    /// Takes only messages of a subject, in which there may be `*` and `>`.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Sets where messages are sent that can never be jobs, with what is wrong in the header `Workflow-Problem`. A stream has to
    /// keep what is sent there: a message is given up only when that is acknowledged. Unless this is said, it is only logged.
    pub fn dead_letters(mut self, subject: impl Into<String>) -> Self {
        self.dead_letters = Some(subject.into());
        self
    }

    /// Sets after how long a message comes again that was not acknowledged, since who had it is gone: 30 seconds unless this is
    /// said. It holds for a consumer that is not there yet.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how many messages are taken at once: 256 unless this is said.
    pub fn at_once(mut self, most: usize) -> Self {
        self.at_once = most.max(1);
        self
    }
}
