//! Clients of AWS, from the environment.

use crate::config::AwsConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use std::time::Duration;
use url::Url;

/// A connection within a region is there in milliseconds.
const CONNECT: Duration = Duration::from_secs(3);

/// A request to the table takes milliseconds; all its attempts together may take a little longer.
const SHORT_ATTEMPT: Duration = Duration::from_secs(3);
const SHORT_WHOLE: Duration = Duration::from_secs(10);

/// A queue answers after twenty seconds where it has nothing to hand out.
const QUEUE_ATTEMPT: Duration = Duration::from_secs(25);
const QUEUE_WHOLE: Duration = Duration::from_mins(1);

/// A call that seals a secret, passes on an event or hands over an e-mail. Who waits for one waits a few seconds.
const CALL_ATTEMPT: Duration = Duration::from_secs(5);
const CALL_WHOLE: Duration = Duration::from_secs(15);

/// What Guildhall uses of AWS.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The table's.
    pub table: aws_sdk_dynamodb::Client,
    /// The queues'.
    pub queues: aws_sdk_sqs::Client,
}

/// Builds the clients. Region and credentials come from where AWS's own tools take them: variables such as `AWS_REGION`,
/// a profile, a container's role, a machine's. Nothing is sent before the first request.
pub async fn clients(config: &AwsConfig) -> Clients {
    let shared = shared(config.endpoint_url.as_ref()).await;
    // The clients wait for ever for an answer unless they are told otherwise, and one that never comes must stop nobody.
    let queues = aws_sdk_sqs::config::Builder::from(&shared).timeout_config(within(QUEUE_ATTEMPT, QUEUE_WHOLE));
    Clients { table: table(&shared), queues: aws_sdk_sqs::Client::from_conf(queues.build()) }
}

/// What all clients share: region, credentials, address.
pub async fn shared(endpoint_url: Option<&Url>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(endpoint) = endpoint_url {
        loader = loader.endpoint_url(endpoint.as_str());
    }
    loader.load().await
}

/// The table's client.
pub fn table(shared: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(shared).timeout_config(within(SHORT_ATTEMPT, SHORT_WHOLE));
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// The client of the key that secrets are sealed with.
pub fn keys(shared: &SdkConfig) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::config::Builder::from(shared).timeout_config(within(CALL_ATTEMPT, CALL_WHOLE));
    aws_sdk_kms::Client::from_conf(config.build())
}

/// The client of the bus that events go to.
pub fn buses(shared: &SdkConfig) -> aws_sdk_eventbridge::Client {
    let config = aws_sdk_eventbridge::config::Builder::from(shared).timeout_config(within(CALL_ATTEMPT, CALL_WHOLE));
    aws_sdk_eventbridge::Client::from_conf(config.build())
}

/// The client that e-mails are handed to.
pub fn mails(shared: &SdkConfig) -> aws_sdk_sesv2::Client {
    let config = aws_sdk_sesv2::config::Builder::from(shared).timeout_config(within(CALL_ATTEMPT, CALL_WHOLE));
    aws_sdk_sesv2::Client::from_conf(config.build())
}

/// Limits for a request that hands a queue its jobs: it takes milliseconds, and what comes behind it waits. Whether one that
/// was given up has arrived does not matter, as the queue drops what it gets twice.
pub(crate) fn while_sending() -> TimeoutConfig {
    within(SHORT_ATTEMPT, SHORT_WHOLE)
}

fn within(attempt: Duration, whole: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(whole)
        .build()
}
