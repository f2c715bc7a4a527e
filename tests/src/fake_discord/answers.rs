//! The life of an interaction: its first answer, and how long its token works.

use std::time::Duration;

use serde_json::{Value, json};

use super::books::Whereabouts;
use super::draft::Draft;
use super::error::Refusal;
use super::message;
use super::state::{Answer, Expiry, InteractionState, Shared, State};

/// "Interaction tokens are valid for 15 minutes." [Discord Docs/Receiving and Responding]
const TOKEN_LIFE: Duration = Duration::from_mins(15);
/// The first answer must come within this time, or the token is void.
pub(crate) const FIRST_ANSWER: Duration = Duration::from_secs(3);

impl Shared {
    /// Takes the first answer to an interaction, inline or through the callback endpoint. Discord's checks come first; the
    /// original message, if there is one, is what comes back.
    pub(crate) fn first_answer(&self, token: &str, body: &Value) -> Result<Option<u64>, Refusal> {
        let mut state = self.state();
        let interaction = state.interactions.get(token).ok_or_else(|| Refusal::unknown(10062))?;
        if interaction.answer != Answer::Awaited {
            return Err(match interaction.answer {
                Answer::Failed => Refusal::unknown(10062),
                _ => Refusal::acknowledged(),
            });
        }
        if let Some(expiry) = interaction.expired {
            return Err(expiry.refusal());
        }
        if interaction.born.elapsed() > FIRST_ANSWER {
            return Err(Refusal::unknown(10062));
        }
        check_kind(interaction.kind, body)?;
        let data = body["data"].as_object().filter(|_| body["type"] != 9);
        let draft = Draft::check(data.unwrap_or(&serde_json::Map::new()), 0)?;
        let answer = match body["type"].as_u64() {
            Some(4) if draft.is_empty() => return Err(Refusal::empty_message()),
            Some(kind @ (4 | 5)) => {
                let hidden = draft.flags.unwrap_or(0) & message::EPHEMERAL;
                let whereabouts = interaction.whereabouts(hidden != 0, None);
                // A deferral may say only whether the answer will be hidden.
                let deferral = || Draft { flags: Some(hidden | message::LOADING), ..Draft::default() };
                let id = state.add(whereabouts, if kind == 5 { deferral() } else { draft });
                state.owners.insert(id, token.to_owned());
                Answer::Original(id)
            }
            Some(kind @ (6 | 7)) => {
                let source = interaction.source.ok_or_else(|| Refusal::unknown(10008))?;
                if kind == 7 {
                    state.edit(source, draft)?;
                }
                Answer::Original(source)
            }
            _ => Answer::NoMessage,
        };
        let interaction = state.interactions.get_mut(token).expect("it was there above");
        interaction.answer = answer;
        interaction.answer_body = body.clone();
        interaction.changed.notify_waiters();
        Ok(match answer {
            Answer::Original(id) => Some(id),
            _ => None,
        })
    }

    /// Notes that an interaction got no valid first answer.
    pub(crate) fn fail(&self, token: &str, why: String) {
        let mut state = self.state();
        let Some(interaction) = state.interactions.get_mut(token) else {
            return;
        };
        if interaction.answer == Answer::Awaited {
            interaction.answer = Answer::Failed;
            interaction.failure = Some(why);
            interaction.changed.notify_waiters();
        }
    }
}

impl Expiry {
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Self::UnknownWebhook => Refusal::unknown(10015),
            Self::UnknownInteraction => Refusal::unknown(10062),
            Self::InvalidToken => Refusal::invalid_webhook_token(),
        }
    }
}

