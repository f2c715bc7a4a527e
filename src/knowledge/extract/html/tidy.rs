//! Prepares a parsed page for being written as Markdown: what only a browser needs goes, what Markdown cannot say is put
//! in other words.

use std::sync::LazyLock;

use dom_query::{Document, Matcher, NodeRef};
use url::Url;

/// Stands in a heading's text for the number of its id until the Markdown is written, because the writer would escape
/// letters of the id. Private use: taken out of what comes in.
pub(super) const MARK: char = '\u{f8ff}';

macro_rules! matcher {
    ($name:ident, $selector:literal) => {
        static $name: LazyLock<Matcher> = LazyLock::new(|| Matcher::new($selector).expect("the selector is valid"));
    };
}

matcher!(HEADINGS, "h1, h2, h3, h4, h5, h6");
matcher!(
    NEVER_TEXT,
    "script, style, template, svg, iframe, object, canvas, audio, video, map, button, select, input, textarea, dialog, \
     [hidden], [aria-hidden='true'], link, meta"
);
matcher!(
    FURNITURE,
    "nav, [role='navigation'], [role='search'], [role='banner'], [role='contentinfo'], .navheader, .navfooter, \
     .sphinxsidebar, .related, .breadcrumb, .breadcrumbs, .skip-link, .linenos, .lineno, .line-numbers, .headerlink, \
     .anchorjs-link, .hash-link, .permalink, .editsection, .mw-editsection"
);
matcher!(SEPARATE, "body > header, body > footer, body > aside, [role='complementary'], footer");
matcher!(LINKS, "a");
matcher!(ANCHORS, "a:not([href])");
matcher!(IMAGES, "img, picture");
matcher!(TABLES, "table");
matcher!(BLOCKS_IN_TABLE, "pre, table, h1, h2, h3, h4, h5, h6, ul, ol, dl, blockquote, div.sect1, section");
matcher!(TABLE_PARTS, "thead, tbody, tfoot, tr, td, th");
matcher!(CAPTIONS, "caption, figcaption, summary, legend, address");
matcher!(TERMS, "dt");
matcher!(DESCRIPTIONS, "dd, details, figure, fieldset, main, header, center, hgroup, form");

/// Gives every heading the id under which a link reaches it, wherever the page keeps it: on the heading, on an anchor in
/// it or just before it, or on the section that it opens. Done first, while the anchors are still there.
pub(super) fn find_heading_ids(document: &Document) {
    for heading in document.select_matcher(&HEADINGS).nodes() {
        if heading.id_attr().is_some_and(|id| !id.trim().is_empty()) {
            continue;
        }
        let inside = || heading.descendants_it().take(8).find_map(|node| anchor(&node));
        let around = || {
            let mut node = *heading;
            // Past the wrappers that some programs put around a heading, as long as it is the first thing in them.
            for _ in 0..6 {
                if let Some(before) = node.prev_element_sibling() {
                    let empty = before.text().trim().is_empty();
                    return if empty { anchor(&before) } else { None };
                }
                node = node.parent()?;
                if node.has_name("body") {
                    return None;
                }
                if let Some(id) = anchor(&node) {
                    return Some(id);
                }
            }
            None
        };
        if let Some(id) = inside().or_else(around) {
            heading.set_attr("id", &id);
        }
    }
}

fn anchor(node: &NodeRef<'_>) -> Option<String> {
    if !node.is_element() {
        return None;
    }
    let id = node.id_attr().or_else(|| if node.has_name("a") { node.attr("name") } else { None })?;
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

/// Takes away what is no text of the page.
pub(super) fn strip(document: &Document) {
    document.select_matcher(&NEVER_TEXT).remove();
    document.select_matcher(&FURNITURE).remove();
    // Left open, as `<a id="x"/>` of XHTML is when it is read as HTML, they reach around half the page.
    for anchor in document.select_matcher(&ANCHORS).nodes() {
        anchor.rename("span");
    }
}

/// Takes away what stands around the text of a page that does not mark its main part.
pub(super) fn strip_surroundings(document: &Document) {
    document.select_matcher(&SEPARATE).remove();
}

/// Puts the content in a form that Markdown can say. Returns the ids that [`MARK`]s count.
pub(super) fn rephrase(content: &NodeRef<'_>, base: Option<&Url>) -> Vec<String> {
    pictures(content);
    links(content, base);
    tables(content);
    for node in select(content, &CAPTIONS) {
        node.rename("p");
    }
    for node in select(content, &DESCRIPTIONS) {
        node.rename("div");
    }
    for term in select(content, &TERMS) {
        term.rename("p");
        // What it says is explained below it, as below a heading.
        if !term.text().trim().is_empty() && !term.descendants_it().any(|inner| inner.has_name("strong")) {
            let strong = content.tree.new_element("strong");
            for child in term.children() {
                strong.append_child(&child);
            }
            term.append_child(&strong);
        }
    }
    mark_headings(content)
}

fn select<'a>(content: &NodeRef<'a>, matcher: &Matcher) -> Vec<NodeRef<'a>> {
    dom_query::Selection::from(*content).select_matcher(matcher).nodes().to_vec()
}

