//! AWS refuses, or is away: nothing that matters is lost, nobody is flooded, and somebody can see why.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use guildhall::account::{Account, Plan};
use guildhall::aws::Aws;
use guildhall::bot::Bot;
use guildhall::config::{AwsConfig, AwsKeys, BucketConfig, BusConfig, KeyConfig};
use guildhall::discord::{Budget, CustomBots, Discord};
use guildhall::events::{Event, Events};
use guildhall::ids::AccountId;
use guildhall::job::Jobs;
use guildhall::job::local::{self, Earlier};
use guildhall::knowledge::Knowledge;
use guildhall::knowledge::fetch::{FetchLimits, Fetcher};
use guildhall::mail::{EmailAddress, Mailer, Notifications};
use guildhall::notify;
use guildhall::secret::Secrets;
use guildhall::sentences::Lang;
use guildhall::servers::{self, Code};
use guildhall::store::{CustomBot, RefusalKind, Store};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::server::{Server, data_folder};
use twilight_model::id::Id;

/// How AWS is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Well,
    /// Whatever is asked is refused.
    Refuses,
    /// The request succeeds, and what is in it does not.
    TakesNothing,
}

/// What was asked of AWS and taken.
#[derive(Debug, Default)]
struct Asked {
    mood: Mood,
    mails: Vec<Value>,
    events: Vec<Value>,
}

type Desk = Arc<Mutex<Asked>>;

async fn answer(State(desk): State<Desk>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut desk = desk.lock().expect("no holder panics");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let refused = |status: u16, code: &'static str| {
        let status = StatusCode::from_u16(status).expect("a status");
        let body = json!({"__type": code, "message": "Email address is not verified: team@example.com"});
        (status, [("x-amzn-errortype", code)], axum::Json(body)).into_response()
    };
    match (target, uri.path(), desk.mood) {
        ("AWSEvents.PutEvents", _, Mood::Refuses) => refused(500, "InternalException"),
        ("AWSEvents.PutEvents", _, Mood::TakesNothing) => {
            let entry = json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"});
            axum::Json(json!({"FailedEntryCount": 1, "Entries": [entry]})).into_response()
        }
        ("AWSEvents.PutEvents", ..) => {
            desk.events.extend(body["Entries"].as_array().expect("a list").iter().cloned());
            axum::Json(json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})).into_response()
        }
        (_, "/v2/email/outbound-emails", Mood::Well) => {
            desk.mails.push(body);
            axum::Json(json!({"MessageId": "1"})).into_response()
        }
        (_, "/v2/email/outbound-emails", _) => refused(400, "MessageRejected"),
        _ => refused(400, "AccessDeniedException"),
    }
}

/// An account with one address, and AWS as it happens to be.
struct Town {
    desk: Desk,
    aws: Aws,
    store: Store,
    jobs: Jobs,
    events: Events,
    mailer: Mailer,
    account: AccountId,
    _server: Server,
    _data: tempfile::TempDir,
}

impl Town {
    async fn new() -> Self {
        let desk = Desk::default();
        let server = Server::start(Router::new().fallback(answer).with_state(Arc::clone(&desk))).await;
        let data = data_folder();
        let client = standalone::table::open(&data.path().join("guildhall.db")).expect("the table's file opens");
        let store = Store::new(client, "guildhall");
        store.create_table().await.expect("a table can be made");
        let (jobs, _) = local::Jobs::open(store.clone(), Earlier::Wait).await.expect("an empty queue opens");
        let keys = AwsKeys { id: "id".to_owned(), secret: "secret".into(), session: None };
        let aws = Aws::of_function(&AwsConfig {
            table_name: "guildhall".to_owned(),
            region: Some("us-east-1".to_owned()),
            keys: Some(keys),
            endpoint_url: Some(server.url().parse().expect("an address")),
        })
        .expect("everything is said");
        let events = Events::EventBridge { client: aws.buses(), bus: BusConfig { name: "guildhall".to_owned() } };
        let mailer = Mailer::ses(aws.mails(), "bot@example.com".parse().expect("an address"));
        let account = AccountId("workshop".to_owned());
        let new = Account { id: account.clone(), name: "The workshop".to_owned(), plan: Plan::Pro };
        store.put_account(&new).await.expect("the table answers");
        let emails = vec![EmailAddress::try_from("team@example.com".to_owned()).expect("an address")];
        let told = Notifications { emails, ..Notifications::default() };
        store.put_notifications(&account, &told).await.expect("the table answers");
        Self { desk, aws, store, jobs: jobs.into(), events, mailer, account, _server: server, _data: data }
    }

    fn aws_is(&self, mood: Mood) {
        self.desk.lock().expect("no holder panics").mood = mood;
    }

