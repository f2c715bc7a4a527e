//! A session: the numbered frames that were meant for it, and which connection takes them now.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, mpsc};

use super::connection::Control;

/// How many frames a connection takes at once: few wake-ups and locks under load, short holds of the lock.
const BATCH: usize = 512;

/// How far a flood may run ahead of its connection.
const AHEAD: u64 = 4_096;

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) shard: (u64, u64),
    pub(crate) intents: u64,
    log: Mutex<Log>,
    /// There are frames to take.
    pub(crate) ready: Notify,
    /// Frames were taken.
    taken: Notify,
}

#[derive(Debug)]
struct Frame {
    text: Utf8Bytes,
    /// RESUMED is a dispatch with a number, but says nothing to a later replay.
    once: bool,
}

#[derive(Debug)]
struct Log {
    frames: VecDeque<Frame>,
    /// The newest sequence number; frames are numbered without gaps up to it.
    last: u64,
    /// What the connection has taken.
    sent: u64,
    /// Below this, `once` frames are skipped: they were said before the connection began.
    replay_until: u64,
    keep: usize,
    attached: Option<(u64, mpsc::UnboundedSender<Control>)>,
    left: Instant,
    ended: bool,
}

/// What a connection may do next.
pub(crate) enum Taken {
    Frames(Vec<Utf8Bytes>),
    /// The client read so slowly that frames it has not had are gone.
    TooSlow,
    /// The session belongs to another connection, or is over.
    NotMine,
}

impl Session {
    pub(crate) fn new(id: String, shard: (u64, u64), intents: u64, keep: usize) -> Self {
        let log = Log {
            frames: VecDeque::new(),
            last: 0,
            sent: 0,
            replay_until: 0,
            keep,
            attached: None,
            left: Instant::now(),
            ended: false,
        };
        Self { id, shard, intents, log: Mutex::new(log), ready: Notify::new(), taken: Notify::new() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no holder panics")
    }

    /// Appends one dispatch.
    pub(crate) fn push(&self, event: &str, data: &str) {
        self.log().append(event, data, false);
        self.ready.notify_one();
    }

    /// Appends many under one lock: the number of them. `data` gives the `d` of each.
    pub(crate) fn push_many<S: AsRef<str>>(
        &self,
        event: &str,
        data: &mut impl Iterator<Item = S>,
        most: usize,
    ) -> usize {
        let mut log = self.log();
        let mut count = 0;
        for data in data.by_ref().take(most) {
            log.append(event, data.as_ref(), false);
            count += 1;
        }
        drop(log);
        self.ready.notify_one();
        count
    }

    /// Waits until a flood may go on: the connection has taken nearly everything, or there is none.
    pub(crate) async fn has_room(&self) {
        loop {
            let taken = self.taken.notified();
            if self.log().has_room() {
                return;
            }
            taken.await;
        }
    }

    /// Gives the session to a connection that will take everything after `seq`. Whoever had it before is closed.
    pub(crate) fn attach(&self, connection: u64, control: mpsc::UnboundedSender<Control>, seq: u64) {
        let mut log = self.log();
        if let Some((_, before)) = log.attached.replace((connection, control)) {
            let _ = before.send(Control::Close(4_000));
        }
        log.sent = seq;
        log.replay_until = log.last;
        self.ready.notify_one();
    }

    /// Whether everything after `seq` is still there: how many frames that is; `Err` is how Discord says no.
    pub(crate) fn replayable(&self, seq: u64, window: std::time::Duration) -> Result<u64, super::record::Outcome> {
        use super::record::Outcome::{Closed, InvalidSession};
        let log = self.log();
        if log.ended || (log.attached.is_none() && log.left.elapsed() > window) {
            return Err(InvalidSession(false));
        }
        if seq > log.last {
            return Err(Closed(4_007));
        }
        if seq < log.last - log.frames.len() as u64 {
            return Err(InvalidSession(false));
        }
        Ok(log.frames.iter().rev().take((log.last - seq).try_into().unwrap_or(usize::MAX)).filter(|f| !f.once).count()
            as u64)
    }

    /// Says that the replay is over. It is not repeated by later ones.
    pub(crate) fn resumed(&self) {
        self.log().append("RESUMED", "{\"_trace\":[]}", true);
        self.ready.notify_one();
    }

    /// What this connection has not had yet, at most a batch.
    pub(crate) fn take(&self, connection: u64) -> Taken {
        let mut log = self.log();
        if log.ended || log.attached.as_ref().is_none_or(|(id, _)| *id != connection) {
            return Taken::NotMine;
        }
        let first = log.last - log.frames.len() as u64;
        let Some(skip) = log.sent.checked_sub(first) else {
            return Taken::TooSlow;
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let (sent, replay_until) = (log.sent, log.replay_until);
        let batch = log.frames.range(skip..log.frames.len().min(skip + BATCH));
        let count = batch.len() as u64;
        let numbered = (sent + 1..).zip(batch);
        let frames =
            numbered.filter(|(seq, frame)| !frame.once || *seq > replay_until).map(|(_, f)| f.text.clone()).collect();
        log.sent += count;
        if log.sent < log.last {
            self.ready.notify_one();
        }
        drop(log);
        self.taken.notify_one();
        Taken::Frames(frames)
    }

    /// The newest frames, oldest first.
    pub(crate) fn newest(&self, count: usize) -> Vec<Utf8Bytes> {
        let log = self.log();
        log.frames.range(log.frames.len().saturating_sub(count)..).map(|frame| frame.text.clone()).collect()
    }

    /// The connection is gone; the session waits for a RESUME.
    pub(crate) fn detach(&self, connection: u64) {
        let mut log = self.log();
        if log.attached.as_ref().is_some_and(|(id, _)| *id == connection) {
            log.attached = None;
            log.left = Instant::now();
        }
        drop(log);
        self.taken.notify_one();
    }

    /// The session is over: nothing can resume it.
    pub(crate) fn end(&self) {
        let mut log = self.log();
        log.ended = true;
        log.frames.clear();
        log.sent = log.last;
        drop(log);
        self.taken.notify_one();
    }

    pub(crate) fn is_over(&self, window: std::time::Duration) -> bool {
        let log = self.log();
        log.ended || (log.attached.is_none() && log.left.elapsed() > window)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.log().attached.is_some()
    }

    /// The newest sequence number, and how far the connection has come.
    pub(crate) fn sequence(&self) -> (u64, u64) {
        let log = self.log();
        (log.last, log.sent)
    }

    /// Tells the connection to do something, if there is one.
    pub(crate) fn tell(&self, control: Control) -> bool {
        self.log().attached.as_ref().is_some_and(|(_, connection)| connection.send(control).is_ok())
    }
}

impl Log {
    fn has_room(&self) -> bool {
        self.ended || self.attached.is_none() || self.last - self.sent < AHEAD
    }

    /// In the order of fields in which Discord writes them.
    fn append(&mut self, event: &str, data: &str, once: bool) {
        if self.ended {
            return;
        }
        self.last += 1;
        let mut text = String::with_capacity(data.len() + event.len() + 48);
        write!(text, "{{\"t\":\"{event}\",\"s\":{},\"op\":0,\"d\":", self.last).expect("a String takes everything");
        text.push_str(data);
        text.push('}');
        self.frames.push_back(Frame { text: text.into(), once });
        if self.frames.len() > self.keep {
            self.frames.pop_front();
        }
    }
}
