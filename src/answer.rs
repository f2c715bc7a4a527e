//! One question from claim to reply. Read this first.

use crate::bot::{Bot, Home};
use crate::discord::{DiscordError, VoteButtons};
use crate::knowledge::Passage;
use crate::prompt::{self, Context, ModelAnswer};
use crate::question::{MAX_CHARS, Question, ReplyTo};
use crate::reply::{self, SourceLink};
use crate::sentences::{self, Lang};
use crate::store::{Admission, Claim, Delivery, Reply, Turn};
use anyhow::{Context as _, Result, anyhow, bail};
use jiff::{SignedDuration, Timestamp};

/// Passages that are looked up for one question; the prompt takes as many of them as fit its budget.
const PASSAGES: usize = 8;

/// Turns of a conversation that may go into a prompt; its budget of tokens decides how many do.
const TURNS: u16 = 10;

/// What was said longer ago than this is no longer the same conversation.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// An answer, before it takes the form of the place where it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Markdown, without the list of sources.
    pub text: String,
    /// The documents that it rests on.
    pub sources: Vec<SourceLink>,
    /// Whether the documents held an answer.
    pub answered: bool,
    /// Whether the person asked for a human.
    pub wants_human: bool,
}

/// How a queued question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A reply is there.
    Replied,
    /// An earlier delivery had replied.
    AlreadyDone,
    /// Discord takes no reply any more: the interaction is older than 15 minutes, or gone.
    TooLate,
    /// Discord refuses the reply for good.
    Refused,
}

/// A sentence for the person who asked. Everything else is logged where it stops and never shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The month's messages are used up.
    #[error("{}", self.sentence(Lang::En))]
    QuotaUsedUp {
        /// Messages a month.
        limit: u32,
    },
    /// There are no words in it.
    #[error("{}", self.sentence(Lang::En))]
    NothingAsked,
    /// It has more characters than are read.
    #[error("{}", self.sentence(Lang::En))]
    TooLong,
    /// No account has connected the place.
    #[error("{}", self.sentence(Lang::En))]
    NotConnected,
    /// The model gave no answer.
    #[error("{}", self.sentence(Lang::En))]
    ModelFailed,
}

impl UserError {
    /// The sentence in the person's language.
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::QuotaUsedUp { limit } => sentences::quota_used_up(lang, *limit),
            Self::NothingAsked => sentences::nothing_asked(lang).to_owned(),
            Self::TooLong => sentences::question_too_long(lang, MAX_CHARS),
            Self::NotConnected => sentences::not_connected(lang).to_owned(),
            Self::ModelFailed => sentences::model_failed(lang).to_owned(),
        }
    }
}

