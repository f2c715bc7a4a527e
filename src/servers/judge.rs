//! From facts to findings: pure.

use super::findings::{Finding, Place};
use super::sight::{Outcome, Sight};
use super::{Ears, needs};
use crate::discord::{Facts, GuildChannel, Own, code};
use crate::settings::{Access, GuildSettings, ResponseMode};
use crate::store::{Ailing, Ailment, GuildSession, Refusal, RefusalKind, SessionNotice, Trouble, TroubleKind};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use twilight_model::guild::Permissions;
use twilight_model::id::{
    Id,
    marker::{ChannelMarker, GenericMarker},
};
use url::Url;

/// Channels and sources that are named; of the others there is the number.
const NAMED: usize = 20;

/// Characters of a name. Discord's have at most 100.
const NAME_CHARS: usize = 100;

/// A worker gives a sign of life each second. One that gave none for so long is gone, whatever the clocks say.
const SILENT_FOR: SignedDuration = SignedDuration::from_secs(60);

/// A refusal in a channel that is not on the list, as a thread's, or by AWS or a mail server cannot be seen to be mended: it is
/// told for so long.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Of every hundred messages of a month, those after which it is near its end.
const NEAR_PERCENT: u64 = 80;

/// Discord's codes for what permissions mend. [Discord Docs/Opcodes and Status Codes: JSON]
const MISSING_ACCESS: u64 = 50_001;
const MISSING_PERMISSIONS: u64 = 50_013;

/// What is known of a server.
pub(super) struct Material<'a> {
    pub(super) settings: &'a GuildSettings,
    pub(super) sight: &'a Sight,
    /// The application, as far as Discord says it now.
    pub(super) own: Option<&'a Own>,
    /// None where there is no bot.
    pub(super) session: Option<&'a GuildSession>,
    pub(super) ears: Ears,
    /// Which revision a custom bot has.
    pub(super) revision: Option<&'a str>,
    pub(super) troubles: &'a [Trouble],
    /// Whether Discord has the commands of this program.
    pub(super) has_commands: bool,
    pub(super) now: Timestamp,
}

/// What is known of an account.
pub(super) struct AccountMaterial<'a> {
    pub(super) used: u32,
    pub(super) limit: u32,
    pub(super) has_model: bool,
    pub(super) has_embeddings: bool,
    /// Sources that answer.
    pub(super) sources: u32,
    /// Titles of those that could not be read.
    pub(super) failed: &'a [String],
    pub(super) ailments: &'a [Ailing],
    pub(super) refusals: &'a [Refusal],
    pub(super) now: Timestamp,
}

/// Every check of a server, in the order in which they are worth mending.
pub(super) fn server(about: &Material<'_>) -> Vec<Finding> {
    let discord = match about.sight.outcome {
        Outcome::Now | Outcome::NotInServer => Finding::DiscordAnswers,
        Outcome::NoAnswer => Finding::DiscordSilent,
        Outcome::TokenRefused => Finding::DiscordTokenRefused,
        Outcome::NoBot => return vec![Finding::DiscordNoBot],
    };
    let membership = match about.sight.outcome {
        Outcome::Now => Finding::MemberYes,
        Outcome::NotInServer => Finding::MemberNo,
        Outcome::NoAnswer | Outcome::TokenRefused | Outcome::NoBot => Finding::MemberUnknown,
    };
    let gateway = gateway(about);
    let interactions = interactions(about, &gateway);
    // What channels allow is of no use to somebody whose bot is gone.
    let facts = about.sight.facts.as_deref().filter(|_| membership != Finding::MemberNo);
    let commands = if about.has_commands { Finding::CommandsThere } else { Finding::CommandsMissing };
    vec![
        discord,
        membership,
        gateway,
        content(about),
        permissions(about.settings, facts),
        answers(about, facts),
        stale(about.settings, facts),
        commands,
        interactions,
    ]
}

