//! Which permissions the bot needs for what it is set to do, and no more: pure.

use crate::settings::{GuildSettings, ResponseMode};
use twilight_model::channel::ChannelType;
use twilight_model::guild::Permissions;

/// To hear questions and answer them where they were asked. Replies need the history: they quote what was said before.
/// [Discord Docs/Message: Create Message]
const ANSWER: Permissions = Permissions::VIEW_CHANNEL
    .union(Permissions::SEND_MESSAGES)
    .union(Permissions::SEND_MESSAGES_IN_THREADS)
    .union(Permissions::READ_MESSAGE_HISTORY);

/// What the bot needs in a channel of this kind; nothing where it only answers commands, whose replies need no permission
/// of the bot's. Our messages have no embeds and no files, and whoever votes needs no permission either.
pub fn in_channel(settings: &GuildSettings, kind: ChannelType) -> Permissions {
    if settings.response_mode == ResponseMode::Command {
        return Permissions::empty();
    }
    // Every post of a forum is a thread.
    if is_forum(kind) {
        return ANSWER.difference(Permissions::SEND_MESSAGES);
    }
    if settings.answer_in_thread { ANSWER.union(Permissions::CREATE_PUBLIC_THREADS) } else { ANSWER }
}

/// What the bot is to be given when it is added to a server with these settings.
pub fn for_install(settings: &GuildSettings) -> Permissions {
    in_channel(settings, ChannelType::GuildText)
}

/// Whether people write messages in channels of this kind, and expect answers there.
pub fn is_for_talk(kind: ChannelType) -> bool {
    is_forum(kind) || matches!(kind, ChannelType::GuildText | ChannelType::GuildAnnouncement)
}

fn is_forum(kind: ChannelType) -> bool {
    matches!(kind, ChannelType::GuildForum | ChannelType::GuildMedia)
}

/// Without which of them there is no answer at all.
pub(super) fn essential(needed: Permissions) -> Permissions {
    needed.difference(Permissions::READ_MESSAGE_HISTORY).difference(Permissions::CREATE_PUBLIC_THREADS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_asked_for_than_is_needed() {
        let mut settings = GuildSettings::default();
        assert_eq!(for_install(&settings).bits(), 0x40_0001_0C00);
        settings.answer_in_thread = true;
        assert_eq!(for_install(&settings).bits(), 0x48_0001_0C00);
        assert!(!in_channel(&settings, ChannelType::GuildForum).contains(Permissions::SEND_MESSAGES));
        settings.response_mode = ResponseMode::Command;
        assert!(for_install(&settings).is_empty());
    }
}
