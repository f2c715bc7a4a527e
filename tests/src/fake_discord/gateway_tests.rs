//! The gateway, proved with twilight as its client and bare commands where twilight behaves too well.

use std::time::Duration;

use axum::http::Method;
use futures::StreamExt as _;
use serde_json::{Value, json};
use twilight_gateway::{CloseFrame, ConfigBuilder, EventTypeFlags, Intents, Message, Session, Shard, ShardId};
use twilight_model::gateway::event::Event;

use super::*;

const SOON: Duration = Duration::from_secs(20);

fn intents() -> Intents {
    Intents::GUILDS | Intents::GUILD_MESSAGES | Intents::DIRECT_MESSAGES | Intents::MESSAGE_CONTENT
}

fn config(discord: &FakeDiscord, intents: Intents) -> ConfigBuilder {
    let url = discord.url().replacen("http", "ws", 1);
    ConfigBuilder::new(discord.token().to_owned(), intents).proxy_url(url)
}

fn shard(discord: &FakeDiscord, intents: Intents) -> Shard {
    Shard::with_config(ShardId::ONE, config(discord, intents).build())
}

/// The next event of this kind; every frame before it must be one that twilight reads.
async fn until(shard: &mut Shard, wanted: impl Fn(&Event) -> bool) -> Event {
    let look = async {
        loop {
            let Some(item) = twilight_gateway::StreamExt::next_event(shard, EventTypeFlags::all()).await else {
                panic!("the shard gave up: {:?}", shard.state());
            };
            match item {
                Ok(event) if wanted(&event) => return event,
                Ok(_) => {}
                Err(error) => eprintln!("{error:?}"),
            }
        }
    };
    tokio::time::timeout(SOON, look).await.expect("the event comes")
}

async fn message(shard: &mut Shard) -> twilight_model::channel::Message {
    match until(shard, |event| matches!(event, Event::MessageCreate(_))).await {
        Event::MessageCreate(message) => message.message,
        _ => unreachable!("it was looked for"),
    }
}

