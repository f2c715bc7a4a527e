//! A team's own bot, beside the shared one or without it.

use std::path::Path;
use std::time::Duration;

use guildhall::account::{Account, Plan};
use guildhall::dashboard::auth;
use guildhall::ids::AccountId;
use guildhall::settings::Guild;
use insta::assert_snapshot;
use jiff::Timestamp;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tests::fake_discord::GatewayFault;
use tests::server::{self, eventually};
use tests::world::{SOON, Start, World};
use twilight_model::id::Id;

/// A team's application, as its developer portal shows it.
struct Portal {
    id: u64,
    token: String,
    key: String,
}

impl Portal {
    /// A new application, whose bot is on the first server.
    fn new(world: &World) -> Self {
        let (id, token) = world.discord.add_bot("archivist");
        world.discord.bot_joins(id, world.discord.guild_id());
        Self { id, token, key: world.discord.public_key_of(id) }
    }

    fn body(&self) -> Value {
        json!({"application_id": self.id.to_string(), "public_key": self.key, "token": self.token})
    }
}

async fn put(world: &World, portal: &Portal) -> (u16, Value) {
    world.api(Method::PUT, "/bot", Some(portal.body())).await
}

/// What `GET /bot` says once it says this of the connection.
async fn until(world: &World, connection: &str) -> Value {
    eventually(SOON, async || {
        let (status, bot) = world.api(Method::GET, "/bot", None).await;
        (status == 200 && bot["connection"] == connection).then_some(bot)
    })
    .await
}

