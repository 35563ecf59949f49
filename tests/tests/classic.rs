//! Programs of the old Task Agent system: they compile as they are, and do what they say.

use std::collections::HashSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, anyhow};
use chrono::{NaiveDateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};
use workflow_runtime::classic::*;

type Doing = Pin<Box<dyn Future<Output = Result<TaskOutput>> + Send>>;

/// An agent by hand: what it does is a closure, and how often it did is counted.
struct Hand {
    name: &'static str,
    input: Value,
    times: Arc<AtomicUsize>,
    act: Box<dyn Fn(String, Value, TaskManager) -> Doing + Send + Sync>,
}

#[async_trait]
impl TaskAgent for Hand {
    fn name(&self) -> String {
        self.name.to_string()
    }

    fn input_schema(&self) -> Value {
        self.input.clone()
    }

    fn output_schema(&self) -> Value {
        json!({})
    }

    async fn execute(&self, task_id: &str, input: Value, task_manager: &TaskManager) -> Result<TaskOutput> {
        self.times.fetch_add(1, Ordering::SeqCst);
        (self.act)(task_id.to_string(), input, task_manager.clone()).await
    }
}

fn ok(data: Value) -> Result<TaskOutput> {
    Ok(TaskOutput { success: true, data: Some(data), error: None })
}

/// A manager with its registry, and an executor of one job.
struct World {
    registry: TaskAgentRegistry,
    cache: Cache,
    manager: Arc<TaskManager>,
}

impl World {
    fn new() -> Self {
        Self::kept(None)
    }

    fn kept(path: Option<PathBuf>) -> Self {
        let (registry, cache) = (TaskAgentRegistry::new(), Cache::new());
        let manager = TaskManager::new(
            Duration::ZERO,
            StallAction::NotifyPlanningAgent,
            cache.clone(),
            registry.clone(),
            path,
        );
        Self { registry, cache, manager: Arc::new(manager) }
    }

