//! Answers in channels, job by job: what is posted, when, and what is not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use guildhall::account::{Month, Plan};
use guildhall::answer::{self, Outcome};
use guildhall::config::Config;
use guildhall::ids::{AccountId, ConversationId, QuestionId};
use guildhall::job::{self, Job, Notice, Notify};
use guildhall::question::{Heard, Place, Question, ReplyTo, Said};
use guildhall::settings::{Guild, GuildSettings, ResponseMode};
use guildhall::store::{Admission, Delivery, Quota, Store, TroubleKind};
use jiff::Timestamp;
use serde_json::{Value, json};
use standalone::house::House;
use tempfile::TempDir;
use tests::fake_model::{FakeModel, Fault};
use tests::server::{self, Server};
use twilight_model::id::Id;

const APPLICATION: u64 = 5;
/// Some public key. [RFC 8032: 7.1]
const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const GUILD: u64 = 2;
const CHANNEL: u64 = 3;
const USER: u64 = 4;

/// What Discord has seen and what it will say: just enough of one channel.
#[derive(Default)]
struct Seen {
    messages: Vec<Value>,
    requests: Vec<(Method, String, Value)>,
    /// For the next request of this method whose path ends so: whether it is done all the same, status, code.
    faults: VecDeque<(Method, &'static str, bool, u16, u64)>,
}

impl Seen {
    fn count(&self, method: &Method, end: &str) -> usize {
        self.requests.iter().filter(|(with, path, _)| with == method && path.ends_with(end)).count()
    }
}

async fn discord(State(seen): State<Arc<Mutex<Seen>>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let mut seen = seen.lock().expect("no holder panics");
    let (path, body) = (uri.path().to_owned(), serde_json::from_slice(&body).unwrap_or(Value::Null));
    seen.requests.push((method.clone(), path.clone(), body));
    let (_, _, body) = seen.requests.last().expect("what the test wrote").clone();
    let fault = seen.faults.iter().position(|(with, end, ..)| *with == method && path.ends_with(end));
    let fault = fault.and_then(|at| seen.faults.remove(at));
    let fault = fault.map(|(_, _, is_done, status, code)| {
        (is_done, StatusCode::from_u16(status).expect("what the test wrote"), code)
    });
    if let Some((false, status, code)) = fault {
        return (status, Json(json!({"code": code, "message": "planned"}))).into_response();
    }
    let channel = path.split('/').nth(4).unwrap_or_default().to_owned();
    match (method, path.rsplit('/').next().unwrap_or_default()) {
        (Method::GET, "@me") => Json(json!({"id": APPLICATION.to_string(), "verify_key": KEY})).into_response(),
        (Method::GET, "messages") => Json(&seen.messages).into_response(),
        (Method::POST, "messages") => {
            let id = QuestionId::generate(Timestamp::now()).to_string();
            let mut message = body;
            message["id"] = id.into();
            message["channel_id"] = channel.into();
            message["author"] = json!({"id": "5", "bot": true});
            seen.messages.push(message.clone());
            match fault {
                Some((_, status, _)) => status.into_response(),
                None => Json(message).into_response(),
            }
        }
        (Method::DELETE, id) => {
            seen.messages.retain(|message| message["id"] != id);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => Json(json!({})).into_response(),
    }
}

/// A house, a model and a channel.
struct Scene {
    house: House,
    model: FakeModel,
    seen: Arc<Mutex<Seen>>,
    _server: Server,
    _data: TempDir,
}

impl Scene {
    async fn new(settings: GuildSettings, with_model: bool) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let server = Server::start(Router::new().fallback(discord).with_state(Arc::clone(&seen))).await;
        let (model, data) = (FakeModel::start().await, server::data_folder());
        model.answers("warranty", "31 months.");
        // The token is enough: whose it is is asked.
        let mut vars = vec![("DISCORD_TOKEN".to_owned(), "t".to_owned()), ("DISCORD_API_URL".to_owned(), server.url())];
        if with_model {
            vars.extend(model.environment());
        }
        let config =
            Config::from_vars(&|name| vars.iter().find(|(var, _)| var == name).map(|(_, value)| value.clone()));
        let house = House::open(
            &config.expect("what the test wrote"),
            data.path(),
            Plan::Starter,
            standalone::house::Work::Everything,
        )
        .await
        .unwrap_or_else(|_| panic!("it opens"));
        let guild = Guild { settings, version: 1, ..Guild::new(Id::new(GUILD), AccountId::local()) };
        house.bot.store.put_guild(&guild, Timestamp::now()).await.expect("what the test wrote");
        Self { house, model, seen, _server: server, _data: data }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no holder panics")
    }

    fn contents(&self) -> Vec<String> {
        self.seen()
            .messages
            .iter()
            .map(|message| message["content"].as_str().expect("what the test wrote").to_owned())
            .collect()
    }

    async fn answer(&self, question: &Question) -> anyhow::Result<Outcome> {
        let delivery = Delivery { id: Job::Answer(Box::new(question.clone())).id(), attempt: 1 };
        Box::pin(answer::run(&self.house.bot, question, &delivery, Timestamp::now())).await
    }

    async fn does(&self, job: &Job) {
        let delivery = Delivery { id: job.id(), attempt: 1 };
        Box::pin(job::run(&self.house.bot, job, &delivery, Timestamp::now())).await.expect("what the test wrote");
    }

    async fn used(&self) -> u32 {
        self.house.bot.store.usage(&AccountId::local(), Month::of(Timestamp::now())).await.expect("what the test wrote")
    }
}

fn asked(messages: &[(u64, &str)]) -> Question {
    let messages: Vec<Said> =
        messages.iter().map(|&(id, text)| Said { id: Id::new(id), text: text.to_owned() }).collect();
    Question {
        id: QuestionId(messages[0].id.get()),
        place: Place::Guild(Id::new(GUILD)),
        conversation: ConversationId::of_person(CHANNEL, USER),
        text: messages.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join("\n"),
        asker: "Ann".to_owned(),
        locale: None,
        asked_at: Timestamp::now(),
        reply_to: ReplyTo::Message {
            application_id: Id::new(APPLICATION),
            channel_id: Id::new(CHANNEL),
            message_id: messages.last().expect("what the test wrote").id,
            is_thread: false,
        },
        messages,
        heard: Heard::Directly,
    }
}

fn deleted(message: u64) -> Job {
    Job::Deleted { application_id: Id::new(APPLICATION), channel_id: Id::new(CHANNEL), message_id: Id::new(message) }
}

#[tokio::test]
async fn a_question_is_replied_to_once() {
    let scene = Scene::new(GuildSettings::default(), true).await;
    scene.model.next(Fault::Slow(Duration::from_millis(500)));
    let question = asked(&[(10, "how long is the warranty?")]);
    assert_eq!(scene.answer(&question).await.unwrap(), Outcome::Replied);
    assert_eq!(scene.answer(&question).await.unwrap(), Outcome::AlreadyDone);
    {
        let seen = scene.seen();
        assert_eq!(seen.messages.len(), 1);
        let message = &seen.messages[0];
        assert_eq!(message["content"], "31 months.");
        assert_eq!(message["message_reference"], json!({"message_id": "10", "fail_if_not_exists": false}));
        assert_eq!((&message["nonce"], &message["enforce_nonce"]), (&json!("10-0"), &json!(true)));
        assert_eq!(message["allowed_mentions"], json!({"parse": [], "replied_user": false}));
        assert!(message["components"][0]["components"][0]["custom_id"].as_str().unwrap().ends_with(":10"));
        assert_eq!(seen.count(&Method::POST, "/typing"), 1);
    }
    assert_eq!(scene.used().await, 1);
}

/// Discord took the message, but said that it failed; and the nonce is forgotten when the job comes again.
#[tokio::test]
async fn a_message_of_uncertain_fate_is_looked_for() {
    let scene = Scene::new(GuildSettings::default(), true).await;
    let question = asked(&[(10, "how long is the warranty?")]);
    // Once for the first attempt and for each repetition under the same nonce: here without their effect.
    let fault = |done| (Method::POST, "/messages", done, 502, 0);
    scene.seen().faults.extend([fault(true), fault(false), fault(false), fault(false), fault(false)]);
    scene.answer(&question).await.unwrap_err();
    assert_eq!(scene.answer(&question).await.unwrap(), Outcome::Replied);
    assert_eq!(scene.contents(), ["31 months."]);
    assert_eq!(scene.used().await, 1);
    // What was found is known: it goes with its question.
    scene.does(&deleted(10)).await;
    assert!(scene.contents().is_empty());
}

#[tokio::test]
async fn edited_words_are_answered_and_deleted_ones_are_not() {
    let scene = Scene::new(GuildSettings::default(), true).await;
    scene.model.answers("hinge", "It is blue.");
    scene.does(&Job::Edited { message_id: Id::new(10), text: "which hinge?".to_owned() }).await;
    assert_eq!(scene.answer(&asked(&[(10, "how long is the warranty?")])).await.unwrap(), Outcome::Replied);
    assert_eq!(scene.contents(), ["It is blue."]);

    scene.does(&deleted(20)).await;
    // An edit that is heard of late brings nothing back.
    scene.does(&Job::Edited { message_id: Id::new(20), text: "which hinge?".to_owned() }).await;
    assert_eq!(scene.answer(&asked(&[(20, "how long is the warranty?")])).await.unwrap(), Outcome::Withdrawn);
    assert_eq!(scene.answer(&asked(&[(20, "x"), (21, "which hinge?")])).await.unwrap(), Outcome::Replied);
    assert_eq!(scene.contents(), ["It is blue.", "It is blue."]);
    assert_eq!(scene.used().await, 2);
}

#[tokio::test]
async fn an_answer_goes_with_its_question_and_is_forgotten() {
    let scene = Scene::new(GuildSettings::default(), true).await;
    let question = asked(&[(10, "hello"), (11, "how long is the warranty?")]);
    assert_eq!(scene.answer(&question).await.unwrap(), Outcome::Replied);
    scene.does(&deleted(11)).await;
    assert_eq!(scene.contents().len(), 1, "a part of the question is still there");
    scene.does(&deleted(10)).await;
    assert!(scene.contents().is_empty());
    assert!(scene.house.bot.store.recent_turns(&question.conversation, 10).await.unwrap().is_empty());
    assert_eq!(scene.used().await, 1, "it was answered");
}

#[tokio::test]
async fn an_answer_has_a_thread_where_the_server_asks_for_it() {
    let settings = GuildSettings { answer_in_thread: true, ..GuildSettings::default() };
    let scene = Scene::new(settings, true).await;
    let question = asked(&[(10, "**@everyone** how long <@5> is the warranty?")]);
    assert_eq!(scene.answer(&question).await.unwrap(), Outcome::Replied);
    {
        let seen = scene.seen();
        let (_, path, body) = seen.requests.iter().find(|(_, path, _)| path.ends_with("/threads")).unwrap();
        assert_eq!(path, "/api/v10/channels/3/messages/10/threads");
        assert_eq!(body["name"], "everyone how long is the warranty?");
        assert_eq!(seen.messages[0]["channel_id"], "10");
        assert_eq!(seen.messages[0]["message_reference"], Value::Null);
    }
    let in_thread = ConversationId::of_person(10, USER);
    assert_eq!(scene.house.bot.store.recent_turns(&in_thread, 10).await.unwrap().len(), 1);

    // There is one already; and there may be none.
    scene.seen().faults.push_back((Method::POST, "/threads", false, 400, 160_004));
    scene.answer(&asked(&[(20, "how long is the warranty?")])).await.unwrap();
    assert_eq!(scene.seen().messages[1]["channel_id"], "20");
    scene.seen().faults.push_back((Method::POST, "/threads", false, 403, 50_013));
    scene.answer(&asked(&[(30, "how long is the warranty?")])).await.unwrap();
    assert_eq!(scene.seen().messages[2]["message_reference"]["message_id"], "30");
    let troubles = scene.house.bot.store.troubles(Id::new(GUILD)).await.unwrap();
    assert_eq!((troubles[0].kind, troubles[0].code, troubles[0].count), (TroubleKind::StartThread, 50_013, 1));
}

#[tokio::test]
async fn a_reference_that_discord_does_not_take_is_left_out() {
    let scene = Scene::new(GuildSettings::default(), true).await;
    for (question, code) in [(10, 10_008), (20, 50_035), (30, 160_002)] {
        scene.seen().faults.push_back((Method::POST, "/messages", false, 400, code));
        let outcome = scene.answer(&asked(&[(question, "how long is the warranty?")])).await;
        assert_eq!(outcome.unwrap(), Outcome::Replied);
    }
    assert!(scene.seen().messages.iter().all(|message| message["message_reference"].is_null()));
    assert_eq!(scene.contents().len(), 3);
}

#[tokio::test]
async fn where_the_bot_may_not_post_it_is_recorded_and_not_counted() {
    let scene = Scene::new(GuildSettings::default(), true).await;
    for question in [10, 20] {
        scene.seen().faults.push_back((Method::POST, "/messages", false, 403, 50_013));
        let outcome = scene.answer(&asked(&[(question, "how long is the warranty?")])).await;
        assert_eq!(outcome.unwrap(), Outcome::Refused);
    }
    assert_eq!(scene.used().await, 0);
    let troubles = scene.house.bot.store.troubles(Id::new(GUILD)).await.unwrap();
    assert_eq!(troubles.len(), 1);
    assert_eq!((troubles[0].channel, troubles[0].code, troubles[0].count), (Id::new(CHANNEL), 50_013, 2));
    assert_eq!(troubles[0].kind, TroubleKind::Post);
}

#[tokio::test]
async fn silence_leaves_no_trace_but_in_the_memory_of_the_channel() {
    let mode = ResponseMode::AllMessages { smart: true, channel_context: true };
    let scene = Scene::new(GuildSettings { response_mode: mode, ..GuildSettings::default() }, true).await;
    scene
        .model
        .answers("lunch", r#"{"addressed":false,"answer":"","can_answer":false,"sources":[],"wants_human":false}"#);
    let yes = r#"{"addressed":true,"answer":"31 months.","can_answer":true,"sources":[],"wants_human":false}"#;
    scene.model.answers("warranty", yes);
    let overheard = |id, text| Question {
        heard: Heard::InPassingSmart,
        conversation: ConversationId::of_channel(CHANNEL),
        ..asked(&[(id, text)])
    };
    assert_eq!(scene.answer(&overheard(10, "who comes to lunch?")).await.unwrap(), Outcome::Silent);
    assert!(scene.seen().requests.iter().all(|(method, ..)| method == Method::GET), "nothing is seen of it");
    assert_eq!(scene.answer(&overheard(20, "how long is the warranty?")).await.unwrap(), Outcome::Replied);
    assert_eq!(scene.contents(), ["31 months."]);
    assert_eq!(scene.seen().count(&Method::POST, "/typing"), 0);
    assert_eq!(scene.used().await, 2, "the model was asked twice");
    let prompt = scene.model.chats().last().unwrap().prompt();
    assert!(prompt.contains(r#"{"from":"Ann","said":"who comes to lunch?"}"#), "{prompt}");
}

#[tokio::test]
async fn without_a_model_nobody_is_answered_who_did_not_ask() {
    let scene = Scene::new(GuildSettings::default(), false).await;
    let question = asked(&[(10, "how long is the warranty?")]);
    let overheard = Question { heard: Heard::InPassingSmart, ..question };
    assert_eq!(scene.answer(&overheard).await.unwrap(), Outcome::Silent);
    assert!(scene.contents().is_empty());
    assert_eq!(scene.used().await, 0);
}

#[tokio::test]
async fn a_notice_is_posted_once_and_not_where_the_message_was_answered() {
    let scene = Scene::new(GuildSettings::default(), true).await;
    let notice = |question: &Question| {
        Job::Notify(Box::new(Notify {
            place: question.place.clone(),
            reply_to: question.reply_to.clone(),
            text: question.text.clone(),
            notice: Notice::Cooldown { seconds: 30 },
        }))
    };
    let told = notice(&asked(&[(10, "et la garantie, combien de temps dure-t-elle ?")]));
    scene.does(&told).await;
    scene.does(&told).await;
    assert_eq!(scene.contents().len(), 1);
    assert!(scene.contents()[0].starts_with("Une question toutes les 30 secondes"), "{:?}", scene.contents());
    assert_eq!(scene.seen().messages[0]["message_reference"]["message_id"], "10");
    assert_eq!(scene.used().await, 0);

    let answered = asked(&[(20, "how long is the warranty?")]);
    scene.answer(&answered).await.unwrap();
    scene.does(&notice(&answered)).await;
    assert_eq!(scene.contents().len(), 2);
}

/// The same three messages, grouped in another way by each replay.
#[tokio::test]
async fn however_messages_are_grouped_each_is_claimed_once() {
    let data = server::data_folder();
    let client = standalone::table::open(&data.path().join("guildhall.db")).unwrap();
    let store = Store::new(client, "guildhall");
    store.create_table().await.unwrap();
    let account = AccountId::local();
    let admit = async |messages: &[u64], delivery: &str| {
        let messages: Vec<QuestionId> = messages.iter().copied().map(QuestionId).collect();
        let quota = Quota { account: &account, limit: 1_000 };
        let delivery = Delivery { id: delivery.to_owned(), attempt: 1 };
        match store.admit(&messages, Some(quota), &delivery, Timestamp::now()).await.unwrap() {
            Admission::Claimed(claim) => claim.messages().iter().map(|id| id.0).collect(),
            Admission::Done => Vec::new(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(admit(&[1], "a").await, [1]);
    assert_eq!(admit(&[1, 2], "b").await, [2]);
    assert_eq!(admit(&[1, 2], "b").await, [2], "the same delivery goes on with what it had");
    assert_eq!(admit(&[1, 2, 3, 4], "c").await, [3, 4]);
    assert_eq!(admit(&[4], "d").await, [0; 0], "another's, which will see to it");
    assert_eq!(admit(&[4, 5], "e").await, [5]);
    assert_eq!(store.claim_of(QuestionId(4)).await.unwrap().unwrap().question(), QuestionId(3));
    assert_eq!(store.usage(&account, Month::of(Timestamp::now())).await.unwrap(), 4);
}
