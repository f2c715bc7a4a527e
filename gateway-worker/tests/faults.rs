//! A worker and everything that can go wrong with a gateway, one after the other.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by falling")]

use gateway_worker::{Application, Options, Outside, run};
use guildhall::account::Plan;
use guildhall::config::Config;
use guildhall::store::{SessionNotice, SessionState};
use standalone::house::{House, Work};
use std::time::{Duration, Instant};
use tests::fake_discord::{FakeDiscord, GatewayFault};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use twilight_model::id::Id;

const PATIENCE: Duration = Duration::from_secs(30);

struct World {
    discord: FakeDiscord,
    house: House,
    stop: CancellationToken,
    worker: tokio::task::JoinHandle<anyhow::Result<()>>,
    _data: tempfile::TempDir,
}

impl World {
    async fn new(discord: FakeDiscord) -> Self {
        let environment = discord.environment();
        let value = |name: &str| environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let config = Config::from_vars(&value).unwrap();
        let data = tempfile::tempdir().unwrap();
        let house = House::open(&config, data.path(), Plan::Pro, Work::Everything).await.unwrap();
        let application = Application {
            id: Id::new(discord.application_id()),
            token: discord.token().to_owned().into(),
            shards: None,
        };
        let (_, applications) = watch::channel(vec![application]);
        let options = Options { applications, alone: true, linger: Duration::ZERO, listen: None };
        let stop = CancellationToken::new();
        let worker = tokio::spawn(run(Outside::of(&house.bot).unwrap(), options, stop.clone()));
        Self { discord, house, stop, worker, _data: data }
    }

    async fn state(&self) -> Option<SessionState> {
        self.house.bot.store.leases().await.unwrap().into_iter().next().map(|lease| lease.state)
    }

    async fn until(&self, what: &str, is_so: impl Fn(&SessionState) -> bool) {
        let began = Instant::now();
        loop {
            let state = self.state().await;
            if state.as_ref().is_some_and(&is_so) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "never {what}: {state:#?}, {:?}", self.discord.gateway().sequences());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Something is said, and it is done with.
    async fn keeps_up(&self, after: &str) {
        self.discord.gateway().wait_until_connected(1, PATIENCE).await;
        self.discord.gateway().dispatch(0, "SOMETHING", &serde_json::json!({}));
        self.until(&format!("up to date after {after}"), |state| {
            let sequences = self.discord.gateway().sequences();
            sequences.iter().any(|&(_, newest, sent)| newest == sent && newest == state.seq)
        })
        .await;
    }
}

async fn quick() -> FakeDiscord {
    let discord = FakeDiscord::start().await;
    discord.gateway().set(|settings| {
        settings.heartbeat = Duration::from_millis(400);
        settings.sends_per_minute = 10_000;
    });
    discord
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_of_the_gateway_stops_a_session() {
    let world = World::new(quick().await).await;
    let gateway = world.discord.gateway();
    world.keeps_up("the start").await;
    let faults = [
        GatewayFault::NotJson,
        GatewayFault::UnknownOp,
        GatewayFault::UnknownEvent,
        GatewayFault::NonsenseEvent,
        GatewayFault::RepeatSequence,
        GatewayFault::AskHeartbeat,
        GatewayFault::HugeGuild(10 << 20),
        GatewayFault::CorruptZstd,
        GatewayFault::Reconnect,
        GatewayFault::Cut,
        GatewayFault::Close(4000),
        GatewayFault::Silence,
        GatewayFault::InvalidSession(true),
    ];
    for fault in faults {
        assert_eq!(gateway.now(&fault), 1, "{fault:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.keeps_up(&format!("{fault:?}")).await;
    }
    assert_eq!(gateway.record().identifies.len(), 1, "all of this is resumed");
    world.stop.cancel();
    world.worker.await.unwrap().unwrap();
    assert_eq!(gateway.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_resumed_is_begun_anew() {
    let world = World::new(quick().await).await;
    let gateway = world.discord.gateway();
    world.keeps_up("the start").await;
    for fault in [GatewayFault::InvalidSession(false), GatewayFault::Close(4009)] {
        let before = gateway.record().identifies.len();
        assert_eq!(gateway.now(&fault), 1);
        let began = Instant::now();
        while gateway.record().identifies.len() == before {
            assert!(began.elapsed() < PATIENCE, "no new session after {fault:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        world.until("ready again", |state| state.session_id.is_some()).await;
    }
    gateway.next(GatewayFault::NoResumeUrl);
    gateway.now(&GatewayFault::InvalidSession(false));
    let resumes = gateway.record().resumes.len();
    let began = Instant::now();
    while gateway.record().resumes.len() == resumes {
        assert!(began.elapsed() < PATIENCE, "a session without an address was not resumed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.stop.cancel();
    world.worker.await.unwrap().unwrap();
    assert_eq!(gateway.violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn intents_that_are_refused_are_told() {
    let world = World::new(quick().await).await;
    world.keeps_up("the start").await;
    world.discord.gateway().now(&GatewayFault::Close(4014));
    world.until("stopped", |state| state.stopped.is_some()).await;
    assert_eq!(world.state().await.unwrap().notice, Some(SessionNotice::IntentsRefused));
    world.stop.cancel();
    world.worker.await.unwrap().unwrap();
}
