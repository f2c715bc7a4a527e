//! Servers, roles, channels and threads, as the API and the gateway show them. [Discord Docs/Guild, Channel]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ids;
use super::member::PERMISSIONS;
use super::state::State;

#[derive(Debug, Clone)]
pub(crate) struct Guild {
    pub(crate) name: String,
    pub(crate) owner_id: u64,
    pub(crate) locale: String,
    /// Everything but `@everyone` and the bots' own.
    pub(crate) roles: BTreeMap<u64, String>,
    /// The bots on it, each with its managed role.
    pub(crate) bots: BTreeMap<u64, u64>,
    pub(crate) unavailable: bool,
    /// What roles allow that a test has chosen; the others allow what is usual.
    pub(crate) allowed: BTreeMap<u64, u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: u64,
    pub(crate) guild_id: Option<u64>,
    /// 0 text, 1 DM, 5 announcements, 11 thread, 15 forum.
    pub(crate) kind: u8,
    pub(crate) name: String,
    pub(crate) parent: Option<u64>,
    pub(crate) owner: u64,
    /// The bot that a DM is with.
    pub(crate) dm_with: Option<u64>,
    pub(crate) denied: Vec<Denied>,
    pub(crate) archived: bool,
}

/// What a bot may not do in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// See it: 403 with code 50001, and the gateway says nothing of its messages.
    View,
    /// Write in it, or in its threads: 403 with code 50013.
    Send,
    /// Start threads: 403 with code 50013.
    Thread,
    /// Read what was written, so that replies are refused too: 403 with code 50013, replies 160002.
    History,
    /// Delete other people's messages: 403 with code 50013.
    Manage,
}

impl Channel {
    pub(crate) fn new(guild_id: Option<u64>, kind: u8, name: &str) -> Self {
        let (id, name) = (ids::snowflake(), name.to_owned());
        Self { id, guild_id, kind, name, parent: None, owner: 0, dm_with: None, denied: Vec::new(), archived: false }
    }

    pub(crate) fn is_thread(&self) -> bool {
        matches!(self.kind, 10..=12)
    }

    pub(crate) fn json(&self) -> Value {
        let mut shown = json!({
            "id": self.id.to_string(), "type": self.kind, "name": self.name, "last_message_id": null, "flags": 0,
            "parent_id": self.parent.map(|id| id.to_string()), "rate_limit_per_user": 0,
        });
        if let Some(guild) = self.guild_id {
            shown["guild_id"] = json!(guild.to_string());
        }
        if self.is_thread() {
            let made = ids::timestamp(self.id);
            shown["owner_id"] = json!(self.owner.to_string());
            shown["message_count"] = json!(0);
            shown["member_count"] = json!(1);
            shown["total_message_sent"] = json!(0);
            shown["thread_metadata"] = json!({
                "archived": self.archived, "auto_archive_duration": 1_440, "archive_timestamp": made, "locked": false,
                "create_timestamp": made,
            });
        } else if self.guild_id.is_some() {
            shown["position"] = json!(0);
            shown["topic"] = Value::Null;
            shown["nsfw"] = json!(false);
            shown["permission_overwrites"] = json!([]);
        }
        shown
    }
}

impl Guild {
    pub(crate) fn new(name: &str) -> Self {
        let (name, owner_id, locale) = (name.to_owned(), ids::snowflake(), "en-US".to_owned());
        Self {
            name,
            owner_id,
            locale,
            roles: BTreeMap::new(),
            bots: BTreeMap::new(),
            unavailable: false,
            allowed: BTreeMap::new(),
        }
    }

    pub(crate) fn roles_json(&self, id: u64) -> Value {
        let mut roles = vec![role_json(id, "@everyone", None)];
        roles.extend(self.bots.iter().map(|(app, role)| role_json(*role, "Guildhall", Some(*app))));
        roles.extend(self.roles.iter().map(|(id, name)| role_json(*id, name, None)));
        for (position, role) in roles.iter_mut().enumerate() {
            role["position"] = json!(position);
            let allowed = role["id"].as_str().and_then(|id| self.allowed.get(&id.parse().ok()?));
            if let Some(allowed) = allowed {
                role["permissions"] = json!(allowed.to_string());
            }
        }
        Value::Array(roles)
    }

    pub(crate) fn json(&self, id: u64) -> Value {
        json!({
            "id": id.to_string(), "name": self.name, "icon": null, "splash": null, "discovery_splash": null,
            "banner": null, "description": null, "owner_id": self.owner_id.to_string(), "region": "deprecated",
            "afk_channel_id": null, "afk_timeout": 300, "verification_level": 1, "default_message_notifications": 1,
            "explicit_content_filter": 2, "roles": self.roles_json(id), "emojis": [], "stickers": [], "features": [],
            "mfa_level": 0, "application_id": null, "system_channel_id": null, "system_channel_flags": 0,
            "rules_channel_id": null, "vanity_url_code": null, "premium_tier": 0, "premium_subscription_count": 0,
            "preferred_locale": self.locale, "public_updates_channel_id": null, "nsfw_level": 0, "nsfw": false,
            "premium_progress_bar_enabled": false, "safety_alerts_channel_id": null, "max_members": 500_000,
            "max_presences": null, "widget_enabled": false, "widget_channel_id": null,
        })
    }
}

