//! People write in channels, threads and direct messages, change what they wrote, and take it back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::error::Refusal;
use super::places::Channel;
use super::state::{Message, State, member_json};
use super::{FakeDiscord, Interaction, Member, ids};

/// A message that somebody is about to send. Begin with [`Member::saying`].
#[derive(Debug, Clone)]
pub struct Saying {
    member: Member,
    text: String,
    reply_to: Option<u64>,
    pings: bool,
    attachments: Vec<Value>,
    forward: Option<(Value, Value)>,
    kind: u64,
    bot: bool,
    webhook: Option<u64>,
}

impl Saying {
    /// As a reply that notifies the other one.
    #[must_use]
    pub fn in_reply_to(mut self, message_id: u64) -> Self {
        (self.reply_to, self.pings) = (Some(message_id), true);
        self
    }

    /// As a reply with the mention switched off.
    #[must_use]
    pub fn quietly_in_reply_to(mut self, message_id: u64) -> Self {
        (self.reply_to, self.pings) = (Some(message_id), false);
        self
    }

    /// With a file.
    #[must_use]
    pub fn with_file(mut self, name: &str, content_type: &str, size: u64) -> Self {
        let url = format!("https://cdn.discordapp.com/attachments/1/2/{name}");
        self.attachments.push(json!({
            "id": ids::snowflake().to_string(), "filename": name, "size": size, "url": url, "proxy_url": url,
            "content_type": content_type,
        }));
        self
    }

    /// As a system message of this type: 7 is "has joined", 6 "has pinned a message".
    #[must_use]
    pub fn as_system(mut self, kind: u64) -> Self {
        self.kind = kind;
        self
    }

    /// From another bot instead of a person.
    #[must_use]
    pub fn as_bot(mut self) -> Self {
        self.bot = true;
        self
    }

    /// From a webhook instead of a person.
    #[must_use]
    pub fn as_webhook(mut self) -> Self {
        self.webhook = Some(ids::snowflake());
        self
    }

    /// Sends it: the message's id.
    pub fn sends(self) -> u64 {
        let shared = std::sync::Arc::clone(&self.member.discord.shared);
        let mut state = shared.state();
        let id = self.put(&mut state);
        state.dispatch_message("MESSAGE_CREATE", id);
        state.changed.notify_waiters();
        id
    }

    /// The JSON of its `MESSAGE_CREATE`, without sending it: for [`Gateway::flood`](super::Gateway::flood).
    pub fn prepared(self) -> String {
        let shared = std::sync::Arc::clone(&self.member.discord.shared);
        let mut state = shared.state();
        let id = self.put(&mut state);
        let text = state.event_json(id).to_string();
        state.messages.remove(&id);
        text
    }

    fn put(self, state: &mut State) -> u64 {
        let id = ids::snowflake();
        let channel_id = self.member.channel_id;
        let guild_id = state.channels.get(&channel_id).map_or(Some(self.member.guild_id), |channel| channel.guild_id);
        if state.channels.get(&channel_id).is_some_and(|channel| channel.archived) {
            state.archive(channel_id, false);
        }
        let mut author = self.member.user();
        if self.bot || self.webhook.is_some() {
            author["bot"] = json!(true);
        }
        if let Some(webhook) = self.webhook {
            author["id"] = json!(webhook.to_string());
        }
        let (mut mentions, mention_roles) = mentioned(state, &self.text);
        let replied = self.reply_to.and_then(|id| state.messages.get(&id));
        let replied = replied.and_then(|message| message.author["id"].as_str()?.parse().ok());
        mentions.extend(replied.filter(|user| self.pings && !mentions.contains(user)));
        let message = Message {
            id,
            channel_id,
            guild_id,
            author,
            from_bot: false,
            mentions_everyone: self.text.contains("@everyone") || self.text.contains("@here"),
            content: self.text,
            flags: if self.forward.is_some() { 1 << 14 } else { 0 },
            components: json!([]),
            embeds: json!([]),
            attachments: Value::Array(self.attachments),
            mentions,
            mention_roles,
            kind: self.kind,
            forward: self.forward,
            webhook_id: self.webhook,
            member: Some(member_json(self.member.nick.as_deref(), &self.member.roles)),
            sent: Instant::now(),
            reference: self.reply_to,
            nonce: None,
            metadata: None,
            only_for: None,
            edited: None,
            deleted: false,
            unseen: 0,
        };
        state.messages.insert(id, message);
        id
    }
}

