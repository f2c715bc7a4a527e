//! What the fake Discord remembers: interactions and the life of their tokens, messages, commands, requests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::http::Method;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::ids;
use super::limits::{Limits, Planned};

/// One request that the fake Discord received, for assertions.
#[derive(Debug, Clone)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path below `/api/v10`, without the query.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
    /// The JSON body, or `payload_json` of a form; null without one.
    pub body: Value,
    /// What was answered; 0 when the connection was closed instead.
    pub status: u16,
}

/// What the client did with an interaction first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing yet.
    Awaited,
    /// Type 4 to 7: there is an original message.
    Original(u64),
    /// Type 8 or 9: choices or a form, no message.
    NoMessage,
    /// Too late, not valid, or refused; the person sees "The application did not respond".
    Failed,
}

/// Why a token no longer works, when a test says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// 404 with code 10015, as for an interaction that was never answered in time.
    UnknownWebhook,
    /// 404 with code 10062.
    UnknownInteraction,
    /// 401 with code 50027, as after 15 minutes.
    InvalidToken,
}

#[derive(Debug)]
pub(crate) struct InteractionState {
    pub(crate) id: u64,
    pub(crate) kind: u64,
    pub(crate) member: String,
    pub(crate) user: Value,
    pub(crate) channel_id: u64,
    pub(crate) guild_id: u64,
    /// The message whose component was used.
    pub(crate) source: Option<u64>,
    /// The message that a context-menu command is about.
    pub(crate) target: Option<u64>,
    pub(crate) answer: Answer,
    pub(crate) answer_body: Value,
    pub(crate) born: Instant,
    pub(crate) expired: Option<Expiry>,
    pub(crate) follow_ups: Vec<u64>,
    pub(crate) changed: Arc<Notify>,
    pub(crate) failure: Option<String>,
    pub(crate) looked_at_failure: bool,
}

/// A message on the fake Discord.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) channel_id: u64,
    pub(crate) guild_id: u64,
    pub(crate) author: Value,
    pub(crate) from_bot: bool,
    pub(crate) content: String,
    pub(crate) flags: u64,
    pub(crate) components: Value,
    pub(crate) embeds: Value,
    pub(crate) reference: Option<u64>,
    pub(crate) nonce: Option<String>,
    /// `interaction_metadata`, on answers to interactions.
    pub(crate) metadata: Option<Value>,
    /// Who alone sees it, when it is ephemeral.
    pub(crate) only_for: Option<String>,
    pub(crate) mentions_everyone: bool,
    pub(crate) edited: Option<String>,
    pub(crate) deleted: bool,
    /// How often it was changed since a test looked at it.
    pub(crate) unseen: u32,
}

impl Message {
    /// As the API shows it. [Discord Docs/Message: Message Object]
    pub(crate) fn json(&self, application_id: u64) -> Value {
        let mut shown = json!({
            "id": self.id.to_string(), "channel_id": self.channel_id.to_string(), "author": self.author,
            "content": self.content, "timestamp": ids::timestamp(self.id), "edited_timestamp": self.edited,
            "tts": false, "mention_everyone": self.mentions_everyone, "mentions": [], "mention_roles": [],
            "attachments": [], "embeds": self.embeds, "components": self.components, "pinned": false,
            "flags": self.flags, "type": 0,
        });
        if let Some(nonce) = &self.nonce {
            shown["nonce"] = json!(nonce);
        }
        if let Some(reference) = self.reference {
            shown["type"] = json!(19);
            shown["message_reference"] = json!({
                "type": 0, "message_id": reference.to_string(), "channel_id": self.channel_id.to_string(),
                "guild_id": self.guild_id.to_string(),
            });
        }
        if let Some(metadata) = &self.metadata {
            shown["webhook_id"] = json!(application_id.to_string());
            shown["application_id"] = json!(application_id.to_string());
            shown["interaction_metadata"] = metadata.clone();
            shown["type"] = json!(if metadata["target_message_id"].is_string() { 23 } else { 20 });
        }
        shown
    }
}

/// One way in which a message that the bot sent or edited would have bothered people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bother {
    /// The message.
    pub message_id: u64,
    /// Whom it would notify, or which link it would unfold.
    pub what: String,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) guilds: BTreeMap<u64, String>,
    pub(crate) channels: BTreeMap<u64, (u64, String)>,
    pub(crate) interactions: HashMap<String, InteractionState>,
    pub(crate) messages: BTreeMap<u64, Message>,
    pub(crate) commands: Vec<Value>,
    pub(crate) command_writes: usize,
    /// Which interaction's token a message belongs to.
    pub(crate) owners: HashMap<u64, String>,
    pub(crate) nonces: HashMap<(u64, String), (u64, Instant)>,
    pub(crate) typing: Vec<u64>,
    pub(crate) planned: Vec<Planned>,
    pub(crate) limits: Limits,
    pub(crate) requests: Vec<Request>,
    pub(crate) pings: Vec<Bother>,
    pub(crate) unfurls: Vec<Bother>,
    pub(crate) early_edits: usize,
    pub(crate) gateway_url: String,
}

/// Everything behind the server's handlers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) application_id: u64,
    pub(crate) token: String,
    pub(crate) key: SigningKey,
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        let application_id = ids::snowflake();
        let guild = ids::snowflake();
        let state = State {
            guilds: BTreeMap::from([(guild, "The workshop".to_owned())]),
            channels: BTreeMap::from([(ids::snowflake(), (guild, "help".to_owned()))]),
            interactions: HashMap::new(),
            messages: BTreeMap::new(),
            commands: Vec::new(),
            command_writes: 0,
            owners: HashMap::new(),
            nonces: HashMap::new(),
            typing: Vec::new(),
            planned: Vec::new(),
            limits: Limits::default(),
            requests: Vec::new(),
            pings: Vec::new(),
            unfurls: Vec::new(),
            early_edits: 0,
            gateway_url: String::new(),
        };
        Self {
            application_id,
            token: format!("{application_id}.fake.{}", hex::encode(rand::random::<[u8; 19]>())),
            key: SigningKey::from_bytes(&rand::random()),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// The bot as a user object.
    pub(crate) fn bot_user(&self) -> Value {
        let mut user = user_json(self.application_id, "guildhall");
        user["bot"] = json!(true);
        user
    }
}

/// A user object. [Discord Docs/User: User Object]
pub(crate) fn user_json(id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "username": name, "discriminator": "0", "global_name": name, "avatar": null,
        "avatar_decoration_data": null, "public_flags": 0, "primary_guild": null,
    })
}
