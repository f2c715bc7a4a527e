//! A tick of the schedule → what is due.

use guildhall::config::{AwsConfig, Config, KeyConfig};
use guildhall::discord::{CustomBots, Discord};
use guildhall::job::{Jobs, sqs};
use guildhall::schedule::{self, Run};
use guildhall::secret::Secrets;
use guildhall::store::Store;
use guildhall::{aws, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let (config, aws_config) = (Config::from_env()?, AwsConfig::from_env()?);
    let shared = aws::shared(aws_config.endpoint_url.as_ref()).await;
    let clients = aws::clients(&aws_config).await;
    let store = &Store::new(clients.table, &config.table_name);
    let jobs = &Jobs::from(sqs::Jobs::new(clients.queues, &aws_config));
    let custom = KeyConfig::from_env()
        .map(|key| CustomBots { store: store.clone(), secrets: Secrets::kms(aws::keys(&shared), key) });
    let discord = &Discord::new(&config.discord_api_url, config.discord.as_ref(), custom)?;
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move {
        // What is left undone is due again at the next tick; Lambda would only try it sooner.
        match schedule::run(store, jobs, Some(discord), Timestamp::now()).await {
            Run::Done => tracing::info!("nothing is due any more"),
            Run::Unfinished => tracing::warn!("a part of what is due waits for the next tick"),
        }
        Ok::<_, Error>(())
    }))
    .await
}
