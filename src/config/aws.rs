//! What a process on AWS needs besides. Each door reads what it uses, and stops at start where that is missing.

use super::{Application, Vars, address, env, filled, parsed, public_key};
use crate::job::sqs::Queue;
use anyhow::{Context as _, Result, anyhow, bail};
use secrecy::SecretString;
use url::Url;

/// Where AWS is, and the table, which every door uses.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// `TABLE_NAME`.
    pub table_name: String,
    /// `AWS_REGION`, which Lambda and ECS set; elsewhere AWS's own library finds it.
    pub region: Option<String>,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, which Lambda sets.
    pub keys: Option<AwsKeys>,
    /// `AWS_ENDPOINT_URL` (unset: AWS's own).
    pub endpoint_url: Option<Url>,
}

/// Who a process is to AWS.
#[derive(Debug, Clone)]
pub struct AwsKeys {
    /// The public half.
    pub id: String,
    /// The secret half.
    pub secret: SecretString,
    /// With keys that are for a time only.
    pub session: Option<SecretString>,
}

/// The queues that a door sends to or takes from.
#[derive(Debug, Clone, Default)]
pub struct QueueConfig {
    /// `QUESTIONS_QUEUE_URL`.
    pub questions: Option<Url>,
    /// `MODERATION_QUEUE_URL`.
    pub moderation: Option<Url>,
    /// `INGEST_QUEUE_URL`.
    pub ingest: Option<Url>,
}

/// The bucket with the files behind sources and indexes.
#[derive(Debug, Clone)]
pub struct BucketConfig {
    /// `BUCKET_NAME`.
    pub name: String,
}

/// Who runs the installation, until people can sign in.
#[derive(Debug, Clone)]
pub struct OperatorConfig {
    /// `GUILDHALL_ADMIN_TOKEN` (unset: nobody): the API token of the account `operator`.
    pub token: Option<SecretString>,
}

/// Characters of the operator's token, at least: 32 hexadecimal digits cannot be guessed.
const OPERATOR_TOKEN_CHARS: usize = 32;

impl AwsConfig {
    /// Reads it from the process's environment.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(&env)
    }

    /// Reads it from `vars`. Errors name the variable.
    pub fn from_vars(vars: Vars<'_>) -> Result<Self> {
        Ok(Self {
            table_name: needed(vars, "TABLE_NAME", "the table's name")?,
            region: filled(vars, "AWS_REGION"),
            keys: AwsKeys::from_vars(vars)?,
            endpoint_url: address(vars, "AWS_ENDPOINT_URL")?,
        })
    }
}

impl AwsKeys {
    fn from_vars(vars: Vars<'_>) -> Result<Option<Self>> {
        let Some(id) = filled(vars, "AWS_ACCESS_KEY_ID") else { return Ok(None) };
        let secret = needed(vars, "AWS_SECRET_ACCESS_KEY", "it belongs to AWS_ACCESS_KEY_ID, which is set")?;
        Ok(Some(Self { id, secret: secret.into(), session: filled(vars, "AWS_SESSION_TOKEN").map(Into::into) }))
    }
}

impl QueueConfig {
    /// Reads the addresses of these queues from the process's environment.
    pub fn from_env(used: &[Queue]) -> Result<Self> {
        Self::from_vars(used, &env)
    }

    /// Reads the addresses of these queues from `vars`. Errors name the variable.
    pub fn from_vars(used: &[Queue], vars: Vars<'_>) -> Result<Self> {
        let mut config = Self::default();
        for &queue in used {
            let name = queue.variable();
            let url = address(vars, name)?.with_context(|| format!("{name} is needed: the queue's address"))?;
            // A queue's kind is in its name. [SQS Developer Guide/FIFO queues]
            if (url.path().rsplit('.').next() == Some("fifo")) != queue.is_fifo() {
                let kind = if queue.is_fifo() { "a FIFO queue, which ends in .fifo" } else { "a standard queue" };
                bail!("{name} must be the address of {kind}");
            }
            *config.slot(queue) = Some(url);
        }
        Ok(config)
    }

    /// Where a queue is, if the door uses it.
    pub fn url(&self, queue: Queue) -> Option<&Url> {
        match queue {
            Queue::Questions => self.questions.as_ref(),
            Queue::Moderation => self.moderation.as_ref(),
            Queue::Ingest => self.ingest.as_ref(),
        }
    }

    fn slot(&mut self, queue: Queue) -> &mut Option<Url> {
        match queue {
            Queue::Questions => &mut self.questions,
            Queue::Moderation => &mut self.moderation,
            Queue::Ingest => &mut self.ingest,
        }
    }
}

impl BucketConfig {
    /// Reads it from the process's environment.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(&env)
    }

    /// Reads it from `vars`. Errors name the variable.
    pub fn from_vars(vars: Vars<'_>) -> Result<Self> {
        let name = needed(vars, "BUCKET_NAME", "the bucket's name")?;
        // [Amazon S3 User Guide/General purpose bucket naming rules]
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        if !(3..=63).contains(&name.len()) || !name.bytes().all(is_allowed) {
            bail!("BUCKET_NAME must be a bucket's name: 3 to 63 lower-case letters, digits, hyphens and dots");
        }
        Ok(Self { name })
    }
}

