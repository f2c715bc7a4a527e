//! One event from the bus to the people who are to hear of it: by e-mail, each once.

mod letter; // what the e-mails say

use crate::events::{Event, MAILED_AT_MOST, What};
use crate::mail::{EmailAddress, Mail, Mailer, NotSent};
use crate::store::{OnceTurn, RefusalKind, Store};
use anyhow::{Result, bail};
use jiff::Timestamp;
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use std::sync::Once;

/// Said once by each process: a team that wants no e-mails would read it for ever otherwise.
static NOBODY: Once = Once::new();

/// What became of an e-mail.
enum Fate {
    Sent,
    /// It was, or it is known that it never can be.
    Settled,
    /// It has to be tried again.
    Open,
}

/// Keeps an event for whoever looks later, and e-mails it to the addresses of its account. It may come again: nobody is
/// e-mailed twice, but for who was just being e-mailed when the process died. An error means "try again later"; a refusal
/// for good is none.
pub async fn run(store: &Store, mailer: &Mailer, event: &Event, now: Timestamp) -> Result<()> {
    // Boxed: together they are large.
    let (account, told, ()) = Box::pin(async {
        tokio::try_join!(store.account(&event.account), store.notifications(&event.account), store.put_event(event))
    })
    .await?;
    let Some(account) = account else {
        tracing::warn!(event.id, account.id = %event.account, "an event of an account that is gone was dropped");
        return Ok(());
    };
    if told.emails.is_empty() {
        NOBODY.call_once(|| {
            tracing::warn!(
                event.id,
                account.id = %event.account,
                "nobody is told of this event: the account has no e-mail addresses. PUT /api/v1/notifications sets them"
            );
        });
        return Ok(());
    }
    if matches!(event.what, What::Escalation(_)) && !is_mailed(store, event, now).await? {
        tracing::warn!(event.id, account.id = %event.account, "an event is one of too many, and told of with the others");
        return Ok(());
    }
    let mail = letter::write(event, &account.name, told.language);
    let (mut sent, mut open) = (0, 0);
    for address in &told.emails {
        match deliver(store, mailer, event, address, &mail, now).await {
            Ok(Fate::Sent) => sent += 1,
            Ok(Fate::Settled) => {}
            Ok(Fate::Open) => open += 1,
            Err(error) => {
                tracing::warn!(event.id, error = format!("{error:#}"), "an e-mail could not be noted");
                open += 1;
            }
        }
    }
    tracing::info!(event.id, account.id = %event.account, mails.sent = sent, mails.open = open, "an event was told");
    if open > 0 {
        bail!("{open} of the e-mails of an event could not be sent yet");
    }
    Ok(())
}

/// Whether a team is e-mailed of an escalation by itself; if it is one of too many, it is told how many there were.
async fn is_mailed(store: &Store, event: &Event, now: Timestamp) -> Result<bool> {
    let window = event.window();
    if store.takes_place(&event.account, window, &event.id, MAILED_AT_MOST, now).await? {
        return Ok(true);
    }
    store.put_digest_due(&event.account, window, now).await?;
    Ok(false)
}

async fn deliver(
    store: &Store,
    mailer: &Mailer,
    event: &Event,
    address: &EmailAddress,
    mail: &Mail,
    now: Timestamp,
) -> Result<Fate> {
    // The address itself is in the account's settings and nowhere else.
    let what = format!("mail {} {}", event.id, hex::encode(&Sha256::digest(address.to_string())[..8]));
    let me = hex::encode(rand::rng().random::<[u8; 8]>());
    match store.begin_once(&what, &me, None, now).await? {
        OnceTurn::Mine => {}
        OnceTurn::Done => return Ok(Fate::Settled),
        OnceTurn::Others => return Ok(Fate::Open),
    }
    match mailer.send(address, mail).await {
        Ok(()) => {
            store.end_once(&what, &me).await?;
            Ok(Fate::Sent)
        }
        Err(error @ NotSent::Refused(_)) => {
            tracing::error!(event.id, account.id = %event.account, error = %error, "an e-mail is given up");
            store.record_refusal(&event.account, RefusalKind::Mail, &error.to_string(), now).await;
            store.end_once(&what, &me).await?;
            Ok(Fate::Settled)
        }
        Err(error @ NotSent::Unavailable(_)) => {
            tracing::warn!(event.id, account.id = %event.account, error = %error, "an e-mail was not sent");
            store.drop_once(&what, &me).await?;
            Ok(Fate::Open)
        }
    }
}
