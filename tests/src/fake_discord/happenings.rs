//! Servers, roles, channels and threads come and go; the gateway says so.

use serde_json::json;

use super::FakeDiscord;
use super::gateway::GatewayFault;
use super::gateway::intents::GUILDS;
use super::ids;
use super::places::{Channel, Denied, Guild, role_json};
use super::state::{Bot, State};

impl FakeDiscord {
    /// A further server, which the first bot joins.
    pub fn add_guild(&self, name: &str) -> u64 {
        let id = ids::snowflake();
        self.join(id, name);
        id
    }

    /// A further server that no bot has joined yet.
    pub fn found_guild(&self, name: &str) -> u64 {
        let id = ids::snowflake();
        self.shared.state().guilds.insert(id, Guild::new(name));
        id
    }

    /// A further server whose id falls into this shard of so many.
    pub fn add_guild_on(&self, name: &str, (shard, total): (u64, u64)) -> u64 {
        let id = ids::snowflake();
        let id = (0..total).map(|ms| id + (ms << 22)).find(|id| (id >> 22) % total == shard);
        let id = id.expect("one of so many in a row");
        self.join(id, name);
        id
    }

    fn join(&self, id: u64, name: &str) {
        let mut state = self.shared.state();
        state.guilds.insert(id, Guild::new(name));
        state.invite(self.application_id(), id);
    }

    /// A further application with a bot, on no server yet: its id and its token.
    pub fn add_bot(&self, name: &str) -> (u64, String) {
        let bot = Bot::new(name);
        let (id, token) = (bot.id, bot.token.clone());
        let mut state = self.shared.state();
        state.users.insert(id, bot.user());
        state.bots.insert(id, bot);
        (id, token)
    }

    /// Somebody resets a bot's token in the developer portal: the old one is worthless from now on, and its sessions are
    /// closed with 4004. The new one.
    ///
    /// # Panics
    /// When there is no such bot.
    pub fn resets_token(&self, application_id: u64) -> String {
        let token = Bot::new_token(application_id);
        self.shared.state().bots.get_mut(&application_id).expect("a bot that was added").token.clone_from(&token);
        self.gateway_of(application_id).now(&GatewayFault::Close(4_004));
        token
    }

    /// A bot joins a server: `GUILD_CREATE`.
    pub fn bot_joins(&self, application_id: u64, guild_id: u64) {
        self.shared.state().invite(application_id, guild_id);
    }

    /// A bot is removed from a server: `GUILD_DELETE`.
    pub fn bot_leaves(&self, application_id: u64, guild_id: u64) {
        self.shared.state().expel(application_id, guild_id);
    }

    /// Sets an application's Interactions Endpoint URL in the developer portal, or takes it away. Discord goes on telling
    /// tests where to deliver by their own word.
    pub fn set_endpoint(&self, application_id: u64, url: Option<&str>) {
        let endpoints = &mut self.shared.state().endpoints;
        match url {
            Some(url) => _ = endpoints.insert(application_id, url.to_owned()),
            None => _ = endpoints.remove(&application_id),
        }
    }

    /// What a role allows in the whole server, as Discord's bits; the server's id is the role of everybody.
    pub fn set_allowed(&self, guild_id: u64, role_id: u64, bits: u64) {
        if let Some(guild) = self.shared.state().guilds.get_mut(&guild_id) {
            guild.allowed.insert(role_id, bits);
        }
    }

    /// A further category, and these channels in it.
    pub fn add_category(&self, guild_id: u64, name: &str, channels: &[u64]) -> u64 {
        let id = self.add_channel_of(guild_id, name, 4);
        let mut state = self.shared.state();
        for channel in channels {
            if let Some(channel) = state.channels.get_mut(channel) {
                channel.parent = Some(id);
            }
        }
        id
    }

    /// A server goes away in an outage (`GUILD_DELETE` with `unavailable`), or is back (`GUILD_CREATE`).
    pub fn set_unavailable(&self, guild_id: u64, unavailable: bool) {
        let mut state = self.shared.state();
        let Some(guild) = state.guilds.get_mut(&guild_id) else { return };
        guild.unavailable = unavailable;
        let bots: Vec<u64> = guild.bots.keys().copied().collect();
        for app in bots {
            if unavailable {
                let gone = json!({"id": guild_id.to_string(), "unavailable": true});
                state.tell_bot(app, "GUILD_DELETE", guild_id, &gone);
            } else {
                let guild = state.guild_create(app, guild_id);
                state.tell_bot(app, "GUILD_CREATE", guild_id, &guild);
            }
        }
    }

