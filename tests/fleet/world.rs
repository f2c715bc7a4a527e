//! One Discord, one AWS, and people who ask all the time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use guildhall::account::{Account, Month, Plan};
use guildhall::config::KeyConfig;
use guildhall::discord::{Budget, CustomBots, Discord};
use guildhall::ids::AccountId;
use guildhall::job::sqs::Queue;
use guildhall::secret::Secrets;
use guildhall::settings::Guild;
use guildhall::store::{CustomBot, Lease};
use jiff::Timestamp;
use tests::fake_discord::{FakeDiscord, GatewaySettings, Member};
use tests::fake_model::FakeModel;
use tests::local_aws::LocalAws;
use tests::process::{self, Process};
use tests::server::{self, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use twilight_model::id::{Id, marker::GuildMarker};

use super::consumer::Consumer;
use super::fences::Fences;
use super::proxy::Proxy;

/// Far more than anything here may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// A little less, so that what is missing can be named.
const LOOKED_FOR: Duration = Duration::from_secs(115);

/// Servers of the world: one for each of so many shards.
const GUILDS: u64 = 4;

/// People in each server.
const PEOPLE: usize = 2;

/// Between two questions of all people together: more than the emulated AWS can take in would only pile up.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// The same where much is left to be answered afterwards.
pub(super) const SELDOM: Duration = Duration::from_millis(200);

/// Far more than it takes to notice that a worker is dead and to take over: three seconds and a half on an idle machine.
pub(super) const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(15);

/// Nothing changes hands for so long: the table was looked at ten times.
const AT_REST: Duration = Duration::from_secs(3);

/// One Discord with four servers, one AWS with a consumer of its queue.
pub(super) struct World {
    pub(super) discord: FakeDiscord,
    pub(super) aws: LocalAws,
    pub(super) consumer: Consumer,
    pub(super) model: FakeModel,
    pub(super) people: Vec<Member>,
    fences: Fences,
}

/// What somebody asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) person: u64,
    pub(super) message: u64,
}

impl World {
    /// A world in which no worker runs yet, and whose model says the same to everybody.
    pub(super) async fn new(change: impl FnOnce(&mut GatewaySettings)) -> Self {
        let world = Self::with_reader(change).await;
        let says = r#"{"addressed":true,"answer":"31 months.","can_answer":true,"sources":[],"wants_human":false}"#;
        world.model.instant(says);
        world
    }

    /// The same with a model that reads the questions.
    pub(super) async fn with_reader(change: impl FnOnce(&mut GatewaySettings)) -> Self {
        let (discord, model, aws) = (FakeDiscord::start().await, FakeModel::start().await, LocalAws::start().await);
        discord.without_rate_limits();
        discord.gateway().set(|settings| {
            (settings.shards, settings.max_concurrency) = (GUILDS, GUILDS);
            change(settings);
        });
        let (store, account) = (aws.store(), AccountId("workshop".to_owned()));
        let workshop = Account { id: account.clone(), name: "The workshop".to_owned(), plan: Plan::Pro };
        store.put_account(&workshop).await.expect("a fresh table takes an account");
        let mut people = Vec::new();
        for shard in 0..GUILDS {
            let guild = discord.add_guild_on(&format!("Server {shard}"), (shard, GUILDS));
            let channel = discord.add_channel(guild, "help");
            let connected = Guild::new(Id::new(guild), account.clone());
            assert!(store.put_guild(&connected, Timestamp::now()).await.expect("a fresh table takes a server"));
            people.extend((0..PEOPLE).map(|n| discord.member(&format!("ann-{shard}-{n}")).in_channel(guild, channel)));
        }
        let consumer = Consumer::start(&aws, &environment(&discord, &model));
        let fences = Fences::watch(aws.store());
        Self { discord, aws, consumer, model, people, fences }
    }

    /// Starts a worker.
    pub(super) fn worker(&self) -> Worker {
        self.worker_with(&[])
    }

    /// The same, with a proxy before AWS.
    pub(super) fn worker_through(&self, proxy: &Proxy) -> Worker {
        self.worker_with(&[("AWS_ENDPOINT_URL", &proxy.url())])
    }

