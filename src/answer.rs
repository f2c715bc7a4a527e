//! One question from claim to reply. Read this first.

mod fate; // what became of the question meanwhile: edited, deleted
mod overhear; // what is remembered though nobody answers it
mod post; // the reply, message by message, each once
mod steps; // how long each step of an answer took
mod think; // from the question to an answer
mod typing; // “is typing…”
mod unanswered; // what the documents did not answer, noted for the team
mod words; // what the gateway did not show

pub use fate::{edited, withdrawn};
pub use overhear::remember;
pub use steps::{Step, StepName};

use crate::account::{Feature, day_of};
use crate::bot::{Bot, Home};
use crate::events::{self, Event};
use crate::ids::{AccountId, ConversationId, QuestionId};
use crate::job::{Notice, Notify};
use crate::prompt;
use crate::question::{Heard, MAX_CHARS, Question, ReplyTo, Said};
use crate::reply::{self, SourceLink};
use crate::sentences::{self, Lang};
use crate::settings::{GuildSettings, ResponseMode};
use crate::store::{Admission, Claim, Delivery, Quota, Reply, Turn};
use crate::usage::Kind;
use anyhow::{Context as _, Result, anyhow, bail};
use futures::future::OptionFuture;
use jiff::Timestamp;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use think::{Material, Thought};

/// Times that a question which is edited while it is thought about is thought about anew.
const RETHINKS: u32 = 2;

/// What nobody waits for may take so long of the time of somebody who waits.
const NEWS_TAKE: Duration = Duration::from_secs(3);

