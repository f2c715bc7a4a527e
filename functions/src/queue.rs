//! Jobs that Lambda hands over, and what it is told of them.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use guildhall::aws::House;
use guildhall::job::Work;
use guildhall::job::sqs::{Received, step, work_off};
use jiff::Timestamp;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// What is left of a function's time once no job runs any more: somebody may be told that one is given up, and SQS when to
/// show the others again.
const RESERVE: Duration = Duration::from_secs(25);

/// Works off what Lambda hands over from the function's queues, for as long as the function lives.
pub async fn serve(house: House, work: Work) -> Result<(), Error> {
    let house = &house;
    let handle = |event: LambdaEvent<SqsEvent>| batch(house, work, event.payload, event.context);
    lambda_runtime::run(service_fn(handle)).await
}

/// A batch is of one queue. What is not done is named, and stays in the queue.
async fn batch(house: &House, work: Work, event: SqsEvent, context: Context) -> Result<SqsBatchResponse, Error> {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let until = Instant::now() + left.saturating_sub(RESERVE);
    let arn = event.records.first().and_then(|message| message.event_source_arn.as_deref()).unwrap_or_default();
    let name = arn.rsplit(':').next().unwrap_or_default();
    let queue =
        house.jobs.queue_named(name).ok_or("the function was handed jobs of a queue that it was not told of")?;
    let messages = event.records.into_iter().map(received).collect();
    let undone = work_off(&house.jobs, queue, messages, until, |next, job, delivery| {
        let bot = Arc::clone(&house.bot);
        async move { step(&bot, work, next, &job, &delivery, Timestamp::now()).await }
    });
    let mut response = SqsBatchResponse::default();
    response.set_failures(undone.await?);
    Ok(response)
}

fn received(message: SqsMessage) -> Received {
    let mut attributes = message.attributes;
    let mut attribute = |name| attributes.remove(name);
    Received {
        id: message.message_id.unwrap_or_default(),
        receipt: message.receipt_handle.unwrap_or_default(),
        group: attribute("MessageGroupId").unwrap_or_default(),
        attempt: attribute("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1),
        body: message.body.unwrap_or_default(),
    }
}
