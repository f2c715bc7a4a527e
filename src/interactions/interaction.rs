//! What Discord sends, as far as we read it. [Discord Docs/Receiving and Responding: Interaction Object]
//!
//! Our own instead of twilight's: that one refuses the whole interaction when a part that we never look at has a new
//! shape, and it reads through an intermediate tree, which takes about three times as long (12 µs instead of 4 µs for an
//! `/ask`, where one signature check takes 90 µs).

use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, GuildMarker, InteractionMarker, MessageMarker, UserMarker},
};

/// An interaction.
#[derive(Debug, Clone, Deserialize)]
pub struct Interaction {
    /// Its id; the question's too.
    pub id: Id<InteractionMarker>,
    /// Which application it is for.
    pub application_id: Id<ApplicationMarker>,
    /// What kind it is: see [`kind`].
    #[serde(rename = "type")]
    pub kind: u8,
    /// What replies are sent with; a secret.
    pub token: String,
    /// The server, unless it is a private conversation.
    pub guild_id: Option<Id<GuildMarker>>,
    pub(super) channel: Option<Channel>,
    pub(super) channel_id: Option<Id<ChannelMarker>>,
    pub(super) member: Option<Member>,
    pub(super) user: Option<User>,
    locale: Option<String>,
    guild_locale: Option<String>,
    #[serde(default)]
    pub(super) data: Option<Data>,
}

/// Kinds of interactions.
pub mod kind {
    /// Discord checks the address.
    pub const PING: u8 = 1;
    /// A command.
    pub const COMMAND: u8 = 2;
    /// A button.
    pub const COMPONENT: u8 = 3;
    /// Somebody types in a command's option.
    pub const AUTOCOMPLETE: u8 = 4;
    /// A form was sent.
    pub const MODAL: u8 = 5;
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Channel {
    id: Id<ChannelMarker>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Member {
    nick: Option<String>,
    user: Option<User>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub(super) id: Id<UserMarker>,
    username: Option<String>,
    global_name: Option<String>,
}

/// The union of what the kinds have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<u8>,
    pub(super) options: Option<Vec<CommandOption>>,
    pub(super) target_id: Option<Id<MessageMarker>>,
    pub(super) resolved: Option<Resolved>,
    pub(super) custom_id: Option<String>,
    pub(super) components: Option<Vec<Row>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommandOption {
    name: String,
    value: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resolved {
    pub(super) messages: Option<HashMap<Id<MessageMarker>, Target>>,
}

/// A message that something is asked about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Target {
    content: Option<String>,
    embeds: Option<Vec<Embed>>,
    message_snapshots: Option<Vec<Snapshot>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Embed {
    title: Option<String>,
    description: Option<String>,
}

/// A forwarded message.
#[derive(Debug, Clone, Deserialize)]
struct Snapshot {
    message: Target,
}

/// One row of a form that was sent: a label with one field, or the older row with several.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    component: Option<Field>,
    components: Option<Vec<Field>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Field {
    custom_id: Option<String>,
    value: Option<Value>,
}

impl Interaction {
    /// Where it happened.
    pub(super) fn channel(&self) -> Option<Id<ChannelMarker>> {
        self.channel.as_ref().map(|channel| channel.id).or(self.channel_id)
    }

    /// Who did it.
    pub(super) fn author(&self) -> Option<&User> {
        self.member.as_ref().and_then(|member| member.user.as_ref()).or(self.user.as_ref())
    }

    /// What people here call them.
    pub(super) fn author_name(&self) -> &str {
        let nick = self.member.as_ref().and_then(|member| member.nick.as_deref());
        let user = self.author();
        nick.or_else(|| user?.global_name.as_deref()).or_else(|| user?.username.as_deref()).unwrap_or_default()
    }

    /// The language of their Discord, otherwise that of the server; empty where Discord names neither.
    pub fn locale(&self) -> &str {
        self.locale.as_deref().or(self.guild_locale.as_deref()).unwrap_or_default()
    }
}

impl Data {
    pub(super) fn option(&self, name: &str) -> Option<&Value> {
        self.options.iter().flatten().find(|option| option.name == name)?.value.as_ref()
    }

    /// The message whose menu was used.
    pub(super) fn target(&self) -> Option<&Target> {
        self.resolved.as_ref()?.messages.as_ref()?.get(&self.target_id?)
    }

    /// What was entered into a field of a form.
    pub(super) fn field(&self, custom_id: &str) -> &str {
        self.components
            .iter()
            .flatten()
            .flat_map(|row| row.component.iter().chain(row.components.iter().flatten()))
            .find(|field| field.custom_id.as_deref() == Some(custom_id))
            .and_then(|field| field.value.as_ref()?.as_str())
            .unwrap_or_default()
    }
}

impl Target {
    /// Its words: its own, otherwise those of what it forwards, otherwise those of its embeds.
    pub(super) fn text(&self) -> String {
        let filled = |text: &Option<String>| text.as_deref().map(str::trim).unwrap_or_default().to_owned();
        let join = |parts: &mut dyn Iterator<Item = String>| {
            parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
        };
        let own = filled(&self.content);
        if !own.is_empty() {
            return own;
        }
        let forwarded = join(&mut self.message_snapshots.iter().flatten().map(|snapshot| snapshot.message.text()));
        if !forwarded.is_empty() {
            return forwarded;
        }
        join(&mut self.embeds.iter().flatten().flat_map(|embed| [filled(&embed.title), filled(&embed.description)]))
    }
}
