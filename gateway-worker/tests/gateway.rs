//! Workers on one table, with a gateway that says what the test tells it to.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by falling")]

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway_worker::{Application, Options, Outside, content, run};
use guildhall::account::Plan;
use guildhall::bot::Bot;
use guildhall::config::Config;
use guildhall::dashboard::auth::Access;
use guildhall::ids::AccountId;
use guildhall::settings::{Guild, GuildSettings, ResponseMode};
use guildhall::store::{Lease, SessionNotice};
use jiff::Timestamp;
use serde_json::{Value, json};
use standalone::house::{House, Work};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use twilight_model::id::Id;

/// What clients said: `identify` or `resume`, with its data.
type Heard = Arc<Mutex<Vec<(&'static str, Value)>>>;

#[derive(Clone)]
struct Gateway {
    address: String,
    shards: Arc<AtomicU32>,
    heard: Heard,
    say: broadcast::Sender<Message>,
    ready: Arc<Mutex<Value>>,
}

impl Gateway {
    async fn start(shards: u32) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let ready =
            json!({"session_id": "first", "resume_gateway_url": format!("ws://{address}"), "user": {"id": "5"}});
        let gateway = Self {
            address,
            shards: Arc::new(AtomicU32::new(shards)),
            heard: Heard::default(),
            say: broadcast::channel(64).0,
            ready: Arc::new(Mutex::new(ready)),
        };
        let app = Router::new()
            .route("/api/v10/gateway/bot", get(bot))
            .route("/api/v10/users/@me/guilds", get(guilds))
            .route("/api/v10/channels/{channel}/messages", post(posted))
            .route("/", get(upgrade))
            .with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        gateway
    }

    fn heard(&self, what: &str) -> Vec<Value> {
        self.heard.lock().unwrap().iter().filter(|(kind, _)| *kind == what).map(|(_, data)| data.clone()).collect()
    }

    fn says(&self, frame: &Value) {
        self.say.send(Message::Text(frame.to_string().into())).unwrap();
    }

    fn closes(&self, code: u16) {
        self.say.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).unwrap();
    }
}

fn application() -> Application {
    Application::shared(Id::new(5), "token".to_owned().into(), None)
}

async fn bot(State(gateway): State<Gateway>) -> Json<Value> {
    Json(json!({
        "url": format!("ws://{}", gateway.address), "shards": gateway.shards.load(Ordering::Relaxed),
        "session_start_limit": {"total": 1000, "remaining": 900, "reset_after": 1000, "max_concurrency": 16},
    }))
}

async fn posted(State(gateway): State<Gateway>, Json(message): Json<Value>) -> Json<Value> {
    gateway.heard.lock().unwrap().push(("post", message));
    Json(json!({"id": "77", "channel_id": "20"}))
}

async fn guilds(State(gateway): State<Gateway>) -> Json<Value> {
    gateway.heard.lock().unwrap().push(("guilds", Value::Null));
    Json(json!([{"id": "10", "name": "workshop"}]))
}

async fn upgrade(State(gateway): State<Gateway>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| serve(gateway, socket))
}

async fn serve(gateway: Gateway, mut socket: WebSocket) {
    let mut said = gateway.say.subscribe();
    let text = |value: Value| Message::Text(value.to_string().into());
    let _ = socket.send(text(json!({"op": 10, "s": null, "t": null, "d": {"heartbeat_interval": 1000}}))).await;
    loop {
        let answer = tokio::select! {
            Ok(message) = said.recv() => message,
            received = socket.recv() => {
                let Some(Ok(Message::Text(frame))) = received else { return };
                let frame: Value = serde_json::from_str(&frame).unwrap();
                match frame["op"].as_u64() {
                    Some(1) => text(json!({"op": 11})),
                    Some(2) => {
                        gateway.heard.lock().unwrap().push(("identify", frame["d"].clone()));
                        let ready = gateway.ready.lock().unwrap().clone();
                        text(json!({"op": 0, "s": 1, "t": "READY", "d": ready}))
                    }
                    Some(6) => {
                        gateway.heard.lock().unwrap().push(("resume", frame["d"].clone()));
                        let seq = frame["d"]["seq"].as_u64().unwrap() + 1;
                        text(json!({"op": 0, "s": seq, "t": "RESUMED", "d": {}}))
                    }
                    _ => continue,
                }
            }
        };
        let is_last = matches!(answer, Message::Close(_));
        if socket.send(answer).await.is_err() || is_last {
            return;
        }
    }
}

struct World {
    house: House,
    _data: tempfile::TempDir,
}

impl World {
    async fn new(gateway: &Gateway) -> Self {
        let data = tempfile::tempdir().unwrap();
        let key = hex::encode(ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().as_bytes());
        let variable = |name: &str| match name {
            "DISCORD_TOKEN" => Some("token".to_owned()),
            "DISCORD_APPLICATION_ID" => Some("5".to_owned()),
            "DISCORD_PUBLIC_KEY" => Some(key.clone()),
            "DISCORD_API_URL" => Some(format!("http://{}", gateway.address)),
            _ => None,
        };
        let config = Config::from_vars(&variable).unwrap();
        let house = House::open(&config, data.path(), Plan::Pro, Work::Everything, Access::default()).await.unwrap();
        Self { house, _data: data }
    }

