//! The parts of Guildhall on AWS, put together for the doors that answer and read.

use super::{Aws, Limits};
use crate::bot::Bot;
use crate::config::{AwsConfig, BucketConfig, BusConfig, Config, OperatorConfig, QueueConfig, SealConfig};
use crate::dashboard::auth::{Access, OperatorToken};
use crate::dashboard::limits::RateLimits;
use crate::discord::{Budget, Discord};
use crate::embedding::Embeddings;
use crate::events::Events;
use crate::http;
use crate::job::sqs::{Jobs, Queue};
use crate::knowledge::Knowledge;
use crate::knowledge::fetch::{FetchLimits, Fetcher};
use crate::llm::Llm;
use crate::secret::Secrets;
use crate::sign_in::SignIn;
use anyhow::{Context as _, Result};
use std::sync::Arc;
use std::time::Duration;

/// A function is ended after fifteen minutes; what was crawled is still to be embedded and written down by then. A site that
/// takes longer is read on by the next job.
const CRAWL: Duration = Duration::from_mins(10);

/// What a function on AWS works with, from the process's environment.
pub struct House {
    /// What doors hand to the flows.
    pub bot: Arc<Bot>,
    /// The queues, for a function that takes from them.
    pub jobs: Jobs,
    /// What was read from the environment.
    pub config: Config,
}

impl House {
    /// Reads what a function needs that uses these queues, and builds it. Nothing is sent before the first request. Must be
    /// called within a tokio runtime.
    pub fn from_env(queues: &[Queue]) -> Result<Self> {
        let (config, aws) = (Config::from_env()?, AwsConfig::from_env()?);
        let (queues, bucket) = (QueueConfig::from_env(queues)?, BucketConfig::from_env()?);
        let aws = Aws::of_function(&aws)?;
        let (store, files) = (aws.store(Limits::TABLE), aws.files(&bucket)?);
        let jobs = Jobs::new(aws.queues(Limits::QUEUE), &queues, Some(files.clone()));
        let fetcher = Fetcher::new(FetchLimits::default(), config.crawl_loopback)?;
        let http = http::client_builder().build().context("building the HTTP client")?;
        let embeddings = Embeddings::configured(&config, http.clone());
        let knowledge = Knowledge::new(store.clone(), files, fetcher, embeddings).crawling_for(CRAWL);
        let llm = Llm::configured(&config, http);
        let (custom, budget) = (aws.custom_bots(&store)?, Budget::Shared(store.clone()));
        let discord = Discord::new(&config.discord_api_url, config.discord.as_ref(), custom, budget)?;
        let events = Events::EventBridge { client: aws.buses(), bus: BusConfig::from_env()? };
        let access = access(&config, &aws)?;
        let mut bot = Bot::new(store, jobs.clone().into(), knowledge, llm, events, Some(Arc::new(discord)), None);
        bot.access = access;
        bot.limits = RateLimits::new(config.rates, config.trusted_proxies.clone());
        Ok(Self { bot: Arc::new(bot), jobs, config })
    }
}

/// People sign in by Discord. Without an address nobody could be sent back, and without a key nothing of what Discord says
/// could be kept.
fn access(config: &Config, aws: &Aws) -> Result<Access> {
    let operator_token = OperatorConfig::from_env()?.token.as_ref().map(OperatorToken::new);
    let sign_in = match &config.sign_in {
        Some(sign_in) => {
            let needs = |name: &str| format!("DISCORD_CLIENT_SECRET is set, so {name} is needed too");
            let public = config.public_url.as_ref().with_context(|| needs("GUILDHALL_PUBLIC_URL"))?;
            let key = SealConfig::from_env()?.with_context(|| needs("KMS_KEY_ID or GUILDHALL_SEALING_KEY"))?;
            let secrets = Secrets::configured(|| aws.keys(), key)?;
            Some(SignIn::new(sign_in.clone(), &config.discord_api_url, public, secrets)?)
        }
        None => None,
    };
    let (operators, address) = (config.operators.clone(), config.public_url.clone());
    Ok(Access { sign_in, operators, operator_token, address, local_admin: false })
}
