//! How a session is given away, and how it gives way to another: what it has heard is passed on first, as far as nobody else
//! can hear it again.

use super::{Order, Session};
use std::time::Duration;
use tokio::time::Instant;
use twilight_gateway::CloseFrame;

/// What is on its way to the queue when a session is given away may arrive within this. What does not is sent again by the
/// next owner.
const DRAINED_WITHIN: Duration = Duration::from_secs(5);

/// The same where Discord would not send it again: as long as a SIGTERM allows.
const LEFT_WITHIN: Duration = Duration::from_secs(12);

/// The same for a session that nobody takes up after this: as long as a queue may reasonably be away. It holds no more in
/// memory than one that runs.
pub const ENDED_WITHIN: Duration = Duration::from_mins(10);

impl Session {
    /// Does what it is told.
    pub(super) fn on_order(&mut self, order: Order) {
        self.order = order;
        self.ends_since = Instant::now();
        if order == Order::Release {
            self.close(CloseFrame::RESUME, Duration::ZERO);
        }
    }

    /// Whether it is to hear what is said.
    pub(super) fn is_to_hear(&self) -> bool {
        self.state.stopped.is_none()
            && match self.order {
                Order::Run => true,
                Order::Release => false,
                Order::End => !self.has_heard_out,
            }
    }

    /// Closes a session that gives way once it has heard what was said until now. One that is not connected is resumed for
    /// that. It is closed so that it could be resumed again: should this worker have to go, another hears it out.
    pub(super) fn mind_the_end(&mut self) {
        if self.order != Order::End || self.has_heard_out {
            return;
        }
        let is_in_vain = self.state.session_id.is_none() || Instant::now() >= self.gives_up_at();
        if self.is_ready() && !self.is_closing() || is_in_vain {
            self.has_heard_out = true;
            self.close(CloseFrame::RESUME, Duration::ZERO);
        }
    }

    /// Whether it need not stay: all is passed on, or whoever takes it up next hears it again, or it has taken too long.
    pub(super) fn may_go(&self, now: Instant) -> bool {
        let only_here = self.only_here();
        if self.under_way == 0 && only_here == 0 {
            return true;
        }
        let gives_up = now >= self.gives_up_at();
        if gives_up && only_here > 0 {
            tracing::error!(
                session = %self.key,
                events = only_here,
                "what was said in these events could not be passed on in time: it is lost, unless Discord still sends it again"
            );
        }
        gives_up
    }

    /// When it no longer waits for the queue.
    pub(super) fn gives_up_at(&self) -> Instant {
        let patience = match self.order {
            Order::Release if self.only_here() == 0 => DRAINED_WITHIN,
            Order::Release => LEFT_WITHIN,
            Order::Run | Order::End => ENDED_WITHIN,
        };
        self.ends_since + patience
    }

    /// Events that are not done with and that nobody may hear again. A session that was heard out is closed, perhaps for
    /// longer than Discord keeps one that can be resumed.
    fn only_here(&self) -> usize {
        let can_be_resumed = self.state.session_id.is_some() && self.order != Order::End && !self.has_heard_out;
        self.mark.stranded() + if can_be_resumed { 0 } else { self.mark.outstanding() }
    }
}
