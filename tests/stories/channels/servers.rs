//! Servers that come, go and change, and what the gateway is asked for on their behalf.

use super::{MESSAGE_CONTENT, QUESTION, answer, begin, reads_everything, server, set, somebody_is_answered, workshop};
use guildhall::store::SessionNotice;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::fake_discord::By;
use tests::server::eventually;
use tests::world::{SOON, Start, World};

/// What the dashboard is promised.
const TAKES_EFFECT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn what_is_set_takes_effect_within_seconds() {
    let world = workshop().await;
    let closing = server(&world, json!({})).await;
    let opening = server(&world, json!({"response_mode": {"mode": "command"}})).await;
    let ann = world.member("ann").member;
    let (at_closing, at_opening) = (ann.clone().at(closing), ann.clone().at(opening));
    at_opening.tells_bot(QUESTION);
    answer(&world, at_closing.tells_bot(QUESTION)).await;

    set(&world, at_closing.guild_id, json!({"response_mode": {"mode": "command"}})).await;
    set(&world, at_opening.guild_id, json!({"response_mode": {"mode": "mention"}})).await;
    tokio::time::sleep(TAKES_EFFECT).await;
    at_closing.tells_bot(QUESTION);
    answer(&world, at_opening.tells_bot(QUESTION)).await;
    somebody_is_answered(&world, ann.channel_id).await;
    assert_eq!((world.model.chat_count(), world.used().await), (3, 3));
    assert_eq!(world.discord.bot_messages().len(), 3);
    assert_eq!(world.discord.gateway().record().identifies.len(), 1, "nobody had to start anew");
    world.is_quiet();
}

#[tokio::test]
async fn servers_come_and_go() {
    let world = workshop().await;
    let guild = world.discord.found_guild("Newcomers");
    let channel = world.discord.add_channel(guild, "help");
    let ann = world.member("ann").member.at(channel);
    let bot = world.discord.application_id();
    world.discord.bot_joins(bot, guild);
    answer(&world, ann.tells_bot(QUESTION)).await;

    // It has an entry once somebody has set something, which says since when the bot is gone.
    set(&world, guild, json!({"instructions": "Be brief."})).await;
    let left = async |world: &World| {
        let (_, shown) = world.api(Method::GET, &format!("/guilds/{guild}"), None).await;
        shown["left_at"].is_string()
    };
    assert!(!left(&world).await);
    world.discord.set_unavailable(guild, true);
    world.discord.set_unavailable(guild, false);
    answer(&world, ann.tells_bot(QUESTION)).await;
    assert!(!left(&world).await, "an outage is no farewell");
    world.discord.bot_leaves(bot, guild);
    eventually(SOON, async || left(&world).await.then_some(())).await;
    world.discord.bot_joins(bot, guild);
    eventually(SOON, async || (!left(&world).await).then_some(())).await;
    answer(&world, ann.tells_bot(QUESTION)).await;
    let (_, listed) = world.api(Method::GET, "/guilds", None).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    world.is_quiet();
}

fn all_messages() -> Value {
    json!({"response_mode": {"mode": "all_messages", "smart": true}})
}

#[tokio::test]
async fn what_people_write_is_asked_for_where_somebody_wants_it() {
    let mut world = workshop().await;
    let gateway = world.discord.gateway();
    let ann = world.member("ann").member;
    let intents =
        || gateway.record().identifies.iter().map(|one| one.intents & MESSAGE_CONTENT != 0).collect::<Vec<_>>();
    assert_eq!(intents(), [false]);

    set(&world, ann.guild_id, all_messages()).await;
    reads_everything(&world).await;
    answer(&world, ann.says(QUESTION)).await;
    assert_eq!(intents(), [false, true]);

    // A new process resumes with what the old one had.
    world.restart().await;
    gateway.wait_until_connected(1, SOON).await;
    answer(&world, ann.says(QUESTION)).await;
    assert_eq!(intents(), [false, true]);
    assert!(gateway.violations().is_empty(), "{:?}", gateway.violations());
    world.is_quiet();
}

#[tokio::test]
async fn where_the_intent_is_off_mentions_are_still_answered() {
    let mut world = begin(Start::default()).await;
    let gateway = world.discord.gateway();
    gateway.set(|settings| settings.message_content = false);
    let channel = server(&world, all_messages()).await;
    let line = world.guildhall.wait_for_line("the Message Content intent is off", SOON).await;
    assert!(line.contains("developer portal"), "{line}");
    gateway.wait_until_connected(1, SOON).await;
    let ann = world.member("ann").member.at(channel);
    answer(&world, ann.tells_bot(QUESTION)).await;
    ann.says(QUESTION);
    somebody_is_answered(&world, channel).await;
    assert_eq!((world.model.chat_count(), world.discord.bot_messages().len()), (2, 2));
    let refused: Vec<_> = gateway.record().closes.into_iter().filter(|close| close.by == By::Discord).collect();
    assert_eq!(refused.iter().map(|close| close.code).collect::<Vec<_>>(), [Some(4_014)], "it is asked for once");
    assert!(gateway.violations().is_empty(), "{:?}", gateway.violations());
    world.is_quiet();
    world.stop().await;
    let leases = world.table().await.leases().await.unwrap();
    let notices: Vec<_> = leases.iter().filter_map(|lease| lease.state.notice).collect();
    assert_eq!(notices, [SessionNotice::ContentRefused], "the dashboard can show it: {leases:?}");
}
