//! `guildhall knowledge`.

mod add;
mod find;
mod progress;

use super::output::{complain, count, harmless, say, table};
use crate::cli::KnowledgeCommand;
use crate::client::{CallError, Client};
use anyhow::Result;
use guildhall::dashboard::api::knowledge::{HitView, SourceView};
use guildhall::knowledge::source::{Origin, Status};
use jiff::Timestamp;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long a removal is waited for: it stands behind at most one build of the index.
const REMOVED_WITHIN: Duration = Duration::from_mins(2);

/// How often the server is asked whether a source is gone.
const ASK_EVERY: Duration = Duration::from_millis(200);

pub(super) async fn run(command: KnowledgeCommand, client: &Client) -> Result<ExitCode> {
    match command {
        KnowledgeCommand::Add(args) => return add::run(&args, client).await,
        KnowledgeCommand::Remove { ids } => return remove(&ids, client).await,
        KnowledgeCommand::List => say(&listed(&client.sources().await?))?,
        KnowledgeCommand::Search { question, limit } => {
            let found = client.search(&question, limit).await?.items;
            say(&if found.is_empty() { "Nothing was found.".to_owned() } else { hits(&found) })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn remove(ids: &[String], client: &Client) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    let mut accepted = Vec::new();
    for id in ids {
        match client.remove(id).await {
            Ok(()) => accepted.push(id),
            Err(CallError::Refused(reason)) => {
                complain(&format!("{id}: {reason}"))?;
                code = ExitCode::FAILURE;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let asked = Instant::now();
    while !accepted.is_empty() {
        let sources = client.sources().await?;
        // One that is there in another state was added again meanwhile.
        let is_leaving = |id: &str| sources.iter().any(|source| source.id == id && source.status == Status::Removing);
        for id in accepted.extract_if(.., |id| !is_leaving(id)) {
            say(&format!("{id} is removed."))?;
        }
        if !accepted.is_empty() && asked.elapsed() > REMOVED_WITHIN {
            for id in accepted.drain(..) {
                complain(&format!("{id} is still being removed; `guildhall knowledge list` shows when it is gone."))?;
            }
            code = ExitCode::FAILURE;
        }
        if !accepted.is_empty() {
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
    Ok(code)
}

fn listed(sources: &[SourceView]) -> String {
    if sources.is_empty() {
        return "There are no sources yet. Add some with `guildhall knowledge add PATH|URL`.".to_owned();
    }
    let rows: Vec<_> = sources
        .iter()
        .map(|source| {
            let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
            [
                source.id.clone(),
                kind(&source.origin).to_owned(),
                state(&source.status),
                number(source.ready.as_ref().map(|ready| ready.documents)),
                number(source.ready.as_ref().map(|ready| ready.passages)),
                source.ready.as_ref().map(|ready| time(ready.at)).unwrap_or_default(),
                source.title.clone(),
                remark(source),
            ]
        })
        .collect();
    table(["id", "kind", "state", "documents", "passages", "indexed (UTC)", "title", "reason"], &rows)
}

fn kind(origin: &Origin) -> &'static str {
    match origin {
        Origin::Text => "text",
        Origin::File { .. } => "file",
        Origin::Page { .. } => "page",
        Origin::Site { .. } => "site",
    }
}

/// To the minute: `2026-11-24 10:00`.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// How far a source is, as the guide's page on managing sources says it.
fn state(status: &Status) -> String {
    match status {
        Status::Pending => "pending".to_owned(),
        Status::Indexing { done, total } => format!("indexing {done} of {total}"),
        Status::Ready => "ready".to_owned(),
        Status::Failed { .. } => "failed".to_owned(),
        Status::Removing => "removing".to_owned(),
    }
}

/// Why a source failed, or what of it is missing.
fn remark(source: &SourceView) -> String {
    match (&source.status, &source.ready) {
        (Status::Failed { reason, .. }, _) => reason.clone(),
        (Status::Ready, Some(ready)) if !ready.skipped.is_empty() => {
            format!("incomplete: {}", ready.skipped.join("; "))
        }
        _ => String::new(),
    }
}

/// Passages with what is above them and where they can be opened.
fn hits(found: &[HitView]) -> String {
    let shown = |(i, hit): (usize, &HitView)| {
        let path = std::iter::once(&hit.title).chain(&hit.headings).map(String::as_str).collect::<Vec<_>>().join(" › ");
        let address = hit.url.as_ref().map(|url| format!("\n   {url}")).unwrap_or_default();
        let text =
            hit.text.lines().map(|line| format!("\n   {line}").trim_end().to_owned()).collect::<Vec<_>>().concat();
        format!("{}. {path} ({}, score {:.2}){address}{text}", i + 1, hit.source, hit.score)
    };
    found.iter().enumerate().map(shown).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall::dashboard::api::knowledge::ReadyView;

    fn source(id: &str, status: Status, ready: Option<(u32, u32)>) -> SourceView {
        let at = "2026-11-24T10:00:00Z".parse().unwrap();
        SourceView {
            id: id.to_owned(),
            title: format!("{id}.md"),
            origin: Origin::Text,
            status,
            ready: ready.map(|(documents, passages)| ReadyView {
                documents,
                passages,
                skipped: Vec::new(),
                missing: Vec::new(),
                at,
            }),
            created_at: at,
        }
    }

    #[test]
    fn a_list_says_how_far_each_source_is() {
        let failed = Status::Failed { reason: "The file contains no text.".to_owned(), cause: None };
        let sources = [
            source("a", Status::Ready, Some((1, 48))),
            source("b", Status::Indexing { done: 3, total: 12 }, None),
            source("long", failed, Some((1, 2))),
        ];
        let lines = [
            "id    kind  state             documents  passages  indexed (UTC)     title    reason",
            "a     text  ready             1          48        2026-11-24 10:00  a.md",
            "b     text  indexing 3 of 12                                         b.md",
            "long  text  failed            1          2         2026-11-24 10:00  long.md  The file contains no text.",
        ];
        assert_eq!(listed(&sources), lines.join("\n"));
    }
}
