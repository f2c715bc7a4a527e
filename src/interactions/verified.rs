//! Whether an interaction really comes from Discord. [Discord Docs/Interactions: Security and Authorization]

use super::Door;
use super::interaction::Interaction;
use axum::body::{Body, to_bytes};
use axum::extract::FromRequest;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// Bytes of a body, at most. Discord's own stay below 100 kB.
const MAX_BODY: usize = 1 << 20;

/// The body must be here by then: Discord itself waits three seconds for our answer.
const BODY_TIME: Duration = Duration::from_secs(5);

/// A signature's time may differ from ours by this much: clocks drift, but a recorded request must not be of use for long.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);

const SIGNATURE: &str = "X-Signature-Ed25519";
const TIMESTAMP: &str = "X-Signature-Timestamp";

/// A stranger can send any number of requests, and each would be a line in the log.
const TOLD_EVERY: SignedDuration = SignedDuration::from_mins(1);

static OTHER_APPLICATION: Refused = Refused::new();
static BAD_SIGNATURE: Refused = Refused::new();
static NOT_YET: Refused = Refused::new();

/// Refusals of one kind that the log does not tell of yet.
#[derive(Debug)]
struct Refused(Mutex<(u64, Option<Timestamp>)>);

impl Refused {
    const fn new() -> Self {
        Self(Mutex::new((0, None)))
    }

    /// Counts one more. Once a minute, all since the last time: the log is to tell of them.
    fn count(&self, now: Timestamp) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, told) = &mut *state;
        *count += 1;
        if told.is_some_and(|told| now.duration_since(told).abs() < TOLD_EVERY) {
            return None;
        }
        *told = Some(now);
        Some(std::mem::take(count))
    }
}

/// An interaction whose Ed25519 signature was checked with its application's key. There is no other way to get one.
#[derive(Debug)]
pub struct Verified(Interaction);

/// Why a request is not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not signed by Discord, or long ago. Who cannot sign learns nothing.
    Unsigned,
    /// What it is signed with cannot be told now: Discord has not said yet who we are, or the table is away.
    NotYet,
    /// Signed, but nothing that we know; the text says what is wrong.
    Nonsense(&'static str),
}

/// A request that says it is an application's, before its signature is checked.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// The application that it names.
    pub application: Id<ApplicationMarker>,
    signature: Signature,
    timestamp: &'a [u8],
    signed_at: Timestamp,
    body: &'a [u8],
}

impl<'a> Unverified<'a> {
    /// Reads no more of a request than is needed to check it: `signature` and `timestamp` are its headers, `body` exactly
    /// as it came.
    pub fn read(signature: &[u8], timestamp: &'a [u8], body: &'a [u8]) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Head {
            application_id: Id<ApplicationMarker>,
        }
        let signed_at = seconds(timestamp).ok_or(Refusal::Unsigned)?;
        let signature = self::signature(signature).ok_or(Refusal::Unsigned)?;
        let head: Head = serde_json::from_slice(body).map_err(|_| Refusal::Unsigned)?;
        Ok(Self { application: head.application_id, signature, timestamp, signed_at, body })
    }

    /// Checks it with the application's key; none says that the application is not ours.
    pub fn verify(self, key: Option<&VerifyingKey>, now: Timestamp) -> Result<Verified, Refusal> {
        let Some(key) = key else {
            if let Some(refused) = OTHER_APPLICATION.count(now) {
                tracing::warn!(refused, "refused interactions for another application than DISCORD_APPLICATION_ID");
            }
            return Err(Refusal::Unsigned);
        };
        let signed = [self.timestamp, self.body].concat();
        if key.verify_strict(&signed, &self.signature).is_err() {
            if let Some(refused) = BAD_SIGNATURE.count(now) {
                tracing::warn!(refused, "refused interactions whose signature does not fit DISCORD_PUBLIC_KEY");
            }
            return Err(Refusal::Unsigned);
        }
        let age = now.duration_since(self.signed_at);
        if age.abs() > MAX_AGE {
            // Where this comes with every request, it is this machine's clock that is wrong.
            tracing::warn!(age_s = age.as_secs(), "refused a signed interaction for its time");
            return Err(Refusal::Unsigned);
        }
        serde_json::from_slice(self.body).map(Verified).map_err(|_| Refusal::Nonsense("This is not an interaction."))
    }
}

impl Verified {
    /// What was verified.
    pub fn into_inner(self) -> Interaction {
        self.0
    }
}

fn seconds(timestamp: &[u8]) -> Option<Timestamp> {
    Timestamp::from_second(std::str::from_utf8(timestamp).ok()?.parse().ok()?).ok()
}

fn signature(digits: &[u8]) -> Option<Signature> {
    let mut bytes = [0; Signature::BYTE_SIZE];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(Signature::from_bytes(&bytes))
}

impl FromRequest<Arc<Door>> for Verified {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, door: &Arc<Door>) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        let header = |name| header_of(&head.headers, name).ok_or(Refusal::Unsigned);
        let (signature, timestamp) = (header(SIGNATURE)?, header(TIMESTAMP)?);
        let body = tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_BODY)).await;
        let body = body.map_err(|_| Refusal::Unsigned)?.map_err(|_| Refusal::Unsigned)?;
        let unverified = Unverified::read(signature, timestamp, &body)?;
        let now = Timestamp::now();
        let key = door.keys.of(unverified.application).await.map_err(|error| {
            if let Some(refused) = NOT_YET.count(now) {
                tracing::warn!(refused, error = format!("{error:#}"), "interactions cannot be verified yet");
            }
            Refusal::NotYet
        })?;
        unverified.verify(key.as_ref(), now)
    }
}

