//! Findings in sentences: what was found, and how to mend it.

use super::findings::{Finding, Place};
use crate::sentences::{self, Lang};
use crate::store::SessionNotice;
use twilight_model::guild::Permissions;

/// Channels and titles that a sentence names.
const NAMED: usize = 5;

impl Finding {
    /// What was found: a sentence.
    pub fn found(&self, lang: Lang) -> String {
        match self {
            Self::DiscordAnswers => sentences::found_discord_answers(lang).to_owned(),
            Self::DiscordSilent => sentences::found_discord_silent(lang).to_owned(),
            Self::DiscordTokenRefused => sentences::found_token_refused(lang).to_owned(),
            Self::DiscordNoBot => sentences::found_no_bot(lang).to_owned(),
            Self::MemberYes => sentences::found_member(lang).to_owned(),
            Self::MemberNo => sentences::found_no_member(lang).to_owned(),
            Self::MemberUnknown => sentences::found_member_unknown(lang).to_owned(),
            Self::GatewayConnected => sentences::found_gateway_connected(lang).to_owned(),
            Self::GatewayNotNeeded => sentences::found_gateway_not_needed(lang).to_owned(),
            Self::GatewayConnecting => sentences::found_gateway_connecting(lang).to_owned(),
            Self::GatewayNone | Self::GatewayLost => sentences::found_gateway_lost(lang).to_owned(),
            Self::GatewayStopped { notice } => stopped(*notice, lang).to_owned(),
            Self::ContentRead => sentences::found_content_read(lang).to_owned(),
            Self::ContentNotNeeded => sentences::found_content_not_needed(lang).to_owned(),
            Self::ContentRefused => sentences::found_content_refused(lang).to_owned(),
            Self::ContentUnknown => sentences::found_content_unknown(lang).to_owned(),
            Self::PermissionsFine { channels } => sentences::found_permissions_fine(lang, *channels),
            Self::PermissionsNotNeeded => sentences::found_permissions_not_needed(lang).to_owned(),
            Self::PermissionsMissing { places, count, .. } => {
                sentences::found_permissions_missing(lang, *count, named(places, *count, lang))
            }
            Self::PermissionsNowhere => sentences::found_permissions_nowhere(lang).to_owned(),
            Self::PermissionsUnknown => sentences::found_permissions_unknown(lang).to_owned(),
            Self::AnswersTaken => sentences::found_answers_taken(lang).to_owned(),
            Self::AnswersRefused { places, count } => {
                sentences::found_answers_refused(lang, *count, named(places, *count, lang))
            }
            Self::ThreadsRefused { places, count } => {
                sentences::found_threads_refused(lang, *count, named(places, *count, lang))
            }
            Self::SettingsFine => sentences::found_settings_fine(lang).to_owned(),
            Self::SettingsStale { channels, roles } => sentences::found_settings_stale(lang, *channels, *roles),
            Self::SettingsUnknown => sentences::found_settings_unknown(lang).to_owned(),
            Self::CommandsThere => sentences::found_commands(lang).to_owned(),
            Self::CommandsMissing => sentences::found_no_commands(lang).to_owned(),
            Self::InteractionsByEndpoint { host } => sentences::found_by_endpoint(lang, host.clone()),
            Self::InteractionsByGateway => sentences::found_by_gateway(lang).to_owned(),
            Self::InteractionsLost => sentences::found_interactions_lost(lang).to_owned(),
            Self::InteractionsUnknown => sentences::found_interactions_unknown(lang).to_owned(),
            Self::QuotaLeft { used, limit } => sentences::found_quota_left(lang, *used, *limit),
            Self::QuotaNear { used, limit } => sentences::found_quota_near(lang, *used, *limit),
            Self::QuotaUsedUp { limit } => sentences::found_quota_used_up(lang, *limit),
            Self::ModelAnswers => sentences::found_model(lang).to_owned(),
            Self::ModelNone => sentences::found_no_model(lang).to_owned(),
            Self::ModelFails => sentences::found_model_fails(lang).to_owned(),
            Self::EmbeddingsAnswer => sentences::found_embeddings(lang).to_owned(),
            Self::EmbeddingsNone => sentences::found_no_embeddings(lang).to_owned(),
            Self::EmbeddingsFail => sentences::found_embeddings_fail(lang).to_owned(),
            Self::SourcesReady { count } => sentences::found_sources(lang, *count),
            Self::SourcesNone => sentences::found_no_sources(lang).to_owned(),
            Self::SourcesFailed { titles, count } => {
                let titles = titles.iter().take(NAMED).map(|title| sentences::found_title(lang, title.clone()));
                sentences::found_sources_failed(lang, *count, listed(&titles.collect::<Vec<_>>(), *count, lang))
            }
            Self::MailTaken => sentences::found_mail(lang).to_owned(),
            Self::MailRefused => sentences::found_mail_refused(lang).to_owned(),
            Self::KeyServes => sentences::found_key(lang).to_owned(),
            Self::KeyRefused => sentences::found_key_refused(lang).to_owned(),
        }
    }

