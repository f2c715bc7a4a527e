//! `/accounts`, for those who run the installation, and `/me/…`: where somebody belongs, and their sessions.

use super::refusals::{Always, BadBody, BadParams, Conflict, Forbidden, Unknown};
use crate::account::{Account, Plan, Role};
use crate::bot::Bot;
use crate::dashboard::auth::{Operates, SignedIn, changed, note, session};
use crate::dashboard::extract::{Body, Id, Params};
use crate::dashboard::page::{Page, PageParams, cursor_at};
use crate::dashboard::problem::Problem;
use crate::dashboard::team;
use crate::ids::AccountId;
use crate::sign_in;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// A plan was changed by somebody else at the same moment; then it is looked at anew, so often.
const TRIES: u32 = 4;

/// An account of the installation.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AccountView {
    /// Its id.
    #[schema(example = "acc-53908232506183680")]
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may use.
    pub plan: Plan,
}

/// A change of an account.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// What it may use from now on.
    pub plan: Plan,
}

/// An account that somebody belongs to.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MembershipView {
    /// Its id.
    #[schema(example = "acc-53908232506183680")]
    pub account: String,
    /// What people call it.
    pub name: String,
    /// What they are in it.
    pub role: Role,
    /// Whether they look at it in this browser.
    pub current: bool,
}

/// Where somebody belongs.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MembershipsView {
    /// The accounts.
    pub items: Vec<MembershipView>,
    /// What must go along, in the header `x-csrf-token`, with every request of this session that changes something.
    pub csrf: String,
}

/// Which account to look at.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChosenAccount {
    /// Its id.
    #[schema(example = "acc-53908232506183680")]
    pub account: String,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self { id: account.id.0, name: account.name, plan: account.plan }
    }
}

/// Lists the accounts of the installation, by id.
#[utoipa::path(
    get, path = "/accounts", tag = "installation", params(PageParams),
    security(("bearer" = ["operator"]), ("session" = ["operator"])),
    responses((status = 200, body = Page<AccountView>), BadParams, Forbidden, Always),
)]
pub async fn list_accounts(
    State(bot): State<Arc<Bot>>,
    _: Operates,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<AccountView>>, Problem> {
    let (limit, after) = (params.limit()?, params.after()?);
    let after = after.map(|(_, id)| AccountId(id));
    let mut ids = bot.store.accounts(after.as_ref(), limit + 1).await?;
    let more = ids.len() > usize::from(limit);
    ids.truncate(limit.into());
    let cursor = ids.last().filter(|_| more).map(|last| cursor_at(Timestamp::UNIX_EPOCH, &last.0));
    let mut accounts = bot.store.accounts_named(&ids).await?;
    accounts.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(Json(Page { items: accounts.into_iter().map(AccountView::from).collect(), cursor }))
}

/// One account of the installation.
#[utoipa::path(
    get, path = "/accounts/{id}", tag = "installation", params(("id" = String, Path, description = "The account's id")),
    security(("bearer" = ["operator"]), ("session" = ["operator"])),
    responses((status = 200, body = AccountView), Unknown, Forbidden, Always),
)]
pub async fn get_account(State(bot): State<Arc<Bot>>, _: Operates, Id(id): Id) -> Result<Json<AccountView>, Problem> {
    Ok(Json(find(&bot, id).await?.into()))
}

