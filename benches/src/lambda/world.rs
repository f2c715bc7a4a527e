//! What stands around the functions: Discord, a model, AWS, and what Lambda does between a queue and a function.

use super::aws::CountingAws;
use super::function::Function;
use super::relay::Relay;
use crate::corpus::Corpus;
use crate::retrieval;
use anyhow::{Context as _, Result, ensure};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName as Attribute};
use bytes::Bytes;
use guildhall::account::{Account, Plan};
use guildhall::aws::Limits;
use guildhall::config::Config;
use guildhall::ids::AccountId;
use guildhall::interactions::{self, Door, Keys};
use guildhall::job::sqs::{Jobs, Queue};
use guildhall::knowledge::files;
use guildhall::knowledge::source::IndexPointer;
use guildhall::settings::Guild;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use tests::fake_discord::{FakeDiscord, Interaction};
use tests::fake_model::FakeModel;
use tests::process::binary;
use tests::server::Server;
use twilight_model::id::Id;

const ANSWER: &str = "Set `GUILDHALL_ADDR` to the address on which the server shall listen, and start it again. It takes a \
                      port too, behind a colon; without one it listens where it always does.";

/// Passages of the account whose members ask.
pub(super) const PASSAGES: usize = 10_000;

/// How long a request to Discord takes from AWS, about.
pub(super) const DISCORD: Duration = Duration::from_millis(100);

/// Messages that Lambda hands over at most, as template.yaml says.
pub(super) const BATCH: i32 = 10;

pub(super) struct World {
    pub(super) discord: FakeDiscord,
    pub(super) model: FakeModel,
    pub(super) aws: CountingAws,
    pub(super) account: AccountId,
    to_discord: Relay,
    to_model: Relay,
    door: Server,
    questions: Vec<String>,
}

impl World {
    /// An account with documents, and its server.
    pub(super) async fn start() -> Result<Self> {
        let (discord, model, aws) = (FakeDiscord::start().await, FakeModel::start().await, CountingAws::start().await?);
        discord.without_rate_limits();
        let said = json!({"answer": ANSWER, "sources": [1], "can_answer": true, "wants_human": false});
        model.instant(&said.to_string());
        let (to_discord, to_model) = (Relay::start(&discord.url()).await, Relay::start(&model.url()).await);

        let (store, account) = (aws.store(), AccountId::local());
        store.put_account(&Account { id: account.clone(), name: "Bench".to_owned(), plan: Plan::Pro }).await?;
        store.put_guild(&Guild::new(Id::new(discord.guild_id()), account.clone()), Timestamp::now()).await?;
        let (object, questions) = tokio::task::spawn_blocking(|| {
            let mut corpus = Corpus::new(31)?;
            let passages = corpus.passages(PASSAGES);
            anyhow::Ok((retrieval::index(None, &passages, None)?, corpus.questions(&passages, 200)))
        })
        .await??;
        let name = files::index(&account, 1);
        aws.files()?.put(&name, Bytes::from(object)).await?;
        let passages = u64::try_from(PASSAGES)?;
        let pointer = IndexPointer { version: 1, object: name.to_string(), passages, sources: 1, at: Timestamp::now() };
        ensure!(store.swap_index(&account, &pointer).await?, "the account has an index already");

        // The function `interactions`, but for its process.
        let environment = discord.environment();
        let config = Config::from_vars(&|name| {
            environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })?;
        let application = config.discord.and_then(|discord| discord.application).context("Discord is configured")?;
        let door = Door {
            jobs: Jobs::new(aws.aws.queues(Limits::HASTY), &aws.local.queues, None).into(),
            keys: Keys::listed(application, aws.aws.store(Limits::HASTY)),
            store: aws.aws.store(Limits::HASTY),
        };
        let door = Server::start(interactions::router(door)).await;
        Ok(Self { discord, model, aws, account, to_discord, to_model, door, questions })
    }

    /// Lets AWS and Discord take as long as they really do, and the model so long.
    pub(super) fn take_time(&self, model: Duration) {
        self.aws.take_time(true);
        self.to_discord.take(DISCORD);
        self.to_model.take(model);
    }

    /// A process of the function `worker`.
    pub(super) async fn worker(&self) -> Function {
        let mut environment = self.discord.environment();
        environment.extend(self.model.environment());
        environment.extend(self.aws.environment());
        for (name, value) in &mut environment {
            match name.as_str() {
                "DISCORD_API_URL" => *value = self.to_discord.url(),
                "LLM_BASE_URL" => *value = self.to_model.url(),
                _ => {}
            }
        }
        environment.push(("EVENT_BUS_NAME".to_owned(), "bench".to_owned()));
        environment.push(("GUILDHALL_SEALING_KEY".to_owned(), "0".repeat(64)));
        Function::start(&binary("worker"), environment).await
    }

    /// Somebody asks, and is told that it is thought about; how long that takes.
    pub(super) async fn ask(&self, number: usize) -> Result<(Interaction, Duration)> {
        let question = &self.questions[number % self.questions.len()];
        let interaction = self.discord.member(&format!("member{number}")).ask(question, false);
        let request = self.discord.signed(&interaction.body);
        let webhook = format!("{}/discord/webhook/", self.door.url());
        let sent = self.discord.send(&webhook, &interaction, &request).await;
        if let Some(failure) = sent.failure {
            anyhow::bail!("a question was not accepted: {failure}");
        }
        Ok((interaction, sent.took))
    }

    /// Hands the function at most so many questions from the queue, and deletes those that it has done: what Lambda's event
    /// source mapping does. How long that is billed, and how many were done; none where the queue has nothing.
    pub(super) async fn hand_over(&self, worker: &Function, at_most: i32) -> Result<Option<(Duration, usize)>> {
        let (client, url) = (self.aws.aws.queues(Limits::QUEUE), self.aws.local.url(Queue::Questions));
        let received = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(at_most)
            .wait_time_seconds(1)
            .visibility_timeout(720)
            .message_system_attribute_names(Attribute::All)
            .send()
            .await?;
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(None);
        }
        let records: Vec<Value> = messages.iter().map(record).collect();
        let (billed, answer) = worker.invoke(json!({"Records": records})).await?;
        let undone: Vec<&str> = answer["batchItemFailures"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|failure| failure["itemIdentifier"].as_str())
            .collect();
        let mut done = Vec::new();
        for message in messages.iter().filter(|message| !undone.contains(&message.message_id().unwrap_or_default())) {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(done.len().to_string())
                .receipt_handle(message.receipt_handle().unwrap_or_default());
            done.push(entry.build()?);
        }
        let count = done.len();
        if count > 0 {
            client.delete_message_batch().queue_url(url).set_entries(Some(done)).send().await?;
        }
        Ok(Some((billed, count)))
    }
}

/// A message as Lambda hands it over.
fn record(message: &Message) -> Value {
    let attributes: serde_json::Map<String, Value> = message
        .attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().to_owned(), Value::String(value.clone())))
        .collect();
    json!({
        "messageId": message.message_id(), "receiptHandle": message.receipt_handle(), "body": message.body(),
        "md5OfBody": message.md5_of_body(), "attributes": attributes, "messageAttributes": {},
        "eventSource": "aws:sqs", "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:questions.fifo",
    })
}
