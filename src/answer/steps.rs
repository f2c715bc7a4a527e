//! How long each step of an answer took.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// A step on the way to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// What was said before is read.
    Conversation,
    /// Passages of the documents are looked up.
    Retrieval,
    /// The message is counted.
    Quota,
    /// The prompt is written.
    Prompt,
    /// The model writes.
    Model,
    /// What it wrote is read and checked.
    Reply,
    /// The answer is kept for the questions that follow.
    Memory,
}

/// One step of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which one.
    pub name: StepName,
    /// How long it took.
    pub took: Duration,
}

impl Step {
    /// A step that ends now.
    pub(super) fn since(name: StepName, began: Instant) -> Self {
        Self { name, took: began.elapsed() }
    }
}
