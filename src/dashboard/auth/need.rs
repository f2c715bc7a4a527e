//! What may be done, and who may do it. A handler says in its type what it needs: [`May`] comes from the check alone.

use super::{Caller, Denied};
use crate::account::Role;
use crate::bot::Bot;
use crate::dashboard::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// Something that a handler needs its caller to be allowed.
pub trait Need: Send + Sync + 'static {
    /// What a token must have; a person must have its [least role](Scope::least_role).
    const SCOPE: Scope;
}

/// One row for each: the name in code, the name that tokens carry, and the least role of a person.
macro_rules! needs {
    ($($(#[$doc:meta])* $need:ident = $text:tt, $role:ident;)+) => {
        /// What an API token may be allowed.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
        )]
        pub enum Scope {
            $($(#[$doc])* #[serde(rename = $text)] $need,)+
        }

        impl Scope {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$need,)+];

            /// As tokens carry it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$need => $text,)+
                }
            }

            /// What a person must be at least.
            pub fn least_role(self) -> Role {
                match self {
                    $(Self::$need => Role::$role,)+
                }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $need;

            impl Need for $need {
                const SCOPE: Scope = Scope::$need;
            }
        )+
    };
}

needs! {
    /// See the account, its plan and what is used of it.
    ReadAccount = "account:read", Agent;
    /// Count messages of other channels into the account's quota.
    CountUsage = "usage:write", Admin;
    /// Ask questions.
    Ask = "ask", Agent;
    /// See servers, their settings and how they are doing.
    ReadGuilds = "guilds:read", Agent;
    /// Connect servers, change their settings and disconnect them.
    ChangeSettings = "guilds:write", Admin;
    /// See and search what answers are taken from.
    ReadKnowledge = "knowledge:read", Agent;
    /// Change what answers are taken from.
    ManageKnowledge = "knowledge:write", Admin;
    /// See what people asked and were answered.
    ReadConversations = "conversations:read", Agent;
    /// See the account's own bot.
    ReadBot = "bot:read", Agent;
    /// Set or remove the account's own bot.
    ManageBot = "bot:write", Admin;
    /// See what has happened, and who is told of it.
    ReadEvents = "events:read", Agent;
    /// Say who is told what happens.
    ManageNotifications = "notifications:write", Admin;
    /// List, make and revoke API tokens.
    ManageTokens = "tokens:write", Admin;
    /// See who belongs to the account.
    ReadMembers = "members:read", Agent;
    /// Invite people, and take invitations back.
    Invite = "invitations:write", Admin;
    /// Change members' roles and remove members.
    ManageMembers = "members:write", Owner;
    /// See who changed what.
    ReadAudit = "audit:read", Admin;
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|scope| scope.as_str() == text);
        found.copied().ok_or_else(|| format!("there is no scope “{text}”; the scopes are {}", known()))
    }
}

impl Scope {
    /// What every token could do before there were scopes, apart from managing tokens.
    const BEFORE_SCOPES: [Self; 9] = [
        Self::ReadAccount,
        Self::Ask,
        Self::ReadGuilds,
        Self::ChangeSettings,
        Self::ReadKnowledge,
        Self::ManageKnowledge,
        Self::ReadBot,
        Self::ManageBot,
        Self::ReadEvents,
    ];

    /// What a token may that says nothing of scopes: all that it could before there were any.
    pub fn unsaid(manages_tokens: bool) -> BTreeSet<Self> {
        let more = [Self::ManageNotifications].into_iter().chain(manages_tokens.then_some(Self::ManageTokens));
        Self::BEFORE_SCOPES.into_iter().chain(more).collect()
    }

    /// All that there are.
    pub fn all() -> BTreeSet<Self> {
        Self::ALL.iter().copied().collect()
    }
}

/// A caller who may do `N`. There is no other way to get one than the check.
pub struct May<N> {
    caller: Caller,
    need: PhantomData<N>,
}

impl<N> Deref for May<N> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<N> fmt::Debug for May<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.caller.fmt(f)
    }
}

impl<N: Need> May<N> {
    /// The same check, for whoever answers a refusal with a page instead of a problem.
    pub async fn check(parts: &mut Parts, bot: &Bot) -> Result<Self, Denied> {
        let caller = Caller::of(parts, bot).await?;
        caller.needs(N::SCOPE)?;
        Ok(Self { caller, need: PhantomData })
    }
}

impl<N: Need> FromRequestParts<Arc<Bot>> for May<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        Ok(Self::check(parts, bot).await?)
    }
}

/// A caller who runs the installation. There is no other way to get one than the check.
#[derive(Debug)]
pub struct Operates(Caller);

impl Deref for Operates {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequestParts<Arc<Bot>> for Operates {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        let caller = Caller::of(parts, bot).await?;
        if caller.operates() { Ok(Self(caller)) } else { Err(Denied::Operators.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens in the table and scripts carry these words: they stay.
    #[test]
    fn the_scopes_and_roles_stay() {
        let row = |scope: &Scope| format!("{scope} {}", scope.least_role());
        insta::assert_snapshot!(Scope::ALL.iter().map(row).collect::<Vec<_>>().join("\n"), @r"
        account:read agent
        usage:write admin
        ask agent
        guilds:read agent
        guilds:write admin
        knowledge:read agent
        knowledge:write admin
        conversations:read agent
        bot:read agent
        bot:write admin
        events:read agent
        notifications:write admin
        tokens:write admin
        members:read agent
        invitations:write admin
        members:write owner
        audit:read admin
        ");
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(*scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert!("guilds".parse::<Scope>().unwrap_err().contains("guilds:read"));
    }

    #[test]
    fn a_role_may_all_that_a_lesser_one_may() {
        assert!(Role::Owner > Role::Admin && Role::Admin > Role::Agent);
    }
}
