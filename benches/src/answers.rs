//! From a signed POST to the edited reply, through the real release binary, with a Discord and a model that answer at
//! once; and how much memory the binary takes.

use crate::bare;
use crate::corpus::Corpus;
use crate::measure::{self, Row, each, percentile};
use anyhow::{Context as _, Result, bail, ensure};
use guildhall::account::Plan;
use guildhall::config::Config;
use guildhall::dashboard::auth::Access;
use guildhall::ids::AccountId;
use guildhall::knowledge::source::{NewSource, Status};
use guildhall::knowledge::{Document, chunk};
use jiff::Timestamp;
use standalone::house::House;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::fake_discord::{FakeDiscord, Member};
use tests::fake_model::FakeModel;
use tests::process::{Process, binary};
use tests::server::free_port;

/// Sources, and sections in each: 10,000 passages together.
const SOURCES: usize = 20;
const SECTIONS: usize = 500;

/// Questions that are asked one after the other.
const ONE_BY_ONE: usize = 300;

/// Questions that are asked at the same time, and how often.
const AT_A_TIME: usize = 200;
const WAVES: usize = 10;

/// CPU time that a question may cost.
const CPU: Duration = Duration::from_millis(1);

/// Long beside every good answer.
const PATIENCE: Duration = Duration::from_secs(30);

const ANSWER: &str = "Set `GUILDHALL_ADDR` to the address on which the server shall listen, and start it again.";

/// A Discord and a model that answer at once, and a server between them in a process of its own.
struct World {
    discord: FakeDiscord,
    _model: FakeModel,
    process: Process,
    webhook: String,
}

impl World {
    /// With the real binary on a data folder.
    async fn of_guildhall(data: &Path) -> Result<Self> {
        let data = data.to_str().context("the data folder's path is text")?.to_owned();
        Self::start(|discord, model, address| {
            let mut environment = discord.environment();
            environment.extend(model.environment());
            environment.push(("GUILDHALL_ADDR".to_owned(), address.to_owned()));
            environment.push(("GUILDHALL_DATA".to_owned(), data));
            Process::start(binary("guildhall"), &["serve"], environment)
        })
        .await
    }

    /// With the server that does only what it must.
    async fn of_bare_server() -> Result<Self> {
        let bench = std::env::current_exe()?;
        Self::start(|discord, model, address| {
            let arguments = [bare::MODE, address, &model.url(), &discord.url(), &discord.public_key_hex()];
            Process::start(bench, &arguments, std::iter::empty::<(&str, &str)>())
        })
        .await
    }

    async fn start(process: impl FnOnce(&FakeDiscord, &FakeModel, &str) -> Process) -> Result<Self> {
        let (discord, model) = (FakeDiscord::start().await, FakeModel::start().await);
        discord.without_rate_limits();
        let said = serde_json::json!({"answer": ANSWER, "sources": [1], "can_answer": true, "wants_human": false});
        model.instant(&said.to_string());
        let address = format!("127.0.0.1:{}", free_port());
        let mut process = process(&discord, &model, &address);
        process.wait_until_healthy(&format!("http://{address}"), PATIENCE).await;
        let webhook = format!("http://{address}/discord/webhook/");
        let mut world = Self { discord, _model: model, process, webhook };
        world.settle().await?;
        Ok(world)
    }

    /// Waits until it does nothing any more, such as indexing what it found at its start.
    async fn settle(&mut self) -> Result<()> {
        let mut quiet = 0;
        while quiet < 3 {
            let before = self.cpu()?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            quiet = if self.cpu()?.saturating_sub(before) <= Duration::from_millis(10) { quiet + 1 } else { 0 };
        }
        Ok(())
    }

    fn cpu(&self) -> Result<Duration> {
        self.process.cpu_time().context("the server has ended")
    }

    fn resident(&self) -> Result<u64> {
        self.process.resident_kib().context("the server has ended")
    }

    /// One question of one member; how long it takes until the reply can be read.
    async fn ask(discord: FakeDiscord, webhook: String, member: Member, question: String) -> Result<Duration> {
        let interaction = member.ask(&question, false);
        let request = discord.signed(&interaction.body);
        let started = Instant::now();
        let sent = discord.send(&webhook, &interaction, &request).await;
        if let Some(failure) = sent.failure {
            bail!("the webhook's answer is no good: {failure}");
        }
        let seen = discord.wait_for_reply(&interaction, PATIENCE).await;
        let took = started.elapsed();
        let replied = seen.first().is_some_and(|seen| seen.content.contains("GUILDHALL_ADDR"));
        ensure!(replied, "a question got another reply than the model's: {seen:?}");
        Ok(took)
    }

    /// Everybody asks at once; how long each waits.
    async fn wave(&self, members: &[Member], questions: &[String]) -> Result<Vec<Duration>> {
        let asking = members.iter().zip(questions.iter().cycle()).map(|(member, question)| {
            tokio::spawn(Self::ask(self.discord.clone(), self.webhook.clone(), member.clone(), question.clone()))
        });
        let mut waits = Vec::with_capacity(members.len());
        for asked in futures::future::join_all(asking).await {
            waits.push(asked??);
        }
        Ok(waits)
    }

