//! The HTTP API, over real connections: what it answers, whom it refuses, and what it lets nobody see.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use workflow_runtime::Runtime;
use workflow_runtime::http::{Person, ServeError, Site, Token};
use workflow_runtime::prelude::*;
use workflow_tests::folder::Folder;
use workflow_tests::http::{Answer, Client};

/// Refuses what is negative.
#[task_agent(retry(max = 1, first = "1ms"))]
async fn refuse_negative(n: i64) -> Result<i64, AgentError> {
    if n < 0 { Err(AgentError::permanent(format!("{n} is negative"))) } else { Ok(n) }
}

/// Adds one.
#[task_agent]
async fn add_one(n: i64) -> i64 {
    n + 1
}

workflow! {
    /// Counts on from a number that is not negative.
    pub workflow Next(n: i64) -> i64 {
        phase check { checked = refuse_negative(*n); }
        phase count { next = add_one(*checked); }
        *next
    }
}

workflow! {
    /// Waits for somebody.
    pub workflow Waits() -> i64 {
        phase ask { n = signal::<i64>("number"); }
        phase count { next = add_one(*n); }
        *next
    }
}

/// How one logs in somewhere.
#[data]
pub struct Login {
    /// Who.
    user: String,
    /// Known to him only.
    #[schemars(extend("writeOnly" = true))]
    password: String,
}

/// Logs in, and talks too much when it fails.
#[task_agent(retry(max = 1, first = "1ms"))]
async fn log_in(login: Login) -> Result<String, AgentError> {
    Err(AgentError::permanent(format!("{} could not log in with {}", login.user, login.password)))
}

workflow! {
    /// Logs in.
    pub workflow LogsIn(login: Login) -> String {
        phase work { done = log_in(login.clone()); }
        done.clone()
    }
}

/// Says how far it is, and with what, and waits until it is told to stop.
#[task_agent]
async fn come_so_far(ctx: &TaskContext, login: Login, far: f64) -> f64 {
    ctx.progress(far, &format!("by {}", login.password));
    ctx.cancelled().await;
    far
}

workflow! {
    /// Is at two things at once.
    pub workflow Both(login: Login) -> f64 {
        phase work {
            one = come_so_far(login.clone(), 0.25);
            other = come_so_far(login.clone(), 0.5);
        }
        *one + *other
    }
}

/// Gives a text that browsers and terminals would take for more than one.
#[task_agent]
async fn hostile(size: u64) -> String {
    "<script>alert(1)</script>\u{1b}[2J\u{202e}".repeat(usize::try_from(size).unwrap_or(1))
}

const OPERATOR: &str = "operator-0123456789";
const READER: &str = "reader-0123456789";

/// A site at work. It ends with it.
struct Served {
    address: SocketAddr,
    runtime: Runtime,
    _end: tokio::sync::oneshot::Sender<()>,
}

impl Served {
    async fn new(runtime: Runtime, dress: impl FnOnce(Site) -> Site) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("it works");
        let address = listener.local_addr().expect("it works");
        let (end, ends) = tokio::sync::oneshot::channel();
        let site = dress(Site::new(&runtime).program("tests", "1.2.3"));
        tokio::spawn(site.serve(listener, async { drop(ends.await) }));
        Self { address, runtime, _end: end }
    }

    fn client(&self) -> Client {
        Client::new(self.address)
    }
}

/// Runs what blocks beside the server.
async fn apart<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(body).await.expect("it works")
}

fn tokens(site: Site) -> Site {
    site.token(Token::new(Person::operator("ann"), OPERATOR).expect("it works"))
        .token(Token::new(Person::reader("bob"), READER).expect("it works"))
}

/// Waits until a job is over, and gives how it stands.
fn over(client: &Client, id: &str) -> Json {
    let last = client.events(&format!("/api/jobs/{id}/events")).last().expect("it is told of");
    assert_eq!(last.0, "over");
    client.get(&format!("/api/jobs/{id}")).json()
}

fn id_of(answer: &Answer) -> String {
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    answer.json()["job"].as_str().expect("there is a job").to_owned()
}

