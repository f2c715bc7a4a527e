//! What the webhook does not take, and what is no question: nothing of it is kept, nothing of it is sent on.

use axum::http::Method;
use insta::assert_snapshot;
use serde_json::json;
use tests::server;
use tests::world::World;

#[tokio::test]
async fn what_discord_did_not_sign_leaves_no_trace() {
    let world = World::new().await;
    let ann = world.member("ann");
    let good = ann.member.ask("How long is the warranty?", false);
    for (what, request) in world.discord.forgeries(&good.body) {
        assert_eq!(world.discord.post(&world.webhook(), &request).await, (401, String::new()), "{what}");
    }
    for (what, request) in world.discord.nonsense(&good.body) {
        let (status, _) = world.discord.post(&world.webhook(), &request).await;
        assert!([400, 401, 413].contains(&status), "{what}: {status}");
    }
    nothing_happened(&world).await;

    // The very same interaction is good once it is signed.
    ann.delivers(&good).await.accepted();
    ann.sees().await;
    world.is_quiet();
}

#[tokio::test]
async fn a_recorded_request_is_of_no_use_later() {
    let world = World::new().await;
    let good = world.member("ann").member.ask("How long is the warranty?", false);
    for minutes in [-6, 6] {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        let request = world.discord.signed_at(time, &good.body);
        assert_eq!(world.discord.post(&world.webhook(), &request).await.0, 401, "{minutes} minutes");
    }
    nothing_happened(&world).await;
}

#[tokio::test]
async fn other_methods_and_paths_are_nothing() {
    let world = World::new().await;
    let client = server::client();
    assert_eq!(client.get(world.webhook()).send().await.unwrap().status(), 405);
    assert_eq!(client.post(format!("{}x", world.webhook())).send().await.unwrap().status(), 404);
    assert_eq!(client.post(world.webhook()).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn discord_may_check_the_address() {
    let world = World::new().await;
    let sent = world.discord.pings_webhook(&world.webhook()).await;
    assert_eq!((sent.failure, sent.answer), (None, json!({"type": 1})));
}

#[tokio::test]
async fn what_is_no_question_is_said_at_once() {
    let world = World::new().await;
    world.knows("Zephyr manual", "The warranty lasts 31 months.").await;
    world.model.reads("warranty", "31 months. [1]");
    let (ann, anne) = (world.member("ann"), world.member("anne").speaking("fr"));

    ann.asks(" \n ").await;
    assert_snapshot!(ann.sees().await, @"(only you can see this) I could not find a question in that. Please ask it in words.");
    anne.asks("").await;
    assert_snapshot!(anne.sees().await, @"(only you can see this) Je n’y trouve pas de question. Posez-la avec des mots.");
    ann.asks(&"é".repeat(6_001)).await;
    assert_snapshot!(ann.sees().await, @"(only you can see this) That question is longer than 6000 characters. Please ask a shorter one.");
    assert_eq!(world.used().await, 0, "none of these was queued");

    ann.asks("🙂 <:wave:123> 👨‍👩‍👧").await;
    assert_snapshot!(ann.sees().await, @"(only you can see this) I could not find a question in that. Please ask it in words.");
    assert_eq!((world.model.chat_count(), world.used().await), (0, 0), "nobody pays for a smile");

    let long = format!("{} and how long is the warranty?", "word ".repeat(1_193));
    assert!((5_990..=6_000).contains(&long.chars().count()), "{}", long.chars().count());
    ann.asks(&long).await;
    assert_snapshot!(ann.sees().await, @"
    31 months. [1]
    -# Sources: [1] Zephyr manual
    [👍] [👎]
    ");
    assert_eq!(world.used().await, 1);

    ann.asks("保証期間はどのくらいですか、教えてください。").await;
    assert_snapshot!(ann.sees().await, @"I could not find that in the documents.");
    world.is_quiet();
}

/// No count, no question to the model, no request to Discord but for the commands and where its gateway is.
async fn nothing_happened(world: &World) {
    assert_eq!((world.used().await, world.model.chat_count()), (0, 0));
    let requests = world.discord.requests();
    let is_usual = |path: &str| path.starts_with("/applications/") || path == "/gateway/bot";
    let others: Vec<_> = requests.iter().filter(|request| !is_usual(&request.path)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(requests.iter().all(|request| request.method != Method::POST));
}
