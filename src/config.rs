//! What the environment says. The only reader of it.

mod aws; // what a process on AWS needs besides

pub use aws::{AwsConfig, AwsKeys, BucketConfig, OperatorConfig, QueueConfig};

use crate::account::Plan;
use crate::ids::PersonId;
use anyhow::{Context as _, Result, anyhow, bail};
use ed25519_dalek::VerifyingKey;
use ipnet::IpNet;
use lettre::message::Mailbox;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, UserMarker},
};
use url::Url;

/// Where a variable's value comes from: the process's environment, or a test's own.
pub type Vars<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything that every door reads.
#[derive(Debug, Clone)]
pub struct Config {
    /// The shared bot; none without `DISCORD_TOKEN`.
    pub discord: Option<DiscordConfig>,
    /// `DISCORD_API_URL` (unset: <https://discord.com>): for the shared bot and those that teams bring along.
    pub discord_api_url: Url,
    /// How messages are heard.
    pub gateway: GatewayConfig,
    /// The model; none without `LLM_BASE_URL`.
    pub llm: Option<ModelConfig>,
    /// `LLM_TIMEOUT_SECONDS` (unset: 60): how long the model may take for one answer.
    pub llm_timeout: Duration,
    /// Embeddings; none without `EMBEDDING_BASE_URL`.
    pub embedding: Option<ModelConfig>,
    /// `GUILDHALL_CRAWL_LOOPBACK`: pages of this very machine may be read.
    pub crawl_loopback: bool,
    /// `TABLE_NAME` (unset: guildhall).
    pub table_name: String,
    /// E-mails; none without `MAIL_FROM`.
    pub mail: Option<MailConfig>,
    /// How often callers of the API may call.
    pub rates: RateConfig,
    /// `GUILDHALL_TRUSTED_PROXIES` (unset: none): proxies whose `X-Forwarded-For` says where a request comes from, besides
    /// those on the same machine.
    pub trusted_proxies: Vec<IpNet>,
    /// Signing in by Discord; none without `DISCORD_CLIENT_SECRET`.
    pub sign_in: Option<SignInConfig>,
    /// `GUILDHALL_OPERATORS`: who runs the installation.
    pub operators: BTreeSet<PersonId>,
    /// `GUILDHALL_PUBLIC_URL`: where people reach the pages, if it is said.
    pub public_url: Option<Url>,
}

/// Signing in by Discord.
#[derive(Debug, Clone)]
pub struct SignInConfig {
    /// `DISCORD_CLIENT_SECRET`.
    pub client_secret: SecretString,
    /// `DISCORD_APPLICATION_ID` (unset: asked from Discord with the shared bot's token).
    pub application: Option<Id<ApplicationMarker>>,
}

/// How often callers of the API may call, in each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateConfig {
    /// `GUILDHALL_REQUESTS_PER_MINUTE` (unset: 1200): by one token or session.
    pub requests_per_minute: NonZeroU32,
    /// `GUILDHALL_ASKS_PER_MINUTE` (unset: 60): of those, questions.
    pub asks_per_minute: NonZeroU32,
    /// `GUILDHALL_UPLOADS_PER_MINUTE` (unset: 120): of those, additions to the knowledge base.
    pub uploads_per_minute: NonZeroU32,
    /// `GUILDHALL_TRIES_PER_MINUTE` (unset: 30): with wrong tokens, or to sign in, from one address.
    pub tries_per_minute: NonZeroU32,
}

/// How e-mails are sent.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// `MAIL_FROM`: an address, with or without a name before it.
    pub from: Mailbox,
    /// `SMTP_URL`: the server of one machine, with its password.
    pub smtp_url: Option<SecretString>,
}

/// Where events go on AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusConfig {
    /// `EVENT_BUS_NAME`: its name or ARN.
    pub name: String,
}

