//! AWS on loopback: `ministack` in a virtual environment that the tests make for themselves.

use std::process::Stdio;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use guildhall::aws::{Aws, Late, Limits};
use guildhall::config::{AwsConfig, AwsKeys, BucketConfig, QueueConfig};
use guildhall::job::sqs::{Jobs, Queue};
use guildhall::knowledge::files::Files;
use guildhall::store::Store;
use tokio::process::{Child, Command};

use crate::python::LOCAL_AWS;
use crate::server::{self, eventually};

/// Python starts and answers within two seconds on an idle machine.
const SOON: Duration = Duration::from_mins(1);

/// Starts its arguments and kills them when its own standard input ends: with this value, or with the test's process,
/// however that ends. A signal to all of the test's group, as from Ctrl-C, must not end it first.
const WATCHED: &str = "\
import os, signal, subprocess, sys
for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(ending, signal.SIG_IGN)
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
sys.stdin.buffer.read()
os.killpg(child.pid, signal.SIGKILL)
";

/// One AWS with one table, one bucket and three queues, empty at first. It ends with this value.
#[derive(Debug)]
pub struct LocalAws {
    /// It, as our own processes see it.
    pub aws: Aws,
    /// The queues' client.
    pub client: Late<aws_sdk_sqs::Client>,
    /// Where its queues are.
    pub queues: QueueConfig,
    /// Where dead questions go.
    pub dead_questions: String,
    /// What a process on it reads from its environment.
    pub config: AwsConfig,
    bucket: BucketConfig,
    process: Child,
}

impl LocalAws {
    /// Starts it and waits until the table and the queues are there.
    ///
    /// # Panics
    /// When Python 3 with its `venv` module is missing: what needs AWS cannot pass without it.
    pub async fn start() -> Self {
        server::use_crypto();
        let programs = tokio::task::spawn_blocking(|| LOCAL_AWS.programs()).await.expect("no other task is in the way");
        let python = programs.join("python3");
        let port = server::free_port().to_string();
        let process = Command::new(&python)
            .args(["-c", WATCHED])
            .arg(&python)
            .args(["-m", "ministack"])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("GATEWAY_PORT", &port)
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "localhost")
            // It hands this on to the functions that it runs.
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the environment's Python starts");
        let endpoint = format!("http://127.0.0.1:{port}");
        let http = server::client();
        let health = format!("{endpoint}/_ministack/health");
        eventually(SOON, async || http.get(&health).send().await.ok().filter(|answer| answer.status() == 200)).await;

