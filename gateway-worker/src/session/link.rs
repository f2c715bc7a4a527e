//! A session's connection: when it is made, when it is given up, and what its end means.

use super::Session;
use crate::identify::IdentifyQueue;
use crate::wire::{self, AfterClose};
use futures::StreamExt as _;
use guildhall::store::SessionNotice;
use secrecy::ExposeSecret as _;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;
use twilight_gateway::error::ReceiveMessageError;
use twilight_gateway::{CloseFrame, ConfigBuilder, Message, Shard, ShardId, ShardState};
use twilight_model::gateway::payload::outgoing::identify::IdentifyProperties;

/// A gateway says hello at once; a connection that says nothing for this long is lost.
pub(super) const HELLO_WITHIN: Duration = Duration::from_secs(20);

/// A closed connection is answered within this, or left.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// The connection of a session.
pub(super) enum Link {
    /// None until then.
    Down(Instant),
    Up(Box<Up>),
}

pub(super) struct Up {
    pub(super) shard: Shard<IdentifyQueue>,
    /// Given up when nothing comes until then.
    pub(super) lost_at: Instant,
    pub(super) silence: Duration,
    pub(super) connected: bool,
    /// Set once it is being closed by us.
    pub(super) closing: Option<Duration>,
    pub(super) ready_at: Option<Instant>,
}

impl Session {
    pub(super) fn connect_if_due(&mut self, now: Instant) {
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

    pub(super) fn asks_for_content(&self) -> bool {
        self.key.reads_content() && !self.state.content_refused
    }

    /// The connection was closed, by either side.
    pub(super) fn on_close(&mut self, code: Option<u16>) {
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

    pub(super) fn is_closing(&self) -> bool {
        matches!(&self.link, Link::Up(up) if up.closing.is_some())
    }

    /// It is not tried again with this token.
    pub(super) fn stop(&mut self, notice: SessionNotice) {
        tracing::error!(session = %self.key, "{}; the session is stopped", notice.advice());
        self.forget_session();
        self.state.notice = Some(notice);
        self.state.stopped = Some(self.parts.revision.clone());
        self.state.stopped_by.clone_from(&self.owner);
        self.ends_since = Instant::now();
        self.link = Link::Down(Instant::now());
    }

    /// The next session is a new one.
    pub(super) fn forget_session(&mut self) {
        self.state.session_id = None;
        self.state.resume_url = None;
    }

    /// Begins to close the connection; the next one comes after `pause`, or later where connections do not last.
    pub(super) fn close(&mut self, frame: CloseFrame<'static>, pause: Duration) {
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
    pub(super) fn expect_close(&mut self, pause: Option<Duration>) {
        if let Link::Up(up) = &mut self.link
            && up.closing.is_none()
        {
            up.closing = Some(pause.unwrap_or_default());
            up.lost_at = Instant::now() + CLOSED_WITHIN;
        }
    }

    /// There is no connection any more.
    pub(super) fn down(&mut self, pause: Option<Duration>) {
        let Link::Up(up) = &self.link else { return };
        let ready_for = up.ready_at.map(|since| since.elapsed());
        let pause = pause.or(up.closing).unwrap_or_default().max(self.backoff.after(ready_for, &mut rand::rng()));
        self.link = Link::Down(Instant::now() + pause);
    }

    /// Gives up a connection from which nothing comes, and closes one whose events cannot be passed on.
    pub(super) fn mind_the_link(&mut self) {
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

/// The next message of a connection; never one where there is none.
pub(super) async fn next_message(link: &mut Link) -> Option<Result<Message, ReceiveMessageError>> {
    match link {
        Link::Up(up) => next_of(up).await,
        Link::Down(_) => std::future::pending().await,
    }
}

/// The next message; none once the connection is gone without a word. The shard would connect again by itself then, and at
/// once, however often that fails.
pub(super) async fn next_of(up: &mut Up) -> Option<Result<Message, ReceiveMessageError>> {
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
