//! Discord's REST API, as far as we use it.
//!
//! Requests are our own because what matters here is when one may be repeated: the limits are kept by twilight's limiter,
//! but its client repeats a 429 without waiting where the limit is global, and hides what Discord said.

mod custom;
mod facts;
mod gateway;
mod pace;
mod rest;
mod votes;

pub use custom::{CustomBots, Own};
pub use facts::{Facts, GUILDS_PAGE, GuildChannel, GuildName, GuildRole};
pub use gateway::{GatewayBot, MOST_GUILDS, StartLimit};
pub use pace::Budget;
pub use votes::{NoVote, VoteButtons, VoteId};

use crate::config::{Application, DiscordConfig, public_key};
use crate::ids::AccountId;
use crate::interactions::commands;
use crate::locale::Locale;
use anyhow::Result;
use custom::Registry;
use ed25519_dalek::VerifyingKey;
use rest::{Call, Line, Rest};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use twilight_http_ratelimiting::Method;
use twilight_model::channel::ChannelType;
use twilight_model::channel::message::MessageFlags;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, GuildMarker, InteractionMarker, MessageMarker, RoleMarker, UserMarker},
};
use url::Url;

/// Messages that Discord lists at once, at most. [Discord Docs/Message: Get Channel Messages]
const PAGE: usize = 100;

/// Pages looked through for what we posted: it comes soon after the question.
const PAGES: usize = 5;

/// Pauses between attempts to learn who we are, the last one for good. A wrong token is answered with 401, of which
/// Discord takes ten thousand in ten minutes. [Discord Docs/Rate Limits: Invalid Request Limit]
const LEARNING: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_mins(1),
];

/// A job waits so long to learn who we are; the queue tries again anyway.
const PATIENCE: Duration = Duration::from_secs(10);

/// Discord, seen by our applications: the shared bot's, and those that teams have brought along.
#[derive(Debug)]
pub struct Discord {
    line: Line,
    shared: Option<Client>,
    custom: Registry,
}

/// The shared bot's token, and whose it is once that is known.
#[derive(Debug)]
struct Client {
    token: SecretString,
    known: OnceCell<Known>,
}

/// An application, and how Discord is spoken to as it.
#[derive(Debug)]
struct Known {
    application: Application,
    rest: Arc<Rest>,
}

/// A message that Discord has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: Id<MessageMarker>,
    /// Where it is.
    pub channel_id: Id<ChannelMarker>,
    /// What it says.
    #[serde(default)]
    pub content: String,
    /// Whose it is, where an application sent it.
    #[serde(default)]
    pub application_id: Option<Id<ApplicationMarker>>,
    #[serde(default)]
    author: Author,
    #[serde(default, rename = "message_reference")]
    replies_to: Option<Reference>,
    #[serde(default)]
    interaction_metadata: Option<Metadata>,
    #[serde(default, rename = "message_snapshots")]
    forwards: Vec<Snapshot>,
}

/// A message that was forwarded. [Discord Docs/Message: Message Snapshot Object]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Snapshot {
    message: Snapped,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Snapped {
    #[serde(default)]
    content: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Author {
    #[serde(default)]
    bot: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Reference {
    #[serde(default)]
    message_id: Option<Id<MessageMarker>>,
}

/// A message for a channel.
#[derive(Debug, Clone)]
pub struct Post<'a> {
    /// At most 2,000 characters. Nobody is pinged and no link unfolds.
    pub content: &'a str,
    /// At most 25 characters. Discord drops a message whose nonce it has seen in the last minutes.
    pub nonce: &'a str,
    /// The message that it replies to. Where that is gone, it stands alone.
    pub reply_to: Option<Id<MessageMarker>>,
    /// Buttons for votes.
    pub votes: Option<&'a VoteButtons>,
}

/// A channel, as far as we look at it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: Id<ChannelMarker>,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ChannelType,
    /// A thread's channel, or a channel's category.
    #[serde(default)]
    pub parent_id: Option<Id<ChannelMarker>>,
    /// Who started a thread.
    #[serde(default)]
    pub owner_id: Option<Id<UserMarker>>,
}

/// A role, as far as we look at it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: Id<RoleMarker>,
    /// Whose own role it is.
    #[serde(default)]
    pub tags: Option<RoleTags>,
}

