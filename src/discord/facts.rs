//! What Discord says of a server, as a bot in it sees it.

use super::rest::REFUSED_LATELY;
use super::{Call, Discord, DiscordError, Method, Rest, ask, get};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twilight_model::channel::ChannelType;
use twilight_model::channel::permission_overwrite::{PermissionOverwrite, PermissionOverwriteType};
use twilight_model::guild::Permissions;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, GuildMarker, RoleMarker, UserMarker},
};
use twilight_util::permission_calculator::PermissionCalculator;
use url::Url;

/// Servers that Discord lists at once, at most. [Discord Docs/User: Get Current User Guilds]
pub const GUILDS_PAGE: usize = 200;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Discord's id.
    pub id: Id<GuildMarker>,
    /// What people call it; whatever its owner wrote.
    pub name: String,
    /// The hash of its icon, where it has one. [Discord Docs/Reference: Image Formatting]
    pub icon: Option<String>,
    /// Whose it is.
    pub owner: Id<UserMarker>,
    /// Its channels without threads, as Discord shows them from top to bottom.
    pub channels: Vec<GuildChannel>,
    /// Its roles, the highest first; `@everyone` is the last.
    pub roles: Vec<GuildRole>,
    /// The bot that looked.
    pub bot: Id<UserMarker>,
    /// The roles that it has, besides `@everyone`.
    pub bot_roles: Vec<Id<RoleMarker>>,
}

/// A channel of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildChannel {
    /// Its id.
    pub id: Id<ChannelMarker>,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ChannelType,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// Where it stands among those of its category and kind.
    #[serde(default)]
    pub position: i64,
    /// Its category.
    #[serde(default)]
    pub parent_id: Option<Id<ChannelMarker>>,
    /// What it allows and denies, in order.
    #[serde(default)]
    pub permission_overwrites: Vec<PermissionOverwrite>,
}

/// A role of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildRole {
    /// Its id; that of `@everyone` is the server's.
    pub id: Id<RoleMarker>,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// The higher, the more it can do to others. Of two that are equal, the one with the lower id is above.
    /// [Discord Docs/Permissions: Permission Hierarchy]
    #[serde(default)]
    pub position: i64,
    /// 24 bits of red, green, blue; 0 is no colour.
    #[serde(default, rename = "color")]
    pub colour: u32,
    /// Whether it belongs to a bot or an integration, so that nobody can be given it.
    #[serde(default)]
    pub managed: bool,
    /// What it allows in the whole server.
    pub permissions: Permissions,
}

/// A server in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GuildName {
    /// Discord's id.
    pub id: Id<GuildMarker>,
    /// What people call it.
    pub name: String,
    /// The hash of its icon, where it has one.
    #[serde(default)]
    pub icon: Option<String>,
}

#[derive(Deserialize)]
struct Server {
    id: Id<GuildMarker>,
    name: String,
    #[serde(default)]
    icon: Option<String>,
    owner_id: Id<UserMarker>,
    #[serde(default)]
    roles: Vec<Value>,
}

#[derive(Deserialize)]
struct Member {
    #[serde(default)]
    roles: Vec<Id<RoleMarker>>,
}

impl Discord {
    /// What Discord says of a server to this application, whose bot is `bot`. Three requests side by side. Refused with 403
    /// or 404 where the bot is not in it.
    pub async fn facts(
        &self,
        application: Id<ApplicationMarker>,
        bot: Id<UserMarker>,
        guild: Id<GuildMarker>,
    ) -> Result<Facts, DiscordError> {
        let rest = self.rest(application).await?;
        let rest = &*rest;
        let (server, channels, member) = tokio::try_join!(
            read::<Server>(rest, format!("guilds/{guild}")),
            read::<Vec<Value>>(rest, format!("guilds/{guild}/channels")),
            read::<Member>(rest, format!("guilds/{guild}/members/{bot}")),
        )?;
        let Server { id, name, icon, owner_id, roles } = server;
        let mut facts = Facts {
            id,
            name,
            icon,
            owner: owner_id,
            channels: known(channels),
            roles: known(roles),
            bot,
            bot_roles: member.roles,
        };
        facts.sort();
        Ok(facts)
    }

    /// The servers that an application's bot is in, by id, behind `after`; at most [`GUILDS_PAGE`]. One request.
    pub async fn guilds_of_bot(
        &self,
        application: Id<ApplicationMarker>,
        after: Option<Id<GuildMarker>>,
    ) -> Result<Vec<GuildName>, DiscordError> {
        let after = after.map(|id| id.to_string());
        let query: Vec<(&str, &str)> = after.iter().map(|after| ("after", after.as_str())).collect();
        let path = "users/@me/guilds".to_owned();
        let call = Call { method: Method::Get, path, query: &query, body: None, as_bot: true };
        let listed: Vec<Value> = ask(&*self.rest(application).await?, &call).await?;
        Ok(known(listed))
    }