#[tokio::test]
async fn a_bot_identifies_and_hears_what_is_said() {
    let discord = FakeDiscord::start().await;
    let gateway = discord.gateway();
    let ann = discord.member("ann").called("Annie");
    let role = discord.bot_role(discord.application_id(), discord.guild_id()).expect("it is there");
    let mut bot = shard(&discord, intents());
    let Event::GuildCreate(guild) = until(&mut bot, |event| matches!(event, Event::GuildCreate(_))).await else {
        unreachable!("it was looked for")
    };
    let twilight_model::gateway::payload::incoming::GuildCreate::Available(guild) = *guild else {
        panic!("it is available")
    };
    assert!(guild.roles.iter().any(|one| one.id == role && one.managed && one.tags.is_some()));
    assert_eq!(gateway.record().identifies[0].outcome, Outcome::Accepted);
    assert!(gateway.record().identifies[0].zstd, "twilight asks for a zstd stream");

    let asked = ann.tells_bot("how long?");
    let heard = message(&mut bot).await;
    assert_eq!((heard.id.get(), heard.mentions.len()), (asked, 1));
    assert_eq!(heard.member.and_then(|member| member.nick).as_deref(), Some("Annie"));
    let reply = ann.saying("and?").in_reply_to(asked).with_file("a.txt", "text/plain", 3).sends();
    let heard = message(&mut bot).await;
    assert_eq!(heard.referenced_message.map(|message| message.id.get()), Some(asked));
    assert_eq!(heard.attachments.len(), 1);
    ann.edits(reply, "and then?");
    until(&mut bot, |event| matches!(event, Event::MessageUpdate(m) if m.content == "and then?")).await;
    ann.deletes(reply);
    until(&mut bot, |event| matches!(event, Event::MessageDelete(m) if m.id.get() == reply)).await;
    let forward = ann.forwards(asked);
    let heard = message(&mut bot).await;
    assert_eq!((heard.id.get(), heard.message_snapshots.len()), (forward, 1));
    let thread = ann.starts_thread(asked, "More");
    until(&mut bot, |event| matches!(event, Event::ThreadCreate(t) if t.id.get() == thread)).await;
    let forum = discord.add_forum(discord.guild_id(), "ideas");
    let post = ann.posts(forum, "An idea", "Let us paint it.");
    assert_eq!(message(&mut bot).await.channel_id.get(), post);
    let direct = ann.clone().in_direct_message().says("psst");
    assert_eq!(message(&mut bot).await.id.get(), direct);
    ann.asks_over_gateway("what?", false);
    until(&mut bot, |event| matches!(event, Event::InteractionCreate(_))).await;
    discord.set_unavailable(discord.guild_id(), true);
    until(&mut bot, |event| matches!(event, Event::GuildDelete(g) if g.unavailable == Some(true))).await;
    let other = discord.add_guild("Elsewhere");
    until(&mut bot, |event| matches!(event, Event::GuildCreate(g) if g.id().get() == other)).await;
    assert_eq!(gateway.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn a_session_goes_on_after_every_kind_of_break() {
    let discord = FakeDiscord::start().await;
    let gateway = discord.gateway();
    let ann = discord.member("ann");
    let mut bot = shard(&discord, intents());
    until(&mut bot, |event| matches!(event, Event::GuildCreate(_))).await;
    for (round, fault) in [
        GatewayFault::Cut,
        GatewayFault::Reconnect,
        GatewayFault::Close(4_000),
        GatewayFault::InvalidSession(true),
        GatewayFault::CorruptZstd,
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(gateway.now(&fault), 1, "{fault:?}");
        if fault == GatewayFault::InvalidSession(true) {
            until(&mut bot, |event| matches!(event, Event::GatewayInvalidateSession(true))).await;
        }
        let said = ann.says(&format!("after {round}"));
        assert_eq!(message(&mut bot).await.id.get(), said, "{fault:?}");
        until(&mut bot, |event| matches!(event, Event::Resumed)).await;
    }
    let record = gateway.record();
    assert_eq!((record.identifies.len(), record.resumes.len()), (1, 5));
    assert!(record.resumes.iter().all(|resume| resume.at_resume_url && resume.outcome == Outcome::Accepted));

    // Another process has only what was written down: an old sequence number.
    let session = bot.session().expect("it has one").clone();
    let resume_url = bot.resume_url().expect("READY gave one").to_owned();
    let old = Session::new(2, session.id().to_owned());
    let config = config(&discord, intents()).session(old).resume_url(resume_url).build();
    let mut heir = Shard::with_config(ShardId::ONE, config);
    for round in 0..5 {
        assert_eq!(message(&mut heir).await.content, format!("after {round}"));
    }
    until(&mut heir, |event| matches!(event, Event::Resumed)).await;
    let last = gateway.record().resumes.pop().expect("it resumed");
    assert_eq!((last.seq, last.outcome), (2, Outcome::Accepted));
    until(&mut bot, |event| matches!(event, Event::GatewayClose(_))).await;
    assert_eq!(gateway.connected().len(), 1, "the first connection was closed");

    heir.close(CloseFrame::NORMAL);
    let polled = async {
        loop {
            let _ = heir.next().await;
        }
    };
    tokio::select! {
        () = gateway.wait_until_connected(0, SOON) => {}
        () = polled => {}
    }
    assert_eq!(gateway.record().closes.last().and_then(|closed| closed.code), Some(1_000));
}

#[tokio::test]
async fn content_is_only_for_those_who_may_read_it() {
    let discord = FakeDiscord::start().await;
    let ann = discord.member("ann");
    let mut bot = shard(&discord, Intents::GUILDS | Intents::GUILD_MESSAGES);
    until(&mut bot, |event| matches!(event, Event::GuildCreate(_))).await;
    let secret = ann.saying("secret").with_file("a.txt", "text/plain", 3).sends();
    let heard = message(&mut bot).await;
    assert_eq!((heard.content.as_str(), heard.attachments.len()), ("", 0));
    ann.tells_bot("open");
    assert!(message(&mut bot).await.content.ends_with("open"));
    ann.saying("quiet").quietly_in_reply_to(secret).sends();
    let heard = message(&mut bot).await;
    assert_eq!(heard.content, "");
    assert_eq!(heard.referenced_message.expect("there").content, "");
    let answer =
        discord.rest(Method::POST, &format!("/channels/{}/messages", ann.channel_id), json!({"content": "mine"})).await;
    assert_eq!(answer.0, 200);
    assert_eq!(message(&mut bot).await.content, "mine");
    ann.clone().in_direct_message().says("not asked for");
    ann.tells_bot("last");
    assert!(message(&mut bot).await.content.ends_with("last"), "there is no DIRECT_MESSAGES intent");
}

impl FakeDiscord {
    async fn rest(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.client.request(method, format!("{}/api/v10{path}", self.url()));
        let request = request.header("authorization", format!("Bot {}", self.token()));
        let response = request.json(&body).send().await.expect("reachable");
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }
}

/// The close code that comes of an IDENTIFY, or nothing when READY comes.
async fn refused(discord: &FakeDiscord, shard_id: ShardId, config: twilight_gateway::Config) -> Option<u16> {
    let mut bot = Shard::with_config(shard_id, config);
    let event = until(&mut bot, |event| {
        matches!(event, Event::Ready(_) | Event::GatewayClose(_) | Event::GatewayInvalidateSession(_))
    })
    .await;
    let _ = discord;
    match event {
        Event::GatewayClose(frame) => frame.map(|frame| frame.code),
        Event::GatewayInvalidateSession(_) => Some(0),
        _ => None,
    }
}

#[tokio::test]
async fn limits_hold_and_are_counted() {
    let discord = FakeDiscord::start().await;
    let gateway = discord.gateway();
    gateway.set(|settings| settings.message_content = false);
    let wrong = ConfigBuilder::new("wrong".to_owned(), intents()).proxy_url(discord.url().replacen("http", "ws", 1));
    assert_eq!(refused(&discord, ShardId::ONE, wrong.build()).await, Some(4_004));
    assert_eq!(refused(&discord, ShardId::ONE, config(&discord, intents()).build()).await, Some(4_014));
    let unknown = config(&discord, Intents::from_bits_retain(1 << 30)).build();
    assert_eq!(refused(&discord, ShardId::ONE, unknown).await, Some(4_013));
    gateway.set(|settings| (settings.message_content, settings.total) = (true, 3));
    let fine = || config(&discord, intents()).build();
    assert_eq!(refused(&discord, ShardId::ONE, fine()).await, None);
    assert_eq!(gateway.violations().len(), 0);
    assert_eq!(refused(&discord, ShardId::ONE, fine()).await, Some(0), "within the window");
    assert_eq!(gateway.violations().len(), 1);
    gateway.set(|settings| settings.identify_window = Duration::ZERO);
    assert_eq!(refused(&discord, ShardId::ONE, fine()).await, None);
    assert_eq!(discord.rest(Method::GET, "/gateway/bot", Value::Null).await.1["session_start_limit"]["remaining"], 0);
    assert_eq!(refused(&discord, ShardId::ONE, fine()).await, Some(4_004), "beyond the budget");
    assert_eq!(gateway.violations().len(), 2);

    gateway.set(|settings| (settings.total, settings.sends_per_minute) = (1_000, 3));
    let mut bot = shard(&discord, intents());
    until(&mut bot, |event| matches!(event, Event::Ready(_))).await;
    for _ in 0..3 {
        bot.send(json!({"op": 3, "d": {}}).to_string());
    }
    let closed = until(&mut bot, |event| matches!(event, Event::GatewayClose(_))).await;
    assert!(matches!(closed, Event::GatewayClose(Some(frame)) if frame.code == 4_008));
}

#[tokio::test]
async fn shards_get_their_servers_and_floods_arrive_whole() {
    let discord = FakeDiscord::start().await;
    let gateway = discord.gateway();
    gateway.set(|settings| settings.max_concurrency = 2);
    let guilds = [discord.add_guild_on("even", (0, 2)), discord.add_guild_on("odd", (1, 2))];
    let mut shards = [0, 1].map(|id| Shard::with_config(ShardId::new(id, 2), config(&discord, intents()).build()));
    for (bot, guild) in shards.iter_mut().zip(guilds) {
        until(bot, |event| matches!(event, Event::GuildCreate(g) if g.id().get() == guild)).await;
    }
    assert_eq!(gateway.connected(), [(0, 2), (1, 2)]);
    let prepared = discord.member("ann").saying("flood").prepared();
    let flood = gateway.flood(1, std::iter::repeat_n(prepared, 20_000));
    let [_, odd] = &mut shards;
    let mut arrived = 0;
    let hear = async {
        while arrived < 20_000 {
            arrived += usize::from(matches!(odd.next().await, Some(Ok(Message::Text(text))) if text.contains("flood")));
        }
    };
    assert_eq!(tokio::join!(flood, hear).0, 20_000);
}

#[tokio::test]
async fn bad_frames_come_as_planned() {
    let discord = FakeDiscord::start().await;
    let gateway = discord.gateway();
    let ann = discord.member("ann");
    gateway.next(GatewayFault::Refuse);
    gateway.next(GatewayFault::InvalidSession(true));
    let mut bot = shard(&discord, intents());
    until(&mut bot, |event| matches!(event, Event::GatewayInvalidateSession(true))).await;
    gateway.set(|settings| settings.identify_window = Duration::ZERO);
    until(&mut bot, |event| matches!(event, Event::GuildCreate(_))).await;
    for fault in [
        GatewayFault::NotJson,
        GatewayFault::UnknownOp,
        GatewayFault::UnknownEvent,
        GatewayFault::NonsenseEvent,
        GatewayFault::AskHeartbeat,
        GatewayFault::HugeGuild(10_000_000),
    ] {
        assert_eq!(gateway.now(&fault), 1);
    }
    let huge = until(&mut bot, |event| matches!(event, Event::GuildCreate(_))).await;
    assert!(matches!(huge, Event::GuildCreate(guild) if guild.id().get() != discord.guild_id()));
    let huge = discord.shared.state().huge_guild(discord.application_id(), 10_000_000);
    assert!(huge.to_string().len() >= 10_000_000);
    gateway.now(&GatewayFault::OutOfOrder);
    tokio::task::yield_now().await;
    let said = [ann.says("one"), ann.says("two")];
    let heard = [message(&mut bot).await.id.get(), message(&mut bot).await.id.get()];
    let mut sorted = heard;
    sorted.sort_unstable();
    assert_eq!(sorted, said);
    gateway.now(&GatewayFault::RepeatSequence);
    assert_eq!(message(&mut bot).await.id.get(), said[1]);
    gateway.forgets_sessions();
    until(&mut bot, |event| matches!(event, Event::GatewayInvalidateSession(false))).await;
    until(&mut bot, |event| matches!(event, Event::Ready(_))).await;
    assert!(gateway.record().heartbeats > 0);
}

#[tokio::test]
async fn a_bot_acts_in_channels_as_far_as_it_may() {
    let discord = FakeDiscord::start().await;
    let ann = discord.member("ann");
    let asked = ann.says("how long?");
    let messages = format!("/channels/{}/messages", ann.channel_id);
    let reply = json!({"content": "31 months.", "message_reference": {"message_id": asked.to_string()},
        "allowed_mentions": {"parse": [], "replied_user": false}});
    assert_eq!(discord.rest(Method::POST, &messages, reply.clone()).await.0, 200);
    assert_eq!(discord.wait_for_reply_to(asked, SOON).await[0].content, "31 months.");
    assert_eq!(ann.reads(), "ann: how long?\n\nguildhall → ann: 31 months.");
    let start = format!("{messages}/{asked}/threads");
    let (status, thread) = discord.rest(Method::POST, &start, json!({"name": "More"})).await;
    assert_eq!((status, thread["id"].as_str()), (201, Some(asked.to_string().as_str())));
    assert_eq!(discord.rest(Method::POST, &start, json!({"name": "More"})).await.1["code"], 160_004);
    discord.deny(ann.channel_id, &[Denied::Send]);
    assert_eq!(discord.rest(Method::POST, &messages, reply.clone()).await.1["code"], 50_013);
    let inside = format!("/channels/{asked}/messages");
    assert_eq!(discord.rest(Method::POST, &inside, json!({"content": "x"})).await.1["code"], 50_013);
    discord.deny(ann.channel_id, &[Denied::View]);
    assert_eq!(discord.rest(Method::GET, &messages, Value::Null).await.1["code"], 50_001);
    discord.deny(ann.channel_id, &[]);
    ann.deletes(asked);
    assert_eq!(discord.rest(Method::POST, &messages, reply).await.1["code"], 50_035);
    assert_eq!(discord.rest(Method::GET, &format!("{messages}/{asked}"), Value::Null).await.1["code"], 10_008);
    let (_, roles) = discord.rest(Method::GET, &format!("/guilds/{}/roles", discord.guild_id()), Value::Null).await;
    assert_eq!(roles[1]["tags"]["bot_id"], discord.application_id().to_string());
    discord.set_global_limit(1);
    let typing = format!("/channels/{}/typing", ann.channel_id);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(discord.rest(Method::POST, &typing, Value::Null).await.0);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    assert!(discord.over_global_limit() > 0);
}
