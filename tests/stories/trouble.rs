//! The model, Discord, the embeddings and the disk fail, one after the other.

use std::time::{Duration, Instant};

use axum::http::Method;
use insta::assert_snapshot;
use tests::fake_discord::{Expiry, Fault as DiscordFault, Request};
use tests::fake_model::Fault;
use tests::server::eventually;
use tests::world::{SOON, Start, World};

const QUESTION: &str = "How long is the warranty?";

async fn workshop(start: Start) -> World {
    let world = World::start(start).await;
    world.knows("Zephyr manual", "The warranty lasts 31 months.").await;
    world.model.reads("warranty", "31 months. [1]");
    world
}

/// The requests that edit replies or add to them.
fn replies(world: &World, method: &Method) -> Vec<Request> {
    let all = world.discord.requests().into_iter();
    all.filter(|request| request.path.starts_with("/webhooks/") && request.method == *method).collect()
}

#[tokio::test]
async fn a_model_that_fails_twice_is_apologised_for_and_not_counted() {
    let world = workshop(Start::default()).await;
    let (ann, anne) = (world.member("ann"), world.member("anne").speaking("fr"));
    for (at, fault) in [Fault::Status(500, None), Fault::Close, Fault::Status(429, None)].into_iter().enumerate() {
        world.model.next(fault.clone());
        world.model.next(fault);
        ann.asks(QUESTION).await;
        assert!(ann.sees().await.starts_with("Sorry, I could not write an answer"), "fault {at}");
    }
    // These will not get better by being asked again.
    for fault in [Fault::Status(401, None), Fault::Garbage("<html>".to_owned())] {
        world.model.next(fault);
        anne.asks("Garantie ?").await;
        assert!(anne.sees().await.starts_with("Désolé, je n’ai pas pu rédiger de réponse"));
    }
    assert_eq!(world.used().await, 0);
    world.is_quiet();
}

#[tokio::test]
async fn a_model_that_fails_once_is_asked_again() {
    let world = workshop(Start::default()).await;
    let ann = world.member("ann");
    for fault in [Fault::Status(503, None), Fault::Close] {
        world.model.next(fault);
        ann.asks(QUESTION).await;
        assert!(ann.sees().await.starts_with("31 months."));
    }
    world.model.next(Fault::Status(429, Some(1)));
    let began = Instant::now();
    ann.asks(QUESTION).await;
    assert!(ann.sees().await.starts_with("31 months."));
    assert!(began.elapsed() >= Duration::from_secs(1), "the server had said to wait");

    // Nobody waits for an hour: the server's time is longer than an answer may take.
    let chats = world.model.chat_count();
    world.model.next(Fault::Status(429, Some(3_600)));
    ann.asks(QUESTION).await;
    assert!(ann.sees().await.starts_with("Sorry"));
    assert_eq!(world.model.chat_count(), chats + 1);
    assert_eq!(world.used().await, 3);
    world.is_quiet();
}

#[tokio::test]
async fn a_discord_that_stumbles_gets_the_answer_again() {
    let world = workshop(Start::default()).await;
    let ann = world.member("ann");
    let (wait, mut asked) = (Duration::from_millis(300), Vec::new());
    let unknown = DiscordFault::Refused { status: 404, code: 10015, message: "Unknown Webhook".to_owned() };
    for fault in [
        DiscordFault::RateLimited { retry_after: wait, global: false },
        DiscordFault::Status(502),
        DiscordFault::Close,
        DiscordFault::CloseAfter,
        // The answer overtook "thinking…".
        unknown,
    ] {
        world.discord.next_on(&Method::PATCH, "/webhooks/", 1, fault.clone());
        asked.push(ann.asks(QUESTION).await);
        assert!(ann.sees().await.starts_with("31 months."), "{fault:?}");
    }
    for asked in asked {
        // An edit of which nobody knows whether it was done was done again, and changed nothing.
        assert_eq!(world.discord.reply_to(&asked).len(), 1);
    }
    assert_eq!(world.used().await, 5);
    assert_eq!(world.model.chat_count(), 5, "the answer was there, only its delivery failed");
    world.is_quiet();
}

#[tokio::test]
async fn a_follow_up_of_uncertain_fate_is_looked_for_before_it_is_sent_again() {
    let world = workshop(Start::default()).await;
    let ann = world.member("ann");
    let long: Vec<String> = (0..3)
        .map(|part| format!("Part {part}: {}", (0..150).map(|n| format!("on and {n} ")).collect::<String>()))
        .collect();
    world.model.answers("everything", &long.join("\n\n"));
    for fault in [DiscordFault::CloseAfter, DiscordFault::Status(500)] {
        world.discord.next_on(&Method::POST, "/webhooks/", 1, fault);
        let asked = ann.asks("What is everything about the warranty?").await;
        let parts = eventually(SOON, async || {
            let parts = world.discord.reply_to(&asked);
            (parts.len() >= 3).then_some(parts)
        })
        .await;
        assert_eq!(parts.len(), 3, "{parts:#?}");
        for (at, part) in parts.iter().enumerate() {
            assert!(part.content.starts_with(&format!("Part {at}:")), "{parts:#?}");
        }
    }
    assert_eq!((world.used().await, world.model.chat_count()), (2, 2));
    world.is_quiet();
}

