//! What people see in channels and threads.

use std::time::{Duration, Instant};

use super::{FakeDiscord, Member, Seen};

impl FakeDiscord {
    /// The bots' messages that reply to this one, and those in the thread that was started from it, oldest first. Looking at
    /// them counts.
    pub fn replies_to(&self, message_id: u64) -> Vec<Seen> {
        let mut state = self.shared.state();
        let answers = state.messages.values().filter(|message| {
            message.from_bot
                && !message.deleted
                && message.only_for.is_none()
                && (message.reference == Some(message_id) || message.channel_id == message_id)
        });
        let ids: Vec<u64> = answers.map(|message| message.id).collect();
        ids.into_iter().filter_map(|id| state.look_at(id)).collect()
    }

    /// Waits until a bot has replied to this message, in its channel or in a thread from it.
    ///
    /// # Panics
    /// When nothing came within `limit`.
    #[track_caller]
    pub fn wait_for_reply_to(&self, message_id: u64, limit: Duration) -> impl Future<Output = Vec<Seen>> + use<> {
        let caller = std::panic::Location::caller();
        let discord = self.clone();
        async move {
            let changed = std::sync::Arc::clone(&discord.shared.state().changed);
            let wait = async {
                loop {
                    let notified = changed.notified();
                    tokio::pin!(notified);
                    notified.as_mut().enable();
                    let seen = discord.replies_to(message_id);
                    if !seen.is_empty() {
                        return seen;
                    }
                    notified.await;
                }
            };
            let seen = tokio::time::timeout(limit, wait).await;
            seen.unwrap_or_else(|_| panic!("{caller}: nobody replied to {message_id} within {limit:?}"))
        }
    }

    /// Every message of the bots', deleted ones too, in the order in which they were sent: for counting. Looking at them
    /// counts.
    pub fn bot_messages(&self) -> Vec<Seen> {
        let mut state = self.shared.state();
        let mine = state.messages.values().filter(|message| message.from_bot && message.only_for.is_none());
        let ids: Vec<u64> = mine.map(|message| message.id).collect();
        ids.into_iter().filter_map(|id| state.look_at(id)).collect()
    }

    /// When a message was sent, by this process's clock.
    pub fn sent_at(&self, message_id: u64) -> Option<Instant> {
        self.shared.state().messages.get(&message_id).map(|message| message.sent)
    }

    /// The thread that was started from a message, if there is one.
    pub fn thread_of(&self, message_id: u64) -> Option<u64> {
        self.shared.state().channels.contains_key(&message_id).then_some(message_id)
    }

    /// A channel as a person reads it, one paragraph a message: author, whom it replies to, words. Looking at it counts.
    pub fn reads(&self, channel_id: u64) -> String {
        let seen = self.channel(channel_id);
        let line = |message: &Seen| {
            let whom = message.replies_to.and_then(|id| self.message(id));
            let whom = whom.and_then(|message| Some(format!(" → {}", message["author"]["username"].as_str()?)));
            let edited = if message.edited { " (edited)" } else { "" };
            format!("{}{}: {message}{edited}", message.author, whom.unwrap_or_default())
        };
        seen.iter().map(line).collect::<Vec<_>>().join("\n\n")
    }
}

impl Member {
    /// What this person reads in the channel where they are.
    pub fn reads(&self) -> String {
        self.discord.reads(self.channel_id)
    }
}
