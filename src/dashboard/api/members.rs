//! `/members` and `/invitations`: who belongs to the account, and who may come to.

use super::refusals::{Always, BadBody, BadParams, Conflict, Forbidden, Unknown};
use crate::account::Role;
use crate::bot::Bot;
use crate::dashboard::auth::May;
use crate::dashboard::auth::need::{Invite, ManageMembers, ReadMembers};
use crate::dashboard::extract::{Body, Id, Params};
use crate::dashboard::page::{Page, PageParams, page};
use crate::dashboard::problem::Problem;
use crate::dashboard::team;
use crate::ids::PersonId;
use crate::store::{Invitation, Member, Person};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Somebody who belongs to the account.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MemberView {
    /// Discord's id of their user.
    #[schema(example = "53908232506183680")]
    pub id: String,
    /// What they called themselves when they signed in last.
    #[schema(example = "Ann")]
    pub name: String,
    /// Discord's hash of their picture, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Since when they belong to it.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// A change of a member.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberPatch {
    /// What they may do from now on.
    pub role: Role,
}

/// An invitation to be made.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// What whoever follows the link may do. Only owners may invite owners.
    pub role: Role,
}

/// An invitation that nobody has used.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InvitationView {
    /// Its id, for taking it back.
    #[schema(example = "inv-0199f3c2a1b4c5d6e7f")]
    pub id: String,
    /// What whoever follows its link may do.
    pub role: Role,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// An invitation that was just made.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CreatedInvitation {
    /// As in a list.
    #[serde(flatten)]
    pub view: InvitationView,
    /// Its link, shown this once. It works once.
    #[schema(format = Uri)]
    pub url: String,
}

impl From<(Member, Option<Person>)> for MemberView {
    fn from((member, person): (Member, Option<Person>)) -> Self {
        let (name, avatar) = person.map_or_else(Default::default, |person| (person.name, person.avatar));
        Self { id: member.person.0, name, avatar, role: member.role, since: member.since }
    }
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id.0,
            role: invitation.role,
            created_at: invitation.created_at,
            expires_at: Timestamp::from_second(invitation.expires).unwrap_or(Timestamp::MAX),
        }
    }
}

/// Lists who belongs to the account.
#[utoipa::path(
    get, path = "/members", tag = "account", params(PageParams),
    security(("bearer" = ["members:read"]), ("session" = ["agent"])),
    responses((status = 200, body = Page<MemberView>), BadParams, Forbidden, Always),
)]
pub async fn list_members(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadMembers>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<MemberView>>, Problem> {
    let members = team::members(&bot, caller.account()).await?.into_iter().map(MemberView::from).collect();
    page(members, |member: &MemberView| (member.since, &member.id), &params).map(Json)
}

/// Gives a member another role. The last owner stays one.
#[utoipa::path(
    patch, path = "/members/{id}", tag = "account", request_body = MemberPatch,
    params(("id" = String, Path, description = "Discord's id of the member's user")),
    security(("bearer" = ["members:write"]), ("session" = ["owner"])),
    responses((status = 200, body = MemberView), Unknown, Conflict, BadBody, Forbidden, Always),
)]
pub async fn change_member(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageMembers>,
    Id(id): Id,
    Body(patch): Body<MemberPatch>,
) -> Result<Json<MemberView>, Problem> {
    let member = team::set_role(&bot, &caller, &PersonId(id), patch.role, Timestamp::now()).await?;
    let person = bot.store.person(&member.person).await?;
    Ok(Json((member, person).into()))
}

/// Takes a member out: from now on they see nothing of the account. The last owner stays.
#[utoipa::path(
    delete, path = "/members/{id}", tag = "account",
    params(("id" = String, Path, description = "Discord's id of the member's user")),
    security(("bearer" = ["members:write"]), ("session" = ["owner"])),
    responses((status = 204, description = "They are no member any more"), Unknown, Conflict, Forbidden, Always),
)]
pub async fn remove_member(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageMembers>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    team::remove(&bot, &caller, &PersonId(id), Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the invitations that nobody has used yet.
#[utoipa::path(
    get, path = "/invitations", tag = "account", params(PageParams),
    security(("bearer" = ["invitations:write"]), ("session" = ["admin"])),
    responses((status = 200, body = Page<InvitationView>), BadParams, Forbidden, Always),
)]
pub async fn list_invitations(
    State(bot): State<Arc<Bot>>,
    caller: May<Invite>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<InvitationView>>, Problem> {
    let invitations = bot.store.invitations(caller.account(), Timestamp::now()).await?;
    let invitations = invitations.into_iter().map(InvitationView::from).collect();
    page(invitations, |invitation: &InvitationView| (invitation.created_at, &invitation.id), &params).map(Json)
}

/// Makes an invitation. Whoever follows its link and signs in is a member then: once, within seven days.
#[utoipa::path(
    post, path = "/invitations", tag = "account", request_body = NewInvitation,
    security(("bearer" = ["invitations:write"]), ("session" = ["admin"])),
    responses(
        (status = 201, body = CreatedInvitation, headers(("Location" = String, description = "The invitation's address"))),
        Conflict, BadBody, Forbidden, Always,
    ),
)]
pub async fn create_invitation(
    State(bot): State<Arc<Bot>>,
    caller: May<Invite>,
    Body(new): Body<NewInvitation>,
) -> Result<impl IntoResponse, Problem> {
    let (invitation, secret) = team::invite(&bot, &caller, new.role, Timestamp::now()).await?;
    let location = format!("{}/invitations/{}", super::PREFIX, invitation.id);
    let created = CreatedInvitation { view: invitation.into(), url: team::link(&bot, secret.expose_secret())? };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(created)))
}

/// One invitation that nobody has used yet, without its link.
#[utoipa::path(
    get, path = "/invitations/{id}", tag = "account",
    params(("id" = String, Path, description = "The invitation's id")),
    security(("bearer" = ["invitations:write"]), ("session" = ["admin"])),
    responses((status = 200, body = InvitationView), Unknown, Forbidden, Always),
)]
pub async fn get_invitation(
    State(bot): State<Arc<Bot>>,
    caller: May<Invite>,
    Id(id): Id,
) -> Result<Json<InvitationView>, Problem> {
    // An account has a handful of them: looking through them all is one Query.
    let invitations = bot.store.invitations(caller.account(), Timestamp::now()).await?;
    let found = invitations.into_iter().find(|invitation| invitation.id.0 == id);
    found.map(|found| Json(found.into())).ok_or_else(|| Problem::no_such("invitation"))
}

/// Takes an invitation back: its link is worthless from now on.
#[utoipa::path(
    delete, path = "/invitations/{id}", tag = "account",
    params(("id" = String, Path, description = "The invitation's id")),
    security(("bearer" = ["invitations:write"]), ("session" = ["admin"])),
    responses((status = 204, description = "It is taken back"), Unknown, Forbidden, Always),
)]
pub async fn revoke_invitation(
    State(bot): State<Arc<Bot>>,
    caller: May<Invite>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    team::uninvite(&bot, &caller, &id, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
