//! `/audit`: who changed what.

use super::refusals::{Always, BadParams, Forbidden};
use crate::bot::Bot;
use crate::dashboard::auth::May;
use crate::dashboard::auth::need::ReadAudit;
use crate::dashboard::extract::Params;
use crate::dashboard::page::{Page, PageParams, cursor_at};
use crate::dashboard::problem::Problem;
use crate::store::{Change, Note, Who};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A change that somebody made.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NoteView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub who: Who,
    /// What was done, as a word for programs.
    #[schema(example = "settings.changed")]
    pub what: String,
    /// What it was done to: an id of Discord's or ours.
    #[schema(example = "197038439483310086")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// The fields that changed; without values where those are long or secret.
    pub changes: Vec<Change>,
}

impl From<Note> for NoteView {
    fn from(note: Note) -> Self {
        Self { at: note.at, who: note.who, what: note.what, on: note.on, changes: note.changes }
    }
}

/// Lists who changed what in the last 400 days, newest first.
#[utoipa::path(
    get, path = "/audit", tag = "account", params(PageParams),
    security(("bearer" = ["audit:read"]), ("session" = ["admin"])),
    responses((status = 200, body = Page<NoteView>), BadParams, Forbidden, Always),
)]
pub async fn list_audit(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadAudit>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<NoteView>>, Problem> {
    let (limit, before) = (params.limit()?, params.after()?);
    let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    // One more than is shown tells whether there is another part.
    let mut notes = bot.store.notes(caller.account(), before, limit + 1).await?;
    let more = notes.len() > usize::from(limit);
    notes.truncate(limit.into());
    let cursor = notes.last().filter(|_| more).map(|last| cursor_at(last.at, &last.id));
    Ok(Json(Page { items: notes.into_iter().map(NoteView::from).collect(), cursor }))
}
