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

    /// Takes the first answer to an interaction, inline or through the callback endpoint. Discord's checks come first; the
    /// original message, if there is one, is what comes back.
    pub(crate) fn first_answer(&self, token: &str, body: &Value) -> Result<Option<u64>, Refusal> {
        let mut state = self.state();
        let interaction = state.interactions.get(token).ok_or_else(|| Refusal::unknown(10062))?;
        if interaction.answer != Answer::Awaited {
            return Err(match interaction.answer {
                Answer::Failed => Refusal::unknown(10062),
                _ => Refusal::acknowledged(),
            });
        }
        if let Some(expiry) = interaction.expired {
            return Err(expiry.refusal());
        }
        if interaction.born.elapsed() > FIRST_ANSWER {
            return Err(Refusal::unknown(10062));
        }
        let kind = body["type"].as_u64().unwrap_or(0);
        let fits = match interaction.kind {
            4 => kind == 8,
            2 => matches!(kind, 4 | 5 | 9),
            3 => matches!(kind, 4 | 5 | 6 | 7 | 9),
            _ => matches!(kind, 4..=7),
        };
        if !fits {
            return Err(Refusal::form("type", "BASE_TYPE_CHOICES", "This response type does not fit the interaction."));
        }
        let empty = serde_json::Map::new();
        let data = body["data"].as_object().unwrap_or(&empty);
        let draft = Draft::check(data, 0)?;
        let answer = match kind {
            4 if draft.is_empty() => return Err(Refusal::empty_message()),
            4 | 5 => {
                let (metadata, hidden) = (interaction.metadata(None), draft.flags & message::EPHEMERAL != 0);
                let only_for = hidden.then(|| interaction.member.clone());
                let (channel_id, guild_id) = (interaction.channel_id, interaction.guild_id);
                let draft = if kind == 5 {
                    // A deferral may say only whether the answer will be hidden.
                    Draft { flags: (draft.flags & message::EPHEMERAL) | message::LOADING, ..Draft::default() }
                } else {
                    draft
                };
                let id = state.add(self, channel_id, guild_id, draft, Some(metadata), only_for);
                Answer::Original(id)
            }
            6 | 7 => {
                let source = interaction.source.ok_or_else(|| Refusal::unknown(10008))?;
                if kind == 7 {
                    state.edit(source, draft)?;
                }
                Answer::Original(source)
            }
            8 => {
                let choices = body["data"]["choices"].as_array().map_or(usize::MAX, Vec::len);
                if choices > 25 {
                    let message = "Must be 25 or fewer in length.";
                    return Err(Refusal::form("data.choices", "BASE_TYPE_MAX_LENGTH", message));
                }
                Answer::NoMessage
            }
            _ => {
                let title = body["data"]["title"].as_str().unwrap_or_default().chars().count();
                if !(1..=45).contains(&title) || body["data"]["custom_id"].as_str().is_none_or(str::is_empty) {
                    return Err(Refusal::form(
                        "data.title",
                        "BASE_TYPE_BAD_LENGTH",
                        "Must be between 1 and 45 in length.",
                    ));
                }
                Answer::NoMessage
            }
        };
        if let Answer::Original(id) = answer {
            state.owners.insert(id, token.to_owned());
        }
        let interaction = state.interactions.get_mut(token).expect("it was there above");
        interaction.answer = answer;
        interaction.answer_body = body.clone();
        interaction.changed.notify_waiters();
        Ok(match answer {
            Answer::Original(id) => Some(id),
            _ => None,
        })
    }

    /// Notes that an interaction got no valid first answer.
    pub(crate) fn fail(&self, token: &str, why: String) {
        let mut state = self.state();
        let Some(interaction) = state.interactions.get_mut(token) else {
            return;
        };
        if interaction.answer == Answer::Awaited {
            interaction.answer = Answer::Failed;
            interaction.failure = Some(why);
            interaction.changed.notify_waiters();
        }
    }
}

impl Expiry {
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Self::UnknownWebhook => Refusal::unknown(10015),
            Self::UnknownInteraction => Refusal::unknown(10062),
            Self::InvalidToken => Refusal::invalid_webhook_token(),
        }
    }
}

