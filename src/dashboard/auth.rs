//! Who calls, and what they may do: API tokens, people who signed in, and whoever sits at the machine itself.

mod access; // how people come in at this installation
mod forms; // the CSRF token in forms
pub mod need; // what handlers need, scopes and roles
pub(super) mod origin; // whether a request comes from our own pages
pub mod session; // sessions of people who signed in
mod token; // API tokens

pub use access::Access;
pub use forms::csrf_of_forms;
pub use need::{May, Need, Operates, Scope};
pub use session::SignedIn;
pub(super) use token::secret;
pub use token::{MAX_NAME_CHARS, OperatorToken, create_token, hash};

use super::problem::Problem;
use crate::account::{Account, Plan, Role};
use crate::bot::{Bot, Home};
use crate::ids::{AccountId, PersonId, TokenId};
use crate::question::Place;
use crate::sentences::Lang;
use crate::sentences::pages::Words;
use crate::settings::GuildSettings;
use crate::store::{Change, Note, Session, Who, WhoKind};
use anyhow::{Result, anyhow};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use jiff::Timestamp;
use rand::RngExt as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use token::{is_ours, sent};

/// Characters of a value that a note of a change shows at most; a longer one is only named.
const MAX_NOTED_CHARS: usize = 100;

/// Somebody who was checked, and the account that they act in. There is no other way to get one.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account with its plan, at most a few seconds old.
    pub home: Arc<Home>,
    /// Who it is.
    pub actor: Actor,
    operates: bool,
    session: Option<Arc<Session>>,
}

/// What came of looking for who sent a request, for whoever counts tries. Where nobody looked, both are false.
#[derive(Debug, Clone, Default)]
pub(super) struct Recognised(Arc<[AtomicBool; 2]>);

impl Recognised {
    const SOMEBODY: usize = 0;
    const NOBODY: usize = 1;

    fn note(extensions: &Extensions, which: usize) {
        if let Some(recognised) = extensions.get::<Self>() {
            recognised.0[which].store(true, Ordering::Relaxed);
        }
    }

    /// A good token or session was sent, or somebody sits at the machine itself.
    pub(super) fn is_somebody(&self) -> bool {
        self.0[Self::SOMEBODY].load(Ordering::Relaxed)
    }

    /// A token or session was sent that is nobody's.
    pub(super) fn is_nobody(&self) -> bool {
        self.0[Self::NOBODY].load(Ordering::Relaxed)
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A program, on behalf of the account.
    Token {
        /// Its token's id.
        id: TokenId,
        /// What a person called it.
        name: String,
        /// What it may do.
        scopes: BTreeSet<Scope>,
    },
    /// A person, as a member of the account.
    Person {
        /// Who.
        id: PersonId,
        /// What they call themselves.
        name: String,
        /// What they may do there.
        role: Role,
    },
    /// Whoever has the token of those who run the installation.
    Operator,
}

/// Why somebody may not do something.
#[derive(Debug)]
pub enum Denied {
    /// Nobody is signed in here, and no valid token was sent.
    Unknown,
    /// They are signed in, but belong to no account, or not any more to the one that they looked at.
    NoAccount,
    /// It came with a session's cookie, but from no page of ours.
    Forged,
    /// The person is less than that in this account.
    Role {
        /// What they would have to be.
        needed: Role,
        /// What they are.
        own: Role,
    },
    /// The token is valid, but not for this.
    Scope(Scope),
    /// It is something that only a person can do, for themselves.
    People,
    /// It is for those alone who run the installation.
    Operators,
    /// It could not be found out.
    Unavailable(anyhow::Error),
}

impl Denied {
    /// The same for whoever is told so.
    pub(super) fn sentence(&self, lang: Lang) -> String {
        let w = Words(lang);
        match self {
            Self::Unknown => w.denied_unknown().to_owned(),
            Self::NoAccount => w.denied_no_account().to_owned(),
            Self::Forged => w.denied_forged().to_owned(),
            Self::Role { needed, own } => w.denied_role(w.role(*needed).to_lowercase(), w.role(*own).to_lowercase()),
            Self::Scope(scope) => w.denied_scope(scope.as_str()),
            Self::People => w.denied_people().to_owned(),
            Self::Operators => w.denied_operators().to_owned(),
            Self::Unavailable(_) => w.trouble_unavailable().to_owned(),
        }
    }
}

impl From<anyhow::Error> for Denied {
    fn from(error: anyhow::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let status = match denied {
            Denied::Unavailable(error) => return error.into(),
            Denied::Unknown => StatusCode::UNAUTHORIZED,
            _ => StatusCode::FORBIDDEN,
        };
        Self::said(status, |lang| denied.sentence(lang))
    }
}

impl Caller {
    /// The account that they act in.
    pub fn account(&self) -> &AccountId {
        &self.home.account.id
    }

