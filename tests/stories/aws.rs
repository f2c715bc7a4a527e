//! The queues of AWS, as far as they differ from that of one machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guildhall::account::{Account, Plan};
use guildhall::config::{BusConfig, KeyConfig};
use guildhall::events::{Event, Events};
use guildhall::ids::{AccountId, SourceId};
use guildhall::job::sqs::{self, Queue};
use guildhall::job::{Job, Jobs, NotAccepted};
use guildhall::mail::{EmailAddress, Mailer, Notifications};
use guildhall::notify;
use guildhall::secret::Secrets;
use guildhall::store::Delivery;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tests::local_aws::LocalAws;
use tests::server::eventually;

const SOON: Duration = Duration::from_mins(1);

/// A question as a door would send it.
fn question(id: u64, conversation: &str, text: &str) -> Job {
    let message = json!({
        "v": 1, "job": "answer", "id": id, "place": {"guild": "2"}, "conversation": conversation, "text": text,
        "asker": "Ann", "locale": null, "asked_at": "2026-11-24T10:00:00Z", "reply_to": "caller",
    });
    Job::from_message(&message.to_string()).expect("a job")
}

/// A notice as a door would send it.
fn notice(message: u64) -> Job {
    let reply_to = json!({"message": {"application_id": "5", "channel_id": "3", "message_id": message.to_string(), "is_thread": false}});
    let message = json!({
        "v": 1, "job": "notify", "place": {"guild": "2"}, "reply_to": reply_to, "text": "Why?",
        "notice": {"cooldown": {"seconds": 5}},
    });
    Job::from_message(&message.to_string()).expect("a job")
}

fn id_of(job: &Job) -> u64 {
    match job {
        Job::Answer(question) => question.id.0,
        _ => 0,
    }
}

/// What was run, in order: conversation, id, attempt.
type Ran = Arc<Mutex<Vec<(String, u64, u32)>>>;

