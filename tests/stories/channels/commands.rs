//! Commands, forms and votes where there is only a bot's token and no public address.

use super::{ANSWER, answer, begin, prompt};
use insta::assert_snapshot;
use serde_json::Value;
use tests::server::eventually;
use tests::world::{SOON, Start};

#[tokio::test]
async fn a_token_is_enough() {
    let world = begin(Start { only_a_token: true, ..Start::default() }).await;
    eventually(SOON, async || (world.discord.command_writes() == 1).then_some(())).await;
    let (ann, bob) = (world.member("ann").member, world.member("bob").member.speaking("fr"));

    let asked = ann.asks_over_gateway("How long is the warranty?", false);
    assert_snapshot!(ann.sees().await, @"
    It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    [👍] [👎]
    ");
    let shown = world.discord.reply_to(&asked).remove(0);
    bob.presses_over_gateway(shown.id, &shown.buttons[1].custom_id);
    assert_snapshot!(bob.sees().await, @"(only you can see this) Merci, votre avis est noté.");
    ann.asks_over_gateway("and what does it cover?", true);
    assert_snapshot!(ann.sees().await, @"
    (only you can see this) It covers the hinge. [1]
    -# Sources: [1] Zephyr manual › Warranty
    ");
    assert!(prompt(&world).contains(ANSWER), "{}", prompt(&world));

    let said = bob.says("My hinge broke. Is that under warranty?");
    let form = ann.asks_about_over_gateway(said);
    let form = eventually(SOON, async || {
        let form = world.discord.first_answer_to(&form);
        (!form.is_null()).then_some(form)
    })
    .await;
    assert_eq!(form["type"], 9);
    let rows = form["data"]["components"].as_array().expect("a form has fields");
    let fields: Vec<&Value> = rows.iter().map(|row| &row["component"]).collect();
    assert_eq!(fields[1]["value"], "My hinge broke. Is that under warranty?");
    let id = |at: usize| fields[at]["custom_id"].as_str().expect("a field has an id");
    let values = [(id(0), "What shall I tell him?"), (id(1), "My hinge broke. Is that under warranty?")];
    ann.submits_over_gateway(form["data"]["custom_id"].as_str().expect("a form has an id"), &values);
    assert_snapshot!(ann.sees().await, @"
    (only you can see this) It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    ");
    assert!(prompt(&world).contains(r"What shall I tell him?\n\n> My hinge broke."), "{}", prompt(&world));

    // A reply to the answer goes on with it.
    answer(&world, ann.replies(shown.id, "and where does it say so?")).await;
    assert!(prompt(&world).contains(r#""question":"How long is the warranty?""#), "{}", prompt(&world));

    // What is no vote of ours, and in private.
    ann.presses_over_gateway(shown.id, "somebody else's button");
    assert_snapshot!(ann.sees().await, @"(only you can see this) I do not know this button or command any more.");
    let private = ann.in_direct_message();
    private.asks_over_gateway("How long is the warranty?", false);
    assert!(private.sees().await.contains("31 months"));
    assert_eq!(world.used().await, 5);
    world.is_quiet();
}