    /// The same with its name and plan.
    pub fn plan(&self) -> Plan {
        self.home.account.plan
    }

    /// Whether they may do this.
    pub fn may(&self, scope: Scope) -> bool {
        self.needs(scope).is_ok()
    }

    fn needs(&self, scope: Scope) -> Result<(), Denied> {
        match &self.actor {
            Actor::Token { scopes, .. } if scopes.contains(&scope) => Ok(()),
            Actor::Token { .. } => Err(Denied::Scope(scope)),
            Actor::Person { role, .. } if *role >= scope.least_role() => Ok(()),
            Actor::Person { role, .. } => Err(Denied::Role { needed: scope.least_role(), own: *role }),
            Actor::Operator => Ok(()),
        }
    }

    /// All that they may do.
    pub fn scopes(&self) -> BTreeSet<Scope> {
        Scope::ALL.iter().copied().filter(|scope| self.may(*scope)).collect()
    }

    /// What they are in the account: a token is nothing of the kind.
    pub fn role(&self) -> Option<Role> {
        match &self.actor {
            Actor::Person { role, .. } => Some(*role),
            Actor::Operator => Some(Role::Owner),
            Actor::Token { .. } => None,
        }
    }

    /// Whether they may give this role to others: owners are made by owners only, and by tokens that may change members.
    pub fn may_give(&self, role: Role) -> bool {
        role < Role::Owner || self.may(Scope::ManageMembers)
    }

    /// Whether they run the installation.
    pub fn operates(&self) -> bool {
        self.operates
    }

    /// Who it is, where it is a person.
    pub fn person(&self) -> Option<&PersonId> {
        match &self.actor {
            Actor::Person { id, .. } => Some(id),
            _ => None,
        }
    }

    /// What every form of a page must send in its field `csrf`, and every script in the header `x-csrf-token`. Empty for
    /// the local admin, who has no session.
    pub fn csrf(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.csrf)
    }

    /// The browser's session, where a person has signed in.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Whether a server that no account has connected may become theirs: on one machine its account's, and hosted the
    /// operator's, until people can connect servers themselves.
    pub fn may_connect(&self, bot: &Bot) -> bool {
        self.operates || bot.default_account.as_ref() == Some(self.account())
    }

    /// The note of something that they do now.
    pub fn note(&self, what: &str, on: impl Into<Option<String>>, changes: Vec<Change>, now: Timestamp) -> Note {
        note(self.account().clone(), self.who(), what, on.into(), changes, now)
    }

    pub(super) fn who(&self) -> Who {
        match &self.actor {
            Actor::Token { id, name, .. } => Who { kind: WhoKind::Token, id: id.0.clone(), name: name.clone() },
            Actor::Person { id, name, .. } => Who { kind: WhoKind::Person, id: id.0.clone(), name: name.clone() },
            Actor::Operator => Who { kind: WhoKind::Operator, id: "operator".to_owned(), name: "Operator".to_owned() },
        }
    }

