//! The real binary under more messages than any bot hears: CPU for one that is dropped, and memory.

use super::firehose::{Firehose, Script};
use crate::measure::{self, Row, each, median, process_cpu};
use anyhow::{Context as _, Result, ensure};
use guildhall::account::{Account, Plan};
use guildhall::ids::AccountId;
use guildhall::store::Store;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tests::fake_discord::FakeDiscord;
use tests::local_aws::LocalAws;
use tests::process::{Process, binary};
use tests::server::free_port;

const ROUNDS: usize = 3;

/// Messages of one measurement: about half a second of CPU, beside ticks of 10 ms.
const FLOOD: u64 = 400_000;

/// Events over which memory must not grow.
const LONG: u64 = 10_000_000;

/// Servers at first, and then.
const FEW: u64 = 1_000;
const MANY: u64 = 11_000;

/// What reads the flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    /// `guildhall serve`.
    Guildhall,
    /// `gateway-worker`.
    Worker,
    /// Twilight, with nothing behind it.
    Twilight,
    /// A runtime in which nothing happens.
    Nothing,
}

/// A client with the gateway that it reads.
struct Reading {
    firehose: Firehose,
    process: Process,
    metrics: Option<String>,
    _discord: FakeDiscord,
    _aws: Option<LocalAws>,
    _data: tempfile::TempDir,
}

impl Reading {
    async fn start(client: Client, script: &Arc<Script>) -> Result<Self> {
        let firehose = Firehose::start(Arc::clone(script)).await;
        let discord = FakeDiscord::start().await;
        discord.set_gateway_url(&firehose.url());
        let data = tempfile::tempdir()?;
        let metrics = format!("127.0.0.1:{}", free_port());
        let mut environment = discord.environment();
        environment.retain(|(name, _)| name != "DISCORD_APPLICATION_ID");
        environment.push(("DISCORD_APPLICATION_ID".to_owned(), super::frames::BOT.to_string()));
        environment.push(("GUILDHALL_METRICS_ADDR".to_owned(), metrics.clone()));
        let mut aws = None;
        let process = match client {
            Client::Nothing => Process::start(binary("gateway-floor"), &[], environment),
            Client::Twilight => Process::start(binary("gateway-floor"), &[&firehose.url()], environment),
            Client::Guildhall => {
                without_guide(data.path()).await?;
                let folder = data.path().to_str().context("a text for a path")?;
                for (name, value) in [("GUILDHALL_ADDR", "127.0.0.1:0"), ("GUILDHALL_DATA", folder)] {
                    environment.push((name.to_owned(), value.to_owned()));
                }
                Process::start(binary("guildhall"), &["serve"], environment)
            }
            Client::Worker => {
                let aws = aws.insert(LocalAws::start().await);
                environment.extend(aws.environment());
                Process::start(worker()?, &[], environment)
            }
        };
        let metrics = matches!(client, Client::Guildhall | Client::Worker).then_some(metrics);
        let mut reading = Self { firehose, process, metrics, _discord: discord, _aws: aws, _data: data };
        if client == Client::Nothing {
            return Ok(reading);
        }
        reading.firehose.is_open().await.with_context(|| reading.process.lines().join("\n"))?;
        reading.settle().await?;
        Ok(reading)
    }

    /// Waits until hardly anything is done any more.
    async fn settle(&mut self) -> Result<()> {
        let mut quiet = 0;
        while quiet < 2 {
            let before = self.cpu()?;
            tokio::time::sleep(Duration::from_millis(300)).await;
            quiet = if self.cpu()?.saturating_sub(before) <= Duration::from_millis(10) { quiet + 1 } else { 0 };
        }
        Ok(())
    }

    /// CPU for each message of the script's flood: the client's, and the sender's.
    async fn pour(&mut self) -> Result<(Duration, Duration)> {
        let (heard, before) = (self.heard().await?, self.cpu()?);
        let (sender, count) = process_cpu(self.firehose.pour()).await?;
        self.settle().await?;
        let took = self.cpu()?.saturating_sub(before);
        if let (Some(before), Some(after)) = (heard, self.heard().await?) {
            ensure!(after - before == count, "of {count} messages, {} were heard", after - before);
        }
        let count = usize::try_from(count)?;
        Ok((each(took, count), each(sender, count)))
    }

    /// Messages that the client says it has heard.
    async fn heard(&self) -> Result<Option<u64>> {
        let Some(address) = &self.metrics else { return Ok(None) };
        let text = tests::server::client().get(format!("http://{address}/metrics")).send().await?.text().await?;
        let line =
            text.lines().find(|line| line.starts_with("guildhall_gateway_events_total{kind=\"MESSAGE_CREATE\"}"));
        Ok(Some(line.and_then(|line| line.rsplit(' ').next()).context("a count of messages")?.parse()?))
    }

    fn cpu(&self) -> Result<Duration> {
        self.process.cpu_time().context("the client has ended")
    }

    fn resident(&self) -> Result<Resident> {
        let id = self.process.id().context("the client has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let bytes = |name: &str| {
            let line =
                status.lines().find_map(|line| line.strip_prefix(name)).context("Linux says what is resident")?;
            let kib = line.split_whitespace().next().context("a number")?;
            anyhow::Ok(kib.parse::<u64>()? * 1024)
        };
        Ok(Resident { own: bytes("RssAnon:")?, mapped: bytes("RssFile:")? })
    }
}

