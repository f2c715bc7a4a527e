//! The keys of every item. Nothing else builds one.

use super::fleet::SessionKey;
use super::questions::Reason;
use super::source_lists::{Position, SourceList};
use crate::ids::{AccountId, ConversationId, InvitationId, PersonId, QuestionId, SourceId, TokenId};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;
use std::fmt;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, GuildMarker, MessageMarker},
};

/// Name of the partition key.
pub const PK: &str = "pk";
/// Name of the sort key.
pub const SK: &str = "sk";
/// Name of the attribute that ends an item's life, in seconds since 1970.
pub const EXPIRES: &str = "expires";

/// Shares that a month's quota is counted in. One item takes at most 1,000 write units a second and transactions on it
/// wait for each other; sixteen items are sixteen partitions' worth.
pub const USAGE_SHARES: u32 = 16;

/// Prefix of an account's servers.
pub const GUILD: &str = "GUILD#";
/// Prefix of what health checks of an account have found.
pub const HEALTH: &str = "HEALTH#";
/// Prefix of what fails that an account's answers need.
pub const AILMENT: &str = "AILMENT#";
/// Prefix of an account's sources.
pub const SOURCE: &str = "SOURCE#";
/// Prefix of an account's API tokens.
pub const TOKEN: &str = "TOKEN#";
/// Prefix of an account's members.
pub const MEMBER: &str = "MEMBER#";
/// Prefix of an account's invitations.
pub const INVITATION: &str = "INVITATION#";
/// Prefix of who changed what in an account.
pub const AUDIT: &str = "AUDIT#";
/// Prefix of the accounts that a person belongs to.
pub const ACCOUNT_OF_PERSON: &str = "ACCOUNT#";
/// Prefix of a conversation's turns.
pub const TURN: &str = "TURN#";
/// Prefix of a conversation's votes.
pub const VOTE: &str = "VOTE#";
/// Prefix of what a server keeps the bot from doing, by channel.
pub const TROUBLE: &str = "TROUBLE#";
/// Prefix of jobs in the local queue.
pub const JOB: &str = "JOB#";
/// Partition of the local queue.
pub const JOBS: &str = "JOBS";
/// Partition of the changes of servers' settings.
pub const GUILD_CHANGES: &str = "GUILDCHANGES";
/// Partition of the local queue's dead letters.
pub const DEAD_JOBS: &str = "DEADJOBS";

/// Partition of the sessions with Discord's gateway.
pub const SESSIONS: &str = "SESSIONS";
/// Partition of the workers that keep them.
pub const WORKERS: &str = "WORKERS";
/// Partition of how applications are shared out to shards.
pub const SHARD_PLANS: &str = "SHARDPLANS";

/// Partition of the list of accounts.
pub const ACCOUNTS: &str = "ACCOUNTS";
/// Partition of which commands Discord has.
pub const COMMANDS: &str = "COMMANDS";

/// Partition of events that wait to be passed on.
pub const OUTBOX: &str = "OUTBOX";
/// Partition of who is to hear how many more events there were.
pub const DIGESTS: &str = "DIGESTS";

/// Prefix of what is refused to an account.
pub const REFUSAL: &str = "REFUSAL#";

/// Partition of the bots that accounts have brought along.
pub const CUSTOM_BOTS: &str = "CUSTOMBOTS";

/// Partition and sort key of one item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pk: String,
    sk: String,
}