    /// Somebody wants a person.
    fn escalation(&self, n: usize, at: Timestamp) -> Event {
        let detail = json!({
            "v": 1, "id": format!("escalation-{n}"), "at": at, "account": self.account.0, "kind": "escalation",
            "question": n.to_string(), "conversation": format!("3-{n}"), "guild": "2", "channel": "3", "message": "9",
            "link": null, "asker": format!("raider {n}"), "asker_id": null, "text": "A person!",
        });
        Event::from_detail(&detail.to_string()).expect("an event")
    }

    async fn notify(&self, event: &Event, now: Timestamp) {
        Box::pin(notify::run(&self.store, &self.mailer, event, now)).await.expect("it is done, or given up");
    }

    async fn catch_up(&self, now: Timestamp) -> Result<(), String> {
        let caught_up = Box::pin(self.events.catch_up(&self.store, &self.jobs, now)).await;
        caught_up.map_err(|error| format!("{error:#}"))
    }

    async fn waiting(&self) -> Vec<String> {
        let waiting = self.store.waiting_events(100).await.expect("the table answers");
        waiting.into_iter().map(|event| event.id).collect()
    }

    fn mails(&self) -> Vec<String> {
        self.desk.lock().expect("no holder panics").mails.iter().map(Value::to_string).collect()
    }

    /// What the health page says of the account that needs attention.
    async fn told(&self, now: Timestamp, lang: Lang) -> Vec<String> {
        let (fetcher, files) =
            (Fetcher::new(FetchLimits::default(), false), self.aws.files(&BucketConfig { name: "b".to_owned() }));
        let knowledge =
            Knowledge::new(self.store.clone(), files.expect("everything is said"), fetcher.expect("a client"), None);
        let events = Events::Local(Mailer::Log);
        let bot = Bot::new(self.store.clone(), self.jobs.clone(), knowledge, None, events, None, None);
        let account = self.store.account(&self.account).await.expect("the table answers").expect("it is there");
        let checks = Box::pin(servers::account_health(&bot, &account, now)).await.expect("the table answers");
        let refused = checks.iter().filter(|check| matches!(check.finding.code(), Code::Mail | Code::Key));
        let bad =
            refused.filter_map(|check| Some(format!("{} {}", check.finding.found(lang), check.finding.mend(lang)?)));
        bad.collect()
    }

    /// What arrived on the bus.
    fn passed_on(&self) -> Vec<Event> {
        let desk = self.desk.lock().expect("no holder panics");
        let detail = |entry: &Value| entry["Detail"].as_str().map(Event::from_detail);
        desk.events.iter().map(|entry| detail(entry).expect("a text").expect("an event")).collect()
    }
}

fn ten(minute: i64, second: i64) -> Timestamp {
    let ten: Timestamp = "2026-11-24T10:00:00Z".parse().expect("a time");
    ten + SignedDuration::from_secs(minute * 60 + second)
}

#[tokio::test]
async fn an_e_mail_that_ses_refuses_is_a_fact_of_the_accounts_health_and_no_loop() {
    let town = Town::new().await;
    town.aws_is(Mood::Refuses);
    for n in 0..2 {
        let event = town.escalation(n, ten(0, 0));
        for _ in 0..2 {
            town.notify(&event, ten(0, 1)).await;
        }
    }
    let refusals = town.store.refusals(&town.account).await.expect("the table answers");
    let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
    assert_eq!((refusal.kind, refusal.count, refusal.last), (RefusalKind::Mail, 2, ten(0, 1)), "each event once");
    assert!(refusal.reason.contains("MessageRejected: SES has not verified MAIL_FROM"), "{refusal:?}");
    assert!(!refusal.reason.contains("team@"), "{refusal:?}");
    assert_eq!(town.store.recent_events(&town.account, None, 10, ten(1, 0)).await.expect("the table answers").len(), 2);
    assert_snapshot!(town.told(ten(1, 0), Lang::En).await.join("\n"), @"An e-mail to the team was refused within the last day, and will not arrive. See that every address on the page “Notifications” is right. If they are, the operator has MAIL_FROM verified by SES and asks AWS to let it write to everybody, or looks at what the mail server says of it; the log gives the reason.");
    town.aws_is(Mood::Well);
    town.notify(&town.escalation(2, ten(0, 2)), ten(0, 2)).await;
    assert_eq!(town.mails().len(), 1);
}

