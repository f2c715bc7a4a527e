//! `/ask`: one question, one answer, through the same steps as in Discord.

use super::guilds;
use super::refusals::{Always, BadBody, Forbidden, QuotaUsedUp};
use crate::answer::{self, Answer, NoAnswer, Step, StepName};
use crate::bot::Bot;
use crate::dashboard::auth::need::Ask;
use crate::dashboard::auth::{Caller, May};
use crate::dashboard::extract::{Body, Id};
use crate::dashboard::problem::Problem;
use crate::ids::{AccountId, ConversationId, QuestionId};
use crate::question::{Heard, Place, Question, ReplyTo};
use crate::sentences::Lang;
use crate::settings::GuildSettings;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the model is told of who asks, since a caller of the API has no name.
const ASKER: &str = "visitor";

/// Longest name of a session, in characters: a UUID fits with a prefix.
const MAX_SESSION_CHARS: usize = 64;

/// Longest language tag that is looked at. [RFC 5646: 4.4.1]
const MAX_LOCALE_CHARS: usize = 35;

/// A question.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// What is asked, as typed.
    #[schema(example = "How long is the warranty?", min_length = 1, max_length = 6000)]
    pub question: String,
    /// Questions with the same session form a conversation. Choose something that two people cannot share by chance.
    /// Without it, the question stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "visitor-8f3a", pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub session: Option<Session>,
    /// The person's language, for example `fr` or `pt-BR`. Without it, that of the header `Accept-Language`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "en-GB", pattern = "^[A-Za-z0-9-]{1,35}$")]
    pub locale: Option<Locale>,
    /// Discord's id of a server of the account's: then its persona, instructions and language count, as they do there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "197038439483310086", pattern = "^[1-9][0-9]{0,18}$")]
    pub guild: Option<String>,
    /// Whether to say how long each step of the answer took.
    #[serde(default)]
    pub steps: bool,
}

/// The name of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Session(String);

/// A language tag; only its shape is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

/// An answer.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AskResponse {
    /// The answer as Markdown, without its list of sources. `[1]` in it means the first source.
    #[schema(example = "31 months from the day of purchase. [1]")]
    pub answer: String,
    /// Whether the documents held an answer.
    pub answered: bool,
    /// Whether the person wants a human.
    pub wants_human: bool,
    /// The documents that it rests on.
    pub sources: Vec<AnswerSource>,
    /// The steps on the way to it, in order, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepView>>,
}

/// How long a step of an answer took.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepView {
    /// Which step.
    pub name: StepName,
    /// How long it took, in milliseconds.
    #[schema(example = 0.412, minimum = 0)]
    pub ms: f64,
}

/// A document that an answer rests on.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AnswerSource {
    /// Its title.
    #[schema(example = "Warranty")]
    pub title: String,
    /// Where a reader can open it; none for uploaded files and texts.
    #[schema(example = "https://docs.example.com/warranty#duration")]
    pub url: Option<String>,
}

/// Answers a question from the account's documents. It counts as one message.
#[utoipa::path(
    post, path = "/ask", tag = "ask", request_body = AskRequest,
    params(("Accept-Language" = Option<String>, Header, description = "The person's language, where the body names none")),
    security(("bearer" = ["ask"]), ("session" = ["agent"])),
    responses((status = 200, body = AskResponse), BadBody, Forbidden, Always, QuotaUsedUp),
)]
pub async fn ask(
    State(bot): State<Arc<Bot>>,
    caller: May<Ask>,
    headers: HeaderMap,
    Body(request): Body<AskRequest>,
) -> Result<Json<AskResponse>, Problem> {
    let locale = request.locale.or_else(|| accepted_locale(&headers)).map(String::from);
    let lang = Lang::of(&request.question, locale.as_deref().unwrap_or_default());
    let with_steps = request.steps;
    let settings = match request.guild {
        Some(guild) => Some(settings_of(&bot, &caller, guild).await?),
        None => None,
    };
    let answered = answered(bot, caller.account(), request.question, request.session.as_ref(), locale, settings).await;
    answered.map(|answer| Json(response(answer, with_steps))).map_err(|error| Problem::no_answer(error, lang))
}

/// How a server of the caller's is set, which a question names.
pub(crate) async fn settings_of(bot: &Bot, caller: &Caller, guild: String) -> Result<GuildSettings, Problem> {
    let found = Box::pin(guilds::find(bot, caller, &Id(guild))).await;
    found.map(|guild| guild.settings).map_err(|problem| match problem.status {
        404 => Problem::refused("`guild`: there is no such server among those of `/guilds`."),
        _ => problem,
    })
}

