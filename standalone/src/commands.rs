//! What the commands do. Results go to the standard output, everything else to the standard error.

mod ask;
mod knowledge;
mod output;
mod token;

use crate::cli::Remote;
use crate::client::{CallError, Client};
use anyhow::Result;
use std::process::ExitCode;

/// Runs a command. What the server refuses is printed as its sentence and makes the exit code 1.
pub async fn run(command: Remote, client: &Client) -> Result<ExitCode> {
    let done = match command {
        Remote::Ask(args) => ask::run(args, client).await,
        Remote::Knowledge(command) => knowledge::run(command, client).await,
        Remote::Token(command) => token::run(command, client).await,
    };
    match done {
        Err(error) if error.is::<CallError>() => {
            output::complain(&error.to_string())?;
            Ok(ExitCode::FAILURE)
        }
        done => done,
    }
}
