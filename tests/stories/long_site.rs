//! A site that takes longer than one job may, and readings that got lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use guildhall::account::{Account, Plan};
use guildhall::bot::Bot;
use guildhall::events::Events;
use guildhall::ids::{AccountId, SourceId};
use guildhall::job::local::{self, Earlier};
use guildhall::job::{self, Job, Jobs};
use guildhall::knowledge::Knowledge;
use guildhall::knowledge::fetch::{FetchLimits, Fetcher};
use guildhall::knowledge::files::Files;
use guildhall::knowledge::source::{NewSource, Origin, Source, Status};
use guildhall::mail::Mailer;
use guildhall::schedule::{self, Run};
use guildhall::store::{Delivery, Store};
use jiff::{SignedDuration, Timestamp};
use object_store::memory::InMemory;
use tests::fake_site::FakeSite;
use tests::server::data_folder;

/// A table, files, and a queue that runs nothing by itself.
struct House {
    store: Store,
    files: Files,
    jobs: Jobs,
    account: AccountId,
    _data: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let data = data_folder();
        let client = standalone::table::open(&data.path().join("guildhall.db")).expect("the table's file opens");
        let store = Store::new(client, "guildhall");
        store.create_table().await.expect("a table can be made");
        let (jobs, _) = local::Jobs::open(store.clone(), Earlier::Wait).await.expect("an empty queue opens");
        let files = Files::new(Arc::new(InMemory::new()));
        Self { store, files, jobs: jobs.into(), account: AccountId::local(), _data: data }
    }

    /// A process that may crawl one page at a time, and knows nothing but what is written down.
    fn process(&self) -> Bot {
        let fetcher = Fetcher::new(FetchLimits::default(), true).expect("a client");
        let knowledge = Knowledge::new(self.store.clone(), self.files.clone(), fetcher, None);
        let knowledge = knowledge.crawling_for(Duration::ZERO);
        Bot::new(self.store.clone(), self.jobs.clone(), knowledge, None, Events::Local(Mailer::Log), None, None)
    }

    /// What was sent to the queue so far, in order.
    async fn sent(&self) -> Vec<Job> {
        let pending = self.store.pending_jobs().await.expect("the table answers");
        pending.iter().map(|stored| Job::from_message(&stored.body).expect("a job")).collect()
    }

    async fn source(&self, id: &SourceId) -> Source {
        self.store.source(&self.account, id).await.expect("the table answers").expect("it is there")
    }
}

async fn run(bot: &Bot, job: &Job) {
    let delivery = Delivery { id: job.id(), attempt: 1 };
    Box::pin(job::run(bot, job, &delivery, Timestamp::now())).await.expect("it is done");
}

