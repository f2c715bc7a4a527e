//! `/tokens`: API tokens. A secret is shown once, on the page that answers the form.

use super::dress::page_response;
use super::form::{Field, Sent};
use super::format::{When, when};
use super::server::refused;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::{Guest, Visitor};
use crate::bot::Bot;
use crate::dashboard::api::tokens as api;
use crate::dashboard::auth::need::ManageTokens;
use crate::dashboard::auth::{MAX_NAME_CHARS, Scope};
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::sentences::pages::Words;
use crate::store::ApiToken;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "tokens.html")]
struct Page {
    shell: Shell,
    w: Words,
    tokens: Vec<TokenRow>,
    form: TokenForm,
    /// The token that was just made.
    made: Option<String>,
}

/// A token to be made, as a form has it.
struct TokenForm {
    name: Field,
    scopes: Vec<ScopeOption>,
    /// What is wrong with the choice of scopes.
    error: Option<&'static str>,
}

struct ScopeOption {
    code: &'static str,
    text: &'static str,
    is_chosen: bool,
}

impl TokenForm {
    /// With all scopes that the visitor may give.
    fn new(w: Words, visitor: &Guest, name: Field, chosen: &BTreeSet<Scope>) -> Self {
        let offered = Scope::ALL.iter().filter(|scope| visitor.may(**scope));
        let option = |scope: &Scope| ScopeOption {
            code: scope.as_str(),
            text: scope_text(w, *scope),
            is_chosen: chosen.contains(scope),
        };
        Self { name, scopes: offered.map(option).collect(), error: None }
    }
}

struct TokenRow {
    id: String,
    name: String,
    scopes: String,
    made: When,
}

/// What a token may do with a scope.
fn scope_text(w: Words, scope: Scope) -> &'static str {
    match scope {
        Scope::ReadAccount => w.scope_read_account(),
        Scope::CountUsage => w.scope_count_usage(),
        Scope::Ask => w.scope_ask(),
        Scope::ReadGuilds => w.scope_read_guilds(),
        Scope::ChangeSettings => w.scope_change_settings(),
        Scope::ReadKnowledge => w.scope_read_knowledge(),
        Scope::ManageKnowledge => w.scope_manage_knowledge(),
        Scope::ReadConversations => w.scope_read_conversations(),
        Scope::ReadBot => w.scope_read_bot(),
        Scope::ManageBot => w.scope_manage_bot(),
        Scope::ReadEvents => w.scope_read_events(),
        Scope::ManageNotifications => w.scope_manage_notifications(),
        Scope::ManageTokens => w.scope_manage_tokens(),
        Scope::ReadMembers => w.scope_read_members(),
        Scope::Invite => w.scope_invite(),
        Scope::ManageMembers => w.scope_manage_members(),
        Scope::ReadAudit => w.scope_read_audit(),
    }
}

/// The list.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ManageTokens>,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Tokens).telling(told.notice());
    let usual = [Scope::Ask, Scope::ReadKnowledge].into();
    let form = TokenForm::new(shell.w, &visitor, Field::default(), &usual);
    page(&bot, &visitor, shell, form, None).await
}

/// Makes a token.
pub(super) async fn create(State(bot): State<Arc<Bot>>, sent: Sent<ManageTokens>) -> Result<Response, Problem> {
    let visitor = &sent.visitor;
    let shell = Shell::new(visitor, Here::Tokens);
    let w = shell.w;
    let wanted: BTreeSet<Scope> = sent.all("scope").filter_map(|scope| scope.parse().ok()).collect();
    let mut form = TokenForm::new(w, visitor, Field::of(sent.field("name")), &wanted);
    let name = api::checked_name(sent.field("name"));
    if name.is_err() {
        form.name.error = Some(w.token_bad_name(MAX_NAME_CHARS));
    }
    if wanted.is_empty() {
        form.error = Some(w.token_no_scope());
    }
    let (Ok(name), None) = (name, form.error) else {
        return Ok(refused(page(&bot, visitor, shell, form, None).await?));
    };
    let scopes = api::given(visitor, Some(wanted), false)?;
    let (_, secret) = api::make(&bot, visitor, name, scopes.clone()).await?;
    let form = TokenForm::new(w, visitor, Field::default(), &scopes);
    page(&bot, visitor, shell, form, Some(secret.expose_secret().to_owned())).await
}

/// Revokes one.
pub(super) async fn revoke(State(bot): State<Arc<Bot>>, id: Id, sent: Sent<ManageTokens>) -> Result<Response, Problem> {
    api::revoke(&bot, &sent.visitor, &id).await?;
    Ok(to_page("/tokens", Notice::TokenRevoked))
}

async fn page(
    bot: &Bot,
    visitor: &Guest,
    shell: Shell,
    form: TokenForm,
    made: Option<String>,
) -> Result<Response, Problem> {
    let (w, now) = (shell.w, Timestamp::now());
    let mut tokens = bot.store.tokens(visitor.account()).await?;
    tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    let row = |token: ApiToken| {
        let scopes = token.may();
        let listed = scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
        let scopes = if scopes == Scope::all() { w.token_may_all().to_owned() } else { listed };
        TokenRow { id: token.id.0, name: token.name, scopes, made: when(w, token.created_at, now) }
    };
    Ok(page_response(&Page { shell, w, tokens: tokens.into_iter().map(row).collect(), form, made }))
}
