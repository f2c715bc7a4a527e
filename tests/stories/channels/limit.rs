//! What is counted of what people write in channels, and what is said where the month is used up.

use super::{QUESTION, answer, begin, mention, reads_everything, server, thinks};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::fake_model::Fault;
use tests::world::{SOON, Start, World};

/// Messages by kind.
async fn kinds(world: &World) -> Value {
    world.api(Method::GET, "/usage", None).await.1["kinds"].clone()
}

/// Uses up what is left of the month, as another channel would.
async fn use_up(world: &World) {
    let (_, usage) = world.api(Method::GET, "/usage", None).await;
    let mut left = usage["remaining"].as_u64().expect("a number");
    while left > 0 {
        let count = left.min(1_000);
        let report = json!({"channel": "website", "count": count, "id": format!("left-{left}")});
        assert_eq!(world.api(Method::POST, "/usage/messages", Some(report)).await.0, 200);
        left -= count;
    }
}

#[tokio::test]
async fn each_kind_of_message_is_counted_as_such() {
    let world = begin(Start::default()).await;
    let all = json!({"response_mode": {"mode": "all_messages", "smart": true, "channel_context": false}});
    let channel = server(&world, all).await;
    reads_everything(&world).await;
    let (ann, bob) = (world.member("ann"), world.member("bob"));

    answer(&world, ann.member.tells_bot(QUESTION)).await;
    let bob_there = bob.member.clone().at(channel);
    answer(&world, bob_there.says(QUESTION)).await;
    bob_there.says("who comes to lunch at the harbour?");
    thinks(&world, 3).await;
    answer(&world, bob_there.says(&format!("{} {QUESTION}", mention(&world)))).await;
    ann.asks(QUESTION).await;
    ann.sees().await;
    world.api(Method::POST, "/ask", Some(json!({"question": QUESTION}))).await;
    let report = json!({"channel": "website", "count": 7, "id": "r-1"});
    assert_eq!(world.api(Method::POST, "/usage/messages", Some(report)).await.0, 200);
    let counted = json!({"mention": 2, "all_messages": 2, "command": 1, "api": 1, "other": 7});
    assert_eq!(kinds(&world).await, counted);

    // What the model fails at is taken off again, where it was counted.
    for _ in 0..2 {
        world.model.next(Fault::Status(500, None));
    }
    answer(&world, ann.member.tells_bot(QUESTION)).await;
    assert_eq!(kinds(&world).await, counted);

    let (_, usage) = world.api(Method::GET, "/usage", None).await;
    assert_eq!(usage["used"], 13);
    let of_days = |kind: &str| {
        let days = usage["days"].as_array().expect("a list");
        days.iter().map(|day| day[kind].as_u64().expect("a number")).sum::<u64>()
    };
    assert_eq!((of_days("mention"), of_days("other")), (2, 7));
    let (_, history) = world.api(Method::GET, "/usage/history", None).await;
    let months = history["months"].as_array().expect("a list");
    assert_eq!(months.len(), 12);
    assert_eq!((&months[11]["month"], &months[11]["kinds"]), (&usage["month"], &counted));
    assert_eq!(months[0]["used"], 0);
    for month in ["2026-13", "now", "", "2026-11-24"] {
        assert_eq!(world.api(Method::GET, &format!("/usage?month={month}"), None).await.0, 400);
    }
    world.is_quiet();
}

#[tokio::test]
async fn where_the_month_is_used_up_that_is_said_once_a_day_in_each_channel() {
    let mut world = begin(Start { environment: vec![("GUILDHALL_PLAN", "starter")], ..Start::default() }).await;
    let all = json!({"response_mode": {"mode": "all_messages", "smart": false, "channel_context": false}});
    let everything = server(&world, all).await;
    reads_everything(&world).await;
    let other = world.discord.add_channel(world.discord.guild_id(), "other");
    let (ann, bob) = (world.member("ann"), world.member("bob"));
    use_up(&world).await;
    let chats = world.model.chat_count();

    let told = answer(&world, ann.member.tells_bot(QUESTION)).await;
    assert_snapshot!(told.content, @"This server has used its 2500 messages for this month. It goes on next month; an admin can raise the plan.");
    for who in [&ann, &bob, &ann] {
        who.member.tells_bot(QUESTION);
    }
    let there = ann.member.clone().at(other);
    assert!(answer(&world, there.tells_bot(QUESTION)).await.content.contains("2500"));
    there.tells_bot(QUESTION);

    // Where all messages are read, nobody asked for that notice; who speaks to the bot did.
    let (bob_there, ann_there) = (bob.member.clone().at(everything), ann.member.clone().at(everything));
    bob_there.says(QUESTION);
    assert!(answer(&world, ann_there.says(&format!("{} {QUESTION}", mention(&world)))).await.content.contains("2500"));

    // Not after a restart either.
    world.restart().await;
    world.discord.gateway().wait_until_connected(1, SOON).await;
    bob.member.tells_bot(QUESTION);
    there.tells_bot(QUESTION);
    bob_there.says(QUESTION);
    // A command is answered each time, to nobody else.
    for _ in 0..2 {
        ann.asks(QUESTION).await;
        let whispered = ann.sees().await;
        assert_eq!(
            whispered,
            "(only you can see this) This server has used its 2500 messages for this month. It goes on next month; an admin can raise the plan."
        );
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let said = world.discord.bot_messages();
    assert_eq!(said.iter().filter(|seen| !seen.content.contains("only you")).count(), 3, "{said:?}");
    assert_eq!(world.model.chat_count(), chats, "nobody pays for what is not allowed");
    assert_eq!(world.used().await, 2_500);
    world.is_quiet();
}
