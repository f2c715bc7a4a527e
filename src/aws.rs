//! Clients of AWS, from the environment.

use crate::config::AwsConfig;
use aws_config::BehaviorVersion;

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
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(endpoint) = &config.endpoint_url {
        loader = loader.endpoint_url(endpoint.as_str());
    }
    let shared = loader.load().await;
    Clients { table: aws_sdk_dynamodb::Client::new(&shared), queues: aws_sdk_sqs::Client::new(&shared) }
}
