//! Sessions give way to newer ones while the queue is away: what they have heard is theirs to pass on.

use std::time::Duration;

use guildhall::settings::{GuildSettings, ResponseMode};
use jiff::Timestamp;
use tests::server::eventually;

use super::proxy::{Proxy, QUEUES, Trouble};
use super::world::{Load, PATIENCE, SELDOM, World};

/// People go on asking for so long before the next thing happens.
const A_WHILE: Duration = Duration::from_secs(1);

/// What a worker has to end within.
const EXIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_end_while_the_queue_is_away_lose_nothing() {
    tokio::join!(
        all_messages_are_switched_on_while_the_queue_is_away(),
        a_worker_stops_before_its_sessions_have_ended()
    );
}

async fn all_messages_are_switched_on_while_the_queue_is_away() {
    let world = World::new(|_| {}).await;
    let proxy = Proxy::before(&world.aws).await;
    let worker = world.worker_through(&proxy);
    let load = switched_without_a_queue(&world, &proxy).await;
    // Counted from here on: longer than anybody would wait who had not been told to.
    tokio::time::sleep(Duration::from_secs(20)).await;
    proxy.set(None);
    tokio::time::sleep(A_WHILE).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    until_only_newer_ones_are_left(&world).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4 + 4);
    eprintln!("{} questions while all messages were switched on without a queue", asked.len());
    drop(worker);
}

async fn a_worker_stops_before_its_sessions_have_ended() {
    let world = World::new(|_| {}).await;
    let proxy = Proxy::before(&world.aws).await;
    let mut worker = world.worker_through(&proxy);
    let load = switched_without_a_queue(&world, &proxy).await;
    tokio::time::sleep(A_WHILE).await;
    let took = worker.stops().await;
    assert!(took < EXIT, "a container is killed after twenty seconds, and this took {took:?}");
    proxy.set(None);
    let next = world.worker();
    until_only_newer_ones_are_left(&world).await;
    let asked = load.stop().await;
    // What two sessions of a server are sent again may come in any order.
    world.each_is_answered(&asked).await;
    assert_eq!(world.discord.gateway().record().identifies.len(), 4 + 4, "the old ones are resumed to be heard out");
    eprintln!("{} questions; the exit amid sessions that were to end took {took:?}", asked.len());
    drop(next);
}

/// People ask a worker, the queue goes away, and all messages are switched on: newer sessions are ready beside the old ones.
async fn switched_without_a_queue(world: &World, proxy: &Proxy) -> Load {
    world.until_shared(&[4]).await;
    world.until_at_rest().await;
    let load = world.people_ask_every(SELDOM);
    proxy.set(Some((QUEUES, Trouble::Refuses)));
    tokio::time::sleep(A_WHILE).await;
    switch_all_messages_on(world).await;
    until_newer_ones_are_ready(world).await;
    load
}

async fn switch_all_messages_on(world: &World) {
    let store = world.aws.store();
    for guild in world.guilds() {
        let mut guild = store.guild(guild).await.expect("the table answers").expect("it is connected");
        let response_mode = ResponseMode::AllMessages { smart: false, channel_context: false };
        guild.settings = GuildSettings { response_mode, ..guild.settings };
        guild.version += 1;
        assert!(store.put_guild(&guild, Timestamp::now()).await.expect("the table takes a server"));
    }
}

async fn until_newer_ones_are_ready(world: &World) {
    eventually(PATIENCE, async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let leases = world.leases().await;
        (leases.iter().filter(|lease| lease.key.generation == 1 && lease.state.ready).count() == 4).then_some(())
    })
    .await;
}

async fn until_only_newer_ones_are_left(world: &World) {
    eventually(PATIENCE, async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let leases = world.leases().await;
        let are_new = leases.iter().all(|lease| lease.key.generation == 1 && lease.state.ready);
        (leases.len() == 4 && are_new).then_some(())
    })
    .await;
}
