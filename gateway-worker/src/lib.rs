//! Guildhall's connection to Discord's gateway: what will read messages and mentions, keep sessions across crashes and
//! deploys, and hand work to the queue.
//!
//! It is not here yet; until then questions come as interactions, through the signed webhook.