        // A process reads these from its environment; this one says them to the clients, as tests share an environment.
        let config = AwsConfig {
            table_name: "guildhall".to_owned(),
            region: Some("us-east-1".to_owned()),
            keys: Some(AwsKeys { id: "test".to_owned(), secret: "test".into(), session: None }),
            endpoint_url: Some(endpoint.parse().expect("an address")),
        };
        let aws = Aws::of_function(&config).expect("everything is said");
        let client = aws.queues(Limits::QUEUE);
        let (questions, dead_questions) = queue(&client, Queue::Questions, "questions").await;
        let (moderation, _) = queue(&client, Queue::Moderation, "moderation").await;
        let (ingest, _) = queue(&client, Queue::Ingest, "ingest").await;
        let parsed = |text: String| Some(text.parse().expect("an address that the queue service gave"));
        let queues =
            QueueConfig { questions: parsed(questions), moderation: parsed(moderation), ingest: parsed(ingest) };
        let bucket = BucketConfig { name: "guildhall".to_owned() };
        let made = http.put(format!("{endpoint}/{}", bucket.name)).send().await.expect("it answers");
        assert!(made.status().is_success(), "no bucket: {}", made.status());
        let aws = Self { aws, client, queues, dead_questions, config, bucket, process };
        aws.store().create_table().await.expect("a fresh AWS takes a table");
        aws
    }

    /// The table, as another process sees it: nothing is remembered from one call to the next.
    pub fn store(&self) -> Store {
        self.aws.store(Limits::TABLE)
    }

    /// The bucket.
    pub fn files(&self) -> Files {
        self.aws.files(&self.bucket).expect("everything is said")
    }

    /// The queues, as a process sees them that knows the bucket too.
    pub fn jobs(&self) -> Jobs {
        Jobs::new(self.client.clone(), &self.queues, Some(self.files()))
    }

    /// A queue's address.
    pub fn url(&self, queue: Queue) -> &str {
        self.queues.url(queue).expect("all queues are there").as_str()
    }

    /// The table's name.
    pub fn table_name(&self) -> &str {
        &self.config.table_name
    }

    /// What a process needs in its environment to use it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = self.config.endpoint_url.as_ref().map(ToString::to_string).unwrap_or_default();
        [
            ("TABLE_NAME", self.config.table_name.as_str()),
            ("BUCKET_NAME", &self.bucket.name),
            (Queue::Questions.variable(), self.url(Queue::Questions)),
            (Queue::Moderation.variable(), self.url(Queue::Moderation)),
            (Queue::Ingest.variable(), self.url(Queue::Ingest)),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }

    /// A queue's ARN.
    pub async fn queue_arn(&self, url: &str) -> String {
        let asked = self.client.get_queue_attributes().queue_url(url).attribute_names(Attribute::QueueArn);
        let arn = asked.send().await.expect("the queue is there").attributes;
        arn.and_then(|mut all| all.remove(&Attribute::QueueArn)).expect("its name")
    }

    /// Sends what a rule of a bus takes to this queue.
    pub async fn target(&self, buses: &aws_sdk_eventbridge::Client, bus: &str, rule: &str, queue_arn: &str) {
        let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(queue_arn).build();
        let target = target.expect("a target has an id and an ARN");
        buses.put_targets().event_bus_name(bus).rule(rule).targets(target).send().await.expect("a rule takes a target");
    }

    /// E-mails that SES was given.
    pub async fn mailed(&self) -> Vec<serde_json::Value> {
        let endpoint = self.config.endpoint_url.as_ref().expect("it has an address");
        let asked = server::client().get(format!("{endpoint}_ministack/ses/messages")).send().await;
        let answer: serde_json::Value = asked.expect("it answers").json().await.expect("JSON");
        // By account, of which there is one.
        let accounts = answer["messages"].as_object().expect("a list for each account");
        accounts.values().filter_map(serde_json::Value::as_array).flatten().cloned().collect()
    }

    /// Messages of a queue that nobody has taken, and that somebody has and did not finish.
    pub async fn depth(&self, url: &str) -> (u32, u32) {
        let names = [Attribute::ApproximateNumberOfMessages, Attribute::ApproximateNumberOfMessagesNotVisible];
        let asked = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .expect("the queue is there");
        let count = |name| {
            asked.attributes().and_then(|all| all.get(name)).and_then(|n| n.parse().ok()).expect("what was asked for")
        };
        (count(&names[0]), count(&names[1]))
    }

    /// The emulator's supervisor, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }
}

/// A queue with its dead letters. FIFO queues have limits per group.
async fn queue(client: &aws_sdk_sqs::Client, queue: Queue, name: &str) -> (String, String) {
    let new = |name: String| {
        let suffix = if queue.is_fifo() { ".fifo" } else { "" };
        let new = client.create_queue().queue_name(format!("{name}{suffix}"));
        if !queue.is_fifo() {
            return new;
        }
        new.attributes(Attribute::FifoQueue, "true")
            .attributes(Attribute::DeduplicationScope, "messageGroup")
            .attributes(Attribute::FifoThroughputLimit, "perMessageGroupId")
    };
    let dead = new(format!("{name}-dead")).send().await.expect("a queue").queue_url.expect("its address");
    let arn = client.get_queue_attributes().queue_url(&dead).attribute_names(Attribute::QueueArn).send().await;
    let arn = arn.expect("the queue is there").attributes.and_then(|mut all| all.remove(&Attribute::QueueArn));
    let redrive =
        serde_json::json!({"deadLetterTargetArn": arn.expect("its name"), "maxReceiveCount": queue.max_receives()});
    let live = new(name.to_owned()).attributes(Attribute::RedrivePolicy, redrive.to_string()).send().await;
    (live.expect("a queue").queue_url.expect("its address"), dead)
}
