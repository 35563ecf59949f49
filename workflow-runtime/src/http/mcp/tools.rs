//! Which agents and workflows are tools.

/// Which agents and workflows are tools of the Model Context Protocol, for [`Site::tools`](crate::http::Site::tools).
///
/// Each is a tool of its own name, with its description and its JSON Schemas. What takes or gives something else than an object is
/// wrapped, since tools take and give objects only: `{ "input": … }`, `{ "result": … }`.
///
/// A call is a job. While it goes on, its steps and what they say of how far they are is told as progress, if the client asks for
/// that. What it gives is structured content, and text for those that read no other; a job that fails, and an input that is not right,
/// are results that are errors, for models to read. The job's id stands in the result's `_meta`, at `workflow/job`. A call that its
/// client cancels is a job that is cancelled, and so is one whose client goes away.
///
/// ```no_run
/// use workflow_runtime::http::{Site, Tools};
/// use workflow_runtime::prelude::*;
///
/// /// Greets somebody.
/// #[task_agent(tags("mcp"))]
/// async fn greet(name: String) -> Result<String, AgentError> {
///     Ok(format!("hello {name}"))
/// }
///
/// # async fn example(runtime: Runtime) -> Result<(), Box<dyn std::error::Error>> {
/// let router = Site::new(&runtime).tools(&Tools::tagged("mcp"))?.router();
/// # drop(router);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tools {
    pub(super) tags: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) are_all: bool,
}

impl Tools {
    /// Those that have a tag, and so ask for it themselves.
    pub fn tagged(tag: impl Into<String>) -> Self {
        Self::default().and_tagged(tag)
    }

    /// One, by its name.
    pub fn named(name: impl Into<String>) -> Self {
        Self::default().and_named(name)
    }

    /// All that the program has.
    pub fn all() -> Self {
        Self { are_all: true, ..Self::default() }
    }

    /// Those that have this tag, too.
    #[must_use]
    pub fn and_tagged(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The one of this name, too.
    #[must_use]
    pub fn and_named(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }
}

/// Why something is no tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTool {
    /// There is nothing of this name.
    #[error("there is no agent or workflow `{name}`{}", nearest.as_ref().map(|it| format!("; did you mean `{it}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is of a similar name.
        nearest: Option<String>,
    },
    /// There is nothing of this tag.
    #[error(
        "no agent or workflow has the tag `{tag}`: give it one, by `tags(\"{tag}\")`, or name what is to be a tool"
    )]
    NoneTagged {
        /// The tag.
        tag: String,
    },
}