    /// How to mend it: a sentence, where there is something to mend.
    pub fn mend(&self, lang: Lang) -> Option<&'static str> {
        Some(match self {
            Self::DiscordSilent
            | Self::MemberUnknown
            | Self::ContentUnknown
            | Self::PermissionsUnknown
            | Self::SettingsUnknown
            | Self::InteractionsUnknown => sentences::mend_by_waiting(lang),
            Self::DiscordTokenRefused | Self::GatewayStopped { notice: None | Some(SessionNotice::TokenRefused) } => {
                sentences::mend_token(lang)
            }
            Self::DiscordNoBot => sentences::mend_no_bot(lang),
            Self::MemberNo => sentences::mend_no_member(lang),
            Self::GatewayConnecting => sentences::mend_gateway_connecting(lang),
            Self::GatewayNone | Self::GatewayLost => sentences::mend_gateway_lost(lang),
            Self::GatewayStopped { notice: Some(SessionNotice::ShardsRefused) } => sentences::mend_shards(lang),
            Self::GatewayStopped { notice: Some(SessionNotice::VersionRefused) } => sentences::mend_version(lang),
            Self::ContentRefused
            | Self::GatewayStopped { notice: Some(SessionNotice::IntentsRefused | SessionNotice::ContentRefused) } => {
                sentences::mend_content(lang)
            }
            Self::PermissionsMissing { .. } | Self::AnswersRefused { .. } => sentences::mend_permissions(lang),
            Self::PermissionsNowhere => sentences::mend_permissions_nowhere(lang),
            Self::ThreadsRefused { .. } => sentences::mend_threads(lang),
            Self::SettingsStale { .. } => sentences::mend_settings(lang),
            Self::CommandsMissing => sentences::mend_commands(lang),
            Self::InteractionsLost => sentences::mend_interactions(lang),
            Self::QuotaNear { .. } | Self::QuotaUsedUp { .. } => sentences::mend_quota(lang),
            Self::ModelNone => sentences::mend_no_model(lang),
            Self::ModelFails => sentences::mend_model(lang),
            Self::EmbeddingsFail => sentences::mend_embeddings(lang),
            Self::SourcesNone => sentences::mend_no_sources(lang),
            Self::SourcesFailed { .. } => sentences::mend_sources(lang),
            Self::MailRefused => sentences::mend_mail(lang),
            Self::KeyRefused => sentences::mend_key(lang),
            Self::DiscordAnswers
            | Self::MemberYes
            | Self::GatewayConnected
            | Self::GatewayNotNeeded
            | Self::ContentRead
            | Self::ContentNotNeeded
            | Self::PermissionsFine { .. }
            | Self::PermissionsNotNeeded
            | Self::AnswersTaken
            | Self::SettingsFine
            | Self::CommandsThere
            | Self::InteractionsByEndpoint { .. }
            | Self::InteractionsByGateway
            | Self::QuotaLeft { .. }
            | Self::ModelAnswers
            | Self::EmbeddingsAnswer
            | Self::EmbeddingsNone
            | Self::SourcesReady { .. }
            | Self::MailTaken
            | Self::KeyServes => return None,
        })
    }
}

fn stopped(notice: Option<SessionNotice>, lang: Lang) -> &'static str {
    match notice {
        None | Some(SessionNotice::TokenRefused) => sentences::found_token_refused(lang),
        Some(SessionNotice::ShardsRefused) => sentences::found_shards_refused(lang),
        Some(SessionNotice::VersionRefused) => sentences::found_version_refused(lang),
        Some(SessionNotice::IntentsRefused | SessionNotice::ContentRefused) => sentences::found_content_refused(lang),
    }
}

/// The first channels, each with what is missing in it, and how many more there are.
fn named(places: &[Place], count: usize, lang: Lang) -> String {
    let names = places.iter().take(NAMED).map(|place| {
        let name =
            place.name.as_ref().map_or_else(|| sentences::found_thread(lang).to_owned(), |name| format!("#{name}"));
        match permissions(place.missing, lang) {
            missing if missing.is_empty() => name,
            missing => format!("{name} ({})", missing.join(", ")),
        }
    });
    listed(&names.collect::<Vec<_>>(), count, lang)
}

fn listed(names: &[String], count: usize, lang: Lang) -> String {
    let more = count.saturating_sub(names.len());
    let names = names.join(", ");
    if more == 0 { names } else { sentences::found_more(lang, names, more) }
}

/// Permissions as Discord's own settings call them.
fn permissions(permissions: Permissions, lang: Lang) -> Vec<&'static str> {
    let names = [
        (Permissions::VIEW_CHANNEL, sentences::permission_view_channel(lang)),
        (Permissions::SEND_MESSAGES, sentences::permission_send_messages(lang)),
        (Permissions::SEND_MESSAGES_IN_THREADS, sentences::permission_send_in_threads(lang)),
        (Permissions::CREATE_PUBLIC_THREADS, sentences::permission_create_threads(lang)),
        (Permissions::READ_MESSAGE_HISTORY, sentences::permission_read_history(lang)),
    ];
    names.into_iter().filter(|(bit, _)| permissions.contains(*bit)).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use twilight_model::id::Id;

    #[test]
    fn channels_are_named_and_the_rest_is_counted() {
        let missing = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
        let place = |number: u64| Place { channel: Id::new(number), name: Some(format!("help-{number}")), missing };
        let finding = |count: u64| Finding::AnswersRefused {
            places: (1..=count).map(place).collect(),
            count: usize::try_from(count).unwrap(),
        };
        insta::assert_snapshot!(finding(1).found(Lang::En), @"Discord refused answers in one channel: #help-1 (View Channel, Read Message History).");
        insta::assert_snapshot!(finding(7).found(Lang::Fr), @"Discord a refusé des réponses dans 7 salons : #help-1 (Voir le salon, Voir les anciens messages), #help-2 (Voir le salon, Voir les anciens messages), #help-3 (Voir le salon, Voir les anciens messages), #help-4 (Voir le salon, Voir les anciens messages), #help-5 (Voir le salon, Voir les anciens messages) et 2 de plus.");
    }
}
