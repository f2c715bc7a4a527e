//! Answers in threads of their own, where the server asks for it.

use super::{ANSWER, QUESTION, answer, prompt, reads, server, somebody_is_answered, thinks, workshop};
use guildhall::store::TroubleKind;
use insta::assert_snapshot;
use serde_json::json;
use std::time::Duration;
use tests::fake_discord::Denied;
use tests::fake_model::Fault;
use tests::server::eventually;
use tests::world::SOON;
use twilight_model::id::Id;

#[tokio::test]
async fn an_answer_has_a_thread_in_which_it_goes_on() {
    let mut world = workshop().await;
    let channel = server(&world, json!({"answer_in_thread": true})).await;
    let [ann, bob] = ["ann", "bob"].map(|name| world.member(name).member.at(channel));

    let asked = ann.tells_bot("**@everyone** how long `really` is the warranty?");
    let replied = answer(&world, asked).await;
    let thread = world.discord.thread_of(asked).expect("a thread was started");
    assert_eq!((replied.channel_id, replied.replies_to), (thread, None));
    let name = world.discord.requests().into_iter().find(|request| request.path.ends_with("/threads"));
    assert_snapshot!(name.expect("it was started").body["name"], @r#""everyone how long really is the warranty?""#);

    // In its own thread nobody has to mention it, and what was said is known.
    let there = ann.clone().at(thread);
    let follow_up = there.says("and what does it cover?");
    assert_eq!(answer(&world, follow_up).await.replies_to, Some(follow_up));
    let told = prompt(&world);
    assert!(told.contains("really") && told.contains(ANSWER) && told.contains("It covers the hinge."), "{told}");
    assert_eq!(world.discord.thread_of(follow_up), None, "there are no threads in threads");
    assert_snapshot!(reads(&world, &there), @"
    guildhall: It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    [👍] [👎]

    ann: and what does it cover?

    guildhall → ann: It covers the hinge. [1]
    -# Sources: [1] Zephyr manual › Warranty
    [👍] [👎]
    ");
    there.presses_over_gateway(replied.id, &replied.buttons[0].custom_id);
    assert_snapshot!(there.sees().await, @"(only you can see this) Thank you, your vote is noted.");

    // A question that is taken back takes its answer with it, wherever that is.
    let gone = bob.tells_bot(QUESTION);
    let replied = answer(&world, gone).await;
    bob.deletes(gone);
    eventually(SOON, async || world.discord.message(replied.id).is_none().then_some(())).await;
    world.discord.bot_messages();

    // In somebody else's thread they do.
    let theirs = bob.clone().at(bob.opens_thread("lunch"));
    theirs.says(QUESTION);
    let asked = theirs.tells_bot(QUESTION);
    assert_eq!(answer(&world, asked).await.channel_id, theirs.channel_id);
    somebody_is_answered(&world, theirs.channel_id).await;
    assert_eq!(world.model.chat_count(), 5);

    // Somebody was quicker and has started one already.
    world.model.next(Fault::Slow(Duration::from_millis(500)));
    let asked = bob.tells_bot(QUESTION);
    thinks(&world, 6).await;
    bob.starts_thread(asked, "mine");
    assert_eq!(answer(&world, asked).await.channel_id, asked);

    // A server that does not let it start threads has plain replies, and its admins can see why.
    world.discord.deny(channel, &[Denied::Thread]);
    let asked = bob.tells_bot(QUESTION);
    assert_eq!(answer(&world, asked).await.replies_to, Some(asked));
    assert_eq!(world.used().await, 7);
    world.is_quiet();
    world.stop().await;
    let troubles = world.table().await.troubles(Id::new(ann.guild_id)).await.unwrap();
    assert_eq!(troubles.len(), 1);
    assert_eq!(
        (troubles[0].kind, troubles[0].channel.get(), troubles[0].code),
        (TroubleKind::StartThread, channel, 50_013)
    );
}
