//! `/tokens`: API tokens, without their secrets.

use super::refusals::{Always, BadBody, BadParams, Unknown};
use crate::bot::Bot;
use crate::dashboard::auth::{self, Caller, MAX_NAME_CHARS};
use crate::dashboard::extract::{Body, Id, Params};
use crate::dashboard::page::{Page, PageParams, page};
use crate::dashboard::problem::Problem;
use crate::store::ApiToken;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A token in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenView {
    /// Its id, for revoking; not the secret.
    #[schema(example = "tok-0199f3c2a1b4c5d6e7f")]
    pub id: String,
    /// What a person called it.
    #[schema(example = "website")]
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A token that was just made.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CreatedToken {
    /// As in a list.
    #[serde(flatten)]
    pub view: TokenView,
    /// The secret, shown this once.
    #[schema(example = "gh_0000000000000000000000000000000000000000000")]
    pub token: String,
}

/// A token to be made.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What to call it.
    #[schema(example = "website", min_length = 1, max_length = 100, pattern = r"\S")]
    pub name: String,
}

impl From<ApiToken> for TokenView {
    fn from(token: ApiToken) -> Self {
        Self { id: token.id.0, name: token.name, created_at: token.created_at }
    }
}

/// Lists the account's tokens.
#[utoipa::path(
    get, path = "/tokens", tag = "account", params(PageParams),
    responses((status = 200, body = Page<TokenView>), BadParams, Always),
)]
pub async fn list_tokens(
    State(bot): State<Arc<Bot>>,
    caller: Caller,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let tokens = bot.store.tokens(caller.account()).await?.into_iter().map(TokenView::from).collect();
    page(tokens, |token| (token.created_at, &token.id), &params).map(Json)
}

/// Makes a token. Its secret is in this response and nowhere else.
#[utoipa::path(
    post, path = "/tokens", tag = "account", request_body = NewToken,
    responses(
        (status = 201, body = CreatedToken, headers(("Location" = String, description = "The new token's address"))),
        BadBody, Always,
    ),
)]
pub async fn create_token(
    State(bot): State<Arc<Bot>>,
    caller: Caller,
    Body(new): Body<NewToken>,
) -> Result<impl IntoResponse, Problem> {
    let name = checked_name(&new.name)?;
    let (token, secret) = auth::create_token(&bot.store, caller.account(), name, Timestamp::now()).await?;
    let location = format!("/api/v1/tokens/{}", token.id);
    let created = CreatedToken { view: token.into(), token: secret.expose_secret().to_owned() };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)))
}

/// One token, without its secret.
#[utoipa::path(
    get, path = "/tokens/{id}", tag = "account", params(("id" = String, Path, description = "The token's id")),
    responses((status = 200, body = TokenView), Unknown, Always),
)]
pub async fn get_token(State(bot): State<Arc<Bot>>, caller: Caller, id: Id) -> Result<Json<TokenView>, Problem> {
    Ok(Json(find(&bot, &caller, &id).await?.into()))
}

/// Revokes a token: it is worthless from now on.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "account", params(("id" = String, Path, description = "The token's id")),
    responses((status = 204, description = "It is revoked"), Unknown, Always),
)]
pub async fn revoke_token(State(bot): State<Arc<Bot>>, caller: Caller, id: Id) -> Result<StatusCode, Problem> {
    bot.store.delete_token(&find(&bot, &caller, &id).await?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An account has a handful of tokens: looking through them all is one Query.
async fn find(bot: &Bot, caller: &Caller, Id(id): &Id) -> Result<ApiToken, Problem> {
    let tokens = bot.store.tokens(caller.account()).await?;
    tokens.into_iter().find(|token| token.id.0 == *id).ok_or_else(|| Problem::no_such("token"))
}

fn checked_name(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(Problem::refused(format!("`name` must have 1 to {MAX_NAME_CHARS} visible characters.")));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_something_to_be_read() {
        assert_eq!(checked_name(" website ").unwrap(), "website");
        for name in ["", " \t", "a\nb", &"x".repeat(101)] {
            assert_eq!(checked_name(name).unwrap_err().status, 422, "{name:?}");
        }
    }
}
