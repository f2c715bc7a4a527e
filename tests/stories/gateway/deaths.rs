//! The process dies, or is asked to stop, while people ask.

use std::time::{Duration, Instant};

use axum::http::Method;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tests::fake_discord::{self, By};
use tests::fake_model::Fault;
use tests::seed;
use tests::world::{SOON, Start};

use super::{crowd, each_is_answered_once, everybody_asks, found_answered, library, wait_for_answers};
use crate::stories::redelivery::settled;

const QUESTIONS: usize = 2_000;

const KILLS: usize = 10;

/// A hundred questions a second: what is asked while the process is away can be answered soon after.
const EVERY: Duration = Duration::from_millis(10);

/// After the last question, on a machine that does much else.
const LATE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_questions_and_ten_deaths() {
    let (seed, mut world) = (seed(), library(QUESTIONS, Start::default()).await);
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..2 * QUESTIONS {
        world.model.next(Fault::Slow(Duration::from_millis(random.random_range(0..200))));
    }
    let began = Instant::now();
    // Each asks every four seconds: five times.
    let asking =
        tokio::spawn(everybody_asks(crowd(&world.discord, 40, 10), QUESTIONS, EVERY, StdRng::seed_from_u64(seed)));
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(200..2_500))).await;
        // Discord took an answer and did not say so.
        world.discord.next_on(&Method::POST, "/channels/", 1, fake_discord::Fault::CloseAfter);
        world.kill().await;
        tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
        world.restart().await;
    }
    let asked = asking.await.unwrap();
    wait_for_answers(&world, QUESTIONS, LATE).await;
    let took = began.elapsed();
    let used = world.used().await;
    assert_eq!(settled(&mut world).await, u32::try_from(QUESTIONS).unwrap());
    each_is_answered_once(&world, &asked);
    assert_eq!(used, QUESTIONS as u64);

    let record = world.discord.gateway().record();
    assert_eq!(record.violations, Vec::<String>::new());
    assert_eq!(record.identifies.len(), 1, "every life goes on with the same session");
    eprintln!(
        "seed {seed}: {QUESTIONS} questions, {KILLS} kills, {} resumes, {} events replayed, {} of them found answered, \
         {used} counted, {} calls of the model, {took:?}",
        record.resumes.len(),
        record.resumes.iter().map(|resume| resume.replayed).sum::<u64>(),
        found_answered(&world),
        world.model.chat_count(),
    );
    world.is_quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_while_everybody_asks() {
    const QUESTIONS: usize = 600;
    let (seed, mut world) = (seed(), library(QUESTIONS, Start::default()).await);
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..2 * QUESTIONS {
        world.model.next(Fault::Slow(Duration::from_millis(random.random_range(0..1_000))));
    }
    let asking =
        tokio::spawn(everybody_asks(crowd(&world.discord, 30, 10), QUESTIONS, EVERY, StdRng::seed_from_u64(seed)));
    let mut took = Vec::new();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let began = Instant::now();
        assert!(world.stop().await.success());
        took.push(began.elapsed());
        world.restart().await;
    }
    let asked = asking.await.unwrap();
    wait_for_answers(&world, QUESTIONS, LATE).await;
    let calls = world.model.chat_count();
    assert_eq!(settled(&mut world).await, u32::try_from(QUESTIONS).unwrap());
    each_is_answered_once(&world, &asked);
    assert!(took.iter().all(|took| *took < Duration::from_secs(20)), "{took:?}");
    // What ran was allowed to end, so no answer was thought of twice.
    assert_eq!(calls, QUESTIONS);

    let record = world.discord.gateway().record();
    assert_eq!((record.violations, record.identifies.len()), (Vec::new(), 1));
    let left = record.closes.iter().filter(|close| close.by == By::Client);
    assert!(left.clone().all(|close| close.code == Some(4_000)));
    let gaps: Vec<Duration> =
        left.zip(&record.resumes).map(|(left, back)| back.at.saturating_duration_since(left.at)).collect();
    assert!(gaps.len() >= 2 && gaps.iter().all(|gap| *gap < SOON));
    let replayed: Vec<u64> = record.resumes.iter().map(|resume| resume.replayed).collect();
    eprintln!(
        "{QUESTIONS} questions; stopped within {took:?}; away from the gateway for {gaps:?}; {replayed:?} events replayed, {} of \
         them found answered",
        found_answered(&world)
    );
    world.is_quiet();
}
