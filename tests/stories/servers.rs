//! What Discord says of servers, what is wrong with them, and how they come and go.

use axum::http::Method as Asked;
use guildhall::ids::AccountId;
use guildhall::settings::Guild;
use guildhall::store::{Ailment, TroubleKind};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tests::browser::{Browser, Page};
use tests::fake_discord::{Denied, Fault};
use tests::server::eventually;
use tests::world::{SOON, Start, World};
use twilight_model::id::Id;

/// Discord's bits. [Discord Docs/Permissions: Bitwise Permission Flags]
const MANAGE_GUILD: u64 = 1 << 5;

async fn get(world: &World, path: &str) -> Value {
    let (status, answer) = world.api(Method::GET, path, None).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

async fn set(world: &World, patch: Value) {
    let address = format!("/guilds/{}/settings", world.discord.guild_id());
    let (status, answer) = world.api(Method::PATCH, &address, Some(patch)).await;
    assert_eq!(status, 200, "{answer}");
}

/// One check of the first server.
async fn check(world: &World, code: &str) -> Value {
    let health = get(world, &format!("/guilds/{}/health", world.discord.guild_id())).await;
    let found = health["checks"].as_array().expect("checks").iter().find(|check| check["code"] == code);
    found.unwrap_or_else(|| panic!("no check {code}: {health}")).clone()
}

/// The same in a line, once it is as bad as that: what was seen is remembered for a minute, unless the process is new.
async fn told(world: &World, code: &str, status: &str) -> String {
    let found =
        eventually(SOON, async || Some(check(world, code).await).filter(|check| check["status"] == status)).await;
    format!("{}: {} {}", status, found["found"].as_str().expect("a text"), found["mend"].as_str().unwrap_or("-"))
}

/// Requests that Discord got with this method on a path that begins so.
fn asked(world: &World, prefix: &str) -> usize {
    world.discord.requests().iter().filter(|request| request.path.starts_with(prefix)).count()
}

async fn connected(world: &World) {
    eventually(SOON, async || (check(world, "gateway").await["status"] == "ok").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servers_channels_and_roles_are_discords() {
    let world = World::start(Start { without_model: true, ..Start::default() }).await;
    let (discord, guild, help) = (&world.discord, world.discord.guild_id(), world.discord.channel_id());
    let secret = discord.add_channel(guild, "secret");
    let ideas = discord.add_forum(guild, "ideas");
    discord.add_category(guild, "Support", &[help, ideas]);
    discord.deny(secret, &[Denied::View]);
    let support = discord.add_role(guild, "Support <b>");
    set(&world, json!({"channels": {"deny": [secret.to_string()]}})).await;

    let before = asked(&world, "/guilds/");
    let channels = get(&world, &format!("/guilds/{guild}/channels")).await;
    let shown = |channel: &Value| {
        let of = |name: &str| channel[name].as_str().unwrap_or("-").to_owned();
        let (answers, missing) = (&channel["answers"], &channel["missing"]);
        format!("{} {} {answers} {missing}", of("name"), of("type"))
    };
    let items = channels["items"].as_array().unwrap();
    assert_snapshot!(items.iter().map(shown).collect::<Vec<_>>().join("\n"), @r#"
    secret text false []
    Support category false []
    help text true []
    ideas forum true []
    "#);
    assert_eq!((&channels["state"], items[0]["permissions"].as_str()), (&json!("current"), Some("0")));
    assert_eq!(items[2]["category_id"], items[1]["id"]);

    let roles = get(&world, &format!("/guilds/{guild}/roles")).await;
    let names: Vec<_> = roles["items"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Support <b>", "Guildhall", "@everyone"]);
    assert_eq!((&roles["items"][0]["id"], &roles["items"][0]["of_bot"]), (&json!(support.to_string()), &json!(false)));
    assert_eq!((&roles["items"][1]["managed"], &roles["items"][1]["of_bot"]), (&json!(true), &json!(true)));

    let one = get(&world, &format!("/guilds/{guild}")).await;
    assert_eq!((&one["name"], &one["discord"]["state"]), (&json!("The workshop"), &json!("current")));
    assert_eq!(
        (&one["discord"]["highest_role"]["name"], &one["discord"]["roles_above"]),
        (&json!("Guildhall"), &json!(1))
    );
    // The name is in the list from then on, which costs Discord nothing.
    assert_eq!(get(&world, "/guilds").await["items"][0]["name"], "The workshop");
    assert_eq!(asked(&world, "/guilds/") - before, 3, "one look serves all for a minute");
    world.is_quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_server_has_nothing_to_mend() {
    let world = World::new().await;
    world.knows("Zephyr manual", "The warranty lasts 31 months.").await;
    set(&world, json!({"cooldown_seconds": 1})).await;
    connected(&world).await;
    let path = format!("/guilds/{}/health", world.discord.guild_id());
    let health =
        eventually(SOON, async || Some(get(&world, &path).await).filter(|health| health["status"] == "ok")).await;
    let line = |check: &Value| {
        assert!(check["mend"].is_null() && check["channels"].is_null(), "{check}");
        format!("{}: {}", check["code"].as_str().unwrap(), check["found"].as_str().unwrap())
    };
    let lines: Vec<String> = health["checks"].as_array().unwrap().iter().map(line).collect();
    assert_snapshot!(lines.join("\n"), @"
    discord: Discord answers and knows the bot.
    membership: The bot is in the server.
    gateway: The connection that hears messages of this server stands.
    message_content: Messages to the bot can be read without a special permission.
    permissions: The bot has every permission it needs in the channel in which it answers.
    answers: Discord took every answer lately.
    settings: Everything that the settings name is there.
    commands: Discord has the commands.
    interactions: Commands come over the same connection as messages.
    quota: 0 of 50000 messages of this month are used.
    model: The language model answers.
    embeddings: Documents are searched by their words; embeddings are not set up.
    sources: One source can be answered from.
    ");
    assert_eq!(get(&world, "/health").await["items"], json!([]));
    world.is_quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_does_not_allow_is_named() {
    let mut world = World::start(Start { without_model: true, ..Start::default() }).await;
    let (guild, help) = (world.discord.guild_id(), world.discord.channel_id());
    let news = world.discord.add_channel(guild, "news");
    let staff = world.discord.add_channel(guild, "staff");
    set(&world, json!({"answer_in_thread": true})).await;
    world.discord.deny(help, &[Denied::Send, Denied::Thread]);
    world.discord.deny(news, &[Denied::History]);
    connected(&world).await;
    assert_snapshot!(told(&world, "permissions", "warning").await, @"warning: The bot lacks permissions in 2 channels: #help (Send Messages, Create Public Threads), #news (Read Message History). In Discord, open the channel's settings, then “Permissions”, and allow the bot's role what is missing. Or take the channel off the list here.");
    assert_eq!(
        check(&world, "permissions").await["channels"][0]["missing"],
        json!(["SEND_MESSAGES", "CREATE_PUBLIC_THREADS"])
    );

    // A channel that was chosen has to work.
    set(
        &world,
        json!({"channels": {"allow": [help.to_string(), staff.to_string(), "5"]}, "roles": {"deny": ["6", "7"]}}),
    )
    .await;
    assert_snapshot!(told(&world, "permissions", "problem").await, @"problem: The bot lacks permissions in one channel: #help (Send Messages, Create Public Threads). In Discord, open the channel's settings, then “Permissions”, and allow the bot's role what is missing. Or take the channel off the list here.");
    assert_snapshot!(told(&world, "settings", "warning").await, @"warning: The lists name what is not in the server any more: 1 of the channels, 2 of the roles. Take them off the lists. A list of which nothing is left lets nobody in.");
    set(&world, json!({"channels": {"allow": [help.to_string()]}})).await;
    assert!(told(&world, "permissions", "problem").await.contains("There is no channel in which"));

    // The same in French, and for the overview.
    let (status, french) = in_french(&world, &format!("/guilds/{guild}/health")).await;
    let permissions = french["checks"].as_array().unwrap().iter().find(|check| check["code"] == "permissions").unwrap();
    assert_eq!(
        (status, permissions["found"].as_str()),
        (200, Some("Il n’y a aucun salon où le bot puisse voir les messages et y répondre."))
    );
    let attention = get(&world, "/health").await;
    let first = &attention["items"][0];
    assert_eq!(
        (&first["code"], &first["guild_id"], &first["guild_name"]),
        (&json!("permissions"), &json!(guild.to_string()), &json!("The workshop"))
    );
    let since = first["since"].clone();

    // Only commands are answered: nothing of it matters.
    set(&world, json!({"response_mode": {"mode": "command"}})).await;
    assert!(told(&world, "permissions", "ok").await.contains("needs no permission"));
    set(&world, json!({"response_mode": null, "channels": null, "roles": null})).await;
    world.discord.deny(help, &[]);
    world.discord.deny(news, &[]);
    world.restart().await;
    assert!(told(&world, "permissions", "ok").await.contains("3 channels"));
    let again = check(&world, "permissions").await;
    assert_ne!(again["since"], since, "it is well since a moment ago");
    world.restart().await;
    assert_eq!(check(&world, "permissions").await["since"], again["since"], "and that does not change");
}

async fn in_french(world: &World, path: &str) -> (u16, Value) {
    let read = |file: &str| std::fs::read_to_string(world.data().join(file)).expect("serving writes it");
    let address: Url = format!("{}/api/v1{path}", world.address()).parse().expect("an address");
    let token = format!("Bearer {}", read("local-token"));
    let headers = [("authorization", &*token), ("accept-language", "fr-FR, en;q=0.5")];
    let page = Browser::new(&world.address()).sends(Method::GET, &address, &headers, None).await;
    (page.status, page.json())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_with_answers_is_told_until_it_is_mended() {
    let mut world = World::new().await;
    let (guild, help) = (world.discord.guild_id(), world.discord.channel_id());
    set(&world, json!({"answer_in_thread": true})).await;
    world.stop().await;
    let store = world.table().await;
    let (account, now) = (AccountId::local(), Timestamp::now());
    let channel = Id::new(help);
    store.record_trouble(Id::new(guild), channel, TroubleKind::StartThread, 50_013, now).await.unwrap();
    // In a thread nobody can see whether it is mended.
    store.record_trouble(Id::new(guild), Id::new(9), TroubleKind::Post, 50_013, now).await.unwrap();
    store.record_ailment(&account, Ailment::Model, now).await.unwrap();
    drop(store);
    world.discord.deny(help, &[Denied::Thread]);
    world.restart().await;
    assert_snapshot!(told(&world, "answers", "problem").await, @"problem: Discord refused answers in one channel: a thread. In Discord, open the channel's settings, then “Permissions”, and allow the bot's role what is missing. Or take the channel off the list here.");
    assert_snapshot!(told(&world, "model", "problem").await, @"problem: The language model failed within the last quarter of an hour. Ask again in a minute. If it stays so, the operator looks at the log, and at the model's server, key and credit.");

    world.stop().await;
    let store = world.table().await;
    let yesterday = now - SignedDuration::from_hours(25);
    store.record_trouble(Id::new(guild), Id::new(9), TroubleKind::Post, 50_013, yesterday).await.unwrap();
    store.record_ailment(&account, Ailment::Model, now - SignedDuration::from_mins(16)).await.unwrap();
    drop(store);
    world.restart().await;
    assert!(
        told(&world, "answers", "warning").await.contains("No threads could be started for answers in one channel")
    );
    assert!(told(&world, "model", "ok").await.contains("answers"));
    world.discord.deny(help, &[]);
    world.restart().await;
    assert!(told(&world, "answers", "ok").await.contains("Discord took every answer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_gone_deaf_or_locked_out_is_told() {
    let mut world = World::start(Start { without_model: true, ..Start::default() }).await;
    let (app, guild) = (world.discord.application_id(), world.discord.guild_id());
    set(&world, json!({"response_mode": {"mode": "all_messages"}})).await;
    connected(&world).await;
    assert!(told(&world, "model", "warning").await.contains("No language model is set up"));
    assert!(told(&world, "sources", "warning").await.contains("nothing to answer from"));

    world.discord.bot_leaves(app, guild);
    world.restart().await;
    assert_snapshot!(told(&world, "membership", "problem").await, @"problem: The bot is not in the server: it was removed, or never added. Add the bot to the server again. Its settings here are kept.");
    assert_eq!(get(&world, &format!("/guilds/{guild}")).await["discord"]["state"], "not_in_server");
    assert!(told(&world, "permissions", "unknown").await.contains("not known"));
    world.discord.bot_joins(app, guild);
    eventually(SOON, async || (check(&world, "membership").await["status"] == "ok").then_some(())).await;

    // With an endpoint, and only commands, nothing has to listen.
    world.discord.set_endpoint(app, Some("https://bot.example.com/discord/webhook/"));
    set(&world, json!({"response_mode": {"mode": "command"}})).await;
    world.restart().await;
    assert!(told(&world, "interactions", "ok").await.contains("bot.example.com"));
    assert!(told(&world, "gateway", "ok").await.contains("no further connection is needed"));

    world.discord.set_endpoint(app, None);
    world.discord.resets_token(app);
    world.restart().await;
    assert_snapshot!(told(&world, "discord", "problem").await, @"problem: Discord does not accept the bot's token. Make a new token on the page “Bot” of Discord's developer portal and set it here; for the shared bot, the operator sets DISCORD_TOKEN.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_discord_is_down_what_is_known_is_shown_with_its_age() {
    let mut world = World::start(Start { without_model: true, ..Start::default() }).await;
    let guild = world.discord.guild_id();
    set(&world, json!({"cooldown_seconds": 1})).await;
    let seen = get(&world, &format!("/guilds/{guild}/channels")).await;
    // A new process has only what the table kept.
    world.stop().await;
    world.discord.next_on(&Asked::GET, "/guilds/", 1_000, Fault::Status(503));
    world.restart().await;
    let still = get(&world, &format!("/guilds/{guild}/channels")).await;
    assert_eq!((&still["items"], &still["state"]), (&seen["items"], &json!("unavailable")));
    assert_eq!(still["as_of"], seen["as_of"]);
    assert!(told(&world, "discord", "warning").await.contains("what it said last"));
    assert!(told(&world, "membership", "unknown").await.contains("does not say"));
    // A server of which nothing is known is shown without anything.
    let (status, unknown) = world.api(Method::GET, "/guilds/4611686018427387904/roles", None).await;
    assert_eq!((status, &unknown["state"], &unknown["items"]), (200, &json!("unavailable"), &json!([])));
    world.discord.no_more_faults();
    eventually(SOON, async || {
        (get(&world, &format!("/guilds/{guild}/roles")).await["state"] == "current").then_some(())
    })
    .await;
}

async fn post(world: &World, id: &str) -> (u16, Value) {
    world.api(Method::POST, "/guilds", Some(json!({"id": id}))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_connected_and_disconnected_where_nobody_signs_in() {
    let mut world = World::start(Start { without_model: true, ..Start::default() }).await;
    let (app, guild) = (world.discord.application_id(), world.discord.guild_id());
    let invite = get(&world, "/guilds/invite").await;
    assert_eq!(
        invite["permissions"],
        json!(["VIEW_CHANNEL", "SEND_MESSAGES", "READ_MESSAGE_HISTORY", "SEND_MESSAGES_IN_THREADS"])
    );
    let url: Url = invite["url"].as_str().unwrap().parse().unwrap();
    let query = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!((url.path(), query("client_id")), ("/oauth2/authorize", Some(app.to_string())));
    assert_eq!(
        (query("scope").as_deref(), query("permissions").as_deref()),
        (Some("bot applications.commands"), Some("274877975552"))
    );

    let second = world.discord.add_guild("The annex");
    let available = get(&world, "/guilds/available").await;
    let ids = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&available), [guild.to_string(), second.to_string()]);
    let (status, connected) = post(&world, &second.to_string()).await;
    assert_eq!((status, &connected["name"]), (201, &json!("The annex")));
    assert_eq!(post(&world, &second.to_string()).await.0, 200);
    assert_eq!(ids(&get(&world, "/guilds/available").await), [guild.to_string()]);
    assert_eq!(ids(&get(&world, "/guilds").await), [second.to_string()]);
    let (status, problem) = post(&world, "4611686018427387904").await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(post(&world, "nonsense").await.0, 422);

    // With other settings, the bot needs something else.
    let change = json!({"answer_in_thread": true, "cooldown_seconds": 7});
    let path = format!("/guilds/{second}");
    assert_eq!(world.api(Method::PATCH, &format!("{path}/settings"), Some(change)).await.0, 200);
    let invite = get(&world, &format!("/guilds/invite?guild_id={second}")).await;
    assert!(
        invite["url"].as_str().unwrap().contains(&format!("guild_id={second}&disable_guild_select=true")),
        "{invite}"
    );
    assert!(invite["permissions"].as_array().unwrap().contains(&json!("CREATE_PUBLIC_THREADS")));

    // Discord is down: nothing happens.
    world.discord.next_on(
        &Asked::DELETE,
        "/users/@me/guilds/",
        1_000,
        Fault::Refused { status: 400, code: 0, message: "no".to_owned() },
    );
    assert_eq!(world.api(Method::DELETE, &path, None).await.0, 503);
    assert_eq!(ids(&get(&world, "/guilds").await), [second.to_string()]);
    world.discord.no_more_faults();
    // On its page, as by the API.
    let mut browser = world.browser();
    let page = browser.opens(&format!("/servers/{second}")).await;
    assert!(page.body.contains("Yes, disconnect it"), "{}", page.body);
    let sent = browser.submits(&format!("/servers/{second}/disconnect"), &[]).await;
    assert_eq!((sent.status, sent.location().path()), (303, "/servers"));
    assert!(browser.goes(sent.location()).await.body.contains("Disconnected. The server is no longer yours here."));
    assert_eq!(world.discord.bot_role(app, second), None, "it has left");
    assert_eq!(ids(&get(&world, "/guilds").await), [""; 0]);

    // Back again, as it was.
    world.discord.bot_joins(app, second);
    let (status, connected) = post(&world, &second.to_string()).await;
    assert_eq!((status, &connected["settings"]["cooldown_seconds"]), (201, &json!(7)));

    // Somebody else's is not there, and stays theirs.
    world.stop().await;
    let store = world.table().await;
    let theirs = Guild { version: 1, ..Guild::new(Id::new(guild), AccountId("somebody".to_owned())) };
    assert!(store.put_guild(&theirs, Timestamp::now()).await.unwrap());
    drop(store);
    world.restart().await;
    for path in ["", "/channels", "/roles", "/health"] {
        assert_eq!(world.api(Method::GET, &format!("/guilds/{guild}{path}"), None).await.0, 404, "{path}");
    }
    assert_eq!(world.api(Method::GET, &format!("/guilds/invite?guild_id={guild}"), None).await.0, 404);
    assert_eq!(world.api(Method::DELETE, &format!("/guilds/{guild}"), None).await.0, 404);
    let (status, problem) = post(&world, &guild.to_string()).await;
    assert_snapshot!(format!("{status} {}", problem["detail"].as_str().unwrap()), @"409 Another account has connected this server. Whoever manages it there can disconnect it; then connect it here.");
    assert_eq!(ids(&get(&world, "/guilds/available").await), [""; 0]);
}

fn with_sign_in() -> Start {
    Start { without_model: true, with_sign_in: true, ..Start::default() }
}

/// Sends somebody to Discord to add the bot, and says where that sends them back to.
async fn adds(world: &World, browser: &mut Browser, path: &str, allows: bool) -> Url {
    world.discord.at_the_browser(&world.operator, allows);
    let to_discord = browser.opens(path).await.location();
    browser.sends(Method::GET, &to_discord, &[], None).await.location()
}

async fn go(browser: &mut Browser, address: &Url) -> Page {
    browser.sends(Method::GET, address, &[], None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_adds_the_bot_to_a_server_that_they_manage() {
    let world = World::start(with_sign_in()).await;
    let (app, annex) = (world.discord.application_id(), world.discord.found_guild("The annex"));
    let mut browser = world.browser_of(&world.operator).await;
    world.discord.adds_to(annex);
    let back = adds(&world, &mut browser, "/connect", true).await;
    assert_eq!(back.path(), "/connect/callback");
    let asked = world.discord.asked_to_allow().pop().unwrap();
    assert_eq!(
        (&*asked["scope"], &*asked["permissions"], &*asked["response_type"]),
        ("bot applications.commands", "274877975552", "code")
    );
    assert_eq!(asked["redirect_uri"], format!("{}/connect/callback", world.address()));
    assert!(asked["state"].len() >= 43 && asked["code_challenge"].len() == 43 && !asked.contains_key("guild_id"));
    assert!(world.discord.bot_role(app, annex).is_some());

    // They may add bots there, but Discord does not say that they manage it.
    world.discord.is_on(&world.operator, annex, 0);
    let page = go(&mut browser, &back).await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("you do not manage this server"), "{}", page.body);
    world.discord.is_on(&world.operator, annex, MANAGE_GUILD);
    assert_eq!(go(&mut browser, &back).await.status, 400, "it was used");
    assert_eq!(browser.api(Method::GET, "/guilds", None).await.1["items"], json!([]));

    let back = adds(&world, &mut browser, "/connect", true).await;
    let page = go(&mut browser, &back).await;
    assert_eq!((page.status, page.location().path()), (303, &*format!("/servers/{annex}")));
    let (_, guilds) = browser.api(Method::GET, "/guilds", None).await;
    assert_eq!(
        (&guilds["items"][0]["id"], &guilds["items"][0]["name"]),
        (&json!(annex.to_string()), &json!("The annex"))
    );
    let (_, audit) = browser.api(Method::GET, "/audit", None).await;
    assert!(audit["items"].as_array().unwrap().iter().any(|note| note["what"] == "guild.connected"), "{audit}");

    // Again for more permissions, with the server chosen.
    let patch = json!({"answer_in_thread": true});
    assert_eq!(browser.api(Method::PATCH, &format!("/guilds/{annex}/settings"), Some(patch)).await.0, 200);
    let back = adds(&world, &mut browser, &format!("/connect?guild_id={annex}"), true).await;
    let asked = world.discord.asked_to_allow().pop().unwrap();
    assert_eq!((&*asked["guild_id"], &*asked["permissions"]), (&*annex.to_string(), "309237713920"));
    assert_eq!(go(&mut browser, &back).await.status, 303);
    assert!(!world.log().contains(&asked["state"]), "the log holds a state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_connects_what_is_not_theirs() {
    let mut world = World::start(with_sign_in()).await;
    let annex = world.discord.found_guild("The annex");
    world.discord.adds_to(annex);
    world.discord.is_on(&world.operator, annex, MANAGE_GUILD);

    // Nobody is signed in.
    let page = world.browser().opens("/connect").await;
    assert_eq!(page.location().path(), "/sign-in");
    let mut browser = world.browser_of(&world.operator).await;
    // They think better of it.
    let back = adds(&world, &mut browser, "/connect", false).await;
    assert_eq!(go(&mut browser, &back).await.status, 403);
    // A forged state, another browser, a state of signing in, and a code without a server.
    let forged: Url = format!("{}/connect/callback?state=x&code=y", world.address()).parse().unwrap();
    assert_eq!(go(&mut browser, &forged).await.status, 400);
    let back = adds(&world, &mut browser, "/connect", true).await;
    let mut other = world.browser_of(&world.operator).await;
    assert_eq!(go(&mut other, &back).await.status, 400);
    world.discord.at_the_browser(&world.operator, true);
    let signing_in = browser.opens("/sign-in").await.location();
    let mut back = browser.sends(Method::GET, &signing_in, &[], None).await.location();
    back.set_path("/connect/callback");
    assert_eq!(go(&mut browser, &back).await.status, 400);
    // A server that is named and is not the account's.
    world.stop().await;
    let store = world.table().await;
    let theirs = Guild { version: 1, ..Guild::new(Id::new(annex), AccountId("somebody".to_owned())) };
    assert!(store.put_guild(&theirs, Timestamp::now()).await.unwrap());
    drop(store);
    world.restart().await;
    let mut browser = world.browser_of(&world.operator).await;
    assert_eq!(browser.opens(&format!("/connect?guild_id={annex}")).await.status, 404);
    let back = adds(&world, &mut browser, "/connect", true).await;
    let page = go(&mut browser, &back).await;
    assert_eq!(page.status, 409);
    assert!(page.body.contains("Another account has connected this server"), "{}", page.body);
    // Discord does not answer.
    world.discord.next_on(&Asked::POST, "/oauth2/token", 10, Fault::Status(503));
    let back = adds(&world, &mut browser, "/connect", true).await;
    assert_eq!(go(&mut browser, &back).await.status, 503);
    world.stop().await;
    let account = world.table().await.guild(Id::new(annex)).await.unwrap().unwrap().account;
    assert_eq!(account, AccountId("somebody".to_owned()));
}
