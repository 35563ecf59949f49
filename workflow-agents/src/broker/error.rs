//! Why something of NATS cannot be used.

/// Why something of NATS cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// There is no server, or it lets nobody in.
    #[error("NATS at {address} cannot be reached: {cause}")]
    Unreachable {
        /// Where it should be.
        address: String,
        /// Why it cannot.
        cause: async_nats::ConnectError,
    },
    /// There is nothing of this name to be run.
    #[error("there is no agent or workflow `{name}` to be run by NATS{}", near(nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// Nothing has the tag by which services are chosen.
    #[error("no agent and no workflow has the tag `{tag}`; give it to those that are to be services")]
    NoneTagged {
        /// The tag.
        tag: String,
    },
    /// A name that no service can have.
    #[error(
        "`{name}` can be no service: NATS has letters, digits, `-` and `_` in their names; give it another by \
         `name = \"…\"`"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// A service cannot be had.
    #[error("the service `{name}` does not begin: {cause}")]
    Service {
        /// Its name.
        name: String,
        /// Why.
        cause: async_nats::Error,
    },
    /// A stream cannot be read.
    #[error(
        "the stream `{stream}` cannot be read: {cause}; make it, as by `nats stream add`, or look at its server"
    )]
    Stream {
        /// Its name.
        stream: String,
        /// Why.
        cause: async_nats::Error,
    },
    /// What is told would be kept nowhere.
    #[error("no stream keeps `{subject}`: {cause}; make one, as by `nats stream add`")]
    NotKept {
        /// The subjects.
        subject: String,
        /// Why none was found.
        cause: async_nats::Error,
    },
    /// A durable consumer that was there, and would lose what is not done.
    #[error(
        "the consumer `{durable}` of `{stream}` needs no acknowledgement of each message, so what is not done would be \
         lost; take another name, or remove it"
    )]
    NotExplicit {
        /// The stream.
        stream: String,
        /// The consumer.
        durable: String,
    },
}

fn near(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}
