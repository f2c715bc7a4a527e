//! The world of a story: a Discord, a model, and the real `guildhall` between them on a data folder of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use guildhall::account::{Account, Plan};
use guildhall::ids::AccountId;
use guildhall::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::fake_discord::{FakeDiscord, Interaction, Member, Seen, Sent};
use crate::fake_model::FakeModel;
use crate::process::{self, Process};
use crate::server::{self, eventually};

/// Starting, reading a short text, writing an answer: far more than each may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

/// What a story may choose before Guildhall starts.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent choice of a story")]
pub struct Start {
    /// There is no language model.
    pub without_model: bool,
    /// Embeddings come from the fake model.
    pub with_embeddings: bool,
    /// Discord's buckets have no bottom, for stories with many questions at once.
    pub without_rate_limits: bool,
    /// Of Discord there is only the bot's token: nothing with which a webhook could be checked.
    pub only_a_token: bool,
    /// People sign in by Discord; [`World::operator`] runs the installation.
    pub with_sign_in: bool,
    /// It is a first start: the user guide is added.
    pub with_guide: bool,
    /// Further variables of the environment.
    pub environment: Vec<(&'static str, &'static str)>,
}

/// One Discord, one model, one Guildhall.
pub struct World {
    /// Where members ask.
    pub discord: FakeDiscord,
    /// What answers.
    pub model: FakeModel,
    /// The real binary, running `serve`.
    pub guildhall: Process,
    /// Who runs the installation, where people sign in.
    pub operator: Member,
    address: Arc<Mutex<String>>,
    data: TempDir,
    client: reqwest::Client,
}

impl World {
    /// A world in which Guildhall runs and knows nothing yet.
    pub async fn new() -> Self {
        Self::start(Start::default()).await
    }

    /// The same, started in another way.
    pub async fn start(start: Start) -> Self {
        let (discord, model, data) = (FakeDiscord::start().await, FakeModel::start().await, server::data_folder());
        if start.without_rate_limits {
            discord.without_rate_limits();
        }
        // Unless it is asked for, the user guide was given before and removed, so that a story knows what is known.
        let store = store(&data).await;
        if !start.with_guide {
            store.put_guide(&AccountId::local(), &standalone::guide::version()).await.expect("a fresh table takes it");
        }
        let account = Account { id: AccountId::local(), name: "The workshop".to_owned(), plan: Plan::Pro };
        store.put_account(&account).await.expect("a fresh table takes an account");
        drop(store);

        let mut environment = discord.environment();
        if start.only_a_token {
            environment.retain(|(name, _)| !["DISCORD_APPLICATION_ID", "DISCORD_PUBLIC_KEY"].contains(&name.as_str()));
        }
        let operator = discord.member("olivia");
        if start.with_sign_in {
            environment.push(("DISCORD_CLIENT_SECRET".to_owned(), discord.client_secret()));
            environment.push(("GUILDHALL_OPERATORS".to_owned(), operator.id.to_string()));
        }
        if !start.without_model {
            environment.extend(model.environment());
        }
        if start.with_embeddings {
            environment.extend(model.embedding_environment());
        }
        let own = [
            // The system chooses a port anew at each start: none can be taken by another story meanwhile.
            ("GUILDHALL_ADDR", "127.0.0.1:0"),
            ("GUILDHALL_DATA", data.path().to_str().expect("a temporary folder has an ASCII name")),
            ("GUILDHALL_CRAWL_LOOPBACK", "true"),
            // Stories look again and again until something has happened.
            ("GUILDHALL_REQUESTS_PER_MINUTE", "1000000"),
            ("GUILDHALL_ASKS_PER_MINUTE", "1000000"),
            ("GUILDHALL_UPLOADS_PER_MINUTE", "1000000"),
            ("GUILDHALL_TRIES_PER_MINUTE", "1000000"),
        ];
        environment.extend(own.iter().chain(&start.environment).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let binary = process::binary("guildhall");
        // A write beyond the limit of a file's size is an error as on a full disk, not the end of the process.
        let script = ["-c", "trap '' XFSZ; exec \"$0\" serve", binary.to_str().expect("cargo's folder has a name")];
        let guildhall = Process::start("/bin/sh", &script, environment);
        let mut world =
            Self { discord, model, guildhall, operator, address: Arc::default(), data, client: server::client() };
        world.is_up().await;
        world
    }

    /// Waits until Guildhall answers at its new address.
    async fn is_up(&mut self) {
        let file = self.data.path().join("address");
        let address = eventually(SOON, async || {
            std::fs::read_to_string(&file).ok().filter(|address| address.starts_with("http://"))
        });
        let address = tokio::select! {
            address = address => address,
            ended = self.guildhall.wait() => panic!("guildhall ended ({ended}):\n{}", self.log()),
        };
        self.guildhall.wait_until_healthy(&address, SOON).await;
        *self.address.lock().expect("no holder panics") = address;
    }

    /// Kills Guildhall as a power cut would.
    pub async fn kill(&mut self) {
        self.guildhall.kill().await;
        let _ = std::fs::remove_file(self.data.path().join("address"));
    }

    /// Starts Guildhall again on the same folder, after a kill if it still runs.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.guildhall.restart().await;
        self.is_up().await;
    }

    /// Asks Guildhall to stop, as a service manager does, and waits until it has.
    pub async fn stop(&mut self) -> std::process::ExitStatus {
        let id = self.guildhall.id().expect("it runs").to_string();
        let told = tokio::process::Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(told.is_ok_and(|told| told.success()), "a POSIX system has `kill`");
        tokio::time::timeout(SOON, self.guildhall.wait()).await.expect("it stops when it is told to")
    }

