//! What goes wrong with a connection on purpose.

use std::time::Duration;

/// A fault of the gateway. [`Gateway::now`] does it to living connections, [`Gateway::next`] to the next one that says
/// IDENTIFY or RESUME.
///
/// [`Gateway::now`]: super::Gateway::now
/// [`Gateway::next`]: super::Gateway::next
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayFault {
    /// A close frame with this code. 4007 and 4009 end the session too.
    Close(u16),
    /// The connection breaks without a word.
    Cut,
    /// RECONNECT (op 7); if the client stays, nothing else happens.
    Reconnect,
    /// `INVALID_SESSION` (op 9), and whether the session can be resumed; if not, it is over.
    InvalidSession(bool),
    /// Heartbeats are no longer acknowledged and nothing is sent: a zombie.
    Silence,
    /// HEARTBEAT (op 1): the client is to send one at once.
    AskHeartbeat,
    /// Bytes that are no zstd stream (on a plain connection: a binary message).
    CorruptZstd,
    /// A frame that is not JSON.
    NotJson,
    /// A frame with an opcode that nobody knows.
    UnknownOp,
    /// A dispatch of a kind that nobody knows. It has its sequence number.
    UnknownEvent,
    /// A dispatch of a well-known kind whose data are of no known shape. It has its sequence number.
    NonsenseEvent,
    /// The newest frame once more.
    RepeatSequence,
    /// A dispatch whose sequence number is far beyond the session's. The session knows nothing of it.
    AbsurdSequence,
    /// The next two frames swapped.
    OutOfOrder,
    /// A `GUILD_CREATE` of at least this many bytes, for a server the bot is not on otherwise.
    HugeGuild(usize),
    /// Nothing is sent and nothing is read for this long; then all goes on.
    Delay(Duration),
    /// READY names no `resume_gateway_url`. Only for [`Gateway::next`](super::Gateway::next).
    NoResumeUrl,
    /// The upgrade is refused with 503. Only for [`Gateway::next`](super::Gateway::next); for every bot.
    Refuse,
    /// The connection is accepted and HELLO comes this much later. Only for [`Gateway::next`](super::Gateway::next); for
    /// every bot.
    HangOnConnect(Duration),
}

impl GatewayFault {
    /// Whether it happens before anybody said who they are.
    pub(crate) fn is_at_the_door(&self) -> bool {
        matches!(self, Self::Refuse | Self::HangOnConnect(_))
    }

    /// Whether it comes instead of the answer to IDENTIFY or RESUME.
    pub(crate) fn is_instead(&self) -> bool {
        matches!(self, Self::Close(_) | Self::Cut | Self::Reconnect | Self::InvalidSession(_) | Self::Silence)
    }
}
