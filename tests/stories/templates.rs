//! What would be made on AWS: the templates are read as `CloudFormation` reads them, and refused where they are careless.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use guildhall::aws::Limits;
use serde_json::{Map, Value};
use tests::local_aws::LocalAws;
use tests::python::{DEPLOY, repository, run};

const MAIN: &str = "template.yaml";
const GATEWAY: &str = "infra/gateway.yaml";
const TEMPLATES: [&str; 3] = [MAIN, GATEWAY, "infra/monitoring.yaml"];

/// Statements that may say `*`, and why.
const WILDCARDS: [(&str, &str); 6] = [
    ("Account", "a key's policy speaks of this key only, and without it nobody could change the key"),
    ("Trace", "X-Ray knows no resources"),
    ("Login", "ECR's token is for all of its repositories"),
    ("Log", "a log group's streams are named by the one who writes"),
    ("Files", "objects of one bucket"),
    ("Mail", "in SES's sandbox a recipient is a resource too; a condition names the sender"),
];

/// What each function reads of its environment.
const VARIABLES: [(&str, &[&str]); 6] = [
    ("Interactions", &["TABLE_NAME", "QUESTIONS_QUEUE_URL", "DISCORD_APPLICATION_ID", "DISCORD_PUBLIC_KEY"]),
    (
        "Dashboard",
        &[
            "TABLE_NAME",
            "QUESTIONS_QUEUE_URL",
            "INGEST_QUEUE_URL",
            "BUCKET_NAME",
            "EVENT_BUS_NAME",
            "KMS_KEY_ID",
            "GUILDHALL_SEALING_KEY",
            "GUILDHALL_PUBLIC_URL",
            "GUILDHALL_ADMIN_TOKEN",
            "GUILDHALL_OPERATORS",
            "DISCORD_CLIENT_SECRET",
            "DISCORD_APPLICATION_ID",
            "DISCORD_PUBLIC_KEY",
            "DISCORD_TOKEN",
            "LLM_BASE_URL",
            "LLM_MODEL",
            "LLM_API_KEY",
            "EMBEDDING_BASE_URL",
            "EMBEDDING_MODEL",
            "EMBEDDING_API_KEY",
        ],
    ),
    (
        "Worker",
        &[
            "TABLE_NAME",
            "QUESTIONS_QUEUE_URL",
            "MODERATION_QUEUE_URL",
            "BUCKET_NAME",
            "EVENT_BUS_NAME",
            "KMS_KEY_ID",
            "GUILDHALL_SEALING_KEY",
            "DISCORD_APPLICATION_ID",
            "DISCORD_PUBLIC_KEY",
            "DISCORD_TOKEN",
            "LLM_BASE_URL",
            "LLM_MODEL",
            "LLM_API_KEY",
            "EMBEDDING_BASE_URL",
            "EMBEDDING_MODEL",
            "EMBEDDING_API_KEY",
        ],
    ),
    (
        "Ingest",
        &[
            "TABLE_NAME",
            "INGEST_QUEUE_URL",
            "BUCKET_NAME",
            "EVENT_BUS_NAME",
            "EMBEDDING_BASE_URL",
            "EMBEDDING_MODEL",
            "EMBEDDING_API_KEY",
        ],
    ),
    (
        "Proactive",
        &[
            "TABLE_NAME",
            "INGEST_QUEUE_URL",
            "EVENT_BUS_NAME",
            "KMS_KEY_ID",
            "GUILDHALL_SEALING_KEY",
            "DISCORD_APPLICATION_ID",
            "DISCORD_PUBLIC_KEY",
            "DISCORD_TOKEN",
        ],
    ),
    ("Notify", &["TABLE_NAME", "MAIL_FROM"]),
];

/// What of it nobody may read in a template.
const SECRETS: [&str; 6] = [
    "DISCORD_TOKEN",
    "LLM_API_KEY",
    "EMBEDDING_API_KEY",
    "GUILDHALL_ADMIN_TOKEN",
    "GUILDHALL_SEALING_KEY",
    "DISCORD_CLIENT_SECRET",
];

