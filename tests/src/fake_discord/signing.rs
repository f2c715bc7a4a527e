//! Signed requests, good ones and spoilt ones. [Discord Docs/Interactions: Security and Authorization]

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;

use super::FakeDiscord;

/// What Discord posts to a webhook. Change a field to spoil it.
#[derive(Debug, Clone)]
pub struct SignedRequest {
    /// `X-Signature-Timestamp`: Unix seconds as text; none leaves the header out.
    pub timestamp: Option<String>,
    /// `X-Signature-Ed25519`: 64 bytes in hex; none leaves the header out.
    pub signature: Option<String>,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl SignedRequest {
    /// Signs `body` with `key` at this moment.
    pub fn new(key: &SigningKey, body: impl Into<Bytes>) -> Self {
        Self::at(key, jiff::Timestamp::now(), body)
    }

    /// Signs `body` with `key` and another time.
    pub fn at(key: &SigningKey, time: jiff::Timestamp, body: impl Into<Bytes>) -> Self {
        let (timestamp, body) = (time.as_second().to_string(), body.into());
        let signature = key.sign(&[timestamp.as_bytes(), &body].concat());
        Self { timestamp: Some(timestamp), signature: Some(hex::encode(signature.to_bytes())), body }
    }

    /// Posts it as Discord does. Errors: the connection failed.
    pub async fn post(&self, client: &reqwest::Client, webhook_url: &str) -> reqwest::Result<reqwest::Response> {
        let mut request = client
            .post(webhook_url)
            .header("content-type", "application/json")
            .header("user-agent", "Discord-Interactions/1.0 (+https://discord.com)")
            .body(self.body.clone());
        if let Some(timestamp) = &self.timestamp {
            request = request.header("x-signature-timestamp", timestamp);
        }
        if let Some(signature) = &self.signature {
            request = request.header("x-signature-ed25519", signature);
        }
        request.send().await
    }
}

impl FakeDiscord {
    /// This body, signed with the application's key now.
    pub fn signed(&self, body: &Value) -> SignedRequest {
        self.signed_bytes(body.to_string())
    }

    /// An interaction, signed with the key of the application that it names.
    pub(crate) fn signed_by_its_own(&self, body: &Value) -> SignedRequest {
        let application = body["application_id"].as_str().and_then(|id| id.parse::<u64>().ok());
        let key = application.and_then(|id| self.shared.state().bots.get(&id).map(|bot| bot.key.clone()));
        SignedRequest::new(key.as_ref().unwrap_or(&self.shared.key), body.to_string())
    }

    /// This body, signed with the application's key at another time.
    pub fn signed_at(&self, time: jiff::Timestamp, body: &Value) -> SignedRequest {
        SignedRequest::at(&self.shared.key, time, body.to_string())
    }

    /// These bytes, signed with the application's key now, whether they are JSON or not.
    pub fn signed_bytes(&self, body: impl Into<Bytes>) -> SignedRequest {
        SignedRequest::new(&self.shared.key, body)
    }

    /// Posts a request, good or spoilt, and gives the status and the body of the answer.
    pub async fn post(&self, webhook_url: &str, request: &SignedRequest) -> (u16, String) {
        let response = request.post(&self.client, webhook_url).await.expect("the webhook can be reached");
        let status = response.status().as_u16();
        (status, response.text().await.unwrap_or_default())
    }

    /// Requests that are signed well and say nonsense; they must be refused with 400 (401 where the application's key is not
    /// known, 413 for the large one) and leave no trace. `body` is a good one.
    pub fn nonsense(&self, body: &Value) -> Vec<(&'static str, SignedRequest)> {
        let with = |field: &str, value: Value| {
            let mut changed = body.clone();
            changed[field] = value;
            self.signed(&changed)
        };
        vec![
            ("nothing", self.signed_bytes("")),
            ("not JSON", self.signed_bytes("{\"type\": 2,")),
            ("not UTF-8", self.signed_bytes(&b"{\"type\": \xff}"[..])),
            ("a list", self.signed_bytes("[]")),
            ("deep nesting", self.signed_bytes("[".repeat(100_000))),
            ("no type", with("type", Value::Null)),
            ("an unknown type", with("type", Value::from(99))),
            ("another application", with("application_id", Value::from("1"))),
            ("no data", with("data", Value::Null)),
            ("more than 1 MB", with("padding", Value::from("x".repeat(1024 * 1024)))),
        ]
    }

    /// Requests that must be refused with 401 and leave no trace: each with what is wrong with it. `body` is a good one.
    pub fn forgeries(&self, body: &Value) -> Vec<(&'static str, SignedRequest)> {
        let good = self.signed(body);
        let stranger = SigningKey::from_bytes(&rand::random());
        let later =
            good.timestamp.as_ref().and_then(|text| text.parse::<i64>().ok()).map(|seconds| (seconds + 1).to_string());
        let mut altered = body.clone();
        altered["id"] = Value::from("1");
        let spoilt = |timestamp: Option<String>, signature: Option<String>| SignedRequest {
            timestamp,
            signature,
            body: good.body.clone(),
        };
        let (timestamp, signature) = (good.timestamp.clone(), good.signature.clone());
        vec![
            ("no headers", spoilt(None, None)),
            ("no signature", spoilt(timestamp.clone(), None)),
            ("no timestamp", spoilt(None, signature.clone())),
            ("another timestamp", spoilt(later, signature.clone())),
            ("an empty signature", spoilt(timestamp.clone(), Some(String::new()))),
            ("a signature that is not hex", spoilt(timestamp.clone(), Some("z".repeat(128)))),
            ("a short signature", spoilt(timestamp.clone(), signature.as_ref().map(|hex| hex[..126].to_owned()))),
            ("zeros", spoilt(timestamp, Some("0".repeat(128)))),
            ("another body", SignedRequest { body: altered.to_string().into(), ..good }),
            ("a key that is not this application's", SignedRequest::new(&stranger, body.to_string())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_verifies_strictly_and_nothing_else_does() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let request = SignedRequest::new(&key, "{}");
        let bytes = hex::decode(request.signature.expect("signed")).expect("hex");
        let signature = ed25519_dalek::Signature::from_slice(&bytes).expect("64 bytes");
        let message = format!("{}{{}}", request.timestamp.expect("dated"));
        key.verifying_key().verify_strict(message.as_bytes(), &signature).expect("the round trip holds");
        key.verifying_key().verify_strict(b"{}", &signature).expect_err("the timestamp is signed too");
    }
}
