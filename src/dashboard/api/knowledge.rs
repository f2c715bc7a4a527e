//! `/knowledge`: what answers are taken from, and what a search in it finds.

use super::questions::read_id;
use super::refusals::{Always, BadBody, BadParams, Forbidden, Unknown};
use super::servers::lang;
use crate::bot::Bot;
use crate::dashboard::auth::need::{ManageKnowledge, ReadKnowledge};
use crate::dashboard::auth::{self, Caller, May};
use crate::dashboard::extract::{Body, Id, Params};
use crate::dashboard::page::{Page, PageParams, cursor_at};
use crate::dashboard::problem::Problem;
use crate::ids::{QuestionId, SourceId};
use crate::knowledge::source::{DEFAULT_DEPTH, MAX_FILE_BYTES, MAX_PAGES, Missing, NewSource, Origin, Source, Status};
use crate::knowledge::{AddError, Hit};
use crate::question;
use crate::sentences::Lang;
use crate::store::{PartOfList, SourceList};
use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use url::Url;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{OpenApi, RefOr, Schema};

/// What a form adds around its file: boundaries, headers, the name.
const FORM_OVERHEAD_BYTES: usize = 64 * 1024;

/// Links away from the start that may be followed; no site that people can use is deeper.
pub(crate) const MAX_DEPTH: u32 = 100;

/// Passages that a search returns unless told otherwise, and at most.
const DEFAULT_HITS: usize = 5;
const MAX_HITS: usize = 50;

/// Something that the account has added.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SourceView {
    /// Its id.
    #[schema(example = "src-2f6b1c0d9e8a7b6c5d4e")]
    pub id: String,
    /// What lists call it.
    #[schema(example = "handbook.pdf")]
    pub title: String,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// How far Guildhall is with it.
    pub status: Status,
    /// What answers questions now, also while a newer version is being read or after that failed.
    pub ready: Option<ReadyView>,
    /// When it was first added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What of a source answers questions.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReadyView {
    /// Documents in it.
    #[schema(example = 1)]
    pub documents: u32,
    /// Passages in it.
    #[schema(example = 48)]
    pub passages: u32,
    /// What is missing from it, with reasons: pages that could not be read, at most ten of them, or embeddings.
    pub skipped: Vec<String>,
    /// The same for programs; what was written down before there were codes is not among it, and is first in `skipped`.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// When it was indexed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Something to add.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AddRequest {
    /// A text under a title. The same title again replaces it.
    #[schema(example = json!({"kind": "text", "title": "Opening hours", "body": "Monday to Friday, 9:00 to 17:00 UTC."}))]
    Text {
        /// The title.
        #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
        title: String,
        /// The text; may hold Markdown.
        #[schema(min_length = 1, pattern = r"\S")]
        body: String,
        /// The id of a question of `/knowledge/questions` that this answers: it is taken off its list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = "1442500000000000001", pattern = "^(0|[1-9][0-9]{0,19})$")]
        resolves: Option<String>,
    },
    /// A question with the answer to give. The same question again replaces it.
    Qa {
        /// The question, in the words that people use.
        #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
        question: String,
        /// The answer; may hold Markdown.
        #[schema(min_length = 1, pattern = r"\S")]
        answer: String,
        /// The id of a question of `/knowledge/questions` that this answers: it is taken off its list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = "1442500000000000001", pattern = "^(0|[1-9][0-9]{0,19})$")]
        resolves: Option<String>,
    },
    /// One page of the web.
    Page {
        /// Its address.
        #[schema(format = Uri, pattern = "^https?://")]
        url: String,
        /// The id of a question of `/knowledge/questions` that this answers: it is taken off its list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = "1442500000000000001", pattern = "^(0|[1-9][0-9]{0,19})$")]
        resolves: Option<String>,
    },
    /// A site, from its sitemap or by its links.
    Site {
        /// Where it begins; only pages of the same host below this path are read.
        #[schema(format = Uri, pattern = "^https?://")]
        url: String,
        /// At most so many pages.
        #[serde(default = "max_pages")]
        #[schema(minimum = 1, maximum = 2000)]
        max_pages: u32,
        /// At most so many links away from the start.
        #[serde(default = "default_depth")]
        #[schema(minimum = 0, maximum = 100)]
        max_depth: u32,
        /// The id of a question of `/knowledge/questions` that this answers: it is taken off its list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(example = "1442500000000000001", pattern = "^(0|[1-9][0-9]{0,19})$")]
        resolves: Option<String>,
    },
}

