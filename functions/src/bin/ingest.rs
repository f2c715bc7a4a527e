//! SQS → `job::learn`: sources to passages, passages to indexes.

use functions::queue;
use guildhall::aws::House;
use guildhall::job::sqs::Queue;
use guildhall::knowledge::extract::isolated;
use guildhall::{job, telemetry};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Documents are read in a process of their own, which is this program again.
    isolated::serve_if_asked();
    telemetry::init();
    functions::ended(run())
}

#[tokio::main]
async fn run() -> Result<(), lambda_runtime::Error> {
    queue::serve(House::from_env(&[Queue::Ingest])?, job::learn).await
}
