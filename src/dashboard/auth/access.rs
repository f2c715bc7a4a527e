//! How people come in at this installation.

use super::origin;
use super::token::OperatorToken;
use crate::ids::PersonId;
use crate::sign_in::SignIn;
use std::collections::BTreeSet;
use url::Url;

/// How people come in; unless somebody says otherwise, only tokens open anything.
#[derive(Debug, Default)]
pub struct Access {
    /// By Discord, where it can say who somebody is.
    pub sign_in: Option<SignIn>,
    /// Whoever runs the installation: `GUILDHALL_OPERATORS`.
    pub operators: BTreeSet<PersonId>,
    /// The same by a token in the environment.
    pub operator_token: Option<OperatorToken>,
    /// Where people reach the pages.
    pub address: Option<Url>,
    /// Whoever sits at this very machine is its owner, without signing in.
    pub local_admin: bool,
}

impl Access {
    /// One machine that only itself reaches: whoever sits at it needs no sign-in. Not so where others reach it through
    /// an address of another name, as behind a proxy.
    pub fn trusts_its_machine(address: &Url) -> bool {
        origin::is_loopback(address)
    }

    /// The origin of our own pages, as browsers name it.
    pub fn origin(&self) -> Option<String> {
        self.address.as_ref().map(origin::of)
    }

    /// Whether cookies travel only where nobody can read along.
    pub fn is_behind_tls(&self) -> bool {
        self.address.as_ref().is_some_and(|address| address.scheme() == "https")
    }

    /// Whether somebody runs the installation.
    pub fn is_operator(&self, person: &PersonId) -> bool {
        self.operators.contains(person)
    }
}
