//! Deliveries that repeat and processes that die: one question, one answer, one count.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use guildhall::account::Month;
use guildhall::ids::AccountId;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tests::fake_discord::{self, Interaction};
use tests::fake_model::Fault;
use tests::seed;
use tests::server::eventually;
use tests::world::{SOON, Start, World};
use tokio::sync::RwLock;

/// A model that answers each question with its own number, and every third one at length.
async fn library() -> World {
    let world = World::start(Start { without_rate_limits: true, ..Start::default() }).await;
    world.knows("Shelves", "Every book has its number on its back.").await;
    for number in 0..QUESTIONS {
        world.model.answers(&question(number), &answer(number).join("\n\n"));
    }
    world
}

const QUESTIONS: usize = 60;

fn question(number: usize) -> String {
    format!("where is book {number:03}")
}

/// The paragraphs of an answer. The long one takes three messages, each of which can be told from the others.
fn answer(number: usize) -> Vec<String> {
    // No two words of it follow each other twice: a model that repeats itself is cut short.
    let left: String = (0..130).map(|shelf| format!("left of {shelf} ")).collect();
    let paragraph = |part: usize| format!("Book {number:03}, part {part}: {left}");
    match number % 3 {
        0 => (0..3).map(|part| paragraph(part).trim_end().to_owned()).collect(),
        _ => vec![format!("Book {number:03} is on its shelf.")],
    }
}

/// Waits until every message of an answer is there.
async fn whole_answer(world: &World, asked: &Interaction, number: usize) {
    eventually(SOON, async || (world.discord.reply_to(asked).len() >= answer(number).len()).then_some(())).await;
}

/// Exactly the right messages, each once.
#[track_caller]
fn answered_once(world: &World, asked: &Interaction, number: usize) {
    let shown = world.discord.reply_to(asked);
    let expected = answer(number);
    let shown: Vec<&str> = shown.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(shown.len(), expected.len(), "question {number}: {shown:#?}");
    for (shown, expected) in shown.iter().zip(&expected) {
        assert!(shown.starts_with(expected.as_str()), "question {number}: {shown}");
    }
}

/// What Guildhall prints when it has done the job of a question.
const DONE: &str = "a question is done";

/// What was counted when Guildhall has stopped and nothing is left to do. A delivery that came last may have to wait for
/// the next start; nothing is ever given up.
pub(super) async fn settled(world: &mut World) -> u32 {
    for _ in 0..10 {
        assert!(world.stop().await.success());
        let store = world.table().await;
        assert_eq!(store.dead_jobs().await.expect("the table answers"), [], "something was given up");
        if store.pending_jobs().await.expect("the table answers").is_empty() {
            let month = Month::of(jiff::Timestamp::now());
            return store.usage(&AccountId::local(), month).await.expect("the table answers");
        }
        drop(store);
        // Whoever is asked to stop at once begins nothing.
        let done = world.log().matches(DONE).count();
        world.restart().await;
        eventually(SOON, async || (world.log().matches(DONE).count() > done).then_some(())).await;
    }
    panic!("something is always left to do");
}

#[tokio::test]
async fn an_interaction_that_is_delivered_again_is_answered_once() {
    let mut world = library().await;
    let ann = world.member("ann");

    let twice = ann.member.ask(&question(1), false);
    ann.delivers(&twice).await.accepted();
    whole_answer(&world, &twice, 1).await;
    ann.delivers(&twice).await.accepted();

    let at_once = ann.member.ask(&question(3), false);
    world.model.next(Fault::Slow(Duration::from_millis(200)));
    let deliveries = (0..5).map(|_| ann.delivers(&at_once));
    for sent in futures::future::join_all(deliveries).await {
        sent.accepted();
    }
    whole_answer(&world, &at_once, 3).await;

    assert_eq!(settled(&mut world).await, 2);
    answered_once(&world, &twice, 1);
    answered_once(&world, &at_once, 3);
    assert_eq!(world.model.chat_count(), 2);
    let edits = world.discord.requests().into_iter().filter(|request| request.method == Method::PATCH).count();
    assert_eq!(edits, 2, "an edit that changes nothing is one too many");
    world.is_quiet();
}

/// Where on its way a question is when the process dies.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Discord has just been told "thinking…".
    Accepted,
    /// So long after that.
    After(Duration),
    /// The model is at work.
    Thinking,
    /// The first message is there.
    Edited,
    /// So many follow-ups are there.
    Followed(usize),
    /// The last request was done, and the answer to it lost.
    Unanswered(&'static Method),
}