    async fn leases(&self) -> Vec<Lease> {
        self.house.bot.store.leases().await.unwrap()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&[Lease]) -> bool) -> Vec<Lease> {
        let began = Instant::now();
        loop {
            let leases = self.leases().await;
            if is_so(&leases) {
                return leases;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "never: {what}; {leases:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn options(application: Application, alone: bool) -> Options {
    let (_, applications) = watch::channel(vec![application]);
    Options { applications, alone, linger: Duration::ZERO, content_kept: content::KEPT, listen: None }
}

/// A worker on a thread of its own, which can be made to sleep as SIGSTOP would.
struct Worker {
    stop: CancellationToken,
    sleep: tokio::sync::mpsc::UnboundedSender<Duration>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Worker {
    fn start(bot: Arc<Bot>, options: Options) -> Self {
        let stop = CancellationToken::new();
        let (sleep, mut sleeps) = tokio::sync::mpsc::unbounded_channel();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                tokio::spawn(async move {
                    while let Some(time) = sleeps.recv().await {
                        std::thread::sleep(time);
                    }
                });
                run(Outside::of(&bot).unwrap(), options, stopped).await.unwrap();
            });
        });
        Self { stop, sleep, thread: Some(thread) }
    }

    async fn stops(mut self) {
        self.stop.cancel();
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
    }
}

