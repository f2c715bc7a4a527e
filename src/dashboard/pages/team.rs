//! `/team`: who belongs to the account, who may come to, and who changed what.

use super::dress::page_response;
use super::form::Sent;
use super::format::{When, when};
use super::server::refused;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::{Guest, Visitor};
use crate::account::Role;
use crate::bot::Bot;
use crate::dashboard::auth::Scope;
use crate::dashboard::auth::need::{Invite, ManageMembers, ReadMembers};
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::dashboard::team;
use crate::ids::PersonId;
use crate::sentences::pages::Words;
use crate::store::{Invitation, Member, Note, Person, WhoKind};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use std::sync::Arc;

/// Changes that are listed.
const NEWEST: u16 = 50;

#[derive(Template)]
#[template(path = "team.html")]
struct Page {
    shell: Shell,
    w: Words,
    members: Vec<MemberRow>,
    /// None for who may not invite.
    invitations: Option<Vec<InvitationRow>>,
    offered: Vec<(&'static str, &'static str, &'static str)>,
    /// None for who may not see them.
    changes: Option<Vec<NoteRow>>,
    may_manage: bool,
    /// The link of the invitation that was just made.
    made: Option<String>,
    error: Option<String>,
}

struct MemberRow {
    id: String,
    name: String,
    initial: String,
    avatar: Option<String>,
    role: &'static str,
    roles: Vec<(&'static str, &'static str, bool)>,
    since: When,
    is_self: bool,
}

struct InvitationRow {
    id: String,
    role: &'static str,
    ends: String,
}

struct NoteRow {
    who: String,
    what: String,
    on: Option<String>,
    changes: Vec<String>,
    when: When,
}

fn role_text(w: Words, role: Role) -> &'static str {
    match role {
        Role::Owner => w.role_owner_text(),
        Role::Admin => w.role_admin_text(),
        Role::Agent => w.role_agent_text(),
    }
}

/// All of them, the least first.
const ROLES: [Role; 3] = [Role::Agent, Role::Admin, Role::Owner];

fn role_code(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Agent => "agent",
    }
}

fn role_of(code: &str) -> Result<Role, Problem> {
    let unknown = || Problem::bad_parameter("There is no such role.");
    ROLES.into_iter().find(|role| role_code(*role) == code).ok_or_else(unknown)
}

impl MemberRow {
    fn new(w: Words, visitor: &Guest, (member, person): (Member, Option<Person>), now: Timestamp) -> Self {
        let name = person.as_ref().map_or_else(|| member.person.0.clone(), |person| person.name.clone());
        let avatar = person.and_then(|person| person.avatar);
        let picture =
            |hash: &String| format!("https://cdn.discordapp.com/avatars/{}/{hash}.png?size=64", member.person);
        Self {
            initial: name.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default(),
            avatar: avatar.as_ref().filter(|hash| is_hash(hash)).map(picture),
            role: w.role(member.role),
            roles: ROLES.map(|role| (role_code(role), w.role(role), role == member.role)).into(),
            since: when(w, member.since, now),
            is_self: visitor.person() == Some(&member.person),
            id: member.person.0,
            name,
        }
    }
}

/// Whether this can be a picture's name at Discord, and nothing else.
pub(super) fn is_hash(hash: &str) -> bool {
    !hash.is_empty() && hash.len() <= 64 && hash.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

impl InvitationRow {
    fn new(w: Words, invitation: Invitation) -> Self {
        let ends = Timestamp::from_second(invitation.expires).map(super::format::moment).unwrap_or_default();
        Self { id: invitation.id.0, role: w.role(invitation.role), ends }
    }
}

impl NoteRow {
    fn new(w: Words, note: Note, now: Timestamp) -> Self {
        let told = |value: Option<String>| value.unwrap_or_else(|| "…".to_owned());
        let change = |change: crate::store::Change| match (change.old, change.new) {
            (None, None) => change.field,
            (None, Some(new)) => format!("{}: {new}", change.field),
            (old, new) => format!("{}: {} → {}", change.field, told(old), told(new)),
        };
        let who = match note.who.kind {
            WhoKind::Token => w.audit_token(note.who.name),
            WhoKind::Person | WhoKind::Operator => note.who.name,
        };
        Self {
            who,
            what: what_text(w, &note.what),
            on: note.on,
            changes: note.changes.into_iter().map(change).collect(),
            when: when(w, note.at, now),
        }
    }
}

/// What was done, in words; a newer code is shown as it is.
fn what_text(w: Words, code: &str) -> String {
    let text = match code {
        "settings.changed" => w.audit_settings_changed(),
        "source.added" => w.audit_source_added(),
        "source.refreshed" => w.audit_source_refreshed(),
        "source.removed" => w.audit_source_removed(),
        "notifications.changed" => w.audit_notifications_changed(),
        "bot.set" => w.audit_bot_set(),
        "bot.removed" => w.audit_bot_removed(),
        "token.created" => w.audit_token_created(),
        "token.revoked" => w.audit_token_revoked(),
        "invitation.created" => w.audit_invitation_created(),
        "invitation.revoked" => w.audit_invitation_revoked(),
        "member.joined" => w.audit_member_joined(),
        "member.role_changed" => w.audit_member_role_changed(),
        "member.removed" => w.audit_member_removed(),
        "member.left" => w.audit_member_left(),
        "plan.changed" => w.audit_plan_changed(),
        "guild.connected" => w.audit_guild_connected(),
        "guild.disconnected" => w.audit_guild_disconnected(),
        "account.created" => w.audit_account_created(),
        code => return code.to_owned(),
    };
    text.to_owned()
}

/// The page.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadMembers>,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Team).telling(told.notice());
    page(&bot, &visitor, shell, None, None).await
}

