//! Questions that are edited or deleted, before they are answered and after.

use super::{QUESTION, answer, mention, prompt, somebody_is_answered, thinks, workshop};
use axum::http::Method;
use guildhall::store::{Fate, Store};
use jiff::Timestamp;
use std::time::Duration;
use tests::fake_discord::Fault as PostFault;
use tests::fake_model::Fault;
use tests::server::{self, eventually};
use tests::world::SOON;
use twilight_model::id::Id;

const SLOW: Duration = Duration::from_millis(700);

#[tokio::test]
async fn what_is_edited_is_answered_as_it_says_now() {
    let world = workshop().await;
    let ann = world.member("ann").member;
    let told = |text: &str| format!("{} {text}", mention(&world));
    world.model.answers("colour", "It is blue.");

    // While more may come.
    let asked = ann.tells_bot("which colour has the hinge");
    ann.edits(asked, &told("is the hinge under warranty"));
    assert!(answer(&world, asked).await.content.starts_with("It lasts"));
    assert_eq!((world.model.chat_count(), world.used().await), (1, 1));

    // While the model thinks.
    world.model.next(Fault::Slow(SLOW));
    let asked = ann.tells_bot("which colour has the hinge?");
    thinks(&world, 2).await;
    ann.edits(asked, &told(QUESTION));
    assert!(answer(&world, asked).await.content.starts_with("It lasts"));
    assert!(prompt(&world).contains(r#""question":"how long is the warranty?""#), "{}", prompt(&world));
    assert_eq!(
        (world.model.chat_count(), world.used().await),
        (3, 2),
        "one question, however often it is thought about"
    );

    // A link that unfolds is no edit, and an answer that is there stays as it is.
    world.model.next(Fault::Slow(SLOW));
    let asked = ann.tells_bot("which colour? https://example.com");
    thinks(&world, 4).await;
    world.discord.unfolds_link(asked);
    assert!(answer(&world, asked).await.content.starts_with("It is blue."));
    ann.edits(asked, &told(QUESTION));
    somebody_is_answered(&world, ann.channel_id).await;
    assert_eq!(world.discord.replies_to(asked).len(), 1);
    assert_eq!((world.model.chat_count(), world.used().await), (5, 4));

    // Words that become a question only now.
    let said = ann.says("colour");
    ann.edits(said, &told("which colour has the hinge?"));
    assert!(answer(&world, said).await.content.starts_with("It is blue."));
    world.is_quiet();
}

#[tokio::test]
async fn what_is_deleted_is_not_answered() {
    let world = workshop().await;
    let ann = world.member("ann").member;

    // Of two messages one is left, which is answered.
    let first = ann.tells_bot("which colour has it, and");
    world.model.next(Fault::Slow(SLOW));
    let second = ann.says(&format!("{} {QUESTION}", mention(&world)));
    thinks(&world, 1).await;
    ann.deletes(first);
    answer(&world, second).await;
    assert!(!prompt(&world).contains("which colour"), "{}", prompt(&world));
    assert_eq!((world.model.chat_count(), world.used().await), (2, 1));

    // While more may come; while the model thinks; all of it at once.
    let asked = ann.tells_bot("the warranty");
    ann.deletes(asked);
    world.model.next(Fault::Slow(SLOW));
    let asked = ann.tells_bot(QUESTION);
    thinks(&world, 3).await;
    ann.deletes(asked);
    let many = [ann.tells_bot("the warranty"), ann.says("of the hinge")];
    world.discord.deletes_many(ann.channel_id, &many);
    somebody_is_answered(&world, ann.channel_id).await;
    tokio::time::sleep(SLOW).await;
    assert_eq!(world.discord.bot_messages().len(), 2);
    assert_eq!(world.used().await, 2, "only what was answered counts");
    world.is_quiet();
}

#[tokio::test]
async fn an_answer_goes_with_its_question_and_is_forgotten() {
    let world = workshop().await;
    let ann = world.member("ann").member;
    let asked = ann.tells_bot(QUESTION);
    let replied = answer(&world, asked).await;
    ann.deletes(asked);
    let is_gone = async |id: u64| eventually(SOON, async || world.discord.message(id).is_none().then_some(())).await;
    is_gone(replied.id).await;
    answer(&world, ann.tells_bot("and what does it cover?")).await;
    assert!(!prompt(&world).contains(QUESTION), "{}", prompt(&world));

    // Of a question in two messages, one is still there.
    let [first, second] = [ann.tells_bot("hello,"), ann.says(&format!("{} {QUESTION}", mention(&world)))];
    let replied = answer(&world, second).await;
    ann.deletes(second);
    somebody_is_answered(&world, ann.channel_id).await;
    assert!(world.discord.message(replied.id).is_some());
    ann.deletes(first);
    is_gone(replied.id).await;

    // In private, and by a moderator who deletes many.
    let private = ann.clone().in_direct_message();
    let asked = private.says(QUESTION);
    let replied = answer(&world, asked).await;
    private.deletes(asked);
    is_gone(replied.id).await;
    let asked = ann.tells_bot(QUESTION);
    let replied = answer(&world, asked).await;
    world.discord.deletes_many(ann.channel_id, &[asked, ann.says("and this")]);
    is_gone(replied.id).await;
    assert_eq!(world.used().await, 6, "all of it was answered");
    // Whoever looks at the bot's messages has seen that some are gone.
    assert_eq!(world.discord.bot_messages().len(), 2);
    world.is_quiet();
}

/// Discord takes the first part, the question goes meanwhile, and Discord refuses the second.
#[tokio::test]
async fn what_was_posted_of_an_answer_goes_with_its_question() {
    let world = workshop().await;
    let ann = world.member("ann").member;
    let path = format!("/channels/{}/messages", ann.channel_id);
    world.model.answers("colour", &(0..600).map(|n| format!("shade {n} ")).collect::<String>());
    world.discord.next_on(&Method::POST, &path, 1, PostFault::Hang(SLOW));
    let refused = PostFault::Refused { status: 403, code: 50_013, message: "planned".to_owned() };
    world.discord.next_on(&Method::POST, &path, 1, refused);
    let posts = |status: u16| {
        let requests = world.discord.requests();
        let posts = requests.iter().filter(|request| request.path == path && request.method == Method::POST);
        posts.filter(|request| request.status == status).count()
    };
    let asked = ann.tells_bot("which colour has the hinge?");
    thinks(&world, 1).await;
    tokio::time::sleep(SLOW / 3).await;
    assert_eq!(posts(200), 0, "it is on its way");
    ann.deletes(asked);
    eventually(SOON, async || (posts(403) == 1).then_some(())).await;
    eventually(SOON, async || world.discord.bot_messages().is_empty().then_some(())).await;
    answer(&world, ann.tells_bot(QUESTION)).await;
    assert!(!prompt(&world).contains("which colour"), "{}", prompt(&world));
    world.is_quiet();
}

/// Queues do not keep one job behind another.
#[tokio::test]
async fn an_edit_that_is_heard_of_late_brings_nothing_back() {
    let data = server::data_folder();
    let client = standalone::table::open(&data.path().join("guildhall.db")).unwrap();
    let store = Store::new(client, "guildhall");
    store.create_table().await.unwrap();
    let (message, now) = (Id::new(7), Timestamp::now());
    store.put_fate(message, Fate::Edited { text: "how wide?".to_owned() }, now).await.unwrap();
    store.put_fate(message, Fate::Deleted, now).await.unwrap();
    store.put_fate(message, Fate::Edited { text: "how long?".to_owned() }, now).await.unwrap();
    assert_eq!(store.fates(&[message]).await.unwrap()[&message], Fate::Deleted);
}
