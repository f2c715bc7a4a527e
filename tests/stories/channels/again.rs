//! What comes twice, and what breaks in between: one reply, one count.

use super::{QUESTION, answer, mention, somebody_is_answered, thinks, workshop};
use axum::http::Method;
use guildhall::account::Month;
use guildhall::ids::{AccountId, QuestionId};
use guildhall::store::{Admission, Delivery, Quota, Store};
use guildhall::usage::Kind;
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;
use tests::fake_discord::{Fault, GatewayFault, Outcome};
use tests::fake_model;
use tests::server::{self, eventually};
use tests::world::SOON;

#[tokio::test]
async fn what_the_gateway_sends_again_is_answered_once() {
    let world = workshop().await;
    let gateway = world.discord.gateway();
    let ann = world.member("ann").member;

    // The same frame, and the same message in another frame, before the answer and after.
    let asked = ann.tells_bot(QUESTION);
    gateway.now(&GatewayFault::RepeatSequence);
    answer(&world, asked).await;
    gateway.now(&GatewayFault::RepeatSequence);
    let prepared = ann.saying(&format!("{} is it under warranty?", mention(&world))).prepared();
    let prepared: Value = serde_json::from_str(&prepared).expect("an event is JSON");
    for _ in 0..2 {
        gateway.dispatch(0, "MESSAGE_CREATE", &prepared);
    }
    eventually(SOON, async || (world.discord.bot_messages().len() == 2).then_some(())).await;
    gateway.dispatch(0, "MESSAGE_CREATE", &prepared);

    // The line breaks behind a question, and in front of one.
    let before = ann.tells_bot(QUESTION);
    gateway.now(&GatewayFault::Cut);
    let after = ann.tells_bot("and what does it cover?");
    answer(&world, before).await;
    answer(&world, after).await;
    assert_eq!(gateway.record().resumes.last().map(|resume| resume.outcome), Some(Outcome::Accepted));
    somebody_is_answered(&world, ann.channel_id).await;
    assert_eq!((world.model.chat_count(), world.used().await), (5, 5));
    assert_eq!(world.discord.bot_messages().len(), 5);
    assert!(gateway.violations().is_empty(), "{:?}", gateway.violations());
    world.is_quiet();
}

#[tokio::test]
async fn who_is_killed_while_answering_answers_once() {
    let mut world = workshop().await;
    let ann = world.member("ann").member;
    // How to go on with its session is written down within a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    // While more may come; while the model thinks; while Discord is slow to say that it took the answer.
    let first = ann.tells_bot("the warranty");
    world.restart().await;
    answer(&world, first).await;
    world.model.next(fake_model::Fault::Hang);
    let second = ann.tells_bot(QUESTION);
    thinks(&world, 2).await;
    world.restart().await;
    answer(&world, second).await;
    let path = format!("/channels/{}/messages", ann.channel_id);
    world.discord.next_on(&Method::POST, &path, 1, Fault::CloseAfter);
    world.discord.next_on(&Method::POST, &path, 1, Fault::Hang(Duration::from_secs(20)));
    let third = ann.tells_bot("and what does it cover?");
    answer(&world, third).await;
    world.restart().await;
    somebody_is_answered(&world, ann.channel_id).await;
    for asked in [first, second, third] {
        assert_eq!(world.discord.replies_to(asked).len(), 1);
    }
    eventually(SOON, async || (world.used().await == 4).then_some(())).await;
    world.is_quiet();
}

/// Discord took the message, but did not say so, and says nothing else for as long as it is asked in one delivery.
#[tokio::test]
async fn an_answer_of_uncertain_fate_is_looked_for() {
    let world = workshop().await;
    let ann = world.member("ann").member;
    let path = format!("/channels/{}/messages", ann.channel_id);
    world.discord.next_on(&Method::POST, &path, 1, Fault::CloseAfter);
    world.discord.next_on(&Method::POST, &path, 30, Fault::Status(502));
    let asked = ann.tells_bot(QUESTION);
    let replied = answer(&world, asked).await;
    let looked = || {
        let requests = world.discord.requests();
        requests.iter().any(|request| request.path == path && request.method == Method::GET && request.status == 200)
    };
    eventually(SOON, async || looked().then_some(())).await;
    // What was found is known: it goes with its question.
    ann.deletes(asked);
    eventually(SOON, async || world.discord.message(replied.id).is_none().then_some(())).await;
    world.discord.no_more_faults();
    somebody_is_answered(&world, ann.channel_id).await;
    assert_eq!((world.model.chat_count(), world.used().await), (2, 2));
    assert_eq!(world.discord.bot_messages().len(), 1, "and nothing came later");
    world.is_quiet();
}

/// The same three messages, grouped in another way by each replay.
#[tokio::test]
async fn however_messages_are_grouped_each_is_claimed_once() {
    let data = server::data_folder();
    let client = standalone::table::open(&data.path().join("guildhall.db")).unwrap();
    let store = Store::new(client, "guildhall");
    store.create_table().await.unwrap();
    let account = AccountId::local();
    let admit = async |messages: &[u64], delivery: &str| {
        let messages: Vec<QuestionId> = messages.iter().copied().map(QuestionId).collect();
        let quota = Quota { account: &account, limit: 1_000, kind: Kind::Command };
        let delivery = Delivery { id: delivery.to_owned(), attempt: 1 };
        match store.admit(&messages, Some(quota), &delivery, Timestamp::now()).await.unwrap() {
            Admission::Claimed(claim) => claim.messages().iter().map(|id| id.0).collect(),
            Admission::Done => Vec::new(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(admit(&[1], "a").await, [1]);
    assert_eq!(admit(&[1, 2], "b").await, [2]);
    assert_eq!(admit(&[1, 2], "b").await, [2], "the same delivery goes on with what it had");
    assert_eq!(admit(&[1, 2, 3, 4], "c").await, [3, 4]);
    assert_eq!(admit(&[4], "d").await, [0; 0], "another's, which will see to it");
    assert_eq!(admit(&[4, 5], "e").await, [5]);
    assert_eq!(store.claim_of(QuestionId(4)).await.unwrap().unwrap().question(), QuestionId(3));
    assert_eq!(store.usage(&account, Month::of(Timestamp::now())).await.unwrap(), 4);
}