/// What a function reads that can do without it, and what only makes it read its secrets again.
const OPTIONAL: [&str; 3] = ["DISCORD_API_URL", "LLM_TIMEOUT_SECONDS", "SECRET_REVISION"];

/// The same for the gateway worker.
const GATEWAY_VARIABLES: [&str; 9] = [
    "TABLE_NAME",
    "QUESTIONS_QUEUE_URL",
    "MODERATION_QUEUE_URL",
    "KMS_KEY_ID",
    "GUILDHALL_SEALING_KEY",
    "DISCORD_APPLICATION_ID",
    "DISCORD_PUBLIC_KEY",
    "GUILDHALL_METRICS_ADDR",
    "DISCORD_TOKEN",
];

/// A template without YAML's short forms.
fn template(name: &str) -> Value {
    const AS_JSON: &str =
        "import json, sys\nfrom cfnlint.decode import decode\nprint(json.dumps(decode(sys.argv[1])[0]))";
    let python = DEPLOY.programs().join("python3");
    let text = run(
        Command::new(python).args(["-c", AS_JSON, name]).current_dir(repository()),
        "a template must be one that can be read",
    );
    serde_json::from_str(&text).expect("Python writes JSON")
}

fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a String, &'a Value)> {
    let all = template["Resources"].as_object().expect("a template has resources");
    let found: Vec<_> = all.iter().filter(|(_, resource)| resource["Type"] == kind).collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

/// Every object inside `value`, itself too.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a Map<String, Value>>) {
    match value {
        Value::Object(object) => {
            found.push(object);
            object.values().for_each(|value| objects(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| objects(value, found)),
        _ => {}
    }
}

/// Every text inside `value`.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(object) => object.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn says_all(value: &Value) -> bool {
    let mut found = Vec::new();
    texts(value, &mut found);
    found.iter().any(|text| text.contains('*'))
}

/// What a resource is named by, in `Ref` and `Fn::GetAtt`.
fn named(value: &Value) -> Option<&str> {
    let target = value.get("Fn::GetAtt").map(|attribute| &attribute[0]).or_else(|| value.get("Ref"))?;
    target.as_str()
}

/// Statements that allow more than they name, and are not in the list of those that may.
fn careless(template: &Value) -> Vec<String> {
    let mut all = Vec::new();
    objects(template, &mut all);
    let statements = all.into_iter().filter(|object| object.get("Effect").is_some_and(|effect| effect == "Allow"));
    let mut found = Vec::new();
    for statement in statements {
        let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or("without a name");
        let excused = WILDCARDS.iter().any(|(name, _)| *name == sid);
        let principal = statement.get("Principal").is_some_and(says_all);
        let wide = ["Action", "NotAction", "Resource", "NotResource"]
            .into_iter()
            .filter(|part| part.starts_with("Not") || statement.get(*part).is_some_and(says_all));
        let wide: Vec<_> = wide.filter(|part| statement.contains_key(*part)).collect();
        if principal || (!excused && !wide.is_empty()) {
            found.push(format!("{sid}: {wide:?}"));
        }
    }
    found
}

#[test]
fn the_templates_and_the_image_are_clean() {
    let tools = DEPLOY.programs();
    run(Command::new(tools.join("cfn-lint")).args(TEMPLATES).current_dir(repository()), "cfn-lint has nothing to say");
    run(
        Command::new(tools.join("sam"))
            .args(["validate", "--lint", "--template", MAIN, "--region", "us-east-1"])
            .env("SAM_CLI_TELEMETRY", "0")
            .current_dir(repository()),
        "sam validate has nothing to say",
    );
    run(
        Command::new(tools.join("hadolint")).arg("infra/gateway.Dockerfile").current_dir(repository()),
        "hadolint has nothing to say",
    );
}

#[test]
fn no_statement_allows_more_than_it_must() {
    for name in TEMPLATES {
        assert_eq!(careless(&template(name)), Vec::<String>::new(), "{name}");
    }
    // A role of its own for each function: none that SAM would make up, whose policies allow too much.
    let main = template(MAIN);
    let roles: BTreeSet<_> = resources(&main, "AWS::Serverless::Function")
        .into_iter()
        .map(|(name, function)| named(&function["Properties"]["Role"]).unwrap_or_else(|| panic!("{name}: its role")))
        .collect();
    assert_eq!(roles.len(), VARIABLES.len());
}

