//! `/knowledge`: what answers are taken from, how far it is, and adding to it.

use super::dress::{HX_REQUEST, page_response};
use super::form::{Field, Sent};
use super::format::{When, number, when};
use super::server::refused;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::{Guest, Visitor};
use crate::bot::Bot;
use crate::dashboard::api::knowledge::{self as api, AddRequest, MAX_DEPTH, address};
use crate::dashboard::api::questions::read_id;
use crate::dashboard::auth::need::{ManageKnowledge, ReadKnowledge};
use crate::dashboard::page::{cursor_at, read_cursor};
use crate::dashboard::problem::Problem;
use crate::knowledge::AddError;
use crate::knowledge::source::{DEFAULT_DEPTH, MAX_PAGES, MAX_TITLE_CHARS, NewSource, Origin, Source, Status, Unfit};
use crate::sentences::pages::Words;
use crate::store::{ListedSources, PartOfList, Position, SourceList};
use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Sources on one page of the list.
const PER_PAGE: usize = 50;

#[derive(Template)]
#[template(path = "knowledge.html")]
struct Page {
    shell: Shell,
    w: Words,
    list: List,
}

#[derive(Template)]
#[template(path = "knowledge_list.html")]
struct ListPart {
    shell: Shell,
    w: Words,
    list: List,
}

/// A part of the list.
struct List {
    /// What was looked for.
    find: String,
    only: Only,
    rows: Vec<SourceRow>,
    /// How many there are, where that is known: all that fit are on this part, or those that answer are counted.
    count: Option<String>,
    /// There are no sources at all.
    is_empty: bool,
    /// Whether something on this part is still being read: then the page asks again.
    is_moving: bool,
    here: String,
    before: Option<String>,
    after: Option<String>,
}

/// Which sources are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Only {
    Failed,
    Reading,
    #[default]
    #[serde(other)]
    All,
}

impl Only {
    fn code(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Failed => "failed",
            Self::Reading => "reading",
        }
    }

    fn list(self) -> SourceList {
        match self {
            Self::All => SourceList::All,
            Self::Failed => SourceList::Failed,
            Self::Reading => SourceList::Reading,
        }
    }
}

/// What is asked of the list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    find: String,
    #[serde(default)]
    only: Only,
    /// The part begins behind the entry that this cursor names.
    #[serde(default)]
    after: String,
    /// The part ends before it.
    #[serde(default)]
    before: String,
}

/// A source in the list.
pub(super) struct SourceRow {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) icon: &'static str,
    pub(super) kind: &'static str,
    pub(super) state: StateView,
    pub(super) passages: String,
    pub(super) passage_count: u32,
    pub(super) read: Option<When>,
}

impl SourceRow {
    pub(super) fn new(w: Words, source: &Source, now: Timestamp) -> Self {
        let (icon, kind) = match source.origin {
            Origin::Text => ("text", w.kind_text()),
            Origin::File { .. } => ("file", w.kind_file()),
            Origin::Page { .. } => ("link", w.kind_page()),
            Origin::Site { .. } => ("globe", w.kind_site()),
        };
        Self {
            id: source.id.to_string(),
            title: source.title.clone(),
            icon,
            kind,
            state: StateView::new(w, source),
            passages: source.ready.as_ref().map(|ready| number(w, ready.passages)).unwrap_or_default(),
            passage_count: source.ready.as_ref().map_or(0, |ready| ready.passages),
            read: source.ready.as_ref().map(|ready| when(w, ready.at, now)),
        }
    }
}

/// How far Guildhall is with a source.
pub(super) struct StateView {
    pub(super) tone: &'static str,
    pub(super) label: &'static str,
    /// Documents read, and known so far.
    pub(super) progress: Option<(u32, u32)>,
    /// Why it could not be read.
    pub(super) reason: Option<String>,
    pub(super) is_moving: bool,
}

