//! One deployment for all stories, as it takes a while: each begins where the one before has ended.

use std::time::Duration;

use axum::http::Method;
use axum::http::header::SET_COOKIE;
use guildhall::account::{Account, Month, Plan};
use guildhall::ids::AccountId;
use guildhall::settings::Guild;
use jiff::Timestamp;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tests::browser::Browser;
use tests::documents::pdf;
use tests::fake_discord::{Fault, Interaction, Member};
use tests::process::{self, Process};
use tests::server::{client, eventually};
use twilight_model::id::Id;

use super::system::{ADMIN_TOKEN, MAIL_FROM, System};

/// Far more than anything here may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// Between two looks that cost a request.
const A_MOMENT: Duration = Duration::from_millis(200);

const ANSWER: &str = "31 months.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_deployed_works_together() {
    let town = Town::new().await;
    town.a_signed_question_is_answered().await;
    town.the_same_interaction_twice_is_answered_once().await;
    town.what_is_not_signed_is_turned_away().await;
    town.a_poison_message_ends_with_the_dead_letters_and_the_rest_of_its_batch_is_answered().await;
    town.only_the_operators_token_opens_the_api().await;
    town.a_person_signs_in_by_discord_and_sees_the_overview().await;
    town.a_document_is_read_and_found().await;
    town.an_event_ends_as_an_email().await;
    let mut worker = town.system.gateway_worker().await;
    // What `infra/gateway.yaml` makes figures of.
    worker.wait_for_line(r#""message":"gateway sessions","connected":"#, PATIENCE).await;
    town.system.discord.gateway().wait_until_connected(1, PATIENCE).await;
    town.a_mention_is_answered().await;
    town.a_worker_killed_between_posting_and_recording_posts_and_counts_once().await;
    worker.kill().await;
    town.the_schedule_registers_the_commands().await;
    assert_eq!(town.system.discord.violations(), 0);
}

/// Everything else of it would do.
#[tokio::test]
async fn an_operators_token_that_can_be_guessed_stops_the_dashboard_at_its_start() {
    let start = |token: &str| {
        let environment = [
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("TABLE_NAME", "guildhall"),
            ("QUESTIONS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/questions.fifo"),
            ("INGEST_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/ingest.fifo"),
            ("BUCKET_NAME", "guildhall"),
            ("EVENT_BUS_NAME", "guildhall"),
            ("GUILDHALL_ADMIN_TOKEN", token),
        ];
        Process::start(process::binary("dashboard"), &[], environment)
    };
    let mut dashboard = start("s3cret-of-less-than-32-letters");
    let line = dashboard.wait_for_line("GUILDHALL_ADMIN_TOKEN must have at least 32 characters", PATIENCE).await;
    assert!(!line.contains("s3cret"), "{line}");
    assert!(!dashboard.wait().await.success());
}

/// The system with one server, its channel, and one person.
struct Town {
    system: System,
    /// The server and its channel.
    home: (u64, u64),
    ann: Member,
    account: AccountId,
}

impl Town {
    async fn new() -> Self {
        let system = System::deployed().await;
        system.discord.without_rate_limits();
        let answer = json!({
            "addressed": true, "answer": ANSWER, "can_answer": true, "sources": [], "wants_human": false,
        });
        system.model.instant(&answer.to_string());
        let account = AccountId("operator".to_owned());
        let operator = Account { id: account.clone(), name: "The workshop".to_owned(), plan: Plan::Pro };
        system.store.put_account(&operator).await.expect("a fresh table takes an account");
        let guild = system.discord.add_guild("The workshop");
        let channel = system.discord.add_channel(guild, "help");
        let connected = Guild::new(Id::new(guild), account.clone());
        assert!(system.store.put_guild(&connected, Timestamp::now()).await.expect("a fresh table takes a server"));
        let ann = system.discord.member("ann").in_channel(guild, channel);
        Self { system, home: (guild, channel), ann, account }
    }

