//! One session with Discord's gateway: read this first. Its connection is always polled, so heartbeats are never late;
//! whatever may take time is done elsewhere, and its outcome comes back as one more thing that happens.

use crate::backoff::Backoff;
use crate::changes::Changes;
use crate::forward::Forwarder;
use crate::frame::Head;
use crate::identify::IdentifyQueue;
use crate::judge::{Found, Judge, Lookup, Options};
use crate::lookups;
use crate::metrics::Metrics;
use crate::tenure::Permit;
use crate::watermark::{Seen, Watermark};
use crate::wire::{self, AfterClose};
use crate::worker::Outside;
use futures::{FutureExt as _, StreamExt as _};
use guildhall::ids::AccountId;
use guildhall::settings::Guild;
use guildhall::store::{Known, Lease, MOST_KEYS, SessionKey, SessionNotice, SessionState, ShardPlan};
use jiff::Timestamp;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use twilight_gateway::error::{ReceiveMessageError, ReceiveMessageErrorType};
use twilight_gateway::{CloseFrame, Config, ConfigBuilder, Message, Shard, ShardId, ShardState};
use twilight_model::gateway::OpCode;
use twilight_model::gateway::payload::outgoing::identify::IdentifyProperties;
use twilight_model::id::{Id, marker::GuildMarker};

/// Frames taken before anything else is looked at.
const AT_ONCE: usize = 64;

/// A gateway says hello at once; a connection that says nothing for this long is lost.
const HELLO_WITHIN: Duration = Duration::from_secs(20);

/// Heartbeats that may go by without any frame. The connection itself gives up after two; this is for one that is stuck
/// while it writes.
const SILENT_HEARTBEATS: u32 = 3;

/// A closed connection is answered within this, or left.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// What is on its way to the queue when a session is given away may arrive within this. What does not is sent again by the
/// next owner.
const DRAINED_WITHIN: Duration = Duration::from_secs(5);

/// The same when a session is ended for good: bursts that are open may close too.
const ENDED_WITHIN: Duration = Duration::from_secs(15);

/// Seconds to wait before a new session where Discord called the old one invalid. [Discord Docs/Gateway: Resuming]
const INVALID_PAUSE: std::ops::RangeInclusive<f64> = 1.0..=5.0;

/// Requests for servers' settings that are under way at the same time. A shard's servers all come at once, up to 2,500: what
/// many requests and their connections take of memory is never given back whole.
const ASKED_AT_ONCE: usize = 2;

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
    /// Close for good.
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

/// The connection of a session.
enum Link {
    /// None until then.
    Down(Instant),
    Up(Box<Up>),
}