impl OperatorConfig {
    /// Reads it from the process's environment.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(&env)
    }

    /// Reads it from `vars`. Errors name the variable.
    pub fn from_vars(vars: Vars<'_>) -> Result<Self> {
        let token = filled(vars, "GUILDHALL_ADMIN_TOKEN");
        let is_good =
            |token: &String| token.len() >= OPERATOR_TOKEN_CHARS && token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.as_ref().is_some_and(|token| !is_good(token)) {
            bail!(
                "GUILDHALL_ADMIN_TOKEN must have at least {OPERATOR_TOKEN_CHARS} characters, without spaces: \
                 `openssl rand -hex 32` makes one"
            );
        }
        Ok(Self { token: token.map(Into::into) })
    }
}

impl Application {
    /// The shared bot's application, for a door that only checks signatures: `DISCORD_APPLICATION_ID` and
    /// `DISCORD_PUBLIC_KEY`, both of which it needs.
    pub fn from_env() -> Result<Self> {
        Self::from_vars(&env)
    }

    /// Reads it from `vars`. Errors name the variable.
    pub fn from_vars(vars: Vars<'_>) -> Result<Self> {
        let id = parsed(vars, "DISCORD_APPLICATION_ID", "the application's numeric id")?
            .ok_or_else(|| anyhow!("DISCORD_APPLICATION_ID is needed: the application's numeric id"))?;
        let key = needed(vars, "DISCORD_PUBLIC_KEY", "what Discord signs the application's interactions with")?;
        Ok(Self { id, public_key: public_key(&key).context("DISCORD_PUBLIC_KEY is wrong")? })
    }
}

/// A variable without which a door cannot do its work.
pub(crate) fn needed(vars: Vars<'_>, name: &str, what: &str) -> Result<String> {
    filled(vars, name).with_context(|| format!("{name} is needed: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTIONS: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/questions.fifo";
    const MODERATION: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/moderation";

    fn vars<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn what_a_door_needs_is_named_and_nothing_else_is_asked_for() {
        let pairs = [("QUESTIONS_QUEUE_URL", QUESTIONS), ("MODERATION_QUEUE_URL", "nonsense")];
        let config = QueueConfig::from_vars(&[Queue::Questions], &vars(&pairs)).unwrap();
        assert!(config.url(Queue::Questions).is_some() && config.url(Queue::Moderation).is_none());
        for (queue, name) in
            [(Queue::Ingest, "INGEST_QUEUE_URL is needed"), (Queue::Moderation, "MODERATION_QUEUE_URL")]
        {
            let error = QueueConfig::from_vars(&[queue], &vars(&pairs)).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_queue_of_the_wrong_kind_is_refused() {
        let pairs = [("QUESTIONS_QUEUE_URL", MODERATION), ("MODERATION_QUEUE_URL", QUESTIONS)];
        for (queue, kind) in [(Queue::Questions, "a FIFO queue"), (Queue::Moderation, "a standard queue")] {
            let error = QueueConfig::from_vars(&[queue], &vars(&pairs)).unwrap_err().to_string();
            assert!(error.contains(queue.variable()) && error.contains(kind), "{error}");
        }
    }

    #[test]
    fn every_variable_that_is_missing_or_wrong_is_named_without_its_value() {
        let wrong: [(&[(&str, &str)], &str); 3] = [
            (&[], "TABLE_NAME is needed"),
            (&[("TABLE_NAME", "t"), ("AWS_ACCESS_KEY_ID", "s3cret")], "AWS_SECRET_ACCESS_KEY is needed"),
            (&[("TABLE_NAME", "t"), ("AWS_ENDPOINT_URL", "s3cret")], "AWS_ENDPOINT_URL must be"),
        ];
        for (pairs, expected) in wrong {
            let error = AwsConfig::from_vars(&vars(pairs)).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
        }
        for name in ["", "S3cret", "s3cret/", "s3"] {
            let error = BucketConfig::from_vars(&vars(&[("BUCKET_NAME", name)])).unwrap_err().to_string();
            assert!(error.contains("BUCKET_NAME") && !error.to_lowercase().contains("s3cret"), "{error}");
        }
        for token in ["s3cret", "s3cret s3cret s3cret s3cret s3cret s3cret"] {
            let error = OperatorConfig::from_vars(&vars(&[("GUILDHALL_ADMIN_TOKEN", token)])).unwrap_err().to_string();
            assert!(error.contains("GUILDHALL_ADMIN_TOKEN") && !error.contains("s3cret"), "{error}");
        }
        assert_eq!(BucketConfig::from_vars(&vars(&[("BUCKET_NAME", "guildhall-1.x")])).unwrap().name, "guildhall-1.x");
        for (pairs, expected) in [
            (&[][..], "DISCORD_APPLICATION_ID is needed"),
            (&[("DISCORD_APPLICATION_ID", "5")], "DISCORD_PUBLIC_KEY is needed"),
            (&[("DISCORD_APPLICATION_ID", "5"), ("DISCORD_PUBLIC_KEY", "s3cret")], "DISCORD_PUBLIC_KEY is wrong"),
        ] {
            let error = format!("{:#}", Application::from_vars(&vars(pairs)).unwrap_err());
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
        }
    }
}
