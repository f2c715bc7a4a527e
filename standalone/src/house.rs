//! The house: every part of Guildhall in this process, on one data folder.

use crate::table;
use anyhow::{Context as _, Result};
use guildhall::account::{Account, Plan};
use guildhall::bot::Bot;
use guildhall::config::Config;
use guildhall::dashboard::auth::Access;
use guildhall::dashboard::limits::RateLimits;
use guildhall::discord::{Budget, CustomBots, Discord};
use guildhall::embedding::Embeddings;
use guildhall::events::Events;
use guildhall::ids::AccountId;
use guildhall::job::local::{Earlier, Jobs};
use guildhall::knowledge::Knowledge;
use guildhall::knowledge::fetch::{FetchLimits, Fetcher};
use guildhall::knowledge::files::Files;
use guildhall::llm::Llm;
use guildhall::mail::Mailer;
use guildhall::secret::Secrets;
use guildhall::servers::Ears;
use guildhall::sign_in::SignIn;
use guildhall::store::Store;
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use url::Url;

/// The table's file in the data folder.
const TABLE: &str = "guildhall.db";

/// Uploaded files, extracted texts and indexes, below the data folder.
const FILES: &str = "files";

/// The key that bots' tokens are sealed with. Without it they have to be entered again.
const SECRETS_KEY: &str = "secrets.key";

/// The file whose lock says that a process works on the data folder.
const LOCK: &str = "lock";

/// What the lock's file holds from the start of a process that does jobs until its clean end.
const AT_WORK: &[u8] = b"at work";

/// The address of the running server, for the command line.
pub(crate) const ADDRESS: &str = "address";

/// How long jobs that run may take to end when the house is closed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Everything on one data folder. Only one process can have it open.
pub struct House {
    /// What doors hand to the flows.
    pub bot: Arc<Bot>,
    runner: JoinHandle<()>,
    work: Work,
    lock: File,
}

/// What a process does with the jobs that earlier ones have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It does them.
    Everything,
    /// It leaves them: it is here for one command, and a long crawl would only be begun to be cut off.
    OnlyNew,
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
    /// Opens the data folder and starts to work.
    pub async fn open(config: &Config, data: &Path, plan: Plan, work: Work, access: Access) -> Result<Self, NotOpened> {
        let lock = lock(data)?;
        // Of a process that was killed: whoever has that port now must not be sent this machine's token.
        let _ = std::fs::remove_file(data.join(ADDRESS));
        // On the heap: everything that is built there would make the futures of all who open the house large.
        Ok(Box::pin(Self::open_locked(config, data, plan, work, access, lock)).await?)
    }

    async fn open_locked(
        config: &Config,
        data: &Path,
        plan: Plan,
        work: Work,
        access: Access,
        mut lock: File,
    ) -> Result<Self> {
        let store = Store::new(table::open(&data.join(TABLE))?, &config.table_name);
        store.create_table().await?;
        let account = AccountId::local();
        store.put_own_account(&Account { id: account.clone(), name: "This machine".to_owned(), plan }).await?;

        let folder = data.join(FILES);
        std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let files = Files::new(Arc::new(LocalFileSystem::new_with_prefix(&folder)?));
        let fetcher = Fetcher::new(FetchLimits::default(), config.crawl_loopback)?;
        let http = guildhall::http::client_builder().build().context("building the HTTP client")?;
        let embeddings = Embeddings::configured(config, http.clone());
        let knowledge = Knowledge::new(store.clone(), files, fetcher, embeddings);
        let llm = Llm::configured(config, http);
        let events = Events::Local(Mailer::smtp(config.mail.as_ref())?);
        let custom = CustomBots { store: store.clone(), secrets: Secrets::local(data.join(SECRETS_KEY)) };
        let discord =
            Arc::new(Discord::new(&config.discord_api_url, config.discord.as_ref(), Some(custom), Budget::Own)?);

        let earlier = match work {
            Work::Everything => {
                let was_killed = lock.metadata().context("looking at the lock")?.len() > 0;
                lock.write_all(AT_WORK).context("writing into the lock")?;
                Earlier::Run { was_killed }
            }
            Work::OnlyNew => Earlier::Wait,
        };
        let (jobs, runner) = Jobs::open(store.clone(), earlier).await?;
        let (jobs, home) = (jobs.into(), Some(account.clone()));
        let mut bot = Bot::new(store, jobs, knowledge, llm, events, Some(discord), home);
        bot.access = access;
        bot.limits = RateLimits::new(config.rates, config.trusted_proxies.clone());
        bot.ears = if config.gateway.enabled { Ears::Own } else { Ears::Nobody };
        let bot = Arc::new(bot);
        if work == Work::Everything {
            bot.knowledge.resume(&account, &bot.jobs, Timestamp::now()).await?;
        }
        let runner = tokio::spawn(runner.run(Arc::clone(&bot)));
        Ok(Self { bot, runner, work, lock })
    }

    /// Stops cleanly: what runs may end, what waits is there at the next start.
    pub async fn close(self) {
        self.bot.jobs.close(PATIENCE).await;
        self.runner.abort();
        if self.work == Work::Everything
            && let Err(error) = self.lock.set_len(0)
        {
            tracing::warn!(%error, "the lock could not be emptied: the next start takes this one for killed");
        }
    }
}

/// How people come in at the pages of this machine, which listens at `address`.
pub fn access(config: &Config, data: &Path, address: SocketAddr) -> Result<Access> {
    let public = match &config.public_url {
        Some(public) => public.clone(),
        None => Url::parse(&format!("http://{address}")).context("an address is a host")?,
    };
    let sign_in = match &config.sign_in {
        Some(sign_in) => {
            let secrets = Secrets::local(data.join(SECRETS_KEY));
            Some(SignIn::new(sign_in.clone(), &config.discord_api_url, &public, secrets)?)
        }
        None => None,
    };
    let local_admin = sign_in.is_none() && address.ip().is_loopback() && Access::trusts_its_machine(&public);
    let operators = config.operators.clone();
    Ok(Access { sign_in, operators, operator_token: None, address: Some(public), local_admin })
}

fn lock(data: &Path) -> Result<File, NotOpened> {
    let is_made_here = !data.exists();
    std::fs::create_dir_all(data).with_context(|| format!("creating the data folder {}", data.display()))?;
    if is_made_here {
        close_to_others(data)?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data.join(LOCK))
        .with_context(|| format!("writing in the data folder {}", data.display()))?;
    match file.try_lock() {
        Ok(()) => {
            warn_of_others(data)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(NotOpened::InUse),
        Err(TryLockError::Error(error)) => Err(anyhow::Error::from(error).context("locking the data folder").into()),
    }
}

/// The folder holds conversations and tokens: nobody else of the machine may read it.
#[cfg(unix)]
fn close_to_others(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).context("protecting the data folder")
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> Result<()> {
    Ok(())
}

/// A folder that was there before may have its permissions for a reason that is not known here.
#[cfg(unix)]
fn warn_of_others(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(folder).context("looking at the data folder")?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(
            folder = %folder.display(),
            "others of this machine may read the data folder, which holds conversations and tokens: chmod 700 closes it"
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn warn_of_others(_: &Path) -> Result<()> {
    Ok(())
}
