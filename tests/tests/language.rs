//! What workflows mean: every form of the language, run by the reference interpreter.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use workflow_runtime::prelude::*;
use workflow_runtime::{Pool, Registry, Resources};
use workflow_tests::Walker;
use workflow_tests::log::Log;

#[data]
struct Draft {
    text: String,
    score: f64,
}

#[data]
struct Order {
    id: u32,
    lines: Vec<u32>,
    fail: bool,
}

#[task_agent]
async fn write_draft(topic: String) -> Draft {
    Draft { text: topic, score: 0.1 }
}

#[task_agent]
async fn improve(draft: Draft) -> Draft {
    Draft { text: format!("{}+", draft.text), score: draft.score + 0.3 }
}

#[task_agent]
async fn double(number: u32) -> u32 {
    number * 2
}

#[task_agent]
async fn sum(numbers: Vec<u32>) -> u32 {
    numbers.iter().sum()
}

#[task_agent]
async fn fails(number: u32) -> Result<u32, AgentError> {
    Err(AgentError::permanent(format!("{number} is not liked")))
}

#[task_agent]
async fn charge(order: Order, log: State<Log>) -> u32 {
    log.add(format!("charge {}", order.id));
    order.id * 100
}

#[task_agent]
async fn refund(receipt: u32, log: State<Log>) {
    log.add(format!("refund {receipt}"));
}

#[task_agent]
async fn reserve(order: Order, log: State<Log>) -> String {
    log.add("reserve");
    format!("shelf {}", order.id)
}

#[task_agent]
async fn release(place: String, order: u32, log: State<Log>) {
    log.add(format!("release {place} of {order}"));
}

#[task_agent]
async fn ship(order: Order) -> Result<String, String> {
    if order.fail { Err("no ship today".to_owned()) } else { Ok(format!("shipped {}", order.id)) }
}

#[task_agent]
async fn tick(State(log): State<Log>) {
    log.add("tick");
}

workflow! {
    /// Writes and improves a text.
    workflow Write(topic: String) -> Draft {
        phase first { draft = write_draft(topic); }
        phase then {
            best = repeat draft while draft.score < 0.9 max 5 { improve(draft) };
        }
        best
    }
}

workflow! {
    workflow Bounded(topic: String) -> Draft {
        phase only {
            draft = write_draft(topic);
            best = repeat again = draft.clone() while again.score < 100.0 max 2 {
                once = improve(again);
                improve(once)
            };
        }
        best
    }
}

workflow! {
    workflow Fan(numbers: Vec<u32>) -> u32 {
        phase map {
            #[concurrency(8)]
            doubled = for number in numbers { double(number) };
            nested = for number in numbers.iter().filter(|number| **number > 1).copied() {
                twice = double(number);
                inner = for other in vec![*number, *twice] { double(other) };
                sum(inner)
            };
        }
        phase reduce {
            one = sum(doubled);
            two = sum(nested);
        }
        *one * 1000 + *two
    }
}

workflow! {
    workflow Branch(number: u32) -> Value {
        phase only {
            if *number > 10 {
                size = double(number);
                big = double(size);
            } else if *number > 5 {
                size = double(number + 1);
                middle = double(number);
            } else {
                size = double(0);
            }
        }
        json!({ "size": size, "big": big, "middle": middle })
    }
}

workflow! {
    workflow Soft(number: u32) -> Value {
        phase only {
            #[optional] gone = fails(number);
            #[or(double)] saved = fails(number);
            #[after(gone)] there = double(gone.unwrap_or(1));
        }
        json!([gone, saved, there])
    }
}

workflow! {
    workflow Buy(order: Order) -> String {
        phase pay {
            #[undo(refund)] receipt = charge(order);
        }
        phase pack {
            #[undo(release(place, order.id))] place = reserve(order);
        }
        phase send { note = ship(order); }
        format!("{note} for {receipt} from {place}")
    }
}

workflow! {
    #[name("waits-for-others")]
    workflow Wait(wait: u64) -> String {
        phase one {
            #[after(pause)] tick();
            pause = sleep("10m");
            other = sleep(Duration::from_secs(*wait));
            #[after(other)] #[timeout("1d")] approval = signal::<String>("approve");
        }
        phase two {
            written = Write(approval);
        }
        written.text
            .clone()
    }
}

#[task_agent]
#[expect(clippy::too_many_arguments, reason = "it takes all that can be taken")]
async fn uses_everything(
    a: u32,
    ctx: &TaskContext,
    log: State<Log>,
    job_id: &str,
    b: Option<String>,
    task_id: &str,
    pooled: Pooled<String>,
    task_manager: &TaskManager,
) -> Result<String, AgentError> {
    let agents = task_manager.agents().len();
    log.add(format!("{a} {b:?} {job_id} {task_id} {} {} {agents}", ctx.attempt(), *pooled));
    Ok(ctx.idempotency_key())
}

