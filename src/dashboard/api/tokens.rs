//! `/tokens`: API tokens, without their secrets.

use super::refusals::{Always, BadBody, BadParams, Forbidden, Unknown};
use crate::bot::Bot;
use crate::dashboard::auth::need::ManageTokens;
use crate::dashboard::auth::{self, Actor, Caller, MAX_NAME_CHARS, May, Scope, changed};
use crate::dashboard::extract::{Body, Id, Params, visible};
use crate::dashboard::page::{Page, PageParams, page};
use crate::dashboard::problem::Problem;
use crate::sentences::pages::Words;
use crate::store::ApiToken;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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
    /// Discord's id of the person who made it; none where nobody signed in for it. It is revoked when they leave the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "53908232506183680")]
    pub made_by: Option<String>,
    /// Whether it may make, list and revoke tokens.
    #[serde(default)]
    pub manage_tokens: bool,
    /// What it may do.
    #[serde(default)]
    pub scopes: BTreeSet<Scope>,
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
    #[schema(
        example = "website",
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub name: String,
    /// Whether it may make, list and revoke tokens, which few programs need: the same as the scope `tokens:write`.
    #[serde(default)]
    pub manage_tokens: bool,
    /// What it may do, at most what whoever makes it may do. Without it: all that programs usually need, as far as whoever
    /// makes it may do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Scope>>, min_items = 1, example = json!(["knowledge:read", "knowledge:write"]))]
    pub scopes: Option<BTreeSet<Scope>>,
}

impl From<ApiToken> for TokenView {
    fn from(token: ApiToken) -> Self {
        let scopes = token.may();
        Self {
            id: token.id.0,
            name: token.name,
            created_at: token.created_at,
            made_by: token.made_by.map(|person| person.0),
            manage_tokens: scopes.contains(&Scope::ManageTokens),
            scopes,
        }
    }
}

/// Lists the account's tokens.
#[utoipa::path(
    get, path = "/tokens", tag = "account", params(PageParams),
    security(("bearer" = ["tokens:write"]), ("session" = ["admin"])),
    responses((status = 200, body = Page<TokenView>), BadParams, Forbidden, Always),
)]
pub async fn list_tokens(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageTokens>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let tokens = bot.store.tokens(caller.account()).await?.into_iter().map(TokenView::from).collect();
    page(tokens, |token| (token.created_at, &token.id), &params).map(Json)
}

/// Makes a token. Its secret is in this response and nowhere else.
#[utoipa::path(
    post, path = "/tokens", tag = "account", request_body = NewToken,
    security(("bearer" = ["tokens:write"]), ("session" = ["admin"])),
    responses(
        (status = 201, body = CreatedToken, headers(("Location" = String, description = "The new token's address"))),
        BadBody, Forbidden, Always,
    ),
)]
pub async fn create_token(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageTokens>,
    Body(new): Body<NewToken>,
) -> Result<impl IntoResponse, Problem> {
    let name = checked_name(&new.name)?;
    if new.scopes.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err(without_scopes());
    }
    let scopes = given(&caller, new.scopes, new.manage_tokens)?;
    let (token, secret) = make(&bot, &caller, name, scopes).await?;
    let location = format!("/api/v1/tokens/{}", token.id);
    let created = CreatedToken { view: token.into(), token: secret.expose_secret().to_owned() };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)))
}

/// Makes a token that may do this. The secret is returned here and never again.
pub(crate) async fn make(
    bot: &Bot,
    caller: &Caller,
    name: &str,
    scopes: BTreeSet<Scope>,
) -> Result<(ApiToken, SecretString), Problem> {
    let now = Timestamp::now();
    let made_by = match &caller.actor {
        Actor::Token { id, .. } => find(bot, caller, &Id(id.0.clone())).await?.made_by,
        _ => caller.session().map(|session| session.person.clone()),
    };
    let listed = scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
    let changes = vec![changed("name", None, Some(name.to_owned())), changed("scopes", None, Some(listed))];
    let note = caller.note("token.created", None, changes, now);
    Ok(auth::create_token(&bot.store, caller.account(), name, scopes, made_by, Some(&note), now).await?)
}

/// One token, without its secret.
#[utoipa::path(
    get, path = "/tokens/{id}", tag = "account", params(("id" = String, Path, description = "The token's id")),
    security(("bearer" = ["tokens:write"]), ("session" = ["admin"])),
    responses((status = 200, body = TokenView), Unknown, Forbidden, Always),
)]
pub async fn get_token(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageTokens>,
    id: Id,
) -> Result<Json<TokenView>, Problem> {
    Ok(Json(find(&bot, &caller, &id).await?.into()))
}

/// Revokes a token: it is worthless from now on.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "account", params(("id" = String, Path, description = "The token's id")),
    security(("bearer" = ["tokens:write"]), ("session" = ["admin"])),
    responses((status = 204, description = "It is revoked"), Unknown, Forbidden, Always),
)]
pub async fn revoke_token(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageTokens>,
    id: Id,
) -> Result<StatusCode, Problem> {
    revoke(&bot, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a token worthless.
pub(crate) async fn revoke(bot: &Bot, caller: &Caller, id: &Id) -> Result<(), Problem> {
    let token = find(bot, caller, id).await?;
    if matches!(&caller.actor, Actor::Token { id, .. } if *id == token.id) {
        return Err(Problem::said(StatusCode::FORBIDDEN, |lang| Words(lang).denied_own_token().to_owned()));
    }
    let changes = vec![changed("name", Some(token.name.clone()), None)];
    let note = caller.note("token.revoked", token.id.0.clone(), changes, Timestamp::now());
    bot.store.delete_token(&token, &note).await?;
    Ok(())
}

/// An account has a handful of tokens: looking through them all is one Query.
async fn find(bot: &Bot, caller: &Caller, Id(id): &Id) -> Result<ApiToken, Problem> {
    let tokens = bot.store.tokens(caller.account()).await?;
    tokens.into_iter().find(|token| token.id.0 == *id).ok_or_else(|| Problem::no_such("token"))
}

/// What a new token may do: nothing that whoever makes it may not.
pub(crate) fn given(
    caller: &Caller,
    wanted: Option<BTreeSet<Scope>>,
    manages_tokens: bool,
) -> Result<BTreeSet<Scope>, Problem> {
    let mut scopes = match wanted {
        Some(scopes) => scopes,
        None => Scope::unsaid(false).into_iter().filter(|scope| caller.may(*scope)).collect(),
    };
    scopes.extend(manages_tokens.then_some(Scope::ManageTokens));
    if scopes.is_empty() {
        return Err(without_scopes());
    }
    match scopes.iter().find(|scope| !caller.may(**scope)) {
        Some(lacking) => Err(Problem::said(StatusCode::FORBIDDEN, |lang| Words(lang).denied_give(lacking.as_str()))),
        None => Ok(scopes),
    }
}

fn without_scopes() -> Problem {
    Problem::refused("`scopes` must name at least one: a token without any could do nothing.")
}

/// A name as it is kept.
pub(crate) fn checked_name(name: &str) -> Result<&str, Problem> {
    visible(name, MAX_NAME_CHARS)
        .ok_or_else(|| Problem::refused(format!("`name` must have 1 to {MAX_NAME_CHARS} visible characters.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_something_to_be_read() {
        assert_eq!(checked_name(" website ").unwrap(), "website");
        for name in ["", " \t", "a\nb", "a\n", &"x".repeat(101)] {
            assert_eq!(checked_name(name).unwrap_err().status, 422, "{name:?}");
        }
    }
}
