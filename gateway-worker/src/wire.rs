//! What a frame and a close code of Discord's gateway mean for a session.

use guildhall::store::SessionNotice;
use serde::Deserialize;
use std::time::Duration;
use twilight_gateway::Intents;
use url::Url;

/// What is left to do after a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterClose {
    /// The session goes on with another connection.
    Resume,
    /// The session is over; another one is begun.
    Anew,
    /// The application may not read what people write: another session without that.
    WithoutContent,
    /// It would only be closed again.
    Stop(SessionNotice),
}

/// What a close code means; 1006 stands for a connection that broke. `content`: whether the content of messages was asked
/// for. [Discord Docs/Opcodes and Status Codes: Gateway Close Event Codes]
pub fn after_close(code: Option<u16>, content: bool) -> AfterClose {
    match code {
        Some(4004) => AfterClose::Stop(SessionNotice::TokenRefused),
        Some(4010 | 4011) => AfterClose::Stop(SessionNotice::ShardsRefused),
        Some(4012) => AfterClose::Stop(SessionNotice::VersionRefused),
        Some(4014) if content => AfterClose::WithoutContent,
        Some(4013 | 4014) => AfterClose::Stop(SessionNotice::IntentsRefused),
        // Not authenticated (any more), wrong sequence, timed out: there is nothing to resume.
        Some(4003 | 4006 | 4007 | 4009) => AfterClose::Anew,
        _ => AfterClose::Resume,
    }
}

/// What to do about it, for whoever reads the log.
pub fn advice(notice: SessionNotice) -> &'static str {
    match notice {
        SessionNotice::TokenRefused => {
            "Discord does not accept the bot's token: make a new one in the developer portal and set it here"
        }
        SessionNotice::ShardsRefused => {
            "Discord does not accept this number of shards: leave it to Guildhall, or set a higher one"
        }
        SessionNotice::VersionRefused => {
            "Discord has given up the gateway version that this Guildhall speaks: update Guildhall"
        }
        SessionNotice::IntentsRefused => {
            "Discord does not accept the intents: check the bot's page in the developer portal"
        }
        SessionNotice::ContentRefused => {
            "the Message Content intent is off, so only messages to the bot can be read: \
             switch it on on the bot's page in the developer portal"
        }
    }
}

/// What a session asks for. Mentions, replies and private messages come with their content anyway.
/// [Discord Docs/Gateway: Message Content Intent]
pub fn intents(content: bool) -> Intents {
    let least = Intents::GUILDS | Intents::GUILD_MESSAGES | Intents::DIRECT_MESSAGES;
    if content { least | Intents::MESSAGE_CONTENT } else { least }
}

/// The address of a gateway as connections want it; none for what is no such address.
pub fn address(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host())?;
    let plain = url.query().is_none() && url.fragment().is_none();
    plain.then(|| url.as_str().trim_end_matches('/').to_owned())
}

/// The parts of a first event that make it resumable.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Ready {
    /// Discord's name for the session.
    pub session_id: String,
    /// Where to resume it.
    #[serde(default)]
    pub resume_gateway_url: Option<String>,
}

/// Reads a READY; none where it does not even name the session.
pub fn ready(frame: &str) -> Option<Ready> {
    #[derive(Deserialize)]
    struct Frame {
        d: Ready,
    }
    serde_json::from_str::<Frame>(frame).ok().map(|frame| frame.d).filter(|ready| !ready.session_id.is_empty())
}

/// Whether a session that Discord calls invalid may be resumed all the same.
pub fn is_resumable(frame: &str) -> bool {
    #[derive(Deserialize)]
    struct Frame {
        d: bool,
    }
    serde_json::from_str::<Frame>(frame).is_ok_and(|frame| frame.d)
}

/// How often Discord wants a heartbeat, from a HELLO.
pub fn heartbeat(frame: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Frame {
        d: Hello,
    }
    #[derive(Deserialize)]
    struct Hello {
        heartbeat_interval: u64,
    }
    serde_json::from_str::<Frame>(frame).ok().map(|frame| Duration::from_millis(frame.d.heartbeat_interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fatal_codes_stop_and_others_do_not() {
        for code in [4004, 4010, 4011, 4012, 4013] {
            assert!(matches!(after_close(Some(code), true), AfterClose::Stop(_)), "{code}");
        }
        assert_eq!(after_close(Some(4014), true), AfterClose::WithoutContent);
        assert_eq!(after_close(Some(4014), false), AfterClose::Stop(SessionNotice::IntentsRefused));
        for code in [4003, 4007, 4009] {
            assert_eq!(after_close(Some(code), false), AfterClose::Anew, "{code}");
        }
        for code in [1000, 1001, 1006, 4000, 4001, 4002, 4005, 4008, 4999] {
            assert_eq!(after_close(Some(code), false), AfterClose::Resume, "{code}");
        }
        assert_eq!(after_close(None, false), AfterClose::Resume);
    }

    #[test]
    fn only_web_socket_addresses_are_connected_to() {
        assert_eq!(address("wss://gateway.discord.gg").as_deref(), Some("wss://gateway.discord.gg"));
        assert_eq!(address("ws://127.0.0.1:9/x/").as_deref(), Some("ws://127.0.0.1:9/x"));
        for wrong in ["", "gateway.discord.gg", "https://discord.com", "wss://", "wss://a/?b", "wss://a b"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_ready_needs_a_session_and_nothing_else() {
        let frame = r#"{"op":0,"d":{"session_id":"abc","resume_gateway_url":"wss://x","user":7}}"#;
        let whole = Ready { session_id: "abc".to_owned(), resume_gateway_url: Some("wss://x".to_owned()) };
        assert_eq!(ready(frame), Some(whole));
        assert!(ready(r#"{"d":{"session_id":"abc"}}"#).is_some_and(|ready| ready.resume_gateway_url.is_none()));
        assert_eq!(ready(r#"{"d":{"resume_gateway_url":"wss://x"}}"#), None);
        assert!(!is_resumable(r#"{"op":9,"d":null}"#) && is_resumable(r#"{"op":9,"d":true}"#));
    }
}
