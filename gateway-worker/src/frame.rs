//! From a raw frame of the gateway to the few fields that decide about it. Everything borrows from the frame.

use guildhall::locale::Locale;
use jiff::Timestamp;
use memchr::memmem::Finder;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::sync::LazyLock;
use twilight_model::gateway::OpCode;
use twilight_model::gateway::event::GatewayEventDeserializer;
use twilight_model::id::{Id, marker::GenericMarker};

/// Characters of a name that are taken; Discord's own limit is 32.
const MOST_NAME_CHARS: usize = 100;

/// An id of Discord's, of whatever it is.
pub type Snowflake = Id<GenericMarker>;

/// A frame that is not what its name says.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable;

#[derive(Deserialize)]
struct Frame<D> {
    d: D,
}

/// Reads the data of a dispatch frame.
pub fn read<'a, D: Deserialize<'a>>(text: &'a str) -> Result<D, Unreadable> {
    serde_json::from_str::<Frame<D>>(text).map(|frame| frame.d).map_err(|_| Unreadable)
}

/// What stands around the data of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// What kind of frame it is; none for what Discord does not document.
    pub op: Option<OpCode>,
    /// An event's number in its session.
    pub seq: Option<u64>,
    /// What event it is, for example `MESSAGE_CREATE`.
    pub kind: Option<&'a str>,
}

impl<'a> Head<'a> {
    /// Reads it; none where there is none. Twilight has looked for the same before it hands out a frame, but in the whole of
    /// it and three times, so events are read here where their head stands: in front, in the order in which Discord writes.
    pub fn read(text: &'a str) -> Option<Self> {
        if let Some((kind, seq)) = event(text) {
            return Some(Self { op: Some(OpCode::Dispatch), seq: Some(seq), kind: Some(kind) });
        }
        let (op, seq, kind) = GatewayEventDeserializer::from_json(text)?.into_parts();
        // It was borrowed from the frame, whatever its type says.
        let kind = kind.and_then(|kind| if let Cow::Borrowed(kind) = kind { Some(kind) } else { None });
        Some(Self { op: OpCode::from(op), seq, kind })
    }
}

/// Kind and number of an event whose head is in front.
fn event(text: &str) -> Option<(&str, u64)> {
    let (kind, rest) = text.strip_prefix(r#"{"t":""#)?.split_once('"')?;
    let (seq, rest) = rest.strip_prefix(r#","s":"#)?.split_once(',')?;
    let is_name = kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    (is_name && rest.starts_with(r#""op":0,"d":"#)).then_some((kind, seq.parse().ok()?))
}

/// Text that is copied only where JSON had to escape it.
#[derive(Debug, Default, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// A message as it is created, or changed: then all but the ids may be missing.
/// [Discord Docs/Message: Message Object]
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// Its id.
    pub id: Snowflake,
    /// The channel or thread that it is in.
    pub channel_id: Snowflake,
    /// The server; none in private.
    pub guild_id: Option<Snowflake>,
    /// Who wrote it.
    #[serde(borrow)]
    pub author: Option<User<'a>>,
    /// The author as a member of the server.
    #[serde(borrow)]
    pub member: Option<Member<'a>>,
    /// Set when a webhook wrote it.
    pub webhook_id: Option<Snowflake>,
    /// Its type: 0 is a plain message and 19 a reply.
    #[serde(default, rename = "type")]
    pub kind: u16,
    /// Its words.
    #[serde(borrow)]
    pub content: Option<Text<'a>>,
    /// The users that it mentions.
    #[serde(borrow, default)]
    pub mentions: Vec<Mention<'a>>,
    /// The roles that it mentions.
    #[serde(default)]
    pub mention_roles: Vec<Snowflake>,
    /// The message that it replies to.
    pub referenced_message: Option<Referenced>,
    /// The messages that it forwards.
    #[serde(borrow, default)]
    pub message_snapshots: Vec<Snapshot<'a>>,
    /// When its author changed it; none when Discord did, to show a link's preview.
    #[serde(borrow)]
    pub edited_timestamp: Option<Text<'a>>,
    /// The type of its channel, where Discord says it.
    pub channel_type: Option<u16>,
}

/// Whoever wrote a message.
#[derive(Debug, Deserialize)]
pub struct User<'a> {
    /// Their id.
    pub id: Snowflake,
    /// Whether it is a bot.
    #[serde(default)]
    pub bot: bool,
    /// Whether it is Discord itself.
    #[serde(default)]
    pub system: bool,
    /// The name that they have everywhere.
    #[serde(borrow)]
    pub global_name: Option<Text<'a>>,
    /// The name that nobody else has.
    #[serde(borrow, default)]
    pub username: Text<'a>,
}

/// A member of a server.
#[derive(Debug, Deserialize)]
pub struct Member<'a> {
    /// Their roles, @everyone left out.
    #[serde(default)]
    pub roles: Vec<Snowflake>,
    /// The name that they have in this server.
    #[serde(borrow)]
    pub nick: Option<Text<'a>>,
}

/// A user that a message mentions. Not a [`User`] and a member flattened together: serde would copy both.
#[derive(Debug, Deserialize)]
pub struct Mention<'a> {
    /// Who.
    pub id: Snowflake,
    /// The name that they have everywhere.
    #[serde(borrow)]
    pub global_name: Option<Text<'a>>,
    /// The name that nobody else has.
    #[serde(borrow, default)]
    pub username: Text<'a>,
    /// The same person in this server.
    #[serde(borrow)]
    pub member: Option<Member<'a>>,
}

