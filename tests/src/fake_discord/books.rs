//! Messages in the books: posting, editing, deleting, and whom each would bother.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::draft::Draft;
use super::error::Refusal;
use super::ids;
use super::message;
use super::places::{Channel, Denied};
use super::state::{Answer, Bother, Message, State};

/// Discord says "in the past few minutes" of `enforce_nonce`.
const NONCE_LIFE: Duration = Duration::from_mins(3);

/// Where a message goes, for whose eyes, and which interaction it answers.
pub(crate) struct Whereabouts {
    pub(crate) channel_id: u64,
    pub(crate) guild_id: Option<u64>,
    /// The bot that writes.
    pub(crate) author: u64,
    pub(crate) only_for: Option<String>,
    pub(crate) metadata: Option<Value>,
}

impl State {
    /// A channel that this bot sees.
    pub(crate) fn visible_channel(&self, bot: u64, id: u64) -> Result<Channel, Refusal> {
        let channel = self.channels.get(&id).ok_or_else(|| Refusal::unknown(10003))?;
        let here = match channel.guild_id {
            Some(guild) => self.guilds.get(&guild).is_some_and(|guild| guild.bots.contains_key(&bot)),
            None => channel.dm_with == Some(bot),
        };
        if here && !self.is_hidden(id) { Ok(channel.clone()) } else { Err(Refusal::forbidden(50001)) }
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
    pub(crate) fn follow_up(&mut self, token: &str, draft: Draft) -> Result<u64, Refusal> {
        let interaction = self.answered(token)?;
        if draft.is_empty() {
            return Err(Refusal::empty_message());
        }
        let original = match interaction.answer {
            Answer::Original(id) => Some(id),
            _ => None,
        };
        let is_loading = |message: &Message| !message.deleted && message.flags & message::LOADING != 0;
        let loading = |id: &u64| self.messages.get(id).is_some_and(is_loading);
        if let Some(id) = original.filter(loading) {
            self.edit(id, draft)?;
            return Ok(id);
        }
        let interaction = self.answered(token)?;
        let hidden = draft.flags.unwrap_or(0) & message::EPHEMERAL != 0;
        let whereabouts = interaction.whereabouts(hidden, original);
        let id = self.add(whereabouts, draft);
        self.answered(token)?.follow_ups.push(id);
        self.owners.insert(id, token.to_owned());
        self.announce(id);
        Ok(id)
    }

    /// Posts an ordinary message of the bot's; the same nonce within a few minutes gives the message that is there already.
    pub(crate) fn post(&mut self, author: u64, channel_id: u64, draft: Draft) -> Result<u64, Refusal> {
        let channel = self.visible_channel(author, channel_id)?;
        let guild_id = channel.guild_id;
        if channel.kind == 15 {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, 50008, "Cannot send messages in a non-text channel"));
        }
        if channel.archived {
            self.archive(channel_id, false);
        }
        if self.denies(channel_id, Denied::Send) {
            return Err(Refusal::forbidden(50013));
        }
        if draft.reference.is_some() && self.denies(channel_id, Denied::History) {
            return Err(Refusal::forbidden(160_002));
        }
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
        let whereabouts = Whereabouts { channel_id, guild_id, only_for: None, metadata: None, author };
        let id = self.add(whereabouts, draft);
        if let Some(nonce) = nonce {
            self.nonces.insert(nonce, (id, Instant::now()));
        }
        Ok(id)
    }

    pub(crate) fn add(&mut self, whereabouts: Whereabouts, draft: Draft) -> u64 {
        let id = ids::snowflake();
        let reference = draft.reference.as_ref().and_then(|reference| {
            let id = message::snowflake_text(&reference["message_id"]).parse().ok();
            id.filter(|id| self.messages.contains_key(id))
        });
        let flags = draft.flags.unwrap_or(0);
        let message = Message {
            id,
            channel_id: whereabouts.channel_id,
            guild_id: whereabouts.guild_id,
            author: self.bots[&whereabouts.author].user(),
            from_bot: true,
            content: draft.content.unwrap_or_default(),
            flags,
            components: draft.components.unwrap_or_else(|| json!([])),
            embeds: draft.embeds.unwrap_or_else(|| json!([])),
            attachments: json!([]),
            mentions: Vec::new(),
            mention_roles: Vec::new(),
            kind: 0,
            forward: None,
            webhook_id: None,
            member: None,
            sent: Instant::now(),
            reference,
            nonce: draft.nonce,
            metadata: whereabouts.metadata,
            only_for: whereabouts.only_for,
            mentions_everyone: false,
            edited: None,
            deleted: false,
            // "thinking…" is nothing to look at yet.
            unseen: u32::from(flags & message::LOADING == 0),
        };
        self.messages.insert(id, message);
        self.note_bother(id, draft.allowed_mentions.as_ref(), reference);
        self.dispatch_message("MESSAGE_CREATE", id);
        self.changed.notify_waiters();
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
        changed.flags &= !message::LOADING;
        if let Some(flags) = draft.flags {
            // Of the flags, an edit can change these two; whether a message is hidden was settled when it was sent.
            changed.flags &= !message::SUPPRESS_EMBEDS;
            changed.flags |= flags & (message::SUPPRESS_EMBEDS | message::COMPONENTS_V2);
        }
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
        self.dispatch_message("MESSAGE_UPDATE", id);
        self.announce(id);
        Ok(())
    }

    pub(crate) fn delete(&mut self, id: u64) {
        if let Some(message) = self.messages.get_mut(&id) {
            message.deleted = true;
            message.unseen += u32::from(message.flags & message::LOADING == 0);
            if message.only_for.is_none() {
                let (channel, guild) = (message.channel_id, message.guild_id);
                self.dispatch_deletion(channel, guild, &[id]);
            }
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
        message.mentions = pings.iter().filter_map(|ping| ping.strip_prefix("user ")?.parse().ok()).collect();
        message.mention_roles = pings.iter().filter_map(|ping| ping.strip_prefix("role ")?.parse().ok()).collect();
        let unfurls = message::would_unfurl(&words, message.flags);
        self.pings.extend(pings.into_iter().map(|what| Bother { message_id: id, what }));
        self.unfurls.extend(unfurls.into_iter().map(|what| Bother { message_id: id, what }));
    }

    /// Wakes whoever waits for the interaction that this message belongs to, or for any message.
    fn announce(&self, message_id: u64) {
        self.changed.notify_waiters();
        let interaction = self.owners.get(&message_id).and_then(|token| self.interactions.get(token));
        if let Some(interaction) = interaction {
            interaction.changed.notify_waiters();
        }
    }
}