/// Bytes of a process that are in memory.
#[derive(Debug, Clone, Copy)]
struct Resident {
    /// What it has written: its heap, its stacks, and what the loader has changed of the program.
    own: u64,
    /// Of the program and its libraries, as they are in their files: the system takes them back where it needs room.
    mapped: u64,
}

impl Resident {
    fn all(self) -> u64 {
        self.own + self.mapped
    }
}

/// The worker as it is shipped: built with a profile of its own.
fn worker() -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let found = me.ancestors().nth(2).map(|target| target.join("worker/gateway-worker")).filter(|path| path.is_file());
    found.context("`cargo build --profile worker -p gateway-worker` comes first")
}

/// A data folder that was used before is not given the user guide.
async fn without_guide(data: &Path) -> Result<()> {
    let store = Store::new(standalone::table::open(&data.join("guildhall.db"))?, "guildhall");
    store.create_table().await?;
    store.put_account(&Account { id: AccountId::local(), name: "This machine".to_owned(), plan: Plan::Pro }).await
}

/// CPU for a message that is dropped.
pub(crate) async fn dropped() -> Result<()> {
    let mut rows = Vec::new();
    let mut ours = Vec::new();
    for zstd in [false, true] {
        let script = Arc::new(Script::new(100, FLOOD, zstd)?);
        let (mut worker, mut whole, mut floor, mut sender) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floor.push(Reading::start(Client::Twilight, &script).await?.pour().await?.0);
            whole.push(Reading::start(Client::Guildhall, &script).await?.pour().await?.0);
            let (took, sent) = Reading::start(Client::Worker, &script).await?.pour().await?;
            worker.push(took);
            sender.push(sent);
        }
        let (name, sender) = (if zstd { "zstd" } else { "plain" }, measure::show(median(&sender)));
        let what = format!("`gateway-worker`, {name}, {} bytes on the wire (sender: {sender})", script.bytes());
        let mut row = Row::factor(what, median(&worker), median(&floor), None);
        if zstd {
            row = row.aiming("about 1 µs", median(&worker) <= Duration::from_nanos(1_200));
        }
        rows.push(row);
        rows.push(Row::factor(format!("`guildhall serve`, {name}"), median(&whole), median(&floor), None));
        ours.push(median(&worker));
    }
    rows.push(Row::factor("`gateway-worker`, zstd beside plain", ours[1], ours[0], Some(1.6)));
    measure::print(
        "gateway, release binaries: CPU for a MESSAGE_CREATE that is dropped; floor: twilight reads the same and does nothing",
        &rows,
    )
}

/// Memory with few servers, with many, and after a long time.
pub(crate) async fn memory() -> Result<()> {
    let nothing = resting(Client::Nothing, 1).await?;
    let twilight = resting(Client::Twilight, FEW).await?;
    let mut rows = vec![
        Row::plain("a runtime in which nothing happens", nothing.to_string()),
        Row::plain(format!("twilight alone, {FEW} servers"), twilight.to_string()),
    ];
    for (client, name) in [(Client::Worker, "`gateway-worker`"), (Client::Guildhall, "`guildhall serve`")] {
        let few = resting(client, FEW).await?;
        let many = resting(client, MANY).await?;
        let each = many.own.saturating_sub(few.own) / (MANY - FEW);
        let mut row = beside(format!("{name}, {FEW} servers"), few, twilight);
        if client == Client::Worker {
            row = row.aiming("< 12 MB", few.all() < 12_000_000);
        }
        rows.push(row);
        let row = Row::plain(format!("{name}, each further of {} servers", MANY - FEW), format!("{each} bytes"));
        rows.push(row.aiming("≤ 200 bytes", each <= 200));
    }
    let script = Arc::new(Script::new(FEW, LONG / 10, false)?);
    let mut reading = Reading::start(Client::Worker, &script).await?;
    reading.pour().await?;
    let early = reading.resident()?;
    drop(reading);
    let script = Arc::new(Script::new(FEW, LONG, false)?);
    let mut reading = Reading::start(Client::Worker, &script).await?;
    reading.pour().await?;
    let late = reading.resident()?;
    let row = beside(format!("`gateway-worker` after {LONG} events; floor: after {}", LONG / 10), late, early);
    rows.push(row.aiming("≤ 1.1×", late.all() * 10 <= early.all() * 11));
    measure::print("gateway: resident memory, one connection, zstd but for the long one; floor: twilight alone", &rows)
}

fn beside(what: String, ours: Resident, floor: Resident) -> Row {
    let mut row = Row::plain(what, ours.to_string());
    (row.floor, row.ratio) = (floor.to_string(), format!("{:.2}", measure::ratio(ours.all(), floor.all())));
    row
}

async fn resting(client: Client, guilds: u64) -> Result<Resident> {
    let script = Arc::new(Script::new(guilds, 1, true)?);
    let mut reading = Reading::start(client, &script).await?;
    reading.settle().await?;
    reading.resident()
}

impl fmt::Display for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let (all, own, mapped) = (megabytes(self.all()), megabytes(self.own), megabytes(self.mapped));
        write!(f, "{all:.1} MB ({own:.1} own, {mapped:.1} of files)")
    }
}
