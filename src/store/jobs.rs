//! Jobs of the local queue: accepted, not yet done. On AWS the queues are SQS's.

use super::{Item, Store, failure, keys, to_item};
use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Writes that DynamoDB takes in one BatchWriteItem.
pub const BATCH: usize = 25;

/// Dead letters are kept as long as SQS keeps them at most.
const DEAD_KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A batch that a busy table took in part is finished with so many more tries.
const TRIES: u32 = 6;

/// One job as it lies in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredJob {
    /// The same job has the same id, however often it is sent.
    pub id: String,
    /// Jobs of one group run one after the other, in the order in which they were accepted.
    pub group: String,
    /// The job itself, as JSON.
    pub body: String,
    /// Order of acceptance.
    pub accepted: i64,
    /// Which attempt is next: 1 at first, one more after each failure.
    pub attempts: u32,
    /// How often the process ended while this may have been running.
    #[serde(default)]
    pub deaths: u32,
    /// Not before this time; pauses grow with each failure.
    pub not_before: Timestamp,
}

/// A job that failed too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadJob {
    /// The job as it was.
    #[serde(flatten)]
    pub job: StoredJob,
    /// Why it failed last.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
}

#[derive(Serialize)]
struct StoredDeadJob<'a> {
    #[serde(flatten)]
    dead: &'a DeadJob,
    expires: i64,
}

impl Store {
    /// Writes and deletes jobs, at most [`BATCH`] together and none of them twice. One BatchWriteItem.
    pub async fn write_jobs(&self, put: &[StoredJob], delete: &[String]) -> Result<()> {
        let mut requests = Vec::with_capacity(put.len() + delete.len());
        for job in put {
            requests.push(put_request(to_item(keys::job(&job.id), job)?)?);
        }
        for id in delete {
            requests.push(delete_request(keys::job(id))?);
        }
        self.write_batch(requests).await
    }

    /// Everything that was accepted and is not done, in order of acceptance. One Query, all pages.
    pub async fn pending_jobs(&self) -> Result<Vec<StoredJob>> {
        let mut jobs: Vec<StoredJob> = self.query_all(keys::JOBS, keys::JOB).await?;
        jobs.sort_by_key(|job| job.accepted);
        Ok(jobs)
    }

    /// Moves a job to the dead letters. One BatchWriteItem; a second time changes nothing.
    pub async fn bury_job(&self, dead: &DeadJob) -> Result<()> {
        let stored = StoredDeadJob { dead, expires: (dead.at + DEAD_KEPT).as_second() };
        let requests = vec![
            put_request(to_item(keys::dead_job(&dead.job.id), &stored)?)?,
            delete_request(keys::job(&dead.job.id))?,
        ];
        self.write_batch(requests).await
    }

    /// The dead letters. One Query.
    pub async fn dead_jobs(&self) -> Result<Vec<DeadJob>> {
        self.query_all(keys::DEAD_JOBS, keys::JOB).await
    }

    async fn write_batch(&self, requests: Vec<WriteRequest>) -> Result<()> {
        let mut pending = requests;
        for attempt in 0..TRIES {
            if pending.is_empty() {
                return Ok(());
            }
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
            }
            let written = self
                .client
                .batch_write_item()
                .request_items(&self.table, pending)
                .send()
                .await
                .map_err(|error| failure("write jobs", &error))?;
            pending = written.unprocessed_items.unwrap_or_default().remove(&self.table).unwrap_or_default();
        }
        ensure!(pending.is_empty(), "the table is too busy to write jobs");
        Ok(())
    }
}

fn put_request(item: Item) -> Result<WriteRequest> {
    Ok(WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build()?).build())
}

fn delete_request(key: keys::Key) -> Result<WriteRequest> {
    Ok(WriteRequest::builder().delete_request(DeleteRequest::builder().set_key(Some(key.item())).build()?).build())
}