async fn run_with(workflow: &str, input: Value, log: &Log) -> Result<Value, String> {
    let registry = Registry::collect().unwrap_or_else(|problems| panic!("{problems}"));
    let walker = Walker::new(&registry)
        .resources(Resources::new().with_state(log.clone()))
        .signal("approve", "yes".to_owned());
    walker.run(workflow, input).await.map_err(|error| error.to_string())
}

async fn run(workflow: &str, input: Value) -> Value {
    run_with(workflow, input, &Log::default()).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn a_loop_goes_on_while_its_condition_holds() {
    assert_eq!(run("Write", json!({"topic": "x"})).await["text"], "x+++");
}

#[tokio::test]
async fn a_loop_ends_at_its_bound() {
    assert_eq!(run("Bounded", json!({"topic": "x"})).await["text"], "x++++");
}

#[tokio::test]
async fn a_for_keeps_the_order_and_nests() {
    let twice_and_four_times = (2 + 4) * 2 + (3 + 6) * 2;
    assert_eq!(run("Fan", json!({"numbers": [1, 2, 3]})).await, json!(12_000 + twice_and_four_times));
    assert_eq!(run("Fan", json!({"numbers": []})).await, json!(0));
}

#[test]
fn a_for_is_bounded_as_it_says() {
    let registry = Registry::collect().unwrap();
    let plan = registry.workflow("Fan").unwrap().plan();
    assert_eq!(plan.node(0).options.concurrency.map(std::num::NonZeroU32::get), Some(8));
}

#[tokio::test]
async fn names_of_an_if_are_options_where_they_may_be_missing() {
    assert_eq!(run("Branch", json!({"number": 11})).await, json!({"size": 22, "big": 44, "middle": null}));
    assert_eq!(run("Branch", json!({"number": 7})).await, json!({"size": 16, "big": null, "middle": 14}));
    assert_eq!(run("Branch", json!({"number": 1})).await, json!({"size": 0, "big": null, "middle": null}));
}

#[tokio::test]
async fn soft_dependencies_and_fallbacks() {
    assert_eq!(run("Soft", json!({"number": 4})).await, json!([null, 8, 2]));
}

#[tokio::test]
async fn a_failure_takes_back_what_was_done_in_reverse() {
    let log = Log::default();
    let order = json!({"order": {"id": 3, "lines": [], "fail": true}});
    assert_eq!(run_with("Buy", order, &log).await.unwrap_err(), "no ship today");
    assert_eq!(log.take(), ["charge 3", "reserve", "release shelf 3 of 3", "refund 300"]);
    let order = json!({"order": {"id": 4, "lines": [], "fail": false}});
    assert_eq!(run("Buy", order).await, json!("shipped 4 for 400 from shelf 4"));
}

#[tokio::test]
async fn a_workflow_is_called_like_an_agent() {
    assert_eq!(run("waits-for-others", json!({"wait": 1})).await, json!("yes+++"));
}

#[tokio::test]
async fn wrong_input_is_told_by_field() {
    let told = run_with("Fan", json!({"numbers": [1, "two"]}), &Log::default()).await.unwrap_err();
    assert_eq!(told, "the input of `Fan` is not right: \"two\" is not of type \"integer\", at `/numbers/1`");
}

#[tokio::test]
async fn everything_can_be_injected_in_any_position() {
    let registry = Registry::collect().unwrap();
    let log = Log::default();
    let pool = Pool::new(1, || async { Ok::<_, AgentError>("pooled".to_owned()) });
    // What the agents of random workflows want, for they are linked, too.
    let world = workflow_tests::random::World::pure();
    let resources = Arc::new(Resources::new().with_state(log.clone()).with_state(world).with_pool(pool));
    registry.check_resources(&resources).unwrap();
    let context = TaskContext::new("job", "task", 2, resources, registry.task_manager());
    let agent = registry.agent("uses_everything").unwrap();
    let key = agent.call(json!({"a": 1}), context.clone()).await.unwrap();
    assert_eq!(key, json!("job/task"));
    let agents = registry.agents().len();
    assert_eq!(log.take(), [format!("1 None job task 2 pooled {agents}")]);

    let missing = registry.check_resources(&Resources::new()).unwrap_err().to_string();
    assert!(missing.contains("`uses_everything` wants `Pooled<alloc::string::String>`"), "{missing}");
    let wrong = agent.call(json!({"b": 1}), context.clone()).await.unwrap_err().to_string();
    assert_eq!(
        wrong,
        "the input of `uses_everything` is not right: \"a\" is a required property; 1 is not of types \"null\", \"string\", at `/b`"
    );
}

#[tokio::test]
async fn an_agent_stays_an_ordinary_function() {
    assert_eq!(double(4).await, 8);
    assert_eq!(improve(write_draft("x".to_owned()).await).await.text, "x+");
}

#[test]
fn the_inputs_struct_can_be_made_and_read() {
    let order = Buy { order: Order { id: 1, lines: vec![2], fail: false } };
    let json = serde_json::to_value(&order).unwrap();
    assert_eq!(json, json!({"order": {"id": 1, "lines": [2], "fail": false}}));
    let again: Buy = serde_json::from_value(json).unwrap();
    assert_eq!(again.order.lines, order.order.lines);
}
