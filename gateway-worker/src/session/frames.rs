//! What comes through a session's connection.

use super::IDLE;
use super::Session;
use super::link::{HELLO_WITHIN, Link, next_of};
use crate::frame::Head;
use crate::watermark::Seen;
use crate::wire;
use futures::FutureExt as _;
use rand::RngExt as _;
use std::time::Duration;
use tokio::time::Instant;
use twilight_gateway::error::{ReceiveMessageError, ReceiveMessageErrorType};
use twilight_gateway::{CloseFrame, Message};
use twilight_model::gateway::OpCode;

/// Frames taken before anything else is looked at.
const AT_ONCE: usize = 64;

/// Heartbeats that may go by without any frame. The connection itself gives up after two; this is for one that is stuck
/// while it writes.
const SILENT_HEARTBEATS: u32 = 3;

/// Seconds to wait before a new session where Discord called the old one invalid. [Discord Docs/Gateway: Resuming]
const INVALID_PAUSE: std::ops::RangeInclusive<f64> = 1.0..=5.0;

impl Session {
    /// Takes a message and whatever has arrived behind it.
    pub(super) fn on_messages(&mut self, first: Option<Result<Message, ReceiveMessageError>>) {
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
}

fn source_of(error: &ReceiveMessageError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