fn part(job: &Job) -> Option<u32> {
    match job {
        Job::Read { part, .. } => Some(*part),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_takes_longer_than_a_job_may_is_read_by_several() {
    let (house, site) = (House::new().await, FakeSite::start().await);
    let words = ["zebra", "walrus", "heron", "badger"];
    for (n, word) in words.iter().enumerate() {
        let next = format!("/p{}", n + 1);
        let text = format!("<p>The {word} lives in room {n} of the old house, and everybody knows it well.</p>");
        let path = if n == 0 { "/".to_owned() } else { format!("/p{n}") };
        let links = [next.as_str()];
        site.article(&path, word, &text, if n + 1 < words.len() { &links } else { &[] });
    }
    let new = NewSource::Site { url: site.url().parse().expect("an address"), max_pages: 50, max_depth: 9 };
    let bot = house.process();
    let source = bot.knowledge.add(&house.account, new, &house.jobs, Timestamp::now()).await.expect("it is taken").id;
    let finds = async |word: &str| {
        let hits = house.process().knowledge.search(&house.account, word, None, 3).await.expect("an index or none");
        hits.iter().any(|hit| hit.passage.text.contains(word))
    };

    let mut done: HashSet<String> = HashSet::new();
    let mut parts = 0;
    while let Some(job) = house.sent().await.into_iter().find(|job| !done.contains(&job.id())) {
        done.insert(job.id());
        // Each by a process of its own, after which it comes again: to one that knows what it did, and to another.
        let bot = house.process();
        for bot in [&bot, &bot, &house.process()] {
            run(bot, &job).await;
        }
        if part(&job).is_some() {
            parts += 1;
        } else if parts < words.len() {
            let status = house.source(&source).await.status;
            assert!(matches!(status, Status::Indexing { done, total } if done < total), "{status:?}");
            assert!(finds(words[0]).await, "what was read answers meanwhile");
            assert!(!finds(words[3]).await);
        }
    }
    let asked: Vec<usize> = ["/", "/p1", "/p2", "/p3"].iter().map(|path| site.count(path)).collect();
    assert_eq!(asked, [1, 1, 1, 1], "no part is read again");
    assert_eq!(house.sent().await.iter().filter_map(part).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(parts >= words.len());
    let source = house.source(&source).await;
    assert_eq!(source.status, Status::Ready);
    let ready = source.ready.expect("it answers");
    assert_eq!((ready.documents, ready.skipped.len()), (4, 0), "{ready:?}");
    for word in words {
        assert!(finds(word).await, "{word}");
    }
}

#[tokio::test]
async fn a_part_of_a_reading_is_overtaken_by_a_new_request() {
    let (house, site) = (House::new().await, FakeSite::start().await);
    site.article("/", "Zebra", "<p>The zebra lives in the first room of the old house.</p>", &["/p1"]);
    site.article("/p1", "Heron", "<p>The heron lives in the second room of the old house.</p>", &[]);
    let new = NewSource::Site { url: site.url().parse().expect("an address"), max_pages: 50, max_depth: 9 };
    let bot = house.process();
    let source = bot.knowledge.add(&house.account, new, &house.jobs, Timestamp::now()).await.expect("it is taken").id;
    run(&bot, &house.sent().await[0]).await;
    let next = house.sent().await.into_iter().find(|job| part(job) == Some(1)).expect("it goes on");
    let anew = bot.knowledge.refresh(&house.account, &source, &house.jobs, Timestamp::now()).await;
    anew.expect("the table answers").expect("it is there");
    let before = site.hits().len();
    run(&house.process(), &next).await;
    assert_eq!(site.hits().len(), before, "the site is left alone");
    assert_eq!(house.source(&source).await.status, Status::Pending, "the new request reads it from its beginning");
}

#[tokio::test]
async fn readings_that_got_lost_are_asked_for_again_whoever_they_are_of() {
    let house = House::new().await;
    let now = Timestamp::now();
    let hours = |hours| now - SignedDuration::from_hours(hours);
    // One more than a run looks at.
    let accounts: Vec<AccountId> = (0..201).map(|n| AccountId(format!("account-{n:03}"))).collect();
    for id in &accounts {
        let account = Account { id: id.clone(), name: "x".to_owned(), plan: Plan::Pro };
        house.store.put_account(&account).await.expect("the table answers");
    }
    let put = async |account: &AccountId, name: &str, status: Status, revision: Timestamp| {
        let source = Source {
            id: SourceId(name.to_owned()),
            account: account.clone(),
            origin: Origin::Text,
            title: name.to_owned(),
            status,
            ready: None,
            content: None,
            revision,
            original: Some(revision),
            created_at: revision,
        };
        house.store.put_source(&source).await.expect("the table answers");
    };
    put(&accounts[0], "lost", Status::Pending, hours(2)).await;
    put(&accounts[0], "stuck", Status::Indexing { done: 1, total: 2 }, hours(2)).await;
    put(&accounts[0], "fresh", Status::Pending, hours(0)).await;
    put(&accounts[0], "ready", Status::Ready, hours(2)).await;
    put(&accounts[1], "leaving", Status::Removing, hours(2)).await;
    put(&accounts[200], "last", Status::Pending, hours(2)).await;

    let events = Events::Local(Mailer::Log);
    let sent = async || {
        let ran = Box::pin(schedule::run(&house.store, &house.jobs, &events, None, now)).await;
        assert_eq!(ran, Run::Done);
        let name = |job: Job| match job {
            Job::Read { source, part: 0, .. } => source.0,
            Job::Index { account, .. } => format!("index {account}"),
            other => panic!("{other:?}"),
        };
        let mut sent: Vec<String> = house.sent().await.into_iter().map(name).collect();
        sent.sort();
        sent
    };
    assert_eq!(sent().await, ["index account-001", "lost", "stuck"]);
    assert_eq!(sent().await, ["index account-001", "last", "lost", "stuck"], "it goes on behind the last account");
    assert_eq!(sent().await.len(), 4, "and each is asked for once");
}
