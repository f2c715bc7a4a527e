//! AWS, as far as Guildhall uses it: each door builds the clients that it needs, on the same connections.

mod compose; // the parts of Guildhall on AWS
mod http; // one client below all others
mod late; // clients that are built when they are first used

pub use compose::House;
pub use late::Late;

use crate::config::{AwsConfig, AwsKeys, BucketConfig, SealConfig};
use crate::discord::CustomBots;
use crate::knowledge::files::Files;
use crate::secret::Secrets;
use crate::store::Store;
use anyhow::{Context as _, Result, anyhow};
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use object_store::aws::AmazonS3Builder;
use object_store::{BackoffConfig, RetryConfig};
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use std::time::Duration;

/// A connection within a region is there in milliseconds.
const CONNECT: Duration = Duration::from_secs(3);

/// Nothing is silent for longer but what has been lost: a queue that has nothing to hand out answers after twenty seconds.
const SILENCE: Duration = Duration::from_secs(30);

/// How long requests may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One attempt.
    pub attempt: Duration,
    /// All attempts together.
    pub whole: Duration,
}

impl Limits {
    /// A request to the table takes milliseconds; all its attempts together may take a little longer.
    pub const TABLE: Self = Self { attempt: Duration::from_secs(3), whole: Duration::from_secs(10) };
    /// A request that hands a queue its jobs takes milliseconds, and what comes behind it waits. Whether one that was given
    /// up has arrived does not matter, as the queue drops what it gets twice.
    pub const SENDING: Self = Self::TABLE;
    /// A queue answers after twenty seconds where it has nothing to hand out.
    pub const QUEUE: Self = Self { attempt: Duration::from_secs(25), whole: Duration::from_mins(1) };
    /// A call that seals a secret, passes on an event or hands over an e-mail. Who waits for one waits a few seconds.
    pub const CALL: Self = Self { attempt: Duration::from_secs(5), whole: Duration::from_secs(15) };
    /// For whoever must answer Discord within three seconds: one more attempt after one that is lost.
    pub const HASTY: Self = Self { attempt: Duration::from_millis(1_300), whole: Duration::from_secs(2) };

    pub(crate) fn config(self) -> TimeoutConfig {
        // The clients wait for ever for an answer unless they are told otherwise, and one that never comes must stop nobody.
        TimeoutConfig::builder().operation_attempt_timeout(self.attempt).operation_timeout(self.whole).build()
    }
}

/// Where AWS is and who we are there; nothing is sent before the first request.
#[derive(Debug, Clone)]
pub struct Aws {
    sdk: SdkConfig,
    http: reqwest::Client,
    config: AwsConfig,
}