/// A picture's text is what it says; the picture itself cannot be searched or quoted.
fn pictures(content: &NodeRef<'_>) {
    for image in select(content, &IMAGES) {
        if image.has_name("picture") {
            image.rename("span");
            continue;
        }
        match image.attr("alt") {
            Some(alt) if !alt.trim().is_empty() => image.replace_with(&content.tree.new_text(alt)),
            _ => image.remove_from_parent(),
        }
    }
}

/// Links become absolute. Those that lead nowhere else (into this page, to a script) are only their text.
fn links(content: &NodeRef<'_>, base: Option<&Url>) {
    for link in select(content, &LINKS) {
        link.remove_attr("title");
        let Some(href) = link.attr("href") else {
            continue;
        };
        let href = href.trim();
        let target = match base {
            Some(base) => base.join(href).ok(),
            None => Url::parse(href).ok(),
        };
        let target = target.filter(|target| matches!(target.scheme(), "http" | "https" | "mailto"));
        match target {
            Some(target) if !href.starts_with('#') => link.set_attr("href", target.as_str()),
            _ => link.remove_attr("href"),
        }
    }
}

/// Tables that hold more than words, or that are there for their looks, become plain blocks: a cell of a Markdown table
/// is one line.
fn tables(content: &NodeRef<'_>) {
    for table in select(content, &TABLES) {
        let for_looks = table.attr("role").is_some_and(|role| role.trim() == "presentation");
        let complicated = select(&table, &BLOCKS_IN_TABLE).iter().any(|inner| inner.id != table.id);
        let narrow = || {
            select(&table, &TABLE_PARTS)
                .iter()
                .filter(|part| part.has_name("tr"))
                .all(|row| row.element_children().len() < 2)
        };
        if for_looks || complicated || narrow() {
            for part in select(&table, &TABLE_PARTS) {
                part.rename("div");
            }
            table.rename("div");
        } else if let Some(caption) = table.element_children().into_iter().find(|child| child.has_name("caption")) {
            table.insert_before(&caption);
        }
    }
}

fn mark_headings(content: &NodeRef<'_>) -> Vec<String> {
    let mut ids = Vec::new();
    for heading in select(content, &HEADINGS) {
        for link in select(&heading, &LINKS) {
            // "¶", "#" and the like: a link to the heading itself.
            if link.text().chars().any(char::is_alphanumeric) {
                link.remove_attr("href");
            } else {
                link.remove_from_parent();
            }
        }
        let Some(id) = heading.id_attr() else {
            continue;
        };
        let id = id.trim();
        let sayable =
            !id.is_empty() && id.len() <= 200 && !id.contains(|c: char| c.is_whitespace() || "{}<>\\`".contains(c));
        if sayable {
            let mark = format!(" {MARK}{}{MARK}", ids.len());
            heading.append_child(&content.tree.new_text(mark));
            ids.push(id.to_owned());
        }
    }
    ids
}

/// Replaces the marks in the written Markdown by what `chunk` reads as a heading's id.
pub(super) fn unmark(markdown: &str, ids: &[String]) -> String {
    let mut pieces = markdown.split(MARK);
    let mut text = String::with_capacity(markdown.len() + ids.len() * 20);
    text.push_str(pieces.next().unwrap_or_default());
    while let Some(number) = pieces.next() {
        if let Some(id) = number.parse::<usize>().ok().and_then(|number| ids.get(number)) {
            text.push_str("{#");
            text.push_str(id);
            text.push('}');
        }
        text.push_str(pieces.next().unwrap_or_default());
    }
    text
}