/// Invites somebody. The link is shown once, on the page that answers the form.
pub(super) async fn invite(State(bot): State<Arc<Bot>>, sent: Sent<Invite>) -> Result<Response, Problem> {
    let shell = Shell::new(&sent.visitor, Here::Team);
    let role = role_of(sent.field("role"))?;
    match team::invite(&bot, &sent.visitor, role, Timestamp::now()).await {
        Ok((_, secret)) => {
            let link = team::link(&bot, secret.expose_secret())?;
            page(&bot, &sent.visitor, shell, Some(link), None).await
        }
        Err(problem) if problem.status == StatusCode::CONFLICT.as_u16() => {
            let error = Some(shell.w.team_many_invitations().to_owned());
            Ok(refused(page(&bot, &sent.visitor, shell, None, error).await?))
        }
        Err(problem) => Err(problem),
    }
}

/// Takes an invitation back.
pub(super) async fn uninvite(State(bot): State<Arc<Bot>>, Id(id): Id, sent: Sent<Invite>) -> Result<Response, Problem> {
    team::uninvite(&bot, &sent.visitor, &id, Timestamp::now()).await?;
    Ok(to_page("/team", Notice::InvitationRevoked))
}

/// Gives a member another role.
pub(super) async fn set_role(
    State(bot): State<Arc<Bot>>,
    Id(id): Id,
    sent: Sent<ManageMembers>,
) -> Result<Response, Problem> {
    let role = role_of(sent.field("role"))?;
    let changed = team::set_role(&bot, &sent.visitor, &PersonId(id), role, Timestamp::now()).await;
    done(&bot, &sent.visitor, changed.map(|_| Notice::RoleChanged)).await
}

/// Takes a member out.
pub(super) async fn remove(
    State(bot): State<Arc<Bot>>,
    Id(id): Id,
    sent: Sent<ManageMembers>,
) -> Result<Response, Problem> {
    let removed = team::remove(&bot, &sent.visitor, &PersonId(id), Timestamp::now()).await;
    done(&bot, &sent.visitor, removed.map(|()| Notice::MemberRemoved)).await
}

/// The last owner stays: that is said on the page itself.
async fn done(bot: &Bot, visitor: &Guest, done: Result<Notice, Problem>) -> Result<Response, Problem> {
    match done {
        Ok(notice) => Ok(to_page("/team", notice)),
        Err(problem) if problem.status == StatusCode::CONFLICT.as_u16() => {
            let shell = Shell::new(visitor, Here::Team);
            let error = Some(shell.w.team_last_owner().to_owned());
            Ok(refused(page(bot, visitor, shell, None, error).await?))
        }
        Err(problem) => Err(problem),
    }
}

async fn page(
    bot: &Bot,
    visitor: &Guest,
    shell: Shell,
    made: Option<String>,
    error: Option<String>,
) -> Result<Response, Problem> {
    let (w, now) = (shell.w, Timestamp::now());
    let members = team::members(bot, visitor.account()).await?;
    let members = members.into_iter().map(|member| MemberRow::new(w, visitor, member, now)).collect();
    let invitations = if visitor.may(Scope::Invite) {
        let found = bot.store.invitations(visitor.account(), now).await?;
        Some(found.into_iter().map(|invitation| InvitationRow::new(w, invitation)).collect())
    } else {
        None
    };
    let changes = if visitor.may(Scope::ReadAudit) {
        let found = bot.store.notes(visitor.account(), None, NEWEST).await?;
        Some(found.into_iter().map(|note| NoteRow::new(w, note, now)).collect())
    } else {
        None
    };
    let offered = ROLES.into_iter().filter(|role| visitor.may_give(*role));
    let offered = offered.map(|role| (role_code(role), w.role(role), role_text(w, role))).collect();
    let may_manage = visitor.may(Scope::ManageMembers);
    Ok(page_response(&Page { shell, w, members, invitations, offered, changes, may_manage, made, error }))
}