struct Up {
    shard: Shard<IdentifyQueue>,
    /// Given up when nothing comes until then.
    lost_at: Instant,
    silence: Duration,
    connected: bool,
    /// Set once it is being closed by us.
    closing: Option<Duration>,
    ready_at: Option<Instant>,
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
        let mut give_up = None;
        while self.permit.holds(Instant::now()) {
            self.settle();
            self.mind_the_way();
            self.publish();
            let now = Instant::now();
            if self.order == Order::Run && self.state.stopped.is_none() {
                self.connect_if_due(now);
            } else {
                let patience = if self.order == Order::End { ENDED_WITHIN } else { DRAINED_WITHIN };
                let give_up = *give_up.get_or_insert(now + patience);
                if matches!(self.link, Link::Down(_)) && (self.is_drained() || now >= give_up) {
                    break;
                }
            }
            let wake = self.wake().min(give_up.unwrap_or(now + IDLE));
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
                    self.order = *orders.borrow_and_update();
                    match self.order {
                        Order::Run => {}
                        Order::Release => self.close(CloseFrame::RESUME, Duration::ZERO),
                        Order::End => {
                            self.close(CloseFrame::NORMAL, Duration::ZERO);
                            self.forget_session();
                        }
                    }
                }
                changed = self.changes.recv() => self.on_changes(changed),
                _ = self.full.changed() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
            self.mind_the_link();
        }
        self.publish();
    }

    /// Takes what the judge has decided, and sees to it that it is done.
    fn settle(&mut self) {
        let now = Instant::now();
        if self.is_ready() {
            self.heard_until = now;
        }
        let out = self.judge.poll(if self.is_deaf(now) { self.heard_until } else { now }.into());
        for ticket in out.more {
            self.mark.more(ticket);
        }
        for (tickets, job) in out.jobs {
            self.under_way += 1;
            self.parts.forwarder.submit(tickets, job, self.accepted.clone());
        }
        for ticket in out.done {
            self.mark.done(ticket);
        }
        self.look_up(out.lookups);
        for presence in out.presence {
            tokio::spawn(lookups::note(Arc::clone(&self.parts), presence, Timestamp::now()));
        }
        for (ticket, frame) in out.interactions {
            self.under_way += 1;
            let (parts, accepted) = (Arc::clone(&self.parts), self.accepted.clone());
            tokio::spawn(async move {
                // A panic in there settles it too: it would only panic again.
                let _ = tokio::spawn(lookups::interact(parts, frame)).await;
                let _ = accepted.send(vec![ticket]);
            });
        }
        // Where it does not ask for it, another session begins beside this one, so that nothing is missed meanwhile.
        self.state.wants_content = out.wants_content;
    }

    fn asks_for_content(&self) -> bool {
        self.key.reads_content() && !self.state.content_refused
    }

    fn look_up(&mut self, lookups: Vec<Lookup>) {
        for lookup in lookups {
            match lookup {
                Lookup::Settings(guild) => self.unasked.push_back(guild),
                lookup => {
                    let (parts, bot) = (Arc::clone(&self.parts), self.judge.bot());
                    self.lookups.spawn(lookups::ask_discord(parts, self.key.application, bot, lookup));
                }
            }
        }
        while self.settings.len() < ASKED_AT_ONCE && !self.unasked.is_empty() {
            let some = self.unasked.drain(..self.unasked.len().min(MOST_KEYS)).collect();
            self.settings.spawn(lookups::settings(Arc::clone(&self.parts), some));
        }
        if self.unasked.is_empty() {
            self.unasked = VecDeque::new();
        }
    }

    fn on_found(&mut self, found: Vec<(Lookup, Found)>) {
        for (lookup, found) in found {
            self.judge.found(lookup, found);
        }
    }

    fn on_changes(&mut self, changes: Result<Changes, RecvError>) {
        match changes {
            Ok(guilds) => {
                for (guild, known) in guilds.iter() {
                    self.judge.changed(*guild, self.parts.found(Some(known.clone())));
                }
            }
            Err(RecvError::Lagged(_)) => self.judge.doubt_settings(),
            // This worker is ending.
            Err(RecvError::Closed) => {}
        }
    }

    fn on_settled(&mut self, tickets: &[u64]) {
        self.under_way = self.under_way.saturating_sub(1);
        for &ticket in tickets {
            self.mark.done(ticket);
        }
    }

    /// Whether everything is done that can be: to give a session away, only what is on its way counts, since the next owner
    /// gets all else again.
    fn is_drained(&self) -> bool {
        self.under_way == 0 && (self.order != Order::End || self.mark.outstanding() == 0)
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

    /// Whether bursts wait because nothing can be heard. What is being ended hears nothing more.
    fn is_deaf(&self, now: Instant) -> bool {
        !self.is_ready() && now.duration_since(self.heard_until) < BACK_WITHIN && self.order != Order::End
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
            Link::Down(until) if self.order == Order::Run && !self.is_held() && self.state.stopped.is_none() => *until,
            Link::Down(_) => now + IDLE,
        };
        let deaf_until = self.is_deaf(now).then(|| self.heard_until + BACK_WITHIN);
        let burst = self.judge.next_wake().map(|wake| deaf_until.unwrap_or_else(|| wake.into()));
        burst.map_or(link, |burst| link.min(burst))
    }

    fn connect_if_due(&mut self, now: Instant) {
        let Link::Down(until) = self.link else { return };
        if now < until || self.is_held() {
            return;
        }
        // The plan's address was checked by whoever asked for it.
        let gateway = self.parts.plan.borrow().gateway_url.clone();
        let content = self.asks_for_content();
        let config = match &self.config {
            Some((same, config)) if *same == content => config.clone(),
            _ => ConfigBuilder::new(self.parts.token.expose_secret().to_owned(), wire::intents(content))
                .queue(self.parts.identify.clone())
                .identify_properties(IdentifyProperties::new("guildhall", "guildhall", std::env::consts::OS))
                .build(),
        };
        self.config = Some((content, config.clone()));
        let mut builder = ConfigBuilder::from(config).proxy_url(gateway);
        if let Some(id) = &self.state.session_id {
            // What is outstanding is in memory and need not be sent again.
            builder = builder.session(twilight_gateway::Session::new(self.mark.newest(), id.clone()));
            if let Some(url) = self.state.resume_url.as_deref().and_then(wire::address) {
                builder = builder.resume_url(url);
            }
        }
        let Some(id) = ShardId::new_checked(self.key.shard, self.key.total) else {
            return self.stop(SessionNotice::ShardsRefused);
        };
        let shard = Shard::with_config(id, builder.build());
        let lost_at = now + HELLO_WITHIN;
        self.link = Link::Up(Box::new(Up {
            shard,
            lost_at,
            silence: HELLO_WITHIN,
            connected: false,
            closing: None,
            ready_at: None,
        }));
    }

    /// Takes a message and whatever has arrived behind it.
    fn on_messages(&mut self, first: Option<Result<Message, ReceiveMessageError>>) {
        // One look at the clock: they have arrived already.
        let now = Instant::now();
        self.on_message(first, now);
        for _ in 1..AT_ONCE {
            let Link::Up(up) = &mut self.link else { return };
            let Some(next) = next_of(up).now_or_never() else { return };
            self.on_message(next, now);
        }
    }

    fn on_message(&mut self, message: Option<Result<Message, ReceiveMessageError>>, now: Instant) {
        if let Link::Up(up) = &mut self.link
            && up.closing.is_none()
        {
            up.lost_at = now + up.silence;
        }
        match message {
            Some(Ok(Message::Text(text))) => self.on_text(&text, now),
            Some(Ok(Message::Close(frame))) => self.on_close(frame.map(|frame| frame.code)),
            None => self.on_close(None),
            Some(Err(error)) => match error.kind() {
                ReceiveMessageErrorType::Deserializing { event } => {
                    self.parts.metrics.unreadable_frames.inc();
                    self.on_text(event, now);
                }
                ReceiveMessageErrorType::Reconnect => {
                    tracing::warn!(session = %self.key, error = %source_of(&error), "no connection to Discord's gateway");
                    // Perhaps only this address has gone.
                    self.state.resume_url = None;
                    self.down(None);
                }
                // The stream cannot be unpacked any further: it is being closed, and the session resumed.
                _ => {
                    self.parts.metrics.unreadable_frames.inc();
                    self.expect_close(None);
                }
            },
        }
    }

    fn on_text(&mut self, text: &str, now: Instant) {
        let Some(head) = Head::read(text) else { return };
        match head {
            Head { op: Some(OpCode::Dispatch), seq: Some(seq), kind: Some(kind) } => {
                self.on_event(text, kind, seq, now);
            }
            Head { op: Some(OpCode::Hello), .. } => {
                if let (Link::Up(up), Some(interval)) = (&mut self.link, wire::heartbeat(text)) {
                    up.silence = interval.saturating_mul(SILENT_HEARTBEATS).clamp(HELLO_WITHIN, IDLE);
                    if up.closing.is_none() {
                        up.lost_at = now + up.silence;
                    }
                }
            }
            Head { op: Some(OpCode::InvalidSession), .. } => {
                let pause = Duration::from_secs_f64(rand::rng().random_range(INVALID_PAUSE));
                if wire::is_resumable(text) {
                    self.expect_close(None);
                } else {
                    self.forget_session();
                    self.expect_close(Some(pause));
                }
            }
            Head { op: Some(OpCode::Reconnect), .. } => self.expect_close(None),
            _ => {}
        }
    }

    fn on_event(&mut self, text: &str, kind: &str, seq: u64, now: Instant) {
        // What comes behind an event without its number would pass for all that was missed.
        if self.has_lost_count && self.is_closing() {
            return;
        }
        self.parts.metrics.event(kind);
        if kind == "READY" {
            let Some(ready) = wire::ready(text) else {
                tracing::warn!(session = %self.key, "Discord's first event names no session; it is asked for another one");
                self.forget_session();
                return self.close(CloseFrame::NORMAL, Duration::ZERO);
            };
            self.mark.start_session();
            self.state.session_id = Some(ready.session_id);
            self.state.resume_url = ready.resume_gateway_url.filter(|url| wire::address(url).is_some());
        }
        if matches!(kind, "READY" | "RESUMED") {
            tracing::info!(session = %self.key, event = kind, "connected to Discord's gateway");
            self.state.ready = true;
            if let Link::Up(up) = &mut self.link {
                up.ready_at = Some(now);
            }
        }
        match self.mark.see(seq) {
            Seen::New(ticket) => self.judge.on_frame(text, kind, ticket, now.into()),
            Seen::Again => {}
            Seen::Absurd => {
                self.parts.metrics.unreadable_frames.inc();
                return self.lose_count();
            }
        }
        self.has_lost_count = false;
        // The connection itself knows no session to send heartbeats for.
        if kind == "READY" && matches!(&self.link, Link::Up(up) if up.shard.session().is_none()) {
            self.close(CloseFrame::RESUME, Duration::ZERO);
        }
    }

    /// The gateway counts wrongly. After a resume it may count right; if it does not, there is another session.
    fn lose_count(&mut self) {
        tracing::warn!(session = %self.key, "Discord's events are numbered wrongly: the connection is closed");
        if std::mem::replace(&mut self.has_lost_count, true) {
            self.forget_session();
        }
        if !self.is_closing() {
            self.close(CloseFrame::RESUME, Duration::ZERO);
        }
    }

    /// The connection was closed, by either side.
    fn on_close(&mut self, code: Option<u16>) {
        if !self.is_closing() {
            self.parts.metrics.disconnects.inc();
            let after = wire::after_close(code, self.asks_for_content());
            tracing::info!(session = %self.key, close.code = code, ?after, "Discord closed the connection");
            match after {
                AfterClose::Resume => {}
                AfterClose::Anew => self.forget_session(),
                AfterClose::WithoutContent => {
                    self.forget_session();
                    self.state.content_refused = true;
                    self.state.notice = Some(SessionNotice::ContentRefused);
                    tracing::error!(session = %self.key, "{}", SessionNotice::ContentRefused.advice());
                }
                AfterClose::Stop(notice) => self.stop(notice),
            }
        }
        self.down(None);
    }

    fn is_closing(&self) -> bool {
        matches!(&self.link, Link::Up(up) if up.closing.is_some())
    }

    /// It is not tried again with this token.
    fn stop(&mut self, notice: SessionNotice) {
        tracing::error!(session = %self.key, "{}; the session is stopped", notice.advice());
        self.forget_session();
        self.state.notice = Some(notice);
        self.state.stopped = Some(self.parts.revision.clone());
        self.state.stopped_by.clone_from(&self.owner);
        self.link = Link::Down(Instant::now());
    }

    /// The next session is a new one.
    fn forget_session(&mut self) {
        self.state.session_id = None;
        self.state.resume_url = None;
    }

    /// Begins to close the connection; the next one comes after `pause`, or later where connections do not last.
    fn close(&mut self, frame: CloseFrame<'static>, pause: Duration) {
        match &self.link {
            // Not connected: there is nobody to tell, and nothing to wait for.
            Link::Up(up) if matches!(up.shard.state(), ShardState::Disconnected { .. }) => {
                return self.down(Some(pause));
            }
            Link::Up(up) => up.shard.close(frame),
            Link::Down(_) => return,
        }
        self.expect_close(Some(pause));
    }

    /// The connection is being closed by us.
    fn expect_close(&mut self, pause: Option<Duration>) {
        if let Link::Up(up) = &mut self.link
            && up.closing.is_none()
        {
            up.closing = Some(pause.unwrap_or_default());
            up.lost_at = Instant::now() + CLOSED_WITHIN;
        }
    }

    /// There is no connection any more.
    fn down(&mut self, pause: Option<Duration>) {
        let Link::Up(up) = &self.link else { return };
        let ready_for = up.ready_at.map(|since| since.elapsed());
        let pause = pause.or(up.closing).unwrap_or_default().max(self.backoff.after(ready_for, &mut rand::rng()));
        self.link = Link::Down(Instant::now() + pause);
    }

    /// Gives up a connection from which nothing comes, and closes one whose events cannot be passed on.
    fn mind_the_link(&mut self) {
        let Link::Up(up) = &self.link else { return };
        if Instant::now() >= up.lost_at {
            if up.closing.is_none() {
                self.parts.metrics.disconnects.inc();
                tracing::warn!(session = %self.key, "Discord's gateway has gone silent; the connection is given up");
            }
            self.down(None);
        } else if up.closing.is_none() && self.is_held() {
            tracing::warn!(session = %self.key, "events cannot be passed on: the session is closed and resumed later");
            self.close(CloseFrame::RESUME, Duration::ZERO);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.parts.metrics.session(self.key, None);
    }
}

/// The next message of a connection; never one where there is none.
async fn next_message(link: &mut Link) -> Option<Result<Message, ReceiveMessageError>> {
    match link {
        Link::Up(up) => next_of(up).await,
        Link::Down(_) => std::future::pending().await,
    }
}

/// The next message; none once the connection is gone without a word. The shard would connect again by itself then, and at
/// once, however often that fails.
async fn next_of(up: &mut Up) -> Option<Result<Message, ReceiveMessageError>> {
    poll_fn(|context| {
        let polled = up.shard.poll_next_unpin(context);
        let is_connected = !matches!(up.shard.state(), ShardState::Disconnected { .. });
        let was_connected = up.connected;
        up.connected |= is_connected;
        // One that is being closed counts as disconnected from then on; connected, it is the next one already, which is not
        // to resume what is being given away.
        if up.closing.is_some() && is_connected {
            return Poll::Ready(None);
        }
        match polled {
            Poll::Pending if up.closing.is_none() && was_connected && !is_connected => Poll::Ready(None),
            polled => polled,
        }
    })
    .await
}

fn source_of(error: &ReceiveMessageError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
