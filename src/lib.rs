//! Guildhall: an AI member of staff for Discord servers.
//!
//! Doors (`interactions`, `dashboard`, `job`) call flows (`answer`, `knowledge`), which use pure modules and the
//! outside world's leaves (`store`, `llm`, `embedding`, `discord`).

pub mod knowledge; // what a team has taught Guildhall: sources in, passages out
pub mod llm; // the language model, over HTTP
pub mod prompt; // what the model is told, and how its answer is read
pub mod reply; // model text to Discord messages
pub mod sentences; // what Guildhall itself says, by language