    /// Registers an agent; gives the count of its executions.
    fn agent<F, R>(&self, name: &'static str, act: F) -> Arc<AtomicUsize>
    where
        F: Fn(String, Value, TaskManager) -> R + Send + Sync + 'static,
        R: Future<Output = Result<TaskOutput>> + Send + 'static,
    {
        self.strict_agent(name, json!({}), act)
    }

    fn strict_agent<F, R>(&self, name: &'static str, input: Value, act: F) -> Arc<AtomicUsize>
    where
        F: Fn(String, Value, TaskManager) -> R + Send + Sync + 'static,
        R: Future<Output = Result<TaskOutput>> + Send + 'static,
    {
        let times = Arc::new(AtomicUsize::new(0));
        let act: Box<dyn Fn(String, Value, TaskManager) -> Doing + Send + Sync> =
            Box::new(move |id, input, manager| Box::pin(act(id, input, manager)));
        let agent = Hand { name, input, times: Arc::clone(&times), act };
        self.registry.register(name, Box::new(agent)).expect("a new name");
        times
    }

    fn executor(&self, configuration: TaskConfiguration, allowed: Option<Vec<String>>) -> TaskExecutor {
        TaskExecutor::new(
            Arc::clone(&self.manager),
            Arc::new(self.registry.clone()),
            Arc::new(self.cache.clone()),
            configuration,
            "job".to_string(),
            allowed,
        )
    }

    async fn run(&self, tasks: Vec<Task>) -> Result<TaskExecutionReport> {
        let mut executor = self.executor(TaskConfiguration::default(), None);
        executor.execute("job".to_string(), tasks, never()).await
    }

    fn status(&self, task: &str) -> TaskStatus {
        self.manager.get_task_by_id(task).expect("a task").status
    }
}

/// Nobody stops it: that the sender is gone stops nothing.
fn never() -> oneshot::Receiver<()> {
    oneshot::channel().1
}

fn task(id: &str, agent: &str, dependencies: &[&str]) -> Task {
    let now = Utc::now().naive_utc();
    Task {
        job_id: "job".to_string(),
        task_id: id.to_string(),
        parent_task_id: None,
        acceptance_criteria: None,
        description: format!("does {id}"),
        status: TaskStatus::Pending,
        status_reason: None,
        agent: agent.to_string(),
        dependencies: dependencies.iter().map(ToString::to_string).collect(),
        input: json!({ "of": id }),
        output: TaskOutput { success: false, data: None, error: None },
        created_at: now,
        updated_at: now,
        timeout: None,
        max_retries: 0,
        retry_count: 0,
        task_type: TaskType::Task,
        summary: None,
    }
}

fn add(manager: &TaskManager, task: Task) -> Result<String> {
    manager.add_task(
        task.job_id,
        task.task_id,
        task.parent_task_id,
        task.acceptance_criteria,
        task.description,
        task.agent,
        task.dependencies,
        task.input,
        task.timeout,
        task.max_retries,
        task.task_type,
        task.summary,
        task.created_at,
        task.updated_at,
        task.retry_count,
    )
}

fn successes(report: &TaskExecutionReport) -> Vec<(&str, bool)> {
    report.outcomes.iter().map(|outcome| (outcome.task_id.as_str(), outcome.success)).collect()
}

// --------------------------------------------------------------------------------------------------------
// The whole table, by name, order and type

#[tokio::test]
async fn everything_has_the_name_the_order_and_the_type_it_had() -> Result<()> {
    fn noticed(job_id: &str) {
        assert!(!job_id.is_empty());
    }
    let stall = [StallAction::NotifyPlanningAgent, StallAction::TerminateJob, StallAction::Custom(noticed)];
    let _: [RetryStrategy; 3] = [
        RetryStrategy::NoRetry,
        RetryStrategy::FixedRetry(3_u32),
        RetryStrategy::ExponentialBackoff {
            max_retries: 3_u32,
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(9),
        },
    ];
    let _: [HumanTimeoutAction; 3] = [
        HumanTimeoutAction::Overwrite,
        HumanTimeoutAction::Pause,
        HumanTimeoutAction::TimeoutAfter(Duration::from_secs(1)),
    ];
    let configuration = TaskConfiguration {
        max_execution_time: Some(Duration::from_secs(60)),
        retry_strategy: RetryStrategy::default(),
        human_timeout_action: HumanTimeoutAction::default(),
        sled_db_path: None::<PathBuf>,
    };
    assert!(matches!(TaskConfiguration::default().retry_strategy, RetryStrategy::NoRetry));
    assert!(matches!(TaskConfiguration::default().human_timeout_action, HumanTimeoutAction::Overwrite));

    let cache: Cache = Cache::new();
    cache.insert_value("node", "key", &vec![1, 2])?;
    let found: Option<Value> = cache.clone().get_value("node", "key");
    assert_eq!(found, Some(json!([1, 2])));

    let registry: TaskAgentRegistry = TaskAgentRegistry::new();
    for agent in TASK_AGENTS {
        let agent: Box<dyn TaskAgent> = agent();
        registry.register(&agent.name(), agent)?;
    }
    let again = TASK_AGENTS.iter().map(|agent| agent()).find(|agent| agent.name() == "table.echo").unwrap();
    assert!(registry.register("table.echo", again).is_err());
    let echo = registry.get_agent("table.echo").unwrap();
    let _: (String, String, Value, Value) =
        (echo.name(), echo.description(), echo.input_schema(), echo.output_schema());
    assert!(echo.validate_input(&json!({"text": "x"})).is_ok());
    assert!(echo.validate_input(&json!({"text": 1})).is_err());
    assert!(echo.validate_output(&json!({"text": "x"})).is_ok());
    assert!(echo.validate_output(&json!(null)).is_err());
    let descriptions: Vec<AgentDescription> = registry.get_agent_descriptions();
    let AgentDescription { name, description, input_schema, output_schema } =
        descriptions.into_iter().find(|agent| agent.name == "table.echo").unwrap();
    let _: (String, String, Value, Value) = (name, description.clone(), input_schema, output_schema);
    assert_eq!(description, "Gives back what it is given");

    let manager: TaskManager =
        TaskManager::new(Duration::from_secs(30), stall[0], cache.clone(), registry.clone(), None);
    let output: TaskOutput = echo.execute("by-hand", json!({"text": "x"}), &manager).await?;
    assert_eq!(output.data, Some(json!({"text": "x", "task": "by-hand", "job": ""})));

    let (job, input): (String, Value) = ("job".to_string(), json!({"text": "x"}));
    let now: NaiveDateTime = Utc::now().naive_utc();
    let objective: String =
        manager.add_objective(job.clone(), "Win".to_string(), "table.echo".to_string(), input.clone())?;
    let story: String = manager.add_story(
        job.clone(),
        "Play".to_string(),
        "table.echo".to_string(),
        objective.clone(),
        Some("played".to_string()),
        vec![objective.clone()],
        input.clone(),
    )?;
    let typed: String = manager.add_task_with_type(
        job.clone(),
        "Move".to_string(),
        "table.echo".to_string(),
        vec![story.clone()],
        input.clone(),
        Some(story.clone()),
        Some("moved".to_string()),
        TaskType::Subtask,
        Some(Duration::from_secs(5)),
        2,
        Some("summary".to_string()),
        1,
    )?;
    let plain: String = manager.add_task(
        job.clone(),
        "plain".to_string(),
        Some(story.clone()),
        Some("criteria".to_string()),
        "description".to_string(),
        "table.echo".to_string(),
        vec![],
        input.clone(),
        Some(Duration::from_secs(5)),
        2,
        TaskType::Task,
        Some("summary".to_string()),
        now,
        now,
        1,
    )?;
    assert_eq!(plain, "plain");
    manager.add_dependency(&plain, &typed)?;
    manager.update_task_summary(&plain, "new summary".to_string())?;
    let ready: Vec<Task> = manager.get_ready_tasks_for_job("job");
    assert_eq!(ready.iter().map(|task| &task.task_id).collect::<Vec<_>>(), [&objective]);
    assert!(manager.get_dependency_outputs(&plain).is_err(), "nothing is done yet");

    let mut handle: JobHandle =
        manager.start_job("job".to_string(), Vec::<Task>::new(), None::<Vec<String>>, Some(configuration))?;
    let running: Vec<String> = manager.get_running_jobs();
    assert_eq!(running, ["job"]);
    while handle.get_status().await == JobStatus::Running {
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.get_status().await, JobStatus::Completed(true));
    let status: JobStatus = manager.get_job_status("job").await?;
    assert_eq!(status, JobStatus::Completed(true));
    handle.cancel().await?;
    assert_eq!(handle.get_status().await, JobStatus::Completed(true), "what is over stays so");
    manager.stop_job("job").await?;
    assert!(manager.stop_job("another").await.is_err());
    assert!(manager.get_job_status("another").await.is_err());
    assert_eq!(manager.get_running_jobs(), Vec::<String>::new());

    let Task {
        job_id,
        task_id,
        parent_task_id,
        acceptance_criteria,
        description,
        status,
        status_reason,
        agent,
        dependencies,
        input: given,
        output: TaskOutput { success, data, error },
        created_at,
        updated_at,
        timeout,
        max_retries,
        retry_count,
        task_type,
        summary,
    } = manager.get_task_by_id("plain").unwrap();
    assert_eq!((job_id.as_str(), task_id.as_str(), parent_task_id), ("job", "plain", Some(story.clone())));
    assert_eq!((acceptance_criteria.as_deref(), description.as_str()), (Some("criteria"), "description"));
    assert_eq!((status, status_reason, agent.as_str()), (TaskStatus::Completed, None, "table.echo"));
    assert_eq!((dependencies, given), (vec![typed.clone()], input));
    assert_eq!((success, error), (true, None));
    assert_eq!(data, Some(json!({"text": "x", "task": "plain", "job": "job"})));
    assert!(created_at == now && updated_at > now);
    assert_eq!((timeout, max_retries, retry_count), (Some(Duration::from_secs(5)), 2, 1));
    assert_eq!((task_type, summary.as_deref()), (TaskType::Task, Some("new summary")));

    let outputs: Vec<Value> = manager.get_dependency_outputs("plain")?;
    assert_eq!(outputs[0]["task"], json!(typed));
    let of_job: Vec<Task> = manager.get_tasks_by_job("job")?;
    let ids: Vec<String> = of_job.into_iter().map(|task| task.task_id).collect();
    assert_eq!(ids, [objective.clone(), story.clone(), typed.clone(), plain.clone()]);
    let children: Vec<Task> = manager.get_child_tasks(&story);
    assert_eq!(children.len(), 2);
    let stories: Vec<Task> = manager.get_tasks_by_type("job", TaskType::Story);
    assert_eq!(stories[0].task_id, story);
    let found: Option<Task> = manager.get_objective("job");
    assert_eq!(found.unwrap().task_id, objective);

    for status in [
        TaskStatus::Pending,
        TaskStatus::InProgress,
        TaskStatus::Completed,
        TaskStatus::Failed,
        TaskStatus::Blocked,
        TaskStatus::Accepted,
        TaskStatus::Rejected,
    ] {
        manager.update_task_status("plain", status)?;
        assert_eq!(manager.get_task_by_id("plain").unwrap().status, status);
    }
    assert!(manager.update_task_status("nothing", TaskStatus::Accepted).is_err());
    add(&manager, Task { job_id: "hands".to_string(), ..task("mine", "me", &[]) })?;
    manager.claim_task("mine", "Ada".to_string())?;
    assert!(manager.claim_task("mine", "Bob".to_string()).is_err());
    manager.complete_task("mine", TaskOutput { success: true, data: Some(json!(7)), error: None })?;
    let mine = manager.get_task_by_id("mine").unwrap();
    assert_eq!((mine.status, mine.agent.as_str()), (TaskStatus::Completed, "Ada"));

    let (manager, registry, cache) = (Arc::new(manager), Arc::new(registry), Arc::new(cache));
    let mut executor: TaskExecutor = TaskExecutor::new(
        Arc::clone(&manager),
        Arc::clone(&registry),
        Arc::clone(&cache),
        TaskConfiguration::default(),
        "second".to_string(),
        Some(vec!["table.echo".to_string()]),
    );
    let (_stop, stopped) = oneshot::channel::<()>();
    let first = Task { job_id: "second".to_string(), ..task("t", "table.echo", &[]) };
    let first = Task { input: json!({"text": "y"}), ..first };
    let report: TaskExecutionReport = executor.execute("second".to_string(), vec![first], stopped).await?;
    let TaskExecutionReport { outcomes, overall_success } = report;
    let TaskOutcome { task_id, success, error } = outcomes.into_iter().next().unwrap();
    assert_eq!((task_id.as_str(), success, error, overall_success), ("t", true, None, true));
    let (_stop, stopped) = oneshot::channel::<()>();
    let report: TaskExecutionReport = executor.resume_job("second".to_string(), stopped).await?;
    assert!(report.overall_success && report.outcomes.is_empty(), "{report:?}");
    let _: (Result<()>, Result<()>) = (executor.persist_state(), executor.rehydrate_state());
    let graphs: [String; 6] = [
        executor.get_dot_graph(None),
        executor.get_dot_graph(Some("job")),
        executor.generate_detailed_dot_graph(),
        executor.generate_detailed_dot_graph_for_job("job"),
        manager.generate_dot_graph("job"),
        manager.generate_detailed_dot_graph("job", &cache),
    ];
    assert_eq!(graphs[1], graphs[4]);
    assert_eq!(graphs[3], graphs[5]);
    assert!(graphs[0].contains("\"t\"") && graphs[2].contains("agent: table.echo"), "{graphs:?}");
    Ok(())
}

#[task_agent(
    name = "table.echo",
    description = "Gives back what it is given",
    input_schema = r#"{"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}"#,
    output_schema = r#"{"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}"#
)]
async fn echo(
    input: Value,
    task_id: &str,
    job_id: &str,
    task_manager: &TaskManager,
) -> Result<Value, String> {
    let known = task_manager.get_task_by_id(task_id);
    if known.as_ref().is_some_and(|task| task.status != TaskStatus::InProgress) {
        return Err(format!("{known:?} is not in progress"));
    }
    Ok(json!({ "text": input["text"], "task": task_id, "job": job_id }))
}