/// A message that was replied to.
#[derive(Debug, Deserialize)]
pub struct Referenced {
    /// Its author.
    pub author: Option<Only>,
}

/// Something of which only the id matters.
#[derive(Debug, Deserialize)]
pub struct Only {
    /// The id.
    pub id: Snowflake,
}

/// A message that was forwarded.
#[derive(Debug, Deserialize)]
pub struct Snapshot<'a> {
    /// As it was then.
    #[serde(borrow)]
    pub message: Snapped<'a>,
}

/// What is shown of a forwarded message.
#[derive(Debug, Deserialize)]
pub struct Snapped<'a> {
    /// Its words.
    #[serde(borrow)]
    pub content: Option<Text<'a>>,
}

impl Message<'_> {
    /// When its author changed it last, as far as that is told in a way that can be read.
    pub fn edited_at(&self) -> Option<Timestamp> {
        self.edited_timestamp.as_ref()?.0.parse().ok()
    }

    /// How its author is called where it was written.
    pub fn asker(&self) -> &str {
        let nick = self.member.as_ref().and_then(|member| member.nick.as_ref());
        let name = nick.or_else(|| self.author.as_ref().and_then(|author| author.global_name.as_ref()));
        let name = match (name, &self.author) {
            (Some(name), _) => &*name.0,
            (None, Some(author)) => &*author.username.0,
            (None, None) => "",
        };
        name.char_indices().nth(MOST_NAME_CHARS).map_or(name, |(end, _)| &name[..end])
    }
}

/// A deleted message.
#[derive(Debug, Deserialize)]
pub struct Deleted {
    /// Which one.
    pub id: Snowflake,
    /// Where it was.
    pub channel_id: Snowflake,
    /// The server; none in private.
    pub guild_id: Option<Snowflake>,
}

/// Messages that were deleted together.
#[derive(Debug, Deserialize)]
pub struct DeletedTogether {
    /// Which ones.
    pub ids: Vec<Snowflake>,
    /// Where they were.
    pub channel_id: Snowflake,
    /// The server; none in private.
    pub guild_id: Option<Snowflake>,
}

/// A server that the bot is in, or has just joined.
#[derive(Debug, Deserialize)]
pub struct GuildCreated {
    /// Its id.
    pub id: Snowflake,
    /// Whether Discord cannot show it at the moment.
    #[serde(default)]
    pub unavailable: bool,
    /// Its roles.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Its threads that are not archived.
    #[serde(default)]
    pub threads: Vec<Channel>,
    /// Its language, as far as Discord documents it.
    #[serde(default, deserialize_with = "locale")]
    pub preferred_locale: Option<Locale>,
}

/// A server whose settings on Discord have changed.
#[derive(Debug, Deserialize)]
pub struct GuildUpdated {
    /// Its id.
    pub id: Snowflake,
    /// Its language now, as far as Discord documents it.
    #[serde(default, deserialize_with = "locale")]
    pub preferred_locale: Option<Locale>,
}

fn locale<'a, D: Deserializer<'a>>(value: D) -> Result<Option<Locale>, D::Error> {
    let name = Option::<Text<'_>>::deserialize(value)?;
    Ok(name.and_then(|name| Locale::named(&name.0)))
}

/// A server that is gone.
#[derive(Debug, Deserialize)]
pub struct GuildDeleted {
    /// Its id.
    pub id: Snowflake,
    /// Whether it is an outage of Discord's: the bot is still in it.
    #[serde(default)]
    pub unavailable: bool,
}