/// Every check of an account.
pub(super) fn account(about: &AccountMaterial<'_>) -> Vec<Finding> {
    let AccountMaterial { used, limit, .. } = *about;
    let quota = if used >= limit {
        Finding::QuotaUsedUp { limit }
    } else if u64::from(used) * 100 >= u64::from(limit) * NEAR_PERCENT {
        Finding::QuotaNear { used, limit }
    } else {
        Finding::QuotaLeft { used, limit }
    };
    let fails = |kind| about.ailments.iter().any(|ailing| ailing.kind == kind);
    let model = match about.has_model {
        false => Finding::ModelNone,
        true if fails(Ailment::Model) => Finding::ModelFails,
        true => Finding::ModelAnswers,
    };
    let embeddings = match about.has_embeddings {
        false => Finding::EmbeddingsNone,
        true if fails(Ailment::Embeddings) => Finding::EmbeddingsFail,
        true => Finding::EmbeddingsAnswer,
    };
    let is_refused = |kind| {
        let of_late = |refusal: &&Refusal| about.now.duration_since(refusal.last) < TOLD_FOR;
        about.refusals.iter().filter(of_late).any(|refusal| refusal.kind == kind)
    };
    let mail = if is_refused(RefusalKind::Mail) { Finding::MailRefused } else { Finding::MailTaken };
    let key = if is_refused(RefusalKind::Key) { Finding::KeyRefused } else { Finding::KeyServes };
    vec![quota, model, embeddings, sources(about.sources, about.failed), mail, key]
}

fn sources(ready: u32, failed: &[String]) -> Finding {
    if !failed.is_empty() {
        let titles = failed.iter().take(NAMED).map(|title| plain(title)).collect();
        return Finding::SourcesFailed { titles, count: failed.len() };
    }
    match ready {
        0 => Finding::SourcesNone,
        count => Finding::SourcesReady { count: count as usize },
    }
}

/// That a session is stopped, if that still counts: what Discord thought of an older token does not.
fn stopped(about: &Material<'_>) -> Option<Finding> {
    let state = &about.session?.lease.as_ref()?.state;
    let revision = state.stopped.as_ref()?;
    let is_current = about.revision.is_none_or(|current| current == revision);
    is_current.then_some(Finding::GatewayStopped { notice: state.notice })
}

fn gateway(about: &Material<'_>) -> Finding {
    let has_endpoint = about.own.is_some_and(|own| own.interactions_endpoint_url.is_some());
    if about.settings.response_mode == ResponseMode::Command && has_endpoint {
        return Finding::GatewayNotNeeded;
    }
    let Some(GuildSession { lease: Some(lease), alive_at }) = about.session.filter(|_| about.ears != Ears::Nobody)
    else {
        return Finding::GatewayNone;
    };
    if let Some(stopped) = stopped(about) {
        return stopped;
    }
    let is_fresh = |at: Timestamp| about.now.duration_since(at) <= SILENT_FOR;
    let is_kept = lease.owner.is_some() && (about.ears == Ears::Own || alive_at.is_some_and(is_fresh));
    match is_kept {
        false => Finding::GatewayLost,
        true if !lease.state.ready => Finding::GatewayConnecting,
        true => Finding::GatewayConnected,
    }
}

/// Mentions and replies carry their content without the intent. [Discord Docs/Gateway: Message Content Intent]
fn content(about: &Material<'_>) -> Finding {
    if !matches!(about.settings.response_mode, ResponseMode::AllMessages { .. }) {
        return Finding::ContentNotNeeded;
    }
    let state = about.session.and_then(|session| session.lease.as_ref()).map(|lease| &lease.state);
    let is_refused =
        state.is_some_and(|state| state.content_refused || state.notice == Some(SessionNotice::ContentRefused));
    match about.own {
        Some(own) if !own.may_read_content() => Finding::ContentRefused,
        _ if is_refused => Finding::ContentRefused,
        Some(_) => Finding::ContentRead,
        None => Finding::ContentUnknown,
    }
}

