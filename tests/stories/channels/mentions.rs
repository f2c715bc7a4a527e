//! Who speaks to the bot is answered, and nobody else.

use super::{ANSWER, QUESTION, answer, mention, prompt, reads, server, somebody_is_answered, workshop};
use axum::http::Method;
use guildhall::ids::{ConversationId, QuestionId};
use guildhall::store::Vote;
use insta::assert_snapshot;
use serde_json::json;
use std::time::{Duration, Instant};
use tests::fake_model::Fault;
use tests::server::eventually;
use tests::world::SOON;

#[tokio::test]
async fn whoever_speaks_to_the_bot_is_answered() {
    let mut world = workshop().await;
    let (ann, bob) = (world.member("ann").member, world.member("bob").member);

    world.model.next(Fault::Slow(Duration::from_millis(300)));
    let asked = ann.tells_bot(QUESTION);
    let replied = answer(&world, asked).await;
    assert_snapshot!(reads(&world, &ann), @"
    ann: @Guildhall how long is the warranty?

    guildhall → ann: It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    [👍] [👎]
    ");
    assert_eq!(world.discord.typing(), [ann.channel_id], "it was seen to think");
    let path = format!("/channels/{}/messages", ann.channel_id);
    let requests = world.discord.requests();
    let sent =
        requests.iter().find(|request| request.method == Method::POST && request.path == path).expect("it was sent");
    assert_eq!(sent.body["nonce"], format!("{asked}-0"));
    assert_eq!(sent.body["enforce_nonce"], true);
    assert_eq!(sent.body["message_reference"], json!({"message_id": asked.to_string(), "fail_if_not_exists": false}));
    assert_eq!(sent.body["allowed_mentions"], json!({"parse": [], "replied_user": false}));

    // A reply to the bot, whether it mentions it or not, goes on with what was said.
    let follow_up = ann.replies(replied.id, "and what does it cover?");
    let second = answer(&world, follow_up).await;
    let told = prompt(&world);
    assert!(told.contains(r#""question":"how long is the warranty?""#) && told.contains(ANSWER), "{told}");
    assert!(told.contains("It covers the hinge."), "the passage was not found: {told}");
    let quiet = ann.saying("and how do I clean the glass?").quietly_in_reply_to(second.id).sends();
    answer(&world, quiet).await;
    let told = prompt(&world);
    assert!(told.contains(r#""question":"and how do I clean the glass?""#), "{told}");
    assert!(told.contains("and what does it cover?"), "{told}");

    // Somebody else's conversation is another.
    answer(&world, bob.says(&format!("Hello {}, {QUESTION}", mention(&world)))).await;
    let told = prompt(&world);
    assert!(told.contains(r#""question":"Hello, how long is the warranty?""#), "{told}");
    assert!(!told.contains("what does it cover"), "{told}");
    answer(&world, bob.says(&format!("<@!{}> {QUESTION}", world.discord.application_id()))).await;
    let role = world.discord.bot_role(world.discord.application_id(), bob.guild_id).expect("it has one");
    answer(&world, bob.says(&format!("<@&{role}> is it under warranty?"))).await;
    assert!(prompt(&world).contains(r#""question":"is it under warranty?""#), "{}", prompt(&world));

    // In private everything is meant for the bot, what is forwarded too.
    let private = ann.clone().in_direct_message();
    answer(&world, private.says(QUESTION)).await;
    let overheard = bob.says("It squeaks. Is that under warranty?");
    answer(&world, private.forwards(overheard)).await;
    assert!(prompt(&world).contains("It squeaks. Is that under warranty?"), "{}", prompt(&world));
    assert_eq!(world.used().await, 8);

    // Votes on an answer in a channel.
    let up = replied.buttons[0].custom_id.clone();
    ann.presses_over_gateway(replied.id, &up);
    assert_snapshot!(ann.sees().await, @"(only you can see this) Thank you, your vote is noted.");
    assert!(world.discord.gateway().violations().is_empty());
    world.is_quiet();
    world.stop().await;
    let conversation = ConversationId::of_person(ann.channel_id, ann.id);
    let votes = world.table().await.votes(&conversation, QuestionId(asked)).await.unwrap();
    assert_eq!(votes, [Vote::Up]);
}

#[tokio::test]
async fn nobody_else_is_answered() {
    let world = workshop().await;
    let (ann, bob) = (world.member("ann").member, world.member("bob").member);
    let told = format!("{} {QUESTION}", mention(&world));
    let role = world.discord.add_role(ann.guild_id, "helpers");

    let said = bob.says(QUESTION);
    ann.replies(said, QUESTION);
    ann.says(&format!("<@{}> {QUESTION}", bob.id));
    ann.says(&format!("<@&{role}> {QUESTION}"));
    ann.says(&format!("@everyone @here {QUESTION}"));
    ann.saying(&told).as_bot().sends();
    ann.saying(&told).as_webhook().sends();
    ann.saying(&told).as_system(7).sends();
    let quiet = server(&world, json!({"response_mode": {"mode": "command"}})).await;
    ann.clone().at(quiet).tells_bot(QUESTION);

    // The bot's own words come back over the gateway, and its mention of itself is no question.
    world.model.answers("who are you", &format!("I am {}, ask me anything?", mention(&world)));
    answer(&world, bob.tells_bot("who are you?")).await;
    somebody_is_answered(&world, ann.channel_id).await;
    assert_eq!((world.model.chat_count(), world.used().await), (2, 2));
    assert_eq!(world.discord.bot_messages().len(), 2);
    world.is_quiet();
}

#[tokio::test]
async fn several_messages_are_one_question_and_a_long_answer_is_one_reply() {
    let world = workshop().await;
    let ann = world.member("ann").member;
    let paragraph = |part: usize| (0..120).map(|word| format!("{part} and {word} ")).collect::<String>();
    world.model.answers("at length", &[paragraph(1), paragraph(2), paragraph(3)].join("\n\n"));

    let first = ann.tells_bot("hello");
    ann.says("it is about my Zephyr,");
    let last = ann.says("is it under warranty, at length?");
    let parts = eventually(SOON, async || {
        let said: Vec<_> =
            world.discord.channel(ann.channel_id).into_iter().filter(|seen| seen.author != "ann").collect();
        said.last().is_some_and(|last| !last.buttons.is_empty()).then_some(said)
    })
    .await;
    assert!(parts.len() > 1, "{parts:?}");
    let whom: Vec<_> = parts.iter().map(|part| part.replies_to).collect();
    assert_eq!((whom[0], whom[1..].iter().flatten().count()), (Some(last), 0), "only the first part is a reply");
    let buttons: Vec<_> = parts.iter().map(|part| part.buttons.len()).collect();
    assert_eq!(buttons.iter().rev().skip(1).sum::<usize>(), 0, "votes are below the last part: {buttons:?}");
    assert!(parts[parts.len() - 1].buttons[0].custom_id.ends_with(&format!(":{first}")), "{parts:?}");
    let told = prompt(&world);
    assert!(told.contains(r"hello\nit is about my Zephyr,\nis it under warranty, at length?"), "{told}");
    assert_eq!((world.model.chat_count(), world.used().await), (1, 1));

    // A message that is forwarded behind the question.
    let said = world.member("bob").member.says("It squeaks. Is that under warranty?");
    ann.tells_bot("what is to be said to this:");
    answer(&world, ann.forwards(said)).await;
    let told = prompt(&world);
    assert!(told.contains(r"what is to be said to this:\nIt squeaks. Is that under warranty?"), "{told}");
    assert_eq!((world.model.chat_count(), world.used().await), (2, 2));
    world.is_quiet();
}

/// Nothing else happens meanwhile that would wake anybody.
#[tokio::test]
async fn a_question_that_looks_unfinished_waits_for_a_pause_and_no_longer() {
    let world = workshop().await;
    let asked = world.member("ann").member.tells_bot("how long is the warranty");
    let began = Instant::now();
    answer(&world, asked).await;
    let waited = began.elapsed();
    assert!((Duration::from_millis(1_500)..Duration::from_secs(6)).contains(&waited), "{waited:?}");
}

/// Discord shows an application without the Message Content intent only what mentions it by name.
#[tokio::test]
async fn who_cannot_be_read_is_told_how_they_can() {
    let world = workshop().await;
    world.discord.gateway().set(|settings| settings.message_content = false);
    let ann = world.member("ann").member;
    let replied = answer(&world, ann.tells_bot(QUESTION)).await;
    let unread = ann.saying("and what does it cover?").quietly_in_reply_to(replied.id).sends();
    assert_snapshot!(answer(&world, unread).await, @"I can see no question there. Please mention me in the same message as your words.");
    assert_snapshot!(answer(&world, ann.tells_bot("")).await, @"I can see no question there. Please mention me in the same message as your words.");
    assert_eq!(world.used().await, 1);
    world.is_quiet();
}
