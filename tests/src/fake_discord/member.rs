//! People: they ask, click, fill in forms and say things, and they see what comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::ids;
use super::places::Channel;
use super::state::{Answer, InteractionState, user_json};
use super::{FakeDiscord, Interaction, Seen, Sent};

/// How long [`Member::sees`] waits: far longer than an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything a member may do who is no admin, and what the bot may do where it is installed.
pub(crate) const PERMISSIONS: &str = "2248473465835073";

/// A person on one server, in one channel.
#[derive(Debug, Clone)]
pub struct Member {
    pub(crate) discord: FakeDiscord,
    /// User name.
    pub name: String,
    /// User id.
    pub id: u64,
    /// The server on which this person is now.
    pub guild_id: u64,
    /// The channel in which this person is now. In a direct message the server is only where they came from.
    pub channel_id: u64,
    /// The language of this person's Discord, such as `en-US` or `fr`.
    pub locale: String,
    /// The name on this server, where it is not the user name.
    pub nick: Option<String>,
    /// Roles on this server.
    pub roles: Vec<u64>,
}

impl Member {
    pub(crate) fn new(discord: FakeDiscord, name: &str) -> Self {
        let (guild_id, channel_id) = (discord.guild_id(), discord.channel_id());
        let (name, locale) = (name.to_owned(), "en-US".to_owned());
        let id = ids::snowflake();
        discord.shared.state().users.insert(id, user_json(id, &name));
        Self { discord, name, id, guild_id, channel_id, locale, nick: None, roles: Vec::new() }
    }

    /// The same person with another language.
    #[must_use]
    pub fn speaking(mut self, locale: &str) -> Self {
        locale.clone_into(&mut self.locale);
        self
    }

    /// The same person in another channel.
    #[must_use]
    pub fn in_channel(mut self, guild_id: u64, channel_id: u64) -> Self {
        (self.guild_id, self.channel_id) = (guild_id, channel_id);
        self
    }

    /// Types `/ask question:… private:…` and waits for the webhook's first answer.
    pub async fn asks(&self, webhook_url: &str, question: &str, private: bool) -> Sent {
        let interaction = self.ask(question, private);
        self.discord.deliver(webhook_url, &interaction).await
    }

    /// The `/ask` that [`asks`](Self::asks) posts, made but not sent: for gateways, and for benches.
    pub fn ask(&self, question: &str, private: bool) -> Interaction {
        let mut options = vec![json!({"name": "question", "type": 3, "value": question})];
        if private {
            options.push(json!({"name": "private", "type": 5, "value": true}));
        }
        let data = json!({"id": self.discord.command_id("ask", 1), "name": "ask", "type": 1, "options": options});
        self.interaction(2, Some(data), None, None)
    }

    /// Types in the question field of `/ask`, so that Discord asks for suggestions.
    pub async fn types(&self, webhook_url: &str, so_far: &str) -> Sent {
        let option = json!({"name": "question", "type": 3, "value": so_far, "focused": true});
        let data = json!({"id": self.discord.command_id("ask", 1), "name": "ask", "type": 1, "options": [option]});
        let interaction = self.interaction(4, Some(data), None, None);
        self.discord.deliver(webhook_url, &interaction).await
    }

    /// Chooses "Ask about this" in the menu of a message.
    ///
    /// # Panics
    /// When there is no such message.
    pub async fn asks_about(&self, webhook_url: &str, message_id: u64) -> Sent {
        let message = self.discord.message(message_id).expect("a menu opens on a message that is there");
        let data = json!({
            "id": self.discord.command_id("Ask about this", 3), "name": "Ask about this", "type": 3,
            "target_id": message_id.to_string(), "resolved": {"messages": {message_id.to_string(): message}},
        });
        let interaction = self.interaction(2, Some(data), None, Some(message_id));
        self.discord.deliver(webhook_url, &interaction).await
    }

    /// Clicks a button of a message.
    ///
    /// # Panics
    /// When the message, or a button with this id that can be clicked, is not there.
    pub async fn clicks(&self, webhook_url: &str, message_id: u64, custom_id: &str) -> Sent {
        let message = self.discord.message(message_id).expect("a button is on a message that is there");
        let buttons = super::message::buttons(&message["components"]);
        let button = buttons.iter().find(|button| button.custom_id == custom_id);
        let button = button.unwrap_or_else(|| panic!("no button {custom_id:?}; there are {buttons:?}"));
        assert!(!button.disabled, "the button {custom_id:?} cannot be clicked");
        self.presses(webhook_url, message_id, custom_id).await
    }

    /// Sends a click with any id, whether there is such a button or not, as a modified client could.
    ///
    /// # Panics
    /// When there is no such message.
    pub async fn presses(&self, webhook_url: &str, message_id: u64, custom_id: &str) -> Sent {
        let data = json!({"id": 2, "component_type": 2, "custom_id": custom_id});
        let interaction = self.interaction(3, Some(data), Some(message_id), None);
        self.discord.deliver(webhook_url, &interaction).await
    }