/// The known users and the roles that a text mentions.
fn mentioned(state: &State, text: &str) -> (Vec<u64>, Vec<u64>) {
    let (mut users, mut roles) = (Vec::new(), Vec::new());
    for part in text.split("<@").skip(1) {
        let Some((inside, _)) = part.split_once('>') else { continue };
        if let Some(role) = inside.strip_prefix('&').and_then(|id| id.parse().ok()) {
            roles.push(role);
        } else if let Ok(user) = inside.trim_start_matches('!').parse()
            && state.users.contains_key(&user)
            && !users.contains(&user)
        {
            users.push(user);
        }
    }
    (users, roles)
}

impl Member {
    /// The same person under another name on this server.
    #[must_use]
    pub fn called(mut self, nick: &str) -> Self {
        self.nick = Some(nick.to_owned());
        self
    }

    /// The same person with these roles on this server.
    #[must_use]
    pub fn with_roles(mut self, roles: &[u64]) -> Self {
        self.roles = roles.to_vec();
        self
    }

    /// The same person in another channel or thread, on whichever server that is.
    #[must_use]
    pub fn at(mut self, channel_id: u64) -> Self {
        let guild = self.discord.shared.state().channels.get(&channel_id).and_then(|channel| channel.guild_id);
        (self.guild_id, self.channel_id) = (guild.unwrap_or(self.guild_id), channel_id);
        self
    }

    /// The same person in a new direct message with the first bot.
    #[must_use]
    pub fn in_direct_message(mut self) -> Self {
        let mut channel = Channel::new(None, 1, "");
        channel.dm_with = Some(self.discord.application_id());
        self.channel_id = channel.id;
        self.discord.shared.state().channels.insert(channel.id, channel);
        self
    }

    /// Begins a message.
    pub fn saying(&self, text: &str) -> Saying {
        let (member, text) = (self.clone(), text.to_owned());
        let (reply_to, attachments, forward, webhook) = (None, Vec::new(), None, None);
        Saying { member, text, reply_to, pings: false, attachments, forward, kind: 0, bot: false, webhook }
    }

    /// Says something in the channel; gives the message's id.
    pub fn says(&self, text: &str) -> u64 {
        self.saying(text).sends()
    }

    /// Says something to the first bot, with its mention in front.
    pub fn tells_bot(&self, text: &str) -> u64 {
        self.says(&format!("<@{}> {text}", self.discord.application_id()))
    }

    /// Replies to a message, so that its author is notified.
    pub fn replies(&self, message_id: u64, text: &str) -> u64 {
        self.saying(text).in_reply_to(message_id).sends()
    }

    /// Forwards a message into this person's channel. [Discord Docs/Message: Message Snapshot Object]
    ///
    /// # Panics
    /// When there is no such message.
    pub fn forwards(&self, message_id: u64) -> u64 {
        let shown = self.discord.message(message_id).expect("a message that is there");
        let reference = json!({"type": 1, "message_id": shown["id"], "channel_id": shown["channel_id"]});
        let keep = [
            "type",
            "content",
            "mentions",
            "mention_roles",
            "attachments",
            "embeds",
            "timestamp",
            "edited_timestamp",
            "flags",
            "components",
        ];
        let message: serde_json::Map<String, Value> =
            keep.into_iter().map(|field| (field.to_owned(), shown[field].clone())).collect();
        let mut saying = self.saying("");
        saying.forward = Some((reference, json!([{"message": message}])));
        saying.sends()
    }

    /// Changes a message: `MESSAGE_UPDATE` with all of it.
    pub fn edits(&self, message_id: u64, text: &str) {
        let mut state = self.discord.shared.state();
        let (mut mentions, mention_roles) = mentioned(&state, text);
        let Some(message) = state.messages.get(&message_id) else { return };
        let replied = message.reference.and_then(|id| state.messages.get(&id)?.author["id"].as_str()?.parse().ok());
        mentions.extend(replied.filter(|user| message.mentions.contains(user) && !mentions.contains(user)));
        let Some(message) = state.messages.get_mut(&message_id) else { return };
        text.clone_into(&mut message.content);
        (message.mentions, message.mention_roles) = (mentions, mention_roles);
        message.edited = Some(ids::iso(jiff::Timestamp::now()));
        state.dispatch_message("MESSAGE_UPDATE", message_id);
    }

