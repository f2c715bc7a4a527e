//! Frames as Discord writes them: the order of its fields, their usual length, and people who all say something else.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use std::fmt::Write as _;

/// The bot, which is the application too.
pub(crate) const BOT: u64 = 1_100_000_000_000_000_001;

/// What nobody asks.
const CHAT: [&str; 16] = [
    "I think we should just meet at nine and see who is there by then",
    "did anybody else get that update last night, mine took an hour",
    "the second level is much harder than the first one if you play it alone",
    "lmao what is that picture",
    "no way, they really changed the colour of the whole page",
    "brb dinner, back in twenty minutes or so",
    "if you are on the old version you have to remove the folder by hand before it works again",
    "that was the best match of the season by far and I will not hear otherwise",
    "good morning everyone, coffee first and then the rest",
    "he said that it would be ready on Friday but he said that last week as well",
    "it is raining here again and the dog refuses to go out",
    "ok so I tried it with the other cable and now nothing happens at all",
    "nice, thank you, that did it",
    "we have the room from six to eight, bring your own chairs",
    "I sold mine last year and have missed it every single day since then",
    "the link in the first post is dead, somebody should pin the new one",
];

/// Writes frames from a seed.
pub(crate) struct Writer {
    rng: StdRng,
    /// The id of the next message; each is some milliseconds after the one before.
    next_id: u64,
}

impl Writer {
    /// Messages are written from now on.
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), next_id: tests::fake_discord::snowflake() }
    }

    /// What somebody says to nobody in particular: the `d` of a `MESSAGE_CREATE`.
    pub(crate) fn chat(&mut self, guild: u64) -> String {
        let mut said = (*CHAT.choose(&mut self.rng).expect("some are above")).to_owned();
        if self.rng.random_bool(0.3) {
            write!(said, " ({})", self.rng.random_range(2..900)).expect("a String takes everything");
        }
        self.message(guild, &said, false)
    }

    /// A question that mentions the bot, by somebody who has not asked before.
    pub(crate) fn question(&mut self, guild: u64) -> String {
        let said = self.asked();
        self.message(guild, &said, true)
    }

    /// A question that mentions the bot, by one who asks all of a server's in one channel.
    pub(crate) fn next_question(&mut self, guild: u64) -> String {
        let said = self.asked();
        self.message_by(200_000_000_000_000_001, guild, guild + 1, &said, true)
    }

    fn asked(&mut self) -> String {
        let number = self.rng.random_range(1..60_000);
        format!("<@{BOT}> how do I set the port to {number} on the second machine when the first one has it already?")
    }

    /// These words.
    pub(crate) fn message(&mut self, guild: u64, content: &str, mentions: bool) -> String {
        let author = 200_000_000_000_000_000 + self.rng.random_range(0..900_000_000_000_000_000_u64);
        let channel = guild + self.rng.random_range(1..20);
        self.message_by(author, guild, channel, content, mentions)
    }

    fn message_by(&mut self, author: u64, guild: u64, channel: u64, content: &str, mentions: bool) -> String {
        self.next_id += 7 << 22;
        let id = self.next_id;
        let (avatar, banner) = (self.rng.random::<u128>(), self.rng.random::<u128>());
        let name = self.rng.random_range(1_000..1_000_000);
        let roles: String = (0..3).map(|n| format!("\"{}\",", guild + 100 + n * 7)).collect();
        let mention = format!(
            r#"{{"username":"guildhall","public_flags":0,"primary_guild":null,"member":{{"roles":["{role}"],"premium_since":null,"pending":false,"nick":null,"mute":false,"joined_at":"2024-02-11T09:24:31.250000+00:00","flags":0,"deaf":false,"communication_disabled_until":null,"banner":null,"avatar":null}},"id":"{BOT}","global_name":null,"discriminator":"4821","collectibles":null,"clan":null,"bot":true,"avatar_decoration_data":null,"avatar":null}}"#,
            role = guild + 99
        );
        let mention = if mentions { mention } else { String::new() };
        format!(
            r#"{{"type":0,"tts":false,"timestamp":"2026-11-24T10:00:00.{milli:03}000+00:00","pinned":false,"nonce":"{nonce}","mentions":[{mention}],"mention_roles":[],"mention_everyone":false,"member":{{"roles":[{roles}],"premium_since":null,"pending":false,"nick":null,"mute":false,"joined_at":"2023-07-0{day}T18:11:{second:02}.477000+00:00","flags":0,"deaf":false,"communication_disabled_until":null,"banner":null,"avatar":null}},"id":"{id}","flags":0,"embeds":[],"edited_timestamp":null,"content":"{content}","components":[],"channel_type":0,"channel_id":"{channel}","author":{{"username":"member_{name}","public_flags":256,"primary_guild":null,"id":"{author}","global_name":"Member {name}","discriminator":"0","display_name_styles":null,"collectibles":null,"clan":null,"banner":"{banner:032x}","avatar_decoration_data":null,"avatar":"{avatar:032x}"}},"attachments":[],"guild_id":"{guild}"}}"#,
            milli = name % 1_000,
            nonce = id + 4_194_304,
            roles = roles.trim_end_matches(','),
            day = 1 + name % 9,
            second = name % 60,
        )
    }

    /// A server with twenty channels and ten roles, one of them the bot's own: the `d` of a `GUILD_CREATE`.
    pub(crate) fn guild(&mut self, guild: u64) -> String {
        let channels: Vec<String> = (0..20)
            .map(|n| format!(
                r#"{{"version":1700000000000,"type":0,"topic":null,"rate_limit_per_user":0,"position":{n},"permission_overwrites":[],"parent_id":null,"nsfw":false,"name":"channel-{n}","last_message_id":"{}","id":"{}","flags":0}}"#,
                self.next_id,
                guild + n
            ))
            .collect();
        let roles: Vec<String> = (0..10)
            .map(|n| {
                let tags = if n == 9 { format!(r#"{{"bot_id":"{BOT}"}}"#) } else { "{}".to_owned() };
                format!(
                    r#"{{"version":1700000000000,"unicode_emoji":null,"tags":{tags},"position":{n},"permissions":"2248473465835073","name":"role-{n}","mentionable":false,"managed":{},"id":"{}","icon":null,"hoist":false,"flags":0,"color":0}}"#,
                    n == 9,
                    guild + 90 + n
                )
            })
            .collect();
        format!(
            r#"{{"id":"{guild}","name":"Server {guild}","owner_id":"{BOT}","member_count":412,"large":false,"unavailable":false,"joined_at":"2024-02-11T09:24:31.250000+00:00","features":[],"members":[],"presences":[],"voice_states":[],"emojis":[],"stickers":[],"channels":[{}],"roles":[{}],"threads":[]}}"#,
            channels.join(","),
            roles.join(",")
        )
    }
}

/// The id of one of many servers.
pub(crate) fn guild_id(number: u64) -> u64 {
    900_000_000_000_000_000 + number * (1 << 22)
}

/// A dispatch frame.
pub(crate) fn dispatch(event: &str, seq: u64, data: &str) -> String {
    let mut text = String::with_capacity(data.len() + event.len() + 48);
    write!(text, "{{\"t\":\"{event}\",\"s\":{seq},\"op\":0,\"d\":").expect("a String takes everything");
    text.push_str(data);
    text.push('}');
    text
}
