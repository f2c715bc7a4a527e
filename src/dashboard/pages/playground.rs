//! `/playground`: a question through the same steps as in Discord, with what the answer rests on. It counts as one message.

use super::dress::{HX_REQUEST, page_response};
use super::form::{Field, Sent};
use super::format::hundredths;
use super::markdown;
use super::shell::{Here, Shell};
use super::visitor::Visitor;
use crate::answer::{Answer, NoAnswer, Step, StepName};
use crate::bot::Bot;
use crate::dashboard::api::ask::{self, Session};
use crate::dashboard::auth::Caller;
use crate::dashboard::auth::need::{Ask, Scope};
use crate::dashboard::problem::Problem;
use crate::ids::QuestionId;
use crate::sentences::Lang;
use crate::sentences::pages::Words;
use crate::settings::Guild;
use crate::store::Turn;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Instant;

/// Earlier questions of the conversation that are shown with the newest one.
const TURNS: u16 = 20;

#[derive(Template)]
#[template(path = "playground.html")]
struct Page {
    shell: Shell,
    w: Words,
    session: String,
    question: Field,
    exchanges: Vec<Exchange>,
    has_model: bool,
    examples: [&'static str; 3],
    /// Servers as which it may be asked: id, name, whether it is this one.
    servers: Vec<(String, String, bool)>,
}

#[derive(Template)]
#[template(path = "playground_exchange.html")]
struct ExchangePart {
    w: Words,
    exchange: Exchange,
}

/// A question and its answer.
struct Exchange {
    question: String,
    /// The answer as HTML, safe to show.
    html: String,
    /// Why there is none, in place of it.
    refusal: Option<String>,
    sources: Vec<SourceView>,
    answered: bool,
    wants_human: bool,
    /// How long it took, where it was asked just now.
    took: Option<String>,
    steps: Vec<StepView>,
}

struct SourceView {
    title: String,
    url: Option<String>,
}

/// One step on the way to an answer.
struct StepView {
    name: &'static str,
    took: String,
    /// Of the whole time, in hundredths.
    percent: u32,
}

impl Exchange {
    fn earlier(turn: Turn) -> Self {
        Self {
            html: markdown::to_html(&turn.answer),
            sources: turn.sources.into_iter().map(|title| SourceView { title, url: None }).collect(),
            question: turn.question,
            refusal: None,
            answered: turn.answered,
            wants_human: turn.wants_human,
            took: None,
            steps: Vec::new(),
        }
    }

    fn answered(w: Words, question: String, answer: Answer, took: String) -> Self {
        let sources = answer.sources.into_iter().map(|source| SourceView {
            title: source.title,
            url: source.address.as_deref().and_then(markdown::web_address),
        });
        Self {
            question,
            html: markdown::to_html(&answer.text),
            refusal: None,
            sources: sources.collect(),
            answered: answer.answered,
            wants_human: answer.wants_human,
            took: Some(took),
            steps: steps(w, &answer.steps),
        }
    }

    fn refused(question: String, refusal: String) -> Self {
        Self {
            question,
            html: String::new(),
            refusal: Some(refusal),
            sources: Vec::new(),
            answered: true,
            wants_human: false,
            took: None,
            steps: Vec::new(),
        }
    }
}

/// How long each step took.
fn steps(w: Words, steps: &[Step]) -> Vec<StepView> {
    let whole: f64 = steps.iter().map(|step| step.took.as_secs_f64()).sum();
    let view = |step: &Step| StepView {
        name: match step.name {
            StepName::Conversation => w.step_conversation(),
            StepName::Retrieval => w.step_retrieval(),
            StepName::Quota => w.step_quota(),
            StepName::Prompt => w.step_prompt(),
            StepName::Model => w.step_model(),
            StepName::Reply => w.step_reply(),
            StepName::Memory => w.step_memory(),
        },
        took: w.milliseconds(format!("{:.1}", step.took.as_secs_f64() * 1_000.0)),
        percent: hundredths(step.took.as_secs_f64() / whole.max(f64::EPSILON)),
    };
    steps.iter().map(view).collect()
}

/// An empty conversation.
pub(super) async fn show(State(bot): State<Arc<Bot>>, visitor: Visitor<Ask>) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Playground);
    let servers = servers(&bot, shell.w, &visitor, "").await?;
    let session = format!("playground-{}", hex::encode(rand::rng().random::<[u8; 8]>()));
    Ok(page(&bot, shell, servers, session, Field::default(), Vec::new()))
}

/// The account's servers, of which one may be chosen. One Query.
async fn servers(bot: &Bot, w: Words, caller: &Caller, chosen: &str) -> Result<Vec<(String, String, bool)>, Problem> {
    if !caller.may(Scope::ReadGuilds) {
        return Ok(Vec::new());
    }
    let option = |guild: Guild| {
        let id = guild.id.to_string();
        let name = guild.name.unwrap_or_else(|| w.server_name(id.as_str()));
        let is_chosen = id == chosen;
        (id, name, is_chosen)
    };
    Ok(bot.store.guilds_of(caller.account()).await?.into_iter().map(option).collect())
}

/// Asks a question.
pub(super) async fn ask(State(bot): State<Arc<Bot>>, headers: HeaderMap, sent: Sent<Ask>) -> Result<Response, Problem> {
    let shell = Shell::new(&sent.visitor, Here::Playground);
    let (w, account) = (shell.w, sent.visitor.account());
    let (text, session) = (sent.field("question").replace("\r\n", "\n"), sent.field("session"));
    let named = Session::try_from(session.to_owned()).map_err(Problem::bad_parameter)?;
    let locale = w.0.code().to_owned();
    let lang = Lang::of(&text, &locale);
    let server = sent.field("guild");
    let settings = match server {
        "" => None,
        server => Some(ask::settings_of(&bot, &sent.visitor, server.to_owned()).await?),
    };
    let began = Instant::now();
    let asked = ask::answered(Arc::clone(&bot), account, text.clone(), Some(&named), Some(locale), settings).await;
    let took = w.seconds(format!("{:.2}", began.elapsed().as_secs_f64()));
    let exchange = match asked {
        Ok(answer) => Exchange::answered(w, text, answer, took),
        Err(NoAnswer::User(reason)) => Exchange::refused(text, reason.sentence(lang)),
        Err(error @ NoAnswer::Internal(_)) => return Err(Problem::no_answer(error, lang)),
    };
    if headers.contains_key(HX_REQUEST) {
        return Ok(page_response(&ExchangePart { w, exchange }));
    }
    let conversation = ask::conversation(account, Some(&named), QuestionId(0));
    let mut exchanges: Vec<Exchange> =
        bot.store.recent_turns(&conversation, TURNS).await?.into_iter().map(Exchange::earlier).collect();
    let is_refused = exchange.refusal.is_some();
    let typed = if is_refused { Field::of(exchange.question.clone()) } else { Field::default() };
    if !is_refused {
        // The last turn is this one.
        exchanges.pop();
    }
    exchanges.push(exchange);
    let servers = servers(&bot, w, &sent.visitor, server).await?;
    let mut response = page(&bot, shell, servers, session.to_owned(), typed, exchanges);
    if is_refused {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn page(
    bot: &Bot,
    shell: Shell,
    servers: Vec<(String, String, bool)>,
    session: String,
    question: Field,
    exchanges: Vec<Exchange>,
) -> Response {
    let w = shell.w;
    let examples = [w.playground_example_1(), w.playground_example_2(), w.playground_example_3()];
    page_response(&Page { shell, w, session, question, exchanges, has_model: bot.llm.is_some(), examples, servers })
}