    /// The language that a server's owner has set; told by `GUILD_UPDATE`.
    pub fn set_guild_locale(&self, guild_id: u64, locale: &str) {
        let mut state = self.shared.state();
        let Some(guild) = state.guilds.get_mut(&guild_id) else { return };
        locale.clone_into(&mut guild.locale);
        let shown = guild.json(guild_id);
        state.dispatch("GUILD_UPDATE", guild_id, GUILDS, &shown);
    }

    /// The managed role of a bot on a server, if it is there.
    pub fn bot_role(&self, application_id: u64, guild_id: u64) -> Option<u64> {
        self.shared.state().guilds.get(&guild_id)?.bots.get(&application_id).copied()
    }

    /// A further role: `GUILD_ROLE_CREATE`.
    pub fn add_role(&self, guild_id: u64, name: &str) -> u64 {
        let id = ids::snowflake();
        self.role_event("GUILD_ROLE_CREATE", guild_id, id, name);
        id
    }

    /// Another name for a role: `GUILD_ROLE_UPDATE`.
    pub fn rename_role(&self, guild_id: u64, role_id: u64, name: &str) {
        self.role_event("GUILD_ROLE_UPDATE", guild_id, role_id, name);
    }

    fn role_event(&self, event: &str, guild_id: u64, role_id: u64, name: &str) {
        let mut state = self.shared.state();
        if let Some(guild) = state.guilds.get_mut(&guild_id) {
            guild.roles.insert(role_id, name.to_owned());
        }
        let data = json!({"guild_id": guild_id.to_string(), "role": role_json(role_id, name, None)});
        state.dispatch(event, guild_id, GUILDS, &data);
    }

    /// A role is gone, perhaps a bot's own: `GUILD_ROLE_DELETE`.
    pub fn delete_role(&self, guild_id: u64, role_id: u64) {
        let mut state = self.shared.state();
        if let Some(guild) = state.guilds.get_mut(&guild_id) {
            guild.roles.remove(&role_id);
        }
        let data = json!({"guild_id": guild_id.to_string(), "role_id": role_id.to_string()});
        state.dispatch("GUILD_ROLE_DELETE", guild_id, GUILDS, &data);
    }

    /// A further text channel in a server: `CHANNEL_CREATE`.
    pub fn add_channel(&self, guild_id: u64, name: &str) -> u64 {
        self.add_channel_of(guild_id, name, 0)
    }

    /// A further forum: `CHANNEL_CREATE`.
    pub fn add_forum(&self, guild_id: u64, name: &str) -> u64 {
        self.add_channel_of(guild_id, name, 15)
    }

    fn add_channel_of(&self, guild_id: u64, name: &str, kind: u8) -> u64 {
        let channel = Channel::new(Some(guild_id), kind, name);
        let (id, shown) = (channel.id, channel.json());
        let mut state = self.shared.state();
        state.channels.insert(id, channel);
        state.dispatch("CHANNEL_CREATE", guild_id, GUILDS, &shown);
        id
    }

    /// Another name for a channel or thread: `CHANNEL_UPDATE` or `THREAD_UPDATE`.
    pub fn rename_channel(&self, channel_id: u64, name: &str) {
        let mut state = self.shared.state();
        let Some(channel) = state.channels.get_mut(&channel_id) else { return };
        name.clone_into(&mut channel.name);
        let (shown, guild) = (channel.json(), channel.guild_id);
        let event = if channel.is_thread() { "THREAD_UPDATE" } else { "CHANNEL_UPDATE" };
        if let Some(guild) = guild {
            state.dispatch(event, guild, GUILDS, &shown);
        }
    }

    /// A channel or thread is gone: `CHANNEL_DELETE` or `THREAD_DELETE`.
    pub fn delete_channel(&self, channel_id: u64) {
        let mut state = self.shared.state();
        let Some(channel) = state.channels.remove(&channel_id) else { return };
        let event = if channel.is_thread() { "THREAD_DELETE" } else { "CHANNEL_DELETE" };
        if let Some(guild) = channel.guild_id {
            state.dispatch(event, guild, GUILDS, &channel.json());
        }
    }