#[tokio::test]
async fn a_token_that_kms_does_not_seal_or_open_is_a_fact_of_the_accounts_health() {
    let town = Town::new().await;
    let secrets = Secrets::kms(town.aws.keys(), KeyConfig { id: "key".to_owned() });
    let custom = CustomBots { store: town.store.clone(), secrets };
    let nowhere = "http://127.0.0.1:9/".parse().expect("an address");
    let discord = Discord::new(&nowhere, None, Some(custom), Budget::Own).expect("a client");
    let sealed = discord.seal_token(&town.account, Id::new(5), "s3cret").await.map(drop);
    // One that was sealed while the key could be used, for whoever speaks to Discord as this bot.
    let bot = CustomBot {
        application: Id::new(5),
        account: town.account.clone(),
        public_key: "00".repeat(32),
        token: "kms1.czNjcmV0".to_owned(),
        revision: "1".to_owned(),
        added_at: ten(0, 0),
    };
    town.store.put_custom_bot(&bot).await.expect("the table answers");
    let opened = discord.token_of(&bot).await.map(drop);
    for (attempted, outcome) in [("seal a secret", sealed), ("open a secret", opened)] {
        let error = format!("{:#}", outcome.unwrap_err());
        let why =
            format!("KMS refused to {attempted} (AccessDeniedException): this process's role may not use the key");
        assert!(error.contains(&why), "{error}");
    }
    let refusals = town.store.refusals(&town.account).await.expect("the table answers");
    let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
    assert_eq!((refusal.kind, refusal.count), (RefusalKind::Key, 2));
    assert!(refusal.reason.contains("open a secret") && !refusal.reason.contains("s3cret"), "{refusal:?}");
    assert!(discord.own(Id::new(5)).await.is_err(), "it is no crash");
    assert_snapshot!(town.told(Timestamp::now(), Lang::Fr).await.join("\n"), @"Le jeton de votre propre bot n’a pas pu être scellé ou ouvert depuis un jour : il se peut que le bot se taise. L’exploitant vérifie que la clé de KMS_KEY_ID est active et que les rôles de Guildhall peuvent s’en servir, ou que la clé de scellement de cette installation est bien celle d’avant ; le journal donne la raison.");
}

#[tokio::test]
async fn an_event_that_the_bus_does_not_take_waits_for_it() {
    let town = Town::new().await;
    let now = ten(0, 0);
    town.aws_is(Mood::TakesNothing);
    let (first, second) = (town.escalation(1, now), town.escalation(2, now));
    let refused = town.events.send(&first, &town.jobs, now).await.unwrap_err().to_string();
    assert!(refused.contains("did not take an event: ThrottlingException"), "{refused}");
    for _ in 0..2 {
        town.events.pass_on(&town.store, &first, &town.jobs, now).await.expect("it is kept");
    }
    town.aws_is(Mood::Refuses);
    town.events.pass_on(&town.store, &second, &town.jobs, now).await.expect("it is kept");
    assert!(town.catch_up(now).await.unwrap_err().contains("InternalException"));
    assert_eq!(town.waiting().await, ["escalation-1", "escalation-2"]);
    town.aws_is(Mood::Well);
    for _ in 0..2 {
        town.catch_up(now).await.expect("the bus is back");
    }
    assert_eq!(town.passed_on(), [first, second], "each once");
    assert_eq!(town.waiting().await, [""; 0]);
}

#[tokio::test]
async fn a_raid_is_five_e_mails_and_one_that_says_how_many_more_there_were() {
    let town = Town::new().await;
    let raid: Vec<Event> = (0..40).map(|n| town.escalation(n, ten(3, n.try_into().expect("few")))).collect();
    for _ in 0..2 {
        for event in &raid {
            town.notify(event, event.at).await;
        }
    }
    assert_eq!(town.mails().len(), 5, "{:?}", town.mails());
    let all = town.store.recent_events(&town.account, None, 100, ten(9, 0)).await.expect("the table answers");
    assert_eq!(all.len(), 40);
    let mut parts: Vec<Event> = Vec::new();
    while parts.len() < all.len() {
        let before = parts.last().map(|last| (last.at, last.id.as_str()));
        let part = town.store.recent_events(&town.account, before, 15, ten(9, 0)).await.expect("the table answers");
        assert_eq!(part.len(), 15.min(all.len() - parts.len()), "a part is full but for the last");
        parts.extend(part);
    }
    assert_eq!(parts, all);

    town.catch_up(ten(10, 30)).await.expect("nothing is due");
    assert_eq!(town.passed_on(), []);
    town.aws_is(Mood::Refuses);
    town.catch_up(ten(12, 0)).await.unwrap_err();
    town.aws_is(Mood::Well);
    for minute in [17, 22] {
        town.catch_up(ten(minute, 0)).await.expect("the bus is back");
    }
    let told = town.passed_on();
    assert_eq!(told, [Event::escalations(town.account.clone(), ten(0, 0), 35)], "once");
    for _ in 0..2 {
        town.notify(&told[0], ten(17, 0)).await;
    }
    let mails = town.mails();
    assert_eq!(mails.len(), 6);
    assert!(mails[5].contains("35 more people wanted to speak to a person"), "{}", mails[5]);

    town.notify(&town.escalation(50, ten(20, 0)), ten(20, 0)).await;
    assert_eq!(town.mails().len(), 7, "the next ten minutes begin anew");
}