impl Aws {
    /// For a Lambda function, which finds who it is in its environment, and asks nobody.
    pub fn of_function(config: &AwsConfig) -> Result<Self> {
        let keys = config.keys.as_ref().context("AWS_ACCESS_KEY_ID is needed: who this function is to AWS")?;
        let region = config.region.clone().context("AWS_REGION is needed: where the function runs")?;
        let session = keys.session.as_ref().map(|token| token.expose_secret().to_owned());
        let credentials = Credentials::new(&keys.id, keys.secret.expose_secret(), session, None, "environment");
        let http = http::client()?;
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .stalled_stream_protection(unwatched())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http::for_sdk(http.clone()));
        sdk.set_endpoint_url(config.endpoint_url.as_ref().map(ToString::to_string));
        Ok(Self { sdk: sdk.build(), http, config: config.clone() })
    }

    /// For a process that runs for long: it is who AWS's own tools would be there, by variables, a profile, or the role of
    /// its container or machine, which changes its keys several times a day.
    pub async fn of_process(config: &AwsConfig) -> Result<Self> {
        let http = http::client()?;
        let mut sdk = aws_config::defaults(BehaviorVersion::latest())
            .stalled_stream_protection(unwatched())
            .http_client(http::for_sdk(http.clone()));
        if let Some(endpoint) = &config.endpoint_url {
            sdk = sdk.endpoint_url(endpoint.as_str());
        }
        Ok(Self { sdk: sdk.load().await, http, config: config.clone() })
    }

    /// The table.
    pub fn store(&self, limits: Limits) -> Store {
        Store::new(self.table(limits), &self.config.table_name)
    }

    /// The table's client.
    pub fn table(&self, limits: Limits) -> Late<aws_sdk_dynamodb::Client> {
        self.late(move |sdk| {
            let config = aws_sdk_dynamodb::config::Builder::from(sdk).timeout_config(limits.config());
            aws_sdk_dynamodb::Client::from_conf(config.build())
        })
    }

    /// The queues' client.
    pub fn queues(&self, limits: Limits) -> Late<aws_sdk_sqs::Client> {
        self.late(move |sdk| {
            let config = aws_sdk_sqs::config::Builder::from(sdk).timeout_config(limits.config());
            aws_sdk_sqs::Client::from_conf(config.build())
        })
    }

    /// The client of the key that secrets are sealed with.
    pub fn keys(&self) -> Late<aws_sdk_kms::Client> {
        self.late(move |sdk| {
            let config = aws_sdk_kms::config::Builder::from(sdk).timeout_config(Limits::CALL.config());
            aws_sdk_kms::Client::from_conf(config.build())
        })
    }

    /// The bots that teams have brought along; none where no key is configured that their tokens are sealed with.
    pub fn custom_bots(&self, store: &Store) -> Result<Option<CustomBots>> {
        let Some(key) = SealConfig::from_env()? else { return Ok(None) };
        let secrets = Secrets::configured(|| self.keys(), key)?;
        Ok(Some(CustomBots { store: store.clone(), secrets }))
    }

    /// The client of the bus that events go to.
    pub fn buses(&self) -> Late<aws_sdk_eventbridge::Client> {
        self.late(move |sdk| {
            let config = aws_sdk_eventbridge::config::Builder::from(sdk).timeout_config(Limits::CALL.config());
            aws_sdk_eventbridge::Client::from_conf(config.build())
        })
    }

    fn late<C>(&self, build: impl FnOnce(&SdkConfig) -> C + Send + 'static) -> Late<C> {
        let sdk = self.sdk.clone();
        Late::new(move || build(&sdk))
    }

    /// The client that e-mails are handed to.
    pub fn mails(&self) -> aws_sdk_sesv2::Client {
        let config = aws_sdk_sesv2::config::Builder::from(&self.sdk).timeout_config(Limits::CALL.config());
        aws_sdk_sesv2::Client::from_conf(config.build())
    }

    /// The files of the bucket, for a function.
    pub fn files(&self, bucket: &BucketConfig) -> Result<Files> {
        let AwsKeys { id, secret, session } = self.config.keys.as_ref().context("AWS_ACCESS_KEY_ID is needed")?;
        let region = self.config.region.as_ref().context("AWS_REGION is needed")?;
        let mut store = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(region)
            .with_access_key_id(id)
            .with_secret_access_key(secret.expose_secret())
            .with_http_connector(http::Connections(self.http.clone()))
            .with_retry(retries());
        if let Some(session) = session {
            store = store.with_token(session.expose_secret());
        }
        if let Some(endpoint) = &self.config.endpoint_url {
            store = store.with_endpoint(endpoint.as_str().trim_end_matches('/')).with_allow_http(true);
        }
        let store = store.build().map_err(|error| anyhow!("BUCKET_NAME: {error}"))?;
        Ok(Files::remote(Arc::new(store)))
    }
}

/// The SDK takes a queue that has nothing to hand out for a connection that has died, and what arrives just then is lost for
/// half a minute. Our own limits tell the two apart.
fn unwatched() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::disabled()
}

/// Half a minute: a job that fails is tried again anyway.
fn retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 5, retry_timeout: Duration::from_secs(30) }
}
