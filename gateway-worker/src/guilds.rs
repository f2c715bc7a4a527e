//! What a session must know of its servers to judge a message: their rules, the bot's own role, which channels are threads.

use crate::frame::{self, GuildCreated, Snowflake};
use guildhall::locale::Locale;
use guildhall::settings::{Access, GuildSettings, ResponseMode};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Channels that are remembered. Only servers whose rules name channels or answer in threads need any.
const MOST_SPOTS: usize = 100_000;

/// What of a server's settings decides about its messages. Servers with the same share one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Which messages are questions.
    pub mode: ResponseMode,
    /// Where.
    pub channels: Access,
    /// Whose.
    pub roles: Access,
    /// Seconds between two questions of one person; 0 is no pause.
    pub cooldown_seconds: u32,
    /// Questions of one conversation within an hour; 0 is no bound.
    pub questions_per_hour: u32,
    /// Whether answers go to threads of their own.
    pub answer_in_thread: bool,
}

impl Rules {
    /// Those of a server whose messages are all left alone.
    pub fn silence() -> Self {
        Self { mode: ResponseMode::Command, ..Self::default() }
    }

    /// Whether it matters which channels are threads, and whose.
    pub fn need_spots(&self) -> bool {
        self.answer_in_thread || !self.channels.is_open()
    }

    /// Whether messages are read that nobody said to the bot: Discord shows their words only to who asks for them.
    /// [Discord Docs/Gateway: Message Content Intent]
    pub fn need_content(&self) -> bool {
        matches!(self.mode, ResponseMode::AllMessages { .. })
    }

    /// Whether a channel is one conversation of everybody.
    pub fn has_channel_context(&self) -> bool {
        matches!(self.mode, ResponseMode::AllMessages { channel_context: true, .. })
    }
}

impl From<GuildSettings> for Rules {
    fn from(settings: GuildSettings) -> Self {
        Self {
            mode: settings.response_mode,
            channels: settings.channels,
            roles: settings.roles,
            cooldown_seconds: settings.cooldown_seconds,
            questions_per_hour: settings.questions_per_hour,
            answer_in_thread: settings.answer_in_thread,
        }
    }
}

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// A channel.
    Channel,
    /// A thread, or a post of a forum.
    Thread {
        /// Its channel.
        parent: Option<Snowflake>,
        /// Whether the bot started it.
        own: bool,
    },
}

impl Spot {
    /// The channel that a thread belongs to.
    pub fn parent(self) -> Option<Snowflake> {
        match self {
            Self::Channel => None,
            Self::Thread { parent, .. } => parent,
        }
    }

    /// Whether it is a thread that the bot started.
    pub fn is_own_thread(self) -> bool {
        matches!(self, Self::Thread { own: true, .. })
    }

    /// What Discord says that a channel is.
    pub fn of(channel: &frame::Channel, bot: Snowflake) -> Self {
        if frame::is_thread(channel.kind) {
            Self::Thread { parent: channel.parent_id, own: channel.owner_id == Some(bot) }
        } else {
            Self::Channel
        }
    }
}

/// What is known of one server. Kept small: a shard has up to 2,500 of them, a worker many shards.
#[derive(Debug, Default)]
struct Known {
    /// None until they were looked up.
    rules: Option<Arc<Rules>>,
    role: Option<Snowflake>,
    /// Whether `role` is what it is; otherwise it is unknown.
    role_is_set: bool,
    /// Whether every channel that is not remembered is known to be no thread.
    spots_complete: bool,
    /// Whether the server was announced since the program started.
    announced: bool,
    /// Its language; none while it is unknown, `Some(None)` for one that is none of Discord's.
    #[expect(clippy::option_option, reason = "unknown is not the same as known to be none, and both fit into a byte")]
    locale: Option<Option<Locale>>,
}

/// Spreads Discord's ids. Nobody can choose theirs, so nothing stronger is needed for what every message looks up.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // Fibonacci's multiplier; the table takes its bits from both ends, and ids differ in the middle.
        let spread = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}

/// The servers of a session.
#[derive(Debug, Default)]
pub struct Guilds {
    known: HashMap<Snowflake, Known, BuildHasherDefault<IdHasher>>,
    shared: HashSet<Arc<Rules>>,
    spots: HashMap<Snowflake, HashMap<Snowflake, Spot>>,
    spot_count: usize,
    needing_content: usize,
}

impl Guilds {
    /// A server's rules; none while they are unknown.
    pub fn rules(&self, guild: Snowflake) -> Option<&Arc<Rules>> {
        self.known.get(&guild)?.rules.as_ref()
    }

    /// The bot's own role: none while it is unknown, `Some(None)` if it has none.
    pub fn own_role(&self, guild: Snowflake) -> Option<Option<Snowflake>> {
        self.known.get(&guild).filter(|known| known.role_is_set).map(|known| known.role)
    }

