//! A policy: roles, by their names.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use workflow_runtime::{AgentError, TaskContext};

use super::mistake::Mistakes;
use super::permit::Permit;
use super::read::read;
use super::refused::Refused;
use super::role::Role;

/// What each role may do. A runtime with tools is given one, by `.state(policy)`.
///
/// ```
/// use workflow_agents::policy::{Command, Policy, Role};
///
/// let policy = Policy::new()
///     .role("coder", Role::new().tool("shell").command("git").command(Command::new("cargo").first(["build", "test"])))
///     .role("critic", Role::new().tool("lua"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Policy {
    roles: Arc<BTreeMap<String, Arc<Role>>>,
}

impl Policy {
    /// One by which nobody may do anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a role; a second one of the same name replaces the first.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>, role: Role) -> Self {
        Arc::make_mut(&mut self.roles).insert(name.into(), Arc::new(role));
        self
    }

    /// Reads a file of TOML. Folders in it that are not absolute are those beside the file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, Mistakes> {
        let file = file.as_ref();
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| Mistakes::of_file(file, &error))?;
        let beside = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = beside.canonicalize().map_err(|error| Mistakes::of_file(file, &error))?;
        read(&text, &name, Some(&beside)).map(Self::of)
    }

    /// Reads a text of TOML; `name` is what it is called where something is wrong.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(text: &str, name: &str) -> Result<Self, Mistakes> {
        read(text, name, None).map(Self::of)
    }

    fn of(roles: BTreeMap<String, Role>) -> Self {
        let roles = roles.into_iter().map(|(name, role)| (name, Arc::new(role))).collect();
        Self { roles: Arc::new(roles) }
    }

    /// The roles' names.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// What a role may do with a tool.
    ///
    /// # Errors
    /// When it may not use it.
    pub fn permit(&self, role: Option<&str>, tool: &str) -> Result<Permit, Refused> {
        let refused = |who: String, rule: String| {
            Err(Refused { who, tool: tool.to_owned(), wanted: format!("use the tool `{tool}`"), rule })
        };
        let Some(name) = role else {
            let rule = "that without a role nothing is allowed; give the step one by #[role(\"…\")]";
            return refused("a step without a role".to_owned(), rule.to_owned());
        };
        let Some(known) = self.roles.get(name) else {
            let near = workflow_graph::nearest(name, self.roles.keys().map(String::as_str));
            let near = near.map(|near| format!("; there is `{near}`")).unwrap_or_default();
            let rule = format!("that a role which the policy does not know may do nothing{near}");
            return refused(format!("`{name}`"), rule);
        };
        let permit = Permit { role: Arc::clone(known), name: name.to_owned(), tool: tool.to_owned() };
        if known.tools.iter().any(|allowed| allowed == tool) {
            return Ok(permit);
        }
        Err(permit.refused("tools", format!("use the tool `{tool}`")))
    }

    /// Decides whether an attempt may do something, by what its role may do with a tool. What is refused is kept in the audit,
    /// and is an error that no other attempt will mend.
    ///
    /// # Errors
    /// When it is refused, or when that could not be kept.
    pub async fn decide<T>(
        &self,
        context: &TaskContext,
        tool: &str,
        ask: impl FnOnce(&Permit) -> Result<T, Refused>,
    ) -> Result<T, AgentError> {
        let role = context.role();
        let refused = match self.permit(role.as_deref(), tool).and_then(|permit| ask(&permit)) {
            Ok(allowed) => return Ok(allowed),
            Err(refused) => refused,
        };
        context.audit(refused.act(), format!("refused by {}", refused.rule)).await?;
        Err(AgentError::permanent(refused))
    }
}
