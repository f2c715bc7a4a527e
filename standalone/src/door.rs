//! The doors of one machine: what they serve, and how the command line finds them.

use crate::client::Client;
use crate::guide;
use crate::house::{ADDRESS, House, NotOpened, Work};
use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use guildhall::bot::Bot;
use guildhall::config::{Config, StandaloneConfig};
use guildhall::dashboard;
use guildhall::dashboard::auth::{self, Access, Scope};
use guildhall::ids::AccountId;
use guildhall::interactions::{self, Door, Keys};
use guildhall::knowledge::source::{Source, Status};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// The secret by which the command line of this machine proves that it may read the data folder.
const TOKEN: &str = "local-token";

/// Everything that is served.
pub fn router(bot: &Arc<Bot>) -> Router {
    let router = dashboard::router(Arc::clone(bot));
    let Some(discord) = &bot.discord else { return router };
    let (store, jobs, keys) = (bot.store.clone(), bot.jobs.clone(), Keys::of_discord(Arc::clone(discord)));
    router.merge(interactions::router(Door { store, jobs, keys }))
}

/// The same as a server runs it: each request says where it comes from.
pub fn service(bot: &Arc<Bot>) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    router(bot).into_make_service_with_connect_info()
}

/// Tells the command line where the server is, until it is dropped.
#[derive(Debug)]
pub struct Announcement(PathBuf);

impl Drop for Announcement {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes down where the server is and the token that opens it.
pub async fn announce(house: &House, data: &Path, address: SocketAddr) -> Result<Announcement> {
    local_token(house, data).await?;
    let file = data.join(ADDRESS);
    // A server that listens everywhere is reached on loopback.
    let reached = if address.ip().is_unspecified() { (Ipv4Addr::LOCALHOST, address.port()).into() } else { address };
    fs::write(&file, format!("http://{reached}")).context("writing the server's address into the data folder")?;
    Ok(Announcement(file))
}

/// The API as the command line uses it: of the server that runs on the data folder, else of one within this process.
pub struct Session {
    /// The API's client.
    pub client: Client,
    within: Option<(House, JoinHandle<std::io::Result<()>>)>,
}

impl Session {
    /// Finds the running server or becomes one for the time of a command.
    pub async fn connect(config: &Config, machine: &StandaloneConfig, work: Work) -> Result<Self> {
        let house = match House::open(config, &machine.data, machine.plan, work, Access::default()).await {
            Ok(house) => house,
            Err(NotOpened::InUse) => return Self::of_running(&machine.data).await,
            Err(NotOpened::Failed(error)) => return Err(error),
        };
        let token = local_token(&house, &machine.data).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base = Url::parse(&format!("http://{}", listener.local_addr()?))?;
        let serving = tokio::spawn(axum::serve(listener, service(&house.bot)).into_future());
        if guide::add(&house.bot, &AccountId::local(), Timestamp::now()).await? > 0 {
            wait_for_guide(&house.bot).await?;
        }
        Ok(Self { client: Client::new(base, token)?, within: Some((house, serving)) })
    }

    async fn of_running(data: &Path) -> Result<Self> {
        // A server that has just been started locks the folder before it listens.
        for _ in 0..100 {
            if let (Ok(address), Ok(token)) =
                (fs::read_to_string(data.join(ADDRESS)), fs::read_to_string(data.join(TOKEN)))
            {
                return Ok(Self { client: Client::new(Url::parse(&address)?, token.into())?, within: None });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!(
            "another guildhall command is using the data folder {}; wait until it is done and try again",
            data.display()
        )
    }

    /// Ends what was started for the command.
    pub async fn close(self) {
        if let Some((house, serving)) = self.within {
            house.close().await;
            serving.abort();
        }
    }
}

/// The first question may be about the guide: it is indexed within a second or two.
async fn wait_for_guide(bot: &Bot) -> Result<()> {
    for _ in 0..600 {
        let sources = bot.store.sources(&AccountId::local()).await?;
        let is_read = |source: &Source| matches!(source.status, Status::Ready | Status::Failed { .. });
        if sources.iter().filter(|source| guide::is_page(source)).all(is_read) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn local_token(house: &House, data: &Path) -> Result<SecretString> {
    let file = data.join(TOKEN);
    let store = &house.bot.store;
    // What was revoked, or is of another table, opens nothing any more.
    if let Ok(secret) = fs::read_to_string(&file)
        && let Some(mut token) = store.token(&auth::hash(&secret)).await?
    {
        if token.may() != Scope::all() {
            // Made before there were scopes, or this one.
            (token.manage_tokens, token.scopes) = (true, Some(Scope::all()));
            store.put_token(&token, None).await?;
        }
        return Ok(secret.into());
    }
    let (_, token) =
        auth::create_token(store, &AccountId::local(), "this machine", Scope::all(), None, None, Timestamp::now())
            .await?;
    // Whole or not at all, and never readable by others.
    let draft = data.join("local-token.draft");
    let mut options = fs::File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&draft)
        .and_then(|mut written| written.write_all(token.expose_secret().as_bytes()))
        .and_then(|()| fs::rename(&draft, &file))
        .context("writing the local token into the data folder")?;
    Ok(token)
}