    /// Messages that were counted.
    async fn used(&self) -> u32 {
        self.system.store.usage(&self.account, Month::of(Timestamp::now())).await.expect("the table answers")
    }

    async fn is_answered(&self, asked: &Interaction) {
        eventually(PATIENCE, async || {
            tokio::time::sleep(A_MOMENT).await;
            let shown = self.system.discord.reply_to(asked);
            shown.first().is_some_and(|message| message.content.contains(ANSWER)).then_some(())
        })
        .await;
    }

    /// Nothing is left in the queue of questions.
    async fn settled(&self) {
        let queue = self.system.output("QuestionsQueueUrl");
        eventually(PATIENCE, async || {
            tokio::time::sleep(A_MOMENT).await;
            (self.system.aws.depth(queue).await == (0, 0)).then_some(())
        })
        .await;
    }

    async fn dead(&self) -> u32 {
        self.system.aws.depth(self.system.output("QuestionsDeadLettersUrl")).await.0
    }

    async fn a_signed_question_is_answered(&self) {
        // The program of a test is many times as large as a function, and Discord allows three seconds.
        eventually(PATIENCE, async || {
            let pong = self.system.discord.pings_webhook(&self.system.webhook()).await;
            (pong.status == 200 && pong.failure.is_none()).then_some(())
        })
        .await;
        let asked = self.ann.asks(&self.system.webhook(), "how long is the warranty?", false).await.accepted();
        self.is_answered(&asked).await;
        self.settled().await;
        assert_eq!((self.used().await, self.system.model.chat_count()), (1, 1));
    }

    async fn the_same_interaction_twice_is_answered_once(&self) {
        let (before, chats) = (self.used().await, self.system.model.chat_count());
        let asked = self.ann.ask("what does the warranty cover?", false);
        let webhook = self.system.webhook();
        let (first, second) =
            tokio::join!(self.system.discord.deliver(&webhook, &asked), self.system.discord.deliver(&webhook, &asked));
        assert_eq!((first.status, second.status), (200, 200));
        self.is_answered(&asked).await;
        assert_eq!(self.system.discord.deliver(&webhook, &asked).await.status, 200);
        self.settled().await;
        assert_eq!(self.system.discord.reply_to(&asked).len(), 1);
        assert_eq!((self.used().await - before, self.system.model.chat_count() - chats), (1, 1));
    }

    async fn what_is_not_signed_is_turned_away(&self) {
        let webhook = self.system.webhook();
        let body = json!({"type": 1});
        for address in [webhook.trim_end_matches('/'), &webhook] {
            let refused = client().post(address).json(&body).send().await.expect("it answers");
            assert_eq!(refused.status(), 401, "{address}");
        }
        let well = client().get(format!("{}/healthz", self.system.url())).send().await.expect("it answers");
        assert_eq!(well.status(), 200, "all else is the dashboard's");
    }

    async fn a_poison_message_ends_with_the_dead_letters_and_the_rest_of_its_batch_is_answered(&self) {
        let mapping = self.system.resource("WorkerQuestions").await;
        let reads = |enabled: bool| {
            let change = json!({"UUID": mapping, "Enabled": enabled});
            self.system.call("lambda", "update_event_source_mapping", change)
        };
        // So that all of it is there before the first is taken.
        reads(false).await;
        let queue = self.system.output("QuestionsQueueUrl");
        let poison = json!({
            "QueueUrl": queue, "MessageBody": "hello", "MessageGroupId": "poison", "MessageDeduplicationId": "poison",
        });
        self.system.call("sqs", "send_message", poison).await;
        let webhook = self.system.webhook();
        let mut asked = Vec::new();
        for (n, name) in ["bob", "eve", "joe"].into_iter().enumerate() {
            let person = self.system.discord.member(name).in_channel(self.home.0, self.home.1);
            asked.push(person.asks(&webhook, &format!("question {n}: how long?"), false).await.accepted());
        }
        reads(true).await;
        for asked in &asked {
            self.is_answered(asked).await;
        }
        eventually(PATIENCE, async || {
            tokio::time::sleep(A_MOMENT).await;
            (self.dead().await == 1).then_some(())
        })
        .await;
        self.settled().await;
        assert_eq!(self.dead().await, 1);
    }

