//! The table and the queues of AWS, as far as they differ from those of one machine. One AWS for all of it, as starting
//! one takes seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guildhall::account::Month;
use guildhall::ids::{AccountId, ConversationId, QuestionId, SourceId};
use guildhall::job::sqs::{self, Queue};
use guildhall::job::{Job, NotAccepted};
use guildhall::store::{Admission, Delivery, Quota, Store, Vote};
use jiff::Timestamp;
use serde_json::json;
use tests::local_aws::LocalAws;
use tests::server::eventually;

use super::quota::admit_at_once;

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
async fn a_thousand_at_once_against_a_limit_of_five_hundred_admit_five_hundred_on_aws() {
    let aws = LocalAws::start().await;
    let stores: Vec<Store> = (0..4).map(|_| aws.store()).collect();
    assert_eq!(admit_at_once(&stores, 500, 0..1_000).await, 500);
    let used = stores[0].usage(&AccountId::local(), Month::of(Timestamp::now())).await.unwrap();
    assert_eq!(used, 500);
    assert_eq!(admit_at_once(&stores, 500, 0..1_000).await, 500);

    // A claim is taken over by the same delivery, not by another.
    let other = Delivery { id: "other".to_owned(), attempt: 1 };
    let (account, now) = (AccountId::local(), Timestamp::now());
    let quota = Quota { account: &account, limit: 500 };
    let admitted = stores[1].admit(&[QuestionId(7)], Some(quota), &other, now).await.unwrap();
    assert_eq!(admitted, Admission::Busy);

    let conversation = ConversationId::of_person(3, 4);
    for vote in [Vote::Up, Vote::Down] {
        stores[2].vote(&conversation, QuestionId(7), 9, vote, Timestamp::now()).await.unwrap();
    }
    assert_eq!(stores[3].votes(&conversation, QuestionId(7)).await.unwrap(), [Vote::Down]);
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
