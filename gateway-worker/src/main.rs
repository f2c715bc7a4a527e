//! `gateway-worker`: the container that keeps Discord's gateway connections on AWS, and passes on what it hears.

use anyhow::{Context as _, Result, ensure};
use gateway_worker::{Options, Outside, Shared, applications, content};
use guildhall::aws::{Aws, Limits};
use guildhall::config::{AwsConfig, Config, QueueConfig};
use guildhall::discord::{Budget, Discord};
use guildhall::job::sqs::{Jobs, Queue};
use guildhall::{signals, telemetry};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// SQS takes ten jobs for the price of one; nobody notices so much later.
const LINGER: Duration = Duration::from_millis(5);

/// A container is asked for its health every ten seconds, and waited for five.
const HEALTH: Duration = Duration::from_secs(4);

#[tokio::main]
async fn main() -> ExitCode {
    telemetry::init();
    let done = match std::env::args().nth(1).as_deref() {
        Some("healthy") => healthy().await,
        _ => Box::pin(run()).await,
    };
    if let Err(error) = done {
        tracing::error!(error = format!("{error:#}"), "the gateway worker ended");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Asks the worker of this container how it is: an image without a shell has nobody else to do so.
async fn healthy() -> Result<()> {
    let address = Config::from_env()?.gateway.metrics.context("GUILDHALL_METRICS_ADDR is needed: where to ask")?;
    let asked = async {
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut status = String::new();
        connection.take(64).read_to_string(&mut status).await?;
        anyhow::Ok(status)
    };
    let status = tokio::time::timeout(HEALTH, asked).await.context("the worker takes too long")??;
    ensure!(status.split(' ').nth(1) == Some("200"), "the worker is not well");
    Ok(())
}

async fn run() -> Result<()> {
    let (config, aws) = (Config::from_env()?, AwsConfig::from_env()?);
    let queues = QueueConfig::from_env(&[Queue::Questions, Queue::Moderation])?;
    let shared = config.discord.context("DISCORD_TOKEN is needed: it says whose connections are kept")?;
    let asked_to_stop = signals::asked_to_stop().context("listening for signals")?;
    let aws = Aws::of_process(&aws).await?;
    let store = aws.store(Limits::TABLE);
    let (custom, budget) = (aws.custom_bots(&store)?, Budget::Shared(store.clone()));
    let outside = Outside {
        jobs: Jobs::new(aws.queues(Limits::QUEUE), &queues, None).into(),
        discord: Arc::new(Discord::new(&config.discord_api_url, Some(&shared), custom, budget)?),
        store,
    };
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        asked_to_stop.await;
        stopping.cancel();
    });
    let shared = Shared { token: shared.token, shards: config.gateway.shards };
    let (tell, applications) = watch::channel(Vec::new());
    let keep = applications::keep(outside.store.clone(), Arc::clone(&outside.discord), Some(shared), tell);
    let _keep = AbortOnDropHandle::new(tokio::spawn(keep));
    let options = Options {
        applications,
        alone: false,
        linger: LINGER,
        content_kept: content::KEPT,
        listen: config.gateway.metrics,
    };
    gateway_worker::run(outside, options, stop).await
}
