//! `template.yaml` on the AWS of the tests: the functions are the programs that cargo built for this test.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::response::Response;
use guildhall::aws::{Aws, Limits};
use guildhall::config::AwsConfig;
use guildhall::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::fake_discord::{FakeDiscord, Member};
use tests::fake_model::FakeModel;
use tests::local_aws::LocalAws;
use tests::process::{self, Process};
use tests::python::{DEPLOY, repository, run};
use tests::server::{self, Server, eventually};

use super::stories::PATIENCE;

const STACK: &str = "guildhall";

/// Python's library reads another variable than all others.
const REGION: &str = "us-east-1";

/// Bearer token of the account `operator`.
pub(super) const ADMIN_TOKEN: &str = "an-admin-token-of-more-than-32-characters";

/// What tokens that people entrust are sealed with.
const SEALING_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Who e-mails come from.
pub(super) const MAIL_FROM: &str = "guildhall@example.com";

/// A Discord, a model and an AWS on which everything is deployed.
pub(super) struct System {
    pub(super) discord: FakeDiscord,
    pub(super) model: FakeModel,
    pub(super) aws: LocalAws,
    /// The table that the stack made.
    pub(super) store: Store,
    /// Who runs it, and signs in by Discord.
    pub(super) operator: Member,
    outputs: HashMap<String, String>,
    api: Server,
}

impl System {
    /// Deploys it.
    pub(super) async fn deployed() -> Self {
        let (discord, model, aws) = (FakeDiscord::start().await, FakeModel::start().await, LocalAws::start().await);
        let secret = json!({
            "discord_token": discord.token(), "admin_token": ADMIN_TOKEN, "llm_api_key": "sk-fake",
            "embedding_api_key": "none", "client_secret": discord.client_secret(),
            "sealing_key": SEALING_KEY,
        });
        let secret = json!({"Name": "guildhall", "SecretString": secret.to_string()});
        let secret = call(&aws, "secretsmanager", "create_secret", secret).await;
        let said: HashMap<String, String> = discord.environment().into_iter().chain(model.environment()).collect();
        let operator = discord.member("olivia");
        let operator_id = operator.id.to_string();
        let parameters = [
            ("DiscordApplicationId", said["DISCORD_APPLICATION_ID"].as_str()),
            ("DiscordPublicKey", &said["DISCORD_PUBLIC_KEY"]),
            ("DiscordApiUrl", &said["DISCORD_API_URL"]),
            ("SecretArn", secret["ARN"].as_str().expect("its name")),
            ("LlmBaseUrl", &said["LLM_BASE_URL"]),
            ("LlmModel", &said["LLM_MODEL"]),
            ("MailFrom", MAIL_FROM),
            ("OperatorIds", &operator_id),
            ("AlarmEmail", "operator@example.com"),
        ];
        let parameters: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let environment = aws.environment();
        tokio::task::spawn_blocking(move || deploy(&parameters, &environment))
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let stacks = call(&aws, "cloudformation", "describe_stacks", json!({"StackName": STACK})).await;
        let outputs = stacks["Stacks"][0]["Outputs"].as_array().expect("a stack that is there has outputs");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let outputs: HashMap<String, String> =
            outputs.iter().map(|one| (text(&one["OutputKey"]), text(&one["OutputValue"]))).collect();
        let store = Aws::of_function(&AwsConfig { table_name: outputs["TableName"].clone(), ..aws.config.clone() })
            .expect("everything is said")
            .store(Limits::TABLE);
        let endpoint = aws.config.endpoint_url.clone().expect("it has one");
        let port = endpoint.port().expect("it has one");
        let host = format!("{}.execute-api.localhost:{port}", outputs["ApiId"]);
        let api = door(endpoint.as_str().trim_end_matches('/'), &host).await;
        Self { discord, model, aws, store, operator, outputs, api }
    }

    /// Where the API is.
    pub(super) fn url(&self) -> String {
        self.api.url()
    }

    /// Where interactions go.
    pub(super) fn webhook(&self) -> String {
        format!("{}/discord/webhook/", self.url())
    }

