//! The gateway: real `WebSockets` on the server's own port. [Discord Docs/Gateway]

mod connection; // one WebSocket
mod dispatch; // which session hears of what, and with how much content
mod encode; // plain text or a zstd stream
pub(crate) mod entry; // upgrade, IDENTIFY, RESUME, and their limits
mod faults; // what goes wrong on purpose
pub(crate) mod intents; // the bits
mod record; // what happened, for assertions
mod session; // numbered frames, kept for replay
mod settings; // what a test may set

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;

use self::connection::Control;
pub(crate) use self::dispatch::without_content;
pub use self::faults::GatewayFault;
pub use self::record::{By, Closed, GatewayRecord, Identify, Outcome, Resume};
pub(crate) use self::session::Session;
pub use self::settings::GatewaySettings;
use super::FakeDiscord;

/// The gateways of all bots.
#[derive(Debug, Default)]
pub(crate) struct Board {
    lines: BTreeMap<u64, Line>,
    /// What cuts each living connection.
    pub(crate) connections: BTreeMap<u64, Arc<Notify>>,
    pub(crate) last_connection: u64,
    pub(crate) at_the_door: VecDeque<GatewayFault>,
    pub(crate) refuse_until: Option<Instant>,
}

/// One bot's gateway.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) settings: GatewaySettings,
    pub(crate) sessions: HashMap<String, Arc<Session>>,
    pub(crate) record: GatewayRecord,
    pub(crate) faults: VecDeque<GatewayFault>,
    /// When each bucket last took an IDENTIFY.
    buckets: HashMap<u64, Instant>,
    day_began: Instant,
    spent: u32,
}

impl Board {
    pub(crate) fn line(&mut self, application_id: u64) -> &mut Line {
        self.lines.entry(application_id).or_insert_with(|| Line {
            settings: GatewaySettings::default(),
            sessions: HashMap::new(),
            record: GatewayRecord::default(),
            faults: VecDeque::new(),
            buckets: HashMap::new(),
            day_began: Instant::now(),
            spent: 0,
        })
    }

    /// Ends every connection.
    pub(crate) fn hang_up(&self) {
        self.connections.values().for_each(|cut| cut.notify_one());
    }
}

impl Line {
    /// `GATEWAY_MESSAGE_CONTENT_LIMITED`, as small bots have it. [Discord Docs/Application: Flags]
    pub(crate) fn application_flags(&self) -> u64 {
        if self.settings.message_content { 1 << 19 } else { 0 }
    }

    /// `session_start_limit` and `shards` of `GET /gateway/bot`.
    pub(crate) fn shown(&self, url: &str) -> Value {
        let day = self.settings.day;
        let passed = self.day_began.elapsed();
        let (spent, left) = if passed < day { (self.spent, day.saturating_sub(passed)) } else { (0, day) };
        json!({
            "url": url, "shards": self.settings.shards,
            "session_start_limit": {
                "total": self.settings.total, "remaining": self.settings.total.saturating_sub(spent),
                "reset_after": u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
                "max_concurrency": self.settings.max_concurrency,
            },
        })
    }
}

/// One bot's gateway, as a test handles it.
#[derive(Debug, Clone)]
pub struct Gateway {
    discord: FakeDiscord,
    application_id: u64,
}

impl FakeDiscord {
    /// The first bot's gateway.
    pub fn gateway(&self) -> Gateway {
        self.gateway_of(self.application_id())
    }

    /// Another bot's gateway.
    pub fn gateway_of(&self, application_id: u64) -> Gateway {
        Gateway { discord: self.clone(), application_id }
    }
}

impl Gateway {
    fn line<T>(&self, look: impl FnOnce(&mut Line) -> T) -> T {
        look(self.discord.shared.state().gateway.line(self.application_id))
    }

    /// Changes settings; they hold for connections and sessions that begin afterwards.
    pub fn set(&self, change: impl FnOnce(&mut GatewaySettings)) {
        self.line(|line| change(&mut line.settings));
    }

    /// Everything that happened so far.
    pub fn record(&self) -> GatewayRecord {
        self.line(|line| line.record.clone())
    }

    /// What the client did that Discord forbids. Empty, always.
    pub fn violations(&self) -> Vec<String> {
        self.line(|line| line.record.violations.clone())
    }

