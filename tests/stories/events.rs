//! What a team hears of: somebody wants a person, the month's messages run out. By e-mail, each once.

use std::time::Duration;

use guildhall::account::Plan;
use guildhall::ids::{AccountId, ConversationId, QuestionId};
use guildhall::job::Job;
use guildhall::question::{Heard, Place, Question, ReplyTo, Said};
use guildhall::store::{Admission, Delivery, Quota, Reply, StoredJob};
use guildhall::usage::Kind;
use insta::assert_snapshot;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tests::fake_smtp::FakeSmtp;
use tests::server::eventually;
use tests::world::{SOON, Start, World};
use twilight_model::id::Id;

use super::quota::admit_at_once;

const WANTS_HUMAN: &str =
    r#"{"answer": "I have told the team.", "can_answer": false, "sources": [], "wants_human": true}"#;

/// A world whose e-mails go to `mail`, with this plan.
async fn world(mail: &FakeSmtp, plan: &'static str) -> World {
    // A story's environment lives as long as its process.
    let url: &'static str = mail.url().leak();
    let environment = vec![("SMTP_URL", url), ("MAIL_FROM", "Guildhall <bot@example.com>"), ("GUILDHALL_PLAN", plan)];
    let world = World::start(Start { environment, ..Start::default() }).await;
    world.model.answers("human", WANTS_HUMAN);
    world
}

async fn tells(world: &World, emails: &[&str], language: &str) {
    let wanted = json!({"emails": emails, "language": language});
    let (status, told) = world.api(Method::PUT, "/notifications", Some(wanted.clone())).await;
    assert_eq!((status, &told), (200, &wanted));
    assert_eq!(world.api(Method::GET, "/notifications", None).await.1, wanted);
}

async fn events(world: &World) -> Vec<Value> {
    let (status, listed) = world.api(Method::GET, "/events", None).await;
    assert_eq!(status, 200, "{listed}");
    listed["items"].as_array().expect("a list").clone()
}

