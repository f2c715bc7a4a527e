//! From what was typed to what is sent: files, folders, addresses.

use crate::cli::AddArgs;
use guildhall::dashboard::api::knowledge::AddRequest;
use guildhall::knowledge::source::{DEFAULT_DEPTH, MAX_FILE_BYTES, MAX_PAGES};
use ignore::{DirEntry, WalkBuilder};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use url::Url;

/// Endings of the formats that Guildhall reads.
const READABLE: [&str; 10] = ["md", "markdown", "mdx", "txt", "text", "html", "htm", "xhtml", "pdf", "docx"];

/// One thing to send.
#[derive(Debug)]
pub(super) enum Item {
    /// A file, under the name that it is kept by.
    File { path: PathBuf, name: String },
    /// A page or a site.
    Web { url: String, request: AddRequest },
}

impl Item {
    /// What messages call it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::File { name, .. } => name,
            Self::Web { url, .. } => url,
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// To send.
    pub items: Vec<Item>,
    /// Left out of folders, with reasons.
    pub skipped: Vec<String>,
    /// What was asked for by name and cannot be sent, with reasons.
    pub failed: Vec<String>,
}

/// Looks at everything that was typed.
pub(super) fn find(args: &AddArgs) -> Found {
    let mut found = Found::default();
    for what in &args.what {
        let path = Path::new(what);
        if what.starts_with("http://") || what.starts_with("https://") {
            found.items.push(Item::Web { url: what.clone(), request: web(what, args) });
        } else if path.is_dir() {
            folder(path, &mut found);
        } else if !path.exists() {
            found.failed.push(format!("{what}: there is no such file or folder"));
        } else {
            match path.file_name().and_then(|name| name.to_str()) {
                Some(name) => file(path, name.to_owned(), &mut found),
                None => found.failed.push(format!("{what}: the name cannot be read as text")),
            }
        }
    }
    drop_repetitions(&mut found);
    found
}

fn web(url: &str, args: &AddArgs) -> AddRequest {
    let is_site = args.site || args.max_pages.is_some() || args.depth.is_some() || (!args.page && names_a_folder(url));
    let url = url.to_owned();
    if is_site {
        let (max_pages, max_depth) = (args.max_pages.unwrap_or(MAX_PAGES), args.depth.unwrap_or(DEFAULT_DEPTH));
        AddRequest::Site { url, max_pages, max_depth, resolves: None }
    } else {
        AddRequest::Page { url, resolves: None }
    }
}

/// Whether an address ends in "/", as that of a host alone does too: whoever copies the address of one page does not
/// expect all its neighbours.
fn names_a_folder(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.path().ends_with('/') && url.query().is_none())
}

fn file(path: &Path, name: String, found: &mut Found) {
    match path.metadata() {
        Ok(metadata) if metadata.len() > MAX_FILE_BYTES as u64 => {
            found.failed.push(format!("{name}: the file is larger than 64 MB; split it"));
        }
        Ok(_) => found.items.push(Item::File { path: path.to_owned(), name }),
        Err(error) => found.failed.push(format!("{name}: {error}")),
    }
}

/// Names are relative to the folder, so that adding it again, from wherever, replaces what came from it before.
fn folder(folder: &Path, found: &mut Found) {
    let before = found.items.len();
    let mut seen = HashSet::new();
    for entry in WalkBuilder::new(folder).require_git(false).sort_by_file_path(Path::cmp).build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.failed.push(error.to_string());
                continue;
            }
        };
        let path = entry.path();
        seen.insert(path.to_owned());
        if is_folder(&entry) {
            continue;
        }
        match relative_name(folder, path) {
            None => found.failed.push(format!("{}: the name cannot be read as text", path.display())),
            Some(name) if entry.path_is_symlink() => found.skipped.push(format!("{name}: a link to elsewhere")),
            Some(name) if !is_readable(path) => found.skipped.push(format!("{name}: not a format that can be read")),
            Some(name) => file(path, name, found),
        }
    }
    let hidden = WalkBuilder::new(folder)
        .standard_filters(false)
        .build()
        .flatten()
        .filter(|entry| !is_folder(entry) && is_readable(entry.path()) && !seen.contains(entry.path()))
        .count();
    if hidden > 0 {
        let files = super::count(hidden as u64, "file");
        found.skipped.push(format!("{files} in {}: hidden, or named by a .gitignore", folder.display()));
    }
    if found.items.len() == before {
        found.failed.push(format!("{}: the folder holds no file that can be read", folder.display()));
    }
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_dir())
}

