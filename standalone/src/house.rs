//! The house: every part of Guildhall in this process, on one data folder.

use crate::table;
use anyhow::{Context as _, Result};
use guildhall::account::{Account, Plan};
use guildhall::bot::Bot;
use guildhall::config::{Config, ModelConfig};
use guildhall::discord::Discord;
use guildhall::embedding::Embeddings;
use guildhall::ids::AccountId;
use guildhall::job::local::Jobs;
use guildhall::knowledge::Knowledge;
use guildhall::knowledge::fetch::{FetchLimits, Fetcher};
use guildhall::knowledge::files::Files;
use guildhall::llm::Llm;
use guildhall::store::Store;
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The table's file in the data folder.
const TABLE: &str = "guildhall.db";

/// Uploaded files, extracted texts and indexes, below the data folder.
const FILES: &str = "files";

/// The file whose lock says that a process works on the data folder.
const LOCK: &str = "lock";

/// How long jobs that run may take to end when the house is closed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Everything on one data folder. Only one process can have it open.
pub struct House {
    /// What doors hand to the flows.
    pub bot: Arc<Bot>,
    /// Whether the data folder was empty before.
    pub is_new: bool,
    runner: JoinHandle<()>,
    _lock: File,
}

/// Why the data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// Another process works on it.
    #[error("another guildhall process is using the data folder")]
    InUse,
    /// Something else.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl House {
    /// Opens the data folder and starts to work: first on what an earlier process had accepted and not done.
    pub async fn open(config: &Config, data: &Path, plan: Plan) -> Result<Self, NotOpened> {
        let lock = lock(data)?;
        Ok(Self::open_locked(config, data, plan, lock).await?)
    }

    async fn open_locked(config: &Config, data: &Path, plan: Plan, lock: File) -> Result<Self> {
        let store = Store::new(table::open(&data.join(TABLE))?, &config.table_name);
        store.create_table().await?;
        let account = AccountId::local();
        let is_new = store.account(&account).await?.is_none();
        store.put_account(&Account { id: account.clone(), name: "This machine".to_owned(), plan }).await?;

        let folder = data.join(FILES);
        std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let files = Files::new(Arc::new(LocalFileSystem::new_with_prefix(&folder)?));
        let fetcher = Fetcher::new(FetchLimits::default(), config.crawl_loopback)?;
        let http = guildhall::http::client_builder().build().context("building the HTTP client")?;
        let embeddings = config.embedding.as_ref().map(|model| {
            let ModelConfig { base_url, api_key, model } = model;
            Embeddings::new(base_url.as_str(), api_key.clone(), model, http.clone())
        });
        let knowledge = Knowledge::new(store.clone(), files, fetcher, embeddings);
        let llm = config
            .llm
            .clone()
            .map(|model| Llm::new(model.base_url, model.api_key, model.model, http, config.llm_timeout));
        let discord = config.discord.as_ref().map(Discord::new).transpose()?;

        let (jobs, runner) = Jobs::open(store.clone()).await?;
        let jobs = jobs.into();
        let bot = Arc::new(Bot::new(store, jobs, knowledge, llm, discord, Some(account.clone())));
        bot.knowledge.resume(&account, &bot.jobs, Timestamp::now()).await?;
        let runner = tokio::spawn(runner.run(Arc::clone(&bot)));
        Ok(Self { bot, is_new, runner, _lock: lock })
    }

    /// Stops cleanly: what runs may end, what waits is there at the next start.
    pub async fn close(self) {
        self.bot.jobs.close(PATIENCE).await;
        self.runner.abort();
    }
}

fn lock(data: &Path) -> Result<File, NotOpened> {
    std::fs::create_dir_all(data).with_context(|| format!("creating the data folder {}", data.display()))?;
    restrict(data)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data.join(LOCK))
        .with_context(|| format!("writing in the data folder {}", data.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NotOpened::InUse),
        Err(TryLockError::Error(error)) => Err(anyhow::Error::from(error).context("locking the data folder").into()),
    }
}

/// The folder holds conversations and tokens: nobody else of the machine may read it.
#[cfg(unix)]
fn restrict(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).context("protecting the data folder")
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> Result<()> {
    Ok(())
}
