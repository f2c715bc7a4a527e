//! `guildhall token`.

use super::output::{complain, say, table};
use crate::cli::TokenCommand;
use crate::client::{CallError, Client};
use anyhow::Result;
use guildhall::dashboard::api::tokens::TokenView;
use guildhall::dashboard::auth::Scope;
use std::process::ExitCode;

pub(super) async fn run(command: TokenCommand, client: &Client) -> Result<ExitCode> {
    match command {
        TokenCommand::Create { name, scopes } => {
            let scopes = (!scopes.is_empty()).then(|| scopes.into_iter().collect());
            let created = client.create_token(&name, scopes).await?;
            // Alone on the standard output, so that a script can catch it.
            say(&created.token)?;
            complain("Copy it now: it is kept nowhere and not shown again.")?;
        }
        TokenCommand::List => {
            let scopes = |token: &TokenView| match &token.scopes {
                all if *all == Scope::all() => "everything".to_owned(),
                some => some.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "),
            };
            let row = |token: TokenView| {
                let scopes = scopes(&token);
                [token.id, format!("{:.0}", token.created_at), token.name, scopes]
            };
            let rows: Vec<_> = client.tokens().await?.into_iter().map(row).collect();
            say(&table(["id", "created", "name", "may do"], &rows))?;
        }
        TokenCommand::Revoke { token } => {
            let token = choose(&client.tokens().await?, &token)?.clone();
            client.revoke_token(&token.id).await?;
            say(&format!("The token “{}” ({}) is revoked.", token.name, token.id))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The token with this id, or the only one with this name.
fn choose<'a>(tokens: &'a [TokenView], name_or_id: &str) -> Result<&'a TokenView, CallError> {
    if let Some(token) = tokens.iter().find(|token| token.id == name_or_id) {
        return Ok(token);
    }
    let named: Vec<&TokenView> = tokens.iter().filter(|token| token.name == name_or_id).collect();
    match named[..] {
        [token] => Ok(token),
        [] => Err(CallError::Refused(format!(
            "There is no token with the name or id “{name_or_id}”. `guildhall token list` shows those that exist."
        ))),
        _ => {
            let ids: Vec<&str> = named.iter().map(|token| token.id.as_str()).collect();
            Err(CallError::Refused(format!(
                "Several tokens are called “{name_or_id}”. Name one by its id: {}.",
                ids.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_chosen_by_id_or_by_a_name_that_is_clear() {
        let token = |id: &str, name: &str| TokenView {
            made_by: None,
            id: id.to_owned(),
            name: name.to_owned(),
            created_at: "2026-11-24T10:00:00Z".parse().unwrap(),
            manage_tokens: false,
            scopes: Scope::unsaid(false),
        };
        let tokens = [token("tok-1", "website"), token("tok-2", "bot"), token("tok-3", "bot")];
        assert_eq!(choose(&tokens, "website").unwrap().id, "tok-1");
        assert_eq!(choose(&tokens, "tok-3").unwrap().id, "tok-3");
        assert!(choose(&tokens, "bot").unwrap_err().to_string().contains("tok-2, tok-3"));
        assert!(choose(&tokens, "gone").is_err());
    }
}
