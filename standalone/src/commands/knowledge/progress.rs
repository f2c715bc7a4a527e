//! How far an addition is: counts, and lines for what changed.

use super::{count, state};
use guildhall::dashboard::api::knowledge::SourceView;
use guildhall::knowledge::source::Status;
use std::collections::BTreeMap;

/// What was sent, and what the server says of it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Things that are not sent yet.
    pub unsent: usize,
    /// By id: what it is called, and the last known state.
    sources: BTreeMap<String, (String, SourceState)>,
    /// What failed, with reasons.
    pub failed: Vec<String>,
}

/// Documents done and known of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SourceState {
    Working { done: u64, total: u64, label: String },
    Ended { documents: u64 },
}

impl Progress {
    /// `unsent` things are to be sent.
    pub(super) fn new(unsent: usize) -> Self {
        Self { unsent, ..Self::default() }
    }

    /// The server has accepted something. The line to print is returned.
    pub(super) fn accepted(&mut self, name: &str, source: &SourceView) -> Option<String> {
        self.unsent = self.unsent.saturating_sub(1);
        let state = SourceState::Working { done: 0, total: 1, label: String::new() };
        self.sources.insert(source.id.clone(), (name.to_owned(), state));
        self.heard(source)
    }

    /// Something could not be sent. The line to print is returned.
    pub(super) fn refused(&mut self, name: &str, reason: &str) -> String {
        self.unsent = self.unsent.saturating_sub(1);
        self.fail(name, reason)
    }

    /// The server says how far everything is. The lines to print are returned.
    pub(super) fn update(&mut self, sources: &[SourceView]) -> Vec<String> {
        let mut lines: Vec<String> = sources.iter().filter_map(|source| self.heard(source)).collect();
        let is_working = |(_, state): &(String, SourceState)| matches!(state, SourceState::Working { .. });
        let gone: Vec<String> = self
            .sources
            .iter()
            .filter(|(id, entry)| is_working(entry) && !sources.iter().any(|source| source.id == **id))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            if let Some((name, _)) = self.sources.remove(&id) {
                lines.push(self.fail(&name, "it was removed meanwhile"));
            }
        }
        lines
    }

    /// Whether everything is ready or has failed.
    pub(super) fn is_over(&self) -> bool {
        self.unsent == 0 && self.sources.values().all(|(_, state)| matches!(state, SourceState::Ended { .. }))
    }

    /// Documents done, and documents known so far; what is not sent yet counts as one.
    pub(super) fn documents(&self) -> (u64, u64) {
        self.sources.values().fold((0, self.unsent as u64), |(done, total), (_, state)| match state {
            SourceState::Working { done: d, total: t, .. } => (done + d, total + t),
            SourceState::Ended { documents } => (done + documents, total + documents),
        })
    }

    /// What happens just now.
    pub(super) fn now(&self) -> String {
        let mut working = self.sources.values().filter_map(|(name, state)| match state {
            SourceState::Working { label, .. } => Some((name, label)),
            SourceState::Ended { .. } => None,
        });
        // One that is being read says more than one that waits.
        let shown = working.clone().find(|(_, label)| label.starts_with("indexing")).or_else(|| working.next());
        match (shown, self.unsent) {
            (Some((name, label)), 0) => format!("{name}: {label}"),
            (Some((name, label)), unsent) => format!("{unsent} to send; {name}: {label}"),
            (None, 0) => String::new(),
            (None, unsent) => format!("{unsent} to send"),
        }
    }

    fn heard(&mut self, source: &SourceView) -> Option<String> {
        let (name, known) = self.sources.get_mut(&source.id)?;
        if matches!(known, SourceState::Ended { .. }) {
            return None;
        }
        let name = name.clone();
        match &source.status {
            Status::Pending | Status::Removing => {
                *known = SourceState::Working { done: 0, total: 1, label: state(&source.status) };
                None
            }
            Status::Indexing { done, total } => {
                let (done, total) = (u64::from(*done), u64::from(*total).max(1));
                *known = SourceState::Working { done: done.min(total), total, label: state(&source.status) };
                None
            }
            Status::Ready => {
                let (documents, passages) =
                    source.ready.as_ref().map_or((1, 0), |ready| (ready.documents, ready.passages));
                *known = SourceState::Ended { documents: u64::from(documents).max(1) };
                let missing = source.ready.as_ref().map_or(&[][..], |ready| &ready.skipped);
                let missing = missing.iter().map(|reason| format!("\n        incomplete: {reason}"));
                let missing = missing.collect::<Vec<_>>().concat();
                Some(format!(
                    "ready   {name}: {}, {}{missing}",
                    count(documents, "document"),
                    count(passages, "passage")
                ))
            }
            Status::Failed { reason, .. } => {
                *known = SourceState::Ended { documents: 1 };
                Some(self.fail(&name, reason))
            }
        }
    }

    fn fail(&mut self, name: &str, reason: &str) -> String {
        self.failed.push(format!("{name}: {reason}"));
        format!("failed  {name}: {reason}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall::dashboard::api::knowledge::ReadyView;
    use guildhall::knowledge::source::Origin;

    fn source(id: &str, status: Status) -> SourceView {
        let at = "2026-11-24T10:00:00Z".parse().unwrap();
        let ready =
            ReadyView { documents: 3, passages: 20, skipped: vec!["/x: gone".to_owned()], missing: Vec::new(), at };
        let ready = matches!(status, Status::Ready).then_some(ready);
        SourceView { id: id.to_owned(), title: id.to_owned(), origin: Origin::Text, status, ready, created_at: at }
    }

    #[test]
    fn documents_are_counted_over_all_sources_and_each_end_is_told_once() {
        let mut progress = Progress::new(3);
        assert_eq!((progress.documents(), progress.now().as_str()), ((0, 3), "3 to send"));
        assert_eq!(progress.accepted("site", &source("s", Status::Pending)), None);
        assert_eq!(progress.accepted("file", &source("f", Status::Pending)), None);
        assert_eq!(progress.refused("other", "The file has no name."), "failed  other: The file has no name.");

        let lines =
            progress.update(&[source("s", Status::Indexing { done: 2, total: 9 }), source("f", Status::Pending)]);
        assert!(lines.is_empty());
        assert_eq!((progress.documents(), progress.now().as_str()), ((2, 10), "site: indexing 2 of 9"));

        let failed = Status::Failed { reason: "It contains no text.".to_owned(), cause: None };
        let after = [source("s", Status::Ready), source("f", failed)];
        assert_eq!(
            progress.update(&after),
            [
                "ready   site: 3 documents, 20 passages\n        incomplete: /x: gone",
                "failed  file: It contains no text."
            ]
        );
        assert!(progress.update(&after).is_empty());
        assert!(progress.is_over());
        assert_eq!(progress.failed.len(), 2);
        assert_eq!(progress.documents(), (4, 4));
    }

    #[test]
    fn what_disappears_while_it_is_awaited_has_failed() {
        let mut progress = Progress::new(1);
        progress.accepted("file", &source("f", Status::Pending));
        assert_eq!(progress.update(&[]), ["failed  file: it was removed meanwhile"]);
        assert!(progress.is_over());
    }
}