/// Says in the description that what may be added has no further fields: as derived, it says so of structs alone.
pub(super) fn close(document: &mut OpenApi) {
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    let Some(RefOr::T(Schema::OneOf(kinds))) = schemas.and_then(|schemas| schemas.get_mut("AddRequest")) else {
        return;
    };
    for kind in &mut kinds.items {
        if let RefOr::T(Schema::Object(kind)) = kind {
            kind.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// A file to add.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub struct FileForm {
    /// The file: Markdown, text, HTML, PDF or DOCX, at most 64 MB.
    #[schema(format = Binary)]
    file: String,
    /// What to call it, with its ending, instead of the file's own name. The same name again replaces it. Must come
    /// before the file.
    #[schema(value_type = String, required = false, example = "handbook/refunds.md", min_length = 1, pattern = r"\S")]
    name: Option<String>,
}

/// What to search for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchParams {
    /// A question, in the words that people use.
    #[param(min_length = 1, max_length = 6000, example = "can I return an opened package")]
    q: String,
    /// Passages at most.
    #[param(minimum = 1, maximum = 50, default = 5)]
    limit: Option<usize>,
}

/// What a search found.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Found {
    /// Passages, best first.
    pub items: Vec<HitView>,
}

/// A passage that may answer.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HitView {
    /// Title of its document.
    #[schema(example = "Refunds")]
    pub title: String,
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// Where a reader can open it; none for uploaded files and texts.
    pub url: Option<String>,
    /// The passage, as Markdown.
    pub text: String,
    /// Id of its source.
    #[schema(example = "src-2f6b1c0d9e8a7b6c5d4e")]
    pub source: String,
    /// How well it fits; comparable within one search only.
    #[schema(example = 7.25)]
    pub score: f32,
}

impl SourceView {
    /// A source, with reasons in this language.
    fn new(source: Source, lang: Lang) -> Self {
        let ready = source.ready.map(|ready| ReadyView {
            documents: ready.documents,
            passages: ready.passages,
            skipped: ready.lacks(lang),
            missing: ready.missing,
            at: ready.at,
        });
        Self {
            id: source.id.0,
            title: source.title,
            origin: source.origin,
            status: source.status.told_in(lang),
            ready,
            created_at: source.created_at,
        }
    }
}

impl From<Hit> for HitView {
    fn from(hit: Hit) -> Self {
        let passage = hit.passage;
        Self {
            title: passage.title,
            headings: passage.headings,
            url: passage.address,
            text: passage.text,
            source: hit.source,
            score: hit.score,
        }
    }
}

impl AddRequest {
    /// The question that it answers; a refusal where that can be none.
    fn resolves(&self) -> Result<Option<QuestionId>, Problem> {
        let (Self::Text { resolves, .. }
        | Self::Qa { resolves, .. }
        | Self::Page { resolves, .. }
        | Self::Site { resolves, .. }) = self;
        resolves.as_deref().map(|id| read_id(id).ok_or_else(no_such_question)).transpose()
    }
}

fn no_such_question() -> Problem {
    Problem::refused("`resolves`: there is no such question on the lists of `/knowledge/questions`.")
}

impl TryFrom<AddRequest> for NewSource {
    type Error = Problem;

