//! The gateway alone in a process of its own: no dashboard, no documents, nobody who answers.

use anyhow::{Context as _, Result};
use gateway_worker::{Application, Options, Outside};
use guildhall::bot::Bot;
use guildhall::config::{Config, StandaloneConfig};
use guildhall::discord::Discord;
use guildhall::events::Events;
use guildhall::ids::AccountId;
use guildhall::job::local::{Earlier, Jobs, Runner};
use guildhall::knowledge::Knowledge;
use guildhall::knowledge::fetch::{FetchLimits, Fetcher};
use guildhall::knowledge::files::Files;
use guildhall::mail::Mailer;
use guildhall::store::Store;
use object_store::local::LocalFileSystem;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The argument that makes a bench such a process; it reads the environment as `guildhall serve` does.
pub(crate) const MODE: &str = "--gateway-worker";

/// The parts that a gateway needs, on the table that `store` speaks to. Jobs are accepted and never run: the second part
/// could run them.
pub(crate) async fn bot(store: Store, config: &Config, data: &Path) -> Result<(Arc<Bot>, Runner)> {
    let files = Files::new(Arc::new(LocalFileSystem::new_with_prefix(data)?));
    let knowledge = Knowledge::new(store.clone(), files, Fetcher::new(FetchLimits::default(), false)?, None);
    let discord = Arc::new(Discord::new(&config.discord_api_url, config.discord.as_ref(), None)?);
    let (jobs, runner) = Jobs::open(store.clone(), Earlier::Run { was_killed: false }).await?;
    Ok((
        Arc::new(Bot::new(
            store,
            jobs.into(),
            knowledge,
            None,
            Events::Local(Mailer::Log),
            Some(discord),
            Some(AccountId::local()),
        )),
        runner,
    ))
}

pub(crate) async fn serve() -> Result<()> {
    tests::server::use_crypto();
    let (config, machine) = (Config::from_env()?, StandaloneConfig::from_env()?);
    let store = Store::new(standalone::table::open(&machine.data.join("guildhall.db"))?, &config.table_name);
    store.create_table().await?;
    let (bot, _runner) = bot(store, &config, &machine.data).await?;
    let discord = config.discord.as_ref().context("Discord is configured")?;
    let known = bot.discord.as_ref().context("Discord is configured")?.application().await;
    let id = known.context("Discord is configured")?.id;
    let shared = Application::shared(id, discord.token.clone(), config.gateway.shards);
    let (_applications, applications) = watch::channel(vec![shared]);
    let listen = config.gateway.metrics;
    let options = Options { applications, alone: true, linger: Duration::ZERO, listen };
    gateway_worker::run(Outside::of(&bot).context("Discord is configured")?, options, CancellationToken::new()).await
}
