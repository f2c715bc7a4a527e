//! The floor of `answers`: a server in a process of its own that does what no answer can do without, and nothing else. It
//! checks the signature, says “thinking…”, asks the model with a prompt of the usual size and edits the reply.

use anyhow::{Context as _, Result, bail, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The argument that makes a bench such a server; the address, the model's, Discord's and the public key follow.
pub(crate) const MODE: &str = "--bare-server";

/// Characters of a prompt with eight passages.
const PROMPT: usize = 6_000;

struct Exchange {
    key: VerifyingKey,
    model: String,
    discord: String,
    http: reqwest::Client,
}

pub(crate) async fn serve(addresses: &[String]) -> Result<()> {
    let [address, model, discord, key] = addresses else { bail!("a bare server needs four arguments") };
    let exchange = Arc::new(Exchange {
        key: guildhall::config::public_key(key)?,
        model: model.clone(),
        discord: discord.clone(),
        http: tests::server::client(),
    });
    let router = Router::new()
        .route("/healthz", get(async || StatusCode::OK))
        .route("/discord/webhook/", post(webhook))
        .with_state(exchange);
    axum::serve(tokio::net::TcpListener::bind(address.as_str()).await?, router).await?;
    Ok(())
}

async fn webhook(State(exchange): State<Arc<Exchange>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(interaction) = exchange.verified(&headers, &body) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    tokio::spawn(async move { exchange.answer(&interaction).await });
    ([(header::CONTENT_TYPE, "application/json")], r#"{"type":5}"#).into_response()
}

impl Exchange {
    fn verified(&self, headers: &HeaderMap, body: &[u8]) -> Option<Value> {
        let signature = hex::decode(headers.get("x-signature-ed25519")?).ok()?;
        let signed = [headers.get("x-signature-timestamp")?.as_bytes(), body].concat();
        self.key.verify_strict(&signed, &Signature::from_slice(&signature).ok()?).ok()?;
        serde_json::from_slice(body).ok()
    }

    async fn answer(&self, interaction: &Value) -> Result<()> {
        let prompt = json!({"model": "fake", "messages": [{"role": "user", "content": "x".repeat(PROMPT)}]});
        let answered = self.http.post(format!("{}/chat/completions", self.model)).json(&prompt).send().await?;
        let answer: Value = answered.json().await?;
        let content = answer["choices"][0]["message"]["content"].as_str().context("a completion")?;
        let (application, token) = (&interaction["application_id"], &interaction["token"]);
        let [application, token] = [application, token].map(|part| part.as_str().unwrap_or_default());
        let address = format!("{}/api/v10/webhooks/{application}/{token}/messages/@original", self.discord);
        for _ in 0..100 {
            let edit = self.http.patch(&address).json(&json!({"content": content})).send().await?;
            if edit.status().is_success() {
                return Ok(());
            }
            // Discord has not seen “thinking…” yet.
            ensure!(edit.status() == StatusCode::NOT_FOUND, "the edit was refused");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the edit was never taken")
    }
}