impl StateView {
    fn new(w: Words, source: &Source) -> Self {
        let (tone, label) = match source.status {
            Status::Pending => ("quiet", w.state_pending()),
            Status::Indexing { .. } => ("busy", w.state_reading()),
            Status::Ready if source.ready.as_ref().is_some_and(|ready| !ready.skipped.is_empty()) => {
                ("warn", w.state_incomplete())
            }
            Status::Ready => ("ok", w.state_ready()),
            Status::Failed { .. } => ("bad", w.state_failed()),
            Status::Removing => ("quiet", w.state_removing()),
        };
        let progress = match source.status {
            Status::Indexing { done, total } => Some((done.min(total.max(1)), total.max(1))),
            _ => None,
        };
        let reason = match source.status.clone().told_in(w.0) {
            Status::Failed { reason, .. } => Some(reason),
            _ => None,
        };
        Self { tone, label, progress, reason, is_moving: is_moving(&source.status) }
    }
}

fn is_moving(status: &Status) -> bool {
    matches!(status, Status::Pending | Status::Indexing { .. } | Status::Removing)
}

/// The list.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadKnowledge>,
    Query(told): Query<Told>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Knowledge).telling(told.notice());
    let list = listed(&bot, &visitor, shell.w, &wanted).await?;
    Ok(page_response(&Page { w: shell.w, shell, list }))
}

/// The list alone, for a page that watches it.
pub(super) async fn list(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadKnowledge>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Knowledge);
    let list = listed(&bot, &visitor, shell.w, &wanted).await?;
    Ok(page_response(&ListPart { w: shell.w, shell, list }))
}

async fn listed(bot: &Bot, visitor: &Guest, w: Words, wanted: &Wanted) -> Result<List, Problem> {
    let find = wanted.find.trim();
    let (after, before) = (read_cursor(&wanted.after), read_cursor(&wanted.before));
    let is_back = after.is_none() && before.is_some();
    let is_first = after.is_none() && before.is_none();
    let small_letters = find.to_lowercase();
    let part = PartOfList {
        list: wanted.only.list(),
        find: &small_letters,
        after: after.as_ref().or(before.as_ref()),
        newest_first: !is_back,
        limit: PER_PAGE,
    };
    let is_whole_list = wanted.only == Only::All && find.is_empty();
    let index = async { if is_whole_list { bot.store.index(visitor.account()).await } else { Ok(None) } };
    let (found, index) =
        tokio::try_join!(Box::pin(bot.store.listed_sources(visitor.account(), part)), Box::pin(index))?;
    let ListedSources { mut sources, next } = found;
    // Where a part was come to from, there is one.
    let (newer, older) = if is_back {
        sources.reverse();
        let last = sources.last().map(place).or(before);
        (next.and_then(|_| sources.first().map(place)), last)
    } else {
        let first = sources.first().map(place).or(after).filter(|_| !is_first);
        (first, next)
    };
    let now = Timestamp::now();
    let rows: Vec<SourceRow> = sources.iter().map(|source| SourceRow::new(w, source, now)).collect();
    let count = if is_first && older.is_none() {
        Some(w.knowledge_count(rows.len()))
    } else {
        index.map(|index| w.knowledge_answering(index.sources, number(w, index.sources)))
    };
    let address = |beside: &str, cursor: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("find", find), ("only", wanted.only.code()), (beside, cursor)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    };
    let here = if is_back { address("before", &wanted.before) } else { address("after", &wanted.after) };
    Ok(List {
        find: find.to_owned(),
        only: wanted.only,
        count,
        is_empty: is_whole_list && is_first && rows.is_empty() && older.is_none(),
        is_moving: rows.iter().any(|row| row.state.is_moving),
        rows,
        here,
        before: newer.map(|(at, id)| address("before", &cursor_at(at, &id))),
        after: older.map(|(at, id)| address("after", &cursor_at(at, &id))),
    })
}

fn place(source: &Source) -> Position {
    (source.created_at, source.id.0.clone())
}

#[derive(Template)]
#[template(path = "knowledge_add.html")]
struct AddPage {
    shell: Shell,
    w: Words,
    form: AddForm,
    kinds: Vec<(&'static str, &'static str, &'static str, bool)>,
    /// What became of files that were sent without a script.
    files: Vec<FileView>,
    max_pages: String,
}

/// What is to be added, as a form has it.
#[derive(Default)]
struct AddForm {
    kind: Kind,
    title: Field,
    body: Field,
    /// The open question that it answers.
    resolves: String,
    url: Field,
    max_pages: Field,
    max_depth: Field,
}

/// What can be added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Site,
    Page,
    Text,
    Qa,
    #[default]
    #[serde(other)]
    Files,
}

