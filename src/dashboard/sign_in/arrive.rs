//! From Discord's answer to a session: who somebody is, and where they belong.

use super::{MAX_CODE_CHARS, SignInTrouble};
use crate::account::{Account, Plan, Role};
use crate::bot::Bot;
use crate::dashboard::auth::session::{self, SIGN_IN_LASTS};
use crate::dashboard::auth::{hash, note, secret};
use crate::dashboard::team::who;
use crate::ids::AccountId;
use crate::sign_in::SignIn;
use crate::store::{Changed, Joined, Member, Person, SignInUnderWay};
use anyhow::Result;
use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use url::Url;

/// Characters of an account's name, which begins as its first owner's.
const MAX_NAME_CHARS: usize = 100;

/// Where to send somebody, and the cookie by which their browser is known when they are back.
pub(super) async fn depart(
    bot: &Bot,
    headers: &HeaderMap,
    next: String,
    now: Timestamp,
) -> Result<(Url, HeaderValue), SignInTrouble> {
    let sign_in = offered(bot)?;
    let (state, state_hash) = secret();
    let departure = sign_in.departure(state.expose_secret().to_owned(), bot.discord.as_deref()).await?;
    // Somebody who begins in two tabs has one cookie for both.
    let browser = session::browser(headers, &bot.access);
    let under_way = SignInUnderWay {
        state: state_hash,
        browser: hash(&browser),
        verifier: departure.verifier,
        next,
        expires: (now + SIGN_IN_LASTS).as_second(),
    };
    bot.store.put_sign_in(&under_way).await?;
    Ok((departure.address, session::browser_cookie(&bot.access, &browser)))
}

/// The sign-in that a state is of, once, if it began in this browser.
pub(super) async fn take(
    bot: &Bot,
    headers: &HeaderMap,
    state: &str,
    now: Timestamp,
) -> Result<SignInUnderWay, SignInTrouble> {
    offered(bot)?;
    let browser = session::sent_browser(headers, &bot.access).ok_or(SignInTrouble::Over)?;
    bot.store.take_sign_in(&hash(state), &hash(browser), now).await?.ok_or(SignInTrouble::Over)
}

/// Signs somebody in. What is returned is the cookie of a new session; the one before in this browser ends.
pub(super) async fn arrive(
    bot: &Bot,
    headers: &HeaderMap,
    under_way: SignInUnderWay,
    code: &str,
    now: Timestamp,
) -> Result<HeaderValue, SignInTrouble> {
    let sign_in = offered(bot)?;
    if code.len() > MAX_CODE_CHARS {
        return Err(SignInTrouble::Over);
    }
    let (user, tokens) = sign_in.arrival(code, under_way.verifier, bot.discord.as_deref(), now).await?;
    let name: String = user.name().chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
    let person = bot.store.person_signed_in(&user.id.into(), &name, user.avatar.as_deref(), &tokens).await?;
    let is_invited = under_way.next.starts_with("/join/");
    let account = home(bot, &person, is_invited, now).await?;
    if account.is_none() && !is_invited {
        return Err(SignInTrouble::NoAccount(person.id.0));
    }
    session::forget(headers, bot).await?;
    tracing::info!(person.id = %person.id, "somebody has signed in");
    Ok(session::begin(&bot.store, &bot.access, &person, account, now).await?)
}

fn offered(bot: &Bot) -> Result<&SignIn, SignInTrouble> {
    bot.access.sign_in.as_ref().ok_or(SignInTrouble::NotOffered)
}

/// The account that somebody looks at first: the one that they have belonged to longest.
///
/// On one machine there is one account, whose owners are those who run it. Hosted, everybody has one of their own, unless
/// they come by an invitation to another.
async fn home(bot: &Bot, person: &Person, is_invited: bool, now: Timestamp) -> Result<Option<AccountId>> {
    let mut members = bot.store.memberships(&person.id).await?;
    if let Some(only) = &bot.default_account {
        if bot.access.is_operator(&person.id) {
            let known = members.into_iter().find(|member| member.account == *only);
            return own(bot, person, only, known, now).await.map(Some);
        }
    } else if members.is_empty() && !is_invited {
        return found(bot, person, now).await.map(Some);
    }
    members.sort_by_key(|member| member.since);
    Ok(members.into_iter().next().map(|member| member.account))
}

/// Makes somebody who runs the machine an owner of its account.
async fn own(
    bot: &Bot,
    person: &Person,
    account: &AccountId,
    known: Option<Member>,
    now: Timestamp,
) -> Result<AccountId> {
    let member = Member { account: account.clone(), person: person.id.clone(), role: Role::Owner, since: now };
    let note = note(account.clone(), who(person), "member.joined", Some(person.id.0.clone()), Vec::new(), now);
    match known {
        Some(known) if known.role == Role::Owner => {}
        Some(known) => {
            if bot.store.set_role(&known, Role::Owner, &note).await? != Changed::Yes {
                tracing::warn!(person.id = %person.id, "an operator's role was changed at the moment of signing in");
            }
        }
        None => {
            // Whoever signs in twice at once is a member by the other one.
            let _: Joined = bot.store.add_member(&member, None, &note, now).await?;
        }
    }
    Ok(account.clone())
}

/// Makes an account for somebody who has none.
async fn found(bot: &Bot, person: &Person, now: Timestamp) -> Result<AccountId> {
    // The same at a second try, so that whoever signs in twice at once has one account and not two.
    let ids = [AccountId::of(&person.id), AccountId::generate(now)];
    for id in ids {
        let account = Account { id: id.clone(), name: person.name.clone(), plan: Plan::Starter };
        let owner = Member { account: id.clone(), person: person.id.clone(), role: Role::Owner, since: now };
        let note = note(id.clone(), who(person), "account.created", Some(id.0.clone()), Vec::new(), now);
        let is_made = bot.store.put_account_of(&account, &owner, &note).await?;
        if is_made || bot.store.member(&id, &person.id).await?.is_some() {
            return Ok(id);
        }
        // It is there, and they were taken out of it: they get another one.
    }
    anyhow::bail!("an account of a random id is taken")
}
