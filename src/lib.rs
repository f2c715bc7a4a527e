//! Guildhall: an AI member of staff for Discord servers.
//!
//! Doors (`interactions`, `dashboard`, `job`) call flows (`answer`, `knowledge`), which use pure modules and the
//! outside world's leaves (`store`, `llm`, `embedding`, `discord`).

pub mod embedding; // any OpenAI-compatible embeddings server
pub mod knowledge; // what a team has taught Guildhall: sources in, passages out