/// What secrets are sealed with on AWS.
#[derive(Debug, Clone)]
pub enum SealConfig {
    /// A key that never leaves KMS.
    Kms(KeyConfig),
    /// `GUILDHALL_SEALING_KEY`: 64 hexadecimal digits, which this process is told.
    Told(SecretString),
}

/// A key of KMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyConfig {
    /// `KMS_KEY_ID`: id, ARN or alias of a symmetric key.
    pub id: String,
}

/// The shared bot.
#[derive(Debug, Clone)]
pub struct DiscordConfig {
    /// `DISCORD_TOKEN`.
    pub token: SecretString,
    /// `DISCORD_APPLICATION_ID` and `DISCORD_PUBLIC_KEY` (unset: asked from Discord).
    pub application: Option<Application>,
}

/// An application as Discord's developer portal shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: Id<ApplicationMarker>,
    /// What its interactions are signed with.
    pub public_key: VerifyingKey,
}

/// The connection to Discord's gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// `DISCORD_GATEWAY` (unset: true): whether it is kept. Without it there are only commands, by the webhook.
    pub enabled: bool,
    /// `DISCORD_SHARDS` (unset: as Discord recommends).
    pub shards: Option<u32>,
    /// `GUILDHALL_METRICS_ADDR` (unset: none): where `/metrics` and the gateway's `/healthz` are told.
    pub metrics: Option<SocketAddr>,
}

/// A server that speaks OpenAI's protocol.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// Base address, usually ending in `/v1`.
    pub base_url: Url,
    /// Bearer token, where the server wants one.
    pub api_key: Option<SecretString>,
    /// Name of the model.
    pub model: String,
}

/// What one machine needs besides.
#[derive(Debug, Clone)]
pub struct StandaloneConfig {
    /// `GUILDHALL_ADDR` (unset: 127.0.0.1:8080).
    pub addr: SocketAddr,
    /// `GUILDHALL_DATA` (unset: ./guildhall-data).
    pub data: PathBuf,
    /// `GUILDHALL_PLAN` (unset: pro): the plan of the machine's one account, until an operator
    /// sets another.
    pub plan: Plan,
}

impl Config {
    /// Reads it from the process's environment.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(&env)
    }

    /// Reads it from `vars`. Errors name the variable and never show its value.
    pub fn from_vars(vars: Vars<'_>) -> Result<Self> {
        Ok(Self {
            discord: DiscordConfig::from_vars(vars)?,
            discord_api_url: address(vars, "DISCORD_API_URL")?
                .unwrap_or_else(|| Url::parse("https://discord.com").expect("a fixed address parses")),
            gateway: GatewayConfig::from_vars(vars)?,
            llm: ModelConfig::from_vars(vars, "LLM")?,
            llm_timeout: model_timeout(vars)?,
            embedding: ModelConfig::from_vars(vars, "EMBEDDING")?,
            crawl_loopback: parsed(vars, "GUILDHALL_CRAWL_LOOPBACK", "true or false")?.unwrap_or(false),
            table_name: filled(vars, "TABLE_NAME").unwrap_or_else(|| "guildhall".to_owned()),
            mail: MailConfig::from_vars(vars)?,
            rates: RateConfig::from_vars(vars)?,
            trusted_proxies: trusted_proxies(vars)?,
            sign_in: SignInConfig::from_vars(vars)?,
            operators: operators(vars)?,
            public_url: address(vars, "GUILDHALL_PUBLIC_URL")?,
        })
    }
}

impl SignInConfig {
    fn from_vars(vars: Vars<'_>) -> Result<Option<Self>> {
        let Some(secret) = filled(vars, "DISCORD_CLIENT_SECRET") else { return Ok(None) };
        let application = parsed(vars, "DISCORD_APPLICATION_ID", "the application's numeric id")?;
        if application.is_none() && filled(vars, "DISCORD_TOKEN").is_none() {
            bail!(
                "DISCORD_CLIENT_SECRET is set, so DISCORD_APPLICATION_ID is needed too: the application that people sign \
                 in to. With DISCORD_TOKEN, it can be left out"
            );
        }
        Ok(Some(Self { client_secret: secret.into(), application }))
    }
}

