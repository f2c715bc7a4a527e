//! API Gateway → `dashboard::router`.

use guildhall::aws::House;
use guildhall::job::sqs::Queue;
use guildhall::{dashboard, telemetry};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::init();
    functions::ended(run().await)
}

async fn run() -> Result<(), lambda_http::Error> {
    let house = House::from_env(&[Queue::Questions, Queue::Ingest])?;
    lambda_http::run(dashboard::router(house.bot)).await
}
