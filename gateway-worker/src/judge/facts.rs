//! What is known of servers: told by Discord, looked up, or changed by their admins.

use super::{Found, Judge, Lookup, Presence, finder};
use crate::frame::{
    self, Channel, GuildCreated, GuildDeleted, GuildUpdated, Ready, RoleChanged, RoleDeleted, Snowflake, ThreadList,
    Unreadable,
};
use crate::guilds::{Rules, Spot};
use twilight_model::id::{Id, marker::GuildMarker};

impl Judge {
    /// Takes what a lookup found. An answer to what is no longer asked for is ignored.
    pub fn found(&mut self, lookup: Lookup, found: Found) {
        if !self.asked.remove(&lookup) {
            return;
        }
        let guild = lookup.guild();
        let is_blind = found == Found::Unknown && !matches!(lookup, Lookup::Settings(_));
        match (lookup, found) {
            (Lookup::Settings(id), found) => {
                let left = matches!(&found, Found::Settings(Some(guild)) if guild.left_at.is_some());
                self.set_rules(guild, found);
                if left && self.guilds.was_announced(guild) {
                    self.out.presence.push(Presence::Returned(id));
                }
            }
            (Lookup::Locale(_), Found::Locale(locale)) => self.guilds.set_locale(guild, locale),
            (Lookup::OwnRole(_), Found::OwnRole(role)) => self.guilds.set_own_role(guild, role.map(Id::cast)),
            (Lookup::Channel { channel, .. }, Found::Channel(spot)) => {
                self.guilds.set_spot(guild, channel.cast(), spot);
            }
            // Nothing, or an answer to another question than the one that was asked: it is asked again when it is needed.
            _ => {}
        }
        self.answered.push((guild, is_blind));
    }

    /// Takes a server's settings that have changed, as the lookup of them would have found them.
    pub fn changed(&mut self, guild: Id<GuildMarker>, found: Found) {
        // What is being looked up may be older than this.
        let asked = self.asked.remove(&Lookup::Settings(guild));
        if asked || self.guilds.contains(guild.cast()) {
            self.set_rules(guild.cast(), found);
            self.answered.push((guild.cast(), false));
        }
    }

    fn set_rules(&mut self, guild: Snowflake, found: Found) {
        match found {
            Found::Settings(settings) => {
                let rules = settings.map(|guild| Rules::from(guild.settings)).unwrap_or_default();
                self.guilds.set_rules(guild, rules);
            }
            Found::Unknown => {
                tracing::error!(guild.id = %guild, "messages of a server whose settings cannot be read are dropped");
                self.guilds.set_rules(guild, Rules::silence());
            }
            // No answer to this.
            Found::OwnRole(_) | Found::Channel(_) | Found::Locale(_) => {}
        }
    }

    /// Has every server's settings looked up again: some changes were missed. Until then they stay as they are.
    pub fn doubt_settings(&mut self) {
        for guild in self.guilds.known() {
            self.ask(Some(Lookup::Settings(guild.cast())));
        }
    }

    /// Takes an event about servers, channels and the bot itself; others are nothing.
    pub(super) fn on_facts(&mut self, text: &str, kind: &str) -> Result<(), Unreadable> {
        match kind {
            "READY" => {
                let Ready { user } = frame::read(text)?;
                if user.id != self.bot {
                    (self.bot, self.bot_in_text) = (user.id, finder(user.id));
                }
            }
            "GUILD_CREATE" => {
                let guild: GuildCreated = frame::read(text)?;
                if !guild.unavailable {
                    self.guilds.announce(&guild, self.bot);
                    self.answered.push((guild.id, false));
                    if self.guilds.rules(guild.id).is_none() {
                        self.ask(Some(Lookup::Settings(guild.id.cast())));
                    }
                }
            }
            "GUILD_UPDATE" => {
                let GuildUpdated { id, preferred_locale } = frame::read(text)?;
                self.guilds.set_locale(id, preferred_locale);
            }
            "GUILD_DELETE" => {
                let GuildDeleted { id, unavailable } = frame::read(text)?;
                if !unavailable {
                    self.left(id);
                }
            }
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => {
                let RoleChanged { guild_id, role } = frame::read(text)?;
                self.guilds.role_changed(guild_id, &role, self.bot);
            }
            "GUILD_ROLE_DELETE" => {
                let RoleDeleted { guild_id, role_id } = frame::read(text)?;
                self.guilds.role_deleted(guild_id, role_id);
            }
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                let channel: Channel = frame::read(text)?;
                if let Some(guild) = channel.guild_id {
                    self.guilds.set_spot(guild, channel.id, Spot::of(&channel, self.bot));
                }
            }
            "CHANNEL_DELETE" | "THREAD_DELETE" => {
                let channel: Channel = frame::read(text)?;
                if let Some(guild) = channel.guild_id {
                    self.guilds.forget_spot(guild, channel.id);
                }
            }
            "THREAD_LIST_SYNC" => {
                let ThreadList { guild_id, threads } = frame::read(text)?;
                for thread in threads {
                    self.guilds.set_spot(guild_id, thread.id, Spot::of(&thread, self.bot));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Forgets a server that the bot is no longer in, with all that waits there.
    fn left(&mut self, guild: Snowflake) {
        self.guilds.forget(guild);
        self.asked.retain(|lookup| lookup.guild() != guild);
        for burst in self.bursts.take(guild) {
            self.out.done.extend(burst.parts.iter().map(|part| part.seq));
        }
        for held in self.held.remove(&guild).unwrap_or_default() {
            self.held_bytes -= held.text.len();
            self.out.done.push(held.seq);
        }
        self.out.presence.push(Presence::Left(guild.cast()));
    }
}