impl InteractionState {
    /// [Discord Docs/Message: Message Interaction Metadata Object]
    fn metadata(&self, original: Option<u64>) -> Value {
        let mut metadata = json!({
            "id": self.id.to_string(), "type": self.kind, "user": self.user,
            "authorizing_integration_owners": {"0": self.guild_id.to_string()},
        });
        if let Some(original) = original {
            metadata["original_response_message_id"] = json!(original.to_string());
        }
        if let Some(source) = self.source {
            metadata["interacted_message_id"] = json!(source.to_string());
        }
        if let Some(target) = self.target {
            metadata["target_message_id"] = json!(target.to_string());
        }
        metadata
    }
}

impl State {
    /// The interaction of a webhook call, if its token still works and it was answered.
    fn answered(&mut self, token: &str) -> Result<&mut InteractionState, Refusal> {
        let early = self
            .interactions
            .get(token)
            .is_some_and(|found| found.answer == Answer::Awaited && found.born.elapsed() < FIRST_ANSWER);
        self.early_edits += usize::from(early);
        let interaction = self.interactions.get_mut(token).ok_or_else(Refusal::invalid_webhook_token)?;
        if let Some(expiry) = interaction.expired {
            return Err(expiry.refusal());
        }
        if interaction.born.elapsed() > TOKEN_LIFE {
            return Err(Refusal::invalid_webhook_token());
        }
        match interaction.answer {
            Answer::Awaited | Answer::Failed => Err(Refusal::unknown(10015)),
            Answer::Original(_) | Answer::NoMessage => Ok(interaction),
        }
    }

    /// The message that `@original` or an id means under this token.
    pub(crate) fn webhook_message(&mut self, token: &str, which: &str) -> Result<u64, Refusal> {
        let interaction = self.answered(token)?;
        let original = match interaction.answer {
            Answer::Original(id) => Some(id),
            _ => None,
        };
        let id = match which {
            "@original" => original,
            _ => which.parse().ok().filter(|id| original == Some(*id) || interaction.follow_ups.contains(id)),
        };
        let id = id.ok_or_else(|| Refusal::unknown(10008))?;
        if self.messages.get(&id).is_none_or(|message| message.deleted) {
            return Err(Refusal::unknown(10008));
        }
        Ok(id)
    }

    /// Posts a follow-up; the first one after a deferral fills the original instead, as Discord still does.
    pub(crate) fn follow_up(&mut self, shared: &Shared, token: &str, draft: Draft) -> Result<u64, Refusal> {
        let interaction = self.answered(token)?;
        if draft.is_empty() {
            return Err(Refusal::empty_message());
        }
        let original = match interaction.answer {
            Answer::Original(id) => Some(id),
            _ => None,
        };
        let loading = |id: &u64| self.messages.get(id).is_some_and(|message| message.flags & message::LOADING != 0);
        if let Some(id) = original.filter(loading) {
            self.edit(id, draft)?;
            return Ok(id);
        }
        let interaction = self.answered(token)?;
        let hidden = draft.flags & message::EPHEMERAL != 0;
        let only_for = hidden.then(|| interaction.member.clone());
        let (channel_id, guild_id) = (interaction.channel_id, interaction.guild_id);
        let metadata = interaction.metadata(original);
        let id = self.add(shared, channel_id, guild_id, draft, Some(metadata), only_for);
        self.answered(token)?.follow_ups.push(id);
        self.owners.insert(id, token.to_owned());
        self.announce(id);
        Ok(id)
    }