    /// What a channel is; none while it is unknown.
    pub fn spot(&self, guild: Snowflake, channel: Snowflake) -> Option<Spot> {
        let found = self.spots.get(&guild).and_then(|spots| spots.get(&channel)).copied();
        found.or_else(|| self.known.get(&guild).filter(|known| known.spots_complete).map(|_| Spot::Channel))
    }

    /// A server's language: none while it is unknown, `Some(None)` for one that is none of Discord's.
    pub fn locale(&self, guild: Snowflake) -> Option<Option<Locale>> {
        self.known.get(&guild)?.locale
    }

    /// Takes the language of a server that is known.
    pub fn set_locale(&mut self, guild: Snowflake, locale: Option<Locale>) {
        if let Some(known) = self.known.get_mut(&guild) {
            known.locale = Some(locale);
        }
    }

    /// Whether some server is set so that what people write must be asked of Discord.
    pub fn wants_content(&self) -> bool {
        self.needing_content > 0
    }

    /// Whether a server is known at all.
    pub fn contains(&self, guild: Snowflake) -> bool {
        self.known.contains_key(&guild)
    }

    /// Every server that is known.
    pub fn known(&self) -> Vec<Snowflake> {
        self.known.keys().copied().collect()
    }

    /// Whether a server was announced since the program started.
    pub fn was_announced(&self, guild: Snowflake) -> bool {
        self.known.get(&guild).is_some_and(|known| known.announced)
    }

    /// Takes the rules of a server as they were found or have changed.
    pub fn set_rules(&mut self, guild: Snowflake, rules: Rules) {
        let rules = if let Some(shared) = self.shared.get(&rules) {
            Arc::clone(shared)
        } else {
            let rules = Arc::new(rules);
            self.shared.insert(Arc::clone(&rules));
            rules
        };
        let needs_spots = rules.need_spots();
        self.needing_content += usize::from(rules.need_content());
        let known = self.known.entry(guild).or_default();
        let before = known.rules.replace(rules);
        if !needs_spots {
            known.spots_complete = false;
            self.forget_spots(guild);
        }
        self.forget_rules(before);
    }

    /// Takes a server as Discord announces it.
    pub fn announce(&mut self, guild: &GuildCreated, bot: Snowflake) {
        let known = self.known.entry(guild.id).or_default();
        known.announced = true;
        known.locale = Some(guild.preferred_locale);
        known.role_is_set = true;
        known.role = guild.roles.iter().find(|role| is_own(role, bot)).map(|role| role.id);
        if known.rules.as_ref().is_some_and(|rules| !rules.need_spots()) {
            return;
        }
        // Kept until it is known whether the rules need them.
        known.spots_complete = true;
        self.forget_spots(guild.id);
        for thread in &guild.threads {
            self.remember_spot(guild.id, thread.id, Spot::of(thread, bot));
        }
    }

    /// Takes the bot's own role as it was looked up.
    pub fn set_own_role(&mut self, guild: Snowflake, role: Option<Snowflake>) {
        let known = self.known.entry(guild).or_default();
        (known.role, known.role_is_set) = (role, true);
    }

    /// Takes a role that was made or changed.
    pub fn role_changed(&mut self, guild: Snowflake, role: &frame::Role, bot: Snowflake) {
        if is_own(role, bot) {
            self.set_own_role(guild, Some(role.id));
        }
    }

    /// Takes a role that is gone.
    pub fn role_deleted(&mut self, guild: Snowflake, role: Snowflake) {
        if self.own_role(guild) == Some(Some(role)) {
            self.set_own_role(guild, None);
        }
    }

    /// Takes what a channel is, where it matters or may come to.
    pub fn set_spot(&mut self, guild: Snowflake, channel: Snowflake, spot: Spot) {
        let Some(known) = self.known.get(&guild) else { return };
        let matters = known.rules.as_ref().is_none_or(|rules| rules.need_spots());
        if matters && !(known.spots_complete && spot == Spot::Channel) {
            self.remember_spot(guild, channel, spot);
        }
    }

    /// Forgets a channel that is gone.
    pub fn forget_spot(&mut self, guild: Snowflake, channel: Snowflake) {
        let gone = self.spots.get_mut(&guild).and_then(|spots| spots.remove(&channel));
        self.spot_count -= usize::from(gone.is_some());
    }

    /// Forgets a server that the bot has left.
    pub fn forget(&mut self, guild: Snowflake) {
        if let Some(known) = self.known.remove(&guild) {
            self.forget_rules(known.rules);
            self.forget_spots(guild);
        }
    }