/// Answers a question of an account's, which counts as one message; as in a server with these settings, if any.
pub(crate) async fn answered(
    bot: Arc<Bot>,
    account: &AccountId,
    text: String,
    session: Option<&Session>,
    locale: Option<String>,
    settings: Option<GuildSettings>,
) -> Result<Answer, NoAnswer> {
    let now = Timestamp::now();
    let id = QuestionId::generate(now);
    let question = Question {
        id,
        place: Place::Account(account.clone()),
        conversation: conversation(account, session, id),
        text,
        asker: ASKER.to_owned(),
        locale,
        asked_at: now,
        reply_to: ReplyTo::Caller,
        messages: Vec::new(),
        heard: Heard::Directly,
    };
    // A task of its own: a caller who leaves must not cut it between counting, answering and keeping.
    let asked = tokio::spawn(async move { Box::pin(answer::ask(&bot, &question, settings, now)).await });
    match asked.await {
        Ok(answered) => answered,
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        Err(_) => Err(anyhow::anyhow!("the process is ending").into()),
    }
}

fn response(answer: Answer, with_steps: bool) -> AskResponse {
    let sources = answer.sources.into_iter().map(|s| AnswerSource { title: s.title, url: s.address }).collect();
    let step = |step: &Step| StepView { name: step.name, ms: step.took.as_secs_f64() * 1_000.0 };
    let steps = with_steps.then(|| answer.steps.iter().map(step).collect());
    AskResponse { answer: answer.text, answered: answer.answered, wants_human: answer.wants_human, sources, steps }
}

impl TryFrom<String> for Session {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = (1..=MAX_SESSION_CHARS).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let refusal = || format!("a session has 1 to {MAX_SESSION_CHARS} of the characters A-Z a-z 0-9 _ -");
        fits.then_some(Self(text)).ok_or_else(refusal)
    }
}

impl From<Session> for String {
    fn from(session: Session) -> Self {
        session.0
    }
}

impl TryFrom<String> for Locale {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits =
            (1..=MAX_LOCALE_CHARS).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        fits.then_some(Self(text)).ok_or_else(|| "a language is named like fr or pt-BR".to_owned())
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.0
    }
}

/// The language that a browser names first, which is the one it prefers. [RFC 9110: 12.5.4]
fn accepted_locale(headers: &HeaderMap) -> Option<Locale> {
    let first = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?.split([',', ';']).next()?;
    Locale::try_from(first.trim().to_owned()).ok()
}

/// A session's conversation; without one, the question's own, under a name that no session can have.
pub(crate) fn conversation(account: &AccountId, session: Option<&Session>, question: QuestionId) -> ConversationId {
    match session {
        Some(Session(name)) => ConversationId::of_session(account, name),
        None => ConversationId::of_session(account, &format!("alone.{question}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_names_what_it_lacks_and_what_is_too_much() {
        for (body, named) in [
            (r"{}", "question"),
            (r#"{"question": "q", "sesion": "x"}"#, "sesion"),
            (r#"{"question": "q", "session": ""}"#, "a session has 1 to 64"),
            (r#"{"question": "q", "session": "a b"}"#, "a session has 1 to 64"),
            (r#"{"question": "q", "locale": "fr;DROP"}"#, "a language is named"),
        ] {
            let error = serde_json::from_str::<AskRequest>(body).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_first_accepted_language_counts() {
        let accepted = |value: &str| {
            accepted_locale(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, value.parse().unwrap())])).map(String::from)
        };
        assert_eq!(accepted("fr-CA,fr;q=0.8,en;q=0.5").as_deref(), Some("fr-CA"));
        assert_eq!(accepted("de;q=0.9").as_deref(), Some("de"));
        assert_eq!(accepted("*"), None);
        assert_eq!(accepted(""), None);
    }

    proptest! {
        #[test]
        fn no_session_is_the_conversation_of_a_question_that_stands_alone(name in ".{0,70}", id: u64) {
            let (account, id) = (AccountId::local(), QuestionId(id));
            if let Ok(session) = Session::try_from(name) {
                let alone = conversation(&account, None, id);
                prop_assert_ne!(conversation(&account, Some(&session), id), alone);
            }
        }
    }
}