/// People by their ids on Discord, with commas between them.
fn operators(vars: Vars<'_>) -> Result<BTreeSet<PersonId>> {
    let list = filled(vars, "GUILDHALL_OPERATORS").unwrap_or_default();
    let ids = list.split(',').map(str::trim).filter(|id| !id.is_empty());
    let read = |id: &str| id.parse::<Id<UserMarker>>().map(PersonId::from);
    ids.map(read).collect::<Result<_, _>>().map_err(|_| {
        anyhow!("GUILDHALL_OPERATORS must be Discord user ids with commas between them, for example 53908232506183680")
    })
}

/// Addresses and networks with commas between them.
fn trusted_proxies(vars: Vars<'_>) -> Result<Vec<IpNet>> {
    let list = filled(vars, "GUILDHALL_TRUSTED_PROXIES").unwrap_or_default();
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let read = |entry: &str| entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
    entries.map(read).collect::<Result<_, _>>().map_err(|_| {
        anyhow!("GUILDHALL_TRUSTED_PROXIES must be addresses or networks with commas between them, for example 10.0.0.5, 172.16.0.0/12")
    })
}

impl MailConfig {
    /// Reads it from the process's environment; none without `MAIL_FROM`.
    pub fn from_env() -> Result<Option<Self>> {
        Self::from_vars(&env)
    }

    fn from_vars(vars: Vars<'_>) -> Result<Option<Self>> {
        let from = parsed(vars, "MAIL_FROM", "an e-mail address, for example Guildhall <bot@example.com>")?;
        let server: Option<Url> =
            parsed(vars, "SMTP_URL", "an address such as smtps://user:password@mail.example.com")?;
        if server.as_ref().is_some_and(|url| !matches!(url.scheme(), "smtp" | "smtps") || !url.has_host()) {
            bail!("SMTP_URL must begin with smtp:// or smtps:// and name a server");
        }
        match (from, server) {
            (None, None) => Ok(None),
            (None, Some(_)) => bail!("SMTP_URL is set, so MAIL_FROM is needed too: the sender's address"),
            (Some(from), server) => Ok(Some(Self { from, smtp_url: server.map(|url| String::from(url).into()) })),
        }
    }
}

impl BusConfig {
    /// Reads it from the process's environment.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(&env)
    }

    fn from_vars(vars: Vars<'_>) -> Result<Self> {
        let name = filled(vars, "EVENT_BUS_NAME").context("EVENT_BUS_NAME is needed: the bus that events go to")?;
        Ok(Self { name })
    }
}

impl SealConfig {
    /// Reads it from the process's environment; without it, teams cannot bring bots along. KMS comes first where both are
    /// set.
    pub fn from_env() -> Result<Option<Self>> {
        Self::from_vars(&env)
    }

    fn from_vars(vars: Vars<'_>) -> Result<Option<Self>> {
        if let Some(id) = filled(vars, "KMS_KEY_ID") {
            return Ok(Some(Self::Kms(KeyConfig { id })));
        }
        let Some(key) = filled(vars, "GUILDHALL_SEALING_KEY") else { return Ok(None) };
        if key.len() != 64 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            bail!("GUILDHALL_SEALING_KEY must be 64 hexadecimal digits, such as `openssl rand -hex 32` makes them");
        }
        Ok(Some(Self::Told(key.into())))
    }
}

