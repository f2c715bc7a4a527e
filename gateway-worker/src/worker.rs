//! One worker: gives signs of life, takes its share of the sessions, runs them, writes down how far they have come, and
//! gives them away when it is told to stop.

use crate::applications::Application;
use crate::changes::{self, Changes};
use crate::content;
use crate::fleet::{self, Step, View, Wanted, Watch};
use crate::forward::Forwarder;
use crate::going::Going;
use crate::health::{self, Health};
use crate::identify::IdentifyQueue;
use crate::metrics::Metrics;
use crate::plan::{self, Planner};
use crate::session::{self, Order, Parts, Running};
use crate::tenure::{Permit, Tenure};
use anyhow::{Result, anyhow};
use futures::future::join_all;
use guildhall::bot::Bot;
use guildhall::discord::Discord;
use guildhall::job::Jobs;
use guildhall::store::{Lease, SessionKey, SessionState, ShardPlan, Store, WorkerBeat};
use jiff::Timestamp;
use rand::RngExt as _;
use std::collections::{HashMap, HashSet};
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

/// How often a worker raises its counter: one may be late and it is not fenced yet.
const BEAT_EVERY: Duration = Duration::from_millis(700);

/// A request to the table that takes longer is given up.
const REQUEST: Duration = Duration::from_secs(1);

/// How often a session's progress is written down.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// A session whose task fell is left alone for this long.
const AFTER_FALL: Duration = Duration::from_secs(5);

/// How long sessions and plans of an application that this worker does not know are left alone: another worker may know it
/// already, and Discord keeps no session for so long.
const GONE_AFTER: Duration = Duration::from_mins(10);

/// When Discord is first asked again whether the content of messages may be read: whoever is in the developer portal
/// switches it on now. The pause doubles each time.
const FIRST_ASKED: Duration = Duration::from_secs(5);

/// The longest pause between such requests.
const ASKED_EVERY: Duration = Duration::from_mins(5);

/// Alarms look once a minute.
const REPORT_EVERY: Duration = Duration::from_mins(1);

/// Sessions end within this by themselves; a little less than the twenty seconds of a SIGTERM.
const ENDED_WITHIN: Duration = Duration::from_secs(16);