#[tokio::test]
async fn an_interaction_that_is_over_is_left_alone() {
    let mut world = workshop(Start::default()).await;
    let ann = world.member("ann");
    for expiry in [Expiry::InvalidToken, Expiry::UnknownInteraction, Expiry::UnknownWebhook] {
        let before = replies(&world, &Method::PATCH).len();
        world.model.next(Fault::Slow(Duration::from_millis(200)));
        let asked = ann.asks(QUESTION).await;
        world.discord.expire(&asked, expiry);
        eventually(SOON, async || {
            let done = format!(r#""question.id":"{}","attempt":1,"outcome":"TooLate""#, asked.id);
            world.guildhall.lines().iter().any(|line| line.contains(&done)).then_some(())
        })
        .await;
        let tries = replies(&world, &Method::PATCH).len() - before;
        match expiry {
            Expiry::InvalidToken => assert_eq!(tries, 1),
            _ => assert!(tries <= 8, "{tries} tries for {expiry:?}"),
        }
    }
    let secret = ann.asks(QUESTION).await.token;
    ann.sees().await;
    world.stop().await;
    assert_eq!(world.table().await.pending_jobs().await.unwrap(), []);
    assert!(!world.log().contains(&secret), "a token is a secret");
    world.is_quiet();
}

#[tokio::test]
async fn without_embeddings_words_are_enough() {
    for is_slow in [false, true] {
        let world = workshop(Start { with_embeddings: true, ..Start::default() }).await;
        let ann = world.member("ann");
        ann.asks(QUESTION).await;
        assert!(ann.sees().await.starts_with("31 months."));
        assert!(!world.log().contains("searching by words alone"));
        if is_slow {
            world.model.embeddings_take(Some(SOON));
        } else {
            world.model.embeddings_are_down(true);
        }
        ann.asks("And the warranty of the second one?").await;
        assert!(ann.sees().await.starts_with("31 months."));
        world.prints("searching by words alone").await;
        world.is_quiet();
    }
}

#[tokio::test]
async fn who_asks_while_guildhall_stops_is_answered() {
    let mut world = workshop(Start::default()).await;
    let ann = world.member("ann");
    world.model.next(Fault::Slow(Duration::from_millis(800)));
    let first = ann.asks(QUESTION).await;
    let second = ann.asks("And what does the warranty cover?").await;
    eventually(SOON, async || (world.model.chat_count() == 1).then_some(())).await;

    assert!(world.stop().await.success());
    assert!(!world.discord.reply_to(&first)[0].thinking, "what runs may end");
    world.restart().await;
    let parts = ann.reply_to(&second).await;
    assert!(!parts[0].thinking, "what waits is done after the next start");
    assert_eq!((world.used().await, world.model.chat_count()), (2, 2));
    world.is_quiet();
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_accepted() {
    let mut world = workshop(Start::default()).await;
    let (ann, anne) = (world.member("ann"), world.member("anne").speaking("fr"));
    // Nothing else is to be written meanwhile.
    while {
        world.stop().await;
        !world.table().await.pending_jobs().await.unwrap().is_empty()
    } {
        world.restart().await;
    }
    world.restart().await;

    // Full before the question is written down: it is not accepted, and the member knows.
    disk(&world, "1").await;
    ann.asks(QUESTION).await;
    assert_snapshot!(ann.sees().await, @"(only you can see this) I could not take your question just now. Please try again in a minute.");
    anne.asks(QUESTION).await;
    assert_snapshot!(anne.sees().await, @"(only you can see this) Je n’ai pas pu prendre votre question. Réessayez dans une minute.");
    let unwritten = || world.log().matches("the queue could not write its jobs down").count();
    eventually(SOON, async || (unwritten() == 2).then_some(())).await;
    disk(&world, "unlimited").await;
    assert_eq!(world.used().await, 0);

    // Full while the model thinks: tried again when there is room.
    world.model.next(Fault::Slow(Duration::from_millis(300)));
    let asked = ann.asks(QUESTION).await;
    eventually(SOON, async || (world.model.chat_count() == 1).then_some(())).await;
    disk(&world, "1").await;
    eventually(SOON, async || world.log().contains("a job failed and is tried again").then_some(())).await;
    assert!(world.discord.reply_to(&asked)[0].thinking, "nothing is said that was not kept");
    disk(&world, "unlimited").await;
    assert!(ann.sees().await.starts_with("31 months."));
    assert_eq!(world.used().await, 1);

    ann.asks(QUESTION).await;
    assert!(ann.sees().await.starts_with("31 months."));
    world.is_quiet();
}

/// Lets no file of Guildhall's grow beyond so many bytes: what a write meets on a full disk.
pub(super) async fn disk(world: &World, bytes: &str) {
    let id = world.guildhall.id().expect("it runs").to_string();
    let limit = format!("--fsize={bytes}:");
    let set = tokio::process::Command::new("prlimit").args(["--pid", &id, &limit]).status().await;
    assert!(set.is_ok_and(|set| set.success()), "the story needs `prlimit` of util-linux");
}
