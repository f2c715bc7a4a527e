//! Where jobs are sent: the queue of one machine, or AWS's.

use super::{Job, local, sqs};
use jiff::Timestamp;
use std::time::Duration;

pub use super::local::NotAccepted;

/// The sending side of a queue. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Jobs {
    /// In the table of one machine.
    Local(local::Jobs),
    /// In AWS's queues.
    Sqs(sqs::Jobs),
}

impl Jobs {
    /// Accepts a job: once this returns, nothing but its success or its last failure ends it. A repetition of a job that
    /// is known changes nothing.
    pub async fn send(&self, job: &Job, now: Timestamp) -> Result<(), NotAccepted> {
        match self {
            Self::Local(jobs) => jobs.send(job, now).await,
            Self::Sqs(jobs) => jobs.send(job).await,
        }
    }

    /// Accepts jobs, in their order within each group: none is accepted after an earlier one of its group was not. One
    /// result each, in the order of `jobs`.
    pub async fn send_all(&self, jobs: &[Job], now: Timestamp) -> Vec<Result<(), NotAccepted>> {
        match self {
            Self::Local(queue) => queue.send_all(jobs, now).await,
            Self::Sqs(queue) => queue.send_all(jobs).await,
        }
    }

    /// Begins nothing new and waits for what runs in this process.
    pub async fn close(&self, patience: Duration) {
        match self {
            Self::Local(jobs) => jobs.close(patience).await,
            Self::Sqs(jobs) => jobs.close(patience).await,
        }
    }
}

impl From<local::Jobs> for Jobs {
    fn from(jobs: local::Jobs) -> Self {
        Self::Local(jobs)
    }
}

impl From<sqs::Jobs> for Jobs {
    fn from(jobs: sqs::Jobs) -> Self {
        Self::Sqs(jobs)
    }
}