/// Why a role is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RoleTags {
    /// The bot whose own role it is.
    #[serde(default)]
    pub bot_id: Option<Id<UserMarker>>,
}

/// Discord's codes that we act upon. [Discord Docs/Opcodes and Status Codes: JSON]
pub mod code {
    /// The channel is gone.
    pub const UNKNOWN_CHANNEL: u64 = 10_003;
    /// The message is gone.
    pub const UNKNOWN_MESSAGE: u64 = 10_008;
    /// The interaction was answered.
    pub const ANSWERED: u64 = 40_060;
    /// Some field is wrong, as the message that is replied to may be.
    pub const INVALID_FORM: u64 = 50_035;
    /// Replies need the permission to read what was said before.
    pub const REPLY_NEEDS_HISTORY: u64 = 160_002;
    /// The message has a thread.
    pub const HAS_THREAD: u64 = 160_004;
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Metadata {
    #[serde(default)]
    original_response_message_id: Option<Id<MessageMarker>>,
}

/// Whether Discord had our commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandSync {
    /// It had them; nothing was written.
    Unchanged,
    /// They were written.
    Updated,
}

/// Why Discord did not do what was asked. Says nothing of tokens and contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DiscordError {
    /// The interaction is over or unknown: nothing can be said to it any more.
    #[error("the interaction is over")]
    TooLate,
    /// It will not do that, however often it is asked.
    #[error("Discord refused with status {status}, code {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Discord's own code, 0 where it gave none. [Discord Docs/Opcodes and Status Codes: JSON]
        code: u64,
    },
    /// Not now, for the reason told. A follow-up may be there all the same: [`Discord::follow_ups`] tells.
    #[error("{0}")]
    Unavailable(&'static str),
}

impl Discord {
    /// Connects with the first request. Must be called within a tokio runtime. Without `custom`, the shared bot is the only
    /// one. `budget` says who else sends requests as these applications.
    pub fn new(
        api_url: &Url,
        shared: Option<&DiscordConfig>,
        custom: Option<CustomBots>,
        budget: Budget,
    ) -> Result<Self> {
        let line = Line::new(api_url, budget)?;
        let shared = shared.map(|config| Client {
            token: config.token.clone(),
            known: OnceCell::new_with(config.application.map(|known| Known::new(&line, &config.token, known))),
        });
        Ok(Self { line, shared, custom: Registry::new(custom) })
    }

    async fn shared(&self) -> Option<&Known> {
        let Client { token, known } = self.shared.as_ref()?;
        let learn = async || Known::new(&self.line, token, learn(&self.line, token).await);
        Some(known.get_or_init(learn).await)
    }

    /// The shared bot's application, if there is a shared bot. Asked from Discord where the environment does not name it,
    /// for as long as it takes: a door that needs it waits in a task of its own.
    pub async fn application(&self) -> Option<Application> {
        Some(self.shared().await?.application)
    }

    /// The shared bot's application, if it is known by now.
    pub fn known_application(&self) -> Option<Application> {
        Some(self.shared.as_ref()?.known.get()?.application)
    }

    fn is_shared(&self, application: Id<ApplicationMarker>) -> bool {
        self.known_application().is_some_and(|known| known.id == application)
    }