impl Key {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The two attributes.
    pub(super) fn item(self) -> HashMap<String, AttributeValue> {
        HashMap::from([(PK.to_owned(), AttributeValue::S(self.pk)), (SK.to_owned(), AttributeValue::S(self.sk))])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

/// The key of an item; empty where it has none, which the table does not allow.
pub(super) fn of(item: &HashMap<String, AttributeValue>) -> Key {
    let part = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    Key { pk: part(PK), sk: part(SK) }
}

/// The server that a key is of, if it is one's.
pub(super) fn guild_of(key: &Key) -> Option<Id<GuildMarker>> {
    key.pk.strip_prefix(GUILD)?.parse().ok()
}

/// Partition of everything an account owns and lists.
pub fn account_partition(account: &AccountId) -> String {
    format!("ACCOUNT#{account}")
}

/// Partition of a server.
pub fn guild_partition(guild: Id<GuildMarker>) -> String {
    format!("GUILD#{guild}")
}

/// Partition of a person.
pub fn person_partition(person: &PersonId) -> String {
    format!("PERSON#{person}")
}

/// Partition of a conversation.
pub fn conversation_partition(conversation: &ConversationId) -> String {
    format!("CONVERSATION#{conversation}")
}

pub(super) fn account(account: &AccountId) -> Key {
    Key::new(account_partition(account), "ACCOUNT")
}

pub(super) fn guild(guild: Id<GuildMarker>) -> Key {
    Key::new(guild_partition(guild), "SETTINGS")
}

pub(super) fn guild_of_account(account: &AccountId, guild: Id<GuildMarker>) -> Key {
    Key::new(account_partition(account), format!("{GUILD}{guild}"))
}

pub(super) fn former_guild(account: &AccountId, guild: Id<GuildMarker>) -> Key {
    Key::new(account_partition(account), format!("FORMERGUILD#{guild}"))
}

pub(super) fn facts(guild: Id<GuildMarker>) -> Key {
    Key::new(guild_partition(guild), "FACTS")
}

pub(super) fn health(account: &AccountId, guild: Option<Id<GuildMarker>>) -> Key {
    let of = guild.map_or_else(|| "ACCOUNT".to_owned(), |guild| guild.to_string());
    Key::new(account_partition(account), format!("{HEALTH}{of}"))
}

pub(super) fn ailment(account: &AccountId, kind: &str) -> Key {
    Key::new(account_partition(account), format!("{AILMENT}{kind}"))
}

pub(super) fn guild_change(at: Timestamp, guild: Id<GuildMarker>) -> Key {
    Key::new(GUILD_CHANGES, format!("{}#{guild}", guild_change_time(at)))
}

/// How a change's sort key begins.
pub(super) fn guild_change_time(at: Timestamp) -> String {
    millisecond(at)
}

pub(super) fn source(account: &AccountId, source: &SourceId) -> Key {
    Key::new(account_partition(account), format!("{SOURCE}{source}"))
}

/// Partition of an account's lists of sources.
pub(super) fn source_lists_partition(account: &AccountId) -> String {
    format!("SOURCES#{account}")
}

/// How the sort keys of a list of sources begin.
pub(super) fn source_list(list: SourceList) -> String {
    format!("{}#", list.code())
}

/// The entry of a list of sources at this place. Nanoseconds since 1970 have 21 digits up to the year 9999.
pub(super) fn listed_source(account: &AccountId, list: SourceList, (at, id): &Position) -> Key {
    let nanosecond = at.as_nanosecond().max(0);
    Key::new(source_lists_partition(account), format!("{}{nanosecond:021}#{id}", source_list(list)))
}

/// The place that a sort key of [`listed_source`] means.
pub(super) fn position_in_list(list: SourceList, sk: &str) -> Option<Position> {
    let (nanosecond, id) = sk.strip_prefix(&source_list(list))?.split_once('#')?;
    Some((Timestamp::from_nanosecond(nanosecond.parse().ok()?).ok()?, id.to_owned()))
}

/// That all of an account's sources are on its lists.
pub(super) fn sources_are_listed(account: &AccountId) -> Key {
    Key::new(account_partition(account), "SOURCESLISTED")
}

pub(super) fn guide(account: &AccountId) -> Key {
    Key::new(account_partition(account), "GUIDE")
}

pub(super) fn index(account: &AccountId) -> Key {
    Key::new(account_partition(account), "INDEX")
}

pub(super) fn token(hash: &str) -> Key {
    Key::new(format!("TOKEN#{hash}"), "TOKEN")
}

pub(super) fn token_of_account(account: &AccountId, token: &TokenId) -> Key {
    Key::new(account_partition(account), format!("{TOKEN}{token}"))
}

pub(super) fn person(person: &PersonId) -> Key {
    Key::new(person_partition(person), "PERSON")
}

pub(super) fn member(account: &AccountId, person: &PersonId) -> Key {
    Key::new(account_partition(account), format!("{MEMBER}{person}"))
}

pub(super) fn account_of_person(person: &PersonId, account: &AccountId) -> Key {
    Key::new(person_partition(person), format!("{ACCOUNT_OF_PERSON}{account}"))
}

pub(super) fn owners(account: &AccountId) -> Key {
    Key::new(account_partition(account), "OWNERS")
}

pub(super) fn invitation(hash: &str) -> Key {
    Key::new(format!("INVITATION#{hash}"), "INVITATION")
}

pub(super) fn invitation_of_account(account: &AccountId, invitation: &InvitationId) -> Key {
    Key::new(account_partition(account), format!("{INVITATION}{invitation}"))
}

pub(super) fn browser_session(hash: &str) -> Key {
    Key::new(format!("SESSION#{hash}"), "SESSION")
}

pub(super) fn sign_in(state: &str) -> Key {
    Key::new(format!("SIGNIN#{state}"), "SIGNIN")
}

pub(super) fn audit(account: &AccountId, at: Timestamp, id: &str) -> Key {
    Key::new(account_partition(account), audit_at(at, id))
}

/// The sort key of a change that was made at this time.
pub(super) fn audit_at(at: Timestamp, id: &str) -> String {
    format!("{AUDIT}{:014}#{id}", at.as_millisecond().max(0))
}

pub(super) fn usage(account: &AccountId, month: &str, share: u32) -> Key {
    Key::new(format!("USAGE#{account}#{month}#{share:02}"), "USAGE")
}

pub(super) fn claim(question: QuestionId) -> Key {
    Key::new(format!("CLAIM#{question}"), "CLAIM")
}

pub(super) fn fate(message: Id<MessageMarker>) -> Key {
    Key::new(format!("MESSAGE#{message}"), "FATE")
}

pub(super) fn trouble(guild: Id<GuildMarker>, channel: Id<ChannelMarker>) -> Key {
    Key::new(guild_partition(guild), format!("{TROUBLE}{channel}"))
}

pub(super) fn turn(conversation: &ConversationId, question: QuestionId) -> Key {
    Key::new(conversation_partition(conversation), format!("{TURN}{:020}", question.0))
}

pub(super) fn vote(conversation: &ConversationId, question: QuestionId, voter: u64) -> Key {
    Key::new(conversation_partition(conversation), format!("{VOTE}{:020}#{voter}", question.0))
}

pub(super) fn job(id: &str) -> Key {
    Key::new(JOBS, format!("{JOB}{id}"))
}

pub(super) fn dead_job(id: &str) -> Key {
    Key::new(DEAD_JOBS, format!("{JOB}{id}"))
}

pub(super) fn custom_bot(application: Id<ApplicationMarker>) -> Key {
    Key::new(CUSTOM_BOTS, application.to_string())
}

pub(super) fn custom_bot_of_account(account: &AccountId) -> Key {
    Key::new(account_partition(account), "BOT")
}

pub(super) fn session(key: SessionKey) -> Key {
    Key::new(SESSIONS, key.to_string())
}

/// How the sort keys of an application's sessions begin.
pub(super) fn sessions_of(application: Id<ApplicationMarker>) -> String {
    format!("{application}#")
}

pub(super) fn worker(worker: &str) -> Key {
    Key::new(WORKERS, worker)
}

pub(super) fn shard_plan(application: Id<ApplicationMarker>) -> Key {
    Key::new(SHARD_PLANS, application.to_string())
}

pub(super) fn identify(application: Id<ApplicationMarker>, bucket: u32) -> Key {
    Key::new(format!("IDENTIFY#{application}#{bucket}"), "IDENTIFY")
}

pub(super) fn budget(application: Id<ApplicationMarker>) -> Key {
    Key::new(format!("BUDGET#{application}"), "BUDGET")
}

pub(super) fn account_listed(account: &AccountId) -> Key {
    Key::new(ACCOUNTS, account.to_string())
}

pub(super) fn notifications(account: &AccountId) -> Key {
    Key::new(account_partition(account), "NOTIFICATIONS")
}

pub(super) fn event(account: &AccountId, at: Timestamp, id: &str) -> Key {
    Key::new(account_partition(account), event_at(at, id))
}

/// The sort key of an event that happened at this time.
pub(super) fn event_at(at: Timestamp, id: &str) -> String {
    format!("{}#{id}", events_since(at))
}

/// How the sort keys of an account's events begin that happened at this time.
pub(super) fn events_since(at: Timestamp) -> String {
    format!("EVENT#{}", millisecond(at))
}

/// Milliseconds since 1970, all of the same length until the year 5138.
pub(super) fn millisecond(at: Timestamp) -> String {
    format!("{:014}", at.as_millisecond().max(0))
}

pub(super) fn mailed(account: &AccountId, window: Timestamp) -> Key {
    Key::new(account_partition(account), format!("MAILED#{}", millisecond(window)))
}

pub(super) fn digest(window: Timestamp, account: &AccountId) -> Key {
    Key::new(DIGESTS, format!("{}#{account}", millisecond(window)))
}

pub(super) fn waiting_event(event: &str) -> Key {
    Key::new(OUTBOX, event)
}

pub(super) fn refusal(account: &AccountId, kind: &str) -> Key {
    Key::new(account_partition(account), format!("{REFUSAL}{kind}"))
}

pub(super) fn once(what: &str) -> Key {
    Key::new(format!("ONCE#{what}"), "ONCE")
}

pub(super) fn report(account: &AccountId, id: &str) -> Key {
    Key::new(format!("REPORT#{account}#{id}"), "REPORT")
}

/// Partition of the questions that an account may want to look at.
pub(super) fn questions_partition(account: &AccountId) -> String {
    format!("QUESTIONS#{account}")
}

/// How the sort keys of one of their lists begin.
pub(super) fn questions_prefix(reason: Reason) -> &'static str {
    match reason {
        Reason::Unanswered => "UNANSWERED#",
        Reason::Downvoted => "DOWNVOTED#",
    }
}

pub(super) fn open_question(account: &AccountId, reason: Reason, question: QuestionId) -> Key {
    Key::new(questions_partition(account), format!("{}{:020}", questions_prefix(reason), question.0))
}

pub(super) fn commands(application: Id<ApplicationMarker>) -> Key {
    Key::new(COMMANDS, application.to_string())
}

pub(super) fn schedule_place() -> Key {
    Key::new("SCHEDULE", "PLACE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_of_a_list_stand_in_the_order_of_their_places(
            one in (0_i64..253_000_000_000, 0_i32..1_000_000_000, "[a-z0-9#-]{0,8}"),
            other in (0_i64..253_000_000_000, 0_i32..1_000_000_000, "[a-z0-9#-]{0,8}"),
        ) {
            let place = |(second, nano, id): (i64, i32, String)| (Timestamp::new(second, nano).unwrap(), id);
            let (one, other) = (place(one), place(other));
            let key = |place: &Position| listed_source(&AccountId::local(), SourceList::Reading, place).sk;
            prop_assert_eq!(position_in_list(SourceList::Reading, &key(&one)), Some(one.clone()));
            prop_assert_eq!(position_in_list(SourceList::All, &key(&one)), None);
            prop_assert_eq!(key(&one).cmp(&key(&other)), one.cmp(&other));
        }
    }

