//! A member asks and is answered.

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};
use tests::fake_discord::Fault;

use tests::server::eventually;
use tests::world::{SOON, Start, World};
use twilight_model::id::Id;

const MANUAL: &str = "# Warranty\n\nThe warranty lasts 31 months. It covers the hinge.\n\n\
                      # Cleaning\n\nWipe the glass with a damp cloth.\n\n\
                      # Windows\n\nRun setup.exe as an administrator.\n";

/// A world with a manual and a model that has read it.
async fn workshop() -> World {
    let world = World::new().await;
    world.knows("Zephyr manual", MANUAL).await;
    world.model.reads("warranty", "It lasts **31 months**. [1]");
    world
}

#[tokio::test]
async fn a_question_is_answered_from_the_documents() {
    let world = workshop().await;
    let ann = world.member("ann");

    let asked = ann.asks("How long is the warranty?").await;
    assert_eq!(world.discord.first_answer_to(&asked), json!({"type": 5, "data": {"flags": 0}}));
    assert_snapshot!(ann.sees().await, @"
    It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    [👍] [👎]
    ");

    assert_eq!(world.used().await, 1);

    // A server may be set to one language, whatever people ask in.
    let path = format!("/guilds/{}/settings", world.discord.guild_id());
    assert_eq!(world.api(Method::PATCH, &path, Some(json!({"language": "fr"}))).await.0, 200);
    eventually(SOON, async || {
        ann.asks("Who painted the ceiling of the great hall?").await;
        ann.sees().await.contains("Je n’ai pas trouvé cela dans les documents.").then_some(())
    })
    .await;
    world.is_quiet();
}

#[tokio::test]
async fn a_private_question_is_answered_to_the_asker_alone() {
    let world = workshop().await;
    let ann = world.member("ann");

    let asked = ann.asks_privately("How long is the warranty?").await;
    assert_eq!(world.discord.first_answer_to(&asked), json!({"type": 5, "data": {"flags": 64}}));
    assert_snapshot!(ann.sees().await, @"
    (only you can see this) It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    ");
    assert_eq!(world.discord.channel(world.discord.channel_id()), [], "nobody else sees it");
    world.is_quiet();
}

#[tokio::test]
async fn a_follow_up_is_understood() {
    let world = workshop().await;
    let (ann, bob) = (world.member("ann"), world.member("bob"));
    ann.asks("How long is the warranty?").await;
    ann.sees().await;

    ann.asks("and what does it cover?").await;
    ann.sees().await;
    let prompt = world.model.chats().last().expect("the model was asked").prompt();
    assert!(prompt.contains("It covers the hinge."), "the passage was not found:\n{prompt}");
    assert!(prompt.contains(r#""question":"How long is the warranty?""#), "what was said before is missing:\n{prompt}");
    assert!(prompt.contains("It lasts **31 months**."), "what was answered before is missing:\n{prompt}");

    bob.asks("and what does it cover?").await;
    bob.sees().await;
    let prompt = world.model.chats().last().expect("the model was asked").prompt();
    assert!(!prompt.contains("How long is the warranty?"), "bob was not in this conversation:\n{prompt}");

    // After a restart the conversation goes on.
    let mut world = world;
    world.stop().await;
    world.restart().await;
    ann.asks("and where does it say so?").await;
    ann.sees().await;
    let prompt = world.model.chats().last().expect("the model was asked").prompt();
    assert!(prompt.contains(r#""question":"and what does it cover?""#), "{prompt}");
    world.is_quiet();
}

#[tokio::test]
async fn a_question_in_french_is_answered_in_french() {
    let world = World::new().await;
    world.knows("Manuel du Zéphyr", "# Garantie\n\nLa garantie dure 31 mois et couvre la charnière.").await;
    world.model.reads("garantie", "Elle dure **31 mois**. [1]");
    let anne = world.member("anne").speaking("fr");

    anne.asks("Combien de temps dure la garantie ?").await;
    assert_snapshot!(anne.sees().await, @"
    Elle dure **31 mois**. [1]
    -# Sources : [1] Manuel du Zéphyr › Garantie
    [👍] [👎]
    ");
    let prompt = world.model.chats()[0].prompt();
    assert!(prompt.contains(r#"use the one of this locale: "fr""#), "{prompt}");

    anne.asks("Quelle est la couleur du chat de la voisine ?").await;
    assert_snapshot!(anne.sees().await, @"
    Je n’ai pas trouvé cela dans les documents.
    [👍] [👎]
    ");
    world.is_quiet();
}

#[tokio::test]
async fn what_the_documents_do_not_say_is_not_invented() {
    let world = workshop().await;
    let ann = world.member("ann");
    ann.asks("Which colour has the neighbour's cat?").await;
    assert_snapshot!(ann.sees().await, @"
    I could not find that in the documents.
    [👍] [👎]
    ");

    // A model that says that it cannot answer and makes something up all the same.
    world
        .model
        .answers("tail", r#"{"answer": "It is 30 cm.", "can_answer": false, "sources": [1], "wants_human": false}"#);
    ann.asks("How long is the tail of the neighbour's cat?").await;
    assert_snapshot!(ann.sees().await, @"
    I could not find that in the documents.
    [👍] [👎]
    ");
    assert_eq!(world.used().await, 2, "an honest no is an answer");
    world.is_quiet();
}

#[tokio::test]
async fn without_a_model_the_best_passages_are_quoted() {
    let world = World::start(Start { without_model: true, ..Start::default() }).await;
    world.knows("Zephyr manual", MANUAL).await;
    let ann = world.member("ann");
    ann.asks("How long is the warranty?").await;
    assert_snapshot!(ann.sees().await, @"
    No language model is configured, so these are the best matching passages:

    > **[1] Zephyr manual › Warranty**
    > The warranty lasts 31 months. It covers the hinge.

    > **[2] Zephyr manual › Cleaning**
    > Wipe the glass with a damp cloth.
    -# Sources: [1] Zephyr manual › Warranty · [2] Zephyr manual › Cleaning
    [👍] [👎]
    ");
    let bob = world.member("bob");
    bob.asks("Neighbouring cats: colours?").await;
    assert_snapshot!(bob.sees().await, @"
    I could not find that in the documents.
    [👍] [👎]
    ");
    assert_eq!(world.model.chat_count(), 0);
    world.is_quiet();
}

#[tokio::test]
async fn votes_are_kept_and_a_second_one_replaces_the_first() {
    let mut world = workshop().await;
    let (ann, bob) = (world.member("ann"), world.member("bob").speaking("fr"));
    let asked = ann.asks("How long is the warranty?").await;
    let answer = ann.reply_to(&asked).await.remove(0);
    let [up, down] = [0, 1].map(|at| answer.buttons[at].custom_id.clone());

    ann.clicks(&answer, &up).await;
    assert_snapshot!(ann.sees().await, @"(only you can see this) Thank you, your vote is noted.");
    bob.clicks(&answer, &up).await;
    assert_snapshot!(bob.sees().await, @"(only you can see this) Merci, votre avis est noté.");
    ann.clicks(&answer, &down).await;
    ann.sees().await;

    world.stop().await;
    let store = world.table().await;
    let conversation = guildhall::ids::ConversationId::of_person(ann.member.channel_id, ann.member.id);
    let votes = store.votes(&conversation, guildhall::ids::QuestionId(asked.id)).await.unwrap();
    let ups = votes.iter().filter(|vote| **vote == guildhall::store::Vote::Up).count();
    assert_eq!((votes.len(), ups), (2, 1), "{votes:?}");
    world.is_quiet();
}

#[tokio::test]
async fn a_message_can_be_asked_about() {
    let world = workshop().await;
    let (ann, bob) = (world.member("ann"), world.member("bob"));
    let message = bob.member.says("My hinge broke. Is that under warranty?");

    let form = ann.asks_about(message).await;
    let form = world.discord.first_answer_to(&form);
    assert_eq!(form["type"], 9);
    assert_snapshot!(form["data"]["title"], @r#""Ask about this message""#);
    let fields: Vec<&Value> =
        form["data"]["components"].as_array().unwrap().iter().map(|row| &row["component"]).collect();
    assert_eq!(fields[1]["value"], "My hinge broke. Is that under warranty?");
    let id = |at: usize| fields[at]["custom_id"].as_str().unwrap();

    let form_id = form["data"]["custom_id"].as_str().unwrap();
    ann.submits(form_id, &[(id(0), "What shall I tell him?"), (id(1), fields[1]["value"].as_str().unwrap())]).await;
    assert_snapshot!(ann.sees().await, @"
    (only you can see this) It lasts **31 months**. [1]
    -# Sources: [1] Zephyr manual › Warranty
    ");
    let prompt = world.model.chats().last().expect("the model was asked").prompt();
    assert!(prompt.contains(r"What shall I tell him?\n\n> My hinge broke."), "{prompt}");

    let picture = bob.member.says("");
    ann.asks_about(picture).await;
    assert_snapshot!(ann.sees().await, @"(only you can see this) There is no text in that message that I could read.");
    world.is_quiet();
}

#[tokio::test]
async fn a_long_answer_comes_in_several_messages_in_order() {
    let world = workshop().await;
    let ann = world.member("ann");
    let lines: Vec<String> =
        (1..=60).map(|n| format!("    echo \"step {n:02} of the long way to a clean hinge\"  # {n:02}")).collect();
    let answer = format!("Do this:\n\n```bash\n{}\n```\n\nThen **wait**.", lines.join("\n"));
    world.model.answers("script", &answer);
    let asked = ann.asks("What does the warranty script say?").await;
    let parts = eventually(SOON, async || {
        let parts = world.discord.reply_to(&asked);
        parts.last().is_some_and(|last| last.content.contains("Sources:")).then_some(parts)
    })
    .await;

    assert!(parts.len() >= 2, "{parts:?}");
    let mut code = Vec::new();
    for part in &parts {
        assert!(part.content.encode_utf16().count() <= 2_000);
        assert_eq!(part.content.matches("```").count() % 2, 0, "a fence is left open:\n{}", part.content);
        code.extend(part.content.lines().filter(|line| line.contains("echo")).map(str::to_owned));
    }
    assert_eq!(code, lines, "every line once, in order, with its white space");
    let buttons: Vec<usize> = parts.iter().map(|part| part.buttons.len()).collect();
    assert!(buttons.iter().rev().skip(1).all(|count| *count == 0) && buttons.last() == Some(&2), "{buttons:?}");
    assert_eq!(world.used().await, 1);
    world.is_quiet();
}

#[tokio::test]
async fn the_api_gives_the_same_answer() {
    let world = workshop().await;
    let ask = json!({"question": "How long is the warranty?", "session": "s1"});
    let (status, answer) = world.api(Method::POST, "/ask", Some(ask)).await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({
            "answer": "It lasts **31 months**. [1]", "answered": true, "wants_human": false,
            "sources": [{"title": "Zephyr manual › Warranty", "url": null}],
        })
    );
    let ask = json!({"question": "and what does it cover?", "session": "s1"});
    world.api(Method::POST, "/ask", Some(ask)).await;
    let prompt = world.model.chats()[1].prompt();
    assert!(prompt.contains("It covers the hinge.") && prompt.contains("How long is the warranty?"), "{prompt}");

    let (status, refusal) = world.api(Method::POST, "/ask", Some(json!({"question": "🙂"}))).await;
    assert_eq!(status, 422, "{refusal}");
    assert_eq!(world.used().await, 2, "what is no question is not counted");
}

#[tokio::test]
async fn commands_are_registered_once() {
    let mut world = World::new().await;
    let registered = async |world: &World| {
        eventually(SOON, async || (world.discord.command_writes() == 1).then_some(())).await;
    };
    registered(&world).await;
    let names: Vec<Value> = world.discord.commands().iter().map(|command| command["name"].clone()).collect();
    assert_eq!(names, ["ask", "Ask about this"]);

    world.restart().await;
    world.guildhall.wait_for_line("Guildhall is here", SOON).await;
    assert_eq!(world.discord.command_writes(), 1);

    // A program with other commands asks Discord, and writes only what Discord does not have.
    world.stop().await;
    let application = Id::new(world.discord.application_id());
    world.table().await.set_registered_commands(application, "older").await.unwrap();
    world.restart().await;
    world.guildhall.wait_for_line("Discord has the commands as they are", SOON).await;
    assert_eq!(world.discord.command_writes(), 1);
}

#[tokio::test]
async fn refused_commands_are_a_line_in_the_log() {
    let mut world = workshop().await;
    let refusal = Fault::Refused { status: 401, code: 0, message: "401: Unauthorized".to_owned() };
    world.stop().await;
    let application = Id::new(world.discord.application_id());
    world.table().await.set_registered_commands(application, "older").await.unwrap();
    world.discord.next_on(&axum::http::Method::GET, "/applications", 1, refusal);
    world.restart().await;
    let line = world.guildhall.wait_for_line("check DISCORD_TOKEN and DISCORD_APPLICATION_ID", SOON).await;
    assert!(line.contains("401") && !line.contains(world.discord.token()), "{line}");

    let ann = world.member("ann");
    ann.asks("How long is the warranty?").await;
    assert!(ann.sees().await.contains("31 months"));
    world.is_quiet();
}
