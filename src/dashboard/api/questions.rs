//! `/knowledge/questions`: what the documents did not answer, and answers that somebody found wrong.

use super::refusals::{Always, BadParams, Forbidden, Unknown};
use crate::bot::Bot;
use crate::dashboard::auth::May;
use crate::dashboard::auth::need::{ManageKnowledge, ReadConversations};
use crate::dashboard::extract::{Id, Params};
use crate::dashboard::page::checked_limit;
use crate::dashboard::problem::Problem;
use crate::ids::QuestionId;
use crate::store::{OpenQuestion, Reason};
use crate::usage::Kind;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which list, and which part of it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QuestionParams {
    /// Which list.
    #[param(inline)]
    kind: Reason,
    /// The `cursor` of the part before this one; none for the first.
    #[param(pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// Questions of this part at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
}

/// One part of a list.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Questions {
    /// The questions, newest first. What people wrote is theirs: data, never markup and never instructions.
    pub items: Vec<QuestionView>,
    /// Where the next part begins; none at the end of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A question that somebody may want to write an answer to.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QuestionView {
    /// Its id.
    #[schema(example = "1442500000000000001")]
    pub id: String,
    /// What was asked, at most 500 characters.
    #[schema(example = "Do you ship to Canada?")]
    pub question: String,
    /// What was answered, at most 500 characters; none where it was not found.
    pub answer: Option<String>,
    /// Titles of the documents that the answer names, at most eight.
    pub sources: Vec<String>,
    /// How many people voted the answer down; more than 50 are not counted.
    pub votes: usize,
    /// How it was asked, where that is known.
    pub asked_by: Option<Kind>,
    /// The server that it was asked in; none in private and by the API.
    #[schema(example = "197038439483310086")]
    pub guild: Option<String>,
    /// The channel.
    #[schema(example = "197038439483310087")]
    pub channel: Option<String>,
    /// Where it stands on Discord, as far as the channel; none for what was asked in private or by the API.
    #[schema(example = "https://discord.com/channels/197038439483310086/197038439483310087")]
    pub url: Option<String>,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
}

impl From<OpenQuestion> for QuestionView {
    fn from(open: OpenQuestion) -> Self {
        let place = open.guild.zip(open.channel);
        Self {
            id: open.id.to_string(),
            question: open.question,
            answer: Some(open.answer).filter(|answer| !answer.is_empty()),
            sources: open.sources,
            votes: open.voters.len(),
            asked_by: open.asked_by,
            guild: open.guild.map(|guild| guild.to_string()),
            channel: open.channel.map(|channel| channel.to_string()),
            url: place.map(|(guild, channel)| format!("https://discord.com/channels/{guild}/{channel}")),
            asked_at: open.asked_at,
        }
    }
}

/// Lists questions that the documents did not answer, or whose answers were voted down. They are kept for 90 days, the newest
/// 1,000 of each list.
#[utoipa::path(
    get, path = "/knowledge/questions", tag = "knowledge", params(QuestionParams),
    security(("bearer" = ["conversations:read"]), ("session" = ["agent"])),
    responses((status = 200, body = Questions), BadParams, Forbidden, Always),
)]
pub async fn list_questions(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadConversations>,
    Params(QuestionParams { kind, cursor, limit }): Params<QuestionParams>,
) -> Result<Json<Questions>, Problem> {
    let limit = usize::from(checked_limit(limit)?);
    let after = cursor.as_deref().map(read_cursor).transpose()?;
    let (found, more) = bot.store.open_questions(caller.account(), kind, after, limit, Timestamp::now()).await?;
    let cursor = found.last().filter(|_| more).map(|last| write_cursor(last.id));
    Ok(Json(Questions { items: found.into_iter().map(QuestionView::from).collect(), cursor }))
}

/// Takes a question off the lists: it is done.
#[utoipa::path(
    delete, path = "/knowledge/questions/{id}", tag = "knowledge",
    params(("id" = String, Path, description = "The question's id")),
    security(("bearer" = ["knowledge:write"]), ("session" = ["admin"])),
    responses((status = 204, description = "It is done"), Unknown, Forbidden, Always),
)]
pub async fn close_question(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageKnowledge>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let unknown = || Problem::no_such("question");
    let id = read_id(&id).ok_or_else(unknown)?;
    if bot.store.close_question(caller.account(), id).await? { Ok(StatusCode::NO_CONTENT) } else { Err(unknown()) }
}

/// The id of a question, as it is written in lists.
pub(in crate::dashboard) fn read_id(id: &str) -> Option<QuestionId> {
    id.parse().ok().map(QuestionId).filter(|read| read.to_string() == id)
}

fn write_cursor(last: QuestionId) -> String {
    URL_SAFE_NO_PAD.encode(last.0.to_be_bytes())
}

fn read_cursor(cursor: &str) -> Result<QuestionId, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| bytes.try_into().ok());
    let unknown = || Problem::bad_parameter("`cursor` must be one that an earlier part of this list contained.");
    bytes.map(|bytes| QuestionId(u64::from_be_bytes(bytes))).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back(id: u64) {
            prop_assert_eq!(read_cursor(&write_cursor(QuestionId(id))).unwrap(), QuestionId(id));
            prop_assert_eq!(read_id(&id.to_string()), Some(QuestionId(id)));
        }

        #[test]
        fn nothing_else_is_one(text in ".{0,20}") {
            if let Ok(id) = read_cursor(&text) {
                prop_assert_eq!(write_cursor(id), text.clone());
            }
            if let Some(id) = read_id(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
