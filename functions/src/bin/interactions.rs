//! API Gateway → `interactions::router`. Starts with as little as it can: a cold start stands between a member and
//! Discord's three seconds.

use guildhall::aws::{Aws, Limits};
use guildhall::config::{Application, AwsConfig, QueueConfig};
use guildhall::interactions::{self, Door, Keys};
use guildhall::job::sqs::{Jobs, Queue};
use guildhall::telemetry;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::init();
    functions::ended(run().await)
}

async fn run() -> Result<(), lambda_http::Error> {
    let aws = Aws::of_function(&AwsConfig::from_env()?)?;
    let queues = QueueConfig::from_env(&[Queue::Questions])?;
    let store = aws.store(Limits::HASTY);
    let door = Door {
        jobs: Jobs::new(aws.queues(Limits::HASTY).ready(), &queues, None).into(),
        keys: Keys::listed(Application::from_env()?, store.clone()),
        store,
    };
    lambda_http::run(interactions::router(door)).await
}
