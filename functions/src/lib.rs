//! Guildhall's Lambda functions. Each will be one binary of some thirty lines in `src/bin/` that reads the
//! configuration, connects, and hands over to the library: `interactions`, `dashboard`, `worker`, `ingest`,
//! `proactive`, `notify`.
//!
//! None is here yet: they need the queues of AWS, and a function that accepts a question which nobody answers would be
//! worse than none. `guildhall serve` does all of it on one machine.
