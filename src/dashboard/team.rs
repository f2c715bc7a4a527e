//! What is done with members and invitations, by the API and by pages alike.

use super::auth::{Caller, SignedIn, changed, note, secret};
use super::extract::MAX_ID_CHARS;
use super::problem::Problem;
use crate::account::Role;
use crate::bot::Bot;
use crate::ids::{AccountId, InvitationId, PersonId};
use crate::sentences::pages::Words;
use crate::store::{Changed, Invitation, Joined, Member, Person, Who, WhoKind};
use anyhow::{Context as _, anyhow};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::collections::HashMap;

/// How long an invitation lasts: over a weekend and a few days of illness.
const INVITATION_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Invitations of an account at a time: more are a mistake or mischief.
const MOST_INVITATIONS: usize = 100;

/// A member was changed by somebody else at the same moment; then it is looked at anew, so often.
const TRIES: u32 = 4;

/// An account's members with what is known of them as people, owners first, then by when they came.
pub async fn members(bot: &Bot, account: &AccountId) -> anyhow::Result<Vec<(Member, Option<Person>)>> {
    let mut members = bot.store.members(account).await?;
    members.sort_by_key(|member| (std::cmp::Reverse(member.role), member.since));
    let ids: Vec<PersonId> = members.iter().map(|member| member.person.clone()).collect();
    let people = bot.store.people(&ids).await?;
    let mut people: HashMap<PersonId, Person> = people.into_iter().map(|person| (person.id.clone(), person)).collect();
    Ok(members
        .into_iter()
        .map(|member| {
            let person = people.remove(&member.person);
            (member, person)
        })
        .collect())
}

/// Invites somebody. What is returned is the secret of the link, this once.
pub async fn invite(
    bot: &Bot,
    caller: &Caller,
    role: Role,
    now: Timestamp,
) -> Result<(Invitation, SecretString), Problem> {
    if !caller.may_give(role) {
        return Err(Problem::said(StatusCode::FORBIDDEN, |lang| {
            let w = Words(lang);
            w.denied_invite(w.role(role).to_lowercase())
        }));
    }
    if bot.store.invitations(caller.account(), now).await?.len() >= MOST_INVITATIONS {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("There are {MOST_INVITATIONS} invitations that nobody has used. Take some back first."),
        ));
    }
    let (text, hash) = secret();
    let invitation = Invitation {
        id: InvitationId::generate(now),
        hash,
        account: caller.account().clone(),
        role,
        created_at: now,
        expires: (now + INVITATION_LASTS).as_second(),
    };
    let changes = vec![changed("role", None, Some(role.to_string()))];
    let note = caller.note("invitation.created", invitation.id.0.clone(), changes, now);
    bot.store.put_invitation(&invitation, &note).await?;
    Ok((invitation, text))
}

/// The link of an invitation.
pub fn link(bot: &Bot, secret: &str) -> anyhow::Result<String> {
    let mut address = bot.access.address.clone().context("nobody can be invited: GUILDHALL_PUBLIC_URL is not set")?;
    address
        .path_segments_mut()
        .map_err(|()| anyhow!("GUILDHALL_PUBLIC_URL has no path"))?
        .pop_if_empty()
        .extend(["join", secret]);
    Ok(address.into())
}

/// Takes an invitation back.
pub async fn uninvite(bot: &Bot, caller: &Caller, id: &str, now: Timestamp) -> Result<(), Problem> {
    let invitations = bot.store.invitations(caller.account(), now).await?;
    let unknown = || Problem::no_such("invitation");
    let invitation = invitations.into_iter().find(|invitation| invitation.id.0 == id).ok_or_else(unknown)?;
    let note = caller.note("invitation.revoked", invitation.id.0.clone(), Vec::new(), now);
    if bot.store.delete_invitation(&invitation, &note).await? { Ok(()) } else { Err(unknown()) }
}

/// Makes somebody who is signed in a member, and lets them look at that account.
pub async fn accept(
    bot: &Bot,
    signed_in: &SignedIn,
    invitation: &Invitation,
    now: Timestamp,
) -> anyhow::Result<Joined> {
    let SignedIn { person, session } = signed_in;
    let Invitation { account, role, .. } = invitation;
    let member = Member { account: account.clone(), person: person.id.clone(), role: *role, since: now };
    let changes =
        vec![changed("role", None, Some(role.to_string())), changed("invitation", None, Some(invitation.id.0.clone()))];
    let who = who(person);
    let note = note(account.clone(), who, "member.joined", Some(person.id.0.clone()), changes, now);
    let joined = bot.store.add_member(&member, Some(invitation), &note, now).await?;
    if joined != Joined::NotInvited {
        bot.store.set_session_account(&session.hash, account).await?;
    }
    Ok(joined)
}

