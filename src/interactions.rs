//! What members ask and click in Discord: the signed webhook. An interaction is verified, decided about, and acted on; the
//! answer itself is written later, by whoever takes the question from the queue.

pub mod commands; // what Discord lists of us
mod decide; // what an interaction means
pub mod interaction; // what Discord sends
mod keys; // what Discord signs it with
mod response; // what it is told at once
mod verified; // whether it is Discord
mod vote; // what people think of an answer

pub use decide::{Decision, decide};
pub use keys::Keys;
pub use verified::{Refusal, Unverified, Verified};

use crate::discord::VoteId;
use crate::job::{Job, Jobs};
use crate::question::{Question, ReplyTo};
use crate::sentences::{self, Lang};
use crate::store::Store;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use twilight_model::id::{Id, marker::GuildMarker};

/// Discord shows “did not respond” after three seconds; what takes this long is answered with an apology instead. The rest
/// is for a cold start and the way back. [Discord Docs/Receiving and Responding: Interaction Callback]
const PATIENCE: Duration = Duration::from_secs(2);

/// What the webhook needs.
#[derive(Debug)]
pub struct Door {
    /// The table, for votes.
    pub store: Store,
    /// The queue, for questions.
    pub jobs: Jobs,
    /// What interactions are signed with.
    pub keys: Keys,
}

/// `POST /discord/webhook/`, with and without the slash.
pub fn router(door: Door) -> Router {
    let door = Arc::new(door);
    Router::new().route("/discord/webhook/", post(handle)).route("/discord/webhook", post(handle)).with_state(door)
}

async fn handle(State(door): State<Arc<Door>>, verified: Verified) -> Result<Json<Value>, Refusal> {
    let interaction = verified.into_inner();
    let now = Timestamp::now();
    let decision = decide(&interaction, now);
    match act(&door.store, &door.jobs, decision, interaction.locale(), now).await {
        Some(response) => Ok(Json(response)),
        None => Err(Refusal::Nonsense("This kind of interaction is unknown.")),
    }
}

/// Does what was decided and says what Discord is told, to a person of this locale; nothing for an unknown kind of interaction.
pub async fn act(store: &Store, jobs: &Jobs, decision: Decision, locale: &str, now: Timestamp) -> Option<Value> {
    let lang = Lang::from_locale(locale);
    match decision {
        Decision::Reply(response) => Some(response),
        Decision::Ask(question) => Some(ask(jobs, question, lang, now).await),
        Decision::Vote { id, voter, guild } => Some(vote(store, &id, voter, guild, lang, now).await),
        Decision::Unknown => None,
    }
}

/// “thinking…” is said once the question survives the death of this process, and not before.
async fn ask(jobs: &Jobs, question: Box<Question>, lang: Lang, now: Timestamp) -> Value {
    let id = question.id;
    let private = matches!(question.reply_to, ReplyTo::Interaction { private: true, .. });
    match tokio::time::timeout(PATIENCE, jobs.send(&Job::Answer(question), now)).await {
        Ok(Ok(())) => response::thinking(private),
        Ok(Err(error)) => {
            tracing::warn!(question.id = %id, error = %error, "a question was not accepted");
            response::only_to_you(sentences::question_not_taken(lang))
        }
        Err(_) => {
            tracing::warn!(question.id = %id, "the queue took too long to accept a question");
            response::only_to_you(sentences::question_not_taken(lang))
        }
    }
}

async fn vote(
    store: &Store,
    id: &VoteId,
    voter: u64,
    guild: Option<Id<GuildMarker>>,
    lang: Lang,
    now: Timestamp,
) -> Value {
    let stored = vote::cast(store, id, voter, guild, now);
    let sentence = match tokio::time::timeout(PATIENCE, stored).await {
        Ok(Ok(())) => sentences::vote_noted(lang),
        Ok(Err(error)) => {
            tracing::warn!(question.id = %id.question, error = format!("{error:#}"), "a vote was not stored");
            sentences::vote_lost(lang)
        }
        Err(_) => {
            tracing::warn!(question.id = %id.question, "the table took too long to store a vote");
            sentences::vote_lost(lang)
        }
    };
    response::only_to_you(sentence)
}
