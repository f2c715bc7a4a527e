//! “is typing…” while an answer is being written.

use crate::bot::Bot;
use crate::discord::DiscordError;
use crate::question::{Heard, Question, ReplyTo};
use std::pin::pin;
use std::time::Duration;

/// Discord shows it for ten seconds. [Discord Docs/Channel: Trigger Typing Indicator]
const EVERY: Duration = Duration::from_secs(8);

/// An answer that is there sooner needs no sign of its coming, behind which it would wait for its turn.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Does `work` and shows in the question's channel that an answer is coming. Not where it may turn out that nobody asked:
/// then the answer follows so soon that there is nothing to show.
pub(super) async fn meanwhile<T>(bot: &Bot, question: &Question, work: impl Future<Output = T>) -> T {
    let (ReplyTo::Message { application_id, channel_id, .. }, Some(discord)) = (&question.reply_to, &bot.discord)
    else {
        return work.await;
    };
    if question.heard == Heard::InPassingSmart {
        return work.await;
    }
    let mut work = pin!(work);
    if let Ok(done) = tokio::time::timeout(AT_ONCE, &mut work).await {
        return done;
    }
    loop {
        let typing = async {
            let shown = discord.typing(*application_id, *channel_id).await;
            // Who may not type may hardly post: that is found out, and recorded, with the reply.
            if matches!(shown, Err(DiscordError::Refused { .. })) {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(EVERY).await;
        };
        tokio::select! {
            done = &mut work => return done,
            () = typing => {}
        }
    }
}
