//! Guildhall on one machine: every part in one process.

pub mod cli; // the command line
pub mod client; // the API, as the command line uses it
pub mod commands; // one file per command
pub mod door; // what is served, and how the command line finds it
pub mod guide; // Guildhall's own user guide, as the first sources
pub mod house; // every part, on one data folder
pub mod serve; // `guildhall serve`
pub mod table; // the table: DynamoDB on one file, in this process
