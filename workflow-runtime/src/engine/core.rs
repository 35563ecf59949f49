//! The engine itself: what all jobs share.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::Clock;
use super::elsewhere::Elsewhere;
use super::executor::{Executor, lock};
use super::gate::Gates;
use super::index::Index;
use super::meter::Meters;
use super::news::Newsroom;
use super::park::ParkedJob;
use super::queue::Waiting;
use super::ready::Ready;
use super::scribe::Scribe;
use super::settings::{AgentLimits, Off, Queue, StallAction};
use super::share::Share;
use super::timers::Timers;
use super::timetable::{ScheduleSetting, Timetable};
use super::turnstile::Turnstile;
use super::watch::Watch;
use crate::adaptive::Lately;
use crate::apart::Apart;
use crate::code::NodeCode;
use crate::context::{Resources, TaskManager};
use crate::definition::NodeKind;
use crate::job_id::{JobId, JobIds};
use crate::program::Program;
use crate::registered::RegisteredAgent;
use crate::registry::Registry;
use crate::stats::{AgentStats, Counters};
use crate::store::{Epoch, WordId};
use crate::upgrade::Plans;

/// The queue of what names none.
pub(crate) const DEFAULT_QUEUE: &str = "default";

/// Which job has which unique key: by the name of what it runs, and the key.
pub(crate) type Uniques = HashMap<(Arc<str>, Arc<str>), JobId>;

/// The engine. It lies apart from the counter of those who hold it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Engine {
    pub(crate) registry: Arc<Registry>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) manager: TaskManager,
    pub(crate) executor: Executor,
    pub(crate) clock: Clock,
    pub(crate) timers: Arc<Timers>,
    pub(crate) timetable: Timetable,
    pub(crate) ids: JobIds,
    pub(crate) index: Index,
    pub(crate) gates: Gates,
    pub(super) turnstile: Turnstile,
    pub(crate) watch: Watch,
    /// Who writes to the store, if there is one.
    pub(crate) scribe: Option<Arc<Scribe>>,
    pub(super) ready: Ready,
    /// Jobs that other nodes hold, and who waits for them here.
    pub(super) elsewhere: Arc<Elsewhere>,
    /// What the store tells of what other nodes have done.
    pub(super) news: Arc<Newsroom>,
    /// Words of other nodes that jobs were told, under the epochs under which they are held, as far as no reply is known to
    /// be written.
    pub(super) words: Mutex<HashSet<(WordId, Epoch)>>,
    pub(crate) config: Config,
    pub(super) agents: Vec<AgentRun>,
    pub(super) meters: Meters,
    /// Some agent or step has hooks.
    pub(super) has_hooks: bool,
    programs: Vec<Apart<OnceLock<Arc<Program>>>>,
    /// What this node is called.
    pub(super) node: Arc<str>,
    /// The names of agents, and those of workflows.
    pub(super) names: (Vec<Arc<str>>, Vec<Arc<str>>),
    default_queue: Arc<Waiting>,
    queues: RwLock<Queues>,
    pub(super) unique: Mutex<Uniques>,
    /// Which job has taken which key for ever, where there is no store to know it.
    pub(crate) taken: Mutex<HashMap<Arc<str>, JobId>>,
    /// The plans of other programs, as far as the store has told.
    pub(crate) plans: Plans,
    /// Which plans of this program the store has.
    pub(super) kept_plans: Vec<OnceLock<()>>,
    /// Jobs in the store that this program cannot go on with.
    pub(super) parked: Mutex<BTreeMap<JobId, ParkedJob>>,
    /// Told when all jobs in the store have been read that are not over; and whether that is so.
    pub(super) recovered: (Notify, AtomicBool),
    /// Held by who sets something for all nodes: who reads it meanwhile might take it back.
    pub(crate) setting: tokio::sync::Mutex<()>,
    /// There may be more to take over than there was room for.
    pub(super) has_more: AtomicBool,
    /// What people had done, where there is no store to keep it.
    pub(crate) deeds: Mutex<std::collections::VecDeque<crate::deed::Deed>>,
    /// How agents have done, as far as it is not kept yet.
    pub(super) counted: super::report::Counted,
    /// What choices have come to.
    pub(super) learned: super::learned::Learned,
    /// Held by who takes jobs over from the store: what it gave one of them, another finds in memory.
    pub(super) taking: Mutex<()>,
    /// Who writes jobs that are forgotten to files.
    #[cfg(feature = "archive")]
    pub(super) archive: Mutex<Option<crate::archive::ArchiveWriter>>,
    /// Attempts whose future is there.
    pub(crate) active: AtomicUsize,
    /// Told, once a shutdown has begun, whenever an attempt ends.
    pub(crate) quiet: Notify,
    /// What is there for as long as it takes something in: let go of when a shutdown begins.
    pub(crate) open: Mutex<Vec<Box<dyn std::any::Any + Send>>>,
    pub(crate) stopping: AtomicBool,
    /// It has shut down.
    pub(crate) is_down: AtomicBool,
    pub(super) random: AtomicU64,
    /// What a test has put in the place of agents.
    pub(crate) overrides: Mutex<HashMap<u32, Override>>,
    pub(crate) has_overrides: AtomicBool,
    /// How many records more may be written before all stops, as a test wants it.
    pub(crate) crash_after: AtomicUsize,
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(scribe) = &self.scribe {
            scribe.close();
        }
        self.elsewhere.wake();
    }
}

