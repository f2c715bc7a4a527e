//! One session with Discord's gateway: read this first. Its connection is always polled, so heartbeats are never late;
//! whatever may take time is done elsewhere, and its outcome comes back as one more thing that happens.

mod ending; // how it is given away, and how it gives way to another
mod frames; // what comes through its connection
mod link; // its connection
mod settling; // what is done, and what comes of it

use crate::backoff::Backoff;
use crate::changes::Changes;
use crate::forward::Forwarder;
use crate::identify::IdentifyQueue;
use crate::judge::{Found, Judge, Lookup, Options};
use crate::metrics::Metrics;
use crate::tenure::Permit;
use crate::watermark::Watermark;
use crate::worker::Outside;
use guildhall::ids::AccountId;
use guildhall::settings::Guild;
use guildhall::store::{Known, Lease, SessionKey, SessionNotice, SessionState, ShardPlan};
use jiff::Timestamp;
use link::{Link, next_message};
use secrecy::SecretString;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use twilight_gateway::Config;
use twilight_model::id::{Id, marker::GuildMarker};

pub use ending::ENDED_WITHIN;

/// Jobs of one session that may be under way while the queue is behind.
const OWN_ROOM: usize = 200;

/// How long nothing is done while the way is not free; whatever frees it wakes the session.
const IDLE: Duration = Duration::from_mins(10);

/// A pause in what somebody writes is none while nothing can be heard: what belongs to an open burst may come with the
/// resume. That takes less than this, or the burst is closed all the same.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// What the sessions of one application share.
#[derive(Clone)]
pub struct Parts {
    /// The table, the queue, and Discord's REST API.
    pub outside: Outside,
    /// The application's token.
    pub token: SecretString,
    /// Another one whenever the bot was set anew.
    pub revision: String,
    /// The account that has brought the bot along; none for the shared one.
    pub account: Option<AccountId>,
    /// Where the gateway is.
    pub plan: watch::Receiver<ShardPlan>,
    /// When a session may be started.
    pub identify: IdentifyQueue,
    /// The way to the queue.
    pub forwarder: Forwarder,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What admins change of their servers.
    pub changes: broadcast::Sender<Changes>,
    /// Wakes whoever writes sessions down: one has news that would be lost with this process.
    pub news: Arc<Notify>,
}

impl Parts {
    /// Whether what is set for a server is meant for this bot: one that an account has brought along follows that account.
    pub fn follows(&self, guild: &Guild) -> bool {
        self.account.as_ref().is_none_or(|account| *account == guild.account)
    }

    /// What this bot makes of a server as the table has it.
    pub fn found(&self, known: Option<Known>) -> Found {
        match known {
            Some(Known::Unreadable) => Found::Unknown,
            Some(Known::As(guild)) => Found::Settings(self.follows(&guild).then_some(*guild)),
            None => Found::Settings(None),
        }
    }
}

/// What a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It connects, or waits to.
    Connecting,
    /// It is connected and ready.
    Ready,
    /// It waits for the queue, or for what is looked up.
    Held,
    /// It is being given away or ended.
    Closing,
    /// Discord would not have it.
    Stopped,
}

impl Phase {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Ready => "ready",
            Self::Held => "held",
            Self::Closing => "closing",
            Self::Stopped => "stopped",
        }
    }
}

/// What a session is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    Run,
    /// Close in a way that lets somebody else resume it.
    Release,
    /// Give way to another: hear what was said until now, see to it that all of it is passed on, and come to an end.
    End,
}

/// A session that runs in a task of its own.
#[derive(Debug)]
pub struct Running {
    /// Whose it is.
    pub lease: Lease,
    /// How far it has come: what may be written to the lease.
    pub state: watch::Receiver<SessionState>,
    /// The revision of the bot that it is.
    pub revision: String,
    /// What it is told to do.
    pub order: watch::Sender<Order>,
    /// Ends when the session has stopped, was given away, or has lost its permit.
    pub task: JoinHandle<()>,
}

/// Starts a session where its lease says that it stopped.
pub fn start(parts: Arc<Parts>, lease: Lease, permit: Permit) -> Running {
    let mut state = lease.state.clone();
    state.ready = false;
    // A new session may ask again; an admin may have switched the intent on.
    (state.stopped, state.stopped_by) = (None, None);
    state.content_refused &= state.session_id.is_some();
    state.notice = state.content_refused.then_some(SessionNotice::ContentRefused);
    let revision = parts.revision.clone();
    let (order, orders) = watch::channel(Order::Run);
    let (publish, published) = watch::channel(state.clone());
    let session = Session::new(parts, &lease, permit, state, publish);
    Running { lease, state: published, revision, order, task: tokio::spawn(session.run(orders)) }
}