fn tell_the_story(client: &Client) {
    let wrong = client.post("/api/jobs", &json!({ "name": "Next", "input": { "n": "x" } }));
    assert_eq!((wrong.status, wrong.kind().as_str()), (422, "bad_input"));
    assert_eq!(wrong.json()["error"]["fields"][0]["at"], "/n", "{}", wrong.text());

    let failed = client.post("/api/jobs", &json!({ "name": "Next", "input": { "n": -1, "times": 2 } }));
    assert_eq!(failed.json()["warnings"], json!(["`times` is no field of the input of `Next`"]));
    let failed = id_of(&failed);
    let view = over(client, &failed);
    assert_eq!(view["state"], "failed");
    let step = &view["steps"][0];
    assert_eq!((step["path"].as_str(), step["calls"].as_str()), (Some("checked"), Some("refuse_negative")));
    assert!(step["failure"]["message"].as_str().is_some_and(|why| why.contains("-1 is negative")), "{view}");
    let dead = client.get("/api/jobs?dead=true").json();
    assert_eq!(dead["jobs"][0]["id"], json!(failed));

    let again = json!({ "from": "checked", "input": 41 });
    let again = id_of(&client.post(&format!("/api/jobs/{failed}/rerun"), &again));
    let view = over(client, &again);
    assert_eq!((view["state"].as_str(), &view["output"]), (Some("succeeded"), &json!(42)), "{view}");

    let listed = client.get("/api/jobs?text=NEGATIVE&name=Next").json();
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1), "{listed}");
    let both = client.get("/api/jobs?limit=1").json();
    assert_eq!((both["jobs"][0]["id"].as_str(), &both["more"]), (Some(&*again), &json!(true)));
    let older = client.get(&format!("/api/jobs?limit=1&before={again}")).json();
    assert_eq!(older["jobs"][0]["id"], json!(failed));

    let audit = client.get("/api/audit").json();
    let did: Vec<&str> = audit["records"]
        .as_array()
        .expect("it works")
        .iter()
        .filter_map(|deed| deed["act"]["act"].as_str())
        .collect();
    assert_eq!(did, ["rerun", "submit", "submit"]);
    assert_eq!(audit["records"][0]["came"], json!(format!("job {again}")));
    // Something of this program is secret, so that no input is kept.
    let submitted = json!({ "act": "submit", "name": "Next", "input": "•••" });
    assert_eq!(audit["records"][1]["act"], submitted, "what was not said is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_handed_in_looked_at_and_run_again_in_memory() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), |site| site).await;
    let client = served.client();
    apart(move || tell_the_story(&client)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_handed_in_looked_at_and_run_again_in_a_file() {
    let folder = Folder::new("http");
    let runtime = Runtime::open(folder.file("jobs.db")).await.unwrap();
    let served = Served::new(runtime, |site| site).await;
    let client = served.client();
    apart(move || tell_the_story(&client)).await;
    served.runtime.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_again_hears_what_he_has_not_heard() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), |site| site).await;
    let client = served.client();
    apart(move || {
        let id = id_of(&client.post("/api/jobs", &json!({ "name": "Waits", "input": {} })));
        let path = format!("/api/jobs/{id}/events");
        let heard: Vec<_> = client.events(&path).filter(|(_, id, _)| id.is_some()).take(2).collect();
        assert_eq!((heard[0].1, heard[1].1), (Some(0), Some(1)), "{heard:?}");
        assert_eq!(heard[0].2["fact"], "submitted");
        let wrong =
            client.post(&format!("/api/jobs/{id}/signal"), &json!({ "event": "nothing", "value": 1 }));
        assert!(wrong.status >= 400, "{}", wrong.text());
        let signal = json!({ "event": "number", "value": 1 });
        assert_eq!(client.post(&format!("/api/jobs/{id}/signal"), &signal).status, 200);
        let rest: Vec<_> = client.clone().with("last-event-id", "1").events(&path).collect();
        let numbers: Vec<u64> = rest.iter().filter_map(|(_, id, _)| *id).collect();
        assert_eq!(numbers, (2..2 + numbers.len() as u64).collect::<Vec<_>>());
        assert_eq!(
            rest.last().map(|(name, _, head)| (name.as_str(), head["state"].clone())),
            Some(("over", json!("succeeded")))
        );
        let journal = client.get(&format!("/api/jobs/{id}/journal?after=1&limit=2")).json();
        assert_eq!((journal["lines"][0]["number"].as_u64(), &journal["more"]), (Some(2), &json!(true)));
        let over = client.post(&format!("/api/jobs/{id}/pause"), &json!({}));
        assert_eq!((over.status, over.kind().as_str()), (409, "conflict"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_to_everything_hears_that_something_has_changed() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), |site| site).await;
    let client = served.client();
    apart(move || {
        let mut events = client.events("/api/events");
        let (name, _, first) = events.next().expect("it is told how things stand");
        assert_eq!((name.as_str(), &first["queues"][0]["paused"]), ("change", &json!(false)));
        assert_eq!(client.post("/api/queues/default/pause", &json!({})).status, 200);
        let paused = |(_, _, change): (String, Option<u64>, Json)| change["queues"][0]["paused"] == true;
        assert!(events.by_ref().take(3).any(paused), "it is told that the queue is paused");
        id_of(&client.post("/api/jobs", &json!({ "name": "Waits", "input": {} })));
        let waits = |(_, _, change): (String, Option<u64>, Json)| change["queues"][0]["waiting"] == 1;
        assert!(events.take(3).any(waits), "it is told that a job waits");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_only_this_machine_is_let_in_and_only_its_own_pages_act() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), |site| site).await;
    let client = served.client();
    apart(move || {
        assert_eq!(client.get("/api/jobs").status, 200);
        let body = json!({ "name": "Next", "input": { "n": 1 } });
        let refused = [
            client.clone().with("host", "evil.example"),
            client.clone().with("x-forwarded-for", "10.0.0.1"),
            client.clone().without("x-workflow"),
            client.clone().with("sec-fetch-site", "cross-site"),
        ];
        for other in refused {
            let answer = other.post("/api/jobs", &body);
            assert_eq!((answer.status, answer.kind().as_str()), (403, "forbidden"), "{other:?}");
        }
        assert_eq!(client.clone().with("host", "evil.example").get("/api/jobs").status, 403);
        let form = client.send("POST", "/api/jobs", Some(("text/plain", body.to_string().as_bytes())));
        assert_eq!((form.status, form.kind().as_str()), (400, "misunderstood"));
        assert_eq!(client.get("/api/jobs").json()["jobs"], json!([]));
        assert_eq!(client.post("/api/jobs", &body).status, 201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tokens_everybody_says_who_he_is_and_readers_only_look() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), tokens).await;
    let client = served.client().without("x-workflow");
    apart(move || {
        let nobody = client.get("/api/jobs");
        assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));
        assert_eq!(client.get("/metrics").status, 401);
        assert_eq!(client.get("/health").status, 200);
        assert_eq!(client.get("/").status, 200);
        let bearer = |token: &str| client.clone().with("authorization", &format!("Bearer {token}"));
        assert_eq!(bearer("somebody-0123456789").get("/api/jobs").status, 401);
        let (ann, bob) = (bearer(OPERATOR), bearer(READER));
        assert_eq!(ann.get("/api/about").json()["person"], json!({ "name": "ann", "role": "operator" }));
        let body = json!({ "name": "Next", "input": { "n": 1 } });
        let id = id_of(&ann.post("/api/jobs", &body));
        assert_eq!(over(&bob, &id)["output"], 2);
        for path in ["cancel", "pause", "rerun", "retry", "discard"] {
            let refused = bob.post(&format!("/api/jobs/{id}/{path}"), &json!({}));
            assert_eq!((refused.status, refused.kind().as_str()), (403, "forbidden"), "{path}");
        }
        assert_eq!(bob.get(&format!("/api/jobs/{id}/export")).status, 403);
        assert_eq!(ann.get(&format!("/api/jobs/{id}/export")).json()["head"]["id"], json!(id));
        assert_eq!(ann.get("/api/audit").json()["records"][0]["who"], "ann");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_logs_in_by_a_cookie_that_no_other_site_can_use() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), tokens).await;
    let client = served.client();
    apart(move || {
        assert_eq!(client.post("/api/login", &json!({ "token": "wrong" })).status, 401);
        let login = json!({ "token": OPERATOR });
        assert_eq!(client.clone().without("x-workflow").post("/api/login", &login).status, 403);
        let known = client.post("/api/login", &login);
        assert_eq!(known.json()["person"]["name"], "ann");
        let cookie = known.header("set-cookie").expect("there is a cookie").to_owned();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/;"),
            "{cookie}"
        );
        assert!(!cookie.contains(OPERATOR));
        let browser = client.clone().with("cookie", cookie.split(';').next().unwrap());
        let body = json!({ "name": "Next", "input": { "n": 1 } });
        assert_eq!(browser.post("/api/jobs", &body).status, 201);
        assert_eq!(browser.clone().without("x-workflow").post("/api/jobs", &body).status, 403);
        let out = browser.post("/api/logout", &json!({}));
        assert!(out.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")));
        // Whoever tries many tokens is held back.
        let tried: Vec<u16> =
            (0..40).map(|_| client.post("/api/login", &json!({ "token": "guess" })).status).collect();
        assert!(tried.contains(&429), "{tried:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_that_it_is_mounted_in_says_who_somebody_is() {
    let runtime = Runtime::in_memory().await.unwrap();
    let served = Served::new(runtime, |site| {
        site.login(|headers| {
            let name = headers.get("x-user").and_then(|name| name.to_str().ok()).map(str::to_owned);
            async move { name.map(Person::reader) }
        })
    })
    .await;
    let client = served.client();
    apart(move || {
        assert_eq!(client.get("/api/jobs").status, 401);
        let eve = client.with("x-user", "eve");
        assert_eq!(eve.get("/api/about").json()["person"]["name"], "eve");
        assert_eq!(eve.post("/api/queues/default/pause", &json!({})).status, 403);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_reach_is_not_served_to_everybody() {
    let runtime = Runtime::in_memory().await.unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let served = Site::new(&runtime).serve(listener, std::future::pending()).await;
    assert!(matches!(served, Err(ServeError::Open { .. })), "{served:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_hears_how_far_each_step_is() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), |site| site).await;
    let client = served.client();
    apart(move || {
        let input = json!({ "login": { "user": "ann", "password": "hunter22" } });
        let id = id_of(&client.post("/api/jobs", &json!({ "name": "Both", "input": input })));
        let events = client.events(&format!("/api/jobs/{id}/events"));
        let mut told: Vec<Json> =
            events.filter(|(name, ..)| name == "progress").map(|(_, _, data)| data).take(2).collect();
        told.sort_by_key(|progress| progress["task"].as_u64());
        let expected = [(0, "one", 0.25), (1, "other", 0.5)].map(
            |(task, step, fraction)| json!({ "task": task, "step": step, "fraction": fraction, "message": "by •••" }),
        );
        assert_eq!(told, expected);
        client.post(&format!("/api/jobs/{id}/cancel"), &json!({}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_what_is_secret() {
    let folder = Folder::new("http");
    let runtime = Runtime::open(folder.file("jobs.db")).await.unwrap();
    let served = Served::new(runtime, |site| site).await;
    let client = served.client();
    apart(move || {
        let input = json!({ "login": { "user": "ann", "password": "hunter22" } });
        let id = id_of(&client.post("/api/jobs", &json!({ "name": "LogsIn", "input": input })));
        let view = over(&client, &id);
        assert_eq!(view["input"]["login"], json!({ "user": "ann", "password": "•••" }));
        assert!(
            view["steps"][0]["failure"]["message"]
                .as_str()
                .is_some_and(|why| why.contains("ann could not log in with •••")),
            "{view}"
        );
        let told = client.events(&format!("/api/jobs/{id}/events")).map(|(_, _, data)| data.to_string());
        let told: Vec<String> = told.collect();
        let paths = [
            format!("/api/jobs/{id}"),
            format!("/api/jobs/{id}/journal"),
            "/api/jobs".to_owned(),
            "/api/audit".to_owned(),
        ];
        for text in paths.iter().map(|path| client.get(path).text()).chain(told) {
            assert!(
                text.contains(&id)
                    || text.contains("LogsIn")
                    || text.contains("task")
                    || text.contains("fact"),
                "{text}"
            );
            assert!(!text.contains("hunter22"), "{text}");
        }
    })
    .await;
    served.runtime.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_things_are_refused_or_cut() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), |site| site.body_limit(100_000)).await;
    let client = served.client();
    apart(move || {
        let large = json!({ "name": "hostile", "input": "x".repeat(200_000) });
        let refused = client.post("/api/jobs", &large);
        assert_eq!((refused.status, refused.kind().as_str()), (413, "too_large"));
        let id = id_of(&client.post("/api/jobs", &json!({ "name": "hostile", "input": 200_000 })));
        let view = over(&client, &id);
        assert!(view["output"]["$cut"]["bytes"].as_u64().is_some_and(|bytes| bytes > 1_000_000));
        let whole = client.get(&format!("/api/jobs/{id}?whole=true")).json();
        assert!(whole["output"].as_str().is_some_and(|text| text.starts_with("<script>")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_much_is_held_back() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), |site| site.pace(5, 1)).await;
    let client = served.client();
    apart(move || {
        let answers: Vec<Answer> = (0..20).map(|_| client.get("/api/about")).collect();
        assert!(
            answers.iter().any(|answer| answer.status == 429 && answer.header("retry-after") == Some("1"))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_acted_on_at_once_and_each_is_told_of() {
    let served = Served::new(Runtime::in_memory().await.unwrap(), |site| site).await;
    let client = served.client();
    apart(move || {
        let mut ids: Vec<String> = (0..3)
            .map(|_| id_of(&client.post("/api/jobs", &json!({ "name": "Waits", "input": {} }))))
            .collect();
        ids.push("019ac5c4-6f3a-7000-8000-000000000001".to_owned());
        let came = client.post("/api/bulk", &json!({ "act": "cancel", "jobs": ids })).json();
        let results = came["results"].as_array().unwrap();
        assert_eq!(results.len(), 4);
        assert!(results[..3].iter().all(|result| result["done"]["done"] == "so"), "{came}");
        assert_eq!(results[3]["error"]["kind"], "unknown");
        assert_eq!(over(&client, &ids[0])["state"], "cancelled");
        let many = vec![ids[0].clone(); 1001];
        assert_eq!(client.post("/api/bulk", &json!({ "act": "cancel", "jobs": many })).status, 400);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_wherever_it_is_mounted() {
    let runtime = Runtime::in_memory().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().nest("/deep/jobs", tokens(Site::new(&runtime)).router());
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = Client::new(address);
    apart(move || {
        let moved = client.get("/deep/jobs");
        assert_eq!((moved.status, moved.header("location")), (303, Some("jobs/index.html")));
        let page = client.get("/deep/jobs/index.html");
        assert!(page.status == 200 && page.text().contains("<script"), "{}", page.text());
        assert!(
            page.header("content-security-policy")
                .is_some_and(|policy| policy.contains("default-src 'none'"))
        );
        assert_eq!(client.get("/deep/jobs/page/main.js").status, 200);
        let login = client.post("/deep/jobs/api/login", &json!({ "token": OPERATOR }));
        assert!(
            login.header("set-cookie").is_some_and(|cookie| cookie.contains("Path=/deep/jobs/;")),
            "{login:?}"
        );
    })
    .await;
}

/// Texts that somebody may send to see what happens.
const HOSTILE: [&str; 12] = [
    "",
    "x",
    "0",
    "-1",
    "18446744073709551616",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "'; DROP TABLE heads; --",
    "\u{0}\u{1b}[2J",
    "\u{202e}\u{fffe}",
    "%00%2f",
    "019ac5c4-6f3a-7000-8000-000000000001",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Values of all kinds, some of which a schema may want.
fn values(seed: usize) -> Json {
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(HOSTILE[seed % HOSTILE.len()]),
        json!([[[]]]),
        json!({ "a": {} }),
        json!(["x", 1]),
    ];
    values[seed % values.len()].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_for_by_its_own_description_is_answered_and_nothing_breaks() {
    let served =
        Served::new(Runtime::in_memory().await.unwrap(), |site| site.pace(1_000_000, 1_000_000)).await;
    let client = served.client();
    apart(move || {
        let id = id_of(&client.post("/api/jobs", &json!({ "name": "Waits", "input": {} })));
        let described = client.get("/api/openapi.json").json();
        assert_eq!(described["openapi"], "3.1.0");
        let mut asked = 0;
        for (path, operations) in described["paths"].as_object().expect("there are paths") {
            for (method, operation) in operations.as_object().expect("there are operations") {
                let operation_id = operation["operationId"].as_str().expect("it has a name");
                assert!(operation["responses"]["default"].is_object(), "{operation_id}");
                for seed in 0..40 {
                    let answer = ask(&client, path, method, operation, seed, &id);
                    // What listens to a job goes on for as long as it does.
                    let Some(answer) = answer else { continue };
                    asked += 1;
                    assert!(
                        answer.status < 500,
                        "{operation_id} {seed}: {} {}",
                        answer.status,
                        answer.text()
                    );
                    assert!(answer.header("x-content-type-options").is_some(), "{operation_id}");
                    if answer.status >= 400 {
                        let told = answer.json();
                        assert!(
                            told["error"]["message"].as_str().is_some_and(|message| !message.is_empty()),
                            "{told}"
                        );
                    }
                }
            }
        }
        assert!(asked > 500, "{asked}");
        for (method, path) in [
            ("PUT", "/api/jobs"),
            ("DELETE", "/api/jobs"),
            ("GET", "/api"),
            ("POST", "/api/nothing"),
            ("GET", "/page/..%2f..%2fCargo.toml"),
        ] {
            let answer = client.send(method, path, Some(("application/json", b"{}")));
            assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
        }
        for body in ["", "{", "[]", "null", "{\"name\":", "\u{0}"] {
            let answer = client.send("POST", "/api/jobs", Some(("application/json", body.as_bytes())));
            assert_eq!(answer.kind(), "misunderstood", "{body}");
        }
        assert_eq!(client.get("/health").status, 200);
    })
    .await;
}

/// Asks for something with values that the seed decides.
fn ask(client: &Client, path: &str, method: &str, operation: &Json, seed: usize, id: &str) -> Option<Answer> {
    let text = |place: usize| HOSTILE[(seed * 7 + place * 5) % HOSTILE.len()];
    let (mut path, mut query) = (path.to_owned(), Vec::new());
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    for (place, parameter) in parameters.enumerate() {
        let name = parameter["name"].as_str()?;
        let said = if name == "id" && seed.is_multiple_of(2) { id } else { text(place) };
        match parameter["in"].as_str()? {
            "path" => {
                path =
                    path.replace(&format!("{{{name}}}"), &encoded(if said.is_empty() { "x" } else { said }))
            }
            _ if seed.is_multiple_of(3) => {}
            _ => query.push(format!("{name}={}", encoded(said))),
        }
    }
    if path.ends_with("events") && (seed.is_multiple_of(2) || !path.contains("jobs")) {
        return None;
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    if method == "get" {
        return Some(client.get(&path));
    }
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut body = serde_json::Map::new();
    for (place, name) in
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name).enumerate()
    {
        if !(seed + place).is_multiple_of(4) {
            body.insert(name.clone(), values(seed * 3 + place));
        }
    }
    if seed % 10 == 9 {
        body.insert("more".to_owned(), json!(1));
    }
    // A job that is cancelled has no more to tell.
    if operation["operationId"].as_str()?.ends_with("cancel") && seed.is_multiple_of(2) {
        return None;
    }
    Some(client.post(&path, &Json::Object(body)))
}
