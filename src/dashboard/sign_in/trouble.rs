//! Why somebody could not come in.

use crate::sentences::Lang;
use crate::sentences::pages::Words;
use crate::sign_in::NotTold;
use axum::http::StatusCode;

/// Why somebody could not sign in, sign out or join: a sentence for them.
#[derive(Debug)]
pub enum SignInTrouble {
    /// There is no client secret.
    NotOffered,
    /// The state is unknown: forged, used, too old, or of another browser.
    Over,
    /// They said no on Discord's page.
    Denied,
    /// Discord does not take us for who we are, or sent back something else.
    Refused,
    /// Discord does not answer.
    DiscordDown,
    /// They are who they are, but belong to no account here.
    NoAccount(String),
    /// The invitation is unknown, used or over.
    InvitationOver,
    /// A form came from no page of ours.
    Forged,
    /// Something of ours does not answer.
    Unavailable(anyhow::Error),
}

impl SignInTrouble {
    /// The same for whoever is told so.
    pub(crate) fn sentence(&self, lang: Lang) -> String {
        let w = Words(lang);
        match self {
            Self::NoAccount(id) => return w.sign_in_no_account(id.as_str()),
            Self::NotOffered => w.sign_in_not_offered(),
            Self::Over => w.sign_in_over(),
            Self::Denied => w.sign_in_denied(),
            Self::Refused => w.sign_in_refused(),
            Self::DiscordDown => w.sign_in_discord_down(),
            Self::InvitationOver => w.sign_in_invitation_over(),
            Self::Forged => w.denied_forged(),
            Self::Unavailable(_) => w.trouble_unavailable(),
        }
        .to_owned()
    }

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

impl From<anyhow::Error> for SignInTrouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Unavailable(error)
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