struct Session {
    parts: Arc<Parts>,
    key: SessionKey,
    owner: Option<String>,
    permit: Permit,
    state: SessionState,
    publish: watch::Sender<SessionState>,
    mark: Watermark,
    judge: Judge,
    link: Link,
    backoff: Backoff,
    /// Kept because it holds the certificates of the whole world.
    config: Option<(bool, Config<IdentifyQueue>)>,
    order: Order,
    /// Since when it is to come to an end, whatever the reason.
    ends_since: Instant,
    /// Whether it hears nothing more.
    has_heard_out: bool,
    full: watch::Receiver<bool>,
    /// Whether it stops reading until what it has passed on is accepted.
    is_behind: bool,
    accepted: mpsc::UnboundedSender<Vec<u64>>,
    settled: mpsc::UnboundedReceiver<Vec<u64>>,
    lookups: JoinSet<Vec<(Lookup, Found)>>,
    /// Requests for servers' settings, and the servers that wait for one.
    settings: JoinSet<Vec<(Lookup, Found)>>,
    unasked: VecDeque<Id<GuildMarker>>,
    changes: broadcast::Receiver<Changes>,
    /// Jobs and interactions whose outcome is not known yet.
    under_way: usize,
    phase: Option<Phase>,
    /// The last moment at which everything that was said had been heard.
    heard_until: Instant,
    /// Whether the last event had a number that cannot be right.
    has_lost_count: bool,
}

impl Session {
    fn new(
        parts: Arc<Parts>,
        lease: &Lease,
        permit: Permit,
        state: SessionState,
        publish: watch::Sender<SessionState>,
    ) -> Self {
        let key = lease.key;
        let (accepted, settled) = mpsc::unbounded_channel();
        let full = parts.forwarder.full();
        let changes = parts.changes.subscribe();
        Self {
            // What was passed on before this very session is nothing that its judge remembers.
            judge: Judge::new(key.application, Options { started: Timestamp::now(), began: std::time::Instant::now() }),
            mark: Watermark::resumed_at(if state.session_id.is_some() { state.seq } else { 0 }),
            parts,
            key,
            owner: lease.owner.clone(),
            permit,
            state,
            publish,
            link: Link::Down(Instant::now()),
            backoff: Backoff::default(),
            config: None,
            order: Order::Run,
            ends_since: Instant::now(),
            has_heard_out: false,
            full,
            is_behind: false,
            accepted,
            settled,
            lookups: JoinSet::new(),
            settings: JoinSet::new(),
            unasked: VecDeque::new(),
            changes,
            under_way: 0,
            phase: None,
            heard_until: Instant::now(),
            has_lost_count: false,
        }
    }

    async fn run(mut self, mut orders: watch::Receiver<Order>) {
        while self.permit.holds(Instant::now()) {
            self.settle();
            self.mind_the_way();
            self.mind_the_end();
            self.publish();
            let now = Instant::now();
            if self.is_to_hear() {
                self.connect_if_due(now);
            } else if matches!(self.link, Link::Down(_)) && self.may_go(now) {
                break;
            }
            let wake = self.wake();
            tokio::select! {
                message = next_message(&mut self.link) => self.on_messages(message),
                Some(tickets) = self.settled.recv() => self.on_settled(&tickets),
                Some(Ok(found)) = self.lookups.join_next() => self.on_found(found),
                Some(Ok(found)) = self.settings.join_next() => self.on_found(found),
                changed = orders.changed() => {
                    if changed.is_err() {
                        // The worker is gone, and with it whoever could write anything down.
                        return;
                    }
                    let order = *orders.borrow_and_update();
                    self.on_order(order);
                }
                changed = self.changes.recv() => self.on_changes(changed),
                _ = self.full.changed() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
            self.mind_the_link();
        }
        self.publish();
    }

    fn publish(&mut self) {
        self.state.seq = self.mark.storable();
        let (state, mut is_news) = (&self.state, false);
        self.publish.send_if_modified(|known| {
            let is_new = known != state;
            if is_new {
                is_news = known.session_id != state.session_id;
                known.clone_from(state);
            }
            is_new
        });
        if is_news {
            self.parts.news.notify_one();
        }
        let phase = if self.state.stopped.is_some() {
            Phase::Stopped
        } else if self.order != Order::Run {
            Phase::Closing
        } else if self.is_ready() {
            Phase::Ready
        } else if self.is_held() {
            Phase::Held
        } else {
            Phase::Connecting
        };
        if self.phase != Some(phase) {
            self.phase = Some(phase);
            self.parts.metrics.session(self.key, Some(phase));
        }
    }

    fn is_ready(&self) -> bool {
        matches!(&self.link, Link::Up(up) if up.ready_at.is_some())
    }

    /// Whether bursts wait because nothing can be heard, and a resume may bring what belongs to them.
    fn is_deaf(&self, now: Instant) -> bool {
        !self.is_ready()
            && self.state.session_id.is_some()
            && !self.has_heard_out
            && now.duration_since(self.heard_until) < BACK_WITHIN
    }

    fn is_held(&self) -> bool {
        self.is_behind || self.judge.is_full()
    }

    /// Where the way to the queue is full, only those stop who fill it: one server's flood keeps nobody else waiting.
    fn mind_the_way(&mut self) {
        let room = if self.is_behind { OWN_ROOM / 10 } else { OWN_ROOM };
        self.is_behind = *self.full.borrow() && self.under_way > room;
    }

    /// When something is to be done though nothing happens.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let link = match &self.link {
            Link::Up(up) => up.lost_at,
            Link::Down(until) if self.is_to_hear() && !self.is_held() => *until,
            Link::Down(_) if self.is_to_hear() => now + IDLE,
            Link::Down(_) => self.gives_up_at(),
        };
        let deaf_until = self.is_deaf(now).then(|| self.heard_until + BACK_WITHIN);
        let burst = self.judge.next_wake().map(|wake| deaf_until.unwrap_or_else(|| wake.into()));
        burst.map_or(link, |burst| link.min(burst))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.parts.metrics.session(self.key, None);
    }
}