#[test]
fn a_careless_statement_is_found() {
    let careful = serde_json::json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Ref": "Queue"}});
    assert_eq!(careless(&careful), Vec::<String>::new());
    for (part, wide) in [("Action", "sqs:*"), ("Resource", "*"), ("NotAction", "sqs:SendMessage"), ("Principal", "*")] {
        let mut statement = careful.clone();
        statement[part] = wide.into();
        assert_eq!(careless(&serde_json::json!({"Fn::If": ["C", statement, 0]})).len(), 1, "{part}");
    }
}

/// What is wrong with buckets.
fn open_buckets(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, bucket) in resources(template, "AWS::S3::Bucket") {
        let properties = &bucket["Properties"];
        for what in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
            if properties["PublicAccessBlockConfiguration"][what] != true {
                found.push(format!("{name}: {what}"));
            }
        }
        if !properties["AccessControl"].is_null() {
            found.push(format!("{name}: an access control list"));
        }
        if !properties["BucketEncryption"].is_object() {
            found.push(format!("{name}: not encrypted"));
        }
        let policies = resources(template, "AWS::S3::BucketPolicy");
        let policy = policies.iter().find(|(_, policy)| named(&policy["Properties"]["Bucket"]) == Some(name));
        let wants_tls = policy.is_some_and(|(_, policy)| {
            let statement = &policy["Properties"]["PolicyDocument"]["Statement"][0];
            statement["Effect"] == "Deny" && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
        });
        if !wants_tls {
            found.push(format!("{name}: no policy that wants TLS"));
        }
    }
    found
}

/// What is wrong with queues, their dead letters, and who reads them.
fn careless_queues(template: &Value) -> Vec<String> {
    let queues: BTreeMap<_, _> = resources(template, "AWS::SQS::Queue").into_iter().collect();
    let dead_of =
        |queue: &Value| named(&queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]).map(str::to_owned);
    let mut dead: BTreeSet<String> = queues.values().filter_map(|queue| dead_of(queue)).collect();
    // Where rules and failed invocations leave what reached nobody.
    let mut all = Vec::new();
    objects(template, &mut all);
    dead.extend(
        all.into_iter().filter_map(|object| named(object.get("DeadLetterConfig")?.get("Arn")?)).map(str::to_owned),
    );
    let mut found = Vec::new();
    let mut wrong = |is_wrong: bool, what: String| {
        if is_wrong {
            found.push(what);
        }
    };
    for (name, queue) in &queues {
        let properties = &queue["Properties"];
        wrong(properties["SqsManagedSseEnabled"] != true, format!("{name}: not encrypted"));
        let Some(letters) = dead_of(queue) else {
            wrong(!dead.contains(*name), format!("{name}: no dead letters"));
            wrong(properties["MessageRetentionPeriod"] != 14 * 24 * 3600, format!("{name}: not as long as SQS can"));
            continue;
        };
        let letters = &queues[&letters]["Properties"];
        wrong(letters["FifoQueue"] != properties["FifoQueue"], format!("{name}: dead letters of another kind"));
        let tries = properties["RedrivePolicy"]["maxReceiveCount"].as_u64().expect("a number");
        wrong(!(5..=12).contains(&tries), format!("{name}: {tries} tries"));
    }
    let functions: BTreeMap<_, _> = resources(template, "AWS::Serverless::Function").into_iter().collect();
    let mut read = BTreeSet::new();
    for (name, mapping) in resources(template, "AWS::Lambda::EventSourceMapping") {
        let properties = &mapping["Properties"];
        let queue = named(&properties["EventSourceArn"]).expect("a queue of this template");
        let function = functions[&named(&properties["FunctionName"]).expect("a function of this template").to_owned()];
        let hidden = queues[&queue.to_owned()]["Properties"]["VisibilityTimeout"].as_u64().unwrap_or(30);
        // Unless a function says more, Lambda ends it after three seconds.
        let timeout = function["Properties"]["Timeout"].as_u64().unwrap_or(3);
        wrong(hidden < 6 * timeout, format!("{name}: hidden for {hidden} s, tried for {timeout} s"));
        wrong(properties["FunctionResponseTypes"][0] != "ReportBatchItemFailures", format!("{name}: all or nothing"));
        wrong(properties["ScalingConfig"]["MaximumConcurrency"].is_null(), format!("{name}: no bound"));
        read.insert(queue.to_owned());
    }
    for (name, _) in queues.iter().filter(|(_, queue)| dead_of(queue).is_some()) {
        wrong(!read.contains(*name), format!("{name}: nobody reads it"));
    }
    found
}