    /// The same, with further variables.
    pub(super) fn worker_with(&self, further: &[(&str, &str)]) -> Worker {
        let metrics = format!("127.0.0.1:{}", server::free_port());
        let mut environment: BTreeMap<String, String> = self.aws.environment().into_iter().collect();
        environment.extend(self.discord.environment());
        environment.insert("GUILDHALL_METRICS_ADDR".to_owned(), metrics.clone());
        environment.extend(further.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let process = Process::start(process::binary("gateway-worker"), &[], environment);
        Worker { process, metrics, client: server::client() }
    }

    /// A key that teams' tokens are sealed with.
    pub(super) async fn key(&self) -> KeyConfig {
        let made = self.aws.aws.keys().create_key().send().await.expect("a key can be made");
        KeyConfig { id: made.key_metadata.expect("what was made").key_id }
    }

    /// The workshop brings a bot along, which is on the first server: its application.
    pub(super) async fn team_brings_a_bot(&self, key: &KeyConfig) -> u64 {
        let (id, token) = self.discord.add_bot("archivist");
        self.discord.bot_joins(id, self.people[0].guild_id);
        let (store, account) = (self.aws.store(), AccountId("workshop".to_owned()));
        let custom = CustomBots { store: store.clone(), secrets: Secrets::kms(self.aws.aws.keys(), key.clone()) };
        let api = self.discord.environment().into_iter().find(|(name, _)| name == "DISCORD_API_URL");
        let api = api.and_then(|(_, url)| url.parse().ok()).expect("the fake says where it is");
        let discord =
            Discord::new(&api, None, Some(custom), Budget::Shared(store.clone())).expect("a client can be built");
        let bot = CustomBot {
            application: Id::new(id),
            token: discord.seal_token(&account, Id::new(id), &token).await.expect("the key seals"),
            account,
            public_key: self.discord.public_key_of(id),
            revision: "1".to_owned(),
            added_at: Timestamp::now(),
        };
        store.put_custom_bot(&bot).await.expect("the table takes a bot");
        id
    }

    /// Starts another consumer of the queue.
    pub(super) fn another_consumer(&self) -> Consumer {
        Consumer::start(&self.aws, &environment(&self.discord, &self.model))
    }

    /// The servers.
    pub(super) fn guilds(&self) -> BTreeSet<Id<GuildMarker>> {
        self.people.iter().map(|person| Id::new(person.guild_id)).collect()
    }

    /// Sessions as they stand in the table.
    pub(super) async fn leases(&self) -> Vec<Lease> {
        self.aws.store().leases().await.expect("the table answers")
    }

    /// How many sessions each owner has.
    pub(super) async fn shares(&self) -> Vec<usize> {
        let mut shares: HashMap<String, usize> = HashMap::new();
        for owner in self.leases().await.into_iter().filter_map(|lease| lease.owner) {
            *shares.entry(owner).or_default() += 1;
        }
        let mut shares: Vec<usize> = shares.into_values().collect();
        shares.sort_unstable();
        shares
    }

    /// Waits until the sessions are shared so, and all are connected.
    pub(super) async fn until_shared(&self, wanted: &[usize]) {
        let total: usize = wanted.iter().sum();
        eventually(PATIENCE, async || {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let are_ready = self.leases().await.iter().all(|lease| lease.state.ready);
            let are_there = self.discord.gateway().connected().len() == total;
            (are_ready && are_there && self.shares().await == wanted).then_some(())
        })
        .await;
    }

    /// Waits until no session changes hands any more.
    pub(super) async fn until_at_rest(&self) {
        let fences = async || {
            let mut fences: Vec<_> = self.leases().await.iter().map(|lease| (lease.key, lease.fence)).collect();
            fences.sort_unstable();
            fences
        };
        eventually(PATIENCE, async || {
            let before = fences().await;
            tokio::time::sleep(AT_REST).await;
            (fences().await == before).then_some(())
        })
        .await;
    }

    /// Changes of hands so far.
    pub(super) async fn changes_of_hands(&self) -> u64 {
        self.leases().await.iter().map(|lease| lease.fence).sum()
    }

    /// Waits until everything that was said is settled and written down so, and all jobs are done.
    pub(super) async fn until_settled(&self) {
        let queue = self.aws.url(Queue::Questions);
        eventually(PATIENCE, async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let leases = self.leases().await;
            let is_stored = self.discord.gateway().sequences().iter().all(|((shard, _), newest, _)| {
                leases.iter().any(|lease| u64::from(lease.key.shard) == *shard && lease.state.seq == *newest)
            });
            (is_stored && self.aws.depth(queue).await == (0, 0)).then_some(())
        })
        .await;
    }

    /// Somebody asks.
    pub(super) fn ask(&self, n: usize) -> Asked {
        ask(&self.people, n)
    }

    /// Somebody asks who is in no server of this shard.
    pub(super) fn ask_outside(&self, shard: u64, n: usize) -> Asked {
        let elsewhere: Vec<Member> =
            self.people.iter().filter(|person| (person.guild_id >> 22) % GUILDS != shard).cloned().collect();
        ask(&elsewhere, n)
    }

    /// People ask, one after the other, until they are told to stop.
    pub(super) fn people_ask(&self) -> Load {
        self.people_ask_every(ASKED_EVERY)
    }

