//! Guildhall's connection to Discord's gateway: what reads messages and mentions, keeps sessions across crashes and
//! deploys, and hands work to the queue. Nothing that the queue has not accepted is ever marked as read.

pub mod applications; // whose sessions are kept
pub mod backoff; // how long to wait before the next connection
pub mod burst; // several messages of one person are one question
pub mod changes; // what admins change of their settings
pub mod content; // whether the content of messages is still needed
pub mod decide; // whether a message is a question, and which words of it
pub mod fleet; // which worker keeps which session
pub mod forward; // jobs on their way to the queue
pub mod frame; // from a raw frame to the few fields that decide
pub mod gate; // casual talk that smart mode need not ask the model about
pub mod going; // sessions that are being given away
pub mod guilds; // what is known of each server
pub mod health; // whether this worker is well, and what it counts
pub mod identify; // when a session may be started
pub mod judge; // one session's judgement, which ties these together: read this first
pub mod lookups; // what is done out of line
pub mod metrics; // what is counted
pub mod pace; // how often people may ask
pub mod plan; // how an application's servers are shared out
pub mod recent; // questions whose changes still matter
pub mod session; // one session: read this first
pub mod tenure; // whether this worker may still act
pub mod watermark; // which events are done with
pub mod wire; // what Discord's frames and close codes mean
pub mod worker; // everything together

pub use applications::{Application, Shared};
pub use worker::{Options, Outside, run};
