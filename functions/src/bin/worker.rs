//! SQS → `job::converse`: questions to answers.

use anyhow::Context as _;
use functions::queue;
use guildhall::aws::House;
use guildhall::job::sqs::Queue;
use guildhall::{job, telemetry};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::init();
    functions::ended(Box::pin(run()).await)
}

async fn run() -> Result<(), lambda_runtime::Error> {
    let house = House::from_env(&[Queue::Questions, Queue::Moderation])?;
    house.config.discord.as_ref().context("DISCORD_TOKEN is needed: it says who answers")?;
    queue::serve(house, job::converse).await
}
