//! What the worker counts, as Prometheus reads it.

use crate::session::Phase;
use guildhall::job::Job;
use guildhall::store::SessionKey;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Events that are counted under their own name. Others are counted together, so that what Discord sends cannot make more
/// and more series.
const EVENTS: [&str; 20] = [
    "READY",
    "RESUMED",
    "MESSAGE_CREATE",
    "MESSAGE_UPDATE",
    "MESSAGE_DELETE",
    "MESSAGE_DELETE_BULK",
    "INTERACTION_CREATE",
    "GUILD_CREATE",
    "GUILD_UPDATE",
    "GUILD_DELETE",
    "GUILD_ROLE_CREATE",
    "GUILD_ROLE_UPDATE",
    "GUILD_ROLE_DELETE",
    "CHANNEL_CREATE",
    "CHANNEL_UPDATE",
    "CHANNEL_DELETE",
    "THREAD_CREATE",
    "THREAD_UPDATE",
    "THREAD_DELETE",
    "THREAD_LIST_SYNC",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfApplication {
    application: u64,
}

/// What the worker counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    sessions: Family<State, Gauge>,
    phases: Mutex<HashMap<SessionKey, Phase>>,
    /// One counter for each of [`EVENTS`], and one for all others: counted for each frame, so without a lookup in a map.
    events: [Counter; EVENTS.len() + 1],
    /// Frames that are no events.
    pub unreadable_frames: Counter,
    /// Connections that ended without our doing.
    pub disconnects: Counter,
    jobs: Family<Kind, Counter>,
    /// Tries to hand jobs to the queue that it refused.
    pub refusals: Counter,
    /// Jobs that wait for the queue.
    pub backlog: Gauge,
    lag: Histogram,
    identifies: Family<OfApplication, Gauge>,
    left: Mutex<HashMap<u64, u32>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("guildhall_gateway");
        let sessions = Family::<State, Gauge>::default();
        registry.register("sessions", "Sessions of this worker by state", sessions.clone());
        let by_kind = Family::<Kind, Counter>::default();
        registry.register("events", "Events received by kind", by_kind.clone());
        let events = std::array::from_fn(|i| {
            let kind = EVENTS.get(i).copied().unwrap_or("other");
            by_kind.get_or_create_owned(&Kind { kind })
        });
        let unreadable_frames = Counter::default();
        registry.register("unreadable_frames", "Frames that could not be read", unreadable_frames.clone());
        let disconnects = Counter::default();
        registry.register("disconnects", "Connections that ended and were not ended by us", disconnects.clone());
        let jobs = Family::<Kind, Counter>::default();
        registry.register("jobs", "Jobs accepted by the queue by kind", jobs.clone());
        let refusals = Counter::default();
        registry.register("refusals", "Attempts to queue a job that the queue refused", refusals.clone());
        let backlog = Gauge::default();
        registry.register("backlog", "Jobs that wait for the queue", backlog.clone());
        // From a local group commit to a queue that is away for a while.
        let lag = Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0, 60.0]);
        registry.register_with_unit("queue_lag", "From the decision to the accepted job", Unit::Seconds, lag.clone());
        let identifies = Family::<OfApplication, Gauge>::default();
        registry.register("identifies_left", "Session starts left until Discord's reset", identifies.clone());
        Self {
            registry,
            sessions,
            phases: Mutex::default(),
            events,
            unreadable_frames,
            disconnects,
            jobs,
            refusals,
            backlog,
            lag,
            identifies,
            left: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Counts an event.
    pub fn event(&self, kind: &str) {
        let place = EVENTS.iter().position(|&known| known == kind).unwrap_or(EVENTS.len());
        self.events[place].inc();
    }

    /// Counts a job that was accepted so long after it was decided.
    pub fn accepted(&self, job: &Job, lag: Duration) {
        let kind = match job {
            Job::Answer(_) => "answer",
            Job::Edited { .. } => "edited",
            Job::Deleted { .. } => "deleted",
            Job::Notify(_) => "notify",
            Job::Remember(_) => "remember",
            _ => "other",
        };
        self.jobs.get_or_create(&Kind { kind }).inc();
        self.lag.observe(lag.as_secs_f64());
    }

    /// Takes note of what a session does now; none when it is over.
    pub fn session(&self, key: SessionKey, phase: Option<Phase>) {
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match phase {
            Some(phase) => phases.insert(key, phase),
            None => phases.remove(&key),
        };
        if let Some(before) = before {
            self.sessions.get_or_create(&State { state: before.name() }).dec();
        }
        if let Some(phase) = phase {
            self.sessions.get_or_create(&State { state: phase.name() }).inc();
        }
    }

    /// Takes note of how many session starts are left.
    pub fn identifies_left(&self, application: u64, left: u32) {
        self.identifies.get_or_create(&OfApplication { application }).set(i64::from(left));
        self.left.lock().unwrap_or_else(PoisonError::into_inner).insert(application, left);
    }

    /// Says in the log how this worker is connected: `infra/gateway.yaml` makes figures of the line, and alarms of those.
    pub fn say(&self) {
        let phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = phases.values().filter(|phase| matches!(phase, Phase::Ready | Phase::Held)).count();
        let disconnected = phases.values().filter(|phase| matches!(phase, Phase::Connecting | Phase::Stopped)).count();
        let identifies_left = self.left.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied();
        tracing::info!(connected, disconnected, identifies_left, backlog = self.backlog.get(), "gateway sessions");
    }

    /// Everything in Prometheus's text format.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        match text::encode(&mut out, &self.registry) {
            Ok(()) => out,
            Err(_) => String::new(),
        }
    }
}