#[tokio::test]
async fn a_process_that_dies_anywhere_between_claim_and_reply_answers_once() {
    use Moment::{Accepted, After, Edited, Followed, Thinking, Unanswered};
    let mut world = library().await;
    let ann = world.member("ann");
    let moments = [
        Accepted,
        Thinking,
        Edited,
        Followed(1),
        Followed(2),
        Unanswered(&Method::PATCH),
        Unanswered(&Method::POST),
        After(Duration::from_millis(2)),
        After(Duration::from_millis(5)),
        After(Duration::from_millis(10)),
        After(Duration::from_millis(20)),
        After(Duration::from_millis(40)),
        After(Duration::from_millis(80)),
        Edited,
        Followed(1),
        Thinking,
    ];
    let began = Instant::now();
    let mut asked = Vec::new();
    for (at, moment) in moments.into_iter().enumerate() {
        let number = at * 3;
        let slow = match moment {
            Thinking => Duration::from_secs(20),
            _ => Duration::from_millis(15),
        };
        world.model.next(Fault::Slow(slow));
        let (chats, requests) = (world.model.chat_count(), world.discord.requests().len());
        let plan = |method: &Method, fault| world.discord.next_on(method, "/webhooks/", 1, fault);
        match moment {
            Unanswered(method) => plan(method, fake_discord::Fault::CloseAfter),
            // What comes next never ends, so that the kill cannot come too late.
            Edited => plan(&Method::POST, fake_discord::Fault::Hang(SOON)),
            Followed(1) => {
                plan(&Method::POST, fake_discord::Fault::Hang(Duration::ZERO));
                plan(&Method::POST, fake_discord::Fault::Hang(SOON));
            }
            _ => {}
        }
        let interaction = ann.asks(&question(number)).await;
        let done = |wanted: &Method| {
            let all = world.discord.requests();
            all[requests..].iter().filter(|request| request.method == *wanted).count()
        };
        match moment {
            Accepted => {}
            After(time) => tokio::time::sleep(time).await,
            Thinking => eventually(SOON, async || (world.model.chat_count() > chats).then_some(())).await,
            Edited => eventually(SOON, async || (done(&Method::PATCH) > 0).then_some(())).await,
            Followed(count) => eventually(SOON, async || (done(&Method::POST) >= count).then_some(())).await,
            Unanswered(method) => eventually(SOON, async || (done(method) > 0).then_some(())).await,
        }
        world.kill().await;
        world.discord.no_more_faults();
        world.restart().await;
        whole_answer(&world, &interaction, number).await;
        asked.push((interaction, number));
    }
    let deaths = moments.len();
    assert_eq!(settled(&mut world).await, u32::try_from(deaths).unwrap());
    for (interaction, number) in &asked {
        answered_once(&world, interaction, *number);
    }
    let chats = world.model.chat_count();
    assert!(chats <= 2 * deaths, "{chats} calls of the model for {deaths} questions");
    eprintln!("{deaths} questions, {deaths} kills, {chats} calls of the model, {:?}", began.elapsed());
    world.is_quiet();
}

#[tokio::test]
async fn deaths_of_the_process_are_no_failures_of_the_question() {
    const DEATHS: usize = 6;
    let mut world = library().await;
    let ann = world.member("ann");
    world.model.next(Fault::Hang);
    let (running, waiting) = (ann.asks(&question(0)).await, ann.asks(&question(3)).await);
    for life in 1..=DEATHS {
        // Each life gets as far as the model, which is silent.
        eventually(SOON, async || (world.model.chat_count() == life).then_some(())).await;
        world.kill().await;
        if life < DEATHS {
            world.model.next(Fault::Hang);
            world.restart().await;
        }
    }
    // A failure after all that is the first one, and the next attempt comes soon.
    world.discord.next_on(&Method::POST, "/webhooks/", 1, fake_discord::Fault::Status(500));
    world.restart().await;
    whole_answer(&world, &running, 0).await;
    whole_answer(&world, &waiting, 3).await;
    assert_eq!(settled(&mut world).await, 2);
    answered_once(&world, &running, 0);
    answered_once(&world, &waiting, 3);
    world.is_quiet();
}

const KILLS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_delivered_how_often_and_whatever_dies_every_question_is_answered_once() {
    let (seed, mut world) = (seed(), library().await);
    let mut random = StdRng::seed_from_u64(seed);
    let people: Vec<_> = (0..6).map(|n| world.member(&format!("member {n}"))).collect();
    for _ in 0..2 * QUESTIONS {
        world.model.next(Fault::Slow(Duration::from_millis(random.random_range(0..150))));
    }
    // Discord shows a failure where the very first delivery meets no process; that is another story. All others may meet
    // whatever there is.
    let gate = Arc::new(RwLock::new(()));
    let began = Instant::now();
    let mut tasks = Vec::new();
    let mut deliveries = 0;
    for number in 0..QUESTIONS {
        let person = people[random.random_range(0..people.len())].clone();
        let first = Duration::from_millis(random.random_range(0..2_000));
        let again: Vec<_> =
            (0..random.random_range(0..5)).map(|_| Duration::from_millis(random.random_range(0..700))).collect();
        deliveries += 1 + again.len();
        let gate = Arc::clone(&gate);
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep(first).await;
            let open = gate.read_owned().await;
            let interaction = person.member.ask(&question(number), false);
            person.delivers(&interaction).await.accepted();
            drop(open);
            for pause in again {
                tokio::time::sleep(pause).await;
                person.delivers(&interaction).await;
            }
            (number, interaction)
        }));
    }
    for _ in 0..KILLS {
        for method in [Method::PATCH, Method::POST] {
            let fault = match random.random_range(0..3) {
                0 => fake_discord::Fault::CloseAfter,
                1 => fake_discord::Fault::Close,
                _ => fake_discord::Fault::Status(502),
            };
            world.discord.next_on(&method, "/webhooks/", 1, fault);
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(100..500))).await;
        let _closed = gate.write().await;
        world.kill().await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..50))).await;
        world.restart().await;
    }
    world.discord.no_more_faults();
    let mut asked = BTreeMap::new();
    for task in tasks {
        let (number, interaction) = task.await.unwrap();
        asked.insert(number, interaction);
    }
    for (number, interaction) in &asked {
        whole_answer(&world, interaction, *number).await;
    }
    let took = began.elapsed();
    let used = settled(&mut world).await;
    for (number, interaction) in &asked {
        answered_once(&world, interaction, *number);
    }
    assert_eq!(used as usize, QUESTIONS);
    let chats = world.model.chat_count();
    let edits = world.discord.requests().iter().filter(|request| request.method == Method::PATCH).count();
    eprintln!(
        "seed {seed}: {QUESTIONS} questions, {deliveries} deliveries, {KILLS} kills, {} failures of Discord, {used} counted, {chats} calls of the \
         model, {edits} edits, {took:?}",
        2 * KILLS
    );
    world.is_quiet();
}