/// A role of a server.
#[derive(Debug, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: Snowflake,
    /// Whose it is.
    pub tags: Option<RoleTags>,
}

/// Whose a role is.
#[derive(Debug, Deserialize)]
pub struct RoleTags {
    /// The bot that it was made for.
    pub bot_id: Option<Snowflake>,
}

/// A role that was made or changed.
#[derive(Debug, Deserialize)]
pub struct RoleChanged {
    /// The server.
    pub guild_id: Snowflake,
    /// The role.
    pub role: Role,
}

/// A role that is gone.
#[derive(Debug, Deserialize)]
pub struct RoleDeleted {
    /// The server.
    pub guild_id: Snowflake,
    /// The role.
    pub role_id: Snowflake,
}

/// A channel or thread that was made, changed or deleted, or is one of a server's.
#[derive(Debug, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: Snowflake,
    /// The server; none in private and in a list of a server's.
    pub guild_id: Option<Snowflake>,
    /// Its type.
    #[serde(default, rename = "type")]
    pub kind: u16,
    /// A thread's channel.
    pub parent_id: Option<Snowflake>,
    /// Who started a thread.
    pub owner_id: Option<Snowflake>,
}

/// Threads of a server that the bot sees from now on.
#[derive(Debug, Deserialize)]
pub struct ThreadList {
    /// The server.
    pub guild_id: Snowflake,
    /// The threads.
    #[serde(default)]
    pub threads: Vec<Channel>,
}

/// The first event of a session.
#[derive(Debug, Deserialize)]
pub struct Ready {
    /// The bot.
    pub user: Only,
}

/// Whether this type of channel is a thread: of announcements, public or private.
/// [Discord Docs/Channel: Channel Types]
pub fn is_thread(kind: u16) -> bool {
    matches!(kind, 10..=12)
}

/// The server that a message is in, without reading the frame: none when that takes reading it. What people write cannot
/// mislead it: inside of a JSON text, a quotation mark has a backslash before it.
pub fn guild_at_a_glance(text: &str) -> Option<Snowflake> {
    static GUILD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""guild_id":""#));
    // A reply or a forward: its reference has a server of its own.
    static REFERENCE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"message_reference\""));
    if let Some(guild) = guild_at_the_end(text) {
        return Some(guild);
    }
    let bytes = text.as_bytes();
    if REFERENCE.find(bytes).is_some() {
        return None;
    }
    let digits = &text[GUILD.find(bytes)? + GUILD.needle().len()..];
    id(digits.get(..digits.find('"')?)?)
}