    /// Whether there is a shared bot of which is not known yet which application it is.
    fn is_unknown(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.known.get().is_none())
    }

    /// What an application's interactions are signed with; nothing for applications that are not ours. An error where
    /// that cannot be told yet. At most one GetItem each five seconds, for applications that are not the shared bot's.
    pub async fn key_of(&self, application: Id<ApplicationMarker>) -> Result<Option<VerifyingKey>> {
        if let Some(shared) = self.known_application().filter(|known| known.id == application) {
            return Ok(Some(shared.public_key));
        }
        match self.custom.find(application, &self.line).await? {
            Some(bot) => Ok(Some(bot.public_key)),
            None if self.is_unknown() => Err(anyhow::anyhow!("Discord has not told yet who we are")),
            None => Ok(None),
        }
    }

    /// The account that has brought this application along; none for the shared bot and for strangers. At most one
    /// GetItem each five seconds.
    pub async fn account_of(&self, application: Id<ApplicationMarker>) -> Result<Option<AccountId>> {
        if self.is_shared(application) {
            return Ok(None);
        }
        Ok(self.custom.find(application, &self.line).await?.map(|bot| bot.account.clone()))
    }

    /// How Discord is spoken to as this application.
    async fn rest(&self, application: Id<ApplicationMarker>) -> Result<Arc<Rest>, DiscordError> {
        if !self.is_shared(application) {
            let found = self.custom.find(application, &self.line).await.map_err(|error| {
                tracing::warn!(application.id = %application, error = format!("{error:#}"), "a bot cannot be looked up");
                DiscordError::Unavailable("the bot's token cannot be read now")
            })?;
            if let Some(bot) = found {
                return Ok(Arc::clone(&bot.rest));
            }
        }
        let known = tokio::time::timeout(PATIENCE, self.shared()).await;
        match known.map_err(|_| DiscordError::Unavailable("Discord has not told yet who we are"))? {
            Some(known) if known.application.id == application => Ok(Arc::clone(&known.rest)),
            // Not ours any more, or never: what Discord would say to a token that is none.
            _ => Err(DiscordError::Refused { status: 401, code: 0 }),
        }
    }

    /// Puts `content` (at most 2,000 characters) in place of “thinking…”. May be repeated. Nobody is pinged and no link
    /// unfolds.
    pub async fn edit_original(
        &self,
        application: Id<ApplicationMarker>,
        token: &str,
        content: &str,
        votes: Option<&VoteButtons>,
    ) -> Result<Message, DiscordError> {
        let body = body(content, MessageFlags::SUPPRESS_EMBEDS, votes);
        ask(&*self.rest(application).await?, &original(Method::Patch, application, token, Some(&body))).await
    }

    /// Posts a further message below the reply, only for the asker where `private`. After
    /// [`DiscordError::Unavailable`] it may be there.
    pub async fn follow_up(
        &self,
        application: Id<ApplicationMarker>,
        token: &str,
        content: &str,
        private: bool,
        votes: Option<&VoteButtons>,
    ) -> Result<Message, DiscordError> {
        let mut flags = MessageFlags::SUPPRESS_EMBEDS;
        flags.set(MessageFlags::EPHEMERAL, private);
        let body = body(content, flags, votes);
        let path = format!("webhooks/{application}/{token}");
        let call = Call { method: Method::Post, path, query: &[], body: Some(&body), as_bot: false };
        ask(&*self.rest(application).await?, &call).await
    }

    /// Takes “thinking…”, or what is in its place, away. One that is gone is no error.
    pub async fn delete_original(&self, application: Id<ApplicationMarker>, token: &str) -> Result<(), DiscordError> {
        match self.rest(application).await?.send(&original(Method::Delete, application, token, None)).await {
            Err(DiscordError::Refused { code: code::UNKNOWN_MESSAGE, .. }) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// The reply of an interaction.
    pub async fn original(&self, application: Id<ApplicationMarker>, token: &str) -> Result<Message, DiscordError> {
        ask(&*self.rest(application).await?, &original(Method::Get, application, token, None)).await
    }

    /// The follow-ups of this reply, oldest first, as far as the channel shows them: a private one is not listed, and where
    /// the bot may not read the channel Discord refuses. Mostly one request, at most five.
    pub async fn follow_ups(
        &self,
        application: Id<ApplicationMarker>,
        original: &Message,
    ) -> Result<Vec<Message>, DiscordError> {
        let mut found = self.messages_after(application, original.channel_id, original.id).await?;
        found.retain(|message| message.follows(original));
        Ok(found)
    }

    /// The messages of a channel that came after this one, oldest first. Mostly one request, at most five.
    pub async fn messages_after(
        &self,
        application: Id<ApplicationMarker>,
        channel: Id<ChannelMarker>,
        message: Id<MessageMarker>,
    ) -> Result<Vec<Message>, DiscordError> {
        let rest = self.rest(application).await?;
        let (mut found, mut after) = (Vec::new(), message);
        for _ in 0..PAGES {
            let (limit, from) = (PAGE.to_string(), after.to_string());
            let query = [("after", from.as_str()), ("limit", &limit)];
            let path = format!("channels/{channel}/messages");
            let page: Vec<Value> =
                ask(&rest, &Call { method: Method::Get, path, query: &query, body: None, as_bot: true }).await?;
            let is_last = page.len() < PAGE;
            // One message of an unknown shape must not hide ours.
            let page: Vec<Message> =
                page.into_iter().filter_map(|message| serde_json::from_value(message).ok()).collect();
            after = page.iter().map(|message| message.id).fold(after, Id::max);
            found.extend(page);
            if is_last || after.to_string() == from {
                break;
            }
        }
        found.sort_by_key(|message| message.id);
        Ok(found)
    }

    /// A message, with its words if the application may read them. One request.
    pub async fn message(
        &self,
        application: Id<ApplicationMarker>,
        channel: Id<ChannelMarker>,
        message: Id<MessageMarker>,
    ) -> Result<Message, DiscordError> {
        ask(&*self.rest(application).await?, &get(format!("channels/{channel}/messages/{message}"))).await
    }

    /// Posts a message into a channel. May be repeated within minutes: Discord knows it again by its nonce.
    pub async fn post(
        &self,
        application: Id<ApplicationMarker>,
        channel: Id<ChannelMarker>,
        post: &Post<'_>,
    ) -> Result<Message, DiscordError> {
        let body = post.body();
        let path = format!("channels/{channel}/messages");
        let call = Call { method: Method::Post, path, query: &[], body: Some(&body), as_bot: true };
        ask(&*self.rest(application).await?, &call).await
    }

    /// Takes a message of ours away. One that is gone is no error.
    pub async fn delete_message(
        &self,
        application: Id<ApplicationMarker>,
        channel: Id<ChannelMarker>,
        message: Id<MessageMarker>,
    ) -> Result<(), DiscordError> {
        let path = format!("channels/{channel}/messages/{message}");
        let call = Call { method: Method::Delete, path, query: &[], body: None, as_bot: true };
        match self.rest(application).await?.send(&call).await {
            Err(DiscordError::Refused { code: code::UNKNOWN_MESSAGE | code::UNKNOWN_CHANNEL, .. }) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// Starts a thread from a message; the thread's id is the message's. One that is there already is taken.
    /// [Discord Docs/Channel: Start Thread from Message]
    pub async fn start_thread(
        &self,
        application: Id<ApplicationMarker>,
        channel: Id<ChannelMarker>,
        message: Id<MessageMarker>,
        name: &str,
    ) -> Result<Id<ChannelMarker>, DiscordError> {
        let body = json!({"name": name});
        let path = format!("channels/{channel}/messages/{message}/threads");
        let call = Call { method: Method::Post, path, query: &[], body: Some(&body), as_bot: true };
        match self.rest(application).await?.send(&call).await {
            Ok(_) | Err(DiscordError::Refused { code: code::HAS_THREAD, .. }) => Ok(message.cast()),
            Err(error) => Err(error),
        }
    }

    /// Shows “is typing…” in a channel for ten seconds, or until we post there. [`DiscordError::Unavailable`] where the
    /// bot's requests are needed for what people wait for.
    pub async fn typing(
        &self,
        application: Id<ApplicationMarker>,
        channel: Id<ChannelMarker>,
    ) -> Result<(), DiscordError> {
        let path = format!("channels/{channel}/typing");
        let call = Call { method: Method::Post, path, query: &[], body: None, as_bot: true };
        self.rest(application).await?.send(&call).await.map(drop)
    }

    /// Says `body` as the first answer to an interaction that came over the gateway, within three seconds of it.
    /// [`DiscordError::TooLate`] where they are over. One that was answered is no error.
    /// [Discord Docs/Receiving and Responding: Create Interaction Response]
    pub async fn respond(
        &self,
        application: Id<ApplicationMarker>,
        interaction: Id<InteractionMarker>,
        token: &str,
        body: &Value,
    ) -> Result<(), DiscordError> {
        let path = format!("interactions/{interaction}/{token}/callback");
        let call = Call { method: Method::Post, path, query: &[], body: Some(body), as_bot: false };
        match self.rest(application).await?.send(&call).await {
            Err(DiscordError::Refused { code: code::ANSWERED, .. }) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// What a channel is.
    pub async fn channel(
        &self,
        application: Id<ApplicationMarker>,
        channel: Id<ChannelMarker>,
    ) -> Result<Channel, DiscordError> {
        ask(&*self.rest(application).await?, &get(format!("channels/{channel}"))).await
    }

    /// The roles of a server.
    pub async fn guild_roles(
        &self,
        application: Id<ApplicationMarker>,
        guild: Id<GuildMarker>,
    ) -> Result<Vec<Role>, DiscordError> {
        ask(&*self.rest(application).await?, &get(format!("guilds/{guild}/roles"))).await
    }

    /// The language of a server, as its admins have set it; none for one that Discord does not document.
    pub async fn guild_locale(
        &self,
        application: Id<ApplicationMarker>,
        guild: Id<GuildMarker>,
    ) -> Result<Option<Locale>, DiscordError> {
        #[derive(Deserialize)]
        struct Guild {
            preferred_locale: String,
        }
        let guild: Guild = ask(&*self.rest(application).await?, &get(format!("guilds/{guild}"))).await?;
        Ok(Locale::named(&guild.preferred_locale))
    }

    /// Makes Discord's list of an application's global commands ours. One request where it is, two where it is not.
    pub async fn sync_commands(&self, application: Id<ApplicationMarker>) -> Result<CommandSync, DiscordError> {
        let rest = self.rest(application).await?;
        let path = format!("applications/{application}/commands");
        let get = Call {
            method: Method::Get,
            path: path.clone(),
            query: &[("with_localizations", "true")],
            body: None,
            as_bot: true,
        };
        let ours = commands::all();
        if commands::are_same(&ask::<Value>(&rest, &get).await?, &ours) {
            return Ok(CommandSync::Unchanged);
        }
        let put = Call { method: Method::Put, path, query: &[], body: Some(&ours), as_bot: true };
        rest.send(&put).await?;
        Ok(CommandSync::Updated)
    }
}

impl Known {
    fn new(line: &Line, token: &SecretString, application: Application) -> Self {
        Self { application, rest: Arc::new(Rest::new(line.clone(), token.clone(), Some(application.id))) }
    }
}

async fn ask<T: DeserializeOwned>(rest: &Rest, call: &Call<'_>) -> Result<T, DiscordError> {
    let answer = rest.send(call).await?;
    serde_json::from_slice(&answer).map_err(|_| DiscordError::Unavailable("Discord's answer could not be read"))
}

fn get(path: String) -> Call<'static> {
    Call { method: Method::Get, path, query: &[], body: None, as_bot: true }
}

/// Asks Discord whose the token is until it says so.
async fn learn(line: &Line, token: &SecretString) -> Application {
    let mut pauses = LEARNING.iter().copied();
    let mut pause = LEARNING[0];
    loop {
        let own = ask::<Own>(&Rest::new(line.clone(), token.clone(), None), &get("applications/@me".to_owned())).await;
        match own.map(|own| (own.id, public_key(&own.verify_key))) {
            Ok((id, Ok(public_key))) => return Application { id, public_key },
            Ok((_, Err(error))) => {
                tracing::error!(error = %error, "Discord's public key of the application is unusable");
            }
            Err(DiscordError::Refused { status: 401, .. }) => {
                tracing::error!("Discord does not know the bot's token: check DISCORD_TOKEN");
            }
            Err(error) => tracing::warn!(error = %error, "Discord has not said yet whose the bot's token is"),
        }
        pause = pauses.next().unwrap_or(pause);
        tokio::time::sleep(pause).await;
    }
}

impl Post<'_> {
    fn body(&self) -> Value {
        let mut body = body(self.content, MessageFlags::SUPPRESS_EMBEDS, self.votes);
        body["allowed_mentions"]["replied_user"] = false.into();
        body["nonce"] = self.nonce.into();
        body["enforce_nonce"] = true.into();
        if let Some(message) = self.reply_to {
            body["message_reference"] = json!({"message_id": message, "fail_if_not_exists": false});
        }
        body
    }
}

impl Message {
    /// What it says, and what it forwards behind that.
    pub fn words(&self) -> String {
        let forwarded = self.forwards.iter().map(|snapshot| &*snapshot.message.content);
        let words: Vec<&str> = [&*self.content].into_iter().chain(forwarded).filter(|text| !text.is_empty()).collect();
        words.join("\n")
    }

    /// Whether a bot posted `content` as a reply to `question` or to nothing: what tells one of our own messages, of which
    /// it is not known whether it was posted.
    pub fn is_post(&self, content: &str, question: Id<MessageMarker>) -> bool {
        let replies_to = self.replies_to.as_ref().and_then(|reference| reference.message_id);
        self.author.bot && self.content.trim() == content.trim() && replies_to.is_none_or(|message| message == question)
    }

    fn follows(&self, original: &Self) -> bool {
        let of = self.interaction_metadata.as_ref().and_then(|metadata| metadata.original_response_message_id);
        of == Some(original.id) && self.application_id == original.application_id
    }
}

fn original<'a>(method: Method, application: Id<ApplicationMarker>, token: &str, body: Option<&'a Value>) -> Call<'a> {
    let path = format!("webhooks/{application}/{token}/messages/@original");
    Call { method, path, query: &[], body, as_bot: false }
}

/// A message that pings nobody and whose links do not unfold. [Discord Docs/Message: Message Flags]
fn body(content: &str, flags: MessageFlags, votes: Option<&VoteButtons>) -> Value {
    json!({
        "content": content,
        "allowed_mentions": {"parse": []},
        "flags": flags.bits(),
        "components": votes.map_or_else(|| json!([]), VoteButtons::components),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ConversationId, QuestionId};

    fn message(json: Value) -> Message {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_follow_up_is_told_from_other_messages() {
        let original = message(json!({"id": "10", "channel_id": "3", "content": "…", "application_id": "5"}));
        let of = |application: &str, original: Value| {
            message(json!({"id": "11", "channel_id": "3", "content": "", "application_id": application,
                "interaction_metadata": {"id": "9", "type": 2, "original_response_message_id": original}}))
        };
        assert!(of("5", json!("10")).follows(&original));
        assert!(!of("6", json!("10")).follows(&original));
        assert!(!of("5", json!("12")).follows(&original));
        assert!(!of("5", Value::Null).follows(&original));
        assert!(!message(json!({"id": "11", "channel_id": "3"})).follows(&original));
    }

    #[test]
    fn a_post_replies_without_a_ping_and_is_known_again() {
        let post = Post { content: "x", nonce: "9-0", reply_to: Some(Id::new(9)), votes: None };
        insta::assert_snapshot!(post.body().to_string(), @r#"{"allowed_mentions":{"parse":[],"replied_user":false},"components":[],"content":"x","enforce_nonce":true,"flags":4,"message_reference":{"fail_if_not_exists":false,"message_id":"9"},"nonce":"9-0"}"#);
        let ours = |bot: bool, content: &str, reply_to: Value| {
            message(json!({"id": "11", "channel_id": "3", "content": content, "author": {"id": "1", "bot": bot},
                "message_reference": reply_to}))
            .is_post("x", Id::new(9))
        };
        assert!(ours(true, "x", json!({"message_id": "9"})) && ours(true, " x", Value::Null));
        assert!(!ours(true, "x", json!({"message_id": "8"})), "the same answer to another question");
        assert!(!ours(false, "x", Value::Null) && !ours(true, "y", Value::Null));
    }

    #[test]
    fn a_message_pings_nobody_and_shows_no_previews() {
        let votes = VoteButtons { conversation: ConversationId::of_person(3, 4), question: QuestionId(5) };
        let flags = MessageFlags::SUPPRESS_EMBEDS | MessageFlags::EPHEMERAL;
        insta::assert_snapshot!(body("@everyone", flags, Some(&votes)).to_string(), @r#"{"allowed_mentions":{"parse":[]},"components":[{"components":[{"custom_id":"vote:up:3-4:5","emoji":{"name":"👍"},"style":2,"type":2},{"custom_id":"vote:down:3-4:5","emoji":{"name":"👎"},"style":2,"type":2}],"type":1}],"content":"@everyone","flags":68}"#);
        insta::assert_snapshot!(body("x", MessageFlags::SUPPRESS_EMBEDS, None).to_string(), @r#"{"allowed_mentions":{"parse":[]},"components":[],"content":"x","flags":4}"#);
    }
}
