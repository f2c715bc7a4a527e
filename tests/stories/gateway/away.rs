//! The table takes nothing for a while, and so the queue accepts nothing: memory has an end, and nothing is lost.

use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::json;
use tests::fake_discord::By;
use tests::server::eventually;
use tests::world::{SOON, Start, World};

use super::{crowd, wait_for_answers};
use crate::stories::redelivery::settled;
use crate::stories::trouble::disk;

/// For how long nothing can be written.
const AWAY: Duration = Duration::from_secs(20);

/// More than waits in memory for the queue.
const OVERHEARD: usize = 5_500;

/// What waits takes some kilobytes each; the machine's own needs vary by more than that.
const MOST_KIB: u64 = 100 * 1024;

/// A world that overhears everything and, without a model, answers only what it is asked.
async fn listening() -> World {
    let start = Start { without_model: true, without_rate_limits: true, ..Start::default() };
    let world = World::start(start).await;
    world.knows("Zephyr manual", "The warranty lasts 31 months.").await;
    let gateway = world.discord.gateway();
    gateway.wait_until_connected(1, SOON).await;
    // From the next connection on. A heartbeat that is half an interval late is the end of it.
    gateway.set(|settings| settings.heartbeat = Duration::from_secs(1));
    let all = json!({"response_mode": {"mode": "all_messages"}});
    let (status, _) =
        world.api(Method::PATCH, &format!("/guilds/{}/settings", world.discord.guild_id()), Some(all)).await;
    assert_eq!(status, 200);
    eventually(SOON, async || (gateway.record().identifies.len() == 2).then_some(())).await;
    gateway.wait_until_connected(1, SOON).await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_away_loses_nothing() {
    let mut world = listening().await;
    let gateway = world.discord.gateway();
    let askers = crowd(&world.discord, 5, 2);
    let mut asked = Vec::new();
    let everybody_asks = |asked: &mut Vec<u64>| {
        asked.extend(askers.iter().map(|person| person.tells_bot("how long is the warranty?")));
    };
    everybody_asks(&mut asked);
    wait_for_answers(&world, asked.len(), SOON).await;
    let crowd = crowd(&world.discord, 55, OVERHEARD / 55);
    let (before, resumes) = (world.guildhall.resident_kib().unwrap(), gateway.record().resumes.len());

    let began = Instant::now();
    disk(&world, "1").await;
    everybody_asks(&mut asked);
    for person in &crowd {
        person.says("does anybody know how to reset a password?");
    }
    // Too much waits: the session is left in a way in which it can be resumed.
    let left = |by| gateway.record().closes.iter().filter(|close| close.by == by).count();
    let closes = left(By::Client);
    eventually(SOON, async || gateway.connected().is_empty().then_some(())).await;
    let closed_after = began.elapsed();
    everybody_asks(&mut asked);
    let mut most = 0;
    while began.elapsed() < AWAY {
        most = most.max(world.guildhall.resident_kib().unwrap());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!((gateway.connected().len(), left(By::Client) - closes), (0, 1), "nothing is read that cannot be kept");
    assert_eq!(gateway.record().closes.iter().rfind(|close| close.by == By::Client).unwrap().code, Some(4_000));
    assert!(most - before < MOST_KIB, "{before} KiB grew to {most}");

    disk(&world, "unlimited").await;
    wait_for_answers(&world, asked.len(), SOON * 2).await;
    let answered_after = began.elapsed().saturating_sub(AWAY);
    let record = gateway.record();
    assert_eq!((record.identifies.len(), record.resumes.len() - resumes), (2, 1));
    assert_eq!(left(By::Discord), 0, "no heartbeat was late");

    // Once more, and what was in memory dies with the process.
    disk(&world, "1").await;
    everybody_asks(&mut asked);
    eventually(SOON, async || gateway.sequences().iter().all(|(_, newest, sent)| newest == sent).then_some(())).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.restart().await;
    wait_for_answers(&world, asked.len(), SOON).await;

    assert_eq!(settled(&mut world).await, u32::try_from(asked.len()).unwrap());
    for message in &asked {
        assert_eq!(world.discord.replies_to(*message).len(), 1);
    }
    assert_eq!(world.discord.bot_messages().len(), asked.len(), "nobody else was answered");
    assert_eq!(gateway.record().identifies.len(), 2);
    assert_eq!(gateway.violations(), Vec::<String>::new());
    eprintln!(
        "{OVERHEARD} overheard and {} asked; nothing written for {AWAY:?}: closed after {closed_after:?}, {before} KiB grew to \
         {most} KiB, everything answered {answered_after:?} after its end; {} events replayed",
        asked.len(),
        record.resumes.iter().map(|resume| resume.replayed).sum::<u64>(),
    );
    world.is_quiet();
}
