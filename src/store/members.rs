//! Who belongs to an account, and who is invited. An account that has an owner never loses its last one.

use super::schedule::Listed;
use super::transact::{Together, Write as _};
use super::{Note, Store, keys, number, text};
use crate::account::{Account, Role};
use crate::ids::{AccountId, InvitationId, PersonId};
use anyhow::Result;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Somebody who belongs to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// To which account.
    pub account: AccountId,
    /// Who.
    pub person: PersonId,
    /// What they may do there.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
}

/// Whoever has its link may become a member, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its public name.
    pub id: InvitationId,
    /// SHA-256 of the link's secret, in hexadecimal.
    pub hash: String,
    /// To which account.
    pub account: AccountId,
    /// As what.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, in seconds since 1970.
    pub expires: i64,
}

/// What became of somebody who was to become a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// They are one now.
    Yes,
    /// They were one before, as what they are.
    WasMember,
    /// The invitation is used up, taken back or over.
    NotInvited,
}

/// What became of a change of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is made.
    Yes,
    /// Somebody else has changed them meanwhile.
    Overtaken,
    /// They are the account's only owner.
    LastOwner,
}

impl Store {
    /// What somebody is in an account. One GetItem.
    pub async fn member(&self, account: &AccountId, person: &PersonId) -> Result<Option<Member>> {
        self.get(keys::member(account, person)).await
    }

    /// Who belongs to an account. One Query.
    pub async fn members(&self, account: &AccountId) -> Result<Vec<Member>> {
        self.query_all(&keys::account_partition(account), keys::MEMBER).await
    }

    /// Where somebody belongs. One Query.
    pub async fn memberships(&self, person: &PersonId) -> Result<Vec<Member>> {
        self.query_all(&keys::person_partition(person), keys::ACCOUNT_OF_PERSON).await
    }

    /// Several accounts, in any order. One BatchGetItem for each hundred.
    pub async fn accounts_named(&self, accounts: &[AccountId]) -> Result<Vec<Account>> {
        self.get_many(accounts.iter().map(keys::account).collect(), "read accounts").await
    }

    /// Makes an account with its first owner; false where there is an account of this id. One transaction.
    pub async fn put_account_of(&self, account: &Account, owner: &Member, note: &Note) -> Result<bool> {
        let listed = Listed { account: account.id.clone() };
        let mut writes = vec![
            self.putting(keys::account(&account.id), account)?
                .condition_expression("attribute_not_exists(pk)")
                .write()?,
            self.putting(keys::account_listed(&account.id), &listed)?.write()?,
        ];
        writes.extend(self.joining(owner)?);
        writes.extend(self.noting(Some(note))?);
        Ok(self.together(writes, "make an account").await? == Together::Done)
    }

    /// Makes somebody a member, by an invitation where one is needed. One transaction.
    pub async fn add_member(
        &self,
        member: &Member,
        invitation: Option<&Invitation>,
        note: &Note,
        now: Timestamp,
    ) -> Result<Joined> {
        let mut writes = self.joining(member)?;
        writes.extend(self.noting(Some(note))?);
        if let Some(invitation) = invitation {
            // Only the one that was looked at: an invitation lasts until its end.
            let taken = self
                .deleting(keys::invitation(&invitation.hash))
                .condition_expression("attribute_exists(pk) AND expires > :now")
                .expression_attribute_values(":now", number(now.as_second()));
            writes.push(taken.write()?);
            writes.push(self.deleting(keys::invitation_of_account(&invitation.account, &invitation.id)).write()?);
        }
        Ok(match self.together(writes, "add a member").await? {
            Together::Done => Joined::Yes,
            Together::Refused(0) => Joined::WasMember,
            Together::Refused(_) => Joined::NotInvited,
        })
    }

    /// The writes that make a member; the first one is refused where they are one.
    fn joining(&self, member: &Member) -> Result<Vec<TransactWriteItem>> {
        let Member { account, person, .. } = member;
        let mut writes = vec![
            self.putting(keys::member(account, person), member)?
                .condition_expression("attribute_not_exists(pk)")
                .write()?,
            self.putting(keys::account_of_person(person, account), member)?.write()?,
        ];
        if member.role == Role::Owner {
            writes.push(self.counting_owner(account, 1)?);
        }
        Ok(writes)
    }

