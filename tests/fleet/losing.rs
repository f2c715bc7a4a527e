//! Workers are killed, stopped and held up; a consumer dies at the worst moment.

use std::time::{Duration, Instant};

use axum::http::Method;
use tests::fake_discord::{Fault, Outcome};
use tests::server::eventually;

use super::proxy::Proxy;
use super::world::{PATIENCE, World, show};

/// What stands between a worker and the AWS of the tests.
async fn proxy_before(world: &World) -> Proxy {
    let endpoint = world.aws.config.endpoint_url.as_ref().expect("it has one");
    Proxy::start(endpoint.as_str()).await
}

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
        let asleep = Duration::from_secs(6).saturating_sub(stopped.elapsed());
        tokio::time::sleep(asleep).await;
        sleeper.signal("CONT");
        // It looks around before it takes anything, so what it would write for the past comes first.
        tokio::time::sleep(Duration::from_millis(150)).await;
        for lease in world.leases().await {
            let then = taken.iter().find(|then| then.key == lease.key).expect("sessions stay");
            let first = before.iter().find(|before| before.key == lease.key).expect("sessions stay");
            if lease.fence == then.fence {
                assert_eq!(lease.owner, then.owner, "only a new fence changes hands");
                assert!(lease.state.seq >= then.state.seq, "nobody sets a session back");
            }
            assert!(then.owner == first.owner || then.fence > first.fence);
        }
        world.until_shared(&[2, 2]).await;
    }
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    let lines = sleeper.process.lines().join("\n");
    assert!(lines.contains("has taken no sign of life"), "it noticed: {lines}");
    eprintln!("{} questions, three sleeps: takeover after SIGSTOP {}", asked.len(), show(takeovers));
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_away_for_twenty_seconds_loses_nothing() {
    let world = World::new(|_| {}).await;
    let proxy = proxy_before(&world).await;
    let through = proxy.url();
    let worker = world.worker_with(&[("AWS_ENDPOINT_URL", through.as_str())]);
    world.until_shared(&[4]).await;
    let load = world.people_ask();
    tokio::time::sleep(Duration::from_secs(1)).await;
    proxy.is_away_for("AmazonSQS", Duration::from_secs(20)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert!(worker.counts("guildhall_gateway_refusals_total").await > 0);
    assert_eq!(world.discord.gateway().record().closes.len(), 0, "so few jobs wait in memory");
    eprintln!("{} questions while the queue was away for 20 s", asked.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_while_the_queue_is_away_leaves_what_it_heard_to_the_next() {
    let world = World::new(|_| {}).await;
    let proxy = proxy_before(&world).await;
    let mut worker = world.worker_with(&[("AWS_ENDPOINT_URL", proxy.url().as_str())]);
    world.until_shared(&[4]).await;
    let load = world.people_ask();
    tokio::time::sleep(Duration::from_secs(1)).await;
    proxy.set_away(Some("AmazonSQS"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let took = worker.stops().await;
    assert!(took < Duration::from_secs(20), "a container is killed after twenty seconds, and this took {took:?}");
    let next = world.worker();
    world.until_shared(&[4]).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    eprintln!("{} questions; the exit without a queue took {took:?}", asked.len());
    drop(next);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_away_stops_the_worker_and_loses_nothing() {
    let world = World::new(|_| {}).await;
    let proxy = proxy_before(&world).await;
    let through = proxy.url();
    let worker = world.worker_with(&[("AWS_ENDPOINT_URL", through.as_str())]);
    world.until_shared(&[4]).await;
    let load = world.people_ask();
    tokio::time::sleep(Duration::from_secs(1)).await;
    proxy.is_away_for("DynamoDB", Duration::from_secs(15)).await;
    world.until_shared(&[4]).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    eprintln!("{} questions while the table was away for 15 s", asked.len());
    drop(worker);
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