/// Gives an account another plan, within seconds.
#[utoipa::path(
    patch, path = "/accounts/{id}", tag = "installation", request_body = AccountPatch,
    params(("id" = String, Path, description = "The account's id")),
    security(("bearer" = ["operator"]), ("session" = ["operator"])),
    responses((status = 200, body = AccountView), Unknown, BadBody, Forbidden, Always),
)]
pub async fn change_account(
    State(bot): State<Arc<Bot>>,
    caller: Operates,
    Id(id): Id,
    Body(AccountPatch { plan }): Body<AccountPatch>,
) -> Result<Json<AccountView>, Problem> {
    let now = Timestamp::now();
    for _ in 0..TRIES {
        let account = find(&bot, id.clone()).await?;
        if account.plan == plan {
            return Ok(Json(account.into()));
        }
        let changes = vec![changed("plan", Some(account.plan.as_str().into()), Some(plan.as_str().into()))];
        // In the trail of the account that it happens to, whoever does it.
        let note = note(account.id.clone(), caller.who(), "plan.changed", Some(account.id.0.clone()), changes, now);
        if bot.store.set_plan(&account, plan, &note).await? {
            return Ok(Json(Account { plan, ..account }.into()));
        }
    }
    Err(anyhow::anyhow!("an account's plan is changed by too many at once").into())
}

/// Lists the accounts that the person who is signed in belongs to.
#[utoipa::path(
    get, path = "/me/accounts", tag = "account", security(("session" = [])),
    responses((status = 200, body = MembershipsView), Forbidden, Always),
)]
pub async fn list_memberships(
    State(bot): State<Arc<Bot>>,
    signed_in: SignedIn,
) -> Result<Json<MembershipsView>, Problem> {
    let items = memberships(&bot, &signed_in).await?;
    Ok(Json(MembershipsView { items, csrf: signed_in.session.csrf.clone() }))
}

/// Where somebody belongs. One Query and one BatchGetItem.
pub(crate) async fn memberships(bot: &Bot, signed_in: &SignedIn) -> anyhow::Result<Vec<MembershipView>> {
    let members = bot.store.memberships(&signed_in.person.id).await?;
    let ids: Vec<AccountId> = members.iter().map(|member| member.account.clone()).collect();
    let accounts = bot.store.accounts_named(&ids).await?;
    let names: HashMap<AccountId, String> = accounts.into_iter().map(|account| (account.id, account.name)).collect();
    let items = members.into_iter().map(|member| MembershipView {
        name: names.get(&member.account).cloned().unwrap_or_default(),
        current: signed_in.session.account.as_ref() == Some(&member.account),
        role: member.role,
        account: member.account.0,
    });
    Ok(items.collect())
}

/// Leaves an account: from now on the person who is signed in sees nothing of it, and the API tokens that they made there are
/// revoked. The last owner stays.
#[utoipa::path(
    delete, path = "/me/accounts/{id}", tag = "account", params(("id" = String, Path, description = "The account's id")),
    security(("session" = [])),
    responses((status = 204, description = "They are no member any more"), Unknown, Conflict, Forbidden, Always),
)]
pub async fn leave_account(
    State(bot): State<Arc<Bot>>,
    signed_in: SignedIn,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    team::leave(&bot, &signed_in, &AccountId(id), Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks at another account from now on, in this browser.
#[utoipa::path(
    put, path = "/me/account", tag = "account", request_body = ChosenAccount, security(("session" = [])),
    responses((status = 204, description = "It is looked at"), Unknown, BadBody, Forbidden, Always),
)]
pub async fn choose_account(
    State(bot): State<Arc<Bot>>,
    signed_in: SignedIn,
    Body(chosen): Body<ChosenAccount>,
) -> Result<StatusCode, Problem> {
    team::switch(&bot, &signed_in, &AccountId(chosen.account)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs the person out everywhere, in this browser too.
#[utoipa::path(
    delete, path = "/me/sessions", tag = "account", security(("session" = [])),
    responses((status = 204, description = "Every session has ended"), Forbidden, Always),
)]
pub async fn end_sessions(State(bot): State<Arc<Bot>>, signed_in: SignedIn) -> Result<impl IntoResponse, Problem> {
    bot.store.sign_out_everywhere(&signed_in.person.id).await?;
    sign_in::give_back(&bot, &signed_in.person.id);
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, session::end(&bot.access))]))
}

async fn find(bot: &Bot, id: String) -> Result<Account, Problem> {
    bot.store.account(&AccountId(id)).await?.ok_or_else(|| Problem::no_such("account"))
}