// --------------------------------------------------------------------------------------------------------
// Jobs that agents plan

#[tokio::test]
async fn an_objective_is_planned_retrieved_reviewed_and_drafted() {
    let (report, paper, graph) = workflow_examples::classic::write_paper("the sea").await.unwrap();
    assert!(report.overall_success, "{report:?}");
    assert_eq!(report.outcomes.len(), 4);
    assert_eq!(paper, "A paper. the sea is old.");
    assert!(graph.contains("cache source: \\\"an encyclopedia\\\""), "{graph}");
    assert!(graph.contains("paper_retrieval [Accepted]"), "{graph}");
}

#[tokio::test]
async fn what_an_agent_adds_begins_when_it_has_returned_and_may_name_what_comes_later() {
    let world = World::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    world.agent("step", move |id, _, _| {
        seen.lock().unwrap().push(id.clone());
        async move { ok(json!(id)) }
    });
    let seen = Arc::clone(&order);
    world.agent("plan", move |_, _, manager| {
        // The last is added first; a tie is made after both ends are there.
        add(&manager, task("last", "step", &["first", "middle"])).unwrap();
        add(&manager, task("middle", "step", &[])).unwrap();
        add(&manager, task("first", "step", &[])).unwrap();
        manager.add_dependency("middle", "first").unwrap();
        assert!(manager.add_dependency("first", "last").is_err(), "a cycle");
        assert!(seen.lock().unwrap().is_empty());
        async { ok(json!("planned")) }
    });
    let report = world.run(vec![task("plan", "plan", &[])]).await.unwrap();
    assert!(report.overall_success, "{report:?}");
    assert_eq!(*order.lock().unwrap(), ["first", "middle", "last"]);
    assert_eq!(world.manager.get_dependency_outputs("last").unwrap(), [json!("first"), json!("middle")]);
}

