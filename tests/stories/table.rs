//! What the table promises: the same stories on the table of one machine and on AWS's. Each has a table of its own.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::{BoxFuture, join_all};
use guildhall::account::Month;
use guildhall::aws::Limits;
use guildhall::ids::{AccountId, ConversationId, QuestionId};
use guildhall::settings::Guild;
use guildhall::store::{
    Admission, BATCH, CustomBot, DeadJob, Delivery, Fate, Kept, MOST_KEYS, Quota, Reply, SessionKey, SessionState,
    Store, StoredJob, Stretch, TroubleKind, Turn, Vote, WorkerBeat,
};
use guildhall::usage::Kind;
use jiff::{SignedDuration, Timestamp};
use tests::local_aws::LocalAws;
use tests::server::data_folder;
use twilight_model::id::Id;

use super::quota::admit_at_once;
use super::races::a_stale_view_of_a_source_changes_nothing;
use super::source_lists::sources_stand_on_their_lists;

/// One table.
#[derive(Clone)]
struct Table {
    client: Client,
    name: &'static str,
}

type Story = fn(Table) -> BoxFuture<'static, ()>;

const STORIES: [(&str, Story); 11] = [
    ("claims", |table| Box::pin(a_question_is_claimed_and_counted_once(table))),
    ("quota", |table| Box::pin(a_thousand_at_once_are_admitted_up_to_the_limit(table))),
    ("sources", |table| Box::pin(async move { a_stale_view_of_a_source_changes_nothing(&table.store()).await })),
    ("lists", |table| {
        Box::pin(async move { sources_stand_on_their_lists(table.store(), table.client.clone(), table.name).await })
    }),
    ("leases", |table| Box::pin(a_session_is_one_workers(table))),
    ("slots", |table| Box::pin(no_two_shards_identify_at_a_time(table))),
    ("bots", |table| Box::pin(an_application_is_one_accounts(table))),
    ("pages", |table| Box::pin(pages_are_followed_to_the_end(table))),
    ("batches", |table| Box::pin(batches_are_as_large_as_the_table_takes(table))),
    ("expiry", |table| Box::pin(what_is_forgotten_says_when(table))),
    ("budget", |table| Box::pin(no_time_is_booked_twice(table))),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_one_machine_keeps_its_promises() {
    let data = data_folder();
    tell(&standalone::table::open(&data.path().join("guildhall.db")).expect("the table's file opens")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_aws_keeps_its_promises() {
    let aws = LocalAws::start().await;
    tell(&aws.aws.table(Limits::TABLE)).await;
}

/// Tells all of them at the same time.
async fn tell(client: &Client) {
    let told = STORIES.map(|(name, story)| {
        let table = Table { client: client.clone(), name };
        tokio::spawn(async move {
            table.store().create_table().await.expect("a table can be made");
            table.store().create_table().await.expect("one that is there is no error");
            story(table).await;
        })
    });
    let told = join_all(told).await;
    let failed: Vec<_> = STORIES.iter().zip(told).filter_map(|((name, _), told)| told.err().map(|_| *name)).collect();
    assert!(failed.is_empty(), "these failed, as told above: {failed:?}");
}

impl Table {
    /// As another process sees it: nothing is remembered from one to the next.
    fn store(&self) -> Store {
        Store::new(self.client.clone(), self.name)
    }

    /// When an item's life ends.
    async fn expires(&self, pk: &str, sk: &str) -> Option<i64> {
        let key = [("pk", pk), ("sk", sk)].map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
        let got = self.client.get_item().table_name(self.name).set_key(Some(HashMap::from(key))).consistent_read(true);
        let item = got.send().await.expect("the table answers").item.unwrap_or_else(|| panic!("there is no {pk} {sk}"));
        item.get("expires").map(|value| value.as_n().expect("a number").parse().expect("whole seconds"))
    }
}

fn delivery(id: &str) -> Delivery {
    Delivery { id: id.to_owned(), attempt: 1 }
}

fn turn(question: u64, now: Timestamp) -> Turn {
    Turn {
        question_id: QuestionId(question),
        asker: "Ann".to_owned(),
        question: "How long?".to_owned(),
        answer: "31 months.".to_owned(),
        sources: Vec::new(),
        answered: true,
        wants_human: false,
        asked_at: now,
        expires: Turn::expiry(now),
    }
}

async fn a_question_is_claimed_and_counted_once(table: Table) {
    let (store, now, account) = (table.store(), Timestamp::now(), AccountId::local());
    let used = async || store.usage(&account, Month::of(now)).await.expect("the table answers");
    let admit = async |ids: &[u64], by: &str, now| {
        let ids: Vec<QuestionId> = ids.iter().copied().map(QuestionId).collect();
        store
            .admit(&ids, Some(Quota { account: &account, limit: 2, kind: Kind::Command }), &delivery(by), now)
            .await
            .expect("the table answers")
    };
    let Admission::Claimed(mut claim) = admit(&[7, 8], "first", now).await else { panic!("it is new") };
    assert_eq!(admit(&[7, 8], "second", now).await, Admission::Busy);
    assert!(matches!(admit(&[7, 8], "first", now).await, Admission::Claimed(_)), "the same delivery goes on");
    assert_eq!(used().await, 1);
    assert_eq!(
        store.claim_of(QuestionId(8)).await.expect("the table answers").as_ref(),
        Some(&*claim),
        "found by any of its messages"
    );

    // What is said is kept once, together with its turn; what was not said is not counted.
    let conversation = ConversationId::of_person(3, 4);
    let kept = Some((&conversation, &turn(7, now)));
    let reply = Reply { votable: true, ..Reply::notice("31 months.".to_owned()) };
    let mut other = claim.clone();
    // The second time as by a client that never heard that the first one was done.
    for mut lost in [claim.clone(), other.clone()] {
        assert!(store.keep_reply(&mut lost, reply.clone(), kept, false).await.expect("the table answers"));
        claim = lost;
    }
    assert!(
        !store.keep_reply(&mut other, Reply::notice("No.".to_owned()), None, true).await.expect("the table answers")
    );
    assert_eq!(used().await, 1, "a write that is refused changes nothing of what belongs to it");
    assert_eq!(store.recent_turns(&conversation, 9).await.expect("the table answers"), [turn(7, now)]);
    for _ in 0..2 {
        let mut again = claim.clone();
        store.refund(&mut again).await.expect("the table answers");
        assert_eq!(used().await, 0, "once");
    }
    store.finish(&claim).await.expect("the table answers");
    assert_eq!(admit(&[7, 8], "second", now).await, Admission::Done);

    // Whoever goes silent is given up after a quarter of an hour, and its claim is its successor's.
    let Admission::Claimed(silent) = admit(&[9], "first", now).await else { panic!("it is new") };
    assert!(matches!(admit(&[9], "second", now + SignedDuration::from_mins(16)).await, Admission::Claimed(_)));
    assert!(store.record_posted(&silent).await.is_err());
    assert_eq!(used().await, 1);
    for vote in [Vote::Up, Vote::Down] {
        store.vote(&conversation, QuestionId(7), 9, vote, now).await.expect("the table answers");
    }
    assert_eq!(store.votes(&conversation, QuestionId(7)).await.expect("the table answers"), [Vote::Down]);
}

async fn a_thousand_at_once_are_admitted_up_to_the_limit(table: Table) {
    // Each remembers for itself which shares it found full.
    let stores: Vec<Store> = (0..4).map(|_| table.store()).collect();
    let usage =
        async || stores[0].usage(&AccountId::local(), Month::of(Timestamp::now())).await.expect("the table answers");
    // 500 is no multiple of the sixteen shares.
    assert_eq!(admit_at_once(&stores, 500, 0..1_000).await, 500);
    assert_eq!(usage().await, 500);
    // Every one of them once more, as a queue delivers again what was not finished.
    assert_eq!(admit_at_once(&stores, 500, 0..1_000).await, 500);
    assert_eq!(usage().await, 500);
    // A larger plan takes effect, whatever was found full before.
    assert_eq!(admit_at_once(&stores, 507, 1_000..1_050).await, 7);
    assert_eq!(usage().await, 507);
}

async fn a_session_is_one_workers(table: Table) {
    let (one, two) = (table.store(), table.store());
    let key = SessionKey { application: Id::new(1), total: 2, generation: 0, shard: 1 };
    one.create_lease(key, SessionState::default()).await.expect("the table answers");
    let free = one.leases_of(Id::new(1)).await.expect("the table answers").remove(0);
    let taken = join_all((0..8).map(|n| {
        let (store, free) = (table.store(), free.clone());
        async move { store.take_lease(&free, &format!("worker-{n}")).await.expect("the table answers") }
    }))
    .await;
    let [mine] = &taken.into_iter().flatten().collect::<Vec<_>>()[..] else { panic!("one of eight gets it") };
    let state = SessionState { seq: 7, ready: true, ..SessionState::default() };
    assert!(one.save_session(mine, &state).await.expect("the table answers"));
    two.create_lease(key, SessionState::default()).await.expect("the table answers");
    let seen = two.leases().await.expect("the table answers").remove(0);
    assert_eq!((&seen.owner, &seen.state), (&mine.owner, &state), "one that is there is not made anew");

    let theirs = two.take_lease(&seen, "thief").await.expect("the table answers").expect("nobody else takes it");
    assert!(!one.save_session(mine, &state).await.expect("the table answers"));
    assert!(!one.release_session(mine, &state).await.expect("the table answers"));
    assert!(two.release_session(&theirs, &state).await.expect("the table answers"));
    assert!(!two.delete_lease(&theirs).await.expect("the table answers"), "it has changed since");
    let freed = two.leases().await.expect("the table answers").remove(0);
    assert_eq!((&freed.owner, freed.state.seq), (&None, 7));
    assert!(two.delete_lease(&freed).await.expect("the table answers"));
    assert!(two.leases().await.expect("the table answers").is_empty());
}

async fn no_two_shards_identify_at_a_time(table: Table) {
    let (now, spacing) = (Timestamp::now(), SignedDuration::from_secs(5));
    let reserved = join_all((0..12).map(|_| {
        let store = table.store();
        async move {
            store
                .reserve_identify(Id::new(1), 0, now, spacing, SignedDuration::from_mins(5))
                .await
                .expect("the table answers")
        }
    }));
    let mut reserved = reserved.await;
    reserved.sort_unstable();
    let now = Timestamp::from_millisecond(now.as_millisecond()).expect("the table answers");
    for (place, at) in (0_i32..).zip(&reserved) {
        // What others have reserved is stored in milliseconds.
        assert_eq!(at.as_millisecond(), (now + spacing * place).as_millisecond());
    }
}

async fn an_application_is_one_accounts(table: Table) {
    let bot = |account: &str, revision: &str| CustomBot {
        application: Id::new(77),
        account: AccountId(account.to_owned()),
        public_key: String::new(),
        token: "sealed".to_owned(),
        revision: revision.to_owned(),
        added_at: Timestamp::now(),
    };
    let kept = join_all((0..6).map(|n| {
        let (store, bot) = (table.store(), bot(&format!("account-{n}"), "1"));
        async move { (store.put_custom_bot(&bot).await.expect("the table answers"), bot) }
    }));
    let kept: Vec<CustomBot> =
        kept.await.into_iter().filter_map(|(kept, bot)| (kept == Kept::Yes).then_some(bot)).collect();
    let [owners] = &kept[..] else { panic!("one of six has it: {kept:?}") };
    let store = table.store();
    assert_eq!(store.custom_bot(Id::new(77)).await.expect("the table answers").as_ref(), Some(owners));
    assert_eq!(store.custom_bots().await.expect("the table answers").len(), 1);
    assert!(!store.delete_custom_bot(&AccountId("stranger".to_owned())).await.expect("the table answers"));
    assert!(store.delete_custom_bot(&owners.account).await.expect("the table answers"));
    assert_eq!(store.put_custom_bot(&bot("account-9", "2")).await.expect("the table answers"), Kept::Yes);
}

fn job(n: i64, bytes: usize) -> StoredJob {
    StoredJob {
        id: format!("job-{n}"),
        group: "group".to_owned(),
        body: "x".repeat(bytes),
        accepted: n,
        attempts: 1,
        deaths: 0,
        not_before: Timestamp::UNIX_EPOCH,
    }
}

/// A Query hands out a megabyte at a time.
async fn pages_are_followed_to_the_end(table: Table) {
    let (store, jobs) = (table.store(), (0..24).map(|n| job(n, 150_000)).collect::<Vec<_>>());
    for some in jobs.chunks(6) {
        store.write_jobs(some, &[]).await.expect("the table answers");
    }
    assert_eq!(store.pending_jobs().await.expect("the table answers"), jobs);
    let conversation = ConversationId::of_person(3, 4);
    for voter in 0..12 {
        store.vote(&conversation, QuestionId(9), voter, Vote::Up, Timestamp::now()).await.expect("the table answers");
    }
    store.vote(&conversation, QuestionId(90), 1, Vote::Up, Timestamp::now()).await.expect("the table answers");
    assert_eq!(
        store.votes(&conversation, QuestionId(9)).await.expect("the table answers").len(),
        12,
        "of this question alone"
    );
}

async fn batches_are_as_large_as_the_table_takes(table: Table) {
    let (store, most) = (table.store(), i64::try_from(BATCH).expect("the table answers"));
    let jobs: Vec<StoredJob> = (0..=most).map(|n| job(n, 10)).collect();
    assert!(store.write_jobs(&jobs, &[]).await.is_err(), "one too many");
    store.write_jobs(&jobs[1..], &[]).await.expect("the table answers");
    store.write_jobs(&jobs[..1], &[jobs[1].id.clone(), "none".to_owned()]).await.expect("the table answers");
    assert_eq!(store.pending_jobs().await.expect("the table answers").len(), BATCH);
    let dead = DeadJob { job: jobs[2].clone(), reason: "It failed.".to_owned(), at: Timestamp::now() };
    for _ in 0..2 {
        store.bury_job(&dead).await.expect("the table answers");
    }
    assert_eq!(store.dead_jobs().await.expect("the table answers"), [dead]);
    assert_eq!(store.pending_jobs().await.expect("the table answers").len(), BATCH - 1);

    let ids: Vec<_> = (1..=u64::try_from(MOST_KEYS).expect("the table answers") + 20).map(Id::new).collect();
    for &id in ids.iter().step_by(2) {
        let mut guild = Guild::new(id, AccountId::local());
        assert!(store.put_guild(&guild, Timestamp::now()).await.expect("the table answers"));
        guild.version += 1;
        assert!(store.put_guild(&guild, Timestamp::now()).await.expect("the table answers"));
        assert!(
            !store.put_guild(&guild, Timestamp::now()).await.expect("the table answers"),
            "another version is there by now"
        );
    }
    assert_eq!(store.guilds(&ids).await.expect("the table answers").len(), ids.len() / 2, "those that are there");
    assert!(store.guilds(&[]).await.expect("the table answers").is_empty());
}

/// In seconds since 1970, as a number: what DynamoDB's time to live reads.
async fn what_is_forgotten_says_when(table: Table) {
    let (store, now, account) = (table.store(), Timestamp::now(), AccountId::local());
    let conversation = ConversationId::of_channel(3);
    let quota = Quota { account: &account, limit: 16_000, kind: Kind::Command };
    let admitted =
        store.admit(&[QuestionId(7)], Some(quota), &delivery("first"), now).await.expect("the table answers");
    let Admission::Claimed(mut claim) = admitted else { panic!("it is new") };
    let reply = Reply::notice("Hello.".to_owned());
    assert!(
        store
            .keep_reply(&mut claim, reply, Some((&conversation, &turn(7, now))), false)
            .await
            .expect("the table answers")
    );
    store.vote(&conversation, QuestionId(7), 9, Vote::Up, now).await.expect("the table answers");
    store.put_fate(Id::new(7), Fate::Deleted, now).await.expect("the table answers");
    store.record_trouble(Id::new(1), Id::new(2), TroubleKind::Post, 50_013, now).await.expect("the table answers");
    store
        .bury_job(&DeadJob { job: job(1, 10), reason: "It failed.".to_owned(), at: now })
        .await
        .expect("the table answers");
    store.beat(&WorkerBeat { worker: "w".to_owned(), count: 1, leaving: false }, now).await.expect("the table answers");
    store
        .reserve_identify(Id::new(1), 0, now, SignedDuration::ZERO, SignedDuration::ZERO)
        .await
        .expect("the table answers");
    store.book_requests(Id::new(1), &stretch(now.as_microsecond(), 1), None).await.expect("the table answers");
    let conversation = format!("CONVERSATION#{conversation}");
    let (hour, day) = (3_600, 86_400);
    for (pk, sk, after) in [
        ("CLAIM#7", "CLAIM", 7 * day),
        (&conversation, "TURN#00000000000000000007", 30 * day),
        (&conversation, "VOTE#00000000000000000007#9", 30 * day),
        ("MESSAGE#7", "FATE", day),
        ("GUILD#1", "TROUBLE#2", 30 * day),
        ("DEADJOBS", "JOB#job-1", 14 * day),
        ("WORKERS", "w", day),
        ("IDENTIFY#1#0", "IDENTIFY", hour),
        ("BUDGET#1", "BUDGET", hour),
    ] {
        let left =
            table.expires(pk, sk).await.unwrap_or_else(|| panic!("{pk} {sk} is kept for ever")) - now.as_second();
        assert!((left - after).abs() <= 1, "{pk} {sk}: {left} s");
    }
    store.write_jobs(&[job(2, 10)], &[]).await.expect("the table answers");
    assert_eq!(table.expires("JOBS", "JOB#job-2").await, None);
}

fn stretch(from: i64, length: i64) -> Stretch {
    Stretch { from, length, latest: from + 1_000_000, absurd: from + 2_000_000 }
}

async fn no_time_is_booked_twice(table: Table) {
    let (store, application, now) = (table.store(), Id::new(1), Timestamp::now());
    let at = now.as_microsecond();
    let booked = join_all((0..24).map(|n| {
        let store = table.store();
        // Some are right and some are wrong about whether anything is booked.
        async move {
            store
                .book_requests(application, &stretch(at, 10), (n % 3 == 0).then_some(at))
                .await
                .expect("the table answers")
        }
    }));
    let mut starts: Vec<i64> = booked.await.into_iter().filter_map(|booked| booked.start).collect();
    starts.sort_unstable();
    assert_eq!(starts, (0..24).map(|n| at + n * 10).collect::<Vec<_>>());
    let other = store.book_requests(Id::new(2), &stretch(at, 10), None).await.expect("the table answers");
    assert_eq!(other.start, Some(at), "each application has its own");

    // Far ahead: first further than is worth waiting for, then by a clock that must be wrong.
    let far = store.book_requests(application, &stretch(at + 1_500_000, 10), None).await.expect("the table answers");
    assert_eq!(far.start, Some(at + 1_500_000));
    let full = store.book_requests(application, &stretch(at, 10), None).await.expect("the table answers");
    assert_eq!((full.start, full.next, full.paused), (None, far.next, 0));
    store.book_requests(application, &stretch(at + 60_000_000, 10), None).await.expect("the table answers");
    assert_eq!(
        store.book_requests(application, &stretch(at, 10), None).await.expect("the table answers").start,
        Some(at)
    );

    // A pause grows and does not shrink; one that cannot be right is written over.
    let minute = SignedDuration::from_mins(1);
    for (until, holds) in [(20_i64, 20), (10, 20), (30, 30), (600, 600), (40, 40)] {
        store
            .pause_requests(application, now + Duration::from_secs(until.unsigned_abs()), now, minute)
            .await
            .expect("the table answers");
        let booked = store.book_requests(application, &stretch(at, 10), Some(at)).await.expect("the table answers");
        assert_eq!(booked.paused, at + holds * 1_000_000);
    }
}
