//! What a server is set to, through the API.

use aws_sdk_dynamodb::types::AttributeValue;
use guildhall::ids::AccountId;
use guildhall::settings::Guild;
use guildhall::store::{Known, SessionKey, SessionState};
use insta::assert_snapshot;
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH};
use serde_json::{Value, json};
use tests::server;
use tests::world::World;
use twilight_model::id::Id;

/// Changes a server's settings if they still have this version: the status, the version then, and the answer.
async fn change(world: &World, guild: u64, version: &str, patch: &Value) -> (u16, String, Value) {
    let read = |file: &str| std::fs::read_to_string(world.data().join(file)).expect("serving writes it");
    let request = server::client()
        .patch(format!("{}/api/v1/guilds/{guild}/settings", read("address")))
        .bearer_auth(read("local-token"))
        .header(IF_MATCH, version);
    let response = request.json(patch).send().await.expect("the API can be reached");
    let version = response.headers().get(ETAG).map(|tag| tag.to_str().expect("ASCII").to_owned());
    (response.status().as_u16(), version.unwrap_or_default(), response.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_set_through_the_api() {
    let mut world = World::new().await;
    let guild = world.discord.guild_id();
    let path = format!("/guilds/{guild}/settings");

    let (_, none) = world.api(Method::GET, "/guilds", None).await;
    assert_eq!(none["items"], json!([]));
    let (status, settings) = world.api(Method::GET, &path, None).await;
    assert_snapshot!(format!("{status} {settings}"), @r#"200 {"answer_in_thread":false,"channels":{"allow":[],"deny":[]},"cooldown_seconds":0,"instructions":"","language":null,"persona":"","questions_per_hour":0,"response_mode":{"mode":"mention"},"roles":{"allow":[],"deny":[]}}"#);

    let all = json!({"response_mode": {"mode": "all_messages", "channel_context": true}, "cooldown_seconds": 10});
    let (status, settings) = world.api(Method::PATCH, &path, Some(all)).await;
    assert_eq!(status, 200, "{settings}");
    assert_eq!(settings["response_mode"], json!({"mode": "all_messages", "smart": true, "channel_context": true}));
    let (_, listed) = world.api(Method::GET, "/guilds", None).await;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["settings"]), (&json!(guild.to_string()), &settings));
    let (_, one) = world.api(Method::GET, &format!("/guilds/{guild}"), None).await;
    assert_eq!((&one["id"], &one["settings"]), (&listed["items"][0]["id"], &settings));

    // Two people have the page open.
    let (status, version, _) = change(&world, guild, "\"1\"", &json!({"cooldown_seconds": 20})).await;
    assert_eq!((status, &*version), (200, "\"2\""));
    let (status, _, problem) = change(&world, guild, "\"1\"", &json!({"cooldown_seconds": 30})).await;
    assert_snapshot!(format!("{status} {}", problem["detail"].as_str().unwrap()), @"412 Somebody else has changed this meanwhile. Read it again, and send your change with its new `ETag`.");

    let (status, problem) = world.api(Method::PATCH, &path, Some(json!({"colour": "red"}))).await;
    assert_snapshot!(format!("{status} {}", problem["detail"].as_str().unwrap()), @"422 There is no setting `colour`. The settings are `answer_in_thread`, `channels`, `cooldown_seconds`, `instructions`, `language`, `persona`, `questions_per_hour`, `response_mode`, `roles`.");
    let (status, problem) = world.api(Method::PATCH, &path, Some(json!({"cooldown_seconds": 90_000}))).await;
    assert_snapshot!(format!("{status} {}", problem["detail"].as_str().unwrap()), @"422 `cooldown_seconds` must be between 0 and 86400, which is a day.");
    let (_, settings) = world.api(Method::GET, &path, None).await;
    assert_eq!(settings["cooldown_seconds"], 20, "what was refused changed nothing");
    for path in ["/guilds/0", "/guilds/nonsense", "/guilds/nonsense/settings"] {
        assert_eq!(world.api(Method::GET, path, None).await.0, 404, "{path}");
    }

    world.stop().await;
    let store = world.table().await;
    let changed = store.guilds_changed(Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(changed, [Id::new(guild), Id::new(guild)]);
    assert!(store.guilds_changed("2100-01-01T00:00:00Z".parse().unwrap()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_accounts_server_is_not_there() {
    let mut world = World::new().await;
    world.stop().await;
    let store = world.table().await;
    let theirs = Guild { version: 1, ..Guild::new(Id::new(77), AccountId("somebody".to_owned())) };
    assert!(store.put_guild(&theirs, Timestamp::now()).await.unwrap());
    drop(store);
    world.restart().await;
    for path in ["/guilds/77", "/guilds/77/settings"] {
        assert_eq!(world.api(Method::GET, path, None).await.0, 404, "{path}");
    }
    let patch = json!({"instructions": "Say something rude."});
    assert_eq!(world.api(Method::PATCH, "/guilds/77/settings", Some(patch)).await.0, 404);
    assert_eq!(world.api(Method::GET, "/guilds", None).await.1["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_servers_are_read_together_and_one_that_is_left_is_marked() {
    let data = server::data_folder();
    let client = standalone::table::open(&data.path().join("guildhall.db")).unwrap();
    let store = guildhall::store::Store::new(client.clone(), "guildhall");
    store.create_table().await.unwrap();
    let (account, now) = (AccountId::local(), Timestamp::now());
    for id in 1..=130 {
        let guild = Guild { version: 1, ..Guild::new(Id::new(id), account.clone()) };
        assert!(store.put_guild(&guild, now).await.unwrap());
        assert!(!store.put_guild(&guild, now).await.unwrap(), "somebody else was quicker");
    }
    let wanted: Vec<_> = (100..=250).chain(100..=110).map(Id::new).collect();
    assert_eq!(store.guilds(&wanted).await.unwrap().len(), 31);
    assert!(store.guilds(&[]).await.unwrap().is_empty());

    // A newer version has written one of them.
    let write = async |pk: &str, sk: &str| {
        let item = [("pk", pk), ("sk", sk), ("says", "what nobody knows yet")];
        let item = item.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
        client.put_item().table_name("guildhall").set_item(Some(item.into())).send().await.unwrap();
    };
    write("GUILD#110", "SETTINGS").await;
    let found = store.guilds(&wanted).await.unwrap();
    assert_eq!((found.len(), &found[&Id::new(110)]), (31, &Known::Unreadable));
    assert!(matches!(&found[&Id::new(111)], Known::As(guild) if guild.id.get() == 111), "the others are there");
    // The same with sessions and bots.
    let key = SessionKey { application: Id::new(5), total: 1, generation: 0, shard: 0 };
    store.create_lease(key, SessionState::default()).await.unwrap();
    write("SESSIONS", "6#1#0#0").await;
    assert_eq!(store.leases().await.unwrap().iter().map(|lease| lease.key).collect::<Vec<_>>(), [key]);
    write("CUSTOMBOTS", "6").await;
    assert_eq!(store.custom_bots().await.unwrap(), []);

    let (left, unknown) = (Id::new(7), Id::new(999));
    store.set_guild_left(left, Some(now)).await.unwrap();
    store.set_guild_left(unknown, Some(now)).await.unwrap();
    assert_eq!(store.guild(left).await.unwrap().unwrap().left_at, Some(now));
    assert!(store.guild(unknown).await.unwrap().is_none());
    let marked = store.guilds_of(&account).await.unwrap();
    assert_eq!(marked.iter().filter(|guild| guild.left_at.is_some()).count(), 1);
    store.set_guild_left(left, None).await.unwrap();
    assert_eq!(store.guild(left).await.unwrap().unwrap().left_at, None);
}
