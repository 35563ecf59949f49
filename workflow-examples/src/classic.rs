//! A program of the old Task Agent system: an agent plans, others retrieve, review and draft. Only its `use`
//! lines name this library.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use workflow_runtime::classic::{
    Cache, HumanTimeoutAction, RetryStrategy, StallAction, TASK_AGENTS, TaskAgentRegistry, TaskConfiguration,
    TaskExecutionReport, TaskExecutor, TaskManager, TaskStatus, TaskType, task_agent,
};

/// Plans a paper: what to look up, what to make of it, what to write.
#[task_agent(
    name = "planning_agent",
    description = "Breaks an objective into retrieval, review and drafting",
    input_schema = r#"{"type": "object", "properties": {"objective": {"type": "string"}}, "required": ["objective"]}"#,
    output_schema = r#"{"type": "object", "properties": {"plan": {"type": "string"}}, "required": ["plan"]}"#
)]
async fn planning_agent(
    input: Value,
    task_id: &str,
    job_id: &str,
    task_manager: &TaskManager,
) -> Result<Value, String> {
    let objective = input["objective"].as_str().ok_or("there is no objective")?;
    let now = Utc::now().naive_utc();

    let retrieval = task_manager
        .add_task(
            job_id.to_string(),
            format!("{job_id}_retrieval"),
            Some(task_id.to_string()),
            Some("At least two facts".to_string()),
            format!("Find out about {objective}"),
            "retrieval_agent".to_string(),
            vec![],
            json!({ "query": objective }),
            Some(Duration::from_secs(10)),
            3,
            TaskType::Task,
            None,
            now,
            now,
            0,
        )
        .map_err(|e| format!("no retrieval: {e}"))?;

    let review = task_manager
        .add_task(
            job_id.to_string(),
            format!("{job_id}_review"),
            Some(task_id.to_string()),
            None,
            "Judge what was found".to_string(),
            "review_agent".to_string(),
            vec![retrieval.clone()],
            json!({ "instruction": "Keep what is certain" }),
            None,
            3,
            TaskType::Task,
            None,
            now,
            now,
            0,
        )
        .map_err(|e| format!("no review: {e}"))?;

    task_manager
        .add_task(
            job_id.to_string(),
            format!("{job_id}_drafting"),
            Some(task_id.to_string()),
            None,
            "Write the paper".to_string(),
            "drafting_agent".to_string(),
            vec![review.clone()],
            json!({ "instruction": "Be brief" }),
            None,
            3,
            TaskType::Task,
            None,
            now,
            now,
            0,
        )
        .map_err(|e| format!("no drafting: {e}"))?;

    Ok(json!({ "plan": format!("{retrieval}, then {review}, then a draft") }))
}

/// Finds facts.
#[task_agent(
    name = "retrieval_agent",
    description = "Finds facts",
    input_schema = r#"{"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}"#,
    output_schema = r#"{"type": "object", "properties": {"facts": {"type": "array"}}, "required": ["facts"]}"#
)]
async fn retrieval_agent(input: Value, task_id: &str, task_manager: &TaskManager) -> Result<Value, String> {
    let query = input["query"].as_str().unwrap_or_default();
    tokio::task::yield_now().await;
    let facts = json!([format!("{query} is old"), format!("{query} is said to be blue")]);
    task_manager.cache.insert_value(task_id, "source", &"an encyclopedia").map_err(|e| e.to_string())?;
    Ok(json!({ "facts": facts }))
}

/// Judges what was found.
#[task_agent(
    name = "review_agent",
    description = "Judges what was found",
    input_schema = r#"{"type": "object", "properties": {"instruction": {"type": "string"}}, "required": ["instruction"]}"#,
    output_schema = r#"{"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}"#
)]
async fn review_agent(input: Value, task_id: &str, task_manager: &TaskManager) -> Result<Value, String> {
    let _ = input;
    let task = task_manager.get_task_by_id(task_id).ok_or("no such task")?;
    let mut certain = Vec::new();
    for dependency in &task.dependencies {
        if let Some(found) = task_manager.get_task_by_id(dependency)
            && let Some(data) = &found.output.data
        {
            let facts = data["facts"].as_array().cloned().unwrap_or_default();
            certain.extend(
                facts.iter().filter_map(Value::as_str).filter(|f| !f.contains("said")).map(str::to_string),
            );
            task_manager.update_task_status(dependency, TaskStatus::Accepted).map_err(|e| e.to_string())?;
        }
    }
    Ok(json!({ "summary": certain.join("; ") }))
}

/// Writes the paper.
#[task_agent(
    name = "drafting_agent",
    description = "Writes",
    input_schema = r#"{"type": "object", "properties": {"instruction": {"type": "string"}}, "required": ["instruction"]}"#,
    output_schema = r#"{"type": "object", "properties": {"report": {"type": "string"}}, "required": ["report"]}"#
)]
async fn drafting_agent(input: Value, task_id: &str, task_manager: &TaskManager) -> Result<Value, String> {
    let _ = input;
    let reviewed = task_manager.get_dependency_outputs(task_id).map_err(|e| e.to_string())?;
    let summary = reviewed.first().and_then(|output| output["summary"].as_str()).unwrap_or_default();
    Ok(json!({ "report": format!("A paper. {summary}.") }))
}

/// Writes a paper on something: the report of the job, the paper, and a picture of how it came to be.
///
/// # Errors
/// When the job cannot be run.
pub async fn write_paper(objective: &str) -> Result<(TaskExecutionReport, String, String)> {
    let cache = Cache::new();
    let registry = TaskAgentRegistry::new();
    for constructor in TASK_AGENTS.iter() {
        let agent = constructor();
        registry.register(&agent.name(), agent)?;
    }
    let task_manager = Arc::new(TaskManager::new(
        Duration::from_secs(60),
        StallAction::NotifyPlanningAgent,
        cache.clone(),
        registry.clone(),
        None,
    ));

    let job_id = "paper".to_string();
    let config = TaskConfiguration {
        max_execution_time: Some(Duration::from_secs(60)),
        retry_strategy: RetryStrategy::FixedRetry(3),
        human_timeout_action: HumanTimeoutAction::TimeoutAfter(Duration::from_secs(30)),
        sled_db_path: None,
    };
    let mut executor = TaskExecutor::new(
        task_manager.clone(),
        Arc::new(registry),
        Arc::new(cache),
        config,
        job_id.clone(),
        Some(["planning", "retrieval", "review", "drafting"].map(|name| format!("{name}_agent")).to_vec()),
    );

    task_manager.add_objective(
        job_id.clone(),
        format!("A paper on {objective}"),
        "planning_agent".to_string(),
        json!({ "objective": objective }),
    )?;

    let (_cancel_tx, cancel_rx) = oneshot::channel();
    let report = executor.execute(job_id.clone(), vec![], cancel_rx).await?;

    let mut paper = String::new();
    for task in task_manager.get_tasks_by_job(&job_id)? {
        if task.agent == "drafting_agent"
            && let Some(data) = &task.output.data
        {
            paper = data["report"].as_str().unwrap_or_default().to_string();
        }
    }
    Ok((report, paper, executor.generate_detailed_dot_graph()))
}
