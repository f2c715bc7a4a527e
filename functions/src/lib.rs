//! What Guildhall's Lambda functions share. Each is one binary in `src/bin/` that reads its configuration, connects, and
//! hands over to the library: `interactions`, `dashboard`, `worker`, `ingest`, `proactive`, `notify`.

pub mod queue; // jobs that Lambda hands over, and what it is told of them

use std::process::ExitCode;

/// Says how a function ended that Lambda would have had run for ever. What is wrong at its start is one line in its log.
pub fn ended(outcome: Result<(), lambda_runtime::Error>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the function ended");
            ExitCode::FAILURE
        }
    }
}