/// A role; a bot's own is managed and says whose it is. [Discord Docs/Permissions: Role Object]
pub(crate) fn role_json(id: u64, name: &str, bot: Option<u64>) -> Value {
    let mut role = json!({
        "id": id.to_string(), "name": name, "color": 0,
        "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null}, "hoist": false, "icon": null,
        "unicode_emoji": null, "position": 0, "permissions": PERMISSIONS, "managed": bot.is_some(),
        "mentionable": bot.is_none(), "flags": 0,
    });
    if let Some(bot) = bot {
        role["tags"] = json!({"bot_id": bot.to_string()});
    }
    role
}

impl Denied {
    /// The permission that is denied. [Discord Docs/Permissions: Bitwise Permission Flags]
    fn bit(self) -> u64 {
        match self {
            Self::View => 1 << 10,
            Self::Send => 1 << 11,
            Self::Thread => 1 << 35,
            Self::History => 1 << 16,
            Self::Manage => 1 << 13,
        }
    }
}

impl State {
    /// A channel with what it denies to the bots of its server.
    pub(crate) fn channel_json(&self, channel: &Channel) -> Value {
        let mut shown = channel.json();
        let guild = channel.guild_id.and_then(|guild| self.guilds.get(&guild));
        let deny: u64 = channel.denied.iter().map(|denied| denied.bit()).sum();
        if let (Some(guild), true) = (guild, deny > 0) {
            let overwrite =
                |role: &u64| json!({"id": role.to_string(), "type": 0, "allow": "0", "deny": deny.to_string()});
            shown["permission_overwrites"] = guild.bots.values().map(overwrite).collect();
        }
        shown
    }

    /// The servers of one bot that fall into one shard, in order.
    pub(crate) fn guilds_of(&self, app: u64, (id, total): (u64, u64)) -> Vec<u64> {
        let mine = self.guilds.iter().filter(|(_, guild)| guild.bots.contains_key(&app));
        mine.map(|(guild, _)| *guild).filter(|guild| (guild >> 22) % total == id).collect()
    }

    /// The whole of `GUILD_CREATE`. [Discord Docs/Gateway Events: Guild Create]
    pub(crate) fn guild_create(&self, app: u64, id: u64) -> Value {
        let guild = &self.guilds[&id];
        let mut shown = guild.json(id);
        let here = || self.channels.values().filter(|channel| channel.guild_id == Some(id));
        let role = guild.bots.get(&app).map(u64::to_string);
        let more = json!({
            "joined_at": ids::timestamp(id), "large": false, "member_count": 2, "unavailable": false,
            "channels": here().filter(|channel| !channel.is_thread()).map(Channel::json).collect::<Value>(),
            "threads": here().filter(|channel| channel.is_thread() && !channel.archived).map(Channel::json).collect::<Value>(),
            "members": [{
                "user": self.bots.get(&app).map(super::state::Bot::user), "nick": null, "avatar": null, "banner": null,
                "roles": [role], "joined_at": ids::timestamp(id), "deaf": false, "mute": false, "flags": 0,
                "pending": false, "premium_since": null, "communication_disabled_until": null,
            }],
            "voice_states": [], "presences": [], "stage_instances": [], "guild_scheduled_events": [],
            "soundboard_sounds": [],
        });
        let more = more.as_object().expect("made above").clone();
        shown.as_object_mut().expect("an object").extend(more);
        shown
    }

    /// A server that is on no list, as large as is asked for.
    pub(crate) fn huge_guild(&mut self, app: u64, bytes: usize) -> Value {
        let id = ids::snowflake();
        let mut guild = Guild::new("Metropolis");
        guild.bots.insert(app, ids::snowflake());
        guild.roles =
            (0..bytes / 200).map(|number| (ids::snowflake(), format!("citizen of district {number}"))).collect();
        self.guilds.insert(id, guild);
        let shown = self.guild_create(app, id);
        self.guilds.remove(&id);
        shown
    }

    /// Whether a channel, or the one that a thread is in, denies this.
    pub(crate) fn denies(&self, channel: u64, what: Denied) -> bool {
        let Some(channel) = self.channels.get(&channel) else { return false };
        channel.denied.contains(&what) || channel.parent.is_some_and(|parent| self.denies(parent, what))
    }

    pub(crate) fn is_hidden(&self, channel: u64) -> bool {
        self.denies(channel, Denied::View)
    }
}
