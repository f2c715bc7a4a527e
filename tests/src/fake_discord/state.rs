//! What the fake Discord remembers: interactions and the life of their tokens, messages, commands, requests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::http::Method;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::gateway::Board;
use super::ids;
use super::limits::{Limits, Planned};
use super::oauth::OAuth;
use super::places::{Channel, Guild};

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
    /// The bot that it is for.
    pub(crate) application_id: u64,
    pub(crate) member: String,
    pub(crate) user: Value,
    pub(crate) channel_id: u64,
    /// None in a direct message.
    pub(crate) guild_id: Option<u64>,
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
    /// None in a direct message.
    pub(crate) guild_id: Option<u64>,
    pub(crate) author: Value,
    pub(crate) from_bot: bool,
    pub(crate) content: String,
    pub(crate) flags: u64,
    pub(crate) components: Value,
    pub(crate) embeds: Value,
    pub(crate) attachments: Value,
    /// Whom it notifies.
    pub(crate) mentions: Vec<u64>,
    pub(crate) mention_roles: Vec<u64>,
    /// The type, where it is not the one that follows from the rest: 7 joins, 21 starts a thread.
    pub(crate) kind: u64,
    /// `message_snapshots` and their `message_reference`, of a forward.
    pub(crate) forward: Option<(Value, Value)>,
    pub(crate) webhook_id: Option<u64>,
    /// The author on this server: `nick` and `roles`.
    pub(crate) member: Option<Value>,
    /// When it was sent, for measuring.
    pub(crate) sent: Instant,
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
    pub(crate) fn json(&self) -> Value {
        let mut shown = json!({
            "id": self.id.to_string(), "channel_id": self.channel_id.to_string(), "author": self.author,
            "content": self.content, "timestamp": ids::timestamp(self.id), "edited_timestamp": self.edited,
            "tts": false, "mention_everyone": self.mentions_everyone, "mentions": [],
            "mention_roles": self.mention_roles.iter().map(u64::to_string).collect::<Vec<_>>(),
            "attachments": self.attachments, "embeds": self.embeds, "components": self.components, "pinned": false,
            "flags": self.flags, "type": self.kind,
        });
        if let Some((reference, snapshots)) = &self.forward {
            shown["message_reference"] = reference.clone();
            shown["message_snapshots"] = snapshots.clone();
        }
        if let Some(webhook) = self.webhook_id {
            shown["webhook_id"] = json!(webhook.to_string());
        }
        if let Some(nonce) = &self.nonce {
            shown["nonce"] = json!(nonce);
        }
        if let Some(reference) = self.reference {
            if self.kind == 0 {
                shown["type"] = json!(19);
            }
            shown["message_reference"] = json!({
                "type": 0, "message_id": reference.to_string(), "channel_id": self.channel_id.to_string(),
            });
            if let Some(guild) = self.guild_id {
                shown["message_reference"]["guild_id"] = json!(guild.to_string());
            }
        }
        if let Some(metadata) = &self.metadata {
            shown["webhook_id"] = self.author["id"].clone();
            shown["application_id"] = self.author["id"].clone();
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
    pub(crate) guilds: BTreeMap<u64, Guild>,
    pub(crate) channels: BTreeMap<u64, Channel>,
    pub(crate) bots: BTreeMap<u64, Bot>,
    /// Applications' Interactions Endpoint URLs, where they have one.
    pub(crate) endpoints: HashMap<u64, String>,
    /// Everybody who was ever here, by id.
    pub(crate) users: HashMap<u64, Value>,
    pub(crate) gateway: Board,
    pub(crate) own_gateway_url: String,
    /// Something happened to a message.
    pub(crate) changed: Arc<Notify>,
    pub(crate) interactions: HashMap<String, InteractionState>,
    pub(crate) messages: BTreeMap<u64, Message>,
    /// Each application's own.
    pub(crate) commands: HashMap<u64, Vec<Value>>,
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
    pub(crate) oauth: OAuth,
}

/// A bot that this Discord knows.
#[derive(Debug, Clone)]
pub(crate) struct Bot {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) token: String,
    /// What signs its interactions.
    pub(crate) key: SigningKey,
}

