//! What a session does out of line: looking things up, and answering interactions.

use crate::judge::{Found, Lookup};
use crate::session::Parts;
use guildhall::interactions::interaction::Interaction;
use guildhall::interactions::{act, decide};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Finds out, however long it takes.
#[expect(clippy::unused_async, reason = "there is nothing to look up yet")]
pub async fn look_up(_parts: Arc<Parts>, lookup: Lookup) -> (Lookup, Found) {
    match lookup {}
}

#[derive(Deserialize)]
struct Frame {
    d: Interaction,
}

/// Does what an interaction asks for, as the webhook does, and tells Discord.
pub async fn interact(parts: Arc<Parts>, frame: String) {
    let Ok(Frame { d: interaction }) = serde_json::from_str(&frame) else {
        parts.metrics.unreadable_frames.inc();
        return;
    };
    let now = Timestamp::now();
    let decision = decide(&interaction, now);
    let Some(response) = act(&parts.bot, decision, interaction.locale(), now).await else { return };
    if let Err(error) = parts.discord.respond(interaction.id, &interaction.token, &response).await {
        tracing::warn!(interaction.id = %interaction.id, error = %error, "an interaction could not be answered");
    }
}
