//! One worker: gives signs of life, takes its share of the sessions, runs them, writes down how far they have come, and
//! gives them away when it is told to stop.

mod bots; // whose sessions there are to be
mod leases; // which sessions it keeps

use crate::applications::Application;
use crate::changes::{self, Changes};
use crate::fleet::Watch;
use crate::forward::Forwarder;
use crate::going::Going;
use crate::health::{self, Health};
use crate::metrics::Metrics;
use crate::session::{Parts, Running};
use crate::tenure::{Permit, Tenure};
use anyhow::{Result, anyhow};
use guildhall::bot::Bot;
use guildhall::discord::Discord;
use guildhall::job::Jobs;
use guildhall::store::{SessionKey, SessionState, ShardPlan, Store, WorkerBeat};
use jiff::Timestamp;
use rand::RngExt as _;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// How often a worker looks at the table: a session that is given away waits half of it, on average.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// The same of a worker that has the table to itself and has nothing to change: each look is paid for. Somebody who comes is
/// seen within it, and keeps an eye on this worker from the first moment.
const LOOK_EVERY_ALONE: Duration = Duration::from_millis(900);

/// How often a worker raises its counter: one may be late and it is not fenced yet.
const BEAT_EVERY: Duration = Duration::from_millis(700);

/// A request to the table that takes longer is given up.
const REQUEST: Duration = Duration::from_secs(1);

/// Alarms look once a minute.
const REPORT_EVERY: Duration = Duration::from_mins(1);

/// Everything is given away within this after a SIGTERM: twenty seconds, less what forgetting the worker may take and a
/// little.
const LEFT_WITHIN: Duration = Duration::from_secs(18);

/// What a worker works with.
#[derive(Debug, Clone)]
pub struct Outside {
    /// The table.
    pub store: Store,
    /// Where it passes on what it hears.
    pub jobs: Jobs,
    /// Discord's REST API.
    pub discord: Arc<Discord>,
}

impl Outside {
    /// What flows in the same process work with; none without Discord.
    pub fn of(bot: &Bot) -> Option<Self> {
        Some(Self { store: bot.store.clone(), jobs: bot.jobs.clone(), discord: bot.discord.clone()? })
    }
}

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Options {
    /// The bots. A change takes effect at once.
    pub applications: watch::Receiver<Vec<Application>>,
    /// Whether nobody else can work on the table: then whatever an earlier process held is free, and no sign of life is
    /// needed.
    pub alone: bool,
    /// How long a job waits for others to travel with. Zero for the local queue, which batches by itself.
    pub linger: Duration,
    /// How long the content of messages is asked for though no server seems to need it: `content::KEPT`.
    pub content_kept: Duration,
    /// Where `/healthz` and `/metrics` are told.
    pub listen: Option<SocketAddr>,
}

/// Works until `stop`; then gives everything away, within twenty seconds.
pub async fn run(outside: Outside, options: Options, stop: CancellationToken) -> Result<()> {
    let metrics = Arc::new(Metrics::default());
    let tenure = Tenure::new(options.alone, Instant::now());
    let _server = match options.listen {
        // What only counts must not keep anybody from being answered.
        Some(address) => match TcpListener::bind(address).await {
            Err(error) => {
                tracing::error!(%address, error = %error, "metrics cannot be served here: GUILDHALL_METRICS_ADDR sets the address");
                None
            }
            Ok(listener) => {
                let health = Health { metrics: Arc::clone(&metrics), tenure: tenure.clone() };
                Some(AbortOnDropHandle::new(tokio::spawn(async move {
                    if let Err(error) = axum::serve(listener, health::router(health)).await {
                        tracing::error!(error = %error, "metrics are no longer served");
                    }
                })))
            }
        },
        None => None,
    };
    // Only fails where it was done already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let me = hex::encode(rand::rng().random::<[u8; 8]>());
    let (leaving, is_leaving) = watch::channel(false);
    let beats = (!options.alone).then(|| {
        let is_leaving = is_leaving.clone();
        AbortOnDropHandle::new(tokio::spawn(beat(outside.store.clone(), me.clone(), tenure.clone(), is_leaving)))
    });
    // On AWS nobody reads `/metrics`; alarms are made of what a worker says by itself.
    let _report = (!options.alone).then(|| {
        let metrics = Arc::clone(&metrics);
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut minutes = tokio::time::interval(REPORT_EVERY);
            loop {
                minutes.tick().await;
                metrics.say();
            }
        }))
    });
    let changes = changes::channel();
    let _changes = AbortOnDropHandle::new(tokio::spawn(changes::watch(outside.store.clone(), changes.clone())));
    let news = Arc::new(Notify::new());
    let mut worker = Worker {
        changes,
        forwarder: Forwarder::start(outside.jobs.clone(), Arc::clone(&metrics), options.linger),
        news: Arc::clone(&news),
        store: outside.store.clone(),
        me: me.clone(),
        outside,
        options,
        tenure,
        permit: None,
        metrics,
        watch: Watch::default(),
        applications: HashMap::new(),
        running: HashMap::new(),
        going: Going::default(),
        leaving: is_leaving,
        fallen: HashMap::new(),
        unknown: HashMap::new(),
        settled: None,
    };
    let told = stop.clone();
    let told_at = tokio::spawn(async move {
        told.cancelled().await;
        Instant::now()
    });
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // Where each look takes longer than the pause after it, chance might choose another one again and again.
            biased;
            () = stop.cancelled() => break,
            // Each look saves, too.
            _ = looks.tick() => {}
            // Nobody could resume a session that is not written down.
            () = news.notified() => {
                worker.save().await;
                continue;
            }
        }
        // To the end even when it is time to stop: what is being taken must not be forgotten.
        if let Err(error) = worker.look().await {
            tracing::warn!(error = format!("{error:#}"), "this worker cannot look after its sessions now");
        }
    }
    tracing::info!(sessions = worker.running.len(), "stopping: sessions are given away");
    leaving.send_replace(true);
    worker.leave(told_at.await? + LEFT_WITHIN).await;
    if !worker.options.alone {
        drop(beats);
        let _ = timeout(REQUEST, worker.store.forget_worker(&me)).await;
    }
    Ok(())
}