#[tokio::test]
async fn what_a_failed_attempt_added_is_forgotten_so_that_the_next_adds_it_anew() {
    let world = World::new();
    let done = world.agent("step", |_, _, _| async { ok(json!(null)) });
    let attempts = AtomicUsize::new(0);
    world.agent("plan", move |_, _, manager| {
        add(&manager, task("one", "step", &[])).unwrap();
        let first = attempts.fetch_add(1, Ordering::SeqCst) == 0;
        if !first {
            add(&manager, task("two", "step", &["one"])).unwrap();
        }
        async move { if first { Err(anyhow!("interrupted")) } else { ok(json!("planned")) } }
    });
    let plan = Task { max_retries: 1, ..task("plan", "plan", &[]) };
    let report = world.run(vec![plan]).await.unwrap();
    assert_eq!(successes(&report), [("plan", true), ("one", true), ("two", true)], "{report:?}");
    assert_eq!(done.load(Ordering::SeqCst), 2);
    assert_eq!(world.manager.get_task_by_id("plan").unwrap().retry_count, 1);
}

#[tokio::test]
async fn a_task_that_is_added_from_outside_while_the_job_runs_is_run() {
    let world = World::new();
    let go = Arc::new(Notify::new());
    let waits = Arc::clone(&go);
    world.agent("wait", move |_, _, _| {
        let waits = Arc::clone(&waits);
        async move {
            waits.notified().await;
            ok(json!("waited"))
        }
    });
    world.agent("step", |id, _, manager| async move { ok(json!(manager.get_dependency_outputs(&id)?)) });
    let handle = world.manager.start_job("job".into(), vec![task("wait", "wait", &[])], None, None).unwrap();
    add(&world.manager, task("after", "step", &["wait"])).unwrap();
    let error = add(&world.manager, task("lost", "stepp", &[])).unwrap_err();
    assert!(error.to_string().contains("no such agent"), "{error}");
    let error = world.manager.add_dependency("after", "wait2").unwrap_err();
    assert!(error.to_string().contains("no task `wait2`"), "{error}");
    assert!(world.manager.claim_task("after", "me".to_string()).is_err());
    go.notify_one();
    while handle.get_status().await == JobStatus::Running {
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.get_status().await, JobStatus::Completed(true));
    let after = world.manager.get_task_by_id("after").unwrap();
    assert_eq!(after.output.data, Some(json!(["waited"])));
}

// --------------------------------------------------------------------------------------------------------
// What is refused

#[tokio::test]
async fn empty_and_duplicate_ids_and_cycles_are_refused() {
    let world = World::new();
    let error = |task: Task| add(&world.manager, task).unwrap_err().to_string();
    assert!(error(task("", "a", &[])).contains("empty"));
    assert!(error(Task { job_id: String::new(), ..task("x", "a", &[]) }).contains("empty"));
    add(&world.manager, task("a", "x", &[])).unwrap();
    assert!(error(task("a", "x", &[])).contains("already"));
    assert!(error(Task { job_id: "other".into(), ..task("a", "x", &[]) }).contains("already"));
    assert!(error(task("me", "x", &["me"])).contains("wait for itself"));
    // `c` names `d` before there is one; `d` may not wait for `c`, however far away.
    add(&world.manager, task("b", "x", &["c"])).unwrap();
    add(&world.manager, task("c", "x", &["d"])).unwrap();
    assert!(error(task("d", "x", &["b"])).contains("wait for itself"));
    add(&world.manager, task("d", "x", &[])).unwrap();
    assert!(world.manager.add_dependency("d", "b").unwrap_err().to_string().contains("waits for it"));
    assert!(world.manager.add_dependency("a", "a").is_err());
    assert!(world.manager.add_dependency("a", "nothing").is_err());
    world.manager.add_dependency("a", "b").unwrap();
    assert_eq!(world.manager.get_task_by_id("a").unwrap().dependencies, ["b"]);
    let twice = vec![task("e", "x", &[]), task("e", "x", &[])];
    assert!(world.manager.start_job("job".into(), twice, None, None).is_err());
    assert!(world.manager.get_task_by_id("e").is_none(), "a job that is refused adds nothing");
}

#[tokio::test]
async fn agents_that_are_not_allowed_are_not_called() {
    let world = World::new();
    let done = world.agent("step", |_, _, _| async { ok(json!(null)) });
    world.agent("plan", |_, _, manager| async move {
        add(&manager, task("forbidden", "step", &[]))?;
        ok(json!(null))
    });
    let only_plan = Some(vec!["plan".to_string()]);
    let mut executor = world.executor(TaskConfiguration::default(), only_plan.clone());
    let error = executor.execute("job".into(), vec![task("direct", "step", &[])], never()).await.unwrap_err();
    assert!(error.to_string().contains("may not call"), "{error}");
    let report = executor.execute("job".into(), vec![task("plan", "plan", &[])], never()).await.unwrap();
    let [outcome] = &report.outcomes[..] else { panic!("{report:?}") };
    assert!(!outcome.success && outcome.error.as_ref().unwrap().contains("may not call"), "{outcome:?}");
    assert!(world.manager.start_job("job".into(), vec![task("x", "step", &[])], only_plan, None).is_err());
    assert_eq!(done.load(Ordering::SeqCst), 0);
}

// --------------------------------------------------------------------------------------------------------
// Failures

