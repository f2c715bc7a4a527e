//! Why somebody could not come in.

use crate::sign_in::NotTold;
use axum::http::StatusCode;

/// Why somebody could not sign in, sign out or join: a sentence for them.
#[derive(Debug, thiserror::Error)]
pub enum SignInTrouble {
    /// There is no client secret.
    #[error("Nobody can sign in here yet: whoever runs this Guildhall has to set DISCORD_CLIENT_SECRET.")]
    NotOffered,
    /// The state is unknown: forged, used, too old, or of another browser.
    #[error("This sign-in has ended, was used before, or began in another browser. Please sign in again.")]
    Over,
    /// They said no on Discord's page.
    #[error("You did not let Discord tell Guildhall who you are, so you are not signed in.")]
    Denied,
    /// Discord does not take us for who we are, or sent back something else.
    #[error(
        "Discord did not accept Guildhall's own settings for signing in. Whoever runs this Guildhall finds the reason in \
         its log."
    )]
    Refused,
    /// Discord does not answer.
    #[error("Discord does not answer at the moment. Please try again in a little while.")]
    DiscordDown,
    /// They are who they are, but belong to no account here.
    #[error(
        "You belong to no account of this Guildhall. Ask one of its owners for an invitation. Whoever runs it can make you \
         an owner by putting {0} into GUILDHALL_OPERATORS."
    )]
    NoAccount(String),
    /// The invitation is unknown, used or over.
    #[error("This invitation has ended, was used before, or was taken back. Ask for another one.")]
    InvitationOver,
    /// A form came from no page of ours.
    #[error("This was not sent by a page of this Guildhall, or by one that is out of date. Load the page again.")]
    Forged,
    /// Something of ours does not answer.
    #[error("Guildhall cannot reach something that it needs for this. Please try again in a moment.")]
    Unavailable(#[from] anyhow::Error),
}

impl SignInTrouble {
    /// The page's status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotOffered | Self::InvitationOver => StatusCode::NOT_FOUND,
            Self::Over => StatusCode::BAD_REQUEST,
            Self::Denied | Self::NoAccount(_) | Self::Forged => StatusCode::FORBIDDEN,
            Self::Refused => StatusCode::BAD_GATEWAY,
            Self::DiscordDown | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether it helps to sign in again.
    pub fn may_try_again(&self) -> bool {
        matches!(self, Self::Over | Self::Denied | Self::DiscordDown | Self::Unavailable(_))
    }
}

impl From<NotTold> for SignInTrouble {
    fn from(error: NotTold) -> Self {
        match error {
            NotTold::SignInAgain => Self::Over,
            NotTold::WeAreRefused => Self::Refused,
            NotTold::Unavailable => Self::DiscordDown,
        }
    }
}