fn note(ran: &Ran, job: &Job, delivery: &Delivery) {
    ran.lock().expect("no holder panics").push((job.group(), id_of(job), delivery.attempt));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_run_once_and_in_order_within_their_conversation() {
    let aws = LocalAws::start().await;
    let jobs = aws.jobs();
    // A name of a conversation that SQS would not take.
    let conversation = |id: u64| format!("größe-{}", id % 7);
    let mut sent: Vec<Job> = (1..=100).map(|id| question(id, &conversation(id), "How long?")).collect();
    sent.push(Job::Read {
        account: AccountId::local(),
        source: SourceId("src-1".to_owned()),
        asked_at: Timestamp::now(),
        part: 0,
    });
    for _ in 0..2 {
        assert!(jobs.send_all(&sent).await.iter().all(Result::is_ok));
    }
    let large = question(500, "3-4", &"x".repeat(1_100_000));
    let without_bucket = sqs::Jobs::new(aws.client.clone(), &aws.queues, None);
    let outcomes =
        without_bucket.send_all(&[large.clone(), question(501, "3-4", "behind"), question(502, "3-5", "beside")]).await;
    assert!(matches!(outcomes[..], [Err(NotAccepted::TooLarge), Err(NotAccepted::Unwritten), Ok(())]), "{outcomes:?}");
    // With a bucket it lies there meanwhile; and what needs no order travels by a queue of its own.
    assert!(jobs.send_all(&[large.clone(), notice(600)]).await.iter().all(Result::is_ok));

    let ran = Ran::default();
    let (noting, sent) = (Arc::clone(&ran), large);
    let runner = tokio::spawn(sqs::Runner::new(jobs.clone()).run(move |_, job, delivery| {
        let (ran, large) = (Arc::clone(&noting), sent.clone());
        async move {
            anyhow::ensure!(id_of(&job) != 500 || job == large, "it came as another one");
            note(&ran, &job, &delivery);
            Ok(())
        }
    }));
    eventually(SOON, async || (ran.lock().unwrap().len() >= 104).then_some(())).await;
    for queue in Queue::ALL {
        eventually(SOON, async || (aws.depth(aws.url(queue)).await == (0, 0)).then_some(())).await;
    }
    jobs.close(SOON).await;
    runner.await.unwrap();
    let ran = ran.lock().unwrap().clone();
    assert_eq!(ran.len(), 104, "each once");
    let mut last: HashMap<String, u64> = HashMap::new();
    for (group, id, attempt) in ran {
        assert_eq!(attempt, 1);
        assert!(last.insert(group, id).is_none_or(|before| before < id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_message_ends_as_a_dead_letter_and_the_rest_goes_on() {
    let aws = LocalAws::start().await;
    let jobs = aws.jobs();
    let url = aws.url(Queue::Questions);
    let nonsense = aws.client.send_message().queue_url(url).message_body("hello");
    nonsense.message_group_id("conversation-1").message_deduplication_id("nonsense").send().await.unwrap();
    let rest: Vec<Job> = (1..=5).map(|id| question(id, &(id % 2).to_string(), "How long?")).collect();
    assert!(jobs.send_all(&rest).await.iter().all(Result::is_ok));

    let ran = Ran::default();
    let noting = Arc::clone(&ran);
    let runner = tokio::spawn(sqs::Runner::new(jobs.clone()).run(move |_, job, delivery| {
        let ran = Arc::clone(&noting);
        async move {
            note(&ran, &job, &delivery);
            // Fails once, and once it panics.
            assert!(id_of(&job) != 2 || delivery.attempt != 1, "a job may panic");
            anyhow::ensure!(id_of(&job) != 3 || delivery.attempt > 1, "a job may fail");
            Ok(())
        }
    }));
    eventually(SOON, async || (aws.depth(url).await == (0, 0)).then_some(())).await;
    eventually(SOON, async || (aws.depth(&aws.dead_questions).await.0 == 1).then_some(())).await;
    jobs.close(SOON).await;
    runner.await.unwrap();
    let mut ran: Vec<(u64, u32)> = ran.lock().unwrap().iter().map(|(_, id, attempt)| (*id, *attempt)).collect();
    ran.retain(|(id, _)| matches!(id, 2 | 3));
    ran.sort_unstable();
    assert_eq!(ran.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2, 2, 3, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_sealed_by_a_key_that_stays_in_kms() {
    let aws = LocalAws::start().await;
    let key = async || {
        let made = aws.aws.keys().create_key().send().await.expect("a key can be made");
        KeyConfig { id: made.key_metadata.expect("what was made").key_id }
    };
    let (mine, other) = (key().await, key().await);
    let secrets = Secrets::kms(aws.aws.keys(), mine.clone());
    let sealed = secrets.seal("token of 5", "s3cret").await.unwrap();
    assert!(sealed.starts_with("kms1.") && !sealed.contains("s3cret"), "{sealed}");
    assert_eq!(secrets.open("token of 5", &sealed).await.unwrap().expose_secret(), "s3cret");
    for (secrets, what) in [(&secrets, "token of 6"), (&Secrets::kms(aws.aws.keys(), other), "token of 5")] {
        let refusal = format!("{:#}", secrets.open(what, &sealed).await.unwrap_err());
        // The emulator opens with the wrong key, to nonsense; AWS refuses that too.
        let is_refused = refusal.contains("KMS refused") || refusal.contains("is no text");
        assert!(is_refused && !refusal.contains("s3cret"), "{refusal}");
    }
    assert!(secrets.open("token of 5", "kms1.AAAA").await.is_err() && secrets.open("x", "local1.AAAA").await.is_err());
    assert!(secrets.seal("x", &"x".repeat(5_000)).await.is_err());

    // What was opened stays open for a while; what was not is refused with a reason.
    aws.aws.keys().disable_key().key_id(&mine.id).send().await.expect("a key can be disabled");
    assert_eq!(secrets.open("token of 5", &sealed).await.unwrap().expose_secret(), "s3cret");
    let refusal = format!("{:#}", secrets.seal("token of 5", "s3cret").await.unwrap_err());
    assert!(refusal.contains("look at the key of KMS_KEY_ID"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_travels_over_the_bus_into_one_e_mail_for_each() {
    let aws = LocalAws::start().await;
    let (store, now) = (aws.store(), Timestamp::now());
    let account = Account { id: AccountId::local(), name: "The workshop".to_owned(), plan: Plan::Standard };
    store.put_account(&account).await.unwrap();
    let address = |text: &str| EmailAddress::try_from(text.to_owned()).unwrap();
    let emails = vec![address("team@example.com"), address("boss@example.com")];
    store.put_notifications(&account.id, &Notifications { emails, ..Notifications::default() }).await.unwrap();

    // A bus, and a team's own rule on it.
    let (buses, queues) = (aws.aws.buses(), &aws.client);
    buses.create_event_bus().name("guildhall").send().await.expect("a bus can be made");
    let queue = queues.create_queue().queue_name("theirs").send().await.expect("a queue").queue_url.unwrap();
    let names = aws.queue_arn(&queue).await;
    let pattern = json!({"source": ["guildhall"], "detail-type": ["quota"]}).to_string();
    let rule = buses.put_rule().event_bus_name("guildhall").name("theirs").event_pattern(pattern);
    rule.send().await.expect("a rule can be made");
    aws.target(&buses, "guildhall", "theirs", &names).await;

    let jobs = Jobs::from(aws.jobs());
    let bus = |name: &str| Events::EventBridge { client: aws.aws.buses(), bus: BusConfig { name: name.to_owned() } };
    let event = Event::quota(account.id.clone(), "2026-11", 80, 15_000, now);
    bus("guildhall").send(&event, &jobs, now).await.unwrap();
    let received = eventually(SOON, async || {
        let received = queues.receive_message().queue_url(&queue).send().await.expect("the queue is there");
        received.messages.unwrap_or_default().pop().and_then(|message| message.body)
    })
    .await;
    let received: Value = serde_json::from_str(&received).unwrap();
    assert_eq!((&received["source"], &received["detail-type"]), (&json!("guildhall"), &json!("quota")));
    let heard = Event::from_detail(&received["detail"].to_string()).unwrap();
    assert_eq!(heard, event);

    let client = aws.aws.mails();
    client.create_email_identity().email_identity("example.com").send().await.expect("a domain can be named");
    let mailer = Mailer::ses(client, "Guildhall <bot@example.com>".parse().unwrap());
    for _ in 0..2 {
        Box::pin(notify::run(&store, &mailer, &heard, now)).await.unwrap();
    }
    let sent = aws.mailed().await;
    assert_eq!(sent.len(), 2, "each once: {sent:?}");
    for (mail, to) in sent.iter().zip(["team@example.com", "boss@example.com"]) {
        let mail = mail.to_string();
        assert!(mail.contains(to) && mail.contains("80 % of the 15000 messages of 2026-11 are used."), "{mail}");
    }
    assert_eq!(store.recent_events(&account.id, None, 10, now).await.unwrap(), [event]);
}