#[tokio::test]
async fn failed_attempts_are_made_again_as_task_and_strategy_say() {
    let world = World::new();
    let failing = world.agent("fail", |_, _, _| async {
        Ok(TaskOutput { success: false, data: Some(json!("partly")), error: Some("no luck".to_string()) })
    });
    let run = async |retry_strategy, max_retries| {
        failing.store(0, Ordering::SeqCst);
        let manager_task = Task { max_retries, ..task("t", "fail", &[]) };
        let world = World { registry: world.registry.clone(), ..World::new() };
        let configuration = TaskConfiguration { retry_strategy, ..TaskConfiguration::default() };
        let mut executor = world.executor(configuration, None);
        let report = executor.execute("job".into(), vec![manager_task], never()).await.unwrap();
        assert_eq!(report.outcomes[0].error.as_deref(), Some("no luck"));
        let task = world.manager.get_task_by_id("t").unwrap();
        assert_eq!((task.status, task.output.data), (TaskStatus::Failed, Some(json!("partly"))));
        assert_eq!(task.retry_count as usize + 1, failing.load(Ordering::SeqCst));
        failing.load(Ordering::SeqCst)
    };
    assert_eq!(run(RetryStrategy::NoRetry, 0).await, 1);
    assert_eq!(run(RetryStrategy::NoRetry, 2).await, 3);
    assert_eq!(run(RetryStrategy::FixedRetry(1), 0).await, 2);
    let (initial_delay, max_delay) = (Duration::from_millis(1), Duration::from_millis(2));
    let growing = RetryStrategy::ExponentialBackoff { max_retries: 3, initial_delay, max_delay };
    assert_eq!(run(growing, 0).await, 4);
}

#[tokio::test]
async fn what_depends_on_a_failure_is_blocked_and_the_rest_goes_on() {
    let world = World::new();
    world.agent("fail", |_, _, _| async { Err(anyhow!("cause").context("outer")) });
    let done = world.agent("step", |_, _, _| async { ok(json!(null)) });
    let tasks = vec![
        task("bad", "fail", &[]),
        task("good", "step", &[]),
        task("next", "step", &["bad"]),
        task("far", "step", &["next"]),
        task("nobody", "missing", &[]),
    ];
    let report = world.run(tasks).await.unwrap();
    assert!(!report.overall_success);
    let expected = [("bad", false), ("good", true), ("next", false), ("far", false), ("nobody", false)];
    assert_eq!(successes(&report), expected);
    assert_eq!(report.outcomes[0].error.as_deref(), Some("outer: cause"));
    assert!(report.outcomes[4].error.as_ref().unwrap().contains("no agent `missing`"), "{report:?}");
    assert_eq!(world.status("next"), TaskStatus::Blocked);
    assert_eq!(world.status("far"), TaskStatus::Blocked);
    assert_eq!(done.load(Ordering::SeqCst), 1);
    assert_eq!(world.manager.get_job_status("job").await.unwrap(), JobStatus::Completed(false));
}

#[tokio::test]
async fn inputs_are_checked_and_a_bad_one_is_not_tried_again() {
    let world = World::new();
    let schema = json!({"type": "object", "required": ["wanted"]});
    let done = world.strict_agent("strict", schema, |_, _, _| async { ok(json!(null)) });
    let strict = Task { max_retries: 3, ..task("t", "strict", &[]) };
    let report = world.run(vec![strict]).await.unwrap();
    assert!(report.outcomes[0].error.as_ref().unwrap().contains("\"wanted\" is a required"), "{report:?}");
    assert_eq!((done.load(Ordering::SeqCst), report.overall_success), (0, false));
}

#[tokio::test]
async fn a_task_ends_at_its_timeout_and_a_job_at_its_limit() {
    let world = World::new();
    world.agent("sleep", |_, _, _| std::future::pending());
    let slow = Task { timeout: Some(Duration::from_millis(20)), ..task("slow", "sleep", &[]) };
    let report = world.run(vec![slow]).await.unwrap();
    assert!(report.outcomes[0].error.as_ref().unwrap().contains("timeout of 20ms"), "{report:?}");

    let limit = TaskConfiguration {
        max_execution_time: Some(Duration::from_millis(20)),
        ..TaskConfiguration::default()
    };
    let endless = Task { job_id: "limited".to_string(), ..task("endless", "sleep", &[]) };
    let mut executor = world.executor(limit, None);
    let report = executor.execute("limited".to_string(), vec![endless], never()).await.unwrap();
    assert!(!report.overall_success, "{report:?}");
    assert_eq!(world.manager.get_job_status("limited").await.unwrap(), JobStatus::Completed(false));
}

static STALLED: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[tokio::test]
async fn a_silent_task_is_noticed() {
    fn note(job_id: &str) {
        STALLED.lock().unwrap().push(job_id.to_string());
    }
    let silence = Duration::from_millis(20);
    let stall = |action| {
        let registry = TaskAgentRegistry::new();
        let manager = TaskManager::new(silence, action, Cache::new(), registry.clone(), None);
        World { registry, cache: Cache::new(), manager: Arc::new(manager) }
    };
    let world = stall(StallAction::Custom(note));
    world.agent("quiet", |_, _, _| async {
        while STALLED.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        ok(json!(null))
    });
    assert!(world.run(vec![task("t", "quiet", &[])]).await.unwrap().overall_success);
    assert_eq!(STALLED.lock().unwrap()[0], "job");

    let world = stall(StallAction::TerminateJob);
    world.agent("silent", |_, _, _| std::future::pending());
    assert!(!world.run(vec![task("t", "silent", &[])]).await.unwrap().overall_success);
    assert_eq!(world.manager.get_job_status("job").await.unwrap(), JobStatus::Cancelled);
}

// --------------------------------------------------------------------------------------------------------
// Stopped and resumed

/// Agents of a job of which the second task waits until it is let go, if it is not stopped before.
fn stoppable(world: &World) -> (Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<Notify>, Arc<Notify>) {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let quick = world.agent("quick", |id, _, _| async move { ok(json!({ "by": id })) });
    let (began, goes) = (Arc::clone(&begun), Arc::clone(&go));
    let slow = world.agent("slow", move |id, _, manager| {
        let (began, goes) = (Arc::clone(&began), Arc::clone(&goes));
        async move {
            add(&manager, task("extra", "quick", &[]))?;
            began.notify_one();
            goes.notified().await;
            ok(json!(manager.get_dependency_outputs(&id)?))
        }
    });
    (quick, slow, begun, go)
}