    fn try_from(request: AddRequest) -> Result<Self, Problem> {
        Ok(match request {
            AddRequest::Text { title, body, .. } => Self::Text { title, body },
            AddRequest::Qa { question, answer, .. } => Self::Text { title: question, body: answer },
            AddRequest::Page { url, .. } => Self::Page { url: address(&url)? },
            AddRequest::Site { max_depth, .. } if max_depth > MAX_DEPTH => {
                return Err(Problem::refused(format!("`max_depth` must be between 0 and {MAX_DEPTH}.")));
            }
            AddRequest::Site { url, max_pages, max_depth, .. } => {
                Self::Site { url: address(&url)?, max_pages, max_depth }
            }
        })
    }
}

fn max_pages() -> u32 {
    MAX_PAGES
}

fn default_depth() -> u32 {
    DEFAULT_DEPTH
}

/// An address as somebody has typed it.
pub(crate) fn address(url: &str) -> Result<Url, Problem> {
    Url::parse(url).map_err(|error| Problem::refused(format!("`url` is no web address: {error}.")))
}

/// The bound on the form with a file, instead of the one on other bodies.
pub(crate) fn upload_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MAX_FILE_BYTES + FORM_OVERHEAD_BYTES)
}

/// Lists what the account has added.
#[utoipa::path(
    get, path = "/knowledge/sources", tag = "knowledge",
    params(PageParams, ("Accept-Language" = Option<String>, Header, description = "The language of the reasons: `en` or `fr`")),
    security(("bearer" = ["knowledge:read"]), ("session" = ["agent"])),
    responses((status = 200, body = Page<SourceView>), BadParams, Forbidden, Always),
)]
pub async fn list_sources(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadKnowledge>,
    headers: HeaderMap,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<SourceView>>, Problem> {
    let lang = lang(&headers);
    let (limit, after) = (usize::from(params.limit()?), params.after()?);
    let part = PartOfList { list: SourceList::All, find: "", after: after.as_ref(), newest_first: false, limit };
    let found = Box::pin(bot.store.listed_sources(caller.account(), part)).await?;
    let cursor = found.next.map(|(at, id)| cursor_at(at, &id));
    Ok(Json(Page { items: found.sources.into_iter().map(|source| SourceView::new(source, lang)).collect(), cursor }))
}

/// Adds a text, a question with its answer, a page or a site. It is read and indexed soon after.
#[utoipa::path(
    post, path = "/knowledge/sources", tag = "knowledge", request_body = AddRequest,
    security(("bearer" = ["knowledge:write"]), ("session" = ["admin"])),
    responses(
        (status = 201, body = SourceView, headers(("Location" = String, description = "The source's address"))),
        BadBody, Forbidden, Always,
    ),
)]
pub async fn add_source(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageKnowledge>,
    Body(request): Body<AddRequest>,
) -> Result<impl IntoResponse, Problem> {
    let resolves = request.resolves()?;
    if let Some(question) = resolves
        && !bot.store.is_open(caller.account(), question).await?
    {
        return Err(no_such_question());
    }
    let added = add(&bot, &caller, request.try_into()?).await?;
    if let Some(question) = resolves {
        bot.store.close_question(caller.account(), question).await?;
    }
    Ok(added)
}

/// Adds a file. It is read and indexed soon after.
#[utoipa::path(
    post, path = "/knowledge/sources/files", tag = "knowledge",
    request_body(content = FileForm, content_type = "multipart/form-data"),
    security(("bearer" = ["knowledge:write"]), ("session" = ["admin"])),
    responses(
        (status = 201, body = SourceView, headers(("Location" = String, description = "The source's address"))),
        BadBody, Forbidden, Always,
    ),
)]
pub async fn upload_file(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageKnowledge>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<impl IntoResponse, Problem> {
    let file = read_form(form?).await?;
    add(&bot, &caller, file).await
}

/// One source with its status.
#[utoipa::path(
    get, path = "/knowledge/sources/{id}", tag = "knowledge",
    params(
        ("id" = String, Path, description = "The source's id"),
        ("Accept-Language" = Option<String>, Header, description = "The language of the reasons: `en` or `fr`"),
    ),
    security(("bearer" = ["knowledge:read"]), ("session" = ["agent"])),
    responses((status = 200, body = SourceView), Unknown, Forbidden, Always),
)]
pub async fn get_source(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadKnowledge>,
    headers: HeaderMap,
    Id(id): Id,
) -> Result<Json<SourceView>, Problem> {
    let source = bot.store.source(caller.account(), &SourceId(id)).await?;
    source.map(|source| Json(SourceView::new(source, lang(&headers)))).ok_or_else(|| Problem::no_such("source"))
}