/// Raises the counter of a worker, for ever.
async fn beat(store: Store, worker: String, tenure: Tenure, mut leaving: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(BEAT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for count in 1.. {
        tokio::select! {
            _ = ticks.tick() => {}
            Ok(()) = leaving.changed() => {}
        }
        let sent = Instant::now();
        let sign = WorkerBeat { worker: worker.clone(), count, leaving: *leaving.borrow_and_update() };
        match timeout(REQUEST, store.beat(&sign, Timestamp::now())).await {
            Ok(Ok(())) => tenure.renew(sent),
            Ok(Err(error)) => tracing::warn!(error = format!("{error:#}"), "the table does not take a sign of life"),
            Err(_) => tracing::warn!("the table takes too long for a sign of life"),
        }
    }
}

struct Worker {
    outside: Outside,
    store: Store,
    me: String,
    options: Options,
    tenure: Tenure,
    /// For all that runs.
    permit: Option<Permit>,
    forwarder: Forwarder,
    changes: broadcast::Sender<Changes>,
    metrics: Arc<Metrics>,
    /// Set off by a session that is to be written down at once.
    news: Arc<Notify>,
    watch: Watch,
    applications: HashMap<Id<ApplicationMarker>, Served>,
    running: HashMap<SessionKey, Kept>,
    going: Going,
    /// Whether it gives everything away.
    leaving: watch::Receiver<bool>,
    fallen: HashMap<SessionKey, Instant>,
    /// Applications of sessions or plans that are not ours to keep, and since when.
    unknown: HashMap<Id<ApplicationMarker>, Instant>,
    /// When the table was last seen with no other worker and with nothing to do; none where it was not.
    settled: Option<Instant>,
}

/// An application whose sessions are kept.
struct Served {
    application: Application,
    /// When Discord is asked whether the content of messages may be read by now, and the pause after that.
    ask_content: (Instant, Duration),
    /// Since when no server is known to need it, as far as this worker minds that.
    needless_since: Option<Instant>,
    /// There once a plan is known.
    parts: Option<(watch::Sender<ShardPlan>, Arc<Parts>)>,
    _planner: AbortOnDropHandle<()>,
}

struct Kept {
    running: Running,
    saved: SessionState,
    saved_at: Instant,
}

impl Worker {
    /// Looks at the table and does its part.
    async fn look(&mut self) -> Result<()> {
        self.serve_applications();
        // First of all: what ends because this worker has lost its permit has not fallen.
        if !self.permit.as_ref().is_some_and(|permit| permit.holds(Instant::now())) {
            self.fence();
        }
        self.note_what_ended().await;
        self.save().await;
        if self.may_wait(Instant::now()) {
            return Ok(());
        }
        let (leases, beats, plans) = timeout(REQUEST * 2, async {
            tokio::try_join!(self.store.leases(), self.store.workers(), self.store.shard_plans())
        })
        .await
        .map_err(|_| anyhow!("the table takes too long"))??;
        let now = Instant::now();
        self.watch.look(&beats, &leases, now);
        self.forget_applications(&leases, &plans, now).await;
        self.follow_plans(plans);
        let steps = self.decide(&leases, now);
        let is_alone = self.watch.living(now).all(|worker| worker == self.me);
        self.settled = (is_alone && steps.is_empty()).then_some(now);
        self.act(steps).await;
        self.ask_for_more(now);
        self.ask_for_less(&leases, now);
        Ok(())
    }

    /// Whether nothing has happened since the last look, and nobody else is there who could do anything.
    fn may_wait(&self, now: Instant) -> bool {
        self.settled.is_some_and(|looked| now.duration_since(looked) < LOOK_EVERY_ALONE)
            && self.going.keys().next().is_none()
            && self.fallen.is_empty()
            && self.applications.values().all(|served| served.parts.is_some())
    }

    /// Stops everything at once, since others may have taken it. Nothing is written.
    fn fence(&mut self) {
        self.settled = None;
        if !self.running.is_empty() {
            tracing::error!(
                sessions = self.running.len(),
                "the table has taken no sign of life, so this worker's sessions may be somebody else's now: they are stopped"
            );
        }
        for (_, kept) in self.running.drain() {
            kept.running.task.abort();
        }
        self.going = Going::default();
        self.permit = self.tenure.permit(Instant::now());
    }
}
