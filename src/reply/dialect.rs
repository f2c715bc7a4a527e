//! Markdown as models and documents write it, to the dialect that Discord shows.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::{escape, html, is_visible, links, safe, table};

/// `markdown` as Discord shows it best, safe to send.
///
/// Headings below the third level become bold, tables code blocks, images and HTML links, and code blocks of any kind
/// ones with three backticks, closed. Links lead to the web or nowhere, do not unfurl, and show their target if their
/// text names another site. Mentions are taken apart. What needs none of this is kept byte for byte.
pub fn to_discord(markdown: &str) -> String {
    let text = safe::cleaned(markdown);
    let mut rewriter = Rewriter::new(&text);
    let events = Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).into_offset_iter();
    // Discord knows no definitions of links; the links themselves are written out.
    let definitions = events.reference_definitions().iter().map(|(_, definition)| definition.span.clone());
    rewriter.edits.extend(definitions.map(|span| (span, String::new())));
    for (event, range) in events {
        rewriter.event(event, range);
    }
    safe::made_safe(&quote_lines(&rewriter.finish()))
}

/// Everything that is to be changed, and where we are.
struct Rewriter<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
    /// Code inside the current code block.
    code: Option<String>,
    /// Rows of the current table.
    rows: Option<Vec<Vec<String>>>,
    links: Vec<Link>,
    heading: Option<Heading>,
    html_links: Vec<HtmlLink>,
}

struct Link {
    /// Where its own text ends, as far as it was read.
    inner_end: usize,
    label: String,
    address: String,
    kind: LinkType,
}

struct Heading {
    is_deep: bool,
    inner: Option<Range<usize>>,
}

/// An open `<a href>`.
struct HtmlLink {
    edit: usize,
    from: usize,
    url: Option<String>,
}

