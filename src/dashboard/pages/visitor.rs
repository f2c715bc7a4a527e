//! Who looks at a page, and what they may do there: the same checks as for the API's operations.

use super::preferences::Preferences;
use crate::bot::Bot;
use crate::dashboard::auth::{Caller, May, Need};
use crate::dashboard::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// Somebody who may do `N`. There is no other way to get one than the check.
pub(super) struct Visitor<N> {
    guest: Guest,
    need: PhantomData<N>,
}

/// Somebody who was let in, and how they want to see pages.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) caller: Caller,
    pub(super) preferences: Preferences,
    /// The page that they look at, or that their form goes to.
    pub(super) path: String,
}

impl Deref for Guest {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<N> Deref for Visitor<N> {
    type Target = Guest;

    fn deref(&self) -> &Guest {
        &self.guest
    }
}

impl<N: Need> FromRequestParts<Arc<Bot>> for Visitor<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        let caller = May::<N>::check(parts, bot).await?;
        let guest = Guest {
            caller: Caller::clone(&caller),
            preferences: Preferences::of(&parts.headers),
            path: parts.uri.path().to_owned(),
        };
        Ok(Self { guest, need: PhantomData })
    }
}
