//! `guildhall serve`: the house with its doors open.

use crate::house::{self, House, NotOpened, Work};
use crate::{door, guide};
use anyhow::{Context as _, Result, bail};
use gateway_worker::Outside;
use guildhall::bot::Bot;
use guildhall::config::{Config, StandaloneConfig};
use guildhall::dashboard::auth::Access;
use guildhall::ids::AccountId;
use guildhall::schedule::{self, Run};
use guildhall::signals;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// How often the schedule is looked at, as EventBridge does on AWS.
const SCHEDULE_EVERY: Duration = Duration::from_mins(5);

/// Requests in flight may end before the process does.
const PATIENCE: Duration = Duration::from_secs(10);

/// Before what could not be done is tried again; doubled after each try. An outage of Discord's lasts minutes or hours:
/// trying more often than the schedule does would help nobody.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(config: Config, machine: StandaloneConfig) -> Result<()> {
    check_ways_in(&config, machine.addr)?;
    // Before anything is written: a first start that finds its port taken has left nothing behind.
    let listener = TcpListener::bind(machine.addr)
        .await
        .with_context(|| format!("listening on {} (GUILDHALL_ADDR sets another address)", machine.addr))?;
    let address = listener.local_addr()?;
    let access = house::access(&config, &machine.data, address)?;
    let house = match House::open(&config, &machine.data, machine.plan, Work::Everything, access).await {
        Ok(house) => house,
        Err(NotOpened::InUse) => bail!(
            "another guildhall is running on the data folder {}; stop it first, or set GUILDHALL_DATA to another folder",
            machine.data.display()
        ),
        Err(NotOpened::Failed(error)) => return Err(error),
    };
    let pages = guide::add(&house.bot, &AccountId::local(), Timestamp::now()).await?;
    if pages > 0 {
        tracing::info!(pages, "the user guide is being indexed, so that you can ask about it at once");
    }
    // Whoever finds the door open may also ask for it to be closed.
    let asked_to_stop = signals::asked_to_stop().context("listening for signals")?;
    let _door = door::announce(&house, &machine.data, address).await?;

    let stop = CancellationToken::new();
    tokio::spawn(watch_schedule(Arc::clone(&house.bot), stop.clone()));
    let gateway = tokio::spawn(keep_gateway(Arc::clone(&house.bot), config.clone(), stop.clone()));
    say_what_is_there(&config, &house.bot.access, address);

    let stopping = stop.clone();
    let server = axum::serve(listener, door::service(&house.bot)).with_graceful_shutdown(async move {
        stopping.cancelled().await;
    });
    let mut serving = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut serving => ended?.context("the HTTP server ended")?,
        () = asked_to_stop => {
            tracing::info!("stopping: what runs may end, what waits is done after the next start");
            stop.cancel();
            let _ = tokio::time::timeout(PATIENCE, serving).await;
            // It ends by itself: what it has heard is passed on first.
            let _ = gateway.await;
        }
    }
    house.close().await;
    Ok(())
}

/// Where others reach this machine, somebody must say who they are.
fn check_ways_in(config: &Config, address: SocketAddr) -> Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    if config.sign_in.is_none() {
        bail!(
            "GUILDHALL_ADDR is {address}, where others can reach Guildhall, but nobody could sign in: set \
             DISCORD_CLIENT_SECRET (from the page OAuth2 of Discord's developer portal) and GUILDHALL_PUBLIC_URL, or listen \
             on 127.0.0.1 only"
        );
    }
    if config.public_url.is_none() {
        bail!(
            "GUILDHALL_ADDR is {address} and DISCORD_CLIENT_SECRET is set, so GUILDHALL_PUBLIC_URL is needed too: the \
             address to which Discord sends people back, for example https://bot.example.com"
        );
    }
    Ok(())
}

