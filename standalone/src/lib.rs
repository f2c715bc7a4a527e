//! Guildhall on one machine: every part in one process.

pub mod table; // the table: DynamoDB on one file, in this process
