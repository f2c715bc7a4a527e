//! An event from the bus → e-mails to those who are to hear of it.

use anyhow::Context as _;
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use guildhall::aws::{Aws, Limits};
use guildhall::config::{AwsConfig, MailConfig};
use guildhall::events::Event;
use guildhall::mail::Mailer;
use guildhall::{notify, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::init();
    functions::ended(Box::pin(run()).await)
}

async fn run() -> Result<(), Error> {
    let aws = Aws::of_function(&AwsConfig::from_env()?)?;
    let mail = MailConfig::from_env()?.context("MAIL_FROM is needed: an address that SES has verified")?;
    let (store, mailer) = (&aws.store(Limits::TABLE), &Mailer::ses(aws.mails(), mail.from));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<EventBridgeEvent>| async move {
        let event = Event::from_detail(&event.payload.detail.to_string()).inspect_err(|error| {
            tracing::error!(error = %error, "an event cannot be read");
        })?;
        Box::pin(notify::run(store, mailer, &event, Timestamp::now())).await.map_err(Error::from)
    }))
    .await
}