/// What a test has put in the place of an agent.
#[derive(Clone, Default)]
pub(crate) struct Override {
    pub(crate) body: Option<Body>,
    /// Attempts that fail, by their number.
    pub(crate) failing: Vec<(u32, crate::failure::Failure, crate::error::Advice)>,
}

/// The code of an agent.
type Body =
    Arc<dyn Fn(crate::data::Erased, crate::context::TaskContext) -> crate::agent::Running + Send + Sync>;

impl std::fmt::Debug for Override {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Override({} failing)", self.failing.len())
    }
}

/// What was set when the runtime was built.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) on_stall: StallAction,
    /// How long an attempt that is told to stop may take to do so.
    pub(crate) grace: Duration,
    /// How many jobs that are over are remembered.
    pub(crate) keep: usize,
    /// How often a task's process may be killed while it runs.
    pub(crate) deaths: u32,
    /// Which jobs are for this node, where others share the store.
    pub(crate) share: Share,
    /// How long jobs that are over are kept in a store.
    pub(crate) retention: Option<crate::retention::Retention>,
    /// By how much of itself a retry's delay may be shortened, at random.
    pub(crate) jitter: f64,
    /// Whether attempts are polled at once by whoever starts them, if they are known to be quick.
    pub(crate) inline: bool,
    /// What is switched off.
    pub(crate) off: Off,
    /// What is set of schedules, by their names.
    pub(crate) schedules: BTreeMap<Arc<str>, ScheduleSetting>,
    /// Nothing is started here: somebody only wants something done to jobs.
    pub(crate) hands_off: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            on_stall: StallAction::default(),
            grace: Duration::from_secs(5),
            keep: 1000,
            deaths: 5,
            share: Share::default(),
            retention: None,
            jitter: 0.25,
            inline: true,
            off: Off::default(),
            schedules: BTreeMap::new(),
            hands_off: false,
        }
    }
}

#[derive(Debug, Default)]
struct Queues {
    by_name: HashMap<Arc<str>, Arc<Waiting>>,
    by_place: Vec<Arc<Waiting>>,
}

/// An agent at work.
#[derive(Debug)]
pub(crate) struct AgentRun {
    pub(super) limits: AgentLimits,
    /// Some step limits how many of its attempts run, so that all are counted.
    pub(super) counted: bool,
    /// It is switched off: its attempts wait.
    pub(super) shut: bool,
    /// How long its attempts took of late, where its timeout follows that.
    pub(super) lately: Mutex<Lately>,
    pub(super) counters: Counters,
    /// How long its polls take, in nanoseconds: a moving median; 0 while unknown.
    pub(super) pace: Apart<AtomicU32>,
    pub(super) trying: AtomicU32,
}

/// What an engine is made of.
pub(crate) struct Parts {
    pub(crate) registry: Arc<Registry>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) executor: Executor,
    pub(crate) clock: Clock,
    pub(crate) ids: JobIds,
    pub(crate) watch: Watch,
    pub(crate) scribe: Option<Arc<Scribe>>,
    pub(crate) config: Config,
    pub(crate) queues: Vec<Queue>,
    pub(crate) limits: HashMap<String, AgentLimits>,
    pub(crate) seed: u64,
}