    /// IDENTIFYs that are left today.
    pub fn remaining(&self) -> u32 {
        self.line(|line| line.settings.total.saturating_sub(line.spent))
    }

    /// Shards that have a connected session, each as often as it has one, in order.
    pub fn connected(&self) -> Vec<(u64, u64)> {
        let mut shards: Vec<_> =
            self.line(|line| line.sessions.values().filter(|s| s.is_connected()).map(|s| s.shard).collect());
        shards.sort_unstable();
        shards
    }

    /// Waits until this many sessions are connected.
    ///
    /// # Panics
    /// When they are not within `limit`.
    #[track_caller]
    pub fn wait_until_connected(&self, sessions: usize, limit: Duration) -> impl Future<Output = ()> + use<> {
        let gateway = self.clone();
        crate::server::eventually(limit, move || {
            let there = gateway.connected().len() == sessions;
            async move { there.then_some(()) }
        })
    }

    /// The newest sequence number of each session and what its connection has been sent of it, by shard; of sessions that
    /// were left for another one of their shard, nothing.
    pub fn sequences(&self) -> Vec<((u64, u64), u64, u64)> {
        let (mut sessions, connected) = (self.sessions(), self.connected());
        sessions.retain(|session| session.is_connected() || !connected.contains(&session.shard));
        let mut all: Vec<_> = sessions.iter().map(|s| (s.shard, s.sequence().0, s.sequence().1)).collect();
        all.sort_unstable();
        all
    }

    fn sessions(&self) -> Vec<Arc<Session>> {
        self.line(|line| line.sessions.values().cloned().collect())
    }

    /// Does this to every connected session; how many that were.
    pub fn now(&self, fault: &GatewayFault) -> usize {
        self.sessions().iter().filter(|session| session.tell(Control::Do(fault.clone()))).count()
    }

    /// Does this to the connected sessions of one shard; how many that were.
    pub fn now_on(&self, shard: u64, fault: &GatewayFault) -> usize {
        let sessions = self.sessions();
        let meant = sessions.iter().filter(|session| session.shard.0 == shard);
        meant.filter(|session| session.tell(Control::Do(fault.clone()))).count()
    }

    /// The next IDENTIFY or RESUME (or upgrade, for faults at the door) meets this fault. One each, in order.
    pub fn next(&self, fault: GatewayFault) {
        let mut state = self.discord.shared.state();
        if fault.is_at_the_door() {
            state.gateway.at_the_door.push_back(fault);
        } else {
            state.gateway.line(self.application_id).faults.push_back(fault);
        }
    }

    /// Refuses every new connection with 503 for this long, whichever bot's.
    pub fn refuses_for(&self, time: Duration) {
        self.discord.shared.state().gateway.refuse_until = Some(Instant::now() + time);
    }

    /// Breaks every connection of every bot without a word, also those whose client reads nothing.
    pub fn cut_all(&self) {
        self.discord.shared.state().gateway.hang_up();
    }

    /// Forgets all sessions, as Discord does from time to time: every RESUME fails.
    pub fn forgets_sessions(&self) {
        for session in self.line(|line| std::mem::take(&mut line.sessions)).values() {
            session.tell(Control::Close(4_000));
            session.end();
        }
    }

    /// Sends a dispatch of any kind to the sessions of a shard, whatever their intents.
    pub fn dispatch(&self, shard: u64, event: &str, data: &Value) {
        for session in self.sessions().iter().filter(|session| session.shard.0 == shard) {
            session.push(event, &data.to_string());
        }
    }

    /// Sends very many `MESSAGE_CREATEs` to the session of a shard: each item is the JSON of one event's `d`. It stays a few
    /// thousand frames ahead of the connection. Intents do not matter, and the messages are in no channel. How many it sent.
    ///
    /// # Panics
    /// When the shard has no session.
    pub async fn flood<S: AsRef<str>>(&self, shard: u64, messages: impl IntoIterator<Item = S>) -> u64 {
        const BATCH: usize = 512;
        let session = self.sessions().into_iter().find(|session| session.shard.0 == shard && session.is_connected());
        let session = session.expect("a connected session of this shard");
        let mut messages = messages.into_iter();
        let mut sent = 0;
        loop {
            session.has_room().await;
            match session.push_many("MESSAGE_CREATE", &mut messages, BATCH) {
                0 => return sent,
                count => sent += count as u64,
            }
            tokio::task::yield_now().await;
        }
    }
}