/// Nothing in the folder but the key's own file holds these words, not even in the middle of a database's page.
fn is_nowhere_in(folder: &Path, words: &str) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            is_nowhere_in(&path, words);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let is_there = bytes.windows(words.len()).any(|window| window == words.as_bytes());
            assert!(!is_there, "{} holds it in clear", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_brings_its_own_bot_along() {
    let mut world = World::new().await;
    world.knows("Warranty", "The warranty lasts 31 months.").await;
    world.model.answers("warranty", "31 months.");
    let portal = Portal::new(&world);
    let ann = world.discord.member("ann").to(portal.id);
    assert_eq!(world.api(Method::GET, "/bot", None).await.0, 404);
    assert_eq!(world.api(Method::DELETE, "/bot", None).await.0, 404);

    let (status, bot) = put(&world, &portal).await;
    assert_eq!(status, 200, "{bot}");
    let shown = bot.to_string();
    assert_eq!(bot["application_id"], portal.id.to_string());
    assert!(!shown.contains(&portal.token), "{shown}");
    let bot = until(&world, "connected").await;
    assert_eq!((&bot["notice"], bot["token"].as_str()), (&Value::Null, None));
    let names = world.discord.commands_of(portal.id).len();
    assert!(names > 0 && names == world.discord.commands().len(), "it has the same commands");

    // The other one is on the server too, and is not meant.
    let asked = ann.tells_bot("how long is the warranty?");
    let seen = world.discord.wait_for_reply_to(asked, SOON).await;
    assert!(seen[0].content.starts_with("31 months."), "{}", seen[0].content);
    let asked = world.discord.member("bo").tells_bot("how long is the warranty?");
    assert_eq!(world.discord.wait_for_reply_to(asked, SOON).await[0].author, "guildhall");
    assert_eq!((seen.len(), seen[0].author.as_str()), (1, "archivist"));

    // A command of its own comes with its own signature.
    let sent = ann.asks(&world.webhook(), "how long is the warranty?", false).await.accepted();
    assert_eq!(world.discord.wait_for_reply(&sent, SOON).await[0].author, "archivist");
    assert_eq!(world.used().await, 3);
    let forged = world.discord.signed(&sent.body);
    assert_eq!(world.discord.post(&world.webhook(), &forged).await.0, 401, "signed with the other bot's key");

    // After a restart it is there again, and resumes.
    let identifies = world.discord.gateway_of(portal.id).record().identifies.len();
    world.restart().await;
    until(&world, "connected").await;
    let asked = ann.tells_bot("and how long is the warranty now?");
    assert_eq!(world.discord.wait_for_reply_to(asked, SOON).await.len(), 1);
    assert_eq!(world.discord.gateway_of(portal.id).record().identifies.len(), identifies);

    assert_eq!(world.api(Method::DELETE, "/bot", None).await.0, 204);
    world.discord.gateway_of(portal.id).wait_until_connected(0, SOON).await;
    assert_eq!(world.api(Method::GET, "/bot", None).await.0, 404);
    eventually(SOON, async || {
        let sent = ann.asks(&world.webhook(), "how long is the warranty?", false).await;
        (sent.status == 401).then_some(())
    })
    .await;
    world.discord.gateway().wait_until_connected(1, SOON).await;
    assert!(!world.log().contains(&portal.token), "the log holds the token");
    world.stop().await;
    is_nowhere_in(world.data(), &portal.token);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_belong_together_is_refused() {
    let world = World::new().await;
    let portal = Portal::new(&world);
    let with = |field: &str, value: Value| {
        let mut body = portal.body();
        body[field] = value;
        body
    };
    let other = world.discord.add_bot("another").1;
    let own = json!({
        "application_id": world.discord.application_id().to_string(),
        "public_key": world.discord.public_key_hex(), "token": world.discord.token(),
    });
    let mut said = Vec::new();
    for body in [
        with("application_id", json!("archivist")),
        with("public_key", json!("abc")),
        with("public_key", json!(world.discord.public_key_hex())),
        with("token", json!("")),
        with("token", json!("two words")),
        with("token", json!("wrong")),
        with("token", json!(other)),
        with("colour", json!("red")),
        own,
    ] {
        let (status, problem) = world.api(Method::PUT, "/bot", Some(body)).await;
        let detail = problem["detail"].as_str().expect("a sentence");
        assert!(!detail.contains(&portal.token) && !detail.contains(&other), "{detail}");
        said.push(format!("{status} {detail}"));
    }
    assert_snapshot!(said.join("\n"), @r"
    422 `application_id` must be the number that the application's page in Discord's developer portal shows.
    422 `public_key`: a public key has 64 hexadecimal digits.
    422 `public_key` is not the one that Discord shows for this application.
    422 `token` is not a bot's token: copy it from the page “Bot” of Discord's developer portal.
    422 `token` is not a bot's token: copy it from the page “Bot” of Discord's developer portal.
    422 Discord does not know this `token`. Make a new one on the page “Bot” of Discord's developer portal.
    422 This `token` belongs to another application than `application_id`.
    422 Failed to deserialize the JSON body into the target type: colour: unknown field `colour`, expected one of `application_id`, `public_key`, `token` at line 1 column 48
    422 This is the application that Guildhall itself uses. Use one of your own.
    ");
    world.discord.next_on(&Method::GET, "/applications/@me", 9, tests::fake_discord::Fault::Status(503));
    assert_eq!(put(&world, &portal).await.0, 503);
    world.discord.no_more_faults();
    assert_eq!(world.api(Method::GET, "/bot", None).await.0, 404, "nothing was kept");
    assert!(!world.log().contains(&portal.token) && !world.log().contains(&other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_reset_stops_only_its_own_bot() {
    let world = World::start(Start { without_model: true, ..Start::default() }).await;
    world.knows("Warranty", "The warranty lasts 31 months.").await;
    let mut portal = Portal::new(&world);
    assert_eq!(put(&world, &portal).await.0, 200);
    until(&world, "connected").await;

    let before = std::mem::replace(&mut portal.token, world.discord.resets_token(portal.id));
    let stopped = until(&world, "stopped").await;
    assert_snapshot!(stopped["notice"], @r#"{"code":"token_refused","text":"Discord does not accept the bot's token: make a new one in the developer portal and set it here."}"#);
    world.discord.gateway().wait_until_connected(1, SOON).await;
    let asked = world.discord.member("bo").tells_bot("how long is the warranty?");
    assert_eq!(world.discord.wait_for_reply_to(asked, SOON).await[0].author, "guildhall");

    assert_eq!(put(&world, &portal).await.0, 200);
    let bot = until(&world, "connected").await;
    assert_eq!(bot["notice"], Value::Null);
    let asked = world.discord.member("ann").to(portal.id).tells_bot("how long is the warranty?");
    assert_eq!(world.discord.wait_for_reply_to(asked, SOON).await[0].author, "archivist");
    assert!(!world.log().contains(&before) && !world.log().contains(&portal.token));
}

/// Discord takes the token away before the gateway was ever asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_never_worked_is_told_too() {
    let world = World::new().await;
    let mut portal = Portal::new(&world);
    world.discord.gateway().wait_until_connected(1, SOON).await;
    world.discord.next_on(&Method::GET, "/gateway/bot", 1, tests::fake_discord::Fault::Status(401));
    assert_eq!(put(&world, &portal).await.0, 200);
    let bot = until(&world, "stopped").await;
    assert_eq!(bot["notice"]["code"], "token_refused");
    portal.token = world.discord.resets_token(portal.id);
    assert_eq!(put(&world, &portal).await.0, 200);
    until(&world, "connected").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_works_without_the_shared_one() {
    let start = Start { environment: vec![("DISCORD_TOKEN", "")], without_model: true, ..Start::default() };
    let world = World::start(start).await;
    world.knows("Warranty", "The warranty lasts 31 months.").await;
    let portal = Portal::new(&world);
    assert_eq!(put(&world, &portal).await.0, 200);
    until(&world, "connected").await;
    let ann = world.discord.member("ann").to(portal.id);
    let asked = ann.clone().in_direct_message().says("how long is the warranty?");
    assert_eq!(world.discord.wait_for_reply_to(asked, SOON).await[0].author, "archivist");
    let sent = ann.ask("how long is the warranty?", false);
    world.discord.deliver_over_gateway(&sent);
    assert_eq!(world.discord.wait_for_reply(&sent, SOON).await[0].author, "archivist");
    assert_eq!(world.discord.gateway().record().identifies.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_is_its_accounts_alone() {
    let mut world = World::start(Start { without_model: true, ..Start::default() }).await;
    world.knows("Warranty", "The warranty lasts 31 months.").await;
    let portal = Portal::new(&world);
    assert_eq!(put(&world, &portal).await.0, 200);

    // Another account, whose server the bot is on.
    world.kill().await;
    let others = AccountId("other".to_owned());
    let token = {
        let store = world.table().await;
        let account = Account { id: others.clone(), name: "Others".to_owned(), plan: Plan::Pro };
        store.put_account(&account).await.expect("the table takes an account");
        let mut guild = Guild::new(Id::new(world.discord.guild_id()), others.clone());
        guild.version = 1;
        assert!(store.put_guild(&guild, Timestamp::now()).await.expect("the table takes a server"));
        auth::create_token(&store, &others, "test", auth::Scope::all(), None, None, Timestamp::now())
            .await
            .expect("the table takes a token")
            .1
    };
    world.restart().await;
    until(&world, "connected").await;
    let address = std::fs::read_to_string(world.data().join("address")).expect("serving writes it");
    let others = async |method: Method, body: Option<Value>| {
        let request = server::client().request(method, format!("{address}/api/v1/bot"));
        let request = request.bearer_auth(token.expose_secret());
        let request = if let Some(body) = &body { request.json(body) } else { request };
        let response = request.send().await.expect("the API can be reached");
        (response.status().as_u16(), response.json::<Value>().await.unwrap_or_default())
    };
    assert_eq!(others(Method::GET, None).await.0, 404);
    assert_eq!(others(Method::DELETE, None).await.0, 404);
    let (status, problem) = others(Method::PUT, Some(portal.body())).await;
    assert_snapshot!(format!("{status} {}", problem["detail"].as_str().expect("a sentence")), @"409 Another account uses this application. Remove it there first, or use another application.");

    // It speaks from its own account's knowledge and on that account's count, whosever server it is.
    let used = world.used().await;
    let asked = world.discord.member("ann").to(portal.id).tells_bot("how long is the warranty?");
    let seen = world.discord.wait_for_reply_to(asked, SOON).await;
    assert!(seen[0].content.contains("31 months"), "{}", seen[0].content);
    assert_eq!(world.used().await, used + 1);
    let asked = world.discord.member("bo").tells_bot("how long is the warranty?");
    let seen = world.discord.wait_for_reply_to(asked, SOON).await;
    assert!(!seen[0].content.contains("31 months"), "the other account knows nothing: {}", seen[0].content);
    assert_eq!(world.used().await, used + 1);
}

/// All messages are wanted while people go on talking: sessions that read them begin beside those that do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_while_a_server_is_set_to_all_messages() {
    let world = World::start(Start { without_rate_limits: true, ..Start::default() }).await;
    world.knows("Warranty", "The warranty lasts 31 months.").await;
    world.model.answers("warranty", "31 months.");
    let gateway = world.discord.gateway();
    gateway.wait_until_connected(1, SOON).await;
    let mode = json!({"response_mode": {"mode": "all_messages", "smart": false}});
    let path = format!("/guilds/{}/settings", world.discord.guild_id());
    assert_eq!(world.api(Method::PATCH, &path, Some(mode)).await.0, 200);

    let mut asked = Vec::new();
    let mut number = 0;
    while gateway.record().identifies.len() < 2 || number < 20 || gateway.connected().len() != 1 {
        number += 1;
        assert!(number < 300, "no session asks for the content of messages");
        // Somebody else each time, so that no two messages are one question.
        let member = world.discord.member(&format!("member{number}"));
        asked.push(member.tells_bot(&format!("how long is warranty {number}?")));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for (number, &message) in asked.iter().enumerate() {
        let seen = world.discord.wait_for_reply_to(message, SOON).await;
        assert_eq!(seen.len(), 1, "message {number}");
    }
    // Without a mention now.
    let said = world.discord.member("cy").says("how long is the warranty?");
    assert_eq!(world.discord.wait_for_reply_to(said, SOON).await.len(), 1);
    let intents: Vec<bool> = gateway.record().identifies.iter().map(|one| one.intents & (1 << 15) != 0).collect();
    assert_eq!(intents, [false, true]);
    assert_eq!(gateway.violations(), Vec::<String>::new());
}

/// The intent is off in the developer portal at first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_content_of_messages_is_read_as_soon_as_an_admin_allows_it() {
    let world = World::new().await;
    world.knows("Warranty", "The warranty lasts 31 months.").await;
    world.model.answers("warranty", "31 months.");
    let portal = Portal::new(&world);
    let gateway = world.discord.gateway_of(portal.id);
    gateway.set(|settings| {
        settings.message_content = false;
        settings.identify_window = Duration::from_secs(1);
    });
    let mode = json!({"response_mode": {"mode": "all_messages", "smart": false}});
    // The shared bot is not on it: it would answer too.
    world.discord.bot_leaves(world.discord.application_id(), world.discord.guild_id());
    let path = format!("/guilds/{}/settings", world.discord.guild_id());
    assert_eq!(world.api(Method::PATCH, &path, Some(mode)).await.0, 200);
    assert_eq!(put(&world, &portal).await.0, 200);
    let bot = eventually(SOON, async || {
        let bot = until(&world, "connected").await;
        bot["notice"].is_object().then_some(bot)
    })
    .await;
    assert_snapshot!(bot["notice"], @r#"{"code":"content_refused","text":"The Message Content intent is off, so only messages to the bot can be read: switch it on on the bot's page in the developer portal."}"#);
    let ann = world.discord.member("ann").to(portal.id);
    let asked = ann.tells_bot("how long is the warranty?");
    assert_eq!(world.discord.wait_for_reply_to(asked, SOON).await.len(), 1, "mentions are answered all the same");

    gateway.set(|settings| settings.message_content = true);
    eventually(SOON, async || {
        let bot = until(&world, "connected").await;
        bot["notice"].is_null().then_some(())
    })
    .await;
    let said = ann.says("how long is the warranty?");
    assert_eq!(world.discord.wait_for_reply_to(said, SOON).await.len(), 1);
    gateway.now(&GatewayFault::Reconnect);
    let said = ann.says("and how long is the warranty in years?");
    assert_eq!(world.discord.wait_for_reply_to(said, SOON).await.len(), 1);
}
