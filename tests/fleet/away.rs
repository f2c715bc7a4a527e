//! The queue or the table is away, or takes what it is sent and never answers.

use std::time::{Duration, Instant};

use super::proxy::{Proxy, QUEUES, TABLE, Trouble};
use super::world::{SELDOM, TAKEN_OVER_WITHIN, World};

/// What a worker may wait for an answer: the limit of one attempt is three seconds.
const GIVES_UP: Duration = Duration::from_secs(10);

/// What a worker has to end within.
const EXIT: Duration = Duration::from_secs(20);

const A_WHILE: Duration = Duration::from_secs(1);

/// Worlds side by side, within the minute of the longest: most of this is waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_table_or_the_queue_is_away_nothing_is_lost() {
    tokio::join!(the_table_is_away_for_a_minute(), the_table_hangs_for_one_worker(), async {
        tokio::join!(the_queue_is_away(Trouble::Refuses), the_queue_is_away(Trouble::Hangs));
        tokio::join!(
            a_worker_stops_while(QUEUES, Trouble::Refuses),
            a_worker_stops_while(QUEUES, Trouble::Hangs),
            a_worker_stops_while(TABLE, Trouble::Hangs),
        );
    });
}

async fn the_table_is_away_for_a_minute() {
    let world = World::new(|_| {}).await;
    let proxy = Proxy::before(&world.aws).await;
    let workers = [world.worker_through(&proxy), world.worker_through(&proxy)];
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
    let (cut_off, other) = (world.worker_through(&proxy), world.worker());
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

async fn the_queue_is_away(trouble: Trouble) {
    // Of its own accord, Discord would leave soon.
    let world = World::new(|settings| settings.heartbeat = Duration::from_secs(3)).await;
    let proxy = Proxy::before(&world.aws).await;
    let worker = world.worker_through(&proxy);
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

/// What it has heard it leaves to the next one.
async fn a_worker_stops_while(service: &'static str, trouble: Trouble) {
    let world = World::new(|_| {}).await;
    let proxy = Proxy::before(&world.aws).await;
    let mut worker = world.worker_through(&proxy);
    world.until_shared(&[4]).await;
    let load = world.people_ask_every(SELDOM);
    tokio::time::sleep(A_WHILE).await;
    proxy.set(Some((service, trouble)));
    tokio::time::sleep(A_WHILE).await;
    let took = worker.stops().await;
    assert!(took < EXIT, "a container is killed after twenty seconds, and this took {took:?}");
    let next = world.worker();
    world.until_shared(&[4]).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    eprintln!("{} questions; the exit without {service} ({trouble:?}) took {took:?}", asked.len());
    drop(next);
}
