//! Whether a message is a question, and which words of it: pure.

use crate::frame::{Message, Snowflake};
use crate::gate;
use crate::guilds::{Rules, Spot};
use guildhall::question::{Heard, MAX_CHARS};
use guildhall::settings::ResponseMode;

/// Characters of a message that are taken: one more than a question may have, so that the rest is told apart. Discord's own
/// limit is far below; without one, a job could be larger than a queue takes.
const MOST_CHARS: usize = MAX_CHARS + 1;

/// Message types in which people talk: plain messages and replies. [Discord Docs/Message: Message Types]
const SPOKEN: [u16; 2] = [0, 19];

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Drop,
    /// It is no question, or not one that is answered, but it was said where a channel is one conversation of everybody.
    Said,
    /// It is a question.
    Question(Heard),
    /// That depends on something that has to be looked up first.
    Depends(Need),
}

/// What a verdict may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Which role is the bot's own.
    OwnRole,
    /// Whether the message's channel is a thread, and whose.
    Spot,
}

/// What is known of the server that a message was written in.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What its admins have set.
    pub rules: &'a Rules,
    /// The bot.
    pub bot: Snowflake,
    /// The bot's own role: none while it is unknown, `Some(None)` if it has none.
    pub own_role: Option<Option<Snowflake>>,
    /// The channel; none while it is unknown.
    pub spot: Option<Spot>,
}

/// Decides about a message in a server.
pub fn decide(message: &Message<'_>, known: &Known<'_>) -> Verdict {
    let rules = known.rules;
    if !is_said_by_a_person(message, known.bot) || rules.mode == ResponseMode::Command {
        return Verdict::Drop;
    }
    let mut addressed = addresses(message, known.bot);
    if !addressed && !message.mention_roles.is_empty() {
        let Some(own) = known.own_role else { return Verdict::Depends(Need::OwnRole) };
        addressed = own.is_some_and(|own| message.mention_roles.contains(&own));
    }
    if !addressed && rules.mode == ResponseMode::Mention && !rules.answer_in_thread {
        return Verdict::Drop;
    }
    if rules.need_spots() {
        let Some(spot) = known.spot else { return Verdict::Depends(Need::Spot) };
        addressed |= rules.answer_in_thread && spot.is_own_thread();
        let ids = [message.channel_id, spot.parent().unwrap_or(message.channel_id)];
        if !rules.channels.lets_in(&ids) {
            return Verdict::Drop;
        }
    }
    if !rules.roles.is_open() {
        let mut theirs = message.member.as_ref().map(|member| member.roles.clone()).unwrap_or_default();
        // Everybody has @everyone, whose id is the server's. [Discord Docs/Permissions: Role Object]
        theirs.extend(message.guild_id);
        if !rules.roles.lets_in(&theirs) {
            // They are not answered. What the others talk about with them is no less a part of the conversation.
            return unasked(message, known);
        }
    }
    match rules.mode {
        _ if addressed => Verdict::Question(Heard::Directly),
        ResponseMode::Command | ResponseMode::Mention => Verdict::Drop,
        ResponseMode::AllMessages { smart, .. } => overheard(message, known, smart),
    }
}

/// What was not said to the bot is a question if it has words, and with smart mode if they can be one.
fn overheard(message: &Message<'_>, known: &Known<'_>, smart: bool) -> Verdict {
    let words = words(message, known.bot, known.own_role.flatten());
    match smart {
        _ if words.is_empty() => Verdict::Drop,
        true if gate::may_be_a_question(&words) => Verdict::Question(Heard::InPassingSmart),
        true => unasked(message, known),
        false => Verdict::Question(Heard::InPassing),
    }
}

/// What is not answered belongs to a channel's conversation all the same, if it has words.
fn unasked(message: &Message<'_>, known: &Known<'_>) -> Verdict {
    let is_heard = known.rules.has_channel_context();
    if is_heard && !words(message, known.bot, known.own_role.flatten()).is_empty() {
        Verdict::Said
    } else {
        Verdict::Drop
    }
}