    async fn a_mention_is_answered(&self) {
        let before = self.used().await;
        let message = self.ann.tells_bot("how long is the warranty, once more?");
        let seen = self.system.discord.wait_for_reply_to(message, PATIENCE).await;
        assert!(seen.iter().any(|seen| seen.content.contains(ANSWER)), "{seen:?}");
        self.settled().await;
        assert_eq!(self.used().await - before, 1);
    }

    async fn a_worker_killed_between_posting_and_recording_posts_and_counts_once(&self) {
        let (before, posted) = (self.used().await, self.system.discord.bot_messages().len());
        let discord = &self.system.discord;
        // Posted, Discord's answer never arrives, and whoever looks for what was posted is kept waiting.
        discord.next_on(&Method::GET, "/channels", usize::MAX, Fault::Hang(PATIENCE));
        discord.next_on(&Method::POST, "/channels", usize::MAX, Fault::CloseAfter);
        self.ann.tells_bot("and does it cover the hinge?");
        eventually(PATIENCE, async || (discord.bot_messages().len() == posted + 1).then_some(())).await;
        assert!(self.system.kill("Worker").await > 0, "it was at work");
        discord.no_more_faults();
        self.settled().await;
        assert_eq!(discord.bot_messages().len(), posted + 1);
        assert_eq!(self.used().await - before, 1);
        assert_eq!(self.dead().await, 1, "none but the poison");
    }

    async fn only_the_operators_token_opens_the_api(&self) {
        let asks = async |token: Option<&str>| {
            let request = client().get(format!("{}/api/v1/me", self.system.url()));
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let answer = request.send().await.expect("it answers");
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
        };
        let other = ADMIN_TOKEN.replace("an-admin", "no-admin");
        let longer = format!("{ADMIN_TOKEN}x");
        for wrong in [None, Some(""), Some(&ADMIN_TOKEN[..31]), Some(&ADMIN_TOKEN[1..]), Some(&other), Some(&longer)] {
            assert_eq!(asks(wrong).await.0, 401, "{wrong:?}");
        }
        let (status, me) = asks(Some(ADMIN_TOKEN)).await;
        assert_eq!(status, 200, "{me}");
        assert!(me.to_string().contains("The workshop"), "{me}");
    }

    /// By the address that the stack gave itself, which is AWS's own: the browser finds it at the tests' door.
    async fn a_person_signs_in_by_discord_and_sees_the_overview(&self) {
        let discord = &self.system.discord;
        let mut browser = Browser::new(&self.system.url());
        assert_eq!(browser.opens("/").await.location().path(), "/sign-in");
        discord.at_the_browser(&self.system.operator, true);
        let to_discord = browser.opens("/sign-in?next=/").await.location();
        let back = browser.sends(Method::GET, &to_discord, &[], None).await.location();
        let public = self.system.output("DashboardUrl");
        assert!(back.as_str().starts_with(&format!("{public}/sign-in/callback?")), "{back}");
        let back = format!("{}?{}", back.path(), back.query().expect("a code and a state"));
        let signed_in = browser.opens(&back).await;
        assert_eq!((signed_in.status, signed_in.location().path()), (303, "/"), "{}", signed_in.body);
        let cookie = signed_in.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        let session = cookie.into_iter().find(|cookie| cookie.contains("HttpOnly")).expect("a session");
        assert!(session.contains("Secure") && session.contains("SameSite=Lax"), "its name and value may be seen");
        let overview = browser.opens("/").await;
        assert_eq!(overview.status, 200, "{}", overview.body);
        assert!(overview.body.contains("Messages this month") && overview.body.contains("olivia"), "{}", overview.body);
        assert!(!overview.body.contains("The workshop"), "she has an account of her own");
        assert_eq!(browser.opens(&back).await.status, 400, "a code and a state work once");
    }