fn three() -> Vec<Task> {
    vec![task("one", "quick", &[]), task("two", "slow", &["one"]), task("three", "quick", &["two"])]
}

#[tokio::test]
async fn a_job_that_was_stopped_goes_on_with_what_was_not_done() {
    let world = World::new();
    let (quick, slow, begun, go) = stoppable(&world);
    let mut executor = world.executor(TaskConfiguration::default(), None);
    let (stop, stopped) = oneshot::channel();
    let execution = tokio::spawn(async move {
        let report = executor.execute("job".to_string(), three(), stopped).await;
        (executor, report)
    });
    begun.notified().await;
    assert_eq!(world.manager.get_job_status("job").await.unwrap(), JobStatus::Running);
    assert_eq!(world.status("two"), TaskStatus::InProgress);
    assert!(world.manager.start_job("job".into(), vec![], None, None).is_err(), "it runs already");
    stop.send(()).unwrap();
    let (mut executor, report) = execution.await.unwrap();
    let report = report.unwrap();
    assert_eq!(successes(&report), [("one", true), ("two", false), ("three", false)]);
    assert_eq!(report.outcomes[1].error.as_deref(), Some("its job was stopped"));
    assert!(!report.overall_success);
    assert_eq!(world.manager.get_job_status("job").await.unwrap(), JobStatus::Cancelled);
    assert_eq!([world.status("two"), world.status("three")], [TaskStatus::Pending; 2]);
    assert!(world.manager.get_task_by_id("extra").is_none(), "what an attempt added goes with it");
    assert_eq!((quick.load(Ordering::SeqCst), slow.load(Ordering::SeqCst)), (1, 1));

    go.notify_one();
    let report = executor.resume_job("job".to_string(), never()).await.unwrap();
    assert_eq!(successes(&report), [("two", true), ("three", true), ("extra", true)]);
    assert!(report.overall_success);
    // `one` did not run again, and what it gave was there.
    assert_eq!((quick.load(Ordering::SeqCst), slow.load(Ordering::SeqCst)), (3, 2));
    let two = world.manager.get_task_by_id("two").unwrap();
    assert_eq!(two.output.data, Some(json!([{ "by": "one" }])));
    assert_eq!(world.manager.get_job_status("job").await.unwrap(), JobStatus::Completed(true));
}