/// The server of a message that ends with it, as Discord writes them. The two brackets are the message's and the frame's,
/// so it is that of no reference.
fn guild_at_the_end(text: &str) -> Option<Snowflake> {
    let (rest, digits) = text.strip_suffix(r#""}}"#)?.rsplit_once('"')?;
    id(digits).filter(|_| rest.ends_with(r#""guild_id":"#))
}

/// An id from its digits.
fn id(digits: &str) -> Option<Snowflake> {
    /// So many digits always fit.
    const SHORT: usize = 19;
    if digits.len() > SHORT {
        return digits.parse().ok();
    }
    let number = digits
        .bytes()
        .try_fold(0_u64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))?;
    Id::new_checked(number)
}

/// Whether a frame says that no role is mentioned, without reading it.
pub fn mentions_no_role_at_a_glance(text: &str) -> bool {
    static NONE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""mention_roles":[]"#));
    NONE.find(text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REPLY: &str = r#"{"t":"MESSAGE_CREATE","s":9,"op":0,"d":{"type":19,"id":"30","channel_id":"20","guild_id":"10",
        "author":{"id":"40","username":"ann","global_name":"Ann \"A\"","bot":false},"member":{"roles":["7"],"nick":null},
        "content":"and \u00e9t\u00e9?","mentions":[{"id":"50","username":"bot","bot":true,"member":{"roles":[]}}],
        "mention_roles":["8"],"referenced_message":{"id":"29","author":{"id":"50"},"content":"x"},
        "message_reference":{"guild_id":"11"},"message_snapshots":[],"edited_timestamp":null,"embeds":[{"a":[1,2]}]}}"#;

    #[test]
    fn a_message_is_read_and_borrowed() {
        let message: Message<'_> = read(REPLY).unwrap();
        assert_eq!((message.id.get(), message.channel_id.get(), message.kind), (30, 20, 19));
        assert_eq!(message.asker(), "Ann \"A\"");
        assert_eq!(message.content.as_ref().unwrap().0, "and été?");
        assert_eq!(message.mentions[0].id.get(), 50);
        assert!(matches!(message.mentions[0].username.0, Cow::Borrowed("bot")));
        assert_eq!(message.referenced_message.as_ref().unwrap().author.as_ref().unwrap().id.get(), 50);
        assert!(message.edited_timestamp.is_none());
        assert_eq!(guild_at_a_glance(REPLY), None, "a reply is read");
    }

    #[test]
    fn what_is_not_what_it_says_is_unreadable() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"d":null}"#,
            r#"{"d":{}}"#,
            r#"{"d":{"id":"x","channel_id":"1"}}"#,
            r#"{"d":{"id":"0","channel_id":"1"}}"#,
            r#"{"d":{"id":"1","channel_id":"1","mentions":{}}}"#,
            r#"{"d":{"id":"1","channel_id":"1","content":7}}"#,
            r#"{"d":{"id":"1","channel_id":"1"}"#,
            &format!(r#"{{"d":{{"id":"1","channel_id":"1","embeds":{}}}}}"#, "[".repeat(100_000)),
        ] {
            assert!(read::<Message<'_>>(text).is_err(), "{}", &text[..text.len().min(80)]);
        }
        assert!(read::<Message<'_>>(r#"{"d":{"id":"1","channel_id":"1"}}"#).is_ok(), "a part of a message");
    }

    #[test]
    fn heads_are_read_wherever_they_stand() {
        let head = |op, seq, kind| Head { op: Some(op), seq, kind };
        for text in [
            r#"{"t":"MESSAGE_CREATE","s":7,"op":0,"d":{}}"#,
            r#"{"t":"MESSAGE_CREATE","s":7,"op":0,"d":{"t":"READY","s":8,"op":9}}"#,
            r#"{"op":0,"s":7,"t":"MESSAGE_CREATE","d":{}}"#,
            r#"{ "t": "MESSAGE_CREATE", "s":7, "op":0, "d":{}}"#,
        ] {
            assert_eq!(Head::read(text), Some(head(OpCode::Dispatch, Some(7), Some("MESSAGE_CREATE"))), "{text}");
        }
        assert_eq!(Head::read(r#"{"t":null,"s":null,"op":11,"d":null}"#), Some(head(OpCode::HeartbeatAck, None, None)));
        assert_eq!(Head::read(r#"{"op":10,"d":{}}"#), Some(head(OpCode::Hello, None, None)));
        assert_eq!(Head::read(""), None);
    }

    #[test]
    fn the_server_at_the_end_is_the_messages_own() {
        let at = |text: &str| guild_at_a_glance(text).map(Id::get);
        assert_eq!(at(r#"{"d":{"message_reference":{"guild_id":"11"},"guild_id":"10"}}"#), Some(10));
        assert_eq!(at(r#"{"d":{"guild_id":"10","message_reference":{"guild_id":"11"}}}"#), None);
        assert_eq!(at(r#"{"d":{"guild_id":"10","id":"5"}}"#), Some(10));
        assert_eq!(at(r#"{"d":{"guild_id":"18446744073709551615"}}"#), Some(u64::MAX));
        for wrong in ["0", "", "x", "+1", "18446744073709551616", "99999999999999999999999"] {
            assert_eq!(at(&format!(r#"{{"d":{{"guild_id":"{wrong}"}}}}"#)), None, "{wrong}");
        }
    }

    #[test]
    fn nobody_can_write_a_server_into_a_message() {
        let said = serde_json::json!({"d": {"content": r#"","guild_id":"666","#, "guild_id": "10"}}).to_string();
        assert_eq!(guild_at_a_glance(&said), Some(Id::new(10)));
        assert_eq!(guild_at_a_glance(r#"{"d":{"content":"x"}}"#), None);
        assert_eq!(guild_at_a_glance(r#"{"guild_id":"123456789012345678901"}"#), None);
        assert_eq!(guild_at_a_glance(r#"{"guild_id":"é"#), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in ".{0,200}", cut in 0_usize..900, put in ".{0,4}") {
            let _ = read::<Message<'_>>(&text);
            guild_at_a_glance(&format!("\"guild_id\":\"{text}"));
            if REPLY.is_char_boundary(cut) && cut <= REPLY.len() {
                let damaged = format!("{}{put}{}", &REPLY[..cut], &REPLY[cut..]);
                let _ = read::<Message<'_>>(&damaged);
                let _ = read::<Channel>(&damaged);
                let _ = read::<GuildCreated>(&damaged);
            }
        }
    }
}
