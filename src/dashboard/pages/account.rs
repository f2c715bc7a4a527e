//! `/account`: where somebody belongs, and their sessions.

use super::dress::page_response;
use super::preferences::Preferences;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::Guest;
use crate::bot::Bot;
use crate::dashboard::api::accounts::{MembershipView, memberships};
use crate::dashboard::auth::{Caller, Denied, SignedIn};
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::dashboard::team;
use crate::ids::AccountId;
use crate::sentences::pages::Words;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    shell: Shell,
    w: Words,
    accounts: Vec<MembershipView>,
}

/// The page, for everybody who has signed in, whether or not they belong to an account.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    Query(told): Query<Told>,
    mut parts: Parts,
) -> Result<Response, Problem> {
    let signed_in = person(&bot, &mut parts).await?;
    let (preferences, path) = (Preferences::of(&parts.headers), parts.uri.path().to_owned());
    let shell = match Caller::of(&mut parts, &bot).await {
        Ok(caller) => Shell::new(&Guest { caller, preferences, path }, Here::Account),
        Err(Denied::NoAccount) => {
            let mut shell = Shell::outside(preferences, Here::Account, &path);
            shell.csrf.clone_from(&signed_in.session.csrf);
            shell
        }
        Err(denied) => return Err(denied.into()),
    };
    let shell = shell.telling(told.notice());
    let w = shell.w;
    Ok(page_response(&Page { shell, w, accounts: memberships(&bot, &signed_in).await? }))
}

/// Looks at another account from now on, in this browser.
pub(super) async fn choose(State(bot): State<Arc<Bot>>, Id(id): Id, mut parts: Parts) -> Result<Response, Problem> {
    let signed_in = person(&bot, &mut parts).await?;
    team::switch(&bot, &signed_in, &AccountId(id)).await?;
    Ok(Redirect::to("/").into_response())
}

/// Leaves an account.
pub(super) async fn leave(State(bot): State<Arc<Bot>>, Id(id): Id, mut parts: Parts) -> Result<Response, Problem> {
    let signed_in = person(&bot, &mut parts).await?;
    team::leave(&bot, &signed_in, &AccountId(id), Timestamp::now()).await?;
    Ok(to_page("/account", Notice::AccountLeft))
}

/// Who is signed in. Where nobody can, as on a machine of one's own, there is no such page.
async fn person(bot: &Bot, parts: &mut Parts) -> Result<SignedIn, Problem> {
    if bot.access.sign_in.is_none() {
        return Err(Problem::not_found());
    }
    Ok(SignedIn::find(parts, bot).await?.ok_or(Denied::Unknown)?)
}
