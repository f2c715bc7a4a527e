//! What is counted, and what happens when a month's messages are used up.

use guildhall::account::Plan;
use guildhall::ids::{AccountId, QuestionId};
use guildhall::store::{Admission, Delivery, Quota, Store};
use guildhall::usage::Kind;
use insta::assert_snapshot;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use tests::fake_model::Fault;
use tests::server;
use tests::world::{Start, World};

/// How many questions of `ids` are admitted when all come at once, through several stores as through several processes.
pub(super) async fn admit_at_once(stores: &[Store], limit: u32, ids: std::ops::Range<u64>) -> u32 {
    let account = AccountId::local();
    let tasks: Vec<_> = ids
        .zip(stores.iter().cycle())
        .map(|(id, store)| {
            let (store, account) = (store.clone(), account.clone());
            let delivery = Delivery { id: format!("answer-{id}"), attempt: 1 };
            tokio::spawn(async move {
                let quota = Quota { account: &account, limit, kind: Kind::Command };
                store.admit(&[QuestionId(id)], Some(quota), &delivery, Timestamp::now()).await
            })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        match task.await.expect("no task panics").expect("the table answers") {
            Admission::Claimed(_) => admitted += 1,
            Admission::QuotaUsedUp(_) => {}
            Admission::Busy | Admission::Done => panic!("nobody else asked this question"),
        }
    }
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fewer_messages_than_shares_are_all_used() {
    for limit in [0, 1, 5, 17] {
        let data = server::data_folder();
        let store = Store::new(standalone::table::open(&data.path().join("guildhall.db")).unwrap(), "guildhall");
        store.create_table().await.unwrap();
        assert_eq!(admit_at_once(&[store], limit, 0..40).await, limit);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_used_the_month_is_told_so() {
    let mut world = World::start(Start { environment: vec![("GUILDHALL_PLAN", "starter")], ..Start::default() }).await;
    world.knows("Zephyr manual", "The warranty lasts 31 months.").await;
    world.model.reads("warranty", "31 months. [1]");
    let (ann, anne) = (world.member("ann"), world.member("anne").speaking("fr"));

    world.stop().await;
    let limit = Plan::Starter.messages_per_month();
    let store = world.table().await;
    assert_eq!(admit_at_once(&[store], limit, 0..u64::from(limit) - 1).await, limit - 1);
    world.restart().await;

    // The last one fails, so it is still there.
    world.model.next(Fault::Status(500, None));
    world.model.next(Fault::Status(500, None));
    ann.asks("How long is the warranty?").await;
    assert_snapshot!(ann.sees().await, @"Sorry, I could not write an answer just now. Please ask again in a minute.");
    assert_eq!(world.used().await, u64::from(limit) - 1);
    ann.asks("How long is the warranty?").await;
    assert!(ann.sees().await.starts_with("31 months."));

    let chats = world.model.chat_count();
    ann.asks("How long is the warranty?").await;
    assert_snapshot!(ann.sees().await, @"(only you can see this) This server has used its 2500 messages for this month. It goes on next month; an admin can raise the plan.");
    anne.asks("Garantie ?").await;
    assert_snapshot!(anne.sees().await, @"(only you can see this) Ce serveur a utilisé ses 2500 messages du mois. Il reprend le mois prochain ; un admin peut changer d’offre.");
    let (status, problem) =
        world.api(Method::POST, "/ask", Some(json!({"question": "How long is the warranty?"}))).await;
    assert_snapshot!(format!("{status} {}", problem["detail"].as_str().unwrap()), @"429 This server has used its 2500 messages for this month. It goes on next month; an admin can raise the plan.");
    assert_eq!(world.model.chat_count(), chats, "nobody pays for what is not allowed");
    let (_, usage) = world.api(Method::GET, "/usage", None).await;
    assert_eq!((&usage["used"], &usage["remaining"]), (&json!(limit), &json!(0)));
    world.is_quiet();
}