#[tokio::test]
async fn a_job_that_was_stopped_goes_on_in_another_process() {
    let folder = std::env::temp_dir().join(format!("classic-{}", std::process::id()));
    let path = folder.join("kept").join("tasks.json");
    let world = World::kept(Some(path.clone()));
    let (_, _, begun, _) = stoppable(&world);
    world.cache.insert_value("one", "key", &"kept").unwrap();
    let mut handle = world.manager.start_job("job".to_string(), three(), None, None).unwrap();
    begun.notified().await;
    world.executor(TaskConfiguration::default(), None).persist_state().unwrap();
    handle.cancel().await.unwrap();
    assert_eq!(handle.get_status().await, JobStatus::Cancelled);

    // Another process has only the file.
    let world = World::new();
    let (quick, slow, _, go) = stoppable(&world);
    let kept = TaskConfiguration { sled_db_path: Some(path.clone()), ..TaskConfiguration::default() };
    let mut executor = world.executor(kept, None);
    go.notify_one();
    let report = executor.resume_job("job".to_string(), never()).await.unwrap();
    assert!(report.overall_success, "{report:?}");
    assert_eq!((quick.load(Ordering::SeqCst), slow.load(Ordering::SeqCst)), (2, 1));
    assert_eq!(world.cache.get_value("one", "key"), Some(json!("kept")));
    assert!(executor.resume_job("unknown".to_string(), never()).await.is_err());

    std::fs::write(&path, "{").unwrap();
    assert!(executor.rehydrate_state().unwrap_err().to_string().contains("does not hold tasks"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn while_a_job_is_stopped_its_tasks_can_be_tied_and_done_by_hand() {
    let world = World::new();
    let (quick, _, begun, go) = stoppable(&world);
    let mut tasks = three();
    tasks.push(task("four", "quick", &["two"]));
    let mut handle = world.manager.start_job("job".to_string(), tasks, None, None).unwrap();
    begun.notified().await;
    assert!(world.manager.add_dependency("three", "four").is_err(), "the engine has it");
    handle.cancel().await.unwrap();
    world.manager.add_dependency("three", "four").unwrap();
    world.manager.claim_task("four", "Ada".to_string()).unwrap();
    let by_hand = TaskOutput { success: true, data: Some(json!(4)), error: None };
    world.manager.complete_task("four", by_hand).unwrap();
    assert!(world.manager.claim_task("one", "Ada".to_string()).is_err(), "it is done");
    go.notify_one();
    let mut executor = world.executor(TaskConfiguration::default(), None);
    let report = executor.resume_job("job".to_string(), never()).await.unwrap();
    assert_eq!(successes(&report), [("two", true), ("three", true), ("extra", true)]);
    assert_eq!(world.manager.get_dependency_outputs("three").unwrap()[1], json!(4));
    assert_eq!(quick.load(Ordering::SeqCst), 3, "`one`, `three` and `extra`");
}

#[tokio::test]
async fn what_failed_is_tried_again_when_its_job_is_started_again() {
    let world = World::new();
    let attempts = AtomicUsize::new(0);
    world.agent("second", move |_, _, _| {
        let first = attempts.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err(anyhow!("not yet")) } else { ok(json!(1)) } }
    });
    let report = world.run(vec![task("a", "second", &[]), task("b", "second", &["a"])]).await.unwrap();
    assert_eq!(successes(&report), [("a", false), ("b", false)]);
    let known = world.manager.get_tasks_by_job("job").unwrap();
    let report = world.run(known).await.unwrap();
    assert_eq!(successes(&report), [("a", true), ("b", true)]);
}

// --------------------------------------------------------------------------------------------------------
// By hand

#[tokio::test]
async fn what_is_done_by_hand_is_not_run_and_frees_what_waits_for_it() {
    let world = World::new();
    let go = Arc::new(Notify::new());
    let waits = Arc::clone(&go);
    world.agent("wait", move |_, _, _| {
        let waits = Arc::clone(&waits);
        async move {
            waits.notified().await;
            ok(json!(null))
        }
    });
    let done =
        world.agent("step", |id, _, manager| async move { ok(json!(manager.get_dependency_outputs(&id)?)) });
    let by_hand = || TaskOutput { success: true, data: Some(json!("by hand")), error: None };
    for one in [
        task("wait", "wait", &[]),
        task("claimed", "step", &[]),
        task("after-claimed", "step", &["claimed"]),
        task("waiting", "step", &["wait"]),
        task("after-waiting", "step", &["waiting"]),
    ] {
        add(&world.manager, one).unwrap();
    }
    world.manager.claim_task("claimed", "Ada".to_string()).unwrap();
    let handle = world.manager.start_job("job".into(), vec![], None, None).unwrap();
    world.manager.complete_task("claimed", by_hand()).unwrap();
    world.manager.complete_task("waiting", by_hand()).unwrap();
    while !["after-claimed", "after-waiting"].iter().all(|id| world.status(id) == TaskStatus::Completed) {
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.get_status().await, JobStatus::Running);
    go.notify_one();
    while handle.get_status().await == JobStatus::Running {
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.get_status().await, JobStatus::Completed(true));
    for id in ["after-claimed", "after-waiting"] {
        assert_eq!(world.manager.get_task_by_id(id).unwrap().output.data, Some(json!(["by hand"])));
    }
    assert_eq!(done.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_agent_may_say_by_hand_that_it_failed() {
    let world = World::new();
    let times = world.agent("judge", |id, _, manager| async move {
        manager.update_task_status(&id, TaskStatus::Failed)?;
        ok(json!("thrown away"))
    });
    let report = world.run(vec![Task { max_retries: 1, ..task("t", "judge", &[]) }]).await.unwrap();
    assert_eq!((successes(&report), times.load(Ordering::SeqCst)), (vec![("t", false)], 2));
    assert_eq!(world.status("t"), TaskStatus::Failed);
}

// --------------------------------------------------------------------------------------------------------
// Many, and pictures

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_job_remembers_all_its_outputs() {
    let world = World::new();
    world.agent("count", |id, _, _| async move { ok(json!(id)) });
    let ids: Vec<String> = (0..600).map(|number| format!("t{number}")).collect();
    let mut tasks = vec![task("t0", "count", &[])];
    tasks.extend(ids.windows(2).map(|pair| task(&pair[1], "count", &[&pair[0]])));
    // The engine is given each after those it waits for, in whatever order they are named.
    tasks.reverse();
    let report = world.run(tasks).await.unwrap();
    assert!(report.overall_success);
    let ran: HashSet<&str> = report.outcomes.iter().map(|outcome| outcome.task_id.as_str()).collect();
    assert_eq!(ran.len(), 600);
    assert_eq!(world.manager.get_task_by_id("t1").unwrap().output.data, Some(json!("t1")));
    assert_eq!(world.manager.get_dependency_outputs("t599").unwrap(), [json!("t598")]);
}

#[tokio::test]
async fn pictures_hold_every_task_and_every_edge() {
    let world = World::new();
    add(&world.manager, task("a \"quoted\"", "x", &[])).unwrap();
    add(&world.manager, Task { description: "ä".repeat(200), ..task("b", "x", &["a \"quoted\""]) }).unwrap();
    add(&world.manager, Task { parent_task_id: Some("b".into()), ..task("c", "x", &["b", "a \"quoted\""]) })
        .unwrap();
    add(&world.manager, Task { job_id: "other".into(), ..task("elsewhere", "x", &[]) }).unwrap();
    world.cache.insert_value("b", "key", &json!({"much": 1})).unwrap();
    let executor = world.executor(TaskConfiguration::default(), None);
    for graph in [executor.get_dot_graph(None), executor.generate_detailed_dot_graph()] {
        assert!(graph.starts_with("digraph") && graph.ends_with("}\n"), "{graph}");
        for line in [
            r#""a \"quoted\"" [label="#,
            r#""b" [label="#,
            r#""c" [label="#,
            r#""a \"quoted\"" -> "b";"#,
            r#""a \"quoted\"" -> "c";"#,
            r#""b" -> "c";"#,
        ] {
            assert_eq!(graph.matches(line).count(), 1, "{line}: {graph}");
        }
        assert!(graph.contains("[Pending]") && !graph.contains("elsewhere"), "{graph}");
    }
    let detailed = executor.generate_detailed_dot_graph();
    assert!(detailed.contains(r#"cache key: {\"much\":1}"#), "{detailed}");
    assert!(detailed.contains(r#"input: {\"of\":\"b\"}"#), "{detailed}");
}

// --------------------------------------------------------------------------------------------------------
// What the engine adds

#[task_agent(name = "classic.quick_plan")]
async fn quick_plan(input: Value, job_id: &str, task_manager: &TaskManager) -> Result<Value, String> {
    if !job_id.is_empty() {
        let step = Task { job_id: job_id.to_string(), ..task(&format!("{job_id}-step"), "step", &[]) };
        add(task_manager, step).map_err(|error| error.to_string())?;
    }
    Ok(input)
}

#[tokio::test]
async fn what_a_quick_agent_adds_last_is_not_lost() {
    let world = World::new();
    let done = world.agent("step", |_, _, _| async { ok(json!(null)) });
    let plan = TASK_AGENTS.iter().map(|agent| agent()).find(|agent| agent.name() == "classic.quick_plan");
    let plan = plan.unwrap();
    // Once its schemas are compiled it is quick, if the program is optimized; and a quick one is polled on
    // the spot.
    for _ in 0..3 {
        assert!(plan.validate_input(&json!({})).is_ok() && plan.validate_output(&json!({})).is_ok());
        plan.execute("by hand", json!({}), &world.manager).await.unwrap();
    }
    world.registry.register("plan", plan).unwrap();
    for number in 0..200 {
        let job_id = format!("job {number}");
        let plan = Task { job_id: job_id.clone(), ..task(&format!("plan {number}"), "plan", &[]) };
        let mut executor = world.executor(TaskConfiguration::default(), None);
        let report = executor.execute(job_id, vec![plan], never()).await.unwrap();
        assert!(report.overall_success && report.outcomes.len() == 2, "{report:?}");
    }
    assert_eq!(done.load(Ordering::SeqCst), 200);
}

#[tokio::test]
async fn tasks_that_do_not_wait_for_one_another_run_at_once() {
    let world = World::new();
    let meeting = Arc::new(tokio::sync::Barrier::new(3));
    world.agent("meet", move |_, _, _| {
        let meeting = Arc::clone(&meeting);
        async move {
            meeting.wait().await;
            ok(json!(null))
        }
    });
    let report = world.run(["a", "b", "c"].map(|id| task(id, "meet", &[])).to_vec()).await.unwrap();
    assert!(report.overall_success);
}

#[task_agent(name = "classic.stubborn", retry(max = 2, first = "1ms"), queue = "stubborn")]
async fn stubborn(
    input: Value,
    ctx: &workflow_runtime::TaskContext,
    task_manager: &TaskManager,
) -> Result<Value, workflow_runtime::AgentError> {
    let fail = workflow_runtime::AgentError::retry;
    if input["hopeless"].as_bool().unwrap_or_default() {
        return Err(workflow_runtime::AgentError::permanent("hopeless"));
    }
    let restored: Option<u32> = ctx.restored()?;
    ctx.checkpoint(&ctx.attempt()).await?;
    if ctx.attempt() < 3 {
        return Err(fail("again"));
    }
    let agents = task_manager
        .agents()
        .iter()
        .any(|agent| agent.name == "table.echo" && agent.input_schema["required"] == json!(["text"]));
    Ok(json!([ctx.job_id(), ctx.task_id(), restored, agents]))
}

#[tokio::test]
async fn linked_agents_have_their_options_and_their_context() {
    let world = World::new();
    for agent in &TASK_AGENTS {
        let agent = agent();
        world.registry.register(&agent.name(), agent).unwrap();
    }
    let hopeless = Task { input: json!({"hopeless": true}), ..task("hopeless", "classic.stubborn", &[]) };
    let report = world.run(vec![task("t", "classic.stubborn", &[]), hopeless]).await.unwrap();
    assert_eq!(successes(&report), [("t", true), ("hopeless", false)]);
    assert_eq!(report.outcomes[1].error.as_deref(), Some("hopeless"));
    let stubborn = world.manager.get_task_by_id("t").unwrap();
    assert_eq!((stubborn.retry_count, stubborn.output.data), (2, Some(json!(["job", "t", 2, true]))));
    let hopeless = world.manager.get_task_by_id("hopeless").unwrap();
    assert_eq!(hopeless.retry_count, 0, "what is permanent is not tried again");
}

#[tokio::test]
async fn a_job_goes_on_though_nobody_has_its_manager_and_is_kept_when_it_is_over() {
    let path = std::env::temp_dir().join(format!("classic-alone-{}.json", std::process::id()));
    let world = World::kept(Some(path.clone()));
    let (quick, _, begun, go) = stoppable(&world);
    drop(world.manager.start_job("job".to_string(), three(), None, None).unwrap());
    drop(world);
    begun.notified().await;
    go.notify_one();
    let world = World::kept(Some(path.clone()));
    while !path.exists() {
        tokio::task::yield_now().await;
    }
    world.executor(TaskConfiguration::default(), None).rehydrate_state().unwrap();
    assert_eq!(quick.load(Ordering::SeqCst), 3);
    let statuses = ["one", "two", "three", "extra"].map(|id| world.status(id));
    assert_eq!(statuses, [TaskStatus::Completed; 4]);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn the_tasks_of_a_job_need_nobody_else_to_hold_its_manager() {
    let world = World::new();
    let (quick, _, begun, go) = stoppable(&world);
    drop(world.manager.start_job("job".to_string(), three(), None, None).unwrap());
    drop(world);
    let all = async {
        begun.notified().await;
        go.notify_one();
        while quick.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("`three` and `extra` run");
}

#[tokio::test]
async fn tasks_of_other_jobs_and_managers_of_runtimes_are_refused() {
    let world = World::new();
    world.agent("step", |_, _, _| async { ok(json!(1)) });
    add(&world.manager, task("a", "step", &[])).unwrap();
    let elsewhere = || Task { job_id: "other".to_string(), ..task("b", "step", &["a"]) };
    assert!(add(&world.manager, elsewhere()).unwrap_err().to_string().contains("of job `job`"));
    assert!(world.run(vec![]).await.unwrap().overall_success);
    add(&world.manager, elsewhere()).expect("what is done may be waited for");
    let mut executor = world.executor(TaskConfiguration::default(), None);
    let report = executor.execute("other".to_string(), vec![], never()).await.unwrap();
    assert!(report.overall_success, "{report:?}");

    let of_runtime = workflow_runtime::Registry::builder().build().unwrap().task_manager();
    let error = add(&of_runtime, task("a", "step", &[])).unwrap_err().to_string();
    assert!(error.contains("TaskManager::new"), "{error}");
    assert!(of_runtime.get_task_by_id("a").is_none() && of_runtime.get_running_jobs().is_empty());
}

#[test]
fn without_tokio_a_job_is_refused() {
    let world = World::new();
    let error = world.manager.start_job("job".into(), vec![task("a", "step", &[])], None, None).unwrap_err();
    assert!(error.to_string().contains("tokio"), "{error}");
    assert!(world.manager.get_task_by_id("a").is_none());
}