    /// The table, once Guildhall has ended.
    pub async fn table(&self) -> Store {
        assert!(self.guildhall.id().is_none(), "one process at a time has the table open");
        store(&self.data).await
    }

    /// Where members' interactions are posted.
    pub fn webhook(&self) -> String {
        webhook(&self.address)
    }

    /// Where Guildhall listens at the moment.
    pub fn address(&self) -> String {
        self.address.lock().expect("no holder panics").clone()
    }

    /// A browser in which nobody is signed in.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.address())
    }

    /// A browser in which this person is signed in.
    ///
    /// # Panics
    /// When they cannot sign in.
    pub async fn browser_of(&self, member: &Member) -> Browser {
        let mut browser = self.browser();
        let page = browser.signs_in(&self.discord, member, "/healthz").await;
        assert!(page.address.path() == "/healthz" && page.status == 200, "{} cannot sign in: {page:?}", member.name);
        browser
    }

    /// What Guildhall has printed, over all its lives.
    pub fn log(&self) -> String {
        self.guildhall.lines().join("\n")
    }

    /// Waits until Guildhall has printed this: a line may come later than the answer to the request that it is about.
    pub async fn prints(&self, needle: &str) {
        eventually(SOON, async || self.log().contains(needle).then_some(())).await;
    }

    /// The process's data folder.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Asks the API with the machine's own token: the status and the answer.
    pub async fn api(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the API can be reached");
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// A request to the API with the machine's own token, to be sent.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let token = std::fs::read_to_string(self.data.path().join("local-token")).expect("serving writes it");
        let address = format!("{}/api/v1{path}", self.address.lock().expect("no holder panics"));
        self.client.request(method, address).bearer_auth(token)
    }

    /// Teaches Guildhall a text and waits until it answers questions.
    pub async fn knows(&self, title: &str, body: &str) {
        let text = json!({"kind": "text", "title": title, "body": body});
        let (status, added) = self.api(reqwest::Method::POST, "/knowledge/sources", Some(text)).await;
        assert!((200..300).contains(&status), "{status}: {added}");
        let path = format!("/knowledge/sources/{}", added["id"].as_str().expect("a source has an id"));
        eventually(SOON, async || {
            let (_, source) = self.api(reqwest::Method::GET, &path, None).await;
            assert_ne!(source["status"]["state"], "failed", "{source}");
            (source["status"]["state"] == "ready").then_some(())
        })
        .await;
    }

    /// Messages that were counted this month.
    pub async fn used(&self) -> u64 {
        let (_, usage) = self.api(reqwest::Method::GET, "/usage", None).await;
        usage["used"].as_u64().unwrap_or_else(|| panic!("no usage: {usage}"))
    }

    /// A person in the first channel.
    pub fn member(&self, name: &str) -> Person {
        Person { member: self.discord.member(name), discord: self.discord.clone(), address: Arc::clone(&self.address) }
    }

    /// Nothing was sent that the story did not look at, nobody was pinged, no link unfolded, no limit was broken.
    ///
    /// # Panics
    /// When something was.
    #[track_caller]
    pub fn is_quiet(&self) {
        self.discord.is_quiet();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("guildhall printed:\n{}", self.log());
        }
    }
}

async fn store(data: &TempDir) -> Store {
    let client = standalone::table::open(&data.path().join("guildhall.db")).expect("the table's file opens");
    let store = Store::new(client, "guildhall");
    store.create_table().await.expect("a table can be made or is there");
    store
}

fn webhook(address: &Mutex<String>) -> String {
    format!("{}/discord/webhook/", address.lock().expect("no holder panics"))
}

/// Somebody who asks Guildhall, wherever it listens at the moment.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who it is on Discord.
    pub member: Member,
    discord: FakeDiscord,
    address: Arc<Mutex<String>>,
}

impl Person {
    /// The same person with another language.
    #[must_use]
    pub fn speaking(mut self, locale: &str) -> Self {
        self.member = self.member.speaking(locale);
        self
    }

    /// Types `/ask` with a question; Discord accepts the first answer.
    pub async fn asks(&self, question: &str) -> Interaction {
        self.member.asks(&webhook(&self.address), question, false).await.accepted()
    }

    /// The same, so that nobody else sees the answer.
    pub async fn asks_privately(&self, question: &str) -> Interaction {
        self.member.asks(&webhook(&self.address), question, true).await.accepted()
    }

    /// Delivers an interaction, perhaps once more.
    pub async fn delivers(&self, interaction: &Interaction) -> Sent {
        self.discord.deliver(&webhook(&self.address), interaction).await
    }

    /// Chooses "Ask about this" in a message's menu.
    pub async fn asks_about(&self, message: u64) -> Interaction {
        self.member.asks_about(&webhook(&self.address), message).await.accepted()
    }

    /// Sends a form.
    pub async fn submits(&self, form: &str, fields: &[(&str, &str)]) -> Interaction {
        self.member.submits(&webhook(&self.address), None, form, fields).await.accepted()
    }

    /// Clicks a button.
    pub async fn clicks(&self, message: &Seen, custom_id: &str) -> Interaction {
        self.member.clicks(&webhook(&self.address), message.id, custom_id).await.accepted()
    }

    /// What this person is shown in answer to the latest of their doings.
    #[track_caller]
    pub fn sees(&self) -> impl Future<Output = String> + use<> {
        self.member.sees()
    }

    /// The messages of an answer as soon as its first one is there.
    #[track_caller]
    pub fn reply_to(&self, interaction: &Interaction) -> impl Future<Output = Vec<Seen>> + use<> {
        self.discord.wait_for_reply(interaction, SOON)
    }
}
