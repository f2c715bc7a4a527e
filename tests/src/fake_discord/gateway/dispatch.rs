//! Which session hears of an event, and with how much content.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::intents;
use crate::fake_discord::state::State;

impl State {
    /// Tells the sessions whose bot is on this server, whose shard it falls into, and that asked for any of `needs`.
    pub(crate) fn dispatch(&mut self, event: &str, guild: u64, needs: u64, data: &Value) {
        let text = data.to_string();
        self.dispatch_each(Some(guild), needs, |session_event| session_event(event, &text));
    }

    /// An event of a message, with content as each bot may see it.
    pub(crate) fn dispatch_message(&mut self, event: &str, id: u64) {
        let Some(message) = self.messages.get(&id) else { return };
        if message.only_for.is_some() {
            return;
        }
        let (guild, channel_id) = (message.guild_id, message.channel_id);
        let full = self.event_json(id);
        let needs = if guild.is_some() { intents::GUILD_MESSAGES } else { intents::DIRECT_MESSAGES };
        let bots = self.hearing(guild, Some(channel_id));
        let mut texts: HashMap<(u64, bool), String> = HashMap::new();
        for app in bots {
            let sessions: Vec<_> = self.gateway.line(app).sessions.values().cloned().collect();
            for session in sessions.iter().filter(|s| s.intents & needs != 0 && falls_into(guild, s.shard)) {
                let sees = guild.is_none() || session.intents & intents::MESSAGE_CONTENT != 0;
                let text = texts.entry((app, sees)).or_insert_with(|| {
                    if sees { full.to_string() } else { without_content(full.clone(), app).to_string() }
                });
                session.push(event, text);
            }
        }
    }

    /// A deletion of messages in a channel.
    pub(crate) fn dispatch_deletion(&mut self, channel_id: u64, guild: Option<u64>, ids: &[u64]) {
        let needs = if guild.is_some() { intents::GUILD_MESSAGES } else { intents::DIRECT_MESSAGES };
        let mut data = json!({"channel_id": channel_id.to_string()});
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild.to_string());
        }
        let event = if let [id] = ids {
            data["id"] = json!(id.to_string());
            "MESSAGE_DELETE"
        } else {
            data["ids"] = ids.iter().map(u64::to_string).collect();
            "MESSAGE_DELETE_BULK"
        };
        let text = data.to_string();
        self.dispatch_each(guild, needs, |session_event| session_event(event, &text));
    }

    /// An interaction, for one bot; no intent is needed.
    pub(crate) fn dispatch_interaction(&mut self, app: u64, guild: Option<u64>, data: &Value) -> usize {
        let sessions: Vec<_> = self.gateway.line(app).sessions.values().cloned().collect();
        let meant: Vec<_> = sessions.iter().filter(|session| falls_into(guild, session.shard)).collect();
        for session in &meant {
            session.push("INTERACTION_CREATE", &data.to_string());
        }
        meant.len()
    }

    fn dispatch_each(&mut self, guild: Option<u64>, needs: u64, mut say: impl FnMut(&mut dyn FnMut(&str, &str))) {
        for app in self.hearing(guild, None) {
            let sessions: Vec<_> = self.gateway.line(app).sessions.values().cloned().collect();
            for session in sessions.iter().filter(|s| s.intents & needs != 0 && falls_into(guild, s.shard)) {
                say(&mut |event, text| session.push(event, text));
            }
        }
    }

    /// The bots that hear of something there: on the server, with the channel visible; in a DM, its bot.
    fn hearing(&self, guild: Option<u64>, channel: Option<u64>) -> Vec<u64> {
        let Some(guild) = guild else {
            return channel.and_then(|id| self.channels.get(&id)).and_then(|c| c.dm_with).into_iter().collect();
        };
        if channel.is_some_and(|id| self.is_hidden(id)) {
            return Vec::new();
        }
        self.guilds.get(&guild).map(|guild| guild.bots.keys().copied().collect()).unwrap_or_default()
    }
}

fn falls_into(guild: Option<u64>, (id, total): (u64, u64)) -> bool {
    guild.map_or(0, |guild| (guild >> 22) % total) == id
}

/// What a bot without the `MESSAGE_CONTENT` intent gets. Its own messages and those that mention it are whole; a message that
/// is replied to is judged on its own. [Discord Docs/Gateway: Message Content Intent]
pub(crate) fn without_content(mut message: Value, app: u64) -> Value {
    let app = app.to_string();
    let mentioned = message["mentions"].as_array().is_some_and(|users| users.iter().any(|user| user["id"] == *app));
    if message["author"]["id"] != *app && !mentioned {
        message["content"] = json!("");
        for field in ["embeds", "attachments", "components"] {
            message[field] = json!([]);
        }
        for snapshot in message.get_mut("message_snapshots").and_then(Value::as_array_mut).into_iter().flatten() {
            snapshot["message"]["content"] = json!("");
            snapshot["message"]["embeds"] = json!([]);
            snapshot["message"]["attachments"] = json!([]);
        }
    }
    if message["referenced_message"].is_object() {
        let referenced = message["referenced_message"].take();
        message["referenced_message"] = without_content(referenced, app.parse().unwrap_or(0));
    }
    message
}
