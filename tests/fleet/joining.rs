//! Workers come, share the sessions, and give them away when they are told to.

use std::time::{Duration, Instant};

use super::world::{PATIENCE, World, show};
use tests::fake_discord::Outcome;
use tests::process::{self, Process};
use tests::server::eventually;

/// People go on asking for so long before the next thing happens.
const A_WHILE: Duration = Duration::from_secs(2);

/// Far more than a session is away while it is handed over: half a second at most on an idle machine.
const GAP: Duration = Duration::from_secs(5);

/// What a worker has to end within.
const EXIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_share_evenly_as_they_come_and_go_and_nothing_is_lost() {
    let world = World::new(|_| {}).await;
    let mut first = world.worker();
    world.until_shared(&[4]).await;
    let load = world.people_ask();
    let second = world.worker();
    world.until_shared(&[2, 2]).await;
    tokio::time::sleep(A_WHILE).await;
    let third = world.worker();
    world.until_shared(&[1, 1, 2]).await;
    tokio::time::sleep(A_WHILE).await;
    let took = first.stops().await;
    world.until_shared(&[2, 2]).await;
    tokio::time::sleep(A_WHILE).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions travel; none is begun anew");
    let accepted =
        second.counts("guildhall_gateway_jobs_total").await + third.counts("guildhall_gateway_jobs_total").await;
    assert!(accepted > 0, "both have worked");
    eprintln!("{} questions while workers came and went; the first one's exit took {took:?}", asked.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_leaves_a_short_gap_and_loses_nothing() {
    let world = World::new(|_| {}).await;
    let mut old = world.worker();
    world.until_shared(&[4]).await;
    let load = world.people_ask();
    let (mut gaps, mut exits) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        // As a service is deployed: the new one is there before the old one goes.
        let new = world.worker();
        world.until_shared(&[2, 2]).await;
        tokio::time::sleep(A_WHILE).await;
        let told = Instant::now();
        exits.push(old.stops().await);
        world.until_shared(&[4]).await;
        let record = world.discord.gateway().record();
        for close in record.closes.iter().filter(|close| close.at > told) {
            let back = record.resumes.iter().filter(|resume| {
                resume.shard == close.shard && resume.at > close.at && resume.outcome == Outcome::Accepted
            });
            gaps.extend(back.map(|resume| resume.at - close.at).min());
        }
        old = new;
    }
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert!(gaps.len() >= 8, "two sessions are handed over each time: {gaps:?}");
    assert!(gaps.iter().all(|gap| *gap < GAP), "{gaps:?}");
    assert!(exits.iter().all(|exit| *exit < EXIT), "a container is killed after twenty seconds: {exits:?}");
    eprintln!("{} questions over four deploys: gap {}, exit {}", asked.len(), show(gaps), show(exits));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_shards_take_over_from_fewer_while_people_ask() {
    let world = World::new(|settings| settings.shards = 2).await;
    let (mut first, mut second) = (world.worker(), world.worker());
    world.until_shared(&[1, 1]).await;
    let load = world.people_ask();
    tokio::time::sleep(A_WHILE).await;
    // Somebody sets another number and deploys.
    let set = [("DISCORD_SHARDS", "4")];
    let (third, fourth) = (world.worker_with(&set), world.worker_with(&set));
    eventually(PATIENCE, async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let leases = world.leases().await;
        (leases.len() == 4 && leases.iter().all(|lease| lease.key.total == 4 && lease.state.ready)).then_some(())
    })
    .await;
    first.stops().await;
    second.stops().await;
    world.until_shared(&[2, 2]).await;
    tokio::time::sleep(A_WHILE).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().connected(), [(0, 4), (1, 4), (2, 4), (3, 4)]);
    assert_eq!(world.discord.gateway().record().identifies.len(), 2 + 4);
    eprintln!("{} questions while two shards became four", asked.len());
    drop((third, fourth));
}

#[tokio::test]
async fn a_worker_names_the_variable_that_it_misses() {
    let given = [
        ("TABLE_NAME", "guildhall"),
        ("QUESTIONS_QUEUE_URL", "http://127.0.0.1:1/q.fifo"),
        ("MODERATION_QUEUE_URL", "http://127.0.0.1:1/m"),
    ];
    let missing = ["TABLE_NAME", "QUESTIONS_QUEUE_URL", "MODERATION_QUEUE_URL", "DISCORD_TOKEN"];
    for (told, missing) in missing.into_iter().enumerate() {
        let (given, missing) = (&given[..told], &format!("{missing} is needed"));
        let mut process = Process::start(process::binary("gateway-worker"), &[], given.iter().copied());
        process.wait_for_line(missing, PATIENCE).await;
        assert!(!process.wait().await.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_start_together_identify_one_after_the_other() {
    let world = World::new(|settings| settings.max_concurrency = 1).await;
    let began = Instant::now();
    let workers: Vec<_> = (0..3).map(|_| world.worker()).collect();
    world.until_shared(&[1, 1, 2]).await;
    let record = world.discord.gateway().record();
    assert_eq!(world.discord.gateway().violations(), Vec::<String>::new());
    assert_eq!(record.identifies.len(), 4);
    let first = record.identifies[0].at;
    let last = record.identifies[3].at;
    eprintln!("four identifies, one bucket, three workers: {:?}, of {:?}", last - first, began.elapsed());
    drop(workers);
}
