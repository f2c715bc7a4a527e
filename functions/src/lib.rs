//! Guildhall's Lambda functions. Each is one binary of some thirty lines in `src/bin/` that reads the
//! configuration, connects, and hands over to the library: `interactions`, `dashboard`, `worker`, `ingest`,
//! `proactive`, `notify`.
//!
//! `guildhall serve` does all of it on one machine.
