//! From a question to an answer: what was said before, what the documents say, and what the model makes of it.

use super::{Answer, Step, StepName, UserError, check, fate, is_shared, spoken_in};
use crate::bot::{Bot, Home};
use crate::knowledge::Passage;
use crate::prompt::{self, Context, ModelAnswer};
use crate::question::{Heard, Question};
use crate::reply::SourceLink;
use crate::sentences::{self, Lang};
use crate::store::{Ailment, Turn};
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;
use std::time::Instant;

/// Passages that are looked up for one question; the prompt takes as many of them as fit its budget.
const PASSAGES: usize = 8;

/// Turns of a conversation that may go into a prompt; its budget of tokens decides how many do.
const TURNS: u16 = 10;

/// The same where everybody in a channel is heard: most of what they say is short.
const SHARED_TURNS: u16 = 40;

/// What was said longer ago than this is no longer the same conversation.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// What the model came to.
pub(super) enum Thought {
    /// An answer, or that there is none.
    Answer(Answer),
    /// Nobody asked us.
    Silence,
}

/// Everything that an answer is made of.
pub(super) struct Material<'a> {
    /// The question with its newest words.
    pub(super) question: Cow<'a, Question>,
    turns: Vec<prompt::Turn>,
    passages: Vec<Passage>,
    is_shared: bool,
    /// How long it took to find, and what else came before thinking.
    pub(super) steps: Vec<Step>,
}

impl<'a> Material<'a> {
    /// The same for the newest words of a question; none where it is gone.
    pub(super) async fn find(bot: &Bot, home: &Home, question: &'a Question, now: Timestamp) -> Result<Option<Self>> {
        match fate::current(bot, question).await? {
            Some(question) => Self::of(bot, home, question, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// What was said before, and what the documents say: found with the conversation in mind.
    pub(super) async fn of(bot: &Bot, home: &Home, question: Cow<'a, Question>, now: Timestamp) -> Result<Self> {
        let is_shared = is_shared(home, &question);
        let limit = if is_shared { SHARED_TURNS } else { TURNS };
        let began = Instant::now();
        let mut turns = bot.store.recent_turns(&question.conversation, limit).await?;
        turns.retain(|turn| now.duration_since(turn.asked_at) < MEMORY && turn.question_id != question.id);
        let turns: Vec<prompt::Turn> = turns.into_iter().map(spoken).collect();
        let conversation = Step::since(StepName::Conversation, began);
        let began = Instant::now();
        let context = prompt::search_context(&turns);
        let hits = bot.knowledge.search(&home.account.id, &question.text, context.as_deref(), PASSAGES).await?;
        let passages = hits.into_iter().map(|hit| hit.passage).collect();
        let steps = vec![conversation, Step::since(StepName::Retrieval, began)];
        Ok(Self { question, turns, passages, is_shared, steps })
    }

    /// From material to answer. Fails with what the person is told; the reason is logged here.
    pub(super) async fn think(&self, bot: &Bot, home: &Home, now: Timestamp) -> Result<Thought, UserError> {
        let question = &*self.question;
        let lang = spoken_in(home, question);
        if question.text.is_empty() && !question.messages.is_empty() {
            return Err(UserError::NothingToRead);
        }
        check(&question.text)?;
        let Some(llm) = &bot.llm else {
            let (text, quoted) = prompt::no_model_answer(&self.passages, lang);
            let sources = self.passages[..quoted].iter().map(link).collect();
            let (answered, steps) = (quoted > 0, self.steps.clone());
            return Ok(Thought::Answer(Answer {
                text,
                sources,
                answered,
                missing: !answered,
                wants_human: false,
                steps,
            }));
        };
        let (mut steps, began) = (self.steps.clone(), Instant::now());
        let shown = prompt::fitting(&self.passages);
        let messages = prompt::compose(&Context {
            persona: &home.settings.persona,
            instructions: &home.settings.instructions,
            language: home.settings.language,
            locale: question.locale.as_deref().unwrap_or("en"),
            turns: &self.turns,
            passages: shown,
            is_shared: self.is_shared,
            heard: question.heard,
            question: &question.text,
            asker_name: &question.asker,
            today: now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date(),
        });
        steps.push(Step::since(StepName::Prompt, began));
        let began = Instant::now();
        let completion = match llm.complete(&messages, prompt::answer_schema(question.heard)).await {
            Ok(completion) => completion,
            Err(error) => {
                tracing::error!(question.id = %question.id, error = %error, "the model gave no answer");
                // For the health page alone.
                let _ = bot.store.record_ailment(&home.account.id, Ailment::Model, now).await;
                return Err(UserError::ModelFailed);
            }
        };
        steps.push(Step::since(StepName::Model, began));
        let began = Instant::now();
        let said = prompt::parse(&completion.text, shown.len()).map_err(|error| {
            tracing::warn!(question.id = %question.id, error = %error, "the model's answer is unusable");
            UserError::ModelFailed
        })?;
        if question.heard == Heard::InPassingSmart && !is_worth_saying(&said) {
            return Ok(Thought::Silence);
        }
        let is_foreign = home.settings.language.is_none() && sentences::is_in_another_language(&question.text);
        let answer = answer_from(said, shown, is_foreign, lang);
        steps.push(Step::since(StepName::Reply, began));
        Ok(Thought::Answer(Answer { steps, ..answer }))
    }
}

/// Whether to speak where nobody asked us: only with an answer, or for somebody who wants a person. A model that does not
/// say whether it was meant has at least to name a source.
fn is_worth_saying(said: &ModelAnswer) -> bool {
    said.addressed.unwrap_or(!said.sources.is_empty()) && (said.can_answer || said.wants_human)
}

/// Keeps what the model may say and replaces what it may not: where no document holds the answer, our own sentence stands
/// instead of whatever the model made up. What names no source may be a sentence, as to a greeting or to somebody who
/// wants a person, and no more.
fn answer_from(said: ModelAnswer, shown: &[Passage], is_foreign: bool, lang: Lang) -> Answer {
    let sources: Vec<SourceLink> = said.sources.iter().filter_map(|&index| shown.get(index)).map(link).collect();
    let ModelAnswer { answer, can_answer, wants_human, .. } = said;
    let can_answer = can_answer && prompt::is_answerable_text(&answer);
    if can_answer && !sources.is_empty() {
        let (missing, steps) = (false, Vec::new());
        return Answer { text: answer, sources, answered: true, missing, wants_human, steps };
    }
    let (text, missing) = match () {
        () if (can_answer || wants_human) && sentences::is_one_sentence(&answer) => (answer, false),
        // We speak few languages; in others the model's own short "I could not find that" is better than English.
        () if is_foreign && sentences::is_one_sentence(&answer) => (answer, true),
        () => (sentences::not_found(lang).to_owned(), !wants_human),
    };
    Answer { text, sources: Vec::new(), answered: false, missing, wants_human, steps: Vec::new() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_answered_who_did_not_ask_unless_it_helps() {
        let said = |addressed, can_answer, wants_human, sources: &[usize]| {
            let sources = sources.to_vec();
            is_worth_saying(&ModelAnswer { answer: "x".to_owned(), sources, can_answer, wants_human, addressed })
        };
        assert!(
            said(Some(true), true, false, &[]) && said(Some(true), false, true, &[]) && said(None, true, false, &[0])
        );
        assert!(!said(Some(false), true, true, &[0]), "it was not meant");
        assert!(!said(Some(true), false, false, &[0]), "it is not in the documents");
        assert!(!said(None, true, false, &[]), "in doubt, silence");
    }
}