    /// The chart in `README.md` is checked against the keys that the code really builds.
    #[test]
    fn the_chart_shows_every_key() {
        let account_id = AccountId("<account>".to_owned());
        let conversation = ConversationId("<conversation>".to_owned());
        let guild_id = Id::new(80_351_110_224_678_912);
        let question = QuestionId(41_771_983_423_143_937);
        let keys = [
            ("account", account(&account_id)),
            ("guild settings", guild(guild_id)),
            ("guild of an account", guild_of_account(&account_id, guild_id)),
            ("guild given up", former_guild(&account_id, guild_id)),
            ("facts of a guild", facts(guild_id)),
            ("health of a guild", health(&account_id, Some(guild_id))),
            ("health of an account", health(&account_id, None)),
            ("what fails an account", ailment(&account_id, "<kind>")),
            ("change of a guild", guild_change("2026-11-24T10:00:00Z".parse().unwrap(), guild_id)),
            ("source", source(&account_id, &SourceId("<source>".to_owned()))),
            (
                "source of a list",
                listed_source(&account_id, SourceList::Failed, &(Timestamp::UNIX_EPOCH, "<source>".to_owned())),
            ),
            ("sources are listed", sources_are_listed(&account_id)),
            ("user guide", guide(&account_id)),
            ("knowledge index", index(&account_id)),
            ("API token", token("<sha-256>")),
            ("API token of an account", token_of_account(&account_id, &TokenId("<token>".to_owned()))),
            ("person", person(&PersonId("53908232506183680".to_owned()))),
            ("member", member(&account_id, &PersonId("53908232506183680".to_owned()))),
            ("account of a person", account_of_person(&PersonId("53908232506183680".to_owned()), &account_id)),
            ("owners of an account", owners(&account_id)),
            ("invitation", invitation("<sha-256>")),
            ("invitation of an account", invitation_of_account(&account_id, &InvitationId("<invitation>".to_owned()))),
            ("browser session", browser_session("<sha-256>")),
            ("sign-in under way", sign_in("<sha-256>")),
            ("change by somebody", audit(&account_id, "2026-11-24T10:00:00Z".parse().unwrap(), "<change>")),
            ("usage of a month", usage(&account_id, "2026-11", 7)),
            ("claim", claim(question)),
            ("fate of a message", fate(Id::new(question.0))),
            ("trouble in a channel", trouble(guild_id, Id::new(41_771_983_423_143_938))),
            ("turn", turn(&conversation, question)),
            ("vote", vote(&conversation, question, 53_908_232_506_183_680)),
            ("job", job("<job>")),
            ("dead job", dead_job("<job>")),
            ("custom bot", custom_bot(Id::new(613_425_648_685_547_541))),
            ("custom bot of an account", custom_bot_of_account(&account_id)),
            (
                "gateway session",
                session(SessionKey {
                    application: Id::new(613_425_648_685_547_541),
                    total: 4,
                    generation: 1,
                    shard: 3,
                }),
            ),
            ("gateway worker", worker("<worker>")),
            ("shard plan", shard_plan(Id::new(613_425_648_685_547_541))),
            ("account, listed", account_listed(&account_id)),
            ("notifications", notifications(&account_id)),
            ("event", event(&account_id, "2026-11-24T10:00:00Z".parse().unwrap(), "<event>")),
            ("what was mailed of a window", mailed(&account_id, "2026-11-24T10:00:00Z".parse().unwrap())),
            ("digest that is due", digest("2026-11-24T10:00:00Z".parse().unwrap(), &account_id)),
            ("event that waits", waiting_event("<event>")),
            ("refusal", refusal(&account_id, "<kind>")),
            ("what is done once", once("<what>")),
            ("report of another channel", report(&account_id, "<id>")),
            ("unanswered question", open_question(&account_id, Reason::Unanswered, question)),
            ("downvoted question", open_question(&account_id, Reason::Downvoted, question)),
            ("registered commands", commands(Id::new(613_425_648_685_547_541))),
            ("place of the schedule", schedule_place()),
            ("identify slots", identify(Id::new(613_425_648_685_547_541), 0)),
            ("request budget", budget(Id::new(613_425_648_685_547_541))),
        ];
        let count = keys.len();
        let chart = include_str!("README.md");
        for (item, key) in keys {
            let row = format!("| {item} | `{}` | `{}` |", key.pk, key.sk);
            assert!(chart.contains(&row), "store/README.md lacks this row:\n{row}");
        }
        let rows = chart.lines().filter(|line| line.starts_with("| ") && line.contains("| `")).count();
        assert_eq!(rows, count, "store/README.md has a row that no key builds");
    }
}