impl<'a> Rewriter<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            edits: Vec::new(),
            code: None,
            rows: None,
            links: Vec::new(),
            heading: None,
            html_links: Vec::new(),
        }
    }

    fn edit(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push((range, text.into()));
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        if !matches!(event, Event::End(_) | Event::Start(Tag::Heading { .. })) {
            self.note_inner(&range);
        }
        match event {
            Event::Start(Tag::CodeBlock(_)) => self.code = Some(String::new()),
            Event::Start(Tag::Table(_)) => self.rows = Some(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                self.rows.iter_mut().for_each(|rows| rows.push(Vec::new()));
            }
            Event::Start(Tag::TableCell) => {
                self.rows.iter_mut().filter_map(|rows| rows.last_mut()).for_each(|row| row.push(String::new()));
            }
            Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. }) => {
                let mark = if self.text[range.start..].starts_with('!') { 2 } else { 1 };
                let inner_end = (range.start + mark).min(range.end);
                self.links.push(Link {
                    inner_end,
                    label: String::new(),
                    address: dest_url.to_string(),
                    kind: link_type,
                });
            }
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading = Some(Heading { is_deep: level > HeadingLevel::H3, inner: None });
            }
            Event::Start(Tag::Strong) if self.heading.as_ref().is_some_and(|heading| heading.is_deep) => {
                self.edit(range.start..range.start + 2, "");
                self.edit(range.end - 2..range.end, "");
            }
            Event::End(end) => self.end(end, range),
            Event::Text(text) => self.text(&text, range),
            Event::Code(code) => self.inline_code(&code, range),
            Event::Html(_) | Event::InlineHtml(_) => self.html(range),
            Event::SoftBreak | Event::HardBreak => {
                self.label(" ");
                if self.text[range.clone()].starts_with('\\') {
                    self.edit(range.start..range.start + 1, "");
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd, range: Range<usize>) {
        match end {
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                if self.rows.is_none() {
                    self.code_block(&code, range);
                }
            }
            TagEnd::Table => {
                let rows = self.rows.take().unwrap_or_default();
                self.block(&table::lay_out(&rows), "", range);
            }
            TagEnd::Link => self.link(range, false),
            TagEnd::Image => self.link(range, true),
            TagEnd::Heading(_) => self.end_heading(range),
            _ => {}
        }
    }

    /// Remembers how far the text of open links and headings goes.
    fn note_inner(&mut self, range: &Range<usize>) {
        for link in &mut self.links {
            link.inner_end = link.inner_end.max(range.end);
        }
        if let Some(heading) = &mut self.heading {
            let inner = heading.inner.get_or_insert(range.clone());
            inner.end = inner.end.max(range.end);
        }
    }

    /// Collects text as readers see it, for what needs it: cells and labels.
    fn label(&mut self, text: &str) {
        if let Some(cell) = self.rows.as_mut().and_then(|rows| rows.last_mut()).and_then(|row| row.last_mut()) {
            cell.push_str(text);
        }
        for link in &mut self.links {
            link.label.push_str(text);
        }
    }

    fn text(&mut self, text: &CowStr<'_>, range: Range<usize>) {
        if let Some(code) = &mut self.code {
            code.push_str(text);
            return;
        }
        self.label(text);
        let source = &self.text[range.clone()];
        if source.starts_with('&') && source != text.as_ref() {
            // Discord shows entities as they are.
            self.edit(range, escape_or_space(text));
        } else if source.contains("```") {
            self.edit(range, source.replace('`', "\\`"));
        }
    }

    fn inline_code(&mut self, code: &CowStr<'_>, range: Range<usize>) {
        self.label(code);
        if self.text[range.clone()].contains("```") {
            // Three backticks begin a code block in Discord wherever they stand.
            self.edit(range, format!("`{}`", code.replace('`', "\u{2cb}").trim()));
        }
    }

    fn code_block(&mut self, code: &str, range: Range<usize>) {
        let source = &self.text[range.clone()];
        let is_fenced = source.starts_with("```") || source.starts_with("~~~");
        let info =
            if is_fenced { source.lines().next().unwrap_or_default().trim_start_matches(['`', '~']) } else { "" };
        self.block(code, info, range);
    }

    /// Puts a code block in the place of `range`, inside the quote that it stands in.
    fn block(&mut self, code: &str, info: &str, range: Range<usize>) {
        /// Deeper quotes are no quotes to Discord anyway.
        const MAX_PREFIX: usize = 16;
        // What follows a code block's language on its line is not for readers.
        let language = info.split_whitespace().next().unwrap_or_default();
        let is_language =
            language.len() <= 20 && language.chars().all(|char| char.is_ascii_alphanumeric() || "+#-_.".contains(char));
        let line_start = self.text[..range.start].rfind('\n').map_or(0, |end| end + 1);
        let lead = &self.text[line_start..range.start];
        let prefix = match lead.rfind('>') {
            Some(mark) if mark < MAX_PREFIX => lead[..=mark].replace(|char| char != '>', " ") + " ",
            _ => String::new(),
        };
        let mut block = format!("```{}\n", if is_language { language } else { "" });
        for line in code.trim_end_matches('\n').split('\n') {
            block.push_str(&prefix);
            if line.contains("```") {
                // A code block cannot contain the mark that ends it.
                block.push_str(&line.replace("``", "`\u{200b}`"));
            } else {
                block.push_str(line);
            }
            block.push('\n');
        }
        block.push_str(&prefix);
        block.push_str("```");
        if self.text[range.clone()].ends_with('\n') {
            block.push('\n');
        }
        let start = if lead.trim().is_empty() { line_start } else { range.start };
        self.edit(start..range.end, block);
    }

    fn link(&mut self, range: Range<usize>, is_image: bool) {
        let Some(link) = self.links.pop() else { return };
        let inner_start = range.start + if is_image { 2 } else { 1 };
        let inner_end = link.inner_end.clamp(inner_start.min(range.end), range.end);
        let url = links::web_address(&link.address);
        match link.kind {
            LinkType::Autolink if url.is_some() => return,
            LinkType::Autolink | LinkType::Email => return self.edit(range, escape(&link.label)),
            _ => {}
        }
        // An image inside a link, such as a badge, is the text of that link.
        let url = if self.links.is_empty() { url } else { None };
        let Some(url) = url else {
            self.edit(range.start..inner_start, "");
            return self.edit(inner_end..range.end, "");
        };
        if !is_visible(&link.label) || (links::is_address(&link.label) && !links::is_misleading(&link.label, &url)) {
            self.edit(range, format!("<{url}>"));
        } else if links::is_misleading(&link.label, &url) || links::is_address(&link.label) {
            self.edit(range.start..inner_start, "");
            self.edit(inner_end..range.end, format!(" (<{url}>)"));
        } else {
            if is_image {
                self.edit(range.start..inner_start, "[");
            }
            self.edit(inner_end..range.end, format!("](<{url}>)"));
        }
    }

    fn end_heading(&mut self, range: Range<usize>) {
        let Some(heading) = self.heading.take() else {
            return;
        };
        let source = &self.text[range.clone()];
        let end = range.start + source.trim_end().len();
        let Some(inner) = heading.inner else {
            return self.edit(range.start..end, "");
        };
        if heading.is_deep {
            self.edit(range.start..inner.start, "**");
            self.edit(inner.end..end, "**");
        } else if !source.starts_with('#') {
            // Underlined with === or ---.
            let mark = if source.trim_end().ends_with('=') { "# " } else { "## " };
            self.edit(range.start..range.start, mark);
            self.edit(inner.end..end, "");
        }
    }

    fn html(&mut self, range: Range<usize>) {
        let source = &self.text[range.clone()];
        for (start, end, tag) in html::tags(source) {
            let place = range.start + start..range.start + end;
            match tag {
                html::Tag::Text(text) => {
                    self.label(&text.replace(['*', '`', '_', '~', '\n'], " "));
                    self.edit(place, text);
                }
                html::Tag::LinkStart(url) => self.start_html_link(place, Some(url)),
                html::Tag::NoLinkStart => self.start_html_link(place, None),
                html::Tag::LinkEnd => self.end_html_link(place),
            }
        }
        // An unknown tag may hide a mark of a code block.
        if source.contains("```") {
            for (at, marks) in source.match_indices("```") {
                self.edit(range.start + at..range.start + at + marks.len(), "\\`\\`\\`");
            }
        }
    }

    fn start_html_link(&mut self, place: Range<usize>, url: Option<String>) {
        self.html_links.push(HtmlLink { edit: self.edits.len(), from: place.end, url });
        // Nothing yet: a link that is never closed is none.
        self.edit(place, "");
    }

    fn end_html_link(&mut self, place: Range<usize>) {
        let link = self.html_links.pop();
        let Some(HtmlLink { edit, from, url: Some(url) }) = link else {
            return self.edit(place, "");
        };
        let label = &self.text[from..place.start];
        if label.contains(['[', ']', '\n']) || links::is_address(label) || links::is_misleading(label, &url) {
            self.edit(place, format!(" (<{url}>)"));
        } else {
            "[".clone_into(&mut self.edits[edit].1);
            self.edit(place, format!("](<{url}>)"));
        }
    }

    fn finish(mut self) -> String {
        // Where two changes overlap, the one of the outer thing wins; what is only put in comes before both.
        self.edits.sort_by_key(|(range, _)| (range.start, !range.is_empty(), std::cmp::Reverse(range.end)));
        let mut text = String::with_capacity(self.text.len());
        let mut done = 0;
        for (range, replacement) in self.edits {
            if range.start < done || range.end < range.start {
                continue;
            }
            text.push_str(&self.text[done..range.start]);
            text.push_str(&replacement);
            done = range.end;
        }
        text.push_str(&self.text[done..]);
        text
    }
}

fn escape_or_space(text: &str) -> String {
    if text.trim().is_empty() { " ".to_owned() } else { escape(text) }
}

/// `>>> `, which quotes the rest of a message, as `> ` on each line: so that a split or the list of sources does not
/// change what is quoted.
fn quote_lines(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let mut in_code = false;
    let mut in_quote = false;
    for line in text.split_inclusive('\n') {
        let line = match line.strip_prefix(">>> ") {
            Some(rest) if !in_code => {
                in_quote = true;
                rest
            }
            _ => line,
        };
        if line.matches("```").count() % 2 == 1 {
            in_code = !in_code;
        }
        if in_quote {
            quoted.push_str("> ");
        }
        quoted.push_str(line);
    }
    quoted
}

#[cfg(test)]
mod tests;