fn owners(leases: &[Lease]) -> HashSet<String> {
    leases.iter().filter_map(|lease| lease.owner.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_resumed_where_its_events_were_done_with() {
    let gateway = Gateway::start(1).await;
    let world = World::new(&gateway).await;
    let first = Worker::start(Arc::clone(&world.house.bot), options(application(), true));
    world.until("ready", |leases| leases.iter().any(|lease| lease.state.ready)).await;
    gateway.says(&json!({"op": 0, "s": 2, "t": "SOMETHING", "d": {}}));
    gateway.says(&json!({"op": 0, "s": 3, "t": "SOMETHING", "d": {}}));
    world.until("its progress is saved", |leases| leases[0].state.seq == 3).await;
    first.stops().await;
    let lease = world.leases().await.remove(0);
    assert_eq!((lease.owner, lease.state.session_id.as_deref()), (None, Some("first")));

    let second = Worker::start(Arc::clone(&world.house.bot), options(application(), true));
    world
        .until("ready again", |leases| leases[0].owner.is_some() && leases[0].state.ready && leases[0].state.seq == 4)
        .await;
    assert_eq!(gateway.heard("resume")[0]["seq"], 3);
    assert_eq!(gateway.heard("identify").len(), 1);

    // Frames that are none, and a reason to come again.
    gateway.says(&json!({"op": 0, "s": null, "t": null}));
    gateway.says(&json!({"op": 7, "d": null}));
    world.until("resumed", |_| gateway.heard("resume").len() == 2).await;
    assert_eq!(gateway.heard("resume")[1]["seq"], 4);
    world.until("ready", |leases| leases[0].state.seq == 5).await;
    gateway.says(&json!({"op": 9, "d": false}));
    world.until("begun anew", |_| gateway.heard("identify").len() == 2).await;
    second.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_without_an_address_is_resumed_through_the_general_one() {
    let gateway = Gateway::start(1).await;
    let world = World::new(&gateway).await;
    *gateway.ready.lock().unwrap() = json!({"session_id": "bare"});
    let worker = Worker::start(Arc::clone(&world.house.bot), options(application(), true));
    world.until("resumed", |_| gateway.heard("resume").len() == 1).await;
    assert_eq!(gateway.heard("resume")[0]["session_id"], "bare");
    assert_eq!(gateway.heard("identify").len(), 1);
    worker.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_not_tried_again() {
    let gateway = Gateway::start(1).await;
    let world = World::new(&gateway).await;
    let worker = Worker::start(Arc::clone(&world.house.bot), options(application(), true));
    world.until("ready", |leases| leases.iter().any(|lease| lease.state.ready)).await;
    gateway.closes(4004);
    let leases = world.until("stopped", |leases| leases[0].state.stopped.is_some() && leases[0].owner.is_none()).await;
    assert_eq!(leases[0].state.notice, Some(SessionNotice::TokenRefused));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((gateway.heard("identify").len(), gateway.heard("resume").len()), (1, 0));
    worker.stops().await;
}

/// Somebody has begun to ask, and what comes next would belong to it.
fn begins_to_ask() -> Value {
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap() - 1_420_070_400_000;
    json!({"op": 0, "s": 2, "t": "MESSAGE_CREATE", "d": {
        "id": (now << 22).to_string(), "channel_id": "20", "type": 0, "content": "hello,",
        "author": {"id": "40", "username": "ann"}, "mentions": [], "mention_roles": [],
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_before_a_session_was_lost_is_passed_on_when_the_worker_goes() {
    for code in [None, Some(4004)] {
        let gateway = Gateway::start(1).await;
        let world = World::new(&gateway).await;
        let worker = Worker::start(Arc::clone(&world.house.bot), options(application(), true));
        world.until("ready", |leases| leases.iter().any(|lease| lease.state.ready)).await;
        gateway.says(&begins_to_ask());
        match code {
            None => gateway.says(&json!({"op": 9, "d": false})),
            Some(code) => gateway.closes(code),
        }
        world.until("the session is lost", |leases| leases[0].state.session_id.is_none()).await;
        worker.stops().await;
        world.until("it is answered", |_| !gateway.heard("post").is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_makes_no_sense_changes_nothing() {
    let gateway = Gateway::start(1).await;
    let world = World::new(&gateway).await;
    let first = Worker::start(Arc::clone(&world.house.bot), options(application(), true));
    world.until("ready", |leases| leases.iter().any(|lease| lease.state.ready)).await;
    first.stops().await;
    gateway.shards.store(u32::MAX, Ordering::Relaxed);
    let second = Worker::start(Arc::clone(&world.house.bot), options(application(), true));
    world.until("resumed", |leases| gateway.heard("resume").len() == 1 && leases[0].owner.is_some()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.leases().await.len(), 1);
    second.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_is_asked_for_as_long_as_a_server_needs_it() {
    const KEPT: Duration = Duration::from_millis(600);
    let gateway = Gateway::start(1).await;
    let world = World::new(&gateway).await;
    let store = &world.house.bot.store;
    let set = async |version, response_mode| {
        let settings = GuildSettings { response_mode, ..GuildSettings::default() };
        let guild = Guild { settings, version, ..Guild::new(Id::new(10), AccountId::local()) };
        assert!(store.put_guild(&guild, Timestamp::now()).await.unwrap());
    };
    let intents = || {
        let heard = gateway.heard("identify");
        heard.iter().map(|data| data["intents"].as_u64().unwrap() & (1 << 15) != 0).collect::<Vec<bool>>()
    };
    set(1, ResponseMode::AllMessages { smart: true, channel_context: false }).await;
    let worker =
        Worker::start(Arc::clone(&world.house.bot), Options { content_kept: KEPT, ..options(application(), true) });
    world.until("ready", |leases| leases.iter().any(|lease| lease.state.ready)).await;
    gateway.says(&json!({"op": 0, "s": 2, "t": "GUILD_CREATE", "d": {"id": "10"}}));
    let is_alone = |leases: &[Lease], generation| matches!(leases, [lease] if lease.key.generation == generation && lease.state.ready);
    world.until("it is asked for", |leases| is_alone(leases, 1)).await;
    assert_eq!(intents(), [false, true]);
    // The new session has heard of no server, and yet there is one that needs it.
    world.until("it is asked whether that is so", |_| gateway.heard("guilds").len() == 2).await;
    assert_eq!(intents(), [false, true]);
    set(2, ResponseMode::Mention).await;
    world.until("it is given up", |leases| is_alone(leases, 2)).await;
    assert_eq!(intents(), [false, true, false]);
    // And asked for again.
    set(3, ResponseMode::AllMessages { smart: true, channel_context: false }).await;
    gateway.says(&json!({"op": 0, "s": 2, "t": "GUILD_CREATE", "d": {"id": "10"}}));
    world.until("it is asked for again", |leases| is_alone(leases, 3)).await;
    assert_eq!(intents(), [false, true, false, true]);
    worker.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_sessions_and_take_over_from_one_that_sleeps() {
    let gateway = Gateway::start(4).await;
    let world = World::new(&gateway).await;
    let a = Worker::start(Arc::clone(&world.house.bot), options(application(), false));
    world.until("a has all", |leases| leases.len() == 4 && leases.iter().all(|lease| lease.state.ready)).await;
    let b = Worker::start(Arc::clone(&world.house.bot), options(application(), false));
    let shared = |leases: &[Lease]| {
        let of = |owner: &String| leases.iter().filter(|lease| lease.owner.as_ref() == Some(owner)).count();
        let owners = owners(leases);
        owners.len() == 2 && owners.iter().all(|owner| of(owner) == 2)
    };
    let leases = world.until("they share", shared).await;

    // While a sleeps, b takes over; a writes nothing when it wakes, and gets its share again.
    a.sleep.send(Duration::from_secs(7)).unwrap();
    let taken = world
        .until("b has all", |leases| owners(leases).len() == 1 && leases.iter().all(|lease| lease.owner.is_some()))
        .await;
    for lease in &taken {
        let before = leases.iter().find(|before| before.key == lease.key).unwrap();
        assert!(lease.owner == before.owner || lease.fence > before.fence);
    }
    world.until("they share again", shared).await;

    b.stops().await;
    world
        .until("a has all again", |leases| {
            owners(leases).len() == 1 && leases.iter().all(|lease| lease.owner.is_some())
        })
        .await;
    a.stops().await;
    assert!(owners(&world.leases().await).is_empty());
    assert_eq!(gateway.heard("identify").len(), 4, "sessions travel; none is begun anew");
}
