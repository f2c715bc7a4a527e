//! AWS on loopback: `ministack` in a virtual environment that the tests make for themselves.

use std::process::Stdio;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use guildhall::aws::{self, Clients};
use guildhall::config::AwsConfig;
use guildhall::job::sqs::MAX_ATTEMPTS;
use guildhall::store::Store;
use tokio::process::{Child, Command};

use crate::python::LOCAL_AWS;
use crate::server::{self, eventually};

/// Python starts and answers within two seconds on an idle machine.
const SOON: Duration = Duration::from_mins(1);

/// Starts its arguments and kills them when its own standard input ends: with this value, or with the test's process,
/// however that ends.
const WATCHED: &str = "\
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
sys.stdin.buffer.read()
os.killpg(child.pid, signal.SIGKILL)
";

/// One AWS with one table and two queues, empty at first. It ends with this value.
#[derive(Debug)]
pub struct LocalAws {
    /// Clients of it.
    pub clients: Clients,
    /// Where its queues are.
    pub config: AwsConfig,
    /// Where dead questions go.
    pub dead_questions: String,
    table: String,
    region: String,
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
        let shared = aws_sdk_sqs::config::SharedCredentialsProvider::new(aws_sdk_sqs::config::Credentials::new(
            "test", "test", None, None, "tests",
        ));
        let region = "us-east-1".to_owned();
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::new(region.clone()))
            .endpoint_url(&endpoint)
            .credentials_provider(shared.clone())
            .build();
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new(region.clone()))
            .endpoint_url(&endpoint)
            .credentials_provider(shared)
            .build();
        let clients = aws::Clients {
            table: aws_sdk_dynamodb::Client::from_conf(dynamodb),
            queues: aws_sdk_sqs::Client::from_conf(sqs),
        };
        let (questions, dead_questions) = queue(&clients.queues, "questions").await;
        let (ingest, _) = queue(&clients.queues, "ingest").await;
        let parsed = |text: &str| text.parse().expect("an address that the queue service gave");
        let config = AwsConfig {
            questions_queue_url: parsed(&questions),
            ingest_queue_url: parsed(&ingest),
            endpoint_url: Some(parsed(&endpoint)),
        };
        let aws = Self { clients, config, dead_questions, table: "guildhall".to_owned(), region, process };
        aws.store().create_table().await.expect("a fresh AWS takes a table");
        aws
    }

    /// The table, as another process sees it: nothing is remembered from one call to the next.
    pub fn store(&self) -> Store {
        Store::new(self.clients.table.clone(), &self.table)
    }

    /// The table's name.
    pub fn table_name(&self) -> &str {
        &self.table
    }

    /// What a process needs in its environment to use it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = self.config.endpoint_url.as_ref().map(ToString::to_string).unwrap_or_default();
        [
            ("TABLE_NAME", self.table.as_str()),
            ("QUESTIONS_QUEUE_URL", self.config.questions_queue_url.as_str()),
            ("INGEST_QUEUE_URL", self.config.ingest_queue_url.as_str()),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_REGION", &self.region),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }

    /// Messages of a queue that nobody has taken, and that somebody has and did not finish.
    pub async fn depth(&self, url: &str) -> (u32, u32) {
        let names = [Attribute::ApproximateNumberOfMessages, Attribute::ApproximateNumberOfMessagesNotVisible];
        let asked = self
            .clients
            .queues
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

/// A high-throughput FIFO queue with its dead letters.
async fn queue(client: &aws_sdk_sqs::Client, name: &str) -> (String, String) {
    let fifo = |name: String| {
        client
            .create_queue()
            .queue_name(format!("{name}.fifo"))
            .attributes(Attribute::FifoQueue, "true")
            .attributes(Attribute::DeduplicationScope, "messageGroup")
            .attributes(Attribute::FifoThroughputLimit, "perMessageGroupId")
    };
    let dead = fifo(format!("{name}-dead")).send().await.expect("a queue").queue_url.expect("its address");
    let arn = client.get_queue_attributes().queue_url(&dead).attribute_names(Attribute::QueueArn).send().await;
    let arn = arn.expect("the queue is there").attributes.and_then(|mut all| all.remove(&Attribute::QueueArn));
    let redrive = serde_json::json!({"deadLetterTargetArn": arn.expect("its name"), "maxReceiveCount": MAX_ATTEMPTS});
    let live = fifo(name.to_owned()).attributes(Attribute::RedrivePolicy, redrive.to_string()).send().await;
    (live.expect("a queue").queue_url.expect("its address"), dead)
}