fn interactions(about: &Material<'_>, gateway: &Finding) -> Finding {
    let Some(own) = about.own else { return Finding::InteractionsUnknown };
    match &own.interactions_endpoint_url {
        Some(url) => {
            let host = Url::parse(url).ok().and_then(|url| url.host_str().map(plain));
            Finding::InteractionsByEndpoint { host: host.unwrap_or_default() }
        }
        None if matches!(gateway, Finding::GatewayConnected | Finding::GatewayConnecting) => {
            Finding::InteractionsByGateway
        }
        None => Finding::InteractionsLost,
    }
}

/// Where the bot should answer and may not. Of channels that nobody has listed, only those count in which everybody may
/// write: what is hidden from everybody, or only to be read, is so on purpose.
fn permissions(settings: &GuildSettings, facts: Option<&Facts>) -> Finding {
    if settings.response_mode == ResponseMode::Command {
        return Finding::PermissionsNotNeeded;
    }
    let Some(facts) = facts else { return Finding::PermissionsUnknown };
    let (mut places, mut able, mut is_grave) = (Vec::new(), 0, false);
    let talks = facts.channels.iter().filter(|channel| needs::is_for_talk(channel.kind));
    for channel in talks.filter(|channel| settings.channels.lets_in(&[channel.id.cast()])) {
        let needed = needs::in_channel(settings, channel.kind);
        let missing = needed.difference(facts.bot_may(channel));
        let lacks_essentials = missing.intersects(needs::essential(needed));
        able += usize::from(!lacks_essentials);
        let is_listed = settings.channels.allow.contains(&channel.id.cast());
        let writes = Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES;
        if missing.is_empty() || !(is_listed || facts.everyone_may(channel).contains(writes)) {
            continue;
        }
        is_grave |= is_listed && lacks_essentials;
        places.push(place(channel, missing));
    }
    match places.len() {
        _ if able == 0 => Finding::PermissionsNowhere,
        0 => Finding::PermissionsFine { channels: able },
        count => {
            places.truncate(NAMED);
            Finding::PermissionsMissing { places, count, is_grave }
        }
    }
}

/// What answers have met, and is not mended as far as can be seen.
fn answers(about: &Material<'_>, facts: Option<&Facts>) -> Finding {
    let of = |kind: TroubleKind| {
        let going_on = about.troubles.iter().filter(|trouble| trouble.kind == kind && goes_on(about, facts, trouble));
        let places: Vec<Place> = going_on
            .map(|trouble| {
                let channel = facts.and_then(|facts| facts.channel(trouble.channel));
                let name = channel.map(|channel| plain(&channel.name));
                Place { channel: trouble.channel, name, missing: Permissions::empty() }
            })
            .collect();
        let count = places.len();
        (places.into_iter().take(NAMED).collect::<Vec<_>>(), count)
    };
    match (of(TroubleKind::Post), of(TroubleKind::StartThread)) {
        ((_, 0), (_, 0)) => Finding::AnswersTaken,
        ((_, 0), (places, count)) => Finding::ThreadsRefused { places, count },
        ((places, count), _) => Finding::AnswersRefused { places, count },
    }
}

fn goes_on(about: &Material<'_>, facts: Option<&Facts>, trouble: &Trouble) -> bool {
    let is_recent = about.now.duration_since(trouble.last) < TOLD_FOR;
    if trouble.code == code::UNKNOWN_CHANNEL {
        return false;
    }
    if trouble.kind == TroubleKind::StartThread && !about.settings.answer_in_thread {
        return false;
    }
    let Some(facts) = facts else { return is_recent };
    let Some(channel) = facts.channel(trouble.channel) else { return is_recent };
    let needed = match trouble.kind {
        TroubleKind::Post => needs::essential(needs::in_channel(about.settings, channel.kind)),
        TroubleKind::StartThread => Permissions::VIEW_CHANNEL | Permissions::CREATE_PUBLIC_THREADS,
    };
    match trouble.code {
        MISSING_ACCESS | MISSING_PERMISSIONS => !facts.bot_may(channel).contains(needed),
        _ => is_recent,
    }
}