/// Whether an answer of this kind fits the interaction, and the rules for those that are no message.
fn check_kind(interaction: u64, body: &Value) -> Result<(), Refusal> {
    let kind = body["type"].as_u64().unwrap_or(0);
    let fits = match interaction {
        4 => kind == 8,
        2 => matches!(kind, 4 | 5 | 9),
        3 => matches!(kind, 4 | 5 | 6 | 7 | 9),
        _ => matches!(kind, 4..=7),
    };
    let data = &body["data"];
    let length = |value: &Value| value.as_str().unwrap_or_default().chars().count();
    if !fits {
        let message = "This response type does not fit the interaction.";
        return Err(Refusal::form("type", "BASE_TYPE_CHOICES", message));
    }
    if kind == 8 && data["choices"].as_array().is_none_or(|choices| choices.len() > 25) {
        let message = "Must be 25 or fewer in length.";
        return Err(Refusal::form("data.choices", "BASE_TYPE_MAX_LENGTH", message));
    }
    if kind == 9 && !(1..=45).contains(&length(&data["title"])) {
        let message = "Must be between 1 and 45 in length.";
        return Err(Refusal::form("data.title", "BASE_TYPE_BAD_LENGTH", message));
    }
    if kind == 9 && !(1..=100).contains(&length(&data["custom_id"])) {
        let message = "Must be between 1 and 100 in length.";
        return Err(Refusal::form("data.custom_id", "BASE_TYPE_BAD_LENGTH", message));
    }
    if kind == 9 { check_rows(&data["components"]) } else { Ok(()) }
}

/// The rows of a form: one to five labels, each with one text field. [Discord Docs/Component Reference: Label]
fn check_rows(rows: &Value) -> Result<(), Refusal> {
    let units = |value: &Value| value.as_str().unwrap_or_default().encode_utf16().count();
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    let mut wrong = Vec::new();
    if !(1..=5).contains(&rows.len()) {
        wrong.push("components");
    }
    for row in rows {
        let input = &row["component"];
        let limit = input["max_length"].as_u64().unwrap_or(4_000);
        let checks = [
            ("components.type", row["type"] == 18 && input["type"] == 4),
            ("components.label", (1..=45).contains(&units(&row["label"]))),
            ("components.description", units(&row["description"]) <= 100),
            ("components.component.custom_id", (1..=100).contains(&units(&input["custom_id"]))),
            ("components.component.placeholder", units(&input["placeholder"]) <= 100),
            ("components.component.style", matches!(input["style"].as_u64(), Some(1 | 2))),
            ("components.component.max_length", (1..=4_000).contains(&limit)),
            ("components.component.value", limit >= units(&input["value"]).try_into().unwrap_or(u64::MAX)),
        ];
        wrong.extend(checks.into_iter().filter(|(_, good)| !good).map(|(field, _)| field));
    }
    match wrong.first() {
        Some(field) => Err(Refusal::form(field, "BASE_TYPE_BAD_LENGTH", "This form cannot be shown.")),
        None => Ok(()),
    }
}

impl InteractionState {
    pub(crate) fn whereabouts(&self, hidden: bool, original: Option<u64>) -> Whereabouts {
        Whereabouts {
            channel_id: self.channel_id,
            guild_id: self.guild_id,
            author: self.application_id,
            only_for: hidden.then(|| self.member.clone()),
            metadata: Some(self.metadata(original)),
        }
    }

    /// [Discord Docs/Message: Message Interaction Metadata Object]
    pub(crate) fn metadata(&self, original: Option<u64>) -> Value {
        let mut metadata = json!({
            "id": self.id.to_string(), "type": self.kind, "user": self.user,
            "authorizing_integration_owners": {"0": self.guild_id.unwrap_or(0).to_string()},
        });
        if let Some(original) = original {
            metadata["original_response_message_id"] = json!(original.to_string());
        }
        if let Some(source) = self.source {
            metadata["interacted_message_id"] = json!(source.to_string());
        }
        if let Some(target) = self.target {
            metadata["target_message_id"] = json!(target.to_string());
        }
        metadata
    }
}

impl State {
    /// The interaction of a webhook call, if its token still works and it was answered.
    pub(crate) fn answered(&mut self, token: &str) -> Result<&mut InteractionState, Refusal> {
        let early = self
            .interactions
            .get(token)
            .is_some_and(|found| found.answer == Answer::Awaited && found.born.elapsed() < FIRST_ANSWER);
        self.early_edits += usize::from(early);
        let interaction = self.interactions.get_mut(token).ok_or_else(Refusal::invalid_webhook_token)?;
        if let Some(expiry) = interaction.expired {
            return Err(expiry.refusal());
        }
        if interaction.born.elapsed() > TOKEN_LIFE {
            return Err(Refusal::invalid_webhook_token());
        }
        match interaction.answer {
            Answer::Awaited | Answer::Failed => Err(Refusal::unknown(10015)),
            Answer::Original(_) | Answer::NoMessage => Ok(interaction),
        }
    }
}