/// Ids and times change with each run.
fn steady(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(": ") {
        Some((head @ ("When" | "Where"), rest)) => {
            format!("{head}: {}", rest.replace(|c: char| c.is_ascii_digit(), ""))
        }
        _ if line.starts_with("Who") => line.split(" (").next().unwrap_or_default().to_owned(),
        _ if line.starts_with("Guildhall,") => line.split(" Event").next().unwrap_or_default().to_owned(),
        _ => line.trim_end().to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n").trim_end_matches(['.', '\n']).to_owned()
}

#[tokio::test]
async fn the_team_is_told_once_who_wants_a_person() {
    let mail = FakeSmtp::start().await;
    let mut world = world(&mail, "standard").await;
    tells(&world, &["team@example.com", "boss@example.com"], "en").await;
    let ann = world.member("ann");
    ann.asks("Let me speak to a human!\r\nWhere: https://evil.example\nBcc: eve@example.com <b>now</b>").await;
    assert_eq!(ann.sees().await, "I have told the team.\n[👍] [👎]");

    let letters = mail.wait_for(2, SOON).await;
    assert_eq!(letters[0].to, ["team@example.com"]);
    assert_eq!(letters[1].to, ["boss@example.com"], "nobody sees who else is told");
    assert_snapshot!(steady(&letters[0].text()), @r"
    Somebody wants to speak to a person.

    Who: “ann”
    Where: https://discord.com/channels///
    When: -- : UTC

    What they wrote (their words, not Guildhall's):

    > Let me speak to a human!
    >
    > Where: https://evil.example
    > Bcc: eve@example.com <b>now</b>

    Of this conversation you hear again in an hour at the earliest.

    --
    Guildhall, for the account “This machine”
    ");
    let (headers, _) = letters[0].data.split_once("\r\n\r\n").unwrap();
    assert!(headers.contains("Subject: Somebody on Discord wants to speak to a person"), "{headers}");
    assert!(!headers.contains("eve@") && !headers.to_lowercase().contains("bcc"), "{headers}");

    // The same conversation, and another one after a restart.
    ann.asks("I said human!").await;
    assert_eq!(ann.sees().await, "I have told the team.\n[👍] [👎]");
    world.stop().await;
    world.restart().await;
    let bob = world.member("bob");
    bob.asks("A human for me too, please").await;
    bob.sees().await;
    let letters = mail.wait_for(4, SOON).await;
    assert!(letters[2..].iter().all(|letter| letter.text().contains("“bob”")), "{letters:?}");
    let listed = events(&world).await;
    let kinds: Vec<_> = listed.iter().map(|event| (&event["kind"], &event["asker"])).collect();
    assert_eq!(kinds, [(&json!("escalation"), &json!("bob")), (&json!("escalation"), &json!("ann"))]);
    assert!(!world.log().contains("speak to a human") && !world.log().contains("@example.com"));
    world.is_quiet();
}

#[tokio::test]
async fn an_event_waits_for_the_mail_server_through_a_kill() {
    let mail = FakeSmtp::start().await;
    let mut world = world(&mail, "pro").await;
    tells(&world, &["team@example.com"], "fr").await;
    mail.refuses(Some("451 later"));
    let ann = world.member("ann");
    ann.asks("A human, please").await;
    ann.sees().await;
    eventually(SOON, async || (mail.tries() > 0).then_some(())).await;
    world.guildhall.kill().await;
    mail.refuses(None);
    world.restart().await;
    let letters = mail.wait_for(1, Duration::from_mins(2)).await;
    assert!(letters[0].text().starts_with("Quelqu’un souhaite parler à une personne."), "{letters:?}");
    world.is_quiet();
}

/// Whoever kept an answer died over it, once or too often: it is said, and so is whatever else was to be said with it.
#[tokio::test]
async fn a_kept_answer_is_delivered_whole_by_whoever_comes_next() {
    let mail = FakeSmtp::start().await;
    let mut world = world(&mail, "pro").await;
    let ann = world.member("ann").member;
    let said: Vec<u64> = (0..2).map(|n| ann.says(&format!("human {n}?"))).collect();
    assert!(world.stop().await.success());
    let (store, now) = (world.table().await, Timestamp::now());
    let quota = Quota { account: &AccountId::local(), limit: 1_000, kind: Kind::Mention };
    for (&id, deaths) in said.iter().zip([0, 1_000]) {
        let reply_to = ReplyTo::Message {
            application_id: Id::new(world.discord.application_id()),
            channel_id: Id::new(ann.channel_id),
            message_id: Id::new(id),
            is_thread: false,
        };
        let question = Question {
            id: QuestionId(id),
            place: Place::Guild(Id::new(ann.guild_id)),
            // Of one conversation the team hears once.
            conversation: ConversationId::of_person(ann.channel_id, id),
            text: format!("human {deaths}?"),
            asker: "ann".to_owned(),
            locale: None,
            asked_at: now,
            reply_to,
            messages: vec![Said { id: Id::new(id), text: format!("human {deaths}?") }],
            heard: Heard::Directly,
        };
        let job = Job::Answer(Box::new(question));
        let delivery = Delivery { id: job.id(), attempt: 1 };
        let admitted = store.admit(&[QuestionId(id)], Some(quota), &delivery, now).await.unwrap();
        let Admission::Claimed(mut claim) = admitted else { panic!("{admitted:?}") };
        let reply = Reply { escalates: true, missing: true, ..Reply::notice("I have told the team.".to_owned()) };
        assert!(store.keep_reply(&mut claim, reply, None, false).await.unwrap());
        let (id, group, body) = (job.id(), job.group(), job.to_message());
        let accepted = i64::from(deaths);
        let stored = StoredJob { id, group, body, accepted, attempts: 1, deaths, not_before: Timestamp::UNIX_EPOCH };
        store.write_jobs(&[stored], &[]).await.unwrap();
    }
    drop(store);
    world.restart().await;
    for &id in &said {
        assert_eq!(world.discord.wait_for_reply_to(id, SOON).await[0].content, "I have told the team.");
    }
    let told = async || {
        let open = world.api(Method::GET, "/knowledge/questions?kind=unanswered", None).await.1;
        let escalated = events(&world).await.len();
        (escalated == 2 && open["items"].as_array()?.len() == 2).then_some(())
    };
    eventually(SOON, told).await;
    assert_eq!(world.model.chat_count(), 0);
    world.is_quiet();
}

#[tokio::test]
async fn an_address_that_is_refused_is_given_up() {
    let mail = FakeSmtp::start().await;
    let mut world = world(&mail, "pro").await;
    tells(&world, &["gone@example.com"], "en").await;
    mail.refuses(Some("550 gone@example.com is gone"));
    let ann = world.member("ann");
    ann.asks("A human, please").await;
    ann.sees().await;
    let line = world.guildhall.wait_for_line("an e-mail is given up", SOON).await;
    assert!(line.contains("550") && !line.contains("gone@"), "{line}");
    world.guildhall.wait_for_line("an event was told", SOON).await;
    assert_eq!(mail.tries(), 1);
    let (_, health) = world.api(Method::GET, "/health", None).await;
    let items = health["items"].as_array().expect("what needs attention");
    let mail = items.iter().find(|item| item["code"] == "mail").expect("that no e-mail arrives");
    assert!(mail["mend"].as_str().is_some_and(|mend| mend.contains("MAIL_FROM")), "{mail}");
    let page = world.browser().opens("/").await;
    assert!(page.body.contains("An e-mail to the team was refused within the last day"), "{}", page.body);
    world.is_quiet();
}

#[tokio::test]
async fn a_plan_without_escalation_and_an_account_without_addresses_send_nothing() {
    let mail = FakeSmtp::start().await;
    let mut starter = world(&mail, "starter").await;
    let ann = starter.member("ann");
    ann.asks("A human, please").await;
    assert_eq!(ann.sees().await, "I have told the team.\n[👍] [👎]");
    starter.stop().await;
    assert!(!starter.log().contains("an event was passed on"));

    let mut world = world(&mail, "pro").await;
    let ann = world.member("ann");
    ann.asks("A human, please").await;
    ann.sees().await;
    world.guildhall.wait_for_line("nobody is told of this event", SOON).await;
    assert_eq!(events(&world).await.len(), 1, "it is shown all the same");
    assert_eq!(mail.tries(), 0);

    for (emails, reason) in [
        (json!(["ann"]), "`emails`: “ann” is no e-mail address."),
        (json!(vec!["a@example.com"; 11]), "`emails`: there may be at most 10 addresses."),
    ] {
        let (status, problem) = world.api(Method::PUT, "/notifications", Some(json!({"emails": emails}))).await;
        assert_eq!((status, problem["detail"].as_str()), (422, Some(reason)));
    }
    world.is_quiet();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_is_told_of_once_at_eighty_and_once_at_a_hundred_percent() {
    let mail = FakeSmtp::start().await;
    let mut world = world(&mail, "starter").await;
    tells(&world, &["team@example.com"], "en").await;
    world.knows("Zephyr manual", "The warranty lasts 31 months.").await;
    world.model.reads("warranty", "31 months. [1]");
    let limit = u64::from(Plan::Starter.messages_per_month());

    // All but one of the first 80 %: whoever asks then is not yet beyond them, who asks next is.
    world.stop().await;
    admit_at_once(&[world.table().await], Plan::Starter.messages_per_month(), 0..limit * 8 / 10 - 1).await;
    world.restart().await;
    let ann = world.member("ann");
    ann.asks("How long is the warranty?").await;
    ann.sees().await;
    assert_eq!((world.used().await, events(&world).await.len()), (2_000, 0));
    for _ in 0..3 {
        ann.asks("How long is the warranty?").await;
        ann.sees().await;
    }
    let letters = mail.wait_for(1, SOON).await;
    assert!(letters[0].text().starts_with("80 % of the 2500 messages of "), "{letters:?}");

    world.stop().await;
    admit_at_once(&[world.table().await], Plan::Starter.messages_per_month(), limit..limit * 2).await;
    world.restart().await;
    for _ in 0..3 {
        ann.asks("How long is the warranty?").await;
        assert!(ann.sees().await.contains("used its 2500 messages"));
    }
    let letters = mail.wait_for(2, SOON).await;
    assert!(letters[1].text().starts_with("All 2500 messages of "), "{letters:?}");
    let percents: Vec<Value> = events(&world).await.iter().map(|event| event["percent"].clone()).collect();
    assert_eq!(percents, [json!(100), json!(80)], "each once, the newest first");
    assert_eq!(mail.letters().len(), 2);
    world.is_quiet();
}