/// What the lists name and is not there any more. Threads are on no list of channels: their ids may stand among ours.
fn stale(settings: &GuildSettings, facts: Option<&Facts>) -> Finding {
    let GuildSettings { channels, roles, .. } = settings;
    if channels.is_open() && roles.is_open() {
        return Finding::SettingsFine;
    }
    let Some(facts) = facts else { return Finding::SettingsUnknown };
    let there: HashSet<Id<GenericMarker>> = facts.channels.iter().map(|channel| channel.id.cast()).collect();
    let channels = gone(channels, &there);
    let there: HashSet<Id<GenericMarker>> = facts.roles.iter().map(|role| role.id.cast()).collect();
    match (channels, gone(roles, &there)) {
        (0, 0) => Finding::SettingsFine,
        (channels, roles) => Finding::SettingsStale { channels, roles },
    }
}

fn gone(list: &Access, there: &HashSet<Id<GenericMarker>>) -> usize {
    list.allow.union(&list.deny).filter(|id| !there.contains(id)).count()
}

fn place(channel: &GuildChannel, missing: Permissions) -> Place {
    let id: Id<ChannelMarker> = channel.id;
    Place { channel: id, name: Some(plain(&channel.name)), missing }
}

/// A name of somebody else's in one line, read from left to right.
fn plain(name: &str) -> String {
    let is_plain = |c: &char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.chars().filter(is_plain).take(NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::super::findings::Status;
    use super::*;
    use crate::sentences::Lang;
    use crate::store::{Lease, SessionKey, SessionState};
    use serde_json::json;

    const NOW: &str = "2026-11-24T10:00:00Z";

    fn own(endpoint: Option<&str>, flags: u64) -> Own {
        let own = json!({"id": "5", "verify_key": "", "flags": flags, "interactions_endpoint_url": endpoint});
        serde_json::from_value(own).unwrap()
    }

    fn session(state: SessionState, silent: Option<i64>) -> GuildSession {
        let key = SessionKey { application: Id::new(5), total: 1, generation: 0, shard: 0 };
        let now: Timestamp = NOW.parse().unwrap();
        GuildSession {
            lease: Some(Lease { key, owner: Some("worker".to_owned()), fence: 1, state }),
            alive_at: silent.map(|seconds| now - SignedDuration::from_secs(seconds)),
        }
    }

    fn found(settings: &GuildSettings, own: Option<&Own>, session: Option<&GuildSession>, ears: Ears) -> Vec<Finding> {
        let sight = Sight { outcome: Outcome::NoAnswer, facts: None, at: None };
        server(&Material {
            settings,
            sight: &sight,
            own,
            session,
            ears,
            revision: Some("2"),
            troubles: &[],
            has_commands: true,
            now: NOW.parse().unwrap(),
        })
    }

    #[test]
    fn a_worker_that_is_silent_hears_nothing() {
        let settings = GuildSettings::default();
        let ready = || SessionState { ready: true, ..SessionState::default() };
        let own = own(None, 0);
        let of = |session: &GuildSession, ears| found(&settings, Some(&own), Some(session), ears);
        let hears = |findings: &[Finding], gateway: &Finding, commands: &Finding| {
            assert!(findings.contains(gateway) && findings.contains(commands), "{findings:?}");
        };
        let (lost, by_gateway) = (Finding::InteractionsLost, Finding::InteractionsByGateway);
        hears(&of(&session(ready(), Some(2)), Ears::Workers), &Finding::GatewayConnected, &by_gateway);
        hears(&of(&session(SessionState::default(), Some(2)), Ears::Workers), &Finding::GatewayConnecting, &by_gateway);
        hears(&of(&session(ready(), Some(61)), Ears::Workers), &Finding::GatewayLost, &lost);
        hears(&of(&session(ready(), None), Ears::Workers), &Finding::GatewayLost, &lost);
        hears(&of(&session(ready(), None), Ears::Own), &Finding::GatewayConnected, &by_gateway);
        hears(&of(&session(ready(), None), Ears::Nobody), &Finding::GatewayNone, &lost);
        hears(&found(&settings, Some(&own), None, Ears::Workers), &Finding::GatewayNone, &lost);
    }

    #[test]
    fn what_discord_thought_of_an_older_token_is_not_told() {
        let stopped = |revision: &str| SessionState {
            ready: true,
            stopped: Some(revision.to_owned()),
            notice: Some(SessionNotice::TokenRefused),
            ..SessionState::default()
        };
        let settings = GuildSettings::default();
        let of = |revision| found(&settings, None, Some(&session(stopped(revision), Some(1))), Ears::Workers);
        assert!(of("2").contains(&Finding::GatewayStopped { notice: Some(SessionNotice::TokenRefused) }));
        assert!(of("1").contains(&Finding::GatewayConnected));
    }

    #[test]
    fn content_is_needed_where_everything_is_read() {
        let all = ResponseMode::AllMessages { smart: true, channel_context: false };
        let all = GuildSettings { response_mode: all, ..GuildSettings::default() };
        let refused = SessionState { content_refused: true, ready: true, ..SessionState::default() };
        let (refused, heard) = (session(refused, Some(1)), session(SessionState::default(), Some(1)));
        let content =
            |settings, own: Option<&Own>, session| found(settings, own, Some(session), Ears::Workers)[3].clone();
        assert_eq!(content(&all, Some(&own(None, 1 << 18)), &heard), Finding::ContentRead);
        assert_eq!(content(&all, Some(&own(None, 1 << 18)), &refused), Finding::ContentRefused);
        assert_eq!(content(&all, Some(&own(None, 0)), &heard), Finding::ContentRefused);
        assert_eq!(content(&all, None, &heard), Finding::ContentUnknown);
        assert_eq!(content(&GuildSettings::default(), None, &refused), Finding::ContentNotNeeded);
    }

    const MATERIAL: AccountMaterial<'_> = AccountMaterial {
        used: 0,
        limit: 2_500,
        has_model: true,
        has_embeddings: true,
        sources: 0,
        failed: &[],
        ailments: &[],
        refusals: &[],
        now: Timestamp::UNIX_EPOCH,
    };

    #[test]
    fn what_aws_refuses_is_told_for_a_day_with_its_remedy() {
        let refusal = |kind| Refusal { kind, reason: String::new(), count: 1, last: Timestamp::UNIX_EPOCH };
        let refusals = [refusal(RefusalKind::Mail), refusal(RefusalKind::Key)];
        let told = |refusals, now| account(&AccountMaterial { refusals, now, ..MATERIAL })[4..].to_vec();
        assert_eq!(told(&[], Timestamp::UNIX_EPOCH), [Finding::MailTaken, Finding::KeyServes]);
        assert_eq!(told(&refusals[..1], Timestamp::UNIX_EPOCH), [Finding::MailRefused, Finding::KeyServes]);
        let refused = [Finding::MailRefused, Finding::KeyRefused];
        assert_eq!(told(&refusals, Timestamp::UNIX_EPOCH), refused);
        assert!(refused.iter().all(|finding| finding.mend(Lang::Fr).is_some()));
        assert_eq!(told(&refusals, Timestamp::UNIX_EPOCH + TOLD_FOR), [Finding::MailTaken, Finding::KeyServes]);
    }

    #[test]
    fn a_month_that_nears_its_end_is_told() {
        let quota = |used| account(&AccountMaterial { used, ..MATERIAL })[0].clone();
        let left = [0, 1_999, 2_000, 2_499, 2_500].map(|used| quota(used).status());
        assert_eq!(left, [Status::Ok, Status::Ok, Status::Warning, Status::Warning, Status::Problem]);
    }

    #[test]
    fn nothing_bad_is_left_without_a_remedy() {
        let settings = GuildSettings::default();
        let findings = found(&settings, None, None, Ears::Nobody);
        for finding in findings.iter().chain([&Finding::DiscordNoBot]) {
            for &lang in Lang::ALL {
                assert!(!finding.found(lang).is_empty());
                assert_eq!(finding.mend(lang).is_none(), finding.status() == Status::Ok, "{finding:?}");
            }
        }
    }

    #[test]
    fn names_are_in_one_line() {
        assert_eq!(plain("a\u{202e}b\nc"), "abc");
        assert_eq!(plain(&"é".repeat(200)).chars().count(), NAME_CHARS);
    }
}
