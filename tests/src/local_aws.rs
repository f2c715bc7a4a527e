//! AWS on loopback: `ministack` in a virtual environment that the tests make for themselves, once for each version of
//! `tests/requirements.txt`, below cargo's target folder.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use guildhall::aws::{self, Clients};
use guildhall::config::AwsConfig;
use guildhall::job::sqs::MAX_ATTEMPTS;
use guildhall::store::Store;
use tokio::process::{Child, Command};

use crate::server::{self, eventually};

const REQUIREMENTS: &str = include_str!("../requirements.txt");

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
    shared: aws_config::SdkConfig,
    process: Child,
}

impl LocalAws {
    /// Starts it and waits until the table and the queues are there.
    ///
    /// # Panics
    /// When Python 3 with its `venv` module is missing: what needs AWS cannot pass without it.
    pub async fn start() -> Self {
        server::use_crypto();
        let python = tokio::task::spawn_blocking(environment).await.expect("no other task is in the way");
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
        let all = aws_config::SdkConfig::builder()
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
        let aws = Self { clients, config, dead_questions, table: "guildhall".to_owned(), region, shared: all, process };
        aws.store().create_table().await.expect("a fresh AWS takes a table");
        aws
    }

    /// The table, as another process sees it: nothing is remembered from one call to the next.
    pub fn store(&self) -> Store {
        Store::new(self.clients.table.clone(), &self.table)
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

    /// A client of its keys.
    pub fn keys(&self) -> aws_sdk_kms::Client {
        aws::keys(&self.shared)
    }

    /// A client of its event buses.
    pub fn buses(&self) -> aws_sdk_eventbridge::Client {
        aws::buses(&self.shared)
    }

    /// A client of its e-mails.
    pub fn mails(&self) -> aws_sdk_sesv2::Client {
        aws::mails(&self.shared)
    }

    /// A queue's ARN.
    pub async fn queue_arn(&self, url: &str) -> String {
        let asked = self.clients.queues.get_queue_attributes().queue_url(url).attribute_names(Attribute::QueueArn);
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
        answer["messages"].as_array().cloned().unwrap_or_default()
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

/// The Python of the virtual environment, which is made when it is missing. Several test processes wait for the first.
fn environment() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    REQUIREMENTS.hash(&mut hasher);
    let me = std::env::current_exe().expect("a running program knows its file");
    let target = me.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).expect("cargo marks its folder");
    let folder = target.join(format!("local-aws-{:016x}", hasher.finish()));
    // Beside the folder, which is cleared where an earlier try did not come to its end.
    let lock = File::create(folder.with_extension("lock")).expect("a file in cargo's folder");
    lock.lock().expect("a local file can be locked");
    let (python, ready) = (folder.join("bin/python3"), folder.join("ready"));
    if !ready.is_file() {
        let list = folder.with_extension("txt");
        std::fs::write(&list, REQUIREMENTS).expect("a file in cargo's folder");
        let folder = folder.to_str().expect("a path of text");
        must(
            "python3",
            &["-m", "venv", "--clear", folder],
            "Python 3.10 or newer with its venv module is needed (Debian and Ubuntu: apt install python3-venv)",
        );
        let list = list.to_str().expect("a path of text");
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "-r", list];
        must(
            python.to_str().expect("a path of text"),
            &install,
            "the packages of tests/requirements.txt must be installable from PyPI",
        );
        std::fs::write(&ready, "").expect("a file in cargo's folder");
    }
    python
}

fn must(program: &str, arguments: &[&str], needed: &str) {
    let done = std::process::Command::new(program).args(arguments).output();
    match done {
        Ok(done) if done.status.success() => {}
        Ok(done) => {
            panic!("{needed}:\n{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
        }
        Err(error) => panic!("{needed}: {program} does not start: {error}"),
    }
}