fn say_what_is_there(config: &Config, access: &Access, address: SocketAddr) {
    let model = config.llm.as_ref().map_or("none: answers are quoted passages", |model| &model.model);
    let embeddings = config.embedding.as_ref().map_or("none: search by words", |model| &model.model);
    let public_url = access.address.as_ref().map(ToString::to_string).unwrap_or_default();
    tracing::info!(%address, public_url, model, embeddings, "Guildhall is here");
    if let Some(sign_in) = &access.sign_in {
        tracing::info!(redirect = %sign_in.redirect(), "people sign in by Discord; its developer portal must know this redirect address");
        if access.operators.is_empty() {
            tracing::info!(
                "GUILDHALL_OPERATORS is not set: put your Discord user id there to become the owner, or make an invitation"
            );
        }
    } else if access.local_admin {
        tracing::info!(
            "DISCORD_CLIENT_SECRET is not set: whoever opens the pages on this machine is their admin, without signing in"
        );
    } else {
        tracing::warn!(
            "the pages are reached through GUILDHALL_PUBLIC_URL, but nobody can sign in: set DISCORD_CLIENT_SECRET"
        );
    }
    if config.discord.is_some() {
        let endpoint = access.address.as_ref().map(|public| endpoint(public).to_string()).unwrap_or_default();
        tracing::info!(
            endpoint,
            "commands come over the gateway; for a public address, this may be the Interactions Endpoint URL in Discord's developer portal"
        );
    } else {
        tracing::info!(
            "DISCORD_TOKEN is not set: no shared bot, but the API, `guildhall ask` and bots that are set by the API work"
        );
    }
}

/// Where Discord delivers interactions, below an address that may have a path of its own.
fn endpoint(public_url: &Url) -> Url {
    let mut url = public_url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["discord", "webhook", ""]);
    }
    url
}

/// Hears what is said in Discord, until `stop`. A single machine is alone on its table.
async fn keep_gateway(bot: Arc<Bot>, config: Config, stop: CancellationToken) {
    let Some(outside) = Outside::of(&bot) else { return };
    if !config.gateway.enabled {
        return tracing::info!("DISCORD_GATEWAY is off: only commands are answered, through the webhook");
    }
    let shards = config.gateway.shards;
    let shared = config.discord.map(|shared| gateway_worker::Shared { token: shared.token, shards });
    let (tell, mut applications) = watch::channel(Vec::new());
    let keep = gateway_worker::applications::keep(bot.store.clone(), Arc::clone(&outside.discord), shared, tell);
    let _keep = AbortOnDropHandle::new(tokio::spawn(keep));
    // Without any bot there is nothing to do, and the table is left in peace.
    tokio::select! {
        Ok(_) = applications.wait_for(|known| !known.is_empty()) => {}
        () = stop.cancelled() => return,
    }
    // The local queue gathers what comes together by itself.
    let options = gateway_worker::Options {
        applications,
        alone: true,
        linger: Duration::ZERO,
        content_kept: gateway_worker::content::KEPT,
        listen: config.gateway.metrics,
    };
    if let Err(error) = gateway_worker::run(outside, options, stop).await {
        tracing::error!(error = format!("{error:#}"), "Discord's gateway is not connected: only commands are answered");
    }
}

/// Does what is due, again and again: soon where something could not be done, as while Discord does not answer.
async fn watch_schedule(bot: Arc<Bot>, stop: CancellationToken) {
    let mut soon = FIRST_PAUSE;
    loop {
        let run = schedule::run(&bot.store, &bot.jobs, &bot.events, bot.discord.as_deref(), Timestamp::now());
        let Some(run) = stop.run_until_cancelled(Box::pin(run)).await else { return };
        let pause = match run {
            Run::Done => {
                soon = FIRST_PAUSE;
                SCHEDULE_EVERY
            }
            Run::Unfinished => {
                let pause = soon;
                soon = (soon * 2).min(SCHEDULE_EVERY);
                pause
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_below_the_public_address_with_or_without_a_slash() {
        for (public, expected) in [
            ("https://x.example", "https://x.example/discord/webhook/"),
            ("https://x.example/guildhall", "https://x.example/guildhall/discord/webhook/"),
            ("https://x.example/guildhall/", "https://x.example/guildhall/discord/webhook/"),
        ] {
            assert_eq!(endpoint(&public.parse().unwrap()).as_str(), expected);
        }
    }
}