/// A header that is there exactly once.
fn header_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.as_bytes();
    values.next().is_none().then_some(value)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unsigned => StatusCode::UNAUTHORIZED.into_response(),
            Self::NotYet => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]).into_response(),
            Self::Nonsense(detail) => {
                let problem = json!({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": detail});
                let kind = [(header::CONTENT_TYPE, "application/problem+json")];
                (StatusCode::BAD_REQUEST, kind, problem.to_string()).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};
    use proptest::prelude::*;

    const NOW: &str = "1795600000";
    const PING: &str = r#"{"id":"1","application_id":"7","type":1,"token":"t","version":1}"#;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[42; 32])
    }

    fn now() -> Timestamp {
        Timestamp::from_second(NOW.parse().unwrap()).unwrap()
    }

    fn sign(timestamp: &[u8], body: &[u8]) -> [u8; 64] {
        key().sign(&[timestamp, body].concat()).to_bytes()
    }

    /// The outcome for application 7, whose key is `key()`.
    fn check(signature: &[u8; 64], timestamp: &[u8], body: &[u8]) -> Result<Interaction, Refusal> {
        let hex = hex::encode(signature);
        let unverified = Unverified::read(hex.as_bytes(), timestamp, body)?;
        let key = key().verifying_key();
        let key = (unverified.application.get() == 7).then_some(&key);
        unverified.verify(key, now()).map(Verified::into_inner)
    }

    #[test]
    fn refusals_are_told_of_once_a_minute_with_their_number() {
        let (refused, began) = (Refused::new(), now());
        let after = |seconds| began + SignedDuration::from_secs(seconds);
        assert_eq!(refused.count(began), Some(1));
        assert_eq!((refused.count(after(1)), refused.count(after(59))), (None, None));
        assert_eq!(refused.count(after(60)), Some(3));
        assert_eq!(refused.count(after(61)), None);
    }

    #[test]
    fn what_discord_signed_is_taken() {
        let found = check(&sign(NOW.as_bytes(), PING.as_bytes()), NOW.as_bytes(), PING.as_bytes()).unwrap();
        assert_eq!((found.kind, found.id.get()), (1, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_changed_byte_is_refused(at in 0..64 + NOW.len() + PING.len(), change in 1u8..) {
            let mut signature = sign(NOW.as_bytes(), PING.as_bytes());
            let (mut timestamp, mut body) = (NOW.as_bytes().to_vec(), PING.as_bytes().to_vec());
            match at {
                at if at < 64 => signature[at] ^= change,
                at if at < 64 + timestamp.len() => timestamp[at - 64] ^= change,
                at => body[at - 64 - NOW.len()] ^= change,
            }
            prop_assert_eq!(check(&signature, &timestamp, &body).unwrap_err(), Refusal::Unsigned);
        }

        #[test]
        fn whatever_comes_unsigned_is_refused(signature: [u8; 32], timestamp: Vec<u8>, body: Vec<u8>) {
            let signature: [u8; 64] = [signature, signature].concat().try_into().unwrap();
            prop_assert_eq!(check(&signature, &timestamp, &body).unwrap_err(), Refusal::Unsigned);
        }

        #[test]
        fn whatever_is_signed_is_read_without_a_crash(body in r#"\{("(id|type|application_id|token|data)":("7"|1|null|\{\}|\[\]),?){0,6}\}"#) {
            let _ = check(&sign(NOW.as_bytes(), body.as_bytes()), NOW.as_bytes(), body.as_bytes());
        }
    }

    #[test]
    fn an_all_zero_key_and_signature_are_refused() {
        let zero = VerifyingKey::from_bytes(&[0; 32]).unwrap();
        let signature = "0".repeat(128);
        let unverified = Unverified::read(signature.as_bytes(), NOW.as_bytes(), PING.as_bytes()).unwrap();
        let refused = unverified.verify(Some(&zero), now());
        assert_eq!(refused.unwrap_err(), Refusal::Unsigned);
    }

    #[test]
    fn a_replay_and_a_stranger_are_refused() {
        for time in ["1795599699", "1795600301", "0", "", "+1795600000 ", "now"] {
            let refused = check(&sign(time.as_bytes(), PING.as_bytes()), time.as_bytes(), PING.as_bytes());
            assert_eq!(refused.unwrap_err(), Refusal::Unsigned, "{time}");
        }
        let stranger = PING.replace("\"7\"", "\"8\"");
        let refused = check(&sign(NOW.as_bytes(), stranger.as_bytes()), NOW.as_bytes(), stranger.as_bytes());
        assert_eq!(refused.unwrap_err(), Refusal::Unsigned);
    }

    #[test]
    fn signed_nonsense_is_told_so() {
        let body = br#"{"application_id":"7","type":"dance"}"#;
        let refused = check(&sign(NOW.as_bytes(), body), NOW.as_bytes(), body);
        assert!(matches!(refused, Err(Refusal::Nonsense(_))));
    }

    #[test]
    fn a_header_that_is_there_twice_counts_for_nothing() {
        let mut headers = HeaderMap::new();
        headers.append(SIGNATURE, "a".parse().unwrap());
        assert_eq!(header_of(&headers, SIGNATURE), Some(&b"a"[..]));
        headers.append(SIGNATURE, "b".parse().unwrap());
        assert_eq!(header_of(&headers, SIGNATURE), None);
    }
}