/// Functions that leave what they may use to AWS, or to each other.
fn boundless_functions(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, function) in resources(template, "AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let mut wrong = |is_wrong: bool, what: &str| {
            if is_wrong {
                found.push(format!("{name}: {what}"));
            }
        };
        wrong(properties["Timeout"].as_u64().is_none_or(|seconds| seconds > 900), "no timeout of its own");
        wrong(properties["MemorySize"].as_u64().is_none_or(|mib| mib > 2048), "no memory of its own");
        wrong(properties["ReservedConcurrentExecutions"].is_null(), "no concurrency of its own");
        let log = named(&properties["LoggingConfig"]["LogGroup"]).map(|log| &template["Resources"][log]["Properties"]);
        wrong(log.is_none_or(|log| log["RetentionInDays"].is_null()), "no log of its own that ends some day");
        let model = properties["Environment"]["Variables"]["LLM_TIMEOUT_SECONDS"].as_str().unwrap_or("60");
        let model: u64 = model.parse().expect("a number");
        let has_model = !properties["Environment"]["Variables"]["LLM_BASE_URL"].is_null();
        let timeout = properties["Timeout"].as_u64().unwrap_or(3);
        wrong(has_model && model + 5 > timeout, "ended before the model is given up");
    }
    found
}

/// What a role must allow to whoever is told of a thing: the variable, the thing, the action.
const NEEDS: [(&str, &[&str], &str); 6] = [
    ("TABLE_NAME", &["Table"], "dynamodb:GetItem"),
    ("INGEST_QUEUE_URL", &["Sources"], "sqs:SendMessage"),
    ("BUCKET_NAME", &["Bucket"], "s3:GetObject"),
    ("EVENT_BUS_NAME", &["Bus"], "events:PutEvents"),
    ("KMS_KEY_ID", &["Key"], "kms:Decrypt"),
    ("MAIL_FROM", &["identity/"], "ses:SendEmail"),
];

/// Functions that are told of what they may not use.
fn powerless_functions(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, function) in resources(template, "AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let role = named(&properties["Role"]).unwrap_or_else(|| panic!("{name}: its role"));
        let mut all = Vec::new();
        objects(&template["Resources"][role], &mut all);
        for (variable, things, action) in NEEDS {
            let allows = |statement: &&Map<String, Value>| {
                let says =
                    |part: &str, what: &str| statement.get(part).is_some_and(|part| part.to_string().contains(what));
                statement.get("Effect").is_some_and(|effect| effect == "Allow")
                    && says("Action", action)
                    && things.iter().all(|thing| says("Resource", thing))
            };
            if !properties["Environment"]["Variables"][variable].is_null() && !all.iter().any(allows) {
                found.push(format!("{name}: {variable} without {action}"));
            }
        }
    }
    found
}

#[test]
fn every_bucket_is_private() {
    assert_eq!(open_buckets(&template(MAIN)), [""; 0]);
}

#[test]
fn every_queue_has_dead_letters_and_hides_for_six_timeouts() {
    assert_eq!(careless_queues(&template(MAIN)), [""; 0]);
}

#[test]
fn every_function_may_do_what_it_is_told_of() {
    assert_eq!(powerless_functions(&template(MAIN)), [""; 0]);
}

