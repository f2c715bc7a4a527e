//! Interactions on their way to a webhook, and the judgement of its answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use super::answers::FIRST_ANSWER;
use super::ids;
use super::member::PERMISSIONS;
use super::state::{Answer, user_json};
use super::{FakeDiscord, SignedRequest};

/// An interaction that was made here.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// Its id.
    pub id: u64,
    /// The token for answers to it.
    pub token: String,
    /// The whole JSON, as it was sent.
    pub body: Value,
}

/// An interaction that was posted to a webhook, and the HTTP answer to it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What was posted.
    pub interaction: Interaction,
    /// The HTTP status; 0 when no answer came.
    pub status: u16,
    /// The answer's JSON; null when it was none.
    pub answer: Value,
    /// From the first byte sent to the answer read.
    pub took: Duration,
    /// Why Discord would show "The application did not respond", if it would.
    pub failure: Option<String>,
}

impl Sent {
    /// The interaction, when its first answer was in time and valid.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn accepted(self) -> Interaction {
        assert!(self.failure.is_none(), "the webhook's answer is no good: {}", self.failure.unwrap_or_default());
        self.interaction
    }
}

impl FakeDiscord {
    /// Posts an interaction, signed at this moment with its application's key, and takes the answer as Discord would: it must be there within three
    /// seconds and valid. The same interaction can be delivered again; only the first answer is taken.
    pub async fn deliver(&self, webhook_url: &str, interaction: &Interaction) -> Sent {
        self.send(webhook_url, interaction, &self.signed_by_its_own(&interaction.body)).await
    }

    /// Posts an interaction in a request that was signed before, so that a bench measures no signing.
    pub async fn send(&self, webhook_url: &str, interaction: &Interaction, request: &SignedRequest) -> Sent {
        let started = Instant::now();
        if let Some(found) = self.shared.state().interactions.get_mut(&interaction.token) {
            // The three seconds run from now, not from when the interaction was made.
            if found.answer == Answer::Awaited {
                found.born = started;
            }
        }
        let exchange = async {
            let response = request.post(&self.client, webhook_url).await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        };
        // Discord would hang up at three seconds; here the rest of the answer is read for the test's sake.
        let outcome = tokio::time::timeout(2 * FIRST_ANSWER, exchange).await;
        let took = started.elapsed();
        let (status, bytes) = match outcome {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return self.failed(interaction, took, 0, Value::Null, format!("no answer: {error}"));
            }
            Err(_) => {
                return self.failed(interaction, took, 0, Value::Null, format!("no answer after {took:?}"));
            }
        };
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if took > FIRST_ANSWER {
            return self.failed(interaction, took, status, answer, format!("the answer took {took:?}"));
        }
        if status == 202 && bytes == Bytes::new() {
            // The client says that it answers through the callback endpoint instead.
            return Sent { interaction: interaction.clone(), status, answer, took, failure: None };
        }
        if status != 200 {
            return self.failed(interaction, took, status, answer, format!("status {status}"));
        }
        if interaction.body["type"] == 1 {
            let failure = (answer["type"] != 1).then(|| format!("a PING wants a PONG, not {answer}"));
            return Sent { interaction: interaction.clone(), status, answer, took, failure };
        }
        match self.shared.first_answer(&interaction.token, &answer) {
            Ok(_) => Sent { interaction: interaction.clone(), status, answer, took, failure: None },
            // A second delivery is answered, and Discord, which knows an answer already, ignores it.
            Err(refusal) if refusal.1["code"] == 40060 => {
                Sent { interaction: interaction.clone(), status, answer, took, failure: None }
            }
            Err(refusal) => self.failed(interaction, took, status, answer, refusal.1.to_string()),
        }
    }

    /// Sends a PING, as Discord does when an endpoint's address is saved and from time to time after that.
    pub async fn pings_webhook(&self, webhook_url: &str) -> Sent {
        let (id, token) = (ids::snowflake(), ids::interaction_token());
        let user = user_json(ids::snowflake(), "developer");
        let body = json!({
            "app_permissions": PERMISSIONS, "application_id": self.application_id().to_string(),
            "attachment_size_limit": 10 * 1024 * 1024, "authorizing_integration_owners": {}, "entitlements": [],
            "id": id.to_string(), "token": token, "type": 1, "user": user, "version": 1,
        });
        self.deliver(webhook_url, &Interaction { id, token, body }).await
    }

    fn failed(&self, interaction: &Interaction, took: Duration, status: u16, answer: Value, why: String) -> Sent {
        self.shared.fail(&interaction.token, why.clone());
        Sent { interaction: interaction.clone(), status, answer, took, failure: Some(why) }
    }

    pub(crate) fn command_id(&self, application_id: u64, name: &str, kind: u64) -> String {
        let commands = self.commands_of(application_id);
        let registered = commands.iter().find(|command| command["name"] == name && command["type"] == kind);
        registered
            .and_then(|command| command["id"].as_str())
            .map_or_else(|| ids::snowflake().to_string(), str::to_owned)
    }
}