    /// How many owners an account has is one number, so that two who leave at once do not each see the other stay.
    fn counting_owner(&self, account: &AccountId, change: i8) -> Result<TransactWriteItem> {
        let update = self
            .updating(keys::owners(account))
            .update_expression("ADD #count :change")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":change", number(change));
        let update = if change < 0 {
            update.condition_expression("#count > :last").expression_attribute_values(":last", number(1))
        } else {
            update
        };
        update.write()
    }

    /// Gives a member another role, if they have not been changed since. One transaction.
    pub async fn set_role(&self, member: &Member, role: Role, note: &Note) -> Result<Changed> {
        let mut writes = Vec::new();
        for key in
            [keys::member(&member.account, &member.person), keys::account_of_person(&member.person, &member.account)]
        {
            let update = self
                .updating(key)
                .update_expression("SET #role = :new")
                .condition_expression("#role = :old")
                .expression_attribute_names("#role", "role")
                .expression_attribute_values(":new", text(role.to_string()))
                .expression_attribute_values(":old", text(member.role.to_string()));
            writes.push(update.write()?);
        }
        match (member.role, role) {
            (Role::Owner, Role::Owner) => {}
            (Role::Owner, _) => writes.push(self.counting_owner(&member.account, -1)?),
            (_, Role::Owner) => writes.push(self.counting_owner(&member.account, 1)?),
            _ => {}
        }
        writes.extend(self.noting(Some(note))?);
        self.changed(writes, "change a member").await
    }

    /// Takes a member out, if they have not been changed since. One transaction.
    pub async fn remove_member(&self, member: &Member, note: &Note) -> Result<Changed> {
        let mut writes = Vec::new();
        for key in
            [keys::member(&member.account, &member.person), keys::account_of_person(&member.person, &member.account)]
        {
            let delete = self
                .deleting(key)
                .condition_expression("#role = :role")
                .expression_attribute_names("#role", "role")
                .expression_attribute_values(":role", text(member.role.to_string()));
            writes.push(delete.write()?);
        }
        if member.role == Role::Owner {
            writes.push(self.counting_owner(&member.account, -1)?);
        }
        writes.extend(self.noting(Some(note))?);
        self.changed(writes, "remove a member").await
    }

    /// The first two writes are the member's, the third one is the count of owners.
    async fn changed(&self, writes: Vec<TransactWriteItem>, attempted: &str) -> Result<Changed> {
        Ok(match self.together(writes, attempted).await? {
            Together::Done => Changed::Yes,
            Together::Refused(0 | 1) => Changed::Overtaken,
            Together::Refused(_) => Changed::LastOwner,
        })
    }

    /// The invitation with this hash, if it has not ended. One GetItem.
    pub async fn invitation(&self, hash: &str, now: Timestamp) -> Result<Option<Invitation>> {
        let found: Option<Invitation> = self.get(keys::invitation(hash)).await?;
        Ok(found.filter(|invitation| invitation.expires > now.as_second()))
    }

    /// An account's invitations that nobody has used and that have not ended, oldest first. One Query.
    pub async fn invitations(&self, account: &AccountId, now: Timestamp) -> Result<Vec<Invitation>> {
        let found: Vec<Invitation> = self.query_all(&keys::account_partition(account), keys::INVITATION).await?;
        Ok(found.into_iter().filter(|invitation| invitation.expires > now.as_second()).collect())
    }

    /// Writes an invitation and its entry in the account's list. One transaction.
    pub async fn put_invitation(&self, invitation: &Invitation, note: &Note) -> Result<()> {
        let listed = keys::invitation_of_account(&invitation.account, &invitation.id);
        let mut writes = vec![
            self.putting(keys::invitation(&invitation.hash), invitation)?.write()?,
            self.putting(listed, invitation)?.write()?,
        ];
        writes.extend(self.noting(Some(note))?);
        self.together(writes, "write an invitation").await.map(drop)
    }

    /// Takes an invitation back; false where it was used meanwhile. One transaction.
    pub async fn delete_invitation(&self, invitation: &Invitation, note: &Note) -> Result<bool> {
        let listed = keys::invitation_of_account(&invitation.account, &invitation.id);
        let mut writes = vec![
            self.deleting(keys::invitation(&invitation.hash)).condition_expression("attribute_exists(pk)").write()?,
            self.deleting(listed).write()?,
        ];
        writes.extend(self.noting(Some(note))?);
        Ok(self.together(writes, "take an invitation back").await? == Together::Done)
    }
}