    /// A thread is archived, or opened again: `THREAD_UPDATE`.
    pub fn archive(&self, thread_id: u64, archived: bool) {
        self.shared.state().archive(thread_id, archived);
    }

    /// What bots may not do in a channel and its threads, from now on.
    pub fn deny(&self, channel_id: u64, denied: &[Denied]) {
        let mut state = self.shared.state();
        let Some(channel) = state.channels.get_mut(&channel_id) else { return };
        channel.denied = denied.to_vec();
        let (shown, guild) = (channel.json(), channel.guild_id);
        let threads: Vec<_> = state.channels.values().filter(|thread| thread.parent == Some(channel_id)).collect();
        let threads: serde_json::Value = threads.into_iter().map(Channel::json).collect();
        let Some(guild) = guild else { return };
        state.dispatch("CHANNEL_UPDATE", guild, GUILDS, &shown);
        if !denied.contains(&Denied::View) {
            // Who gets to see a channel is told its threads. [Discord Docs/Gateway Events: Thread List Sync]
            let (guild_id, channel_ids) = (guild.to_string(), [channel_id.to_string()]);
            let sync = json!({"guild_id": guild_id, "channel_ids": channel_ids, "threads": threads, "members": []});
            state.dispatch("THREAD_LIST_SYNC", guild, GUILDS, &sync);
        }
    }

    /// Another limit a second for all endpoints of a bot together than Discord's 50.
    pub fn set_global_limit(&self, per_second: u32) {
        self.shared.state().limits.per_second = Some(per_second);
    }

    /// Requests that were over the limit of all endpoints together.
    pub fn over_global_limit(&self) -> usize {
        self.shared.state().limits.over_global
    }
}

impl State {
    pub(crate) fn invite(&mut self, app: u64, guild_id: u64) {
        let Some(guild) = self.guilds.get_mut(&guild_id) else { return };
        guild.bots.entry(app).or_insert_with(ids::snowflake);
        let shown = self.guild_create(app, guild_id);
        self.tell_bot(app, "GUILD_CREATE", guild_id, &shown);
    }

    /// Takes a bot out of a server.
    pub(crate) fn expel(&mut self, app: u64, guild_id: u64) {
        self.tell_bot(app, "GUILD_DELETE", guild_id, &json!({"id": guild_id.to_string()}));
        if let Some(guild) = self.guilds.get_mut(&guild_id) {
            guild.bots.remove(&app);
        }
    }

    /// An event about a server that only one bot hears.
    fn tell_bot(&mut self, app: u64, event: &str, guild_id: u64, data: &serde_json::Value) {
        for session in self.gateway.line(app).sessions.values() {
            let (id, total) = session.shard;
            if session.intents & GUILDS != 0 && (guild_id >> 22) % total == id {
                session.push(event, &data.to_string());
            }
        }
    }

    pub(crate) fn archive(&mut self, thread_id: u64, archived: bool) {
        let Some(thread) = self.channels.get_mut(&thread_id) else { return };
        thread.archived = archived;
        let (shown, guild) = (thread.json(), thread.guild_id);
        if let Some(guild) = guild {
            self.dispatch("THREAD_UPDATE", guild, GUILDS, &shown);
        }
    }

    /// A thread from a message (its id is the message's), or a forum post: `THREAD_CREATE`, and `MESSAGE_UPDATE` of the message,
    /// which has a thread now and was not edited.
    pub(crate) fn open_thread(&mut self, owner: u64, parent: u64, from: Option<u64>, name: &str) -> u64 {
        let guild = self.channels.get(&parent).and_then(|channel| channel.guild_id);
        let mut thread = Channel::new(guild, 11, name);
        thread.id = from.unwrap_or(thread.id);
        (thread.parent, thread.owner) = (Some(parent), owner);
        let (id, mut shown) = (thread.id, thread.json());
        self.channels.insert(id, thread);
        shown["newly_created"] = json!(true);
        if let Some(guild) = guild {
            self.dispatch("THREAD_CREATE", guild, GUILDS, &shown);
        }
        if let Some(message) = from {
            self.dispatch_message("MESSAGE_UPDATE", message);
        }
        id
    }
}
