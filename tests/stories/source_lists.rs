//! Which sources stand on which list, whoever has written them.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use guildhall::ids::{AccountId, SourceId};
use guildhall::knowledge::source::{Origin, Source, Status};
use guildhall::store::{PartOfList, Position, SourceList, Store};
use jiff::Timestamp;

fn source(account: &str, name: &str, second: i64, status: Status) -> Source {
    let created_at = Timestamp::from_second(second).expect("within range");
    Source {
        id: SourceId(name.to_owned()),
        account: AccountId(account.to_owned()),
        origin: Origin::Text,
        title: format!("The {name}"),
        status,
        ready: None,
        content: None,
        revision: created_at,
        original: None,
        created_at,
    }
}

fn failed() -> Status {
    Status::Failed { reason: "It is gone.".to_owned(), cause: None }
}

/// The ids on a list, in parts of two.
async fn on(store: &Store, account: &str, list: SourceList, find: &str, newest_first: bool) -> Vec<String> {
    let (mut ids, mut after): (Vec<String>, Option<Position>) = (Vec::new(), None);
    loop {
        let part = PartOfList { list, find, after: after.as_ref(), newest_first, limit: 2 };
        let part = store.listed_sources(&AccountId(account.to_owned()), part).await.expect("the table answers");
        assert!(part.sources.len() <= 2);
        ids.extend(part.sources.into_iter().map(|source| source.id.0));
        after = part.next;
        if after.is_none() {
            return ids;
        }
    }
}

/// Changes an item as a program does that knows nothing of lists.
async fn update(client: &Client, table: &str, source: &Source, expression: &str, status: &str) {
    let key = [("pk", format!("ACCOUNT#{}", source.account)), ("sk", format!("SOURCE#{}", source.id))];
    let key: HashMap<_, _> = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).into();
    let status = [("state", status), ("reason", "It is gone.")];
    let status = status.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).into();
    let update = client.update_item().table_name(table).set_key(Some(key)).update_expression(expression);
    let update = update.expression_attribute_names("#status", "status");
    update.expression_attribute_values(":status", AttributeValue::M(status)).send().await.expect("the table takes it");
}

/// Takes all entries off an account's lists.
async fn forget_lists(client: &Client, table: &str, account: &str) {
    let query = client.query().table_name(table).key_condition_expression("pk = :pk");
    let query = query.expression_attribute_values(":pk", AttributeValue::S(format!("SOURCES#{account}")));
    for mut entry in query.send().await.expect("the table answers").items.unwrap_or_default() {
        entry.retain(|name, _| ["pk", "sk"].contains(&name.as_str()));
        let delete = client.delete_item().table_name(table).set_key(Some(entry));
        delete.send().await.expect("the table takes it");
    }
}

pub(super) async fn sources_stand_on_their_lists(store: Store, client: Client, table: &str) {
    use SourceList::{All, Failed, Reading};
    let done = |result: anyhow::Result<bool>| assert!(result.expect("the table answers"));
    let none: [&str; 0] = [];
    let sources = [("a", 1), ("c", 2), ("b", 2), ("d", 3), ("e", 4)];
    let sources = sources.map(|(name, second)| source("one", name, second, Status::Pending));
    for source in &sources {
        store.put_source(source).await.expect("the table takes it");
    }
    let all = async |newest_first| on(&store, "one", All, "", newest_first).await;
    assert_eq!(all(false).await, ["a", "b", "c", "d", "e"], "in the order of adding, then of ids");
    assert_eq!(all(true).await, ["e", "d", "c", "b", "a"]);
    assert_eq!(on(&store, "one", All, "the c", false).await, ["c"]);
    assert_eq!(on(&store, "one", Failed, "", false).await, none);

    // Each status has its list, and progress changes none.
    let [first, flaky, leaving, back, quick] = &sources;
    done(store.set_source_status(first, &Status::Indexing { done: 1, total: 1 }).await);
    done(store.set_source_status(flaky, &failed()).await);
    done(store.set_source_status(back, &failed()).await);
    done(store.set_source_status(quick, &Status::Ready).await);
    assert_eq!(on(&store, "one", Reading, "", true).await, ["b", "a"]);
    assert_eq!(on(&store, "one", Failed, "", true).await, ["d", "c"]);
    assert_eq!(on(&store, "one", Failed, "the d", false).await, ["d"]);
    // A view from before the status changed writes the same lists.
    done(store.set_source_status(flaky, &Status::Indexing { done: 0, total: 1 }).await);
    assert_eq!(on(&store, "one", Reading, "", false).await, ["a", "b", "c"]);
    assert_eq!(store.failed_sources(&back.account).await.expect("the table answers"), ["The d"]);
    assert_eq!(all(false).await, ["a", "b", "c", "d", "e"]);

    // On its way out, gone, and there again.
    done(store.set_source_removing(leaving).await);
    done(store.set_source_removing(back).await);
    assert_eq!(on(&store, "one", Reading, "", false).await, ["a", "b", "c", "d"]);
    assert_eq!(on(&store, "one", Failed, "", false).await, none);
    done(store.delete_source(leaving).await);
    let again = Source { created_at: Timestamp::from_second(9).expect("within range"), ..back.clone() };
    store.put_source(&again).await.expect("the table takes it");
    assert_eq!(all(false).await, ["a", "c", "e", "d"], "once, where it was added last");
    assert_eq!(on(&store, "one", Reading, "", false).await, ["a", "c", "d"]);

    // A program that knows nothing of lists reads one to its end and fails at another.
    update(&client, table, first, "SET #status = :status", "ready").await;
    update(&client, table, quick, "SET #status = :status", "failed").await;
    assert_eq!(on(&store, "one", Reading, "", false).await, ["c", "d"], "what is not so is not listed");
    store.sources(&first.account).await.expect("the table answers");
    assert_eq!(on(&store, "one", Failed, "", false).await, ["e"]);

    // It has written them all before there were lists.
    for (name, status) in [("x", Status::Ready), ("y", failed()), ("z", Status::Pending)] {
        let source = source("two", name, 1, status);
        let state = if name == "x" { "ready" } else { "failed" };
        store.put_source(&source).await.expect("the table takes it");
        update(&client, table, &source, "SET #status = :status REMOVE listed", state).await;
    }
    forget_lists(&client, table, "two").await;
    assert_eq!(
        on(&store, "two", All, "", false).await,
        ["x", "y", "z"],
        "whoever looks first puts them on their lists"
    );
    let titles = store.failed_sources(&AccountId("two".to_owned())).await.expect("the table answers");
    assert_eq!(titles, ["The y", "The z"]);
}