    /// What the stack says of itself.
    pub(super) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("the stack says its {name}"))
    }

    /// A request to AWS, as its Python library names it.
    pub(super) async fn call(&self, service: &str, action: &str, arguments: Value) -> Value {
        call(&self.aws, service, action, arguments).await
    }

    /// What a resource of the template is named.
    pub(super) async fn resource(&self, name: &str) -> String {
        let asked = json!({"StackName": STACK, "LogicalResourceId": name});
        let found = self.call("cloudformation", "describe_stack_resource", asked).await;
        found["StackResourceDetail"]["PhysicalResourceId"].as_str().expect("what is there has a name").to_owned()
    }

    /// Starts a gateway worker on the table and the queues of the stack, as its container does.
    pub(super) async fn gateway_worker(&self) -> Process {
        let mut environment: HashMap<String, String> = self.aws.environment().into_iter().collect();
        environment.extend(self.discord.environment());
        let stack = [
            ("TABLE_NAME", "TableName"),
            ("QUESTIONS_QUEUE_URL", "QuestionsQueueUrl"),
            ("MODERATION_QUEUE_URL", "ModerationQueueUrl"),
        ];
        environment.extend(stack.map(|(variable, output)| (variable.to_owned(), self.output(output).to_owned())));
        environment.insert("GUILDHALL_SEALING_KEY".to_owned(), SEALING_KEY.to_owned());
        environment.insert("GUILDHALL_METRICS_ADDR".to_owned(), format!("127.0.0.1:{}", server::free_port()));
        let program = process::binary("gateway-worker");
        let healthy = async || Process::start(&program, &["healthy"], environment.clone()).wait().await.success();
        assert!(!healthy().await, "nobody is there yet");
        let worker = Process::start(&program, &[], environment.clone());
        eventually(PATIENCE, async || healthy().await.then_some(())).await;
        worker
    }

    /// Kills what runs of a function, as a machine that fails does; how many that were.
    pub(super) async fn kill(&self, function: &str) -> usize {
        let endpoint = self.aws.environment().into_iter().find(|(name, _)| name == "AWS_ENDPOINT_URL");
        let endpoint = endpoint.expect("it has one").1;
        let wanted = [
            format!("AWS_LAMBDA_FUNCTION_NAME={}", self.resource(function).await),
            format!("AWS_ENDPOINT_URL={}", endpoint.trim_end_matches('/')),
        ];
        let mut killed = 0;
        for process in fs::read_dir("/proc").expect("Linux tells its processes").filter_map(Result::ok) {
            let Ok(environment) = fs::read(process.path().join("environ")) else { continue };
            let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
            if wanted.iter().all(|wanted| variables.contains(&wanted.as_bytes())) {
                let id = process.file_name().into_string().expect("a number");
                killed +=
                    usize::from(Command::new("kill").args(["-KILL", &id]).status().is_ok_and(|done| done.success()));
            }
        }
        killed
    }
}

impl Drop for System {
    /// What the functions said, where a story failed.
    fn drop(&mut self) {
        const LOGS: &str = "\
import boto3
logs = boto3.client('logs')
for group in logs.describe_log_groups()['logGroups']:
    for event in logs.filter_log_events(logGroupName=group['logGroupName'])['events'][-40:]:
        print(group['logGroupName'], event['message'].rstrip())
";
        if std::thread::panicking() {
            let mut python = Command::new(DEPLOY.programs().join("python3"));
            python.args(["-c", LOGS]).envs(self.aws.environment()).env("AWS_DEFAULT_REGION", REGION);
            if let Ok(said) = python.output() {
                eprintln!("the functions said:\n{}", String::from_utf8_lossy(&said.stdout));
            }
        }
    }
}

async fn call(aws: &LocalAws, service: &str, action: &str, arguments: Value) -> Value {
    const CALL: &str = "\
import boto3, json, sys
answer = getattr(boto3.client(sys.argv[1]), sys.argv[2])(**json.loads(sys.argv[3]))
print(json.dumps(answer, default=str))
";
    let (environment, needed) = (aws.environment(), format!("{service} {action} on the AWS of the tests"));
    let arguments = [service.to_owned(), action.to_owned(), arguments.to_string()];
    let asked = move || {
        run(
            Command::new(DEPLOY.programs().join("python3"))
                .arg("-c")
                .arg(CALL)
                .args(arguments)
                .envs(environment)
                .env("AWS_DEFAULT_REGION", REGION),
            &needed,
        )
    };
    let text = tokio::task::spawn_blocking(asked).await;
    let text = text.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    serde_json::from_str(&text).expect("Python writes JSON")
}

