//! `/tokens`: API tokens. A secret is shown once, on the page that answers the form.

use super::dress::page_response;
use super::form::{Field, Sent};
use super::format::{When, when};
use super::server::refused;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::Visitor;
use crate::bot::Bot;
use crate::dashboard::api::tokens::checked_name;
use crate::dashboard::auth::{self, MAX_NAME_CHARS};
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::sentences::pages::Words;
use crate::store::ApiToken;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "tokens.html")]
struct Page {
    shell: Shell,
    w: Words,
    tokens: Vec<TokenRow>,
    name: Field,
    manages: bool,
    /// The token that was just made.
    made: Option<String>,
}

struct TokenRow {
    id: String,
    name: String,
    manages: bool,
    made: When,
}

/// The list.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Tokens).telling(told.notice());
    page(&bot, &visitor, shell, Field::default(), false, None).await
}

/// Makes a token.
pub(super) async fn create(State(bot): State<Arc<Bot>>, sent: Sent) -> Result<Response, Problem> {
    let visitor = &sent.visitor;
    let shell = Shell::new(visitor, Here::Tokens);
    let (typed, manages) = (sent.field("name"), sent.is_ticked("manages"));
    let Ok(name) = checked_name(typed) else {
        let name = Field { value: typed.to_owned(), error: Some(shell.w.token_bad_name(MAX_NAME_CHARS)) };
        return Ok(refused(page(&bot, visitor, shell, name, manages, None).await?));
    };
    let (_, secret) = auth::create_token(&bot.store, visitor.account(), name, manages, Timestamp::now()).await?;
    let made = Some(secret.expose_secret().to_owned());
    page(&bot, visitor, shell, Field::default(), false, made).await
}

/// Revokes one.
pub(super) async fn revoke(State(bot): State<Arc<Bot>>, Id(id): Id, sent: Sent) -> Result<Response, Problem> {
    let tokens = bot.store.tokens(sent.visitor.account()).await?;
    let token = tokens.into_iter().find(|token| token.id.0 == id).ok_or_else(|| Problem::no_such("token"))?;
    bot.store.delete_token(&token).await?;
    Ok(to_page("/tokens", Notice::TokenRevoked))
}

async fn page(
    bot: &Bot,
    visitor: &Visitor,
    shell: Shell,
    name: Field,
    manages: bool,
    made: Option<String>,
) -> Result<Response, Problem> {
    let (w, now) = (shell.w, Timestamp::now());
    let mut tokens = bot.store.tokens(visitor.account()).await?;
    tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    let row = |token: ApiToken| TokenRow {
        id: token.id.0,
        name: token.name,
        manages: token.manage_tokens,
        made: when(w, token.created_at, now),
    };
    Ok(page_response(&Page { w, shell, tokens: tokens.into_iter().map(row).collect(), name, manages, made }))
}