/// Tries to give a session away in the table.
const RELEASE_TRIES: u32 = 3;

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
    /// How long the content of messages is asked for though no server seems to need it: [`content::KEPT`].
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
        fallen: HashMap::new(),
        unknown: HashMap::new(),
    };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            // Nobody could resume a session that is not written down.
            () = news.notified() => {
                worker.save().await;
                continue;
            }
            _ = looks.tick() => {}
        }
        // To the end even when it is time to stop: what is being taken must not be forgotten.
        if let Err(error) = worker.look().await {
            tracing::warn!(error = format!("{error:#}"), "this worker cannot look after its sessions now");
        }
    }
    tracing::info!(sessions = worker.running.len(), "stopping: sessions are given away");
    leaving.send_replace(true);
    worker.leave().await;
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
    fallen: HashMap<SessionKey, Instant>,
    /// Applications of sessions or plans that are not ours to keep, and since when.
    unknown: HashMap<Id<ApplicationMarker>, Instant>,
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
        self.act(steps).await;
        self.ask_for_more(now);
        self.ask_for_less(&leases, now);
        Ok(())
    }

    /// Takes note of whose sessions and plans are nobody's, and removes plans that long have been.
    async fn forget_applications(&mut self, leases: &[Lease], plans: &[ShardPlan], now: Instant) {
        let named = leases.iter().map(|lease| lease.key.application).chain(plans.iter().map(|plan| plan.application));
        let strange: HashSet<_> = named.filter(|application| !self.applications.contains_key(application)).collect();
        self.unknown.retain(|application, _| strange.contains(application));
        for application in strange {
            self.unknown.entry(application).or_insert(now);
        }
        for application in self.gone(now) {
            let is_used = leases.iter().any(|lease| lease.key.application == application);
            if !is_used && let Err(error) = self.store.delete_shard_plan(application).await {
                tracing::warn!(application.id = %application, error = format!("{error:#}"), "the plan of a bot that is gone could not be removed yet");
            }
        }
    }

    fn gone(&self, now: Instant) -> HashSet<Id<ApplicationMarker>> {
        let is_gone = |since: &Instant| now.duration_since(*since) >= GONE_AFTER;
        self.unknown.iter().filter(|(_, since)| is_gone(since)).map(|(application, _)| *application).collect()
    }

    /// Sees to it that the content of messages is asked for where a server is set to all messages: by a further generation
    /// of sessions, which begin beside those that are there. Where Discord has refused it, it is asked from time to time
    /// whether an admin has switched it on.
    fn ask_for_more(&mut self, now: Instant) {
        for (key, kept) in &self.running {
            let state = kept.running.state.borrow();
            if !state.wants_content || key.reads_content() && !state.content_refused {
                continue;
            }
            let Some(served) = self.applications.get_mut(&key.application) else { continue };
            let Some((plan, _)) = &served.parts else { continue };
            let (at, pause) = served.ask_content;
            if plan.borrow().generation != key.generation || (state.content_refused && now < at) {
                continue;
            }
            if state.content_refused {
                served.ask_content = (now + pause, (pause * 2).min(ASKED_EVERY));
            }
            let (store, discord) = (self.store.clone(), Arc::clone(&self.outside.discord));
            let (key, is_refused) = (*key, state.content_refused);
            tokio::spawn(async move {
                if is_refused && !discord.own(key.application).await.is_ok_and(|own| own.may_read_content()) {
                    return;
                }
                match store.next_generation(key.application, key.generation, true).await {
                    Ok(false) => {}
                    Ok(true) => {
                        tracing::info!(application.id = %key.application, "a server wants all its messages read: sessions that ask for their content are begun");
                    }
                    Err(error) => {
                        tracing::warn!(application.id = %key.application, error = format!("{error:#}"), "sessions that ask for the content of messages could not be planned yet");
                    }
                }
            });
        }
    }

    /// Sees to it that the content of messages is no longer asked for once no server has needed it for some time: again by a
    /// further generation of sessions. Whoever keeps the first of them minds that.
    fn ask_for_less(&mut self, leases: &[Lease], now: Instant) {
        for (&application, served) in &mut self.applications {
            let Some((plan, parts)) = &served.parts else { continue };
            let ShardPlan { total, generation, .. } = *plan.borrow();
            let first = SessionKey { application, total, generation, shard: 0 };
            let is_needed =
                leases.iter().any(|lease| lease.key.application == application && lease.state.wants_content);
            if is_needed || !first.reads_content() || !self.running.contains_key(&first) {
                served.needless_since = None;
            } else if now.duration_since(*served.needless_since.get_or_insert(now)) >= self.options.content_kept {
                served.needless_since = None;
                tokio::spawn(content::give_up(Arc::clone(parts), first));
            }
        }
    }

    /// Stops everything at once, since others may have taken it. Nothing is written.
    fn fence(&mut self) {
        if !self.running.is_empty() {
            tracing::error!(
                sessions = self.running.len(),
                "the table has taken no sign of life, so this worker's sessions may be somebody else's now: they are stopped"
            );
        }
        for (_, kept) in self.running.drain() {
            kept.running.task.abort();
        }
        self.permit = self.tenure.permit(Instant::now());
    }

    fn serve_applications(&mut self) {
        let wanted = self.options.applications.borrow_and_update().clone();
        self.applications.retain(|id, served| {
            let known = &served.application;
            wanted.iter().any(|new| new.id == *id && new.shards == known.shards && new.revision == known.revision)
        });
        for application in wanted {
            if self.applications.contains_key(&application.id) {
                continue;
            }
            let planner = Planner {
                application: application.id,
                store: self.store.clone(),
                discord: Arc::clone(&self.outside.discord),
                set: application.shards,
                revision: application.revision.clone(),
                worker: self.me.clone(),
                metrics: Arc::clone(&self.metrics),
            };
            let planner = AbortOnDropHandle::new(tokio::spawn(plan::keep(planner)));
            let ask_content = (Instant::now() + FIRST_ASKED, FIRST_ASKED);
            let id = application.id;
            self.applications
                .insert(id, Served { application, ask_content, needless_since: None, parts: None, _planner: planner });
        }
    }

    fn follow_plans(&mut self, plans: Vec<ShardPlan>) {
        for plan in plans {
            let Some(served) = self.applications.get_mut(&plan.application) else { continue };
            if let Some((known, _)) = &served.parts {
                known.send_if_modified(|known| *known != plan && std::mem::replace(known, plan.clone()) != plan);
                continue;
            }
            let application = plan.application;
            let (tell, told) = watch::channel(plan);
            let (discord, metrics) = (Arc::clone(&self.outside.discord), Arc::clone(&self.metrics));
            let identify = IdentifyQueue::new(
                application,
                self.store.clone(),
                Arc::clone(&discord),
                told.clone(),
                Arc::clone(&metrics),
            );
            let parts = Parts {
                outside: self.outside.clone(),
                token: served.application.token.clone(),
                revision: served.application.revision.clone(),
                account: served.application.account.clone(),
                plan: told,
                identify,
                forwarder: self.forwarder.clone(),
                metrics,
                news: Arc::clone(&self.news),
                changes: self.changes.clone(),
            };
            served.parts = Some((tell, Arc::new(parts)));
        }
    }

    fn decide(&mut self, leases: &[Lease], now: Instant) -> Vec<Step> {
        self.fallen.retain(|_, since| now.duration_since(*since) < AFTER_FALL);
        let applications = self
            .applications
            .iter()
            .filter_map(|(&id, served)| {
                let plan = served.parts.as_ref()?.0.borrow();
                let revision = served.application.revision.clone();
                Some((id, Wanted { total: plan.total, generation: plan.generation, revision }))
            })
            .collect();
        let dead = leases
            .iter()
            .filter_map(|lease| lease.owner.clone())
            .filter(|owner| *owner != self.me && (self.options.alone || self.watch.is_dead(owner, now)))
            .collect();
        let mut living = vec![self.me.clone()];
        if !self.options.alone {
            living.extend(self.watch.living(now).filter(|worker| *worker != self.me).map(str::to_owned));
        }
        let running: HashSet<SessionKey> = self.running.keys().copied().collect();
        let busy = self.going.keys().chain(self.fallen.keys().copied()).collect();
        let view = View {
            me: &self.me,
            leases,
            applications: &applications,
            gone: &self.gone(now),
            living: &living,
            dead: &dead,
            running: &running,
            busy: &busy,
        };
        let mut steps = fleet::decide(&view);
        // Bots that are gone, or have another token now: in the second case it is taken up again at once.
        for (key, kept) in &self.running {
            match self.applications.get(&key.application) {
                None => steps.push(Step::End(*key)),
                Some(served) => {
                    if served.application.revision != kept.running.revision {
                        steps.push(Step::Release(*key));
                    }
                }
            }
        }
        steps
    }

    async fn act(&mut self, steps: Vec<Step>) {
        let Some(permit) = self.permit.clone() else { return };
        let (mut wanted, mut others) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Take(lease) => wanted.push(lease),
                Step::Release(key) => self.let_go(key, Order::Release, &permit),
                Step::End(key) => self.let_go(key, Order::End, &permit),
                step => others.push(step),
            }
        }
        let store = &self.store;
        join_all(others.into_iter().map(|step| async move {
            let done = match step {
                Step::Create(key) => store.create_lease(key, SessionState::default()).await,
                Step::Remove(lease) => store.delete_lease(&lease).await.map(drop),
                Step::Take(_) | Step::Release(_) | Step::End(_) => Ok(()),
            };
            if let Err(error) = done {
                tracing::warn!(error = format!("{error:#}"), "the list of sessions could not be changed yet");
            }
        }))
        .await;
        let me = &self.me;
        let taken = join_all(wanted.iter().map(|lease| timeout(REQUEST, store.take_lease(lease, me)))).await;
        for lease in taken.into_iter().filter_map(|taken| taken.ok().and_then(Result::ok).flatten()) {
            let Some((_, parts)) =
                self.applications.get(&lease.key.application).and_then(|served| served.parts.as_ref())
            else {
                continue;
            };
            tracing::info!(session = %lease.key, fence = lease.fence, resumes = lease.state.session_id.is_some(), "a session is taken up");
            let (key, saved) = (lease.key, lease.state.clone());
            let running = session::start(Arc::clone(parts), lease, permit.clone());
            self.running.insert(key, Kept { running, saved, saved_at: Instant::now() });
        }
    }

    /// Gives a session away or ends it, without waiting for it.
    fn let_go(&mut self, key: SessionKey, order: Order, permit: &Permit) {
        let Some(kept) = self.running.remove(&key) else { return };
        self.going.add(key, let_go(self.store.clone(), kept.running, order, permit.clone()));
    }

    /// Sees to sessions whose task is over.
    async fn note_what_ended(&mut self) {
        self.going.note();
        let over: Vec<SessionKey> =
            self.running.iter().filter(|(_, kept)| kept.running.task.is_finished()).map(|(key, _)| *key).collect();
        for key in over {
            let Some(kept) = self.running.remove(&key) else { continue };
            let has_stopped = kept.running.state.borrow().stopped.is_some();
            if has_stopped && let Some(permit) = &self.permit {
                self.going.add(key, let_go(self.store.clone(), kept.running, Order::Release, permit.clone()));
            } else {
                if let Err(error) = kept.running.task.await
                    && error.is_panic()
                {
                    tracing::error!(session = %key, "a session fell; it is taken up again from what was written down of it");
                }
                self.fallen.insert(key, Instant::now());
            }
        }
    }

    /// Writes down how far sessions have come: at once what others cannot do without, the rest every two seconds.
    async fn save(&mut self) {
        let now = Instant::now();
        if !self.permit.as_ref().is_some_and(|permit| permit.holds(now)) {
            return;
        }
        let due: Vec<(SessionKey, SessionState)> = self
            .running
            .iter()
            .filter_map(|(&key, kept)| {
                let state = kept.running.state.borrow().clone();
                let only_seq = SessionState { seq: kept.saved.seq, ..state.clone() } == kept.saved;
                let is_due = state != kept.saved && (!only_seq || now.duration_since(kept.saved_at) >= SAVE_EVERY);
                is_due.then_some((key, state))
            })
            .collect();
        let (store, running) = (&self.store, &self.running);
        let written = join_all(due.into_iter().map(|(key, state)| async move {
            let lease = &running.get(&key)?.running.lease;
            let written = timeout(REQUEST, store.save_session(lease, &state)).await;
            Some((key, state, written.ok()?.ok()?))
        }))
        .await;
        for (key, state, is_mine) in written.into_iter().flatten() {
            if is_mine {
                if let Some(kept) = self.running.get_mut(&key) {
                    (kept.saved, kept.saved_at) = (state, now);
                }
            } else if let Some(kept) = self.running.remove(&key) {
                tracing::warn!(session = %key, "a session is somebody else's by now; it is stopped here");
                kept.running.task.abort();
            }
        }
    }

    /// Gives everything away.
    async fn leave(&mut self) {
        if let Some(permit) = self.permit.clone() {
            for key in self.running.keys().copied().collect::<Vec<_>>() {
                self.let_go(key, Order::Release, &permit);
            }
        }
        self.going.all_gone().await;
    }
}

async fn let_go(store: Store, mut running: Running, order: Order, permit: Permit) {
    let key = running.lease.key;
    running.order.send_replace(order);
    if timeout(ENDED_WITHIN, &mut running.task).await.is_err() {
        running.task.abort();
    }
    let state = running.state.borrow().clone();
    for attempt in 1..=RELEASE_TRIES {
        if !permit.holds(Instant::now()) {
            break;
        }
        let written = match order {
            Order::End => timeout(REQUEST, store.delete_lease(&running.lease)).await,
            Order::Run | Order::Release => timeout(REQUEST, store.release_session(&running.lease, &state)).await,
        };
        match written.map_err(|_| anyhow!("the table takes too long")).flatten() {
            Ok(_) => break,
            Err(error) => {
                tracing::warn!(session = %key, attempt, error = format!("{error:#}"), "a session could not be given away in the table");
            }
        }
    }
}