fn is_readable(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| READABLE.contains(&ending.as_str()))
}

/// `a/b.md`, with forward slashes everywhere.
fn relative_name(folder: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path
        .strip_prefix(folder)
        .ok()?
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    parts.map(|parts| parts.join("/"))
}

/// Two files of one name would replace each other.
fn drop_repetitions(found: &mut Found) {
    let mut names = HashSet::new();
    let (items, repeated): (Vec<_>, Vec<_>) =
        std::mem::take(&mut found.items).into_iter().partition(|item| names.insert(item.name().to_owned()));
    found.items = items;
    for item in repeated {
        found.failed.push(format!("{}: another file or address of this name is added already", item.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn args(what: &[&str], page: bool) -> AddArgs {
        let what = what.iter().map(|&what| what.to_owned()).collect();
        AddArgs { what, page, site: false, max_pages: None, depth: None }
    }

    fn names(found: &Found) -> Vec<&str> {
        found.items.iter().map(Item::name).collect()
    }

    #[test]
    fn a_folder_gives_its_readable_files_by_relative_names_and_says_what_it_leaves_out() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("b.md", "b"),
            ("a/Deep.HTML", "a"),
            ("picture.png", ""),
            (".hidden.md", ""),
            ("drafts/new.md", ""),
            (".gitignore", "drafts/\n"),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = find(&args(&[folder.path().to_str().unwrap()], false));
        assert_eq!(names(&found), ["a/Deep.HTML", "b.md"]);
        assert_eq!(found.skipped[0], "picture.png: not a format that can be read");
        assert!(found.skipped[1].starts_with("2 files in ") && found.skipped.len() == 2, "{:?}", found.skipped);
        assert!(found.failed.is_empty());
    }

    #[test]
    fn what_is_named_and_missing_or_named_twice_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.md");
        fs::write(&file, "a").unwrap();
        let file = file.to_str().unwrap();
        let found = find(&args(&[file, file, "no-such-file.md"], false));
        assert_eq!((names(&found), found.failed.len()), (vec!["a.md"], 2));
    }

    #[test]
    fn an_empty_folder_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find(&args(&[folder.path().to_str().unwrap()], false)).failed.len(), 1);
    }

    #[test]
    fn an_address_is_a_site_if_it_ends_in_a_slash_or_is_said_to_be_one() {
        let kind = |address: &str, change: fn(&mut AddArgs)| {
            let mut args = args(&[address], false);
            change(&mut args);
            match find(&args).items.remove(0) {
                Item::Web { request: AddRequest::Site { max_pages, max_depth, .. }, .. } => {
                    Some((max_pages, max_depth))
                }
                Item::Web { .. } => None,
                Item::File { .. } => panic!("an address is no file"),
            }
        };
        let site = Some((MAX_PAGES, DEFAULT_DEPTH));
        for (address, expected) in [
            ("https://docs.example.com", site),
            ("https://docs.example.com/", site),
            ("https://docs.example.com/manual/#top", site),
            ("https://docs.example.com/install.html", None),
            ("https://docs.example.com/manual", None),
            ("https://docs.example.com/?page=7", None),
        ] {
            assert_eq!(kind(address, |_| ()), expected, "{address}");
        }
        assert_eq!(kind("https://docs.example.com/", |args| args.page = true), None);
        assert_eq!(kind("https://docs.example.com/manual", |args| args.site = true), site);
        let few = kind("https://docs.example.com/manual", |args| args.max_pages = Some(7));
        assert_eq!(few, Some((7, DEFAULT_DEPTH)));
        assert_eq!(kind("https://docs.example.com/manual", |args| args.depth = Some(2)), Some((MAX_PAGES, 2)));
    }
}