/// Each of these is the template with one thing wrong.
#[test]
fn what_is_wrong_with_a_template_is_found() {
    let main = template(MAIN);
    let without = |resource: &str, property: &str| {
        let mut template = main.clone();
        let properties = template["Resources"][resource]["Properties"].as_object_mut().expect("properties");
        properties.remove(property).unwrap_or_else(|| panic!("{resource} has no {property}"));
        template
    };
    let with = |resource: &str, pointer: &str, value: Value| {
        let mut template = main.clone();
        *template["Resources"][resource]["Properties"].pointer_mut(pointer).expect("it is there") = value;
        template
    };
    assert_eq!(open_buckets(&without("Bucket", "PublicAccessBlockConfiguration")).len(), 4);
    let public = with("Bucket", "/PublicAccessBlockConfiguration/BlockPublicAcls", false.into());
    assert_eq!(open_buckets(&public), ["Bucket: BlockPublicAcls"]);
    let anybody = with("BucketPolicy", "/PolicyDocument/Statement/0/Effect", "Allow".into());
    assert_eq!(open_buckets(&anybody), ["Bucket: no policy that wants TLS"]);
    assert_eq!(careless(&anybody).len(), 1, "and it lets everybody in");

    let undead = careless_queues(&without("Questions", "RedrivePolicy"));
    assert!(undead.contains(&"Questions: no dead letters".to_owned()), "{undead:?}");
    let hasty = with("Sources", "/VisibilityTimeout", 900.into());
    assert_eq!(careless_queues(&hasty), ["IngestSources: hidden for 900 s, tried for 900 s"]);

    assert_eq!(boundless_functions(&without("Notify", "Timeout")), ["Notify: no timeout of its own"]);
    assert_eq!(boundless_functions(&without("Notify", "MemorySize")), ["Notify: no memory of its own"]);
    let patient = with("Dashboard", "/Environment/Variables/LLM_TIMEOUT_SECONDS", "60".into());
    assert_eq!(boundless_functions(&patient), ["Dashboard: ended before the model is given up"]);

    for (role, function) in [("DashboardRole", "Dashboard"), ("WorkerRole", "Worker"), ("IngestRole", "Ingest")] {
        let mut template = main.clone();
        let policy = &mut template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        policy.as_array_mut().expect("statements").retain(|statement| statement["Sid"] != "Tell");
        assert_eq!(powerless_functions(&template), [format!("{function}: EVENT_BUS_NAME without events:PutEvents")]);
    }
    let wide = with("NotifyRole", "/Policies/0/PolicyDocument/Statement/1/Resource", "*".into());
    assert_eq!(careless(&wide).len(), 1);
}

#[test]
fn every_function_says_what_it_may_use_and_knows_what_it_needs() {
    let main = template(MAIN);
    assert_eq!(boundless_functions(&main), [""; 0]);
    let functions = resources(&main, "AWS::Serverless::Function");
    assert_eq!(functions.len(), VARIABLES.len());
    for (name, function) in &functions {
        let properties = &function["Properties"];
        let (_, needed) = VARIABLES.iter().find(|(known, _)| known == name).expect("a function that is known");
        let set = properties["Environment"]["Variables"].as_object().expect("variables");
        for variable in *needed {
            assert!(set.contains_key(*variable), "{name}: {variable}");
        }
        for variable in set.keys() {
            assert!(
                needed.contains(&&**variable) || OPTIONAL.contains(&&**variable),
                "{name} does not read {variable}"
            );
        }
    }
    let gateway = template(GATEWAY);
    let (_, task) = resources(&gateway, "AWS::ECS::TaskDefinition")[0];
    let container = &task["Properties"]["ContainerDefinitions"][0];
    let list = |part: &str| container[part].as_array().expect("a list").clone();
    let set: Vec<Value> = [list("Environment"), list("Secrets")].concat();
    let mut said = Vec::new();
    for set in &set {
        objects(set, &mut said);
    }
    for variable in GATEWAY_VARIABLES {
        assert!(
            said.iter().any(|set| set.get("Name").is_some_and(|name| name == variable)),
            "gateway worker: {variable}"
        );
    }
    assert!(list("Secrets").iter().any(|secret| secret["Name"] == "DISCORD_TOKEN"));
    assert_eq!(container["ReadonlyRootFilesystem"], true);
    assert_ne!(container["User"], "0");
}