/// An answer, before it takes the form of the place where it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Markdown, without the list of sources.
    pub text: String,
    /// The documents that it rests on.
    pub sources: Vec<SourceLink>,
    /// Whether the documents held an answer.
    pub answered: bool,
    /// Whether the documents lack what was asked; neither this nor `answered` is what a greeting gets.
    pub missing: bool,
    /// Whether the person asked for a human.
    pub wants_human: bool,
    /// How long its steps took, in order.
    pub steps: Vec<Step>,
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
    /// Discord refuses the reply for good, as where the bot may not post.
    Refused,
    /// Nobody asked the bot, and there was nothing to say.
    Silent,
    /// The question was deleted, and its answer is not there either.
    Withdrawn,
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
    /// It is a message of a channel without any, or none that the bot gets to see.
    #[error("{}", self.sentence(Lang::En))]
    NothingToRead,
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
            Self::NothingToRead => sentences::nothing_to_read(lang).to_owned(),
            Self::TooLong => sentences::question_too_long(lang, MAX_CHARS),
            Self::NotConnected => sentences::not_connected(lang).to_owned(),
            Self::ModelFailed => sentences::model_failed(lang).to_owned(),
        }
    }

    /// Whether it is said: who did not ask the bot is not told that there is no answer, but for what may pass.
    fn is_told(&self, heard: Heard) -> bool {
        match heard {
            Heard::Directly => true,
            Heard::InPassing => matches!(self, Self::TooLong | Self::ModelFailed),
            Heard::InPassingSmart => false,
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

/// What is to be done about a question.
enum Verdict<'a> {
    /// This is the answer to the question with these words.
    Answer(Cow<'a, Question>, Answer),
    /// There is none, for a reason that they are told.
    Refusal(UserError),
    /// The model found that there is nothing to answer. It was asked, so it counts.
    Silence(Cow<'a, Question>),
    /// There is none, and nobody is told.
    Unsaid,
    /// The question is gone.
    Withdrawn,
}

/// Answers one queued question: at most one reply and one count, however often the job is delivered.
pub async fn run(bot: &Bot, question: &Question, delivery: &Delivery, now: Timestamp) -> Result<Outcome> {
    // Discord takes nothing any more: no model is asked for an answer that nobody would see.
    if matches!(question.reply_to, ReplyTo::Interaction { .. }) && now >= question.gives_up_at() {
        return Ok(Outcome::TooLate);
    }
    // Without a model nobody can tell whether a message that was overheard is a question to us.
    if question.heard == Heard::InPassingSmart && bot.llm.is_none() {
        return Ok(Outcome::Silent);
    }
    let Some(home) = bot.home(&question.place, question.reply_to.application()).await? else {
        if !UserError::NotConnected.is_told(question.heard) {
            return Ok(Outcome::Silent);
        }
        let sentence = UserError::NotConnected.sentence(lang_of(question));
        return Box::pin(say(bot, question, Some(sentence), delivery, now)).await;
    };
    let limit = home.account.plan.messages_per_month();
    let quota = Quota { account: &home.account.id, limit, kind: Kind::of(question) };
    let messages = fate::claimed_as(question);
    let (admission, material) = tokio::try_join!(
        bot.store.admit(&messages, Some(quota), delivery, now),
        Material::find(bot, &home, question, now),
    )?;
    let (mut claim, is_counted) = match admission {
        Admission::Done => return Ok(Outcome::AlreadyDone),
        Admission::Busy => bail!("another delivery of the question is at work"),
        Admission::QuotaUsedUp(claim) => (claim, false),
        Admission::Claimed(claim) => (claim, true),
    };
    tell_of_quota(bot, &home.account.id, limit, &claim, now).await;
    let is_resumed = claim.reply.is_some();
    // Messages that came before in other company were answered there.
    let question = fate::narrowed(question, claim.messages());
    if !is_resumed {
        let verdict = if is_counted {
            let material = match &question {
                Cow::Borrowed(_) => material,
                Cow::Owned(question) => Material::find(bot, &home, question, now).await?,
            };
            let considering = consider(bot, &home, &question, material, now);
            Box::pin(typing::meanwhile(bot, &question, considering)).await?
        } else {
            used_up(bot, &home, &question, limit, now).await?
        };
        if let Some(outcome) = decide(bot, &home, &question, &mut claim, verdict, now).await? {
            return Ok(outcome);
        }
    }
    Box::pin(deliver(bot, &question, &mut claim, is_resumed, now)).await
}

/// Tells whoever asked that no answer will come, after the last attempt at one has failed. It is taken off the count, unless
/// something of an answer was kept to be said: then that is tried once more.
pub async fn give_up(bot: &Bot, question: &Question, delivery: &Delivery, now: Timestamp) -> Result<Outcome> {
    // What has failed may be the table: then it is said in the language of the question.
    let home = bot.home(&question.place, question.reply_to.application()).await.ok().flatten();
    let lang = home.map_or_else(|| lang_of(question), |home| spoken_in(&home, question));
    let sentence = UserError::ModelFailed.is_told(question.heard).then(|| UserError::ModelFailed.sentence(lang));
    Box::pin(say(bot, question, sentence, delivery, now)).await
}

/// Tells somebody why a message of theirs is not answered: once, uncounted, and not where the message was answered.
pub async fn notify(bot: &Bot, notify: &Notify, delivery: &Delivery, now: Timestamp) -> Result<Outcome> {
    let ReplyTo::Message { channel_id, message_id, .. } = notify.reply_to else {
        bail!("a notice replies to a message");
    };
    let message = Question {
        id: QuestionId(message_id.get()),
        place: notify.place.clone(),
        conversation: ConversationId::of_channel(channel_id.get()),
        text: notify.text.clone(),
        asker: String::new(),
        locale: notify.locale.clone(),
        asked_at: now,
        reply_to: notify.reply_to.clone(),
        messages: vec![Said { id: message_id, text: notify.text.clone() }],
        heard: Heard::Directly,
    };
    let home = bot.home(&message.place, message.reply_to.application()).await?;
    let lang = home.map_or_else(|| lang_of(&message), |home| spoken_in(&home, &message));
    let sentence = match notify.notice {
        Notice::Cooldown { seconds } => sentences::cooldown(lang, seconds),
        Notice::TooMany { per_hour } => sentences::too_many(lang, per_hour),
    };
    Box::pin(say(bot, &message, Some(sentence), delivery, now)).await
}

/// Answers a caller who waits: the API, the command line. With `settings`, as in a server that is set so.
pub async fn ask(
    bot: &Bot,
    question: &Question,
    settings: Option<GuildSettings>,
    now: Timestamp,
) -> Result<Answer, NoAnswer> {
    check(&question.text)?;
    let home = bot.home(&question.place, question.reply_to.application()).await?.ok_or(UserError::NotConnected)?;
    let home = match settings {
        Some(settings) => Arc::new(Home { account: home.account.clone(), settings }),
        None => home,
    };
    let limit = home.account.plan.messages_per_month();
    let quota = Quota { account: &home.account.id, limit, kind: Kind::of(question) };
    let delivery = Delivery { id: format!("call-{}", question.id), attempt: 1 };
    // First what may fail: nobody comes back to this question to take it off the count.
    let mut material = Material::find(bot, &home, question, now).await?.context("a caller's question is never gone")?;
    let began = Instant::now();
    let mut claim = match bot.store.admit(&[question.id], Some(quota), &delivery, now).await? {
        Admission::Claimed(claim) => claim,
        Admission::QuotaUsedUp(claim) => {
            tell_of_quota(bot, &home.account.id, limit, &claim, now).await;
            return Err(UserError::QuotaUsedUp { limit }.into());
        }
        Admission::Busy | Admission::Done => return Err(anyhow!("the question's id was used before").into()),
    };
    tell_of_quota(bot, &home.account.id, limit, &claim, now).await;
    material.steps.push(Step::since(StepName::Quota, began));
    match material.think(bot, &home, now).await {
        Ok(Thought::Answer(mut answer)) => {
            let (began, turn) = (Instant::now(), turn_of(question, Some(&answer)));
            let kept = keep(bot, &mut claim, Reply::nothing(), Some((&question.conversation, &turn)), false);
            let noted =
                OptionFuture::from(answer.missing.then(|| unanswered::note(bot, &home.account.id, question, now)));
            tokio::join!(kept, noted).0?;
            answer.steps.push(Step::since(StepName::Memory, began));
            Ok(answer)
        }
        Ok(Thought::Silence) => Err(anyhow!("a caller was taken for somebody who did not ask").into()),
        Err(refusal) => {
            keep(bot, &mut claim, Reply::nothing(), None, true).await?;
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

/// What is said where the month's messages are used up: to a command, to the first who asks in a channel on a day, and to
/// nobody else.
async fn used_up<'a>(bot: &Bot, home: &Home, question: &Question, limit: u32, now: Timestamp) -> Result<Verdict<'a>> {
    let refusal = UserError::QuotaUsedUp { limit };
    if let ReplyTo::Message { channel_id, .. } = question.reply_to {
        let notice = format!("limit {} {channel_id} {}", home.account.id, day_of(now));
        if !refusal.is_told(question.heard) || !bot.store.is_first(&notice, &question.id.to_string(), now).await? {
            return Ok(Verdict::Unsaid);
        }
    }
    Ok(Verdict::Refusal(refusal))
}

/// Passes on that the month has passed a threshold, once for each. Nobody's answer depends on it: where it fails, the next
/// question tries again. Nothing is asked of anybody below the first threshold, and mostly nothing above it.
async fn tell_of_quota(bot: &Bot, account: &AccountId, limit: u32, claim: &Claim, now: Timestamp) {
    let Some((percent, month)) = claim.passed() else { return };
    let event = Event::quota(account.clone(), month, percent, limit, now);
    let by = claim.question().to_string();
    let told = tokio::time::timeout(NEWS_TAKE, events::tell_once(bot, &event, &by, now)).await;
    if let Err(error) = told.unwrap_or_else(|_| Err(anyhow!("it takes too long"))) {
        tracing::warn!(event.id, error = format!("{error:#}"), "an event could not be passed on yet");
    }
}

/// Thinks about a question, and again if it was edited meanwhile.
async fn consider<'a>(
    bot: &Bot,
    home: &Home,
    question: &'a Question,
    mut material: Option<Material<'a>>,
    now: Timestamp,
) -> Result<Verdict<'a>> {
    let mut left = RETHINKS;
    loop {
        let Some(at_hand) = material else { return Ok(Verdict::Withdrawn) };
        let thought = at_hand.think(bot, home, now).await;
        let Some(newest) = fate::current(bot, question).await? else { return Ok(Verdict::Withdrawn) };
        if newest.text != at_hand.question.text && left > 0 {
            left -= 1;
            material = Some(Material::of(bot, home, newest, now).await?);
            continue;
        }
        return Ok(match thought {
            Ok(Thought::Answer(answer)) => Verdict::Answer(at_hand.question, answer),
            Ok(Thought::Silence) => Verdict::Silence(at_hand.question),
            Err(refusal) => Verdict::Refusal(refusal),
        });
    }
}

/// Keeps what will be said, before it is said. Returns how the question ended, if nothing will.
async fn decide(
    bot: &Bot,
    home: &Home,
    question: &Question,
    claim: &mut Claim,
    verdict: Verdict<'_>,
    now: Timestamp,
) -> Result<Option<Outcome>> {
    match verdict {
        Verdict::Answer(asked, answer) => {
            let thread = post::thread(bot, home, &asked, now).await?;
            let parts = reply::render(&answer.text, &answer.sources, spoken_in(home, &asked));
            // A private reply is gone with the person's client: there is nobody to come back to its buttons.
            let is_private = matches!(question.reply_to, ReplyTo::Interaction { private: true, .. });
            // Also where nothing was found: that is the vote a team can learn most from.
            let escalates = answer.wants_human && home.account.plan.has(Feature::Escalation);
            let conversation = post::conversation(question, thread);
            let turn = turn_of(&asked, Some(&answer));
            let Answer { missing, answered, .. } = answer;
            let sources = turn.sources.clone();
            let votable = !is_private;
            let reply = Reply { parts, votable, thread, escalates, whispered: false, missing, answered, sources };
            let kept = keep(bot, claim, reply, Some((&conversation, &turn)), false);
            let noted = OptionFuture::from(missing.then(|| unanswered::note(bot, &home.account.id, &asked, now)));
            tokio::join!(kept, noted).0?;
            Ok(None)
        }
        Verdict::Refusal(refusal) if refusal.is_told(question.heard) => {
            // What was not counted is not refunded.
            let mut notice = Reply::notice(refusal.sentence(spoken_in(home, question)));
            // It is nobody else's business that the team has used up its month.
            notice.whispered = matches!(refusal, UserError::QuotaUsedUp { .. });
            keep(bot, claim, notice, None, true).await?;
            Ok(None)
        }
        Verdict::Refusal(_) | Verdict::Unsaid => {
            keep(bot, claim, Reply::nothing(), None, true).await?;
            Ok(Some(Outcome::Silent))
        }
        Verdict::Silence(asked) => {
            // What people say among themselves is remembered only where a channel is one conversation.
            let turn = is_shared(home, question).then(|| turn_of(&asked, None));
            keep(bot, claim, Reply::nothing(), turn.as_ref().map(|turn| (&question.conversation, turn)), false).await?;
            Ok(Some(Outcome::Silent))
        }
        Verdict::Withdrawn => {
            keep(bot, claim, Reply::nothing(), None, true).await?;
            Ok(Some(Outcome::Withdrawn))
        }
    }
}

/// Replies with a sentence that is not counted, whatever the question; with none, only sees to it that nothing is counted.
async fn say(
    bot: &Bot,
    question: &Question,
    sentence: Option<String>,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<Outcome> {
    let mut claim = match bot.store.admit(&fate::claimed_as(question), None, delivery, now).await? {
        Admission::Done => return Ok(Outcome::AlreadyDone),
        Admission::Busy => bail!("another delivery of the question is at work"),
        Admission::Claimed(claim) | Admission::QuotaUsedUp(claim) => claim,
    };
    let is_resumed = claim.reply.is_some();
    let question = &*fate::narrowed(question, claim.messages());
    if !is_resumed {
        if fate::current(bot, question).await?.is_none() {
            keep(bot, &mut claim, Reply::nothing(), None, true).await?;
            return Ok(Outcome::Withdrawn);
        }
        let Some(sentence) = sentence else {
            keep(bot, &mut claim, Reply::nothing(), None, true).await?;
            return Ok(Outcome::Silent);
        };
        keep(bot, &mut claim, Reply::notice(sentence), None, true).await?;
    }
    deliver(bot, question, &mut claim, is_resumed, now).await
}

/// Says what was kept to be said, and passes on what the team is to hear of it.
async fn deliver(
    bot: &Bot,
    question: &Question,
    claim: &mut Claim,
    is_resumed: bool,
    now: Timestamp,
) -> Result<Outcome> {
    if let (Some(reply), true) = (&claim.reply, is_resumed) {
        bot.store.remember_again(claim, &turn_as_said(question, reply)).await?;
    }
    // Whoever kept the reply may have died before it had noted this. Noted before the last look for a deletion.
    if let (Some(Reply { missing: true, .. }), Some(account), true) = (&claim.reply, claim.account(), is_resumed)
        && let Some(newest) = fate::current(bot, question).await?
    {
        unanswered::note(bot, account, &newest, now).await;
    }
    let outcome = post::reply(bot, question, claim, is_resumed, now).await?;
    // Before the end of it: a question that is not finished comes again, and with it what the team is to hear.
    if let (Some(Reply { escalates: true, .. }), Some(account)) = (&claim.reply, claim.account())
        && outcome != Outcome::Withdrawn
    {
        let event = Event::escalation(account.clone(), question, claim);
        events::tell_once(bot, &event, &question.id.to_string(), now).await?;
    }
    bot.store.finish(claim).await?;
    Ok(outcome)
}

async fn keep(
    bot: &Bot,
    claim: &mut Claim,
    reply: Reply,
    turn: Option<(&ConversationId, &Turn)>,
    refund: bool,
) -> Result<()> {
    if !bot.store.keep_reply(claim, reply, turn, refund).await? {
        bail!("another delivery has taken over the question");
    }
    Ok(())
}

/// A question with its answer; without one, what somebody said and nobody answered.
fn turn_of(question: &Question, answer: Option<&Answer>) -> Turn {
    Turn {
        question_id: question.id,
        asker: question.asker.clone(),
        question: question.text.clone(),
        answer: answer.map(|answer| answer.text.clone()).unwrap_or_default(),
        sources: answer
            .map(|answer| answer.sources.iter().map(|source| source.title.clone()).collect())
            .unwrap_or_default(),
        answered: answer.is_some_and(|answer| answer.answered),
        wants_human: answer.is_some_and(|answer| answer.wants_human),
        asked_at: question.asked_at,
        expires: Turn::expiry(question.asked_at),
    }
}

/// The same from the words that were about to be said, for whoever comes after the death of who knew the answer itself.
fn turn_as_said(question: &Question, reply: &Reply) -> Turn {
    Turn {
        answer: reply.parts.join("\n"),
        sources: reply.sources.clone(),
        answered: reply.answered,
        wants_human: reply.escalates,
        ..turn_of(question, None)
    }
}

/// Whether a channel is one conversation of everybody.
fn has_channel_context(home: &Home) -> bool {
    matches!(home.settings.response_mode, ResponseMode::AllMessages { channel_context: true, .. })
}

/// Whether the question's conversation is everybody's in the channel.
fn is_shared(home: &Home, question: &Question) -> bool {
    let ReplyTo::Message { channel_id, .. } = question.reply_to else { return false };
    has_channel_context(home) && question.conversation == ConversationId::of_channel(channel_id.get())
}

/// In what a server is spoken to: as it is set, else as the question is put.
fn spoken_in(home: &Home, question: &Question) -> Lang {
    home.settings.language.unwrap_or_else(|| lang_of(question))
}

fn lang_of(question: &Question) -> Lang {
    Lang::of(&question.text, question.locale.as_deref().unwrap_or("en"))
}
