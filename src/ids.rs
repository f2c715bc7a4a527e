//! Identifiers of our own things. Discord's are [`twilight_model::id::Id`].

use jiff::Timestamp;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use twilight_model::id::{
    Id,
    marker::{ChannelMarker, UserMarker},
};

/// The first second of 2015: where Discord's snowflakes begin. [Discord Docs/Reference: Snowflakes]
const DISCORD_EPOCH_MS: u64 = 1_420_070_400_000;

/// Bits below the milliseconds of a snowflake.
const SNOWFLAKE_LOW_BITS: u32 = 22;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A customer: the owner of servers, sources and quota.
    AccountId
}
text_id! {
    /// One source of an account's knowledge base.
    SourceId
}
text_id! {
    /// Whose words are remembered together: one person in one channel, or one session of the API.
    ConversationId
}
text_id! {
    /// An API token's public name; not the secret itself.
    TokenId
}

text_id! {
    /// A person: Discord's id of their user, or `local` for whoever sits at the machine itself.
    PersonId
}
text_id! {
    /// An invitation's public name, for listing and revoking; not the secret in its link.
    InvitationId
}

impl AccountId {
    /// A person's first own one.
    pub fn of(person: &PersonId) -> Self {
        Self(format!("acc-{person}"))
    }

    /// Another one.
    pub fn generate(now: Timestamp) -> Self {
        Self(format!("acc-{}", sortable(now)))
    }

    /// The one account of an installation on a single machine.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// The account of whoever runs an installation on AWS.
    pub fn operator() -> Self {
        Self("operator".to_owned())
    }
}

impl SourceId {
    /// The id of what comes from this place: adding the same page, file or title again means the same source anew.
    pub fn of(kind: &str, place: &str) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(place).finalize();
        Self(format!("src-{}", hex::encode(&digest[..10])))
    }
}

impl TokenId {
    /// A new one.
    pub fn generate(now: Timestamp) -> Self {
        Self(format!("tok-{}", sortable(now)))
    }
}

impl PersonId {
    /// Whoever sits at the machine itself.
    pub fn local() -> Self {
        Self("local".to_owned())
    }
}

impl From<Id<UserMarker>> for PersonId {
    fn from(id: Id<UserMarker>) -> Self {
        Self(id.to_string())
    }
}

impl InvitationId {
    /// A new one.
    pub fn generate(now: Timestamp) -> Self {
        Self(format!("inv-{}", sortable(now)))
    }
}

impl ConversationId {
    /// One person's conversation in one channel.
    pub fn of_person(channel: u64, user: u64) -> Self {
        Self(format!("{channel}-{user}"))
    }

    /// A channel's one conversation of everybody in it.
    pub fn of_channel(channel: u64) -> Self {
        Self(format!("channel-{channel}"))
    }

    /// The channel of Discord that it is in; none for a session of the API.
    pub fn channel(&self) -> Option<Id<ChannelMarker>> {
        let (channel, rest) = self.0.split_once('-')?;
        if channel == "channel" { rest.parse().ok() } else { channel.parse().ok() }
    }

    /// One session of the API; the caller chooses its name within its own account.
    pub fn of_session(account: &AccountId, session: &str) -> Self {
        Self(format!("api-{account}-{session}"))
    }
}

/// A question's id: the interaction's or message's own snowflake, so that every delivery of it has the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(pub u64);

impl QuestionId {
    /// An id for a question that Discord gave none: same layout, so that it sorts by time among the others.
    pub fn generate(now: Timestamp) -> Self {
        let since_epoch = u64::try_from(now.as_millisecond()).unwrap_or(0).saturating_sub(DISCORD_EPOCH_MS);
        let low = rand::rng().random::<u64>() & ((1 << SNOWFLAKE_LOW_BITS) - 1);
        Self((since_epoch << SNOWFLAKE_LOW_BITS) | low)
    }
}

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When Discord made this id, to the millisecond. [Discord Docs/Reference: Snowflakes]
pub fn snowflake_time(id: u64) -> Timestamp {
    let ms = (id >> SNOWFLAKE_LOW_BITS) + DISCORD_EPOCH_MS;
    i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

fn sortable(now: Timestamp) -> String {
    format!("{:011x}{:08x}", now.as_millisecond(), rand::rng().random::<u32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_question_id_sorts_by_time_like_a_snowflake() {
        let early = QuestionId::generate("2026-11-24T10:00:00Z".parse().unwrap());
        let late = QuestionId::generate("2026-11-24T10:00:00.001Z".parse().unwrap());
        assert!(early < late);
        // Discord's own example time: 2026 snowflakes have 19 digits.
        assert_eq!(early.to_string().len(), 19);
        assert_eq!(snowflake_time(late.0), "2026-11-24T10:00:00.001Z".parse().unwrap());
    }

    #[test]
    fn a_conversation_knows_its_channel() {
        let channel = |conversation: ConversationId| conversation.channel().map(Id::get);
        assert_eq!(channel(ConversationId::of_person(3, 4)), Some(3));
        assert_eq!(channel(ConversationId::of_channel(3)), Some(3));
        assert_eq!(channel(ConversationId::of_session(&AccountId::local(), "3-4")), None);
    }

    /// Discord's own example, and the largest number that fits.
    #[test]
    fn a_snowflake_says_when_it_was_made() {
        assert_eq!(snowflake_time(175_928_847_299_117_063), "2016-04-30T11:18:25.796Z".parse().unwrap());
        assert!(snowflake_time(u64::MAX) > snowflake_time(u64::MAX >> 1));
    }
}