/// Why a caller gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// For a reason that they are told.
    #[error(transparent)]
    User(#[from] UserError),
    /// For a reason of ours.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// Answers one queued question: at most one reply and one count, however often the job is delivered.
pub async fn run(bot: &Bot, question: &Question, delivery: &Delivery, now: Timestamp) -> Result<Outcome> {
    let ReplyTo::Interaction { private, .. } = &question.reply_to else {
        bail!("a queued question must say where its reply goes");
    };
    let lang = lang_of(question);
    let Some(home) = bot.home(&question.place).await? else {
        let notice = UserError::NotConnected.sentence(lang);
        return post(bot, question, &Reply { parts: vec![notice], votable: false }, None).await;
    };
    let limit = home.account.plan.messages_per_month();
    let (admission, (turns, passages)) = tokio::try_join!(
        bot.store.admit(question.id, &home.account.id, limit, delivery, now),
        material(bot, &home, question, now),
    )?;
    let mut claim = match admission {
        Admission::Done => return Ok(Outcome::AlreadyDone),
        Admission::Busy => bail!("another delivery of the question is at work"),
        Admission::QuotaUsedUp(mut claim) => {
            if claim.reply.is_none() {
                let notice = UserError::QuotaUsedUp { limit }.sentence(lang);
                keep(bot, question, &mut claim, Reply { parts: vec![notice], votable: false }, None, false).await?;
            }
            claim
        }
        Admission::Claimed(claim) => claim,
    };
    if claim.reply.is_none() {
        match think(bot, &home, question, &turns, &passages, lang, now).await {
            Ok(answer) => {
                let parts = reply::render(&answer.text, &answer.sources, lang);
                // A private reply is gone with the person's client: there is nobody to come back to its buttons.
                let reply = Reply { parts, votable: answer.answered && !private };
                keep(bot, question, &mut claim, reply, Some(&turn_of(question, &answer)), false).await?;
            }
            Err(refusal) => {
                let reply = Reply { parts: vec![refusal.sentence(lang)], votable: false };
                keep(bot, question, &mut claim, reply, None, true).await?;
            }
        }
    }
    let reply = claim.reply.as_ref().context("a claim was left without a reply")?;
    let outcome = post(bot, question, reply, Some(&claim)).await?;
    bot.store.finish(&claim).await?;
    Ok(outcome)
}

/// Answers a caller who waits: the API, the command line.
pub async fn ask(bot: &Bot, question: &Question, now: Timestamp) -> Result<Answer, NoAnswer> {
    check(&question.text)?;
    let home = bot.home(&question.place).await?.ok_or(UserError::NotConnected)?;
    let limit = home.account.plan.messages_per_month();
    let delivery = Delivery { id: format!("call-{}", question.id), attempt: 1 };
    // First what may fail: nobody comes back to this question to take it off the count.
    let (turns, passages) = material(bot, &home, question, now).await?;
    let mut claim = match bot.store.admit(question.id, &home.account.id, limit, &delivery, now).await? {
        Admission::Claimed(claim) => claim,
        Admission::QuotaUsedUp(_) => return Err(UserError::QuotaUsedUp { limit }.into()),
        Admission::Busy | Admission::Done => return Err(anyhow!("the question's id was used before").into()),
    };
    let thought = think(bot, &home, question, &turns, &passages, lang_of(question), now).await;
    let nothing_to_post = Reply { parts: Vec::new(), votable: false };
    match thought {
        Ok(answer) => {
            keep(bot, question, &mut claim, nothing_to_post, Some(&turn_of(question, &answer)), false).await?;
            Ok(answer)
        }
        Err(refusal) => {
            keep(bot, question, &mut claim, nothing_to_post, None, true).await?;
            Err(refusal.into())
        }
    }
}

/// Whether a text can be a question at all. Doors ask before they promise an answer.
pub fn check(text: &str) -> Result<(), UserError> {
    if text.chars().count() > MAX_CHARS {
        return Err(UserError::TooLong);
    }
    if !prompt::is_answerable_text(text) {
        return Err(UserError::NothingAsked);
    }
    Ok(())
}

/// What was said before, and what the documents say: found with the conversation in mind.
async fn material(
    bot: &Bot,
    home: &Home,
    question: &Question,
    now: Timestamp,
) -> Result<(Vec<prompt::Turn>, Vec<Passage>)> {
    let mut turns = bot.store.recent_turns(&question.conversation, TURNS).await?;
    turns.retain(|turn| now.duration_since(turn.asked_at) < MEMORY && turn.question_id != question.id);
    let turns: Vec<prompt::Turn> = turns.into_iter().map(spoken).collect();
    let context = prompt::search_context(&turns);
    let hits = bot.knowledge.search(&home.account.id, &question.text, context.as_deref(), PASSAGES).await?;
    Ok((turns, hits.into_iter().map(|hit| hit.passage).collect()))
}

/// From material to answer. Fails with what the person is told; the reason is logged here.
async fn think(
    bot: &Bot,
    home: &Home,
    question: &Question,
    turns: &[prompt::Turn],
    passages: &[Passage],
    lang: Lang,
    now: Timestamp,
) -> Result<Answer, UserError> {
    check(&question.text)?;
    let Some(llm) = &bot.llm else {
        let (text, quoted) = prompt::no_model_answer(passages, lang);
        let sources = passages[..quoted].iter().map(link).collect();
        return Ok(Answer { text, sources, answered: quoted > 0, wants_human: false });
    };
    let shown = prompt::fitting(passages);
    let messages = prompt::compose(&Context {
        instructions: &home.settings.instructions,
        locale: question.locale.as_deref().unwrap_or("en"),
        turns,
        passages: shown,
        question: &question.text,
        asker_name: &question.asker,
        today: now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date(),
    });
    let completion = llm.complete(&messages, prompt::answer_schema()).await.map_err(|error| {
        tracing::error!(question.id = %question.id, error = %error, "the model gave no answer");
        UserError::ModelFailed
    })?;
    let said = prompt::parse(&completion.text, shown.len()).map_err(|error| {
        tracing::warn!(question.id = %question.id, error = %error, "the model's answer is unusable");
        UserError::ModelFailed
    })?;
    Ok(answer_from(said, shown, &question.text, lang))
}

/// Keeps what the model may say and replaces what it may not: where the documents hold no answer, our own sentence
/// stands instead of whatever the model made up.
fn answer_from(said: ModelAnswer, shown: &[Passage], question: &str, lang: Lang) -> Answer {
    let sources = said.sources.iter().filter_map(|&index| shown.get(index)).map(link).collect();
    let ModelAnswer { answer, can_answer, wants_human, .. } = said;
    if can_answer && prompt::is_answerable_text(&answer) {
        return Answer { text: answer, sources, answered: true, wants_human };
    }
    let text = match () {
        () if wants_human && !answer.trim().is_empty() => answer,
        // We speak two languages; in others the model's own short "I could not find that" is better than English.
        () if sentences::is_in_another_language(question) && sentences::is_one_sentence(&answer) => answer,
        () => sentences::not_found(lang).to_owned(),
    };
    Answer { text, sources: Vec::new(), answered: false, wants_human }
}

/// Posts a reply, going on where an interrupted delivery stopped. Every message is posted once: the first is an edit,
/// which may be repeated, and before a follow-up of uncertain fate is posted again, it is looked for.
async fn post(bot: &Bot, question: &Question, reply: &Reply, claim: Option<&Claim>) -> Result<Outcome> {
    let ReplyTo::Interaction { application_id, token, private } = &question.reply_to else {
        bail!("a queued question must say where its reply goes");
    };
    let discord = bot.discord.as_ref().context("a question came from Discord, but DISCORD_TOKEN is not set")?;
    let buttons = VoteButtons { conversation: question.conversation.clone(), question: question.id };
    let last = reply.parts.len().saturating_sub(1);
    let votes = |part: usize| (reply.votable && part == last).then_some(&buttons);
    let first = reply.parts.first().context("a reply has no message")?;
    let original = match discord.edit_original(*application_id, token, first, votes(0)).await {
        Ok(original) => original,
        Err(error) => return given_up(question, error),
    };
    let interrupted = claim.and_then(|claim| claim.sending);
    for (part, content) in reply.parts.iter().enumerate().skip(interrupted.unwrap_or(1)) {
        if interrupted == Some(part) {
            // Private follow-ups and channels that the bot cannot read show nothing: then it is posted again, since a
            // part twice is better than an answer without its end.
            let there = discord.follow_ups(&original).await.unwrap_or_default();
            if there.len() >= part {
                continue;
            }
        }
        if let Some(claim) = claim {
            bot.store.about_to_send(claim, part).await?;
        }
        if let Err(error) = discord.follow_up(*application_id, token, content, *private, votes(part)).await {
            return given_up(question, error);
        }
    }
    Ok(Outcome::Replied)
}

/// What Discord will never take is recorded and not tried again; everything else is the queue's to retry.
fn given_up(question: &Question, error: DiscordError) -> Result<Outcome> {
    match error {
        DiscordError::TooLate => {
            tracing::warn!(question.id = %question.id, "the reply came too late for Discord");
            Ok(Outcome::TooLate)
        }
        DiscordError::Refused { status, code } => {
            tracing::error!(question.id = %question.id, discord.status = status, discord.code = code, "Discord refused the reply");
            Ok(Outcome::Refused)
        }
        DiscordError::Unavailable(_) => Err(error).context("Discord could not be reached for the reply"),
    }
}

async fn keep(
    bot: &Bot,
    question: &Question,
    claim: &mut Claim,
    reply: Reply,
    turn: Option<&Turn>,
    refund: bool,
) -> Result<()> {
    let turn = turn.map(|turn| (&question.conversation, turn));
    if !bot.store.keep_reply(claim, reply, turn, refund).await? {
        bail!("another delivery has taken over the question");
    }
    Ok(())
}

fn turn_of(question: &Question, answer: &Answer) -> Turn {
    Turn {
        question_id: question.id,
        asker: question.asker.clone(),
        question: question.text.clone(),
        answer: answer.text.clone(),
        sources: answer.sources.iter().map(|source| source.title.clone()).collect(),
        answered: answer.answered,
        wants_human: answer.wants_human,
        asked_at: question.asked_at,
        expires: Turn::expiry(question.asked_at),
    }
}

fn spoken(turn: Turn) -> prompt::Turn {
    prompt::Turn { asker_name: turn.asker, question: turn.question, answer: turn.answer }
}

/// The document and the section in it, so that a reader finds the place in a file that has no address.
fn link(passage: &Passage) -> SourceLink {
    let title = match passage.headings.last() {
        Some(heading) => format!("{} › {heading}", passage.title),
        None => passage.title.clone(),
    };
    SourceLink { title, address: passage.address.clone() }
}

fn lang_of(question: &Question) -> Lang {
    Lang::of(&question.text, question.locale.as_deref().unwrap_or("en"))
}
