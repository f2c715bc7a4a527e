//! `gateway-worker`: the container that keeps Discord's gateway connections on AWS, and passes on what it hears.

use anyhow::{Context as _, Result};
use gateway_worker::{Application, Options, Outside};
use guildhall::config::{AwsConfig, Config};
use guildhall::discord::Discord;
use guildhall::job::sqs::Jobs;
use guildhall::store::Store;
use guildhall::{aws, signals, telemetry};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// SQS takes ten jobs for the price of one; nobody notices so much later.
const LINGER: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::init();
    if let Err(error) = Box::pin(run()).await {
        tracing::error!(error = format!("{error:#}"), "the gateway worker ended");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run() -> Result<()> {
    let (config, aws) = (Config::from_env()?, AwsConfig::from_env()?);
    let shared = config.discord.context("DISCORD_TOKEN is needed: it says whose connections are kept")?;
    let asked_to_stop = signals::asked_to_stop().context("listening for signals")?;
    let clients = aws::clients(&aws).await;
    let outside = Outside {
        store: Store::new(clients.table, &config.table_name),
        jobs: Jobs::new(clients.queues, &aws).into(),
        discord: Arc::new(Discord::new(&shared)?),
    };
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        asked_to_stop.await;
        stopping.cancel();
    });
    let Some(id) = stop.run_until_cancelled(outside.discord.application()).await.map(|ours| ours.id) else {
        return Ok(());
    };
    let shared = Application { id, token: shared.token, shards: config.gateway.shards };
    let (_applications, applications) = watch::channel(vec![shared]);
    let options = Options { applications, alone: false, linger: LINGER, listen: config.gateway.metrics };
    gateway_worker::run(outside, options, stop).await
}