impl Kind {
    fn code(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Site => "site",
            Self::Page => "page",
            Self::Text => "text",
            Self::Qa => "qa",
        }
    }
}

/// Which form is wanted, and what stands in it already.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Adding {
    #[serde(default)]
    kind: Kind,
    /// A question that lacks an answer.
    #[serde(default)]
    question: String,
    /// Its id on the list of those.
    #[serde(default)]
    resolves: String,
}

/// The forms that add something.
pub(super) async fn add_form(visitor: Visitor<ManageKnowledge>, Query(adding): Query<Adding>) -> Response {
    let form = AddForm {
        kind: adding.kind,
        title: Field::of(adding.question.chars().take(MAX_TITLE_CHARS).collect::<String>()),
        resolves: adding.resolves,
        max_pages: Field::of(MAX_PAGES.to_string()),
        max_depth: Field::of(DEFAULT_DEPTH.to_string()),
        ..AddForm::default()
    };
    add_page(Shell::new(&visitor, Here::Knowledge), form, Vec::new())
}

fn add_page(shell: Shell, form: AddForm, files: Vec<FileView>) -> Response {
    let w = shell.w;
    let kind = |kind: Kind, icon, label| (kind.code(), icon, label, kind == form.kind);
    let kinds = vec![
        kind(Kind::Files, "file", w.add_files()),
        kind(Kind::Site, "globe", w.add_site()),
        kind(Kind::Page, "link", w.add_page()),
        kind(Kind::Text, "text", w.add_text()),
        kind(Kind::Qa, "question", w.add_qa()),
    ];
    let max_pages = number(w, MAX_PAGES);
    page_response(&AddPage { shell, w, form, kinds, files, max_pages })
}

/// Adds a text, a question with its answer, a page or a site.
pub(super) async fn add(State(bot): State<Arc<Bot>>, sent: Sent<ManageKnowledge>) -> Result<Response, Problem> {
    let shell = Shell::new(&sent.visitor, Here::Knowledge);
    let w = shell.w;
    let typed = |name: &str| Field::of(sent.field(name));
    let mut form = AddForm {
        kind: match sent.field("kind") {
            "site" => Kind::Site,
            "page" => Kind::Page,
            "qa" => Kind::Qa,
            _ => Kind::Text,
        },
        title: typed("title"),
        body: Field::of(sent.field("body").replace("\r\n", "\n")),
        resolves: sent.field("resolves").to_owned(),
        url: typed("url"),
        max_pages: typed("max_pages"),
        max_depth: typed("max_depth"),
    };
    let Some(request) = form.request(w) else {
        return Ok(refused(add_page(shell, form, Vec::new())));
    };
    let new = NewSource::try_from(request)?;
    match api::take(&bot, &sent.visitor, new).await {
        Ok(_) => {
            if let Some(question) = read_id(&form.resolves) {
                bot.store.close_question(sent.visitor.account(), question).await?;
                return Ok(to_page("/knowledge/questions", Notice::SourceAdded));
            }
            Ok(to_page("/knowledge", Notice::SourceAdded))
        }
        Err(AddError::Refused(unfit)) => {
            form.refuse(w, unfit);
            Ok(refused(add_page(shell, form, Vec::new())))
        }
        Err(error @ AddError::Unavailable(_)) => Err(error.into()),
    }
}

impl AddForm {
    /// What the API would be asked for; none where a field cannot be used, which then says so.
    fn request(&mut self, w: Words) -> Option<AddRequest> {
        let url = self.url.value.trim().to_owned();
        if matches!(self.kind, Kind::Page | Kind::Site) && address(&url).is_err() {
            self.url.error = Some(w.add_no_address().to_owned());
        }
        let whole = |field: &mut Field, most: u32| match field.value.trim().parse::<u32>() {
            Ok(number) if number <= most => number,
            _ => {
                field.error = Some(w.add_bad_number(number(w, most)));
                0
            }
        };
        let (title, body) = (self.title.value.clone(), self.body.value.clone());
        let request = match self.kind {
            Kind::Site => {
                let max_pages = whole(&mut self.max_pages, MAX_PAGES);
                let max_depth = whole(&mut self.max_depth, MAX_DEPTH);
                AddRequest::Site { url, max_pages, max_depth, resolves: None }
            }
            Kind::Page => AddRequest::Page { url, resolves: None },
            Kind::Qa => AddRequest::Qa { question: title, answer: body, resolves: None },
            Kind::Text | Kind::Files => AddRequest::Text { title, body, resolves: None },
        };
        let fields = [&self.url, &self.max_pages, &self.max_depth];
        fields.iter().all(|field| field.error.is_none()).then_some(request)
    }