impl Bot {
    pub(crate) fn new(name: &str) -> Self {
        let id = ids::snowflake();
        let key = SigningKey::from_bytes(&rand::random());
        Self { id, name: name.to_owned(), token: Self::new_token(id), key }
    }

    pub(crate) fn new_token(id: u64) -> String {
        format!("{id}.fake.{}", hex::encode(rand::random::<[u8; 19]>()))
    }

    /// The bot as a user object.
    pub(crate) fn user(&self) -> Value {
        let mut user = user_json(self.id, &self.name);
        user["bot"] = json!(true);
        user
    }
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
        let bot = Bot::new("guildhall");
        let (application_id, token, key) = (bot.id, bot.token.clone(), bot.key.clone());
        let guild_id = ids::snowflake();
        let mut guild = Guild::new("The workshop");
        guild.bots.insert(application_id, ids::snowflake());
        let channel = Channel::new(Some(guild_id), 0, "help");
        let state = State {
            guilds: BTreeMap::from([(guild_id, guild)]),
            channels: BTreeMap::from([(channel.id, channel)]),
            users: HashMap::from([(application_id, bot.user())]),
            bots: BTreeMap::from([(application_id, bot)]),
            endpoints: HashMap::new(),
            gateway: Board::default(),
            own_gateway_url: String::new(),
            changed: Arc::default(),
            interactions: HashMap::new(),
            messages: BTreeMap::new(),
            commands: HashMap::new(),
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
            oauth: OAuth::default(),
        };
        Self { application_id, token, key, state: Mutex::new(state) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

impl State {
    /// The bot with this token, given as a JSON string.
    pub(crate) fn bot_with(&self, token: &Value) -> Option<u64> {
        let token = token.as_str()?;
        let token = token.strip_prefix("Bot ").unwrap_or(token);
        self.bots.values().find(|bot| bot.token == token).map(|bot| bot.id)
    }

    /// A message as the API shows it, with what it replies to.
    pub(crate) fn shown(&self, id: u64) -> Value {
        let message = &self.messages[&id];
        let mut shown = message.json();
        shown["mentions"] = message.mentions.iter().filter_map(|id| self.users.get(id).cloned()).collect();
        if let Some(reference) = message.reference {
            let there = self.messages.get(&reference).filter(|message| !message.deleted);
            shown["referenced_message"] = there.map_or(Value::Null, |there| {
                let mut there_shown = there.json();
                there_shown["mentions"] = there.mentions.iter().filter_map(|id| self.users.get(id).cloned()).collect();
                there_shown
            });
        }
        if self.channels.get(&id).is_some_and(Channel::is_thread) && message.channel_id != id {
            shown["thread"] = self.channels[&id].json();
            shown["flags"] = json!(message.flags | 1 << 5);
        }
        shown
    }

    /// A message as `MESSAGE_CREATE` and `MESSAGE_UPDATE` have it. [Discord Docs/Gateway Events: Message Create]
    pub(crate) fn event_json(&self, id: u64) -> Value {
        let message = &self.messages[&id];
        let mut shown = self.shown(id);
        shown["channel_type"] = json!(self.channels.get(&message.channel_id).map_or(0, |channel| channel.kind));
        if let Some(guild) = message.guild_id {
            shown["guild_id"] = json!(guild.to_string());
            if message.webhook_id.is_none() {
                shown["member"] = message.member.clone().unwrap_or_else(|| member_json(None, &[]));
            }
            for user in shown["mentions"].as_array_mut().into_iter().flatten() {
                user["member"] = member_json(None, &[]);
            }
        }
        shown
    }
}

/// A member object without its user. [Discord Docs/Guild: Guild Member Object]
pub(crate) fn member_json(nick: Option<&str>, roles: &[u64]) -> Value {
    json!({
        "avatar": null, "banner": null, "communication_disabled_until": null, "deaf": false, "flags": 0,
        "joined_at": "2024-05-17T09:12:44.201000+00:00", "mute": false, "nick": nick, "pending": false,
        "premium_since": null, "roles": roles.iter().map(u64::to_string).collect::<Vec<_>>(),
    })
}

/// A user object. [Discord Docs/User: User Object]
pub(crate) fn user_json(id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "username": name, "discriminator": "0", "global_name": name, "avatar": null,
        "avatar_decoration_data": null, "public_flags": 0, "primary_guild": null,
    })
}