    /// Where people allow an application something. [Discord Docs/OAuth2: OAuth2 URLs]
    pub fn authorize_address(&self) -> Url {
        self.line.beside_api("oauth2/authorize")
    }

    /// Takes an application's bot out of a server. One that it is not in is no error. One request.
    pub async fn leave(&self, application: Id<ApplicationMarker>, guild: Id<GuildMarker>) -> Result<(), DiscordError> {
        let path = format!("users/@me/guilds/{guild}");
        let call = Call { method: Method::Delete, path, query: &[], body: None, as_bot: true };
        match self.rest(application).await?.send(&call).await {
            Err(error) if error.says_not_in_server() => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

impl DiscordError {
    /// Whether the reason is that the bot is not in the server.
    pub fn says_not_in_server(&self) -> bool {
        matches!(self, Self::Refused { status: 403 | 404, .. })
    }

    /// Whether the reason is that Discord does not know the bot's token.
    pub fn says_token_refused(&self) -> bool {
        matches!(self, Self::Refused { status: 401, .. } | Self::Unavailable(REFUSED_LATELY))
    }
}

async fn read<T: serde::de::DeserializeOwned>(rest: &Rest, path: String) -> Result<T, DiscordError> {
    ask(rest, &get(path)).await
}

/// What is understood of a list: something new on it must not hide the rest.
fn known<T: serde::de::DeserializeOwned>(list: Vec<Value>) -> Vec<T> {
    list.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()
}

impl Facts {
    fn sort(&mut self) {
        self.roles.sort_by_key(|role| (std::cmp::Reverse(role.position), role.id));
        let categories: Vec<(Id<ChannelMarker>, i64)> = self
            .channels
            .iter()
            .filter(|channel| channel.kind == ChannelType::GuildCategory)
            .map(|category| (category.id, category.position))
            .collect();
        let place = |id: Id<ChannelMarker>| categories.iter().find(|(category, _)| *category == id).copied();
        // A category stands above its channels; what is in none stands above all categories.
        self.channels.sort_by_key(|channel| {
            let is_category = channel.kind == ChannelType::GuildCategory;
            let category = if is_category { place(channel.id) } else { channel.parent_id.and_then(place) };
            let category = category.map(|(id, position)| (position, id));
            (category, !is_category, is_voice(channel.kind), channel.position, channel.id)
        });
    }

    /// What the bot may do in a channel; nothing where it cannot see it.
    pub fn bot_may(&self, channel: &GuildChannel) -> Permissions {
        let roles: Vec<_> = self.roles_of_bot().map(|role| (role.id, role.permissions)).collect();
        self.may(channel, self.bot, &roles)
    }

    /// What somebody may do in a channel who has no role.
    pub fn everyone_may(&self, channel: &GuildChannel) -> Permissions {
        // The server's id is nobody's.
        self.may(channel, self.id.cast(), &[])
    }

    /// What the bot may do in the server as a whole.
    pub fn bot_may_in_general(&self) -> Permissions {
        let roles: Vec<_> = self.roles_of_bot().map(|role| (role.id, role.permissions)).collect();
        PermissionCalculator::new(self.id, self.bot, self.everyone(), &roles).owner_id(self.owner).root()
    }

    fn may(&self, channel: &GuildChannel, who: Id<UserMarker>, roles: &[(Id<RoleMarker>, Permissions)]) -> Permissions {
        let is_known = |overwrite: &&PermissionOverwrite| {
            matches!(overwrite.kind, PermissionOverwriteType::Member | PermissionOverwriteType::Role)
        };
        let overwrites: Vec<_> = channel.permission_overwrites.iter().filter(is_known).copied().collect();
        let calculator = PermissionCalculator::new(self.id, who, self.everyone(), roles).owner_id(self.owner);
        let may = calculator.in_channel(channel.kind, &overwrites);
        // [Discord Docs/Permissions: Implicit Permissions]
        if may.contains(Permissions::VIEW_CHANNEL) { may } else { Permissions::empty() }
    }

    fn everyone(&self) -> Permissions {
        let everyone = self.roles.iter().find(|role| role.id == self.id.cast());
        everyone.map_or(Permissions::empty(), |role| role.permissions)
    }

    fn roles_of_bot(&self) -> impl Iterator<Item = &GuildRole> {
        self.roles.iter().filter(|role| self.bot_roles.contains(&role.id))
    }

    /// The bot's highest role: it can do nothing to people with one above it. None where it has only `@everyone`.
    pub fn highest_role_of_bot(&self) -> Option<&GuildRole> {
        self.roles_of_bot().next()
    }

    /// One of the channels.
    pub fn channel(&self, id: Id<ChannelMarker>) -> Option<&GuildChannel> {
        self.channels.iter().find(|channel| channel.id == id)
    }
}

/// Channels in which people talk stand below those in which they write.
fn is_voice(kind: ChannelType) -> bool {
    matches!(kind, ChannelType::GuildVoice | ChannelType::GuildStageVoice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn channel(id: u64, kind: u8, position: i64, parent: Option<u64>, overwrites: &Value) -> GuildChannel {
        serde_json::from_value(json!({"id": id.to_string(), "type": kind, "name": id.to_string(), "position": position,
            "parent_id": parent.map(|id| id.to_string()), "permission_overwrites": overwrites}))
        .unwrap()
    }

    fn role(id: u64, position: i64, permissions: Permissions) -> GuildRole {
        serde_json::from_value(json!({"id": id.to_string(), "name": "r", "position": position, "color": 255,
            "managed": false, "permissions": permissions.bits().to_string()}))
        .unwrap()
    }

    fn facts(channels: Vec<GuildChannel>, roles: Vec<GuildRole>) -> Facts {
        let (id, name, icon) = (Id::new(1), "The workshop".to_owned(), None);
        let (owner, bot, bot_roles) = (Id::new(8), Id::new(9), vec![Id::new(2)]);
        let mut facts = Facts { id, name, icon, owner, channels, roles, bot, bot_roles };
        facts.sort();
        facts
    }

    #[test]
    fn channels_stand_as_discord_shows_them() {
        let none = json!([]);
        let channels = vec![
            channel(10, 2, 0, Some(20), &none),
            channel(11, 0, 1, Some(20), &none),
            channel(12, 0, 0, Some(20), &none),
            channel(20, 4, 1, None, &none),
            channel(21, 4, 0, None, &none),
            channel(13, 0, 5, Some(21), &none),
            channel(14, 0, 9, None, &none),
            // Its category is not seen.
            channel(15, 0, 3, Some(99), &none),
        ];
        let order: Vec<u64> = facts(channels, vec![]).channels.iter().map(|channel| channel.id.get()).collect();
        assert_eq!(order, [15, 14, 21, 13, 20, 12, 11, 10]);
    }

    #[test]
    fn what_the_bot_may_do_follows_roles_and_channels() {
        let talk = Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES;
        let roles = vec![
            role(1, 0, Permissions::VIEW_CHANNEL),
            role(2, 1, Permissions::SEND_MESSAGES),
            role(3, 2, Permissions::ADMINISTRATOR),
        ];
        let deny = |id: u64, kind: u8, deny: Permissions| json!([{"id": id.to_string(), "type": kind, "allow": "0", "deny": deny.bits().to_string()}]);
        let facts = facts(vec![], roles);
        let may = |overwrites: &Value| facts.bot_may(&channel(10, 0, 0, None, overwrites));
        assert_eq!(may(&json!([])), talk);
        assert_eq!(may(&deny(2, 0, Permissions::SEND_MESSAGES)), Permissions::VIEW_CHANNEL);
        assert_eq!(may(&deny(9, 1, Permissions::SEND_MESSAGES)), Permissions::VIEW_CHANNEL);
        assert_eq!(
            may(&deny(1, 0, Permissions::VIEW_CHANNEL)),
            Permissions::empty(),
            "what is not seen allows nothing"
        );
        assert_eq!(may(&deny(3, 0, Permissions::SEND_MESSAGES)), talk, "another role");
        assert_eq!(facts.everyone_may(&channel(10, 0, 0, None, &json!([]))), Permissions::VIEW_CHANNEL);
        assert_eq!(facts.highest_role_of_bot().map(|role| role.id), Some(Id::new(2)));
        assert_eq!(facts.bot_may_in_general(), talk);
        let mut administrator = facts.clone();
        administrator.bot_roles.push(Id::new(3));
        let hidden = channel(10, 0, 0, None, &deny(1, 0, Permissions::VIEW_CHANNEL));
        assert_eq!(administrator.bot_may(&hidden), Permissions::all());
    }

    #[test]
    fn what_is_not_understood_hides_nothing_else() {
        let list = vec![json!({"id": "5", "type": 250, "name": "new"}), json!({"odd": true}), json!(7)];
        assert_eq!(known::<GuildChannel>(list).len(), 1);
    }
}