/// Removes a source. It has the status `removing` until it is out of the index, and is gone then.
#[utoipa::path(
    delete, path = "/knowledge/sources/{id}", tag = "knowledge",
    params(("id" = String, Path, description = "The source's id")),
    security(("bearer" = ["knowledge:write"]), ("session" = ["admin"])),
    responses((status = 204, description = "It is being taken out"), Unknown, Forbidden, Always),
)]
pub async fn remove_source(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageKnowledge>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    remove(&bot, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a source of the caller's out.
pub(crate) async fn remove(bot: &Bot, caller: &Caller, id: String) -> Result<(), Problem> {
    let found = bot.knowledge.remove(caller.account(), &SourceId(id.clone()), &bot.jobs, Timestamp::now()).await?;
    if !found {
        return Err(Problem::no_such("source"));
    }
    auth::keep_note(bot, &caller.note("source.removed", id, Vec::new(), Timestamp::now())).await;
    Ok(())
}

/// Reads a source again. The old version answers until the new one is whole.
#[utoipa::path(
    post, path = "/knowledge/sources/{id}/refresh", tag = "knowledge",
    params(
        ("id" = String, Path, description = "The source's id"),
        ("Accept-Language" = Option<String>, Header, description = "The language of the reasons: `en` or `fr`"),
    ),
    security(("bearer" = ["knowledge:write"]), ("session" = ["admin"])),
    responses((status = 202, body = SourceView), Unknown, Forbidden, Always),
)]
pub async fn refresh_source(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageKnowledge>,
    headers: HeaderMap,
    Id(id): Id,
) -> Result<(StatusCode, Json<SourceView>), Problem> {
    let source = refresh(&bot, &caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(SourceView::new(source, lang(&headers)))))
}

/// Has a source of the caller's read again.
pub(crate) async fn refresh(bot: &Bot, caller: &Caller, id: String) -> Result<Source, Problem> {
    let source = bot.knowledge.refresh(caller.account(), &SourceId(id), &bot.jobs, Timestamp::now()).await?;
    let source = source.ok_or_else(|| Problem::no_such("source"))?;
    auth::keep_note(bot, &caller.note("source.refreshed", source.id.0.clone(), Vec::new(), Timestamp::now())).await;
    Ok(source)
}

/// Finds the passages that a question would be answered from, without asking the model. It counts nothing.
#[utoipa::path(
    get, path = "/knowledge/search", tag = "knowledge", params(SearchParams),
    security(("bearer" = ["knowledge:read"]), ("session" = ["agent"])),
    responses((status = 200, body = Found), BadParams, Forbidden, Always),
)]
pub async fn search(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadKnowledge>,
    Params(SearchParams { q, limit }): Params<SearchParams>,
) -> Result<Json<Found>, Problem> {
    let limit = limit.unwrap_or(DEFAULT_HITS);
    if !(1..=MAX_HITS).contains(&limit) {
        return Err(Problem::bad_parameter(format!("`limit` must be between 1 and {MAX_HITS}.")));
    }
    if !(1..=question::MAX_CHARS).contains(&q.chars().count()) {
        return Err(Problem::bad_parameter(format!("`q` must have 1 to {} characters.", question::MAX_CHARS)));
    }
    let hits = bot.knowledge.search(caller.account(), &q, None, limit).await?;
    Ok(Json(Found { items: hits.into_iter().map(HitView::from).collect() }))
}