    fn refuse(&mut self, w: Words, unfit: Unfit) {
        let text = unfit_text(w, unfit);
        let field = match unfit {
            Unfit::Empty if !self.title.value.trim().is_empty() => &mut self.body,
            Unfit::Empty | Unfit::LongTitle | Unfit::NoName | Unfit::LargeFile => &mut self.title,
            Unfit::NotWeb | Unfit::Credentials => &mut self.url,
            Unfit::Pages => &mut self.max_pages,
        };
        field.error = Some(text);
    }
}

/// Why something cannot be added.
fn unfit_text(w: Words, unfit: Unfit) -> String {
    match unfit {
        Unfit::Empty => w.unfit_empty().to_owned(),
        Unfit::LongTitle => w.unfit_long_title(number(w, MAX_TITLE_CHARS as u64)),
        Unfit::NoName => w.unfit_no_name().to_owned(),
        Unfit::LargeFile => w.unfit_large_file().to_owned(),
        Unfit::NotWeb => w.unfit_not_web().to_owned(),
        Unfit::Credentials => w.unfit_credentials().to_owned(),
        Unfit::Pages => w.unfit_pages(number(w, MAX_PAGES)),
    }
}

/// What became of a file.
pub(super) struct FileView {
    pub(super) name: String,
    pub(super) error: Option<String>,
}

#[derive(Template)]
#[template(path = "knowledge_files.html")]
struct FilesPart {
    shell: Shell,
    w: Words,
    files: Vec<FileView>,
}

/// The bound on the form with files, instead of the one on other forms. A script sends each file in a form of its own.
pub(super) fn upload_limit() -> DefaultBodyLimit {
    api::upload_limit()
}

/// Adds files, one after the other, so that no more than one is in memory.
pub(super) async fn add_files(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ManageKnowledge>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let mut form = form?;
    let shell = Shell::new(&visitor, Here::Knowledge);
    let (w, is_part) = (shell.w, headers.contains_key(HX_REQUEST));
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await? {
        if field.name() != Some("file") {
            continue;
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        let content_type = field.content_type().map(str::to_owned);
        let bytes = field.bytes().await?;
        // A browser sends an empty field where no file was chosen.
        if !name.is_empty() || !bytes.is_empty() {
            files.push(add_file(&bot, &visitor, w, name, content_type, bytes).await?);
        }
    }
    if files.is_empty() {
        files.push(FileView { name: String::new(), error: Some(w.add_no_file().to_owned()) });
    }
    let all_taken = files.iter().all(|file| file.error.is_none());
    if is_part {
        let status = if all_taken { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return Ok((status, page_response(&FilesPart { shell, w, files })).into_response());
    }
    if all_taken {
        return Ok(to_page("/knowledge", Notice::SourceAdded));
    }
    Ok(refused(add_page(shell, AddForm::default(), files)))
}

async fn add_file(
    bot: &Bot,
    visitor: &Guest,
    w: Words,
    name: String,
    content_type: Option<String>,
    bytes: Bytes,
) -> Result<FileView, Problem> {
    if bytes.is_empty() {
        return Ok(FileView { name, error: Some(w.unfit_empty_file().to_owned()) });
    }
    let new = NewSource::File { name: name.clone(), content_type, bytes };
    match api::take(bot, visitor, new).await {
        Ok(_) => Ok(FileView { name, error: None }),
        Err(AddError::Refused(unfit)) => Ok(FileView { name, error: Some(unfit_text(w, unfit)) }),
        Err(error @ AddError::Unavailable(_)) => Err(error.into()),
    }
}
