//! Discord's REST API, as far as we use it.
//!
//! Requests are our own because what matters here is when one may be repeated: the limits are kept by twilight's limiter,
//! but its client repeats a 429 without waiting where the limit is global, and hides what Discord said.

mod gateway;
mod rest;
mod votes;

pub use gateway::{GatewayBot, StartLimit};
pub use votes::{NoVote, VoteButtons, VoteId};

use crate::config::DiscordConfig;
use crate::interactions::commands;
use anyhow::Result;
use ed25519_dalek::VerifyingKey;
use rest::{Call, Rest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use twilight_http_ratelimiting::Method;
use twilight_model::channel::message::MessageFlags;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, MessageMarker},
};

/// Messages that Discord lists at once, at most. [Discord Docs/Message: Get Channel Messages]
const PAGE: usize = 100;

/// Pages looked through for follow-ups: they come right after the original.
const PAGES: usize = 5;

/// Discord, seen by our applications.
#[derive(Debug)]
pub struct Discord {
    rest: Rest,
    application_id: Id<ApplicationMarker>,
    public_key: VerifyingKey,
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
    interaction_metadata: Option<Metadata>,
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
    /// Connects with the first request. Must be called within a tokio runtime.
    pub fn new(config: &DiscordConfig) -> Result<Self> {
        Ok(Self {
            rest: Rest::new(&config.api_url, config.token.clone())?,
            application_id: config.application_id,
            public_key: config.public_key,
        })
    }

    /// The shared bot.
    pub fn application_id(&self) -> Id<ApplicationMarker> {
        self.application_id
    }

    /// What an application's interactions are signed with; nothing for applications that are not ours.
    pub fn key_of(&self, application: Id<ApplicationMarker>) -> Option<&VerifyingKey> {
        (application == self.application_id).then_some(&self.public_key)
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
        self.ask(&original(Method::Patch, application, token, Some(&body))).await
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
        self.ask(&Call {
            method: Method::Post,
            path: format!("webhooks/{application}/{token}"),
            query: &[],
            body: Some(&body),
            as_bot: false,
        })
        .await
    }

    /// The reply of an interaction.
    pub async fn original(&self, application: Id<ApplicationMarker>, token: &str) -> Result<Message, DiscordError> {
        self.ask(&original(Method::Get, application, token, None)).await
    }

    /// The follow-ups of this reply, oldest first, as far as the channel shows them: a private one is not listed, and where
    /// the bot may not read the channel Discord refuses. Mostly one request, at most five.
    pub async fn follow_ups(&self, original: &Message) -> Result<Vec<Message>, DiscordError> {
        let mut found = Vec::new();
        let mut after = original.id;
        for _ in 0..PAGES {
            let (limit, from) = (PAGE.to_string(), after.to_string());
            let page: Vec<Value> = self
                .ask(&Call {
                    method: Method::Get,
                    path: format!("channels/{}/messages", original.channel_id),
                    query: &[("after", &from), ("limit", &limit)],
                    body: None,
                    as_bot: true,
                })
                .await?;
            let is_last = page.len() < PAGE;
            // One message of an unknown shape must not hide ours.
            let page: Vec<Message> =
                page.into_iter().filter_map(|message| serde_json::from_value(message).ok()).collect();
            after = page.iter().map(|message| message.id).fold(after, Id::max);
            found.extend(page.into_iter().filter(|message| message.follows(original)));
            if is_last || after.to_string() == from {
                break;
            }
        }
        found.sort_by_key(|message| message.id);
        Ok(found)
    }

    /// Makes Discord's list of global commands ours. One request where it is, two where it is not.
    pub async fn sync_commands(&self) -> Result<CommandSync, DiscordError> {
        let path = format!("applications/{}/commands", self.application_id);
        let get = Call {
            method: Method::Get,
            path: path.clone(),
            query: &[("with_localizations", "true")],
            body: None,
            as_bot: true,
        };
        let ours = commands::all();
        if commands::are_same(&self.ask::<Value>(&get).await?, &ours) {
            return Ok(CommandSync::Unchanged);
        }
        let put = Call { method: Method::Put, path, query: &[], body: Some(&ours), as_bot: true };
        self.rest.send(&put).await?;
        Ok(CommandSync::Updated)
    }

    async fn ask<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, DiscordError> {
        let answer = self.rest.send(call).await?;
        serde_json::from_slice(&answer).map_err(|_| DiscordError::Unavailable("Discord's answer could not be read"))
    }
}

impl Message {
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
    fn a_message_pings_nobody_and_shows_no_previews() {
        let votes = VoteButtons { conversation: ConversationId::of_person(3, 4), question: QuestionId(5) };
        let flags = MessageFlags::SUPPRESS_EMBEDS | MessageFlags::EPHEMERAL;
        insta::assert_snapshot!(body("@everyone", flags, Some(&votes)).to_string(), @r#"{"allowed_mentions":{"parse":[]},"components":[{"components":[{"custom_id":"vote:up:3-4:5","emoji":{"name":"👍"},"style":2,"type":2},{"custom_id":"vote:down:3-4:5","emoji":{"name":"👎"},"style":2,"type":2}],"type":1}],"content":"@everyone","flags":68}"#);
        insta::assert_snapshot!(body("x", MessageFlags::SUPPRESS_EMBEDS, None).to_string(), @r#"{"allowed_mentions":{"parse":[]},"components":[],"content":"x","flags":4}"#);
    }
}
