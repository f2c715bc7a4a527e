//! The queue or the table is away, or takes what it is sent and never answers.

use std::time::{Duration, Instant};

use super::proxy::{Proxy, QUEUES, TABLE, Trouble};
use super::world::{SELDOM, TAKEN_OVER_WITHIN, World};

/// What a worker may wait for an answer: the limit of one attempt is three seconds.
const GIVES_UP: Duration = Duration::from_secs(10);

/// What a worker has to end within.
const EXIT: Duration = Duration::from_secs(20);

const A_WHILE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_away_for_twenty_seconds_loses_nothing() {
    tokio::join!(the_queue_is_away(Trouble::Refuses), the_queue_is_away(Trouble::Hangs));
}

async fn the_queue_is_away(trouble: Trouble) {
    // Of its own accord, Discord would leave soon.
    let world = World::new(|settings| settings.heartbeat = Duration::from_secs(3)).await;
    let proxy = Proxy::before(&world.aws).await;
    let worker = world.worker_with(&[("AWS_ENDPOINT_URL", proxy.url().as_str())]);
    world.until_shared(&[4]).await;
    let load = world.people_ask_every(SELDOM);
    tokio::time::sleep(A_WHILE).await;
    let heartbeats = world.discord.gateway().record().heartbeats;
    proxy.set_for(Duration::from_secs(20), QUEUES, trouble).await;
    let heartbeats = world.discord.gateway().record().heartbeats - heartbeats;
    tokio::time::sleep(A_WHILE).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert!(worker.counts("guildhall_gateway_refusals_total").await > 0);
    assert_eq!(world.discord.gateway().record().closes.len(), 0, "so few jobs wait in memory, and hearts beat");
    assert!(heartbeats >= 4 * 4, "{heartbeats} heartbeats of four sessions in twenty seconds");
    if matches!(trouble, Trouble::Hangs) {
        assert!(proxy.longest_wait() < GIVES_UP, "{:?}", proxy.longest_wait());
    }
    eprintln!("{} questions while the queue was away for 20 s ({trouble:?})", asked.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_while_the_queue_is_away_leaves_what_it_heard_to_the_next() {
    tokio::join!(
        a_worker_stops_while_the_queue_is_away(Trouble::Refuses),
        a_worker_stops_while_the_queue_is_away(Trouble::Hangs)
    );
}

async fn a_worker_stops_while_the_queue_is_away(trouble: Trouble) {
    let world = World::new(|_| {}).await;
    let proxy = Proxy::before(&world.aws).await;
    let mut worker = world.worker_with(&[("AWS_ENDPOINT_URL", proxy.url().as_str())]);
    world.until_shared(&[4]).await;
    let load = world.people_ask_every(SELDOM);
    tokio::time::sleep(A_WHILE).await;
    proxy.set(Some((QUEUES, trouble)));
    tokio::time::sleep(A_WHILE).await;
    let took = worker.stops().await;
    assert!(took < EXIT, "a container is killed after twenty seconds, and this took {took:?}");
    let next = world.worker();
    world.until_shared(&[4]).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    eprintln!("{} questions; the exit without a queue ({trouble:?}) took {took:?}", asked.len());
    drop(next);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_away_stops_who_cannot_reach_it_and_loses_nothing() {
    tokio::join!(the_table_is_away_for_a_minute(), the_table_hangs_for_one_worker());
}

async fn the_table_is_away_for_a_minute() {
    let world = World::new(|_| {}).await;
    let proxy = Proxy::before(&world.aws).await;
    let through = proxy.url();
    let workers = [0, 1].map(|_| world.worker_with(&[("AWS_ENDPOINT_URL", through.as_str())]));
    world.until_shared(&[2, 2]).await;
    world.until_at_rest().await;
    let changes = world.changes_of_hands().await;
    let load = world.people_ask_every(SELDOM);
    tokio::time::sleep(A_WHILE).await;
    proxy.set_for(Duration::from_mins(1), TABLE, Trouble::Refuses).await;
    let back = Instant::now();
    world.until_shared(&[2, 2]).await;
    let back = back.elapsed();
    world.until_at_rest().await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    let record = world.discord.gateway().record();
    assert_eq!(record.identifies.len(), 4, "sessions are resumed; none is begun anew");
    // Whoever comes first may take what the other one had, and give it back.
    let changes = world.changes_of_hands().await - changes;
    assert!((4..=4 * 4).contains(&changes), "sessions changed hands {changes} times");
    assert!(record.resumes.len() <= 4 * 4, "{} resumes", record.resumes.len());
    eprintln!(
        "{} questions while the table was away for a minute: back after {back:?}, {changes} changes of hands, {} resumes",
        asked.len(),
        record.resumes.len()
    );
    drop(workers);
}

async fn the_table_hangs_for_one_worker() {
    let world = World::new(|settings| settings.heartbeat = Duration::from_secs(3)).await;
    let proxy = Proxy::before(&world.aws).await;
    let (cut_off, other) = (world.worker_with(&[("AWS_ENDPOINT_URL", proxy.url().as_str())]), world.worker());
    world.until_shared(&[2, 2]).await;
    world.until_at_rest().await;
    let before = world.leases().await;
    let load = world.people_ask_every(SELDOM);
    tokio::time::sleep(A_WHILE).await;
    let began = Instant::now();
    proxy.set(Some((TABLE, Trouble::Hangs)));
    world.until_shared(&[4]).await;
    let took = began.elapsed();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(cut_off.says("has taken no sign of life"), "it has stopped by itself");
    let now = world.leases().await;
    let kept = |key| before.iter().find(|lease| lease.key == key).map(|lease| (&lease.owner, lease.fence));
    let undisturbed: Vec<u64> = now
        .iter()
        .filter(|lease| kept(lease.key) == Some((&lease.owner, lease.fence)))
        .map(|lease| u64::from(lease.key.shard))
        .collect();
    assert_eq!(undisturbed.len(), 2, "{before:?} became {now:?}");
    let closes = world.discord.gateway().record().closes;
    let is_disturbed = |shard: Option<(u64, u64)>| shard.is_none_or(|(shard, _)| undisturbed.contains(&shard));
    assert!(!closes.iter().any(|close| is_disturbed(close.shard)), "{closes:?}");
    proxy.set(None);
    world.until_shared(&[2, 2]).await;
    world.until_at_rest().await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    let fences: Vec<u64> = world.leases().await.iter().map(|lease| lease.fence).collect();
    assert!(took < TAKEN_OVER_WITHIN, "{took:?}");
    assert!(proxy.longest_wait() < GIVES_UP, "{:?}", proxy.longest_wait());
    eprintln!(
        "{} questions while the table hung for one of two workers: taken over after {took:?}, given up after {:?}, \
         fences {fences:?}",
        asked.len(),
        proxy.longest_wait()
    );
    drop(other);
}