    fn remember_spot(&mut self, guild: Snowflake, channel: Snowflake, spot: Spot) {
        if self.spot_count >= MOST_SPOTS {
            // Looked up again, each when it is needed.
            self.spots.clear();
            self.spot_count = 0;
            for known in self.known.values_mut() {
                known.spots_complete = false;
            }
        }
        let before = self.spots.entry(guild).or_default().insert(channel, spot);
        self.spot_count += usize::from(before.is_none());
    }

    fn forget_spots(&mut self, guild: Snowflake) {
        self.spot_count -= self.spots.remove(&guild).map_or(0, |spots| spots.len());
    }

    fn forget_rules(&mut self, rules: Option<Arc<Rules>>) {
        let Some(rules) = rules else { return };
        self.needing_content -= usize::from(rules.need_content());
        // The set's own and this one.
        if Arc::strong_count(&rules) == 2 {
            self.shared.remove(&rules);
        }
    }
}

fn is_own(role: &frame::Role, bot: Snowflake) -> bool {
    role.tags.as_ref().is_some_and(|tags| tags.bot_id == Some(bot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use twilight_model::id::Id;

    const BOT: Snowflake = Id::new(50);

    fn announced(text: &str) -> GuildCreated {
        serde_json::from_str(text).unwrap()
    }

    fn in_threads() -> Rules {
        Rules { answer_in_thread: true, ..Rules::default() }
    }

    #[test]
    fn servers_with_the_same_rules_share_them() {
        let mut guilds = Guilds::default();
        for guild in 1..=100 {
            guilds.set_rules(Id::new(guild), Rules::default());
        }
        assert_eq!(guilds.shared.len(), 1);
        let all = Rules { mode: ResponseMode::AllMessages { smart: true, channel_context: false }, ..Rules::default() };
        guilds.set_rules(Id::new(1), all);
        assert!(guilds.wants_content() && guilds.shared.len() == 2);
        guilds.set_rules(Id::new(1), Rules::default());
        assert!(!guilds.wants_content() && guilds.shared.len() == 1);
        for guild in 1..=100 {
            guilds.forget(Id::new(guild));
        }
        assert!(guilds.shared.is_empty() && guilds.known.is_empty());
    }

    /// A hash table is at most 8/7 doubled: an entry takes up to 16/7 of this and a byte.
    #[test]
    fn a_further_server_takes_less_than_200_bytes() {
        assert!(size_of::<(Snowflake, Known)>() * 16 / 7 + 3 <= 100);
    }

    #[test]
    fn the_own_role_is_the_one_made_for_the_bot() {
        let mut guilds = Guilds::default();
        let guild = Id::new(1);
        assert_eq!(guilds.own_role(guild), None);
        let roles =
            r#"{"id":"1","roles":[{"id":"1"},{"id":"7","tags":{"bot_id":"51"}},{"id":"8","tags":{"bot_id":"50"}}]}"#;
        guilds.announce(&announced(roles), BOT);
        assert_eq!(guilds.own_role(guild), Some(Some(Id::new(8))));
        guilds.role_deleted(guild, Id::new(7));
        assert_eq!(guilds.own_role(guild), Some(Some(Id::new(8))));
        guilds.role_deleted(guild, Id::new(8));
        assert_eq!(guilds.own_role(guild), Some(None));
        let role: frame::Role = serde_json::from_str(r#"{"id":"9","tags":{"bot_id":"50"}}"#).unwrap();
        guilds.role_changed(guild, &role, BOT);
        assert_eq!(guilds.own_role(guild), Some(Some(Id::new(9))));
    }

    #[test]
    fn threads_are_kept_only_where_they_matter() {
        let mut guilds = Guilds::default();
        let (guild, thread) = (Id::new(1), Id::new(30));
        let text = r#"{"id":"1","threads":[{"id":"30","type":11,"parent_id":"20","owner_id":"50"}]}"#;
        guilds.announce(&announced(text), BOT);
        let own = Spot::Thread { parent: Some(Id::new(20)), own: true };
        assert_eq!(guilds.spot(guild, thread), Some(own), "kept while the rules are unknown");
        guilds.set_rules(guild, in_threads());
        assert_eq!(guilds.spot(guild, thread), Some(own));
        assert_eq!(guilds.spot(guild, Id::new(20)), Some(Spot::Channel));
        guilds.set_rules(guild, Rules::default());
        assert!(guilds.spots.is_empty() && guilds.spot_count == 0);
        guilds.set_rules(guild, in_threads());
        assert_eq!(guilds.spot(guild, Id::new(20)), None, "they have to be looked up now");
        guilds.set_spot(guild, Id::new(20), Spot::Channel);
        assert_eq!(guilds.spot(guild, Id::new(20)), Some(Spot::Channel));
    }
}
