//! Guildhall: an AI member of staff for Discord servers.
//!
//! Doors (`interactions`, `dashboard`, `job`) call flows (`answer`, `knowledge`), which use pure modules and the
//! outside world's leaves (`store`, `llm`, `embedding`, `discord`).

pub mod account; // accounts, plans, months
pub mod answer; // one question from claim to reply: read this first
pub mod aws; // clients of AWS, from the environment
pub mod bot; // what every door hands to the flows
pub mod config; // what the environment says
pub mod dashboard; // the HTTP door: health, the API under /api/v1 and its description
pub mod discord; // Discord's REST API
pub mod embedding; // any OpenAI-compatible embeddings server
pub mod events; // what happens that a team wants to hear of
pub mod http; // one TLS setup and user agent for every outgoing client
pub mod ids; // identifiers of our own things
pub mod interactions; // the signed webhook: what members ask and click
pub mod job; // work between doors: the wire format of a queue message, and what each job does
pub mod knowledge; // what a team has taught Guildhall: sources in, passages out
pub mod llm; // the language model, over HTTP
pub mod locale; // Discord's names of languages
pub mod mail; // e-mails: SES, SMTP, the log
pub mod notify; // an event from the bus to the people who are told
pub mod prompt; // what the model is told, and how its answer is read
pub mod question; // what a question is, wherever it was asked
pub mod reply; // model text to Discord messages
pub mod schedule; // what is due every five minutes
pub mod secret; // secrets that have to be read again, sealed
pub mod sentences; // what Guildhall itself says, by language
pub mod servers; // what Discord says of servers, and what is wrong with them
pub mod settings; // what an account has set for one of its servers
pub mod sign_in; // Discord says who a person is
pub mod signals; // how a process is told to stop
pub mod store; // the one table
pub mod telemetry; // logs
pub mod usage; // what messages are counted as: by day and by kind