/// Gives a member another role.
pub async fn set_role(
    bot: &Bot,
    caller: &Caller,
    person: &PersonId,
    role: Role,
    now: Timestamp,
) -> Result<Member, Problem> {
    for _ in 0..TRIES {
        let member = find(bot, caller, person).await?;
        if member.role == role {
            return Ok(member);
        }
        let changes = vec![changed("role", Some(member.role.to_string()), Some(role.to_string()))];
        let note = caller.note("member.role_changed", person.0.clone(), changes, now);
        match bot.store.set_role(&member, role, &note).await? {
            Changed::Yes => return Ok(Member { role, ..member }),
            Changed::LastOwner => return Err(last_owner()),
            Changed::Overtaken => {}
        }
    }
    Err(anyhow!("a member is changed by too many at once").into())
}

/// Takes a member out. Their sessions open this account no more, and the tokens that they made are revoked.
pub async fn remove(bot: &Bot, caller: &Caller, person: &PersonId, now: Timestamp) -> Result<(), Problem> {
    take_out(bot, caller.account(), person, &caller.who(), "member.removed", now).await
}

/// Takes somebody out of an account who wants to leave it, and lets this browser look at another one of theirs.
pub async fn leave(bot: &Bot, signed_in: &SignedIn, account: &AccountId, now: Timestamp) -> Result<(), Problem> {
    let SignedIn { person, session } = signed_in;
    if account.0.len() > MAX_ID_CHARS {
        return Err(Problem::no_such("account"));
    }
    take_out(bot, account, &person.id, &who(person), "member.left", now).await?;
    if session.account.as_ref() == Some(account) {
        let others = bot.store.memberships(&person.id).await?;
        if let Some(next) = others.into_iter().min_by_key(|member| member.since) {
            bot.store.set_session_account(&session.hash, &next.account).await?;
        }
    }
    Ok(())
}

async fn take_out(
    bot: &Bot,
    account: &AccountId,
    person: &PersonId,
    by: &Who,
    what: &str,
    now: Timestamp,
) -> Result<(), Problem> {
    for _ in 0..TRIES {
        let member = bot.store.member(account, person).await?.ok_or_else(|| Problem::no_such("member"))?;
        if member.role == Role::Owner {
            let owners = bot.store.members(account).await?.into_iter().filter(|member| member.role == Role::Owner);
            if owners.count() <= 1 {
                return Err(last_owner());
            }
        }
        // Before they are out: were it after, and something failed in between, nobody would know of the tokens that are left.
        revoke_tokens_of(bot, account, person, by, now).await?;
        let changes = vec![changed("role", Some(member.role.to_string()), None)];
        let note = note(account.clone(), by.clone(), what, Some(person.0.clone()), changes, now);
        match bot.store.remove_member(&member, &note).await? {
            Changed::Yes => return Ok(()),
            Changed::LastOwner => return Err(last_owner()),
            Changed::Overtaken => {}
        }
    }
    Err(anyhow!("a member is changed by too many at once").into())
}

/// Revokes what somebody made: they may still have the secrets, with which they would go on to read and change what they
/// are no member of any more.
async fn revoke_tokens_of(
    bot: &Bot,
    account: &AccountId,
    person: &PersonId,
    by: &Who,
    now: Timestamp,
) -> anyhow::Result<()> {
    let tokens = bot.store.tokens(account).await?;
    for token in tokens.into_iter().filter(|token| token.made_by.as_ref() == Some(person)) {
        let changes = vec![changed("name", Some(token.name.clone()), None)];
        let note = note(account.clone(), by.clone(), "token.revoked", Some(token.id.0.clone()), changes, now);
        bot.store.delete_token(&token, &note).await?;
    }
    Ok(())
}

/// Lets somebody look at another of their accounts.
pub async fn switch(bot: &Bot, signed_in: &SignedIn, account: &AccountId) -> Result<(), Problem> {
    let unknown = || Problem::no_such("account");
    if account.0.len() > MAX_ID_CHARS {
        return Err(unknown());
    }
    bot.store.member(account, &signed_in.person.id).await?.ok_or_else(unknown)?;
    Ok(bot.store.set_session_account(&signed_in.session.hash, account).await?)
}

/// A person as the audit trail names them.
pub(super) fn who(person: &Person) -> Who {
    Who { kind: WhoKind::Person, id: person.id.0.clone(), name: person.name.clone() }
}

async fn find(bot: &Bot, caller: &Caller, person: &PersonId) -> Result<Member, Problem> {
    bot.store.member(caller.account(), person).await?.ok_or_else(|| Problem::no_such("member"))
}

fn last_owner() -> Problem {
    Problem::said(StatusCode::CONFLICT, |lang| Words(lang).team_last_owner().to_owned())
}
