//! One session or one job is bad: it holds nobody else up.

use std::time::Duration;

use guildhall::store::SessionNotice;
use tests::fake_discord::GatewayFault;
use tests::server::eventually;
use twilight_model::id::Id;

use super::proxy::Proxy;
use super::world::{Asked, PATIENCE, SELDOM, World};

/// Whose session is bad.
const BAD: u64 = 0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_one_session_the_others_go_on() {
    let world = World::new(|_| {}).await;
    let mut workers = [world.worker(), world.worker()];
    world.until_shared(&[2, 2]).await;
    world.until_at_rest().await;
    let gateway = world.discord.gateway();
    let others_left = || gateway.record().closes.iter().filter(|close| close.shard != Some((BAD, 4))).count();
    let load = world.people_ask_every(SELDOM);
    for (fault, ends) in [
        (GatewayFault::HugeGuild(10 << 20), false),
        (GatewayFault::NonsenseEvent, false),
        (GatewayFault::CorruptZstd, true),
        (GatewayFault::Close(4_000), true),
    ] {
        let closes = gateway.record().closes.len();
        assert_eq!(gateway.now_on(BAD, &fault), 1, "{fault:?}");
        if ends {
            eventually(PATIENCE, async || (gateway.record().closes.len() > closes).then_some(())).await;
            gateway.wait_until_connected(4, PATIENCE).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(gateway.record().closes.len() - closes, usize::from(ends), "{fault:?}");
    }
    let mut asked = load.stop().await;
    world.until_answered(&asked).await;

    // Discord would not have this one any more. Neither worker tries it again, and both go on with the others.
    assert_eq!(gateway.now_on(BAD, &GatewayFault::Close(4_004)), 1);
    eventually(PATIENCE, async || {
        let leases = world.leases().await;
        leases.iter().any(|lease| lease.key.shard == 0 && lease.state.stopped.is_some()).then_some(())
    })
    .await;
    let identifies = gateway.record().identifies.len();
    let elsewhere = |n: usize| -> Asked { world.ask_outside(BAD, n) };
    for n in 0..20 {
        asked.push(elsewhere(n));
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    world.until_answered(&asked).await;
    assert_eq!(gateway.connected(), [(1, 4), (2, 4), (3, 4)]);
    assert_eq!((gateway.record().identifies.len(), others_left()), (identifies, 0));
    let refused: Vec<usize> = (0..2).filter(|&n| workers[n].says("the session is stopped")).collect();
    assert_eq!(refused.len(), 1, "one has tried, and says so");

    // With the one that was refused gone, perhaps somebody has repaired it.
    workers[refused[0]].stops().await;
    world.until_shared(&[4]).await;
    asked.extend((0..8).map(|n| world.ask(n)));
    world.all_is_answered(&asked).await;
    eprintln!("{} questions beside a session that is bad", asked.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teams_bot_whose_token_is_refused_stops_alone() {
    let world = World::new(|_| {}).await;
    let key = world.key().await;
    let workers = [(); 2].map(|()| world.worker_with(&[("KMS_KEY_ID", &key.id)]));
    world.until_shared(&[2, 2]).await;
    world.until_at_rest().await;
    let load = world.people_ask_every(SELDOM);
    let custom = Id::new(world.team_brings_a_bot(&key).await);
    let gateway = world.discord.gateway_of(custom.get());
    gateway.wait_until_connected(1, PATIENCE).await;
    world.discord.resets_token(custom.get());
    let lease = eventually(PATIENCE, async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let leases = world.aws.store().leases_of(custom).await.expect("the table answers");
        leases.into_iter().find(|lease| lease.state.stopped.is_some() && lease.owner.is_none())
    })
    .await;
    assert_eq!((lease.state.notice, lease.state.session_id), (Some(SessionNotice::TokenRefused), None));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    let tries = gateway.record();
    assert_eq!((tries.identifies.len(), tries.resumes.len()), (1, 0), "it is not tried again");
    assert_eq!(gateway.violations(), Vec::<String>::new());
    let said = || workers.iter().flat_map(|worker| worker.process.lines());
    let lines: Vec<String> = said().filter(|line| line.contains(r#""level":"ERROR""#)).collect();
    let [line] = &lines[..] else { panic!("not one line that says what to do: {lines:#?}") };
    assert!(line.contains("make a new one in the developer portal") && line.contains(&custom.to_string()), "{line}");
    let others = world.discord.gateway().record();
    assert_eq!((others.closes.len(), others.identifies.len()), (0, 4), "the others go on undisturbed");
    eprintln!("{} questions beside a team's bot whose token is refused", asked.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_the_queue_never_takes_is_given_up() {
    let world = World::new(|_| {}).await;
    let proxy = Proxy::before(&world.aws).await;
    proxy.never_takes("unspeakable");
    let worker = world.worker_through(&proxy);
    world.until_shared(&[4]).await;
    let load = world.people_ask_every(SELDOM);
    for person in &world.people {
        tokio::time::sleep(Duration::from_millis(300)).await;
        person.tells_bot("is this unspeakable?");
    }
    let asked = load.stop().await;
    world.all_is_answered(&asked).await;
    world.until_settled().await;
    let given_up = worker.process.lines().into_iter().filter(|line| line.contains("can never be passed on"));
    assert_eq!(given_up.count(), world.people.len(), "each is told once");
    assert_eq!(world.discord.gateway().record().closes.len(), 0);
}
