//! Workers are killed and stopped; a consumer dies at the worst moment.

use std::time::{Duration, Instant};

use axum::http::Method;
use tests::fake_discord::{Fault, Outcome};
use tests::server::eventually;

use super::world::{PATIENCE, TAKEN_OVER_WITHIN, World, show};

/// Longer than it takes others to notice.
const SLEEP: Duration = Duration::from_secs(6);

/// How closely whoever has slept is watched.
const AWAKE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_is_replaced_within_seconds_and_nothing_is_lost() {
    let world = World::new(|_| {}).await;
    let mut workers = [world.worker(), world.worker()];
    world.until_shared(&[2, 2]).await;
    let load = world.people_ask();
    let mut takeovers = Vec::new();
    for round in 0..6 {
        tokio::time::sleep(Duration::from_millis(500 + 130 * round)).await;
        let victim = usize::try_from(round).expect("small") % 2;
        let killed = Instant::now();
        workers[victim].process.kill().await;
        world.until_shared(&[4]).await;
        let record = world.discord.gateway().record();
        let taken = record.resumes.iter().filter(|resume| resume.at > killed && resume.outcome == Outcome::Accepted);
        takeovers.extend(taken.map(|resume| resume.at - killed));
        workers[victim] = world.worker();
        world.until_shared(&[2, 2]).await;
    }
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert!(takeovers.len() >= 12, "two sessions are taken over each time: {takeovers:?}");
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    assert!(takeovers.iter().all(|took| *took < TAKEN_OVER_WITHIN), "{takeovers:?}");
    eprintln!("{} questions, six kills: takeover after SIGKILL {}", asked.len(), show(takeovers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_slept_writes_nothing_and_begins_afresh() {
    let world = World::new(|_| {}).await;
    let (sleeper, other) = (world.worker(), world.worker());
    world.until_shared(&[2, 2]).await;
    let load = world.people_ask();
    let mut takeovers = Vec::new();
    for _ in 0..3 {
        let before = world.leases().await;
        let stopped = Instant::now();
        sleeper.signal("STOP");
        world.until_shared(&[4]).await;
        let record = world.discord.gateway().record();
        let taken = record.resumes.iter().filter(|resume| resume.at > stopped && resume.outcome == Outcome::Accepted);
        takeovers.extend(taken.map(|resume| resume.at - stopped));
        let taken = world.leases().await;
        let asleep = SLEEP.saturating_sub(stopped.elapsed());
        tokio::time::sleep(asleep).await;
        sleeper.signal("CONT");
        let woken = Instant::now();
        // It looks around before it takes anything, so what it would write for the past comes first.
        while woken.elapsed() < AWAKE {
            for lease in world.leases().await {
                let then = taken.iter().find(|then| then.key == lease.key).expect("sessions stay");
                let first = before.iter().find(|before| before.key == lease.key).expect("sessions stay");
                assert!(then.owner == first.owner || then.fence > first.fence, "{first:?} became {then:?}");
                assert!(lease.fence >= then.fence, "{then:?} became {lease:?}");
                if lease.fence == then.fence {
                    assert_eq!(lease.owner, then.owner, "only a new fence changes hands");
                    assert!(lease.state.seq >= then.state.seq, "nobody sets a session back");
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        world.until_shared(&[2, 2]).await;
    }
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    assert!(sleeper.says("has taken no sign of life"), "it noticed");
    assert!(takeovers.iter().all(|took| *took < TAKEN_OVER_WITHIN), "{takeovers:?}");
    eprintln!("{} questions, three sleeps: takeover after SIGSTOP {}", asked.len(), show(takeovers));
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_dies_between_posting_and_recording_posts_once() {
    let mut world = World::new(|_| {}).await;
    let worker = world.worker();
    world.until_shared(&[4]).await;
    // Posted, Discord's answer never arrives, and whoever looks for what was posted is kept waiting.
    world.discord.next_on(&Method::GET, "/channels", usize::MAX, Fault::Hang(PATIENCE));
    world.discord.next_on(&Method::POST, "/channels", usize::MAX, Fault::CloseAfter);
    let asked = [world.ask(0), world.ask(1)];
    eventually(PATIENCE, async || (world.discord.bot_messages().len() == 2).then_some(())).await;
    world.consumer.kill();
    world.discord.no_more_faults();
    let began = Instant::now();
    world.consumer = world.another_consumer();
    world.all_is_answered(&asked).await;
    eprintln!("what a dead consumer had posted was done with after {:?}", began.elapsed());
    drop(worker);
}