impl DiscordConfig {
    fn from_vars(vars: Vars<'_>) -> Result<Option<Self>> {
        let Some(token) = filled(vars, "DISCORD_TOKEN") else {
            return Ok(None);
        };
        let id = parsed(vars, "DISCORD_APPLICATION_ID", "the application's numeric id")?;
        let application = match (id, filled(vars, "DISCORD_PUBLIC_KEY")) {
            (None, None) => None,
            (Some(id), Some(key)) => {
                Some(Application { id, public_key: public_key(&key).context("DISCORD_PUBLIC_KEY is wrong")? })
            }
            (Some(_), None) => {
                bail!("DISCORD_APPLICATION_ID is set, so DISCORD_PUBLIC_KEY is needed too: set both or none")
            }
            (None, Some(_)) => {
                bail!("DISCORD_PUBLIC_KEY is set, so DISCORD_APPLICATION_ID is needed too: set both or none")
            }
        };
        Ok(Some(Self { token: token.into(), application }))
    }
}

/// Shards of one bot. One serves 2,500 servers at most; the largest bots have thousands of shards.
pub const MOST_SHARDS: u32 = 100_000;

impl GatewayConfig {
    fn from_vars(vars: Vars<'_>) -> Result<Self> {
        let shards = parsed(vars, "DISCORD_SHARDS", "a number of shards")?;
        if shards.is_some_and(|shards| !(1..=MOST_SHARDS).contains(&shards)) {
            bail!("DISCORD_SHARDS must be a number from 1 to {MOST_SHARDS}");
        }
        Ok(Self {
            enabled: parsed(vars, "DISCORD_GATEWAY", "true or false")?.unwrap_or(true),
            shards,
            metrics: parsed(vars, "GUILDHALL_METRICS_ADDR", "an address and a port, for example 127.0.0.1:9090")?,
        })
    }
}

impl Default for RateConfig {
    fn default() -> Self {
        let rate = |rate| NonZeroU32::new(rate).expect("a fixed number above 0");
        Self {
            requests_per_minute: rate(1_200),
            asks_per_minute: rate(60),
            uploads_per_minute: rate(120),
            tries_per_minute: rate(30),
        }
    }
}

impl RateConfig {
    fn from_vars(vars: Vars<'_>) -> Result<Self> {
        let rate = |name: &str, unset: NonZeroU32| -> Result<NonZeroU32> {
            Ok(parsed(vars, name, "a number from 1 to 4294967295")?.unwrap_or(unset))
        };
        let unset = Self::default();
        Ok(Self {
            requests_per_minute: rate("GUILDHALL_REQUESTS_PER_MINUTE", unset.requests_per_minute)?,
            asks_per_minute: rate("GUILDHALL_ASKS_PER_MINUTE", unset.asks_per_minute)?,
            uploads_per_minute: rate("GUILDHALL_UPLOADS_PER_MINUTE", unset.uploads_per_minute)?,
            tries_per_minute: rate("GUILDHALL_TRIES_PER_MINUTE", unset.tries_per_minute)?,
        })
    }
}

impl ModelConfig {
    fn from_vars(vars: Vars<'_>, prefix: &str) -> Result<Option<Self>> {
        let Some(base_url) = address(vars, &format!("{prefix}_BASE_URL"))? else {
            return Ok(None);
        };
        let model = filled(vars, &format!("{prefix}_MODEL"))
            .ok_or_else(|| anyhow!("{prefix}_BASE_URL is set, so {prefix}_MODEL is needed too: the model's name"))?;
        Ok(Some(Self { base_url, api_key: filled(vars, &format!("{prefix}_API_KEY")).map(Into::into), model }))
    }
}

/// A small model on a slow machine needs minutes; past ten, Discord's fifteen for the reply come near.
fn model_timeout(vars: Vars<'_>) -> Result<Duration> {
    const ALLOWED: RangeInclusive<u64> = 1..=600;
    let seconds = parsed(vars, "LLM_TIMEOUT_SECONDS", "a number of seconds from 1 to 600")?.unwrap_or(60);
    if !ALLOWED.contains(&seconds) {
        bail!("LLM_TIMEOUT_SECONDS must be a number of seconds from 1 to 600");
    }
    Ok(Duration::from_secs(seconds))
}