    /// The function reads it in a process of its own, which is its own program again.
    async fn a_document_is_read_and_found(&self) {
        let api = format!("{}/api/v1/knowledge", self.system.url());
        let file = Part::bytes(pdf("The zeppelin is inflated on Thursdays at noon")).file_name("zeppelin.pdf");
        let form = Form::new().text("name", "zeppelin.pdf").part("file", file);
        let added = client().post(format!("{api}/sources/files")).bearer_auth(ADMIN_TOKEN).multipart(form);
        let added = added.send().await.expect("it answers");
        assert_eq!(added.status(), 201);
        let added: Value = added.json().await.expect("a source");
        let id = added["id"].as_str().expect("a source has an id");
        let source = eventually(PATIENCE, async || {
            tokio::time::sleep(A_MOMENT).await;
            let asked = client().get(format!("{api}/sources/{id}")).bearer_auth(ADMIN_TOKEN).send().await.ok()?;
            let source: Value = asked.json().await.ok()?;
            let state = source["status"]["state"].as_str().unwrap_or_default().to_owned();
            matches!(&*state, "ready" | "failed").then_some(source)
        })
        .await;
        assert_eq!(source["status"]["state"], "ready", "{source}");
        let found = client().get(format!("{api}/search?q=zeppelin")).bearer_auth(ADMIN_TOKEN).send().await;
        let found: Value = found.expect("it answers").json().await.expect("passages");
        assert!(found.to_string().contains("inflated on Thursdays"), "{found}");
    }

    async fn an_event_ends_as_an_email(&self) {
        let address = format!("{}/api/v1/notifications", self.system.url());
        let told = json!({"emails": ["team@example.com"]});
        let set = client().put(address).bearer_auth(ADMIN_TOKEN).json(&told).send().await.expect("it answers");
        assert!(set.status().is_success(), "{}: {}", set.status(), set.text().await.unwrap_or_default());
        let event = json!({
            "v": 1, "id": "escalation 1", "at": "2026-11-24T10:00:00Z", "account": self.account.0, "kind": "escalation",
            "question": "1", "conversation": "3-4", "guild": null, "channel": null, "message": null, "link": null,
            "asker": "Ann", "asker_id": null, "text": "I want to speak to a person",
        });
        let entry = json!({
            "Source": "guildhall", "DetailType": "escalation", "Detail": event.to_string(),
            "EventBusName": self.system.output("EventBusName"),
        });
        let put = self.system.call("events", "put_events", json!({"Entries": [entry.clone(), entry]})).await;
        assert_eq!(put["FailedEntryCount"], 0);
        let endpoint = self.system.aws.config.endpoint_url.as_ref().expect("it has one");
        let outbox = endpoint.join("/_ministack/ses/messages").expect("a path");
        let mailed = eventually(PATIENCE, async || {
            tokio::time::sleep(A_MOMENT).await;
            let mails: Value = client().get(outbox.clone()).send().await.ok()?.json().await.ok()?;
            let text = mails.to_string();
            text.contains("team@example.com").then_some(text)
        })
        .await;
        assert!(mailed.contains(MAIL_FROM) && mailed.contains("I want to speak to a person"), "{mailed}");
        assert_eq!(
            mailed.matches("I want to speak to a person").count(),
            1,
            "the same event twice is one e-mail: {mailed}"
        );
    }

    async fn the_schedule_registers_the_commands(&self) {
        let commands = eventually(PATIENCE, async || {
            tokio::time::sleep(A_MOMENT).await;
            Some(self.system.discord.commands()).filter(|commands| !commands.is_empty())
        })
        .await;
        assert!(commands.iter().any(|command| command["name"] == "ask"), "{commands:?}");
    }
}
