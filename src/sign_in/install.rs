//! A person adds the bot to a server of theirs, and Discord says which one. [Discord Docs/OAuth2: Advanced Bot Authorization]

use super::{NotTold, SignIn, below, why};
use crate::discord::Discord;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthorizationCode, ClientId, ClientSecret, ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    StandardRevocableToken, StandardTokenResponse, TokenUrl,
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use twilight_model::guild::Permissions;
use twilight_model::id::{Id, marker::GuildMarker};
use url::Url;

/// A client whose tokens come with the server that the bot was added to.
type Client = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<Added, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

#[derive(Debug, Serialize, Deserialize)]
struct Added {
    #[serde(default)]
    guild: Option<AddedTo>,
}

impl ExtraTokenFields for Added {}

/// The server that the bot was added to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedTo {
    /// Its id.
    pub id: Id<GuildMarker>,
    /// Its name.
    pub name: String,
    /// The hash of its icon, where it has one.
    #[serde(default)]
    pub icon: Option<String>,
}

/// What a person goes to Discord with to add the bot.
#[derive(Debug)]
pub struct Proof {
    /// The hash that goes along. [RFC 7636: 4.2]
    pub challenge: String,
    /// What it is of, kept until they are back.
    pub verifier: String,
}

impl Proof {
    /// A new one.
    pub fn generate() -> Self {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        Self { challenge: challenge.as_str().to_owned(), verifier: verifier.secret().clone() }
    }
}

impl SignIn {
    /// Where Discord sends people back to who have added the bot: it must be told of this address in its developer portal.
    pub fn install_redirect(&self) -> Url {
        let mut redirect = self.redirect.clone();
        if let Ok(mut segments) = redirect.path_segments_mut() {
            segments.pop().pop().extend(["connect", "callback"]);
        }
        redirect
    }

    /// The server that the person has added the bot to who has come back with this code; none where Discord names none.
    /// The token that comes with it can do nothing that the bot cannot, and is forgotten. One request to Discord.
    pub async fn added(
        &self,
        code: &str,
        verifier: String,
        discord: Option<&Discord>,
    ) -> Result<Option<AddedTo>, NotTold> {
        let id = self.application(discord).await.ok_or(NotTold::Unavailable)?;
        let token = TokenUrl::from_url(below(&self.discord, &["api", "v10", "oauth2", "token"]));
        let asked = Client::new(ClientId::new(id.to_string()))
            .set_client_secret(ClientSecret::new(self.config.client_secret.expose_secret().to_owned()))
            .set_token_uri(token)
            .set_redirect_uri(RedirectUrl::from_url(self.install_redirect()))
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&self.line)
            .await;
        Ok(asked.map_err(|error| why(&error))?.extra_fields().guild.clone())
    }
}

impl super::TheirGuild {
    /// Whether the person may add bots to it: it is theirs, or they manage it.
    /// [Discord Docs/OAuth2: Bot Authorization Flow]
    pub fn is_managed(&self) -> bool {
        let manages = Permissions::MANAGE_GUILD | Permissions::ADMINISTRATOR;
        let bits = self.permissions.parse().unwrap_or(0);
        self.owner || Permissions::from_bits_truncate(bits).intersects(manages)
    }
}

#[cfg(test)]
mod tests {
    use crate::sign_in::TheirGuild;

    #[test]
    fn whoever_owns_or_manages_a_server_may_add_bots_to_it() {
        let may = |owner: bool, permissions: &str| {
            let guild = serde_json::json!({"id": "5", "name": "x", "owner": owner, "permissions": permissions});
            serde_json::from_value::<TheirGuild>(guild).unwrap().is_managed()
        };
        assert!(may(true, "0") && may(false, "32") && may(false, "8") && may(false, "2147483687"));
        assert!(!may(false, "0") && !may(false, "2048") && !may(false, "nonsense") && !may(false, ""));
    }
}
