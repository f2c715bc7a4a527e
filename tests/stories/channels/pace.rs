//! Who asks too often is told so once.

use super::{QUESTION, answer, mention, server, set, somebody_is_answered, workshop};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::time::Duration;
use tests::fake_discord::{GatewayFault, Member};
use tests::server::eventually;
use tests::world::SOON;

#[tokio::test]
async fn a_pause_and_a_bound_are_told_once() {
    let world = workshop().await;
    let pause = server(&world, json!({"cooldown_seconds": 60})).await;
    let [ann, bob] = ["ann", "bob"].map(|name| world.member(name).member.at(pause));
    answer(&world, ann.tells_bot(QUESTION)).await;
    let early = ann.tells_bot("Et la garantie, combien de temps dure-t-elle ?");
    world.discord.gateway().now(&GatewayFault::RepeatSequence);
    assert_snapshot!(answer(&world, early).await, @"Une question toutes les 60 secondes, s’il vous plaît. Je n’ai pas lu celle-ci : reposez-la dans un instant.");
    ann.tells_bot(QUESTION);
    answer(&world, bob.tells_bot(QUESTION)).await;
    // The command is not held back.
    let asked = ann.asks_over_gateway(QUESTION, false);
    world.discord.wait_for_reply(&asked, SOON).await;
    somebody_is_answered(&world, pause).await;
    assert_eq!((world.model.chat_count(), world.used().await), (4, 4), "notices cost nothing");
    assert_eq!(world.discord.replies_to(early).len(), 1);

    let bound = server(&world, json!({"questions_per_hour": 2})).await;
    let [ann, bob] = [&ann, &bob].map(|member| member.clone().at(bound));
    answer(&world, ann.tells_bot(QUESTION)).await;
    answer(&world, ann.tells_bot(QUESTION)).await;
    assert_snapshot!(answer(&world, ann.tells_bot(QUESTION)).await, @"I answer at most 2 questions an hour here. Please ask again later.");
    ann.tells_bot(QUESTION);
    answer(&world, bob.tells_bot(QUESTION)).await;
    somebody_is_answered(&world, bound).await;
    assert_eq!((world.model.chat_count(), world.used().await), (8, 8));
    assert_eq!(world.discord.bot_messages().len(), 10);
    world.is_quiet();
}

/// So few words tell no language.
#[tokio::test]
async fn the_bot_speaks_its_servers_language() {
    let world = workshop().await;
    let pause = server(&world, json!({"cooldown_seconds": 60})).await;
    let [ann, bob] = ["ann", "bob"].map(|name| world.member(name).member.at(pause));
    let notice = async |member: &Member| {
        answer(&world, member.tells_bot(QUESTION)).await;
        answer(&world, member.tells_bot("ok?")).await
    };
    assert_snapshot!(notice(&ann).await, @"One question every 60 seconds, please. I did not read this one: ask it again in a moment.");
    world.discord.set_guild_locale(ann.guild_id, "fr");
    assert_snapshot!(notice(&bob).await, @"Une question toutes les 60 secondes, s’il vous plaît. Je n’ai pas lu celle-ci : reposez-la dans un instant.");
}

/// Replayed, they are too quick for what is set by now; but they were answered.
#[tokio::test]
async fn nobody_is_told_off_for_what_was_answered() {
    let world = workshop().await;
    let channel = server(&world, json!({})).await;
    let ann = world.member("ann").member.at(channel);
    let frames: Vec<Value> = (0..2)
        .map(|_| ann.saying(&format!("{} {QUESTION}", mention(&world))).prepared())
        .map(|frame| serde_json::from_str(&frame).expect("an event is JSON"))
        .collect();
    let say = || frames.iter().for_each(|frame| world.discord.gateway().dispatch(0, "MESSAGE_CREATE", frame));
    say();
    eventually(SOON, async || (world.discord.channel(channel).len() == 2).then_some(())).await;
    set(&world, ann.guild_id, json!({"cooldown_seconds": 3_600})).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    say();
    // The notice of this pause is used up, though nobody has seen it.
    ann.tells_bot(QUESTION);
    somebody_is_answered(&world, channel).await;
    assert_eq!((world.model.chat_count(), world.discord.bot_messages().len(), world.used().await), (3, 3, 3));
    world.is_quiet();
}