/// Whether some agent or step has hooks.
fn has_hooks(registry: &Registry) -> bool {
    let nodes = registry.workflows().iter().flat_map(|workflow| &workflow.code().nodes);
    let mut of_steps = nodes.filter_map(|node| match node {
        NodeCode::Step { hooks, .. } => Some(hooks),
        _ => None,
    });
    of_steps.any(|hooks| !hooks.is_empty()) || registry.agents().iter().any(|agent| !agent.hooks().is_empty())
}

/// The agents that some step limits.
fn limited_by_steps(registry: &Registry) -> HashSet<String> {
    let nodes = registry.workflows().iter().flat_map(|workflow| &workflow.plan().definition().nodes);
    let limited = nodes.filter(|node| node.options.concurrency.is_some() || node.options.rate.is_some());
    let callees = limited.filter_map(|node| match &node.kind {
        NodeKind::Step(step) => Some(std::iter::once(&step.callee).chain(&step.or)),
        _ => None,
    });
    callees.flatten().map(|callee| callee.name.clone()).collect()
}

impl Engine {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { registry, resources, executor, clock, ids, watch, scribe, config, queues, limits, seed } =
            parts;
        let limited = limited_by_steps(&registry);
        let agents = registry.agents().iter().map(|agent| AgentRun {
            counted: limited.contains(agent.name()),
            shut: config.off.has(agent.name()),
            limits: limits.get(agent.name()).copied().unwrap_or_default(),
            lately: Mutex::default(),
            counters: Counters::default(),
            pace: Apart::default(),
            trying: AtomicU32::new(0),
        });
        let agents = agents.collect();
        let meters = Meters::new(registry.agents().len(), registry.workflows().len());
        if scribe.is_some() {
            meters.lease.begun.store(1, std::sync::atomic::Ordering::Relaxed);
            meters.lease.heard.store(clock.now().as_micros(), std::sync::atomic::Ordering::Relaxed);
        }
        let set_default = queues.iter().find(|queue| &*queue.name == DEFAULT_QUEUE).cloned();
        let default_queue =
            Arc::new(Waiting::new(0, set_default.unwrap_or_else(|| Queue::new(DEFAULT_QUEUE))));
        let places = registry.agents().len() + registry.workflows().len();
        let kept_plans = (0..places).map(|_| OnceLock::new());
        let engine = Self {
            has_hooks: has_hooks(&registry),
            names: (
                registry.agents().iter().map(|agent| Arc::from(agent.name())).collect(),
                registry.workflows().iter().map(|workflow| Arc::from(workflow.name())).collect(),
            ),
            node: scribe.as_ref().map_or("memory", |scribe| scribe.node()).into(),
            programs: registry.workflows().iter().map(|_| Apart::default()).collect(),
            manager: registry.task_manager(),
            registry,
            resources,
            executor,
            clock,
            timers: Arc::default(),
            timetable: Timetable::default(),
            ids,
            index: Index::new(config.keep),
            gates: Gates::new(scribe.as_ref().is_some_and(|scribe| scribe.lease().is_some())),
            turnstile: Turnstile::default(),
            watch,
            scribe,
            ready: Ready::default(),
            elsewhere: Arc::default(),
            news: Arc::default(),
            words: Mutex::default(),
            config,
            agents,
            meters,
            default_queue: Arc::clone(&default_queue),
            queues: RwLock::default(),
            unique: Mutex::default(),
            taken: Mutex::default(),
            plans: Plans::default(),
            kept_plans: kept_plans.collect(),
            parked: Mutex::default(),
            recovered: (Notify::new(), AtomicBool::new(false)),
            #[cfg(feature = "archive")]
            archive: Mutex::default(),
            active: AtomicUsize::new(0),
            quiet: Notify::new(),
            setting: tokio::sync::Mutex::default(),
            has_more: AtomicBool::new(false),
            deeds: Mutex::default(),
            counted: Default::default(),
            learned: Default::default(),
            taking: Mutex::default(),
            open: Mutex::default(),
            stopping: AtomicBool::new(false),
            is_down: AtomicBool::new(false),
            random: AtomicU64::new(seed),
            overrides: Mutex::default(),
            has_overrides: AtomicBool::new(false),
            crash_after: AtomicUsize::new(usize::MAX),
        };
        engine.add_queue(default_queue);
        for queue in queues.into_iter().filter(|queue| &*queue.name != DEFAULT_QUEUE) {
            let place = engine.queue_count();
            engine.add_queue(Arc::new(Waiting::new(place, queue)));
        }
        let engine = Arc::new(engine);
        if let Executor::Tokio(handle) = &engine.executor {
            let timers = Arc::clone(&engine.timers);
            drop(handle.spawn(super::timers::keep_time(timers, Arc::downgrade(&engine))));
        }
        engine
    }

    fn queue_count(&self) -> u16 {
        let queues = self.queues.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        u16::try_from(queues.by_place.len()).unwrap_or(u16::MAX)
    }

    /// The queue at a place.
    pub(crate) fn queue_at(&self, place: u16) -> Cow<'_, Arc<Waiting>> {
        if place == 0 {
            return Cow::Borrowed(&self.default_queue);
        }
        let queues = self.queues.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Cow::Owned(Arc::clone(queues.by_place.get(place as usize).unwrap_or(&self.default_queue)))
    }

    fn add_queue(&self, queue: Arc<Waiting>) {
        if self.config.hands_off || queue.settings.paused {
            queue.pause();
        }
        let mut queues = self.queues.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        queues.by_name.insert(Arc::clone(&queue.settings.name), Arc::clone(&queue));
        queues.by_place.push(queue);
    }

    /// The queue of this name, made if there is none.
    pub(crate) fn queue(&self, name: &str) -> Arc<Waiting> {
        if name == DEFAULT_QUEUE {
            return Arc::clone(&self.default_queue);
        }
        if let Some(queue) = self.known_queue(name) {
            return queue;
        }
        let mut queues = self.queues.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(queue) = queues.by_name.get(name) {
            return Arc::clone(queue);
        }
        let Ok(place) = u16::try_from(queues.by_place.len()) else {
            tracing::warn!(queue = name, "there are 65,536 queues already; the default one is taken");
            return Arc::clone(&self.default_queue);
        };
        let queue = Arc::new(Waiting::new(place, Queue::new(name)));
        if self.config.hands_off {
            queue.pause();
        }
        queues.by_name.insert(Arc::clone(&queue.settings.name), Arc::clone(&queue));
        queues.by_place.push(Arc::clone(&queue));
        queue
    }

    fn known_queue(&self, name: &str) -> Option<Arc<Waiting>> {
        let queues = self.queues.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        queues.by_name.get(name).cloned()
    }

    pub(crate) fn queues(&self) -> Vec<Arc<Waiting>> {
        self.queues.read().unwrap_or_else(std::sync::PoisonError::into_inner).by_place.clone()
    }

    pub(crate) fn default_queue(&self) -> &Arc<Waiting> {
        &self.default_queue
    }

    /// A workflow, ready to run.
    pub(crate) fn program(&self, workflow: u32) -> &Arc<Program> {
        let place = &self.programs[workflow as usize];
        place.get_or_init(|| {
            let workflow = &self.registry.workflows()[workflow as usize];
            Arc::new(Program::new(workflow, &self.registry))
        })
    }

    pub(crate) fn agent(&self, agent: u32) -> &RegisteredAgent {
        &self.registry.agents()[agent as usize]
    }

    pub(crate) fn stats(&self, agent: &str) -> Option<AgentStats> {
        let place = self.registry.agent_place(agent)?;
        Some(self.agents[place as usize].counters.read())
    }

    /// The limits that were set for agents.
    pub(crate) fn limits(&self) -> HashMap<String, AgentLimits> {
        let limited = self.registry.agents().iter().zip(&self.agents);
        limited.map(|(agent, run)| (agent.name().to_owned(), run.limits)).collect()
    }

    /// A number from 0 to 1, not 1 itself.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(super) fn random(&self) -> f64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.random.fetch_add(step, std::sync::atomic::Ordering::Relaxed).wrapping_add(step);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn forget_unique(&self, name: &str, key: &Arc<str>, id: JobId) {
        let mut unique = lock(&self.unique);
        let place = (Arc::from(name), Arc::clone(key));
        if unique.get(&place) == Some(&id) {
            unique.remove(&place);
        }
    }
}