/// Builds as `sam build` does, except that cargo has built already, and deploys.
fn deploy(parameters: &[String], environment: &[(String, String)]) {
    let built = server::data_folder();
    let template = build(&built);
    let mut sam = Command::new(DEPLOY.programs().join("sam"));
    sam.args(["deploy", "--template-file"]).arg(template);
    // What the repository says itself: the stack's name, what it may make, where the programs are put.
    sam.arg("--config-file").arg(repository().join("samconfig.toml"));
    sam.args(["--no-confirm-changeset", "--no-progressbar"]);
    sam.arg("--parameter-overrides").args(parameters);
    // Its own settings lie in the home folder of whoever runs it.
    sam.envs(environment.iter().cloned())
        .env("AWS_DEFAULT_REGION", REGION)
        .env("SAM_CLI_TELEMETRY", "0")
        .env("HOME", built.path())
        .current_dir(built.path());
    run(&mut sam, "sam deploys the template");
}

/// The template with each function's program in a folder of its own, and where it lies.
fn build(folder: &TempDir) -> std::path::PathBuf {
    const AS_JSON: &str =
        "import json, sys\nfrom cfnlint.decode import decode\nprint(json.dumps(decode(sys.argv[1])[0]))";
    let python = DEPLOY.programs().join("python3");
    let text = run(
        Command::new(python).args(["-c", AS_JSON, "template.yaml"]).current_dir(repository()),
        "a template must be one that can be read",
    );
    let mut template: Value = serde_json::from_str(&text).expect("Python writes JSON");
    for resource in template["Resources"].as_object_mut().expect("a template has resources").values_mut() {
        match resource["Type"].as_str().expect("a resource has a type") {
            "AWS::Serverless::Function" => {
                let name = resource["Metadata"]["BuildProperties"]["Binary"].as_str().expect("a program").to_owned();
                let code = folder.path().join(&name);
                fs::create_dir(&code).expect("a fresh folder takes another");
                strip(&process::binary(&name), &code.join("bootstrap"));
                resource["Properties"]["CodeUri"] = name.into();
                resource.as_object_mut().expect("a resource is an object").remove("Metadata");
            }
            "AWS::CloudFormation::Stack" => {
                let part = resource["Properties"]["TemplateURL"].as_str().expect("a file");
                resource["Properties"]["TemplateURL"] =
                    repository().join(part).to_str().expect("a path of text").into();
            }
            // The tests have no five minutes.
            "AWS::Events::Rule" if resource["Properties"]["ScheduleExpression"].is_string() => {
                resource["Properties"]["ScheduleExpression"] = "rate(1 minute)".into();
            }
            _ => {}
        }
    }
    let file = folder.path().join("template.json");
    fs::write(&file, template.to_string()).expect("a fresh folder takes a file");
    file
}

/// Without what only debuggers read, which is most of it.
fn strip(program: &Path, to: &Path) {
    run(
        Command::new("strip").arg("-o").arg(to).arg(program),
        "binutils are needed (Debian and Ubuntu: apt install binutils)",
    );
}

/// The API under an address that needs no resolver: the AWS of the tests tells APIs apart by `Host`.
async fn door(endpoint: &str, host: &str) -> Server {
    let (client, endpoint) = (server::client(), endpoint.to_owned());
    let host: axum::http::HeaderValue = host.parse().expect("a name and a port");
    Server::start(Router::new().fallback(move |request: Request| {
        let (client, endpoint, host) = (client.clone(), endpoint.clone(), host.clone());
        async move {
            let (mut head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
            head.headers.insert(HOST, host);
            head.headers.remove(CONTENT_LENGTH);
            let sent = client.request(head.method, format!("{endpoint}{path}")).headers(head.headers).body(body);
            let answer = sent.send().await.expect("the AWS of the tests is there");
            let (status, mut headers) = (answer.status(), answer.headers().clone());
            for name in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
                headers.remove(name);
            }
            let mut response = Response::new(Body::from(answer.bytes().await.unwrap_or_else(|_| Bytes::new())));
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            response
        }
    }))
    .await
}
