//! An event from the bus → e-mails to those who are to hear of it.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use guildhall::config::{Config, MailConfig};
use guildhall::events::Event;
use guildhall::mail::Mailer;
use guildhall::store::Store;
use guildhall::{aws, notify, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let MailConfig { from, .. } = config.mail.ok_or("MAIL_FROM is needed: an address that SES has verified")?;
    let shared = aws::shared(None).await;
    let store = &Store::new(aws::table(&shared), &config.table_name);
    let mailer = &Mailer::ses(aws::mails(&shared), from);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<EventBridgeEvent>| async move {
        let event = Event::from_detail(&event.payload.detail.to_string()).inspect_err(|error| {
            tracing::error!(error = %error, "an event cannot be read");
        })?;
        notify::run(store, mailer, &event, Timestamp::now()).await.map_err(Error::from)
    }))
    .await
}