async fn add(bot: &Bot, caller: &Caller, new: NewSource) -> Result<impl IntoResponse + use<>, Problem> {
    let source = take(bot, caller, new).await?;
    let location = format!("{}/knowledge/sources/{}", super::PREFIX, source.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(SourceView::new(source, Lang::En))))
}

/// Takes a source in for the caller.
pub(crate) async fn take(bot: &Bot, caller: &Caller, new: NewSource) -> Result<Source, AddError> {
    let source = bot.knowledge.add(caller.account(), new, &bot.jobs, Timestamp::now()).await?;
    let title = vec![auth::changed("title", None, Some(source.title.clone()))];
    auth::keep_note(bot, &caller.note("source.added", source.id.0.clone(), title, Timestamp::now())).await;
    Ok(source)
}

/// Reads the form of [`FileForm`]: one file, and perhaps a name for it.
async fn read_form(mut form: Multipart) -> Result<NewSource, Problem> {
    let mut name: Option<String> = None;
    let mut file: Option<(Option<String>, Option<String>, Bytes)> = None;
    while let Some(field) = form.next_field().await? {
        match field.name().unwrap_or_default() {
            "file" if file.is_none() => {
                let (own_name, content_type) =
                    (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
                file = Some((own_name, content_type, field.bytes().await?));
            }
            "name" if name.is_none() => name = Some(field.text().await?),
            "file" | "name" => return Err(Problem::refused("The form has a field twice. Send one file at a time.")),
            _ => return Err(Problem::refused("The form may have the fields `file` and `name`, and no others.")),
        }
    }
    let (own_name, content_type, bytes) = file.ok_or_else(|| Problem::refused("The form lacks the field `file`."))?;
    let name = name.or(own_name).ok_or_else(|| Problem::refused("The field `file` lacks a file name."))?;
    Ok(NewSource::File { name, content_type, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_requests_are_understood() {
        for body in [
            r#"{"kind": "text", "title": "Opening hours", "body": "Monday to Friday, 9:00 to 17:00 UTC."}"#,
            r#"{"kind": "qa", "question": "Do you ship to Canada?", "answer": "Yes, within 8 working days."}"#,
            r#"{"kind": "page", "url": "https://docs.example.com/install.html"}"#,
            r#"{"kind": "site", "url": "https://docs.example.com/"}"#,
        ] {
            let request: AddRequest = serde_json::from_str(body).unwrap();
            NewSource::try_from(request).unwrap().check().unwrap();
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (body, named) in [
            (r#"{"kind": "text", "title": "t"}"#, "body"),
            (r#"{"kind": "text", "title": "t", "body": "b", "colour": "red"}"#, "colour"),
            (r#"{"kind": "poem"}"#, "poem"),
            (r#"{"title": "t", "body": "b"}"#, "kind"),
        ] {
            let error = serde_json::from_str::<AddRequest>(body).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        let request = AddRequest::Page { url: "docs.example.com".to_owned(), resolves: None };
        assert!(NewSource::try_from(request).unwrap_err().detail.contains("`url`"));
    }

    #[test]
    fn a_source_is_shown_with_its_kind_beside_its_title() {
        let source = Source {
            id: SourceId("src-1".to_owned()),
            account: crate::ids::AccountId::local(),
            origin: Origin::Page { url: "https://docs.example.com/".parse().unwrap() },
            title: "https://docs.example.com/".to_owned(),
            status: Status::Indexing { done: 1, total: 3 },
            ready: None,
            content: Some("v1".to_owned()),
            revision: "2026-11-24T10:00:00Z".parse().unwrap(),
            original: None,
            created_at: "2026-11-24T10:00:00Z".parse().unwrap(),
        };
        insta::assert_snapshot!(
            serde_json::to_string(&SourceView::new(source, Lang::En)).unwrap(),
            @r#"{"id":"src-1","title":"https://docs.example.com/","kind":"page","url":"https://docs.example.com/","status":{"state":"indexing","done":1,"total":3},"ready":null,"created_at":"2026-11-24T10:00:00Z"}"#
        );
    }
}