    /// The same at another pace.
    pub(super) fn people_ask_every(&self, pause: Duration) -> Load {
        let (people, stop) = (self.people.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut asked = Vec::new();
            let mut ticks = tokio::time::interval(pause);
            while stopped.run_until_cancelled(ticks.tick()).await.is_some() {
                asked.push(ask(&people, asked.len()));
            }
            asked
        });
        Load { stop, task }
    }

    /// Waits until everything that was asked is answered and done with: each once, in order for each person, counted once,
    /// and no limit of Discord's broken.
    pub(super) async fn all_is_answered(&self, asked: &[Asked]) {
        self.each_is_answered(asked).await;
        let seen = self.discord.bot_messages();
        let person_of: HashMap<u64, u64> = asked.iter().map(|asked| (asked.message, asked.person)).collect();
        let mut last: HashMap<u64, u64> = HashMap::new();
        for message in seen.iter().filter_map(|seen| seen.replies_to) {
            let before = last.insert(person_of[&message], message);
            assert!(before.is_none_or(|before| before < message), "in order for each person");
        }
    }

    /// The same in whatever order.
    pub(super) async fn each_is_answered(&self, asked: &[Asked]) {
        self.until_answered(asked).await;
        let queue = self.aws.url(Queue::Questions);
        eventually(PATIENCE, async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            (self.aws.depth(queue).await == (0, 0)).then_some(())
        })
        .await;
        assert_eq!(self.discord.bot_messages().len(), asked.len(), "each question has one answer");
        assert_eq!(self.used().await, asked.len(), "each is counted once");
        self.is_well().await;
    }

    /// Questions that are counted.
    pub(super) async fn used(&self) -> usize {
        let used = self.aws.store().usage(&AccountId("workshop".to_owned()), Month::of(Timestamp::now())).await;
        usize::try_from(used.expect("the table answers")).expect("few")
    }

    /// No job was given up, no limit of Discord's broken, and nobody wrote what was another's to write.
    pub(super) async fn is_well(&self) {
        assert_eq!(self.aws.depth(&self.aws.dead_questions).await, (0, 0));
        assert_eq!(self.discord.gateway().violations(), Vec::<String>::new());
        assert_eq!(self.discord.violations(), 0);
        assert_eq!(self.fences.broken(), Vec::<String>::new());
    }

    /// Waits until there are as many answers as questions, and these are answered.
    pub(super) async fn until_answered(&self, asked: &[Asked]) {
        let answered = eventually(PATIENCE, async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let answered: Vec<u64> =
                self.discord.bot_messages().into_iter().filter_map(|seen| seen.replies_to).collect();
            (answered.len() >= asked.len()).then_some(answered)
        });
        let answered = tokio::select! {
            answered = answered => answered,
            () = tokio::time::sleep(LOOKED_FOR) => self.panic_over(asked),
        };
        assert!(asked.iter().all(|asked| answered.contains(&asked.message)), "{}", self.missing(asked));
    }

    fn missing(&self, asked: &[Asked]) -> String {
        let answered: Vec<u64> = self.discord.bot_messages().into_iter().filter_map(|seen| seen.replies_to).collect();
        let missing: Vec<_> =
            asked.iter().enumerate().filter(|(_, asked)| !answered.contains(&asked.message)).collect();
        format!("{} of {} are not answered: {missing:?}", missing.len(), asked.len())
    }

    fn panic_over(&self, asked: &[Asked]) -> ! {
        panic!("{}", self.missing(asked))
    }
}

fn environment(discord: &FakeDiscord, model: &FakeModel) -> Vec<(String, String)> {
    let mut environment = discord.environment();
    environment.extend(model.environment());
    environment
}

fn ask(people: &[Member], n: usize) -> Asked {
    let person = &people[n % people.len()];
    Asked { person: person.id, message: person.tells_bot(&format!("question {n}: how long is the warranty?")) }
}

/// People who ask.
pub(super) struct Load {
    stop: CancellationToken,
    task: JoinHandle<Vec<Asked>>,
}

impl Load {
    /// Everything that was asked.
    pub(super) async fn stop(self) -> Vec<Asked> {
        self.stop.cancel();
        self.task.await.expect("nobody panics while asking")
    }
}

/// One process.
pub(super) struct Worker {
    pub(super) process: Process,
    metrics: String,
    client: reqwest::Client,
}

impl Worker {
    /// Sends a signal, such as `STOP`.
    pub(super) fn signal(&self, name: &str) {
        let id = self.process.id().expect("it runs").to_string();
        let told = std::process::Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(told.is_ok_and(|told| told.success()), "a POSIX system has `kill`");
    }

    /// Whether it has printed this.
    pub(super) fn says(&self, words: &str) -> bool {
        self.process.lines().iter().any(|line| line.contains(words))
    }

    /// Tells it to stop, and waits until it has.
    pub(super) async fn stops(&mut self) -> Duration {
        let began = Instant::now();
        self.signal("TERM");
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await.expect("it stops when it is told to");
        assert!(ended.success(), "{}", self.process.lines().join("\n"));
        began.elapsed()
    }

    /// What it counts of one kind: the sum of all lines that begin so.
    pub(super) async fn counts(&self, name: &str) -> u64 {
        let asked = self.client.get(format!("http://{}/metrics", self.metrics)).send().await;
        let text = asked.expect("it listens").text().await.expect("it answers with text");
        let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
        values.filter_map(|(_, value)| value.parse::<u64>().ok()).sum()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("a worker printed:\n{}", self.process.lines().join("\n"));
        }
    }
}

/// The middle and the worst of some times; of at least one.
pub(super) fn show(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    format!("p50 {:?}, p99 {:?} of {}", at(50), at(99), times.len())
}