/// Whether a person wrote it: no bot, no webhook, not Discord itself, and not the bot `bot`.
pub fn is_said_by_a_person(message: &Message<'_>, bot: Snowflake) -> bool {
    let person = |author: &crate::frame::User<'_>| !author.bot && !author.system && author.id != bot;
    SPOKEN.contains(&message.kind) && message.webhook_id.is_none() && message.author.as_ref().is_some_and(person)
}

/// Whether it mentions the bot or replies to it. @everyone and @here mention nobody by name.
fn addresses(message: &Message<'_>, bot: Snowflake) -> bool {
    let replies_to = message.referenced_message.as_ref().and_then(|message| message.author.as_ref());
    message.mentions.iter().any(|mention| mention.id == bot) || replies_to.is_some_and(|author| author.id == bot)
}

/// Whether it is meant for somebody else: it mentions or replies to others and not the bot.
pub fn addresses_others(message: &Message<'_>, bot: Snowflake) -> bool {
    let to_others = !message.mentions.is_empty() || message.referenced_message.is_some();
    to_others && !addresses(message, bot)
}

/// The words of a message: without the bot's mention, others by their names, and what it forwards behind its own.
pub fn words(message: &Message<'_>, bot: Snowflake, own_role: Option<Snowflake>) -> String {
    let own = message.content.as_ref().map(|content| &*content.0);
    let forwarded = message.message_snapshots.iter().filter_map(|shot| shot.message.content.as_ref());
    let mut text = String::new();
    for content in own.into_iter().chain(forwarded.map(|content| &*content.0)) {
        let content = without_mentions(content, message, bot, own_role);
        if !text.is_empty() && !content.is_empty() {
            text.push('\n');
        }
        text.push_str(&content);
    }
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARS) {
        text.truncate(end);
    }
    text
}

fn without_mentions(content: &str, message: &Message<'_>, bot: Snowflake, own_role: Option<Snowflake>) -> String {
    let mut text = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(start) = rest.find("<@") {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some((token, whom)) = mention(rest) else {
            text.push_str("<@");
            rest = &rest[2..];
            continue;
        };
        rest = &rest[token.len()..];
        match whom {
            Whom::User(id) if id == bot => rest = closed_up(&mut text, rest),
            Whom::Role(id) if Some(id) == own_role => rest = closed_up(&mut text, rest),
            Whom::User(id) => match message.mentions.iter().find(|mention| mention.id == id) {
                Some(mention) => {
                    text.push('@');
                    text.extend(name_of(mention).chars().filter(|c| !c.is_control()));
                }
                None => text.push_str(token),
            },
            Whom::Role(_) => text.push_str(token),
        }
    }
    text.push_str(rest);
    text.trim().to_owned()
}

/// Closes the gap that a mention leaves: no two spaces, none in front of a comma, and no comma at the beginning.
fn closed_up<'a>(text: &mut String, mut rest: &'a str) -> &'a str {
    if text.trim().is_empty() {
        text.clear();
        rest = rest.trim_start_matches([',', ':', ';']);
    } else if rest.starts_with([',', '.', '!', '?', ':', ';']) {
        text.truncate(text.trim_end().len());
    }
    if text.is_empty() || text.ends_with(char::is_whitespace) { rest.trim_start_matches(' ') } else { rest }
}

enum Whom {
    User(Snowflake),
    Role(Snowflake),
}

/// The mention that a text begins with: `<@1>`, `<@!1>` or `<@&1>`. [Discord Docs/Reference: Message Formatting]
fn mention(text: &str) -> Option<(&str, Whom)> {
    let token = &text[..=text.find('>')?];
    let inner = &token[2..token.len() - 1];
    let (digits, is_role) = match inner.as_bytes().first()? {
        b'&' => (&inner[1..], true),
        b'!' => (&inner[1..], false),
        _ => (inner, false),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let id = digits.parse().ok()?;
    Some((token, if is_role { Whom::Role(id) } else { Whom::User(id) }))
}

fn name_of<'a>(mention: &'a crate::frame::Mention<'_>) -> &'a str {
    let nick = mention.member.as_ref().and_then(|member| member.nick.as_ref());
    &nick.or(mention.global_name.as_ref()).unwrap_or(&mention.username).0
}

#[cfg(test)]
mod tests;