    /// Sends a form: each field with the id it has in the form.
    pub async fn submits(
        &self,
        webhook_url: &str,
        source: Option<u64>,
        custom_id: &str,
        fields: &[(&str, &str)],
    ) -> Sent {
        let rows: Vec<Value> = fields
            .iter()
            .enumerate()
            .map(|(at, (id, value))| {
                let input = json!({"id": 2 * at + 2, "type": 4, "custom_id": id, "value": value});
                json!({"id": 2 * at + 1, "type": 18, "component": input})
            })
            .collect();
        let data = json!({"custom_id": custom_id, "components": rows});
        let interaction = self.interaction(5, Some(data), source, None);
        self.discord.deliver(webhook_url, &interaction).await
    }

    /// Waits for the answer to this person's latest interaction, looks at it, and gives it as text: one paragraph a message,
    /// its buttons below it in brackets.
    ///
    /// # Panics
    /// When this person has done nothing, or no answer comes.
    #[track_caller]
    pub fn sees(&self) -> impl Future<Output = String> + use<> {
        let interaction = {
            let state = self.discord.shared.state();
            let mine = state.interactions.iter().filter(|(_, found)| found.member == self.name);
            let latest = mine.max_by_key(|(_, found)| found.id).map(|(token, found)| (found.id, token.clone()));
            let (id, token) = latest.expect("somebody who did something");
            Interaction { id, token, body: Value::Null }
        };
        let reply = self.discord.wait_for_reply(&interaction, PATIENCE);
        async move { reply.await.iter().map(Seen::to_string).collect::<Vec<_>>().join("\n\n") }
    }

    pub(crate) fn user(&self) -> Value {
        user_json(self.id, &self.name)
    }

    /// A whole interaction on a server, and its entry in the books.
    /// [Discord Docs/Receiving and Responding: Interaction Structure]
    pub(crate) fn interaction(
        &self,
        kind: u64,
        data: Option<Value>,
        source: Option<u64>,
        target: Option<u64>,
    ) -> Interaction {
        let (id, token) = (ids::snowflake(), ids::interaction_token());
        let application_id = self.discord.application_id();
        let guild_id = self.guild_id.to_string();
        let mut channel = {
            let state = self.discord.shared.state();
            let channel = state.channels.get(&self.channel_id);
            channel.map_or_else(|| json!({"id": self.channel_id.to_string(), "type": 0}), Channel::json)
        };
        channel["permissions"] = json!(PERMISSIONS);
        let mut body = json!({
            "app_permissions": PERMISSIONS,
            "application_id": application_id.to_string(),
            "attachment_size_limit": 10 * 1024 * 1024,
            "authorizing_integration_owners": {"0": guild_id},
            "channel": channel.clone(),
            "channel_id": self.channel_id.to_string(),
            "context": 0,
            "entitlement_sku_ids": [],
            "entitlements": [],
            "guild": {"features": [], "id": guild_id, "locale": "en-US"},
            "guild_id": guild_id,
            "guild_locale": "en-US",
            "id": id.to_string(),
            "locale": self.locale,
            "member": {
                "avatar": null, "banner": null, "communication_disabled_until": null, "deaf": false, "flags": 0,
                "joined_at": "2024-05-17T09:12:44.201000+00:00", "mute": false, "nick": null, "pending": false,
                "permissions": PERMISSIONS, "premium_since": null, "roles": [], "unusual_dm_activity_until": null,
                "user": self.user(),
            },
            "token": token,
            "type": kind,
            "version": 1,
        });
        if let Some(data) = data {
            body["data"] = data;
        }
        if let Some(source) = source {
            body["message"] = self.discord.message(source).expect("a component is on a message that is there");
        }
        let direct = channel["type"] == 1;
        if direct {
            // [Discord Docs/Receiving and Responding: Interaction Structure]: a user instead of a member, and no server.
            let fields = body.as_object_mut().expect("made above");
            for field in ["guild", "guild_id", "guild_locale", "member"] {
                fields.remove(field);
            }
            (body["user"], body["context"]) = (self.user(), json!(1));
        }
        let entry = InteractionState {
            id,
            kind,
            application_id,
            member: self.name.clone(),
            user: self.user(),
            channel_id: self.channel_id,
            guild_id: (!direct).then_some(self.guild_id),
            source,
            target,
            answer: Answer::Awaited,
            answer_body: Value::Null,
            born: Instant::now(),
            expired: None,
            follow_ups: Vec::new(),
            changed: Arc::new(Notify::new()),
            failure: None,
            looked_at_failure: false,
        };
        self.discord.shared.state().interactions.insert(token.clone(), entry);
        Interaction { id, token, body }
    }
}