impl StandaloneConfig {
    /// Reads it from the process's environment.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(&env)
    }

    /// Reads it from `vars`. Errors name the variable.
    pub fn from_vars(vars: Vars<'_>) -> Result<Self> {
        let addr = parsed(vars, "GUILDHALL_ADDR", "an address and a port, for example 127.0.0.1:8080")?
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        Ok(Self {
            addr,
            data: filled(vars, "GUILDHALL_DATA").map_or_else(|| PathBuf::from("guildhall-data"), PathBuf::from),
            plan: parsed(vars, "GUILDHALL_PLAN", "starter, standard or pro")?.unwrap_or(Plan::Pro),
        })
    }
}

/// An Ed25519 public key as Discord's developer portal shows it: 64 hexadecimal digits.
pub fn public_key(hex_digits: &str) -> Result<VerifyingKey> {
    let bytes: [u8; 32] = hex::decode(hex_digits.trim())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| anyhow!("a public key has 64 hexadecimal digits"))?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| anyhow!("these digits are no Ed25519 public key"))?;
    if key.is_weak() {
        bail!("this public key is a weak one that anybody could sign for");
    }
    Ok(key)
}

/// `RUST_LOG`: what is logged, in the form that Rust programs share.
pub fn log_filter() -> Option<String> {
    filled(&env, "RUST_LOG")
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// An empty value means the same as none: `.env` files and service managers often set it so.
fn filled(vars: Vars<'_>, name: &str) -> Option<String> {
    vars(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn parsed<T: FromStr>(vars: Vars<'_>, name: &str, expected: &str) -> Result<Option<T>> {
    filled(vars, name).map(|value| value.parse().map_err(|_| anyhow!("{name} must be {expected}"))).transpose()
}

fn address(vars: Vars<'_>, name: &str) -> Result<Option<Url>> {
    let url: Option<Url> = parsed(vars, name, "an address such as https://example.com/v1")?;
    if url.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https") || !url.has_host()) {
        bail!("{name} must begin with http:// or https://");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn read(pairs: &[(&str, &str)]) -> Result<Config> {
        let map: HashMap<String, String> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::from_vars(&|name| map.get(name).cloned())
    }

    #[test]
    fn nothing_set_is_a_machine_without_discord_and_model() {
        let config = read(&[]).unwrap();
        assert!(config.discord.is_none() && config.llm.is_none() && config.embedding.is_none());
        assert!(!config.crawl_loopback);
        assert_eq!(config.llm_timeout, Duration::from_mins(1));
    }

    #[test]
    fn a_missing_partner_is_named() {
        let error = read(&[("LLM_BASE_URL", "http://127.0.0.1:1/v1")]).unwrap_err();
        assert!(error.to_string().contains("LLM_MODEL"));
        for (set, missing) in
            [("DISCORD_APPLICATION_ID", "DISCORD_PUBLIC_KEY"), ("DISCORD_PUBLIC_KEY", "DISCORD_APPLICATION_ID")]
        {
            let error = read(&[("DISCORD_TOKEN", "secret"), (set, "1")]).unwrap_err().to_string();
            assert!(error.contains(&format!("{missing} is needed")), "{error}");
        }
    }

    #[test]
    fn signing_in_needs_to_know_the_application() {
        let error = read(&[("DISCORD_CLIENT_SECRET", "s3cret")]).unwrap_err().to_string();
        assert!(error.contains("DISCORD_APPLICATION_ID is needed") && !error.contains("s3cret"), "{error}");
        assert!(read(&[("DISCORD_CLIENT_SECRET", "s3cret"), ("DISCORD_TOKEN", "t")]).unwrap().sign_in.is_some());
        let sign_in = read(&[("DISCORD_CLIENT_SECRET", "s3cret"), ("DISCORD_APPLICATION_ID", "5")]).unwrap().sign_in;
        assert_eq!(sign_in.as_ref().and_then(|sign_in| sign_in.application), Some(Id::new(5)));
        assert!(!format!("{sign_in:?}").contains("s3cret"));
    }

    #[test]
    fn operators_are_people_on_discord() {
        let read = |list| read(&[("GUILDHALL_OPERATORS", list)]).map(|config| config.operators);
        assert_eq!(read("7, 5,,").unwrap().into_iter().map(|id| id.0).collect::<Vec<_>>(), ["5", "7"]);
        assert!(read("").unwrap().is_empty());
        for wrong in ["ann", "5;7", "0"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("GUILDHALL_OPERATORS must be Discord user ids"), "{error}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let read = |list| read(&[("GUILDHALL_TRUSTED_PROXIES", list)]).map(|config| config.trusted_proxies);
        let nets: Vec<IpNet> = ["10.0.0.5/32", "172.16.0.0/12", "fd00::/8"].map(|net| net.parse().unwrap()).into();
        assert_eq!(read("10.0.0.5, 172.16.0.0/12,fd00::/8,").unwrap(), nets);
        for wrong in ["proxy.example", "10.0.0.0/33", "10.0.0.5;10.0.0.6"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("GUILDHALL_TRUSTED_PROXIES must be"), "{error}");
        }
    }

    #[test]
    fn a_token_is_enough() {
        let discord = read(&[("DISCORD_TOKEN", "secret")]).unwrap().discord.unwrap();
        assert_eq!(discord.application, None);
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_is_not_shown() {
        for (name, value) in [("LLM_BASE_URL", "s3cret"), ("DISCORD_API_URL", "s3cret://x")] {
            let pairs = [
                (name, value),
                ("LLM_MODEL", "m"),
                ("DISCORD_TOKEN", "t"),
                ("DISCORD_APPLICATION_ID", "1"),
                ("DISCORD_PUBLIC_KEY", "b5937fbea3cc32c4b2e1e2b1ee1e1b8a1d2e3dcb71f6f0a8c0bfa2e1e1b0a0f1"),
            ];
            let error = format!("{:#}", read(&pairs).unwrap_err());
            assert!(error.contains(name) || error.contains("DISCORD_PUBLIC_KEY"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_timeout_stays_within_what_discord_waits() {
        assert_eq!(read(&[("LLM_TIMEOUT_SECONDS", "300")]).unwrap().llm_timeout, Duration::from_mins(5));
        for wrong in ["0", "601", "soon"] {
            let error = read(&[("LLM_TIMEOUT_SECONDS", wrong)]).unwrap_err().to_string();
            assert!(error.contains("LLM_TIMEOUT_SECONDS must be a number of seconds from 1 to 600"), "{error}");
        }
    }

    #[test]
    fn an_e_mail_needs_a_sender_and_no_password_is_shown() {
        let server = "smtp://ann:s3cret@mail.example.com";
        let error = read(&[("SMTP_URL", server)]).unwrap_err().to_string();
        assert!(error.contains("MAIL_FROM is needed"), "{error}");
        for wrong in ["s3cret", "http://s3cret", "smtp:s3cret"] {
            let error = format!("{:#}", read(&[("SMTP_URL", wrong), ("MAIL_FROM", "bot@example.com")]).unwrap_err());
            assert!(error.contains("SMTP_URL") && !error.contains("s3cret"), "{error}");
        }
        for wrong in ["s3cret", "a@b, c@d", "a@b\nBcc: c@d"] {
            let error = read(&[("MAIL_FROM", wrong)]).unwrap_err().to_string();
            assert!(error.contains("MAIL_FROM must be"), "{error}");
        }
        let mail = read(&[("SMTP_URL", server), ("MAIL_FROM", "Guildhall <bot@example.com>")]).unwrap().mail.unwrap();
        assert_eq!(mail.from.email.to_string(), "bot@example.com");
        assert!(mail.smtp_url.is_some() && !format!("{mail:?}").contains("s3cret"));
    }

    #[test]
    fn the_all_zero_key_is_refused() {
        assert!(public_key(&"0".repeat(64)).is_err());
        assert!(public_key("abc").is_err());
    }
}