    /// Takes a message back: `MESSAGE_DELETE`.
    pub fn deletes(&self, message_id: u64) {
        let mut state = self.discord.shared.state();
        state.delete(message_id);
        if let Some(message) = state.messages.get_mut(&message_id) {
            message.unseen = 0;
        }
    }

    /// Starts a thread from a message: the thread's id, which is the message's.
    pub fn starts_thread(&self, message_id: u64, name: &str) -> u64 {
        self.discord.shared.state().open_thread(self.id, self.channel_id, Some(message_id), name)
    }

    /// Starts a thread without a message.
    pub fn opens_thread(&self, name: &str) -> u64 {
        self.discord.shared.state().open_thread(self.id, self.channel_id, None, name)
    }

    /// Opens a post in a forum: the thread's id, which is its first message's too.
    pub fn posts(&self, forum_id: u64, title: &str, text: &str) -> u64 {
        let id = {
            let mut state = self.discord.shared.state();
            state.open_thread(self.id, forum_id, None, title)
        };
        let shared = std::sync::Arc::clone(&self.discord.shared);
        let mut state = shared.state();
        let made = self.clone().within(id).saying(text).put(&mut state);
        let mut message = state.messages.remove(&made).expect("put above");
        message.id = id;
        state.messages.insert(id, message);
        state.dispatch_message("MESSAGE_CREATE", id);
        id
    }

    fn within(mut self, channel_id: u64) -> Self {
        self.channel_id = channel_id;
        self
    }

    /// Types `/ask` where no webhook is set: `INTERACTION_CREATE` over the gateway. It fails after three seconds without an
    /// answer.
    pub fn asks_over_gateway(&self, question: &str, private: bool) -> Interaction {
        let interaction = self.ask(question, private);
        self.discord.deliver_over_gateway(&interaction);
        interaction
    }

    /// Clicks a button where no webhook is set.
    pub fn presses_over_gateway(&self, message_id: u64, custom_id: &str) -> Interaction {
        let data = json!({"id": 2, "component_type": 2, "custom_id": custom_id});
        let interaction = self.interaction(3, Some(data), Some(message_id), None);
        self.discord.deliver_over_gateway(&interaction);
        interaction
    }
}

impl FakeDiscord {
    /// Sends an interaction to the sessions of its server's shard: how many there are.
    pub fn deliver_over_gateway(&self, interaction: &Interaction) -> usize {
        let guild = interaction.body["guild_id"].as_str().and_then(|id| id.parse().ok());
        let mut state = self.shared.state();
        if let Some(found) = state.interactions.get_mut(&interaction.token) {
            found.born = Instant::now();
        }
        let told = state.dispatch_interaction(self.application_id(), guild, &interaction.body);
        let (shared, token) = (std::sync::Arc::clone(&self.shared), interaction.token.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            shared.fail(&token, "no answer within three seconds".to_owned());
        });
        told
    }

    /// Deletes many messages at once, as moderators do: `MESSAGE_DELETE_BULK`.
    pub fn deletes_many(&self, channel_id: u64, ids: &[u64]) {
        let mut state = self.shared.state();
        for id in ids {
            if let Some(message) = state.messages.get_mut(id) {
                message.deleted = true;
            }
        }
        let guild = state.channels.get(&channel_id).and_then(|channel| channel.guild_id);
        state.dispatch_deletion(channel_id, guild, ids);
    }

    /// A link in a message unfolds: `MESSAGE_UPDATE` that is no edit.
    pub fn unfolds_link(&self, message_id: u64) {
        let mut state = self.shared.state();
        if let Some(message) = state.messages.get_mut(&message_id) {
            message.embeds = json!([{"type": "link", "url": "https://example.com", "title": "Example"}]);
        }
        state.dispatch_message("MESSAGE_UPDATE", message_id);
    }
}

impl State {
    /// A message that is in this channel, for everybody.
    pub(crate) fn there(&self, channel: u64, id: u64) -> Result<&Message, Refusal> {
        let message = self.messages.get(&id).filter(|message| message.channel_id == channel);
        message.filter(|message| !message.deleted && message.only_for.is_none()).ok_or_else(|| Refusal::unknown(10008))
    }
}