    /// Whoever sends this request. A token comes before a cookie. Up to four GetItem, once for each request.
    pub async fn of(parts: &mut Parts, bot: &Bot) -> Result<Self, Denied> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let caller = if let Some(secret) = sent(&parts.headers) {
            Self::of_token(secret, bot).await.inspect_err(|denied| {
                if matches!(denied, Denied::Unknown) {
                    Recognised::note(&parts.extensions, Recognised::NOBODY);
                }
            })?
        } else if let Some(signed_in) = SignedIn::find(parts, bot).await? {
            Self::of_person(&signed_in, bot).await?
        } else {
            Self::at_the_machine(parts, bot).await?
        };
        Recognised::note(&parts.extensions, Recognised::SOMEBODY);
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }

    async fn of_token(secret: &str, bot: &Bot) -> Result<Self, Denied> {
        if bot.access.operator_token.as_ref().is_some_and(|operator| operator.is(secret)) {
            return Ok(Self::operator(bot).await?);
        }
        if !is_ours(secret) {
            return Err(Denied::Unknown);
        }
        let token = bot.store.token(&hash(secret)).await?.ok_or(Denied::Unknown)?;
        let mut scopes = token.may();
        if let Some(person) = &token.made_by {
            // Looked up each time, as for the person: a token never may more than its maker still may.
            let maker = bot.store.member(&token.account, person).await?.ok_or(Denied::Unknown)?;
            scopes.retain(|scope| maker.role >= scope.least_role());
        }
        let home = bot.home(&Place::Account(token.account), None).await?.ok_or(Denied::Unknown)?;
        let actor = Actor::Token { id: token.id, name: token.name, scopes };
        Ok(Self { home, actor, operates: false, session: None })
    }

    /// The operator's account comes to be when it is first used.
    async fn operator(bot: &Bot) -> Result<Self> {
        let id = AccountId::operator();
        let account = if let Some(account) = bot.store.account(&id).await? {
            account
        } else {
            let new = Account { id, name: "Operator".to_owned(), plan: Plan::Pro };
            bot.store.put_account(&new).await?;
            new
        };
        let home = Arc::new(Home { account, settings: GuildSettings::default() });
        Ok(Self { home, actor: Actor::Operator, operates: true, session: None })
    }

    /// Their membership is looked up each time: whoever is removed loses access at once.
    async fn of_person(signed_in: &SignedIn, bot: &Bot) -> Result<Self, Denied> {
        let SignedIn { person, session } = signed_in;
        let account = session.account.as_ref().ok_or(Denied::NoAccount)?;
        let place = Place::Account(account.clone());
        // On the heap: it would make the future of every request large.
        let home = Box::pin(bot.home(&place, None));
        let (member, home) = tokio::try_join!(bot.store.member(account, &person.id), home)?;
        let (member, home) = member.zip(home).ok_or(Denied::NoAccount)?;
        let actor = Actor::Person { id: person.id.clone(), name: person.name.clone(), role: member.role };
        let operates = bot.access.is_operator(&person.id);
        Ok(Self { home, actor, operates, session: Some(Arc::clone(session)) })
    }

    /// Whoever sits at the machine itself, where that is enough.
    async fn at_the_machine(parts: &Parts, bot: &Bot) -> Result<Self, Denied> {
        let (true, Some(account)) = (bot.access.local_admin, &bot.default_account) else {
            return Err(Denied::Unknown);
        };
        let host = origin::loopback_host(&parts.headers).ok_or(Denied::Unknown)?;
        if !origin::is_safe(&parts.method) && !origin::is_ours(&parts.headers, &format!("http://{host}")) {
            return Err(Denied::Forged);
        }
        let home = bot.home(&Place::Account(account.clone()), None).await?;
        let home = home.ok_or_else(|| anyhow!("this machine's account is not there"))?;
        let actor = Actor::Person { id: PersonId::local(), name: "Local admin".to_owned(), role: Role::Owner };
        Ok(Self { home, actor, operates: true, session: None })
    }
}

impl FromRequestParts<Arc<Bot>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        Ok(Self::of(parts, bot).await?)
    }
}

/// The note of a change.
pub(crate) fn note(
    account: AccountId,
    who: Who,
    what: &str,
    on: Option<String>,
    changes: Vec<Change>,
    now: Timestamp,
) -> Note {
    let id = format!("{:08x}", rand::rng().random::<u32>());
    Note { account, at: now, id, who, what: what.to_owned(), on, changes }
}

/// A change of a field whose values are no secret. Long ones are left out.
pub fn changed(field: &str, old: Option<String>, new: Option<String>) -> Change {
    let short = |value: Option<String>| value.filter(|value| value.chars().count() <= MAX_NOTED_CHARS);
    Change { field: field.to_owned(), old: short(old), new: short(new) }
}

/// Notes what was done where that is no part of a transaction. What cannot be noted is told to whoever runs the
/// installation: it is done, so that the caller is told nothing else.
pub async fn keep_note(bot: &Bot, note: &Note) {
    if let Err(error) = bot.store.put_note(note).await {
        tracing::error!(
            account.id = %note.account, who = %note.who.id, what = note.what, on = note.on.as_deref().unwrap_or_default(),
            error = format!("{error:#}"), "a change was made that could not be noted in the audit trail"
        );
    }
}