    fn members(&self, count: usize) -> Vec<Member> {
        (0..count).map(|number| self.discord.member(&format!("member{number}"))).collect()
    }
}

/// Times of one server.
struct Measured {
    alone: Vec<Duration>,
    alone_cpu: Duration,
    together: Vec<Duration>,
    together_cpu: Duration,
}

pub(crate) async fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let questions = fill(folder.path()).await?;
    let floor = measure(&World::of_bare_server().await?, &questions).await?;
    let ours = measure(&World::of_guildhall(folder.path()).await?, &questions).await?;
    let p99 = |times: &[Duration]| measure::show(percentile(times, 99));
    let rows = [
        Row::limit(
            format!("one at a time, p50 (p99 {})", p99(&ours.alone)),
            percentile(&ours.alone, 50),
            Some(percentile(&floor.alone, 50)),
            Duration::from_millis(10),
        ),
        Row::limit("… CPU of the process for each", ours.alone_cpu, Some(floor.alone_cpu), CPU),
        Row::plain(
            format!("{AT_A_TIME} at a time, {WAVES} times, p50 (p99 {})", p99(&ours.together)),
            measure::show(percentile(&ours.together, 50)),
        ),
        Row::limit("… CPU of the process for each", ours.together_cpu, Some(floor.together_cpu), CPU),
    ];
    measure::print(
        "answers: signed POST to edited reply, release binary, 10000 passages; floor: a server that only verifies, asks the \
         model and edits",
        &rows,
    )
}

async fn measure(world: &World, questions: &[String]) -> Result<Measured> {
    // Connections and caches are there in a server that runs for longer than a moment.
    world.wave(&world.members(20), questions).await?;
    let before = world.cpu()?;
    let mut alone = Vec::with_capacity(ONE_BY_ONE);
    for member in world.members(ONE_BY_ONE).chunks(1) {
        alone.extend(world.wave(member, &questions[alone.len() % questions.len()..]).await?);
    }
    let alone_cpu = each(world.cpu()?.saturating_sub(before), ONE_BY_ONE);

    let members = world.members(AT_A_TIME);
    let before = world.cpu()?;
    let mut together = Vec::new();
    for wave in 0..WAVES {
        together.extend(world.wave(&members, &questions[wave * 7..]).await?);
    }
    // A reply can be read a moment before the last of its bookkeeping is done.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let together_cpu = each(world.cpu()?.saturating_sub(before), AT_A_TIME * WAVES);
    Ok(Measured { alone, alone_cpu, together, together_cpu })
}

/// A data folder with 10,000 passages, and questions about them.
async fn fill(data: &Path) -> Result<Vec<String>> {
    let mut corpus = Corpus::new(23)?;
    let config = Config::from_vars(&|_| None)?;
    let house = House::open(&config, data, Plan::Pro, standalone::house::Work::Everything, Access::default()).await?;
    let (account, bot) = (AccountId::local(), &house.bot);
    let mut passages = Vec::new();
    for number in 0..SOURCES {
        let markdown = corpus.document(SECTIONS);
        let name = format!("manual-{number}.md");
        let bytes = markdown.clone().into();
        let new = NewSource::File { name: name.clone(), content_type: None, bytes };
        bot.knowledge.add(&account, new, &bot.jobs, Timestamp::now()).await?;
        passages.extend(chunk::passages(&Document { title: name, address: None, markdown }));
    }
    let started = Instant::now();
    loop {
        let sources = bot.store.sources(&account).await?;
        if sources.iter().all(|source| source.status == Status::Ready) {
            break;
        }
        ensure!(started.elapsed() < Duration::from_mins(2), "10,000 passages were not indexed within two minutes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    house.close().await;
    Ok(corpus.questions(&passages, 200))
}

/// Memory of the binary that has indexed nothing but the user guide.
pub(crate) async fn memory() -> Result<()> {
    /// Answers, and how many of them at the same time.
    const ANSWERS: usize = 400;
    const TOGETHER: usize = 100;
    let folder = tempfile::tempdir()?;
    let world = World::of_guildhall(folder.path()).await?;
    let questions =
        ["how do I change the port?", "which model servers work with it?", "how long are conversations kept?"];
    let questions = questions.map(str::to_owned);
    let idle = world.resident()?;
    let members = world.members(TOGETHER);
    let mut highest = idle;
    for _ in 0..ANSWERS / TOGETHER {
        world.wave(&members, &questions).await?;
        highest = highest.max(world.resident()?);
    }
    let after = world.resident()?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let later = world.resident()?;
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let show = |kib: u64| format!("{:.1} MB", kib as f64 * 1024.0 / 1e6);
    let row = |what: &str, kib: u64, below: u64| {
        Row::plain(what, show(kib)).aiming(format!("< {below} MB"), kib * 1024 < below * 1_000_000)
    };
    let mut back = Row::plain("10 seconds later", show(later)).aiming("idle + 10 %", later * 10 <= idle * 11);
    back.ratio = format!("{:.2}", measure::ratio(later, idle));
    let rows = [
        row("idle, the user guide indexed", idle, 40),
        row("after 400 answers, 100 at a time", after, 60),
        Row::plain("… highest between the waves", show(highest)),
        back,
    ];
    measure::print("memory: resident, of the release binary", &rows)
}
