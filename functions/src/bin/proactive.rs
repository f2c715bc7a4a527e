//! A tick of the schedule → what is due.

use guildhall::aws::{Aws, Limits};
use guildhall::config::{AwsConfig, BusConfig, Config, QueueConfig};
use guildhall::discord::{Budget, Discord};
use guildhall::events::Events;
use guildhall::job::Jobs;
use guildhall::job::sqs::{self, Queue};
use guildhall::schedule::{self, Run};
use guildhall::telemetry;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::init();
    functions::ended(run().await)
}

async fn run() -> Result<(), Error> {
    let config = Config::from_env()?;
    let aws = Aws::of_function(&AwsConfig::from_env()?)?;
    let queues = QueueConfig::from_env(&[Queue::Ingest])?;
    let store = &aws.store(Limits::TABLE);
    let jobs = &Jobs::from(sqs::Jobs::new(aws.queues(Limits::QUEUE), &queues, None));
    let (custom, budget) = (aws.custom_bots(store)?, Budget::Shared(store.clone()));
    let discord = &Discord::new(&config.discord_api_url, config.discord.as_ref(), custom, budget)?;
    let events = &Events::EventBridge { client: aws.buses(), bus: BusConfig::from_env()? };
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move {
        // What is left undone is due again at the next tick; Lambda would only try it sooner.
        match Box::pin(schedule::run(store, jobs, events, Some(discord), Timestamp::now())).await {
            Run::Done => tracing::info!("nothing is due any more"),
            Run::Unfinished => tracing::warn!("a part of what is due waits for the next tick"),
        }
        Ok::<_, Error>(())
    }))
    .await
}
