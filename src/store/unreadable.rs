//! Items that this version cannot read, as a newer one may write them: they must not keep the others away.

use super::keys::{self, Key};
use super::{Item, Store, from_item};
use anyhow::Result;
use serde::de::DeserializeOwned;

impl Store {
    /// What items say, those left out that cannot be read.
    pub(super) async fn readable<T: DeserializeOwned>(&self, items: Vec<Item>) -> Vec<T> {
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            found.extend(self.read(item).await.ok());
        }
        found
    }

    /// What an item says, or its key where it cannot be read; that is logged once for each.
    pub(super) async fn read<T: DeserializeOwned>(&self, item: Item) -> Result<T, Key> {
        let key = keys::of(&item);
        match from_item(item) {
            Ok(read) => Ok(read),
            Err(error) => {
                if self.memory.unreadable.get(&key).await.is_none() {
                    self.memory.unreadable.insert(key.clone(), ()).await;
                    tracing::error!(
                        item.key = %key,
                        error = format!("{error:#}"),
                        "an item of the table cannot be read and is passed over: update Guildhall if a newer version runs beside this one"
                    );
                }
                Err(key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_sdk_dynamodb::{Client, Config};

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Numbered {
        id: u8,
    }

    #[tokio::test]
    async fn one_that_cannot_be_read_keeps_no_other_away() {
        let client = Client::from_conf(Config::builder().behavior_version_latest().build());
        let store = Store::new(client, "unused");
        let items = ["1", "x", "3"].map(|id| {
            let mut item = Key::new(format!("GUILD#{id}"), "SETTINGS").item();
            item.insert("id".to_owned(), AttributeValue::N(id.to_owned()));
            item
        });
        for _ in 0..2 {
            let read: Vec<Numbered> = store.readable(items.to_vec()).await;
            assert_eq!(read, [Numbered { id: 1 }, Numbered { id: 3 }]);
        }
        store.memory.unreadable.run_pending_tasks().await;
        assert_eq!(store.memory.unreadable.entry_count(), 1, "it is said once");
    }
}