    /// Posts an ordinary message of the bot's; the same nonce within a few minutes gives the message that is there already.
    pub(crate) fn post(&mut self, shared: &Shared, channel_id: u64, draft: Draft) -> Result<u64, Refusal> {
        let (guild_id, _) = *self.channels.get(&channel_id).as_ref().ok_or_else(|| Refusal::unknown(10003))?;
        let guild_id = *guild_id;
        if draft.is_empty() {
            return Err(Refusal::empty_message());
        }
        if let Some(reference) = &draft.reference {
            let known =
                message::snowflake_text(&reference["message_id"]).parse().ok().and_then(|id| self.messages.get(&id));
            let usable = known.is_some_and(|message| !message.deleted && message.channel_id == channel_id);
            if !usable && reference["fail_if_not_exists"] != false {
                return Err(Refusal::form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message"));
            }
        }
        let nonce = draft.nonce.clone().filter(|_| draft.enforce_nonce).map(|nonce| (channel_id, nonce));
        if let Some((id, _)) =
            nonce.as_ref().and_then(|nonce| self.nonces.get(nonce)).filter(|(_, when)| when.elapsed() < NONCE_LIFE)
        {
            return Ok(*id);
        }
        let id = self.add(shared, channel_id, guild_id, draft, None, None);
        if let Some(nonce) = nonce {
            self.nonces.insert(nonce, (id, Instant::now()));
        }
        Ok(id)
    }

    fn add(
        &mut self,
        shared: &Shared,
        channel_id: u64,
        guild_id: u64,
        draft: Draft,
        metadata: Option<Value>,
        only_for: Option<String>,
    ) -> u64 {
        let id = ids::snowflake();
        let reference = draft.reference.as_ref().and_then(|reference| {
            message::snowflake_text(&reference["message_id"]).parse().ok().filter(|id| self.messages.contains_key(id))
        });
        let message = Message {
            id,
            channel_id,
            guild_id,
            author: shared.bot_user(),
            from_bot: true,
            content: draft.content.clone().unwrap_or_default(),
            flags: draft.flags,
            components: draft.components.clone().unwrap_or_else(|| json!([])),
            embeds: draft.embeds.clone().unwrap_or_else(|| json!([])),
            reference,
            nonce: draft.nonce.clone(),
            metadata,
            only_for,
            mentions_everyone: false,
            edited: None,
            deleted: false,
            // "thinking…" is nothing to look at yet.
            unseen: u32::from(draft.flags & message::LOADING == 0),
        };
        self.messages.insert(id, message);
        self.note_bother(id, draft.allowed_mentions.as_ref(), reference);
        id
    }

    /// Changes what the body names, and nothing else.
    pub(crate) fn edit(&mut self, id: u64, draft: Draft) -> Result<(), Refusal> {
        let message = self.messages.get_mut(&id).filter(|message| !message.deleted);
        let message = message.ok_or_else(|| Refusal::unknown(10008))?;
        let mut changed = message.clone();
        changed.content = draft.content.unwrap_or(changed.content);
        changed.components = draft.components.unwrap_or(changed.components);
        changed.embeds = draft.embeds.unwrap_or(changed.embeds);
        // Of the flags, an edit can change these two; whether a message is hidden was settled when it was sent.
        changed.flags = (changed.flags & !message::LOADING) | (draft.flags & message::COMPONENTS_V2);
        changed.flags = (changed.flags & !message::SUPPRESS_EMBEDS) | (draft.flags & message::SUPPRESS_EMBEDS);
        let shows = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
        if changed.content.trim().is_empty()
            && !shows(&changed.components)
            && !shows(&changed.embeds)
            && draft.attachments == 0
        {
            return Err(Refusal::empty_message());
        }
        if message.flags & message::LOADING == 0 {
            changed.edited = Some(ids::iso(jiff::Timestamp::now()));
        }
        changed.unseen += 1;
        *message = changed;
        self.note_bother(id, draft.allowed_mentions.as_ref(), None);
        self.announce(id);
        Ok(())
    }

    pub(crate) fn delete(&mut self, id: u64) {
        if let Some(message) = self.messages.get_mut(&id) {
            message.deleted = true;
            message.unseen += u32::from(message.flags & message::LOADING == 0);
        }
        self.announce(id);
    }

    fn note_bother(&mut self, id: u64, allowed: Option<&Value>, reference: Option<u64>) {
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        let words = message::words(&message.content, &message.components);
        let pings = message::would_ping(&words, allowed, reference);
        message.mentions_everyone = pings.iter().any(|ping| ping.starts_with('@'));
        let unfurls = message::would_unfurl(&words, message.flags);
        self.pings.extend(pings.into_iter().map(|what| Bother { message_id: id, what }));
        self.unfurls.extend(unfurls.into_iter().map(|what| Bother { message_id: id, what }));
    }

    /// Wakes whoever waits for the interaction that this message belongs to.
    fn announce(&self, message_id: u64) {
        let interaction = self.owners.get(&message_id).and_then(|token| self.interactions.get(token));
        if let Some(interaction) = interaction {
            interaction.changed.notify_waiters();
        }
    }
}

/// A user object. [Discord Docs/User: User Object]
pub(crate) fn user_json(id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "username": name, "discriminator": "0", "global_name": name, "avatar": null,
        "avatar_decoration_data": null, "public_flags": 0, "primary_guild": null,
    })
}