#[test]
fn secrets_are_only_referred_to_and_every_parameter_says_what_it_is() {
    for name in TEMPLATES {
        let template = template(name);
        for (parameter, said) in template["Parameters"].as_object().expect("parameters") {
            assert!(said["Description"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {parameter}");
        }
        let mut all = Vec::new();
        objects(&template, &mut all);
        for (variable, value) in all.into_iter().flatten() {
            if SECRETS.contains(&variable.as_str()) {
                assert!(value.to_string().contains("{{resolve:secretsmanager:"), "{name}: {variable}");
            }
        }
    }
    // What the main stack is asked for itself has a pattern or a list wherever a person writes text.
    for (parameter, said) in template(MAIN)["Parameters"].as_object().expect("parameters") {
        let bounded = ["AllowedPattern", "AllowedValues", "MinValue"].iter().any(|bound| !said[*bound].is_null());
        assert!(bounded || said["Type"] == "CommaDelimitedList", "{parameter}");
    }
}

#[tokio::test]
async fn the_table_is_the_one_that_the_program_makes() {
    let aws = LocalAws::start().await;
    let table_client = aws.aws.table(Limits::TABLE);
    let made = table_client.describe_table().table_name(aws.table_name()).send().await.expect("it is there");
    let made = made.table.expect("it is there");
    let main = tokio::task::spawn_blocking(|| template(MAIN)).await.expect("no other task is in the way");
    let (_, table) = resources(&main, "AWS::DynamoDB::Table")[0];
    let properties = &table["Properties"];
    let keys: Vec<_> = made
        .key_schema()
        .iter()
        .map(|key| (key.attribute_name().to_owned(), key.key_type().as_str().to_owned()))
        .collect();
    let pairs = |list: &str, kind: &str| -> Vec<(String, String)> {
        let list = properties[list].as_array().expect("a list");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        list.iter().map(|entry| (text(&entry["AttributeName"]), text(&entry[kind]))).collect()
    };
    assert_eq!(pairs("KeySchema", "KeyType"), keys);
    let attributes: BTreeSet<_> = made
        .attribute_definitions()
        .iter()
        .map(|one| (one.attribute_name().to_owned(), one.attribute_type().as_str().to_owned()))
        .collect();
    assert_eq!(pairs("AttributeDefinitions", "AttributeType").into_iter().collect::<BTreeSet<_>>(), attributes);
    assert!(made.global_secondary_indexes().is_empty() && properties["GlobalSecondaryIndexes"].is_null());
    let expiry = table_client.describe_time_to_live().table_name(aws.table_name()).send().await.expect("it is there");
    let expiry = expiry.time_to_live_description.and_then(|expiry| expiry.attribute_name);
    assert_eq!(properties["TimeToLiveSpecification"]["AttributeName"].as_str(), expiry.as_deref());
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!((&table["DeletionPolicy"], &table["UpdateReplacePolicy"]), (&"Retain".into(), &"Retain".into()));
}

#[test]
fn what_is_reserved_fits_into_an_account_and_what_a_queue_fills_into_its_function() {
    let main = template(MAIN);
    for (size, numbers) in main["Mappings"]["Sizes"].as_object().expect("sizes") {
        let number = |name: &str| numbers[name].as_u64().expect("a number");
        let reserved: u64 =
            ["interactions", "dashboard", "worker", "ingest", "proactive", "notify"].into_iter().map(number).sum();
        if size == "small" {
            // Of the ten of a new account some are left for who does not wait in a queue.
            assert!(number("questions") + number("moderation") + number("sources") < 10, "{size}");
            continue;
        }
        // An account's usual limit, of which AWS keeps a hundred free.
        assert!(reserved <= 1_000 - 100, "{size}: {reserved}");
        assert_eq!(number("questions") + number("moderation"), number("worker"), "{size}");
        assert_eq!(number("sources"), number("ingest"), "{size}");
    }
}
