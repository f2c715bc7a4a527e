//! Reading, publishing, removing and adding again at the same time.

use guildhall::ids::{AccountId, SourceId};
use guildhall::knowledge::source::{Origin, Ready, Source, Status};
use guildhall::store::Store;
use jiff::Timestamp;
use reqwest::Method;
use tests::server::eventually;
use tests::world::{SOON, World};

use super::documents::{finds, found, ready, upload};

const READ: Status = Status::Indexing { done: 1, total: 1 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("within range")
}

fn source(status: Status, revision: Timestamp) -> Source {
    Source {
        id: SourceId::of("file", "hours.md"),
        account: AccountId::local(),
        origin: Origin::File { name: "hours.md".to_owned(), content_type: None },
        title: "hours.md".to_owned(),
        status,
        ready: None,
        content: Some("v1".to_owned()),
        revision,
        original: Some(revision),
        created_at: at(1),
    }
}

async fn stored(store: &Store, as_read: &Source) -> Option<Source> {
    store.source(&as_read.account, &as_read.id).await.expect("the table answers")
}

pub(super) async fn a_stale_view_of_a_source_changes_nothing(store: &Store) {
    let done = |result: anyhow::Result<bool>| result.expect("the table answers");
    let ready = Ready {
        documents: 1,
        passages: 1,
        skipped: Vec::new(),
        missing: Vec::new(),
        content: "v1".to_owned(),
        at: at(9),
    };

    // It was being removed when publishing looked, and was added again before publishing was done.
    let leaving = source(Status::Removing, at(1));
    let added = source(Status::Pending, leaving.next_revision(at(2)));
    store.put_source(&added).await.expect("the table takes it");
    assert!(!done(store.delete_source(&leaving).await));
    assert_eq!(stored(store, &added).await.as_ref(), Some(&added));

    // … and removed again: still not the one that publishing saw.
    assert!(done(store.set_source_removing(&added).await));
    assert!(!done(store.delete_source(&leaving).await));
    assert!(!done(store.set_source_status(&added, &READ).await), "what is leaving stays so");
    let added = stored(store, &added).await.expect("it is there");
    assert!(done(store.delete_source(&added).await));
    assert_eq!(stored(store, &added).await, None);
    assert!(!done(store.set_source_removing(&added).await), "what is gone cannot be removed");
    assert!(!done(store.set_source_status(&added, &READ).await), "nor does a status bring it back");
    assert_eq!(stored(store, &added).await, None);

    // It was read when publishing looked, and publishing was given up before it wrote that.
    let read = source(READ, at(3));
    store.put_source(&read).await.expect("the table takes it");
    let failed = Status::Failed { reason: "It was given up.".to_owned(), cause: None };
    assert!(done(store.change_source_status(&read, &failed).await));
    assert!(!done(store.set_source_ready(&read, &ready, &Status::Ready).await));
    assert_eq!(stored(store, &read).await.map(|source| source.status), Some(failed));

    // A reader of an earlier request neither tells its progress nor puts its content in place of a later one's.
    let again = read.next_revision(at(1));
    assert!(again > read.revision, "also when the clock goes backwards");
    assert!(done(store.set_source_pending(&read, again).await));
    assert!(!done(store.set_source_status(&read, &READ).await));
    assert!(!done(store.set_source_content(&read, "old", &READ).await));
    let now = stored(store, &read).await.expect("it is there");
    assert_eq!((&now.status, now.content.as_deref()), (&Status::Pending, Some("v1")));
    assert!(done(store.set_source_content(&now, "v2", &READ).await));
    let now = stored(store, &read).await.expect("it is there");
    assert!(done(store.set_source_ready(&now, &ready, &Status::Ready).await));
}

#[tokio::test]
async fn removing_and_adding_again_in_a_hurry_ends_with_what_came_last() {
    let world = World::new().await;
    let mut id = String::new();
    for n in 0..12 {
        id = upload(&world, "hours.md", format!("On day {n} the workshop opens at eight.")).await;
        if n % 3 == 2 {
            ready(&world, &id).await;
        }
        let (status, _) = world.api(Method::DELETE, &format!("/knowledge/sources/{id}"), None).await;
        assert_eq!(status, 204);
    }
    assert_eq!(upload(&world, "hours.md", "The workshop opens at nine.").await, id);
    ready(&world, &id).await;
    finds(&found(&world, "when does the workshop open").await, "nine");
    let folder = world.data().join("files/accounts/local/sources").join(&id);
    eventually(SOON, async || {
        let files = std::fs::read_dir(&folder).expect("its files are there").count();
        (files == 2).then_some(())
    })
    .await;
}
