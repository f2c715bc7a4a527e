//! Where all messages are read: with smart mode, without, and with the whole channel in mind.

use super::{
    ANSWER, MESSAGE_CONTENT, QUESTION, answer, begin, prompt, reads, reads_everything, server, thinks, workshop,
};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::time::Duration;
use tests::fake_model::Fault;
use tests::world::Start;

fn all_messages(smart: bool, channel_context: bool) -> Value {
    json!({"response_mode": {"mode": "all_messages", "smart": smart, "channel_context": channel_context}})
}

#[tokio::test]
async fn smart_mode_speaks_only_where_it_helps() {
    let world = workshop().await;
    let first = world.discord.gateway().record().identifies[0].intents;
    assert_eq!(first & MESSAGE_CONTENT, 0, "nobody wants it yet");
    let channel = server(&world, all_messages(true, false)).await;
    reads_everything(&world).await;
    let [ann, bob, carl] = ["ann", "bob", "carl"].map(|name| world.member(name).member.at(channel));

    for chatter in ["lol", "thanks!", "good morning everyone", "👍", "https://example.com"] {
        ann.says(chatter);
    }
    bob.says("who comes to lunch at the harbour?");
    thinks(&world, 1).await;
    ann.says("lol");
    let asked = ann.says(QUESTION);
    answer(&world, asked).await;
    assert_snapshot!(reads(&world, &ann), @"
    ann: lol

    ann: thanks!

    ann: good morning everyone

    ann: 👍

    ann: https://example.com

    bob: who comes to lunch at the harbour?

    ann: lol

    ann: how long is the warranty?

    guildhall → ann: It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    [👍] [👎]
    ");
    assert_eq!((world.model.chat_count(), world.used().await), (2, 2), "whoever makes the model think is counted");
    assert!(world.discord.typing().is_empty(), "nobody sees it wonder");

    // Somebody who waited for the model's verdict alone left nothing behind.
    let traces: Vec<_> =
        world.discord.requests().into_iter().filter(|request| request.path.contains(&channel.to_string())).collect();
    assert_eq!(traces.len(), 1, "one reply was sent: {traces:?}");

    // A model that talks nonsense is not heard of either, and costs nothing.
    world.model.next(Fault::Raw("{\"answer".to_owned()));
    bob.says("does the warranty cover the harbour?");
    thinks(&world, 3).await;

    // Two messages in a row are one question, and what is forwarded is read.
    bob.says("my Zephyr makes a noise");
    answer(&world, bob.says("is that under warranty")).await;
    assert!(prompt(&world).contains(r"my Zephyr makes a noise\nis that under warranty"), "{}", prompt(&world));
    answer(&world, carl.forwards(asked)).await;
    assert!(prompt(&world).contains(r#""from":"carl","question":"how long is the warranty?""#), "{}", prompt(&world));
    // Whoever speaks to it is answered in any case.
    world.model.next(Fault::Slow(Duration::from_millis(300)));
    assert_snapshot!(answer(&world, carl.tells_bot("Who comes to lunch at the harbour?")).await, @"
    I could not find that in the documents.
    [👍] [👎]
    ");
    assert_eq!((world.model.chat_count(), world.used().await), (6, 5));
    assert_eq!(world.discord.typing(), [channel]);
    assert!(world.discord.gateway().violations().is_empty());
    world.is_quiet();
}

#[tokio::test]
async fn without_smart_mode_everything_is_answered() {
    let world = workshop().await;
    let channel = server(&world, all_messages(false, false)).await;
    // Where only mentions are answered, the rest stays unheard though it can be read now.
    let bob = world.member("bob").member;
    reads_everything(&world).await;
    let ann = world.member("ann").member.at(channel);
    bob.says(QUESTION);
    world.model.next(Fault::Slow(Duration::from_millis(300)));
    answer(&world, ann.says("what a lovely day")).await;
    assert_eq!(world.discord.typing(), [channel]);
    answer(&world, ann.says("How long is the warranty, by the way?")).await;
    assert_snapshot!(reads(&world, &ann), @"
    ann: what a lovely day

    guildhall → ann: I could not find that in the documents.
    [👍] [👎]

    ann: How long is the warranty, by the way?

    guildhall → ann: It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    [👍] [👎]
    ");
    assert_eq!((world.model.chat_count(), world.used().await), (2, 2));
    world.is_quiet();
}

#[tokio::test]
async fn a_channel_is_one_conversation_where_the_server_wants_it() {
    let world = workshop().await;
    let channel = server(&world, all_messages(true, true)).await;
    reads_everything(&world).await;
    let member = |name: &str| world.member(name).member.at(channel);

    member("ann").called("Annie").says("I bought a Zephyr in May and it rattles");
    thinks(&world, 1).await;
    member("bob").says("mine lost its left hinge on the first day");
    thinks(&world, 2).await;
    let zoe = member("zoe");
    let rued = zoe.says("my neighbour has the very same trouble with hers");
    thinks(&world, 3).await;
    // What nobody thinks about is said in the channel, too.
    let (fred, gus) = (member("fred"), member("gus"));
    fred.says("haha nice");
    let blurted = gus.says("wow lol");
    // Remembered by then, and forgotten again.
    tokio::time::sleep(Duration::from_millis(300)).await;
    zoe.deletes(rued);
    gus.deletes(blurted);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asked = member("carl").tells_bot("is that under warranty?");
    answer(&world, asked).await;
    let told = prompt(&world);
    for said in [
        r#"{"from":"Annie","said":"I bought a Zephyr in May and it rattles"}"#,
        r#"{"from":"bob","said":"mine lost its left hinge on the first day"}"#,
        r#"{"from":"fred","said":"haha nice"}"#,
    ] {
        assert!(told.contains(said), "{said} is missing: {told}");
    }
    for deleted in ["my neighbour", "wow lol"] {
        assert!(!told.contains(deleted), "what was deleted is forgotten: {told}");
    }
    // The next one knows the answer, too.
    answer(&world, member("dora").tells_bot("and for how long is it?")).await;
    let told = prompt(&world);
    assert!(told.contains(r#""from":"carl","question":"is that under warranty?""#) && told.contains(ANSWER), "{told}");

    // However much is said, a prompt stays small, and keeps what is newest.
    for speaker in 0..12 {
        member(&format!("speaker {speaker}")).says(&format!("speech {speaker}: {}", "word after word ".repeat(60)));
    }
    thinks(&world, 17).await;
    answer(&world, member("eve").tells_bot(QUESTION)).await;
    let told = prompt(&world);
    assert!(!told.contains("it rattles"), "{told}");
    let kept = (0..12).filter(|speaker| told.contains(&format!("speech {speaker}:"))).count();
    assert!((1..12).contains(&kept) && told.len() < 20_000, "{kept} in {} bytes", told.len());
    assert_eq!(world.used().await, 18);
    world.is_quiet();
}

#[tokio::test]
async fn without_a_model_nobody_is_answered_who_did_not_ask() {
    let world = begin(Start { without_model: true, ..Start::default() }).await;
    let channel = server(&world, all_messages(true, false)).await;
    reads_everything(&world).await;
    let ann = world.member("ann").member.at(channel);
    ann.says(QUESTION);
    // Longer than anybody waits for a second message.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let shown = answer(&world, ann.tells_bot(QUESTION)).await;
    assert!(shown.content.contains("The warranty lasts 31 months."), "{shown}");
    assert_eq!((world.discord.bot_messages().len(), world.used().await), (1, 1));
    world.is_quiet();
}
