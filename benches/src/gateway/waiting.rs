//! How long a question waits: until the queue has accepted it, beside a server that floods, and until its first words can
//! be read.

use super::frames::{Writer, dispatch, guild_id};
use super::{judging, slow};
use crate::measure::{self, Row, percentile};
use anyhow::{Context as _, Result, ensure};
use gateway_worker::forward::Forwarder;
use gateway_worker::frame::Head;
use gateway_worker::judge::Judge;
use gateway_worker::metrics::Metrics;
use guildhall::job::local::{Earlier, Jobs};
use guildhall::settings::ResponseMode;
use guildhall::store::Store;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::world::{Start, World};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Questions of a measurement that come one each millisecond.
const QUESTIONS: usize = 10_000;

/// How much slower the queue is beside a flood.
const SLOWER: u32 = 10;

/// Servers in which somebody asks twice a second, and for how long.
const QUIET: u64 = 50;
const QUIET_EVERY: Duration = Duration::from_millis(10);
const FAIRNESS: Duration = Duration::from_secs(20);

/// Questions of the server that floods, for each of another's.
const FLOOD: u64 = 100;

/// Mentions that are answered one after the other, and how often: the client keeps to Discord's fifty requests a second,
/// and what comes faster waits for the next one. [Discord Docs/Rate Limits: Global Rate Limit]
const MENTIONS: usize = 300;
const MENTION_EVERY: Duration = Duration::from_millis(60);

const PATIENCE: Duration = Duration::from_secs(30);

/// A session without its connection, before a queue whose jobs nobody runs.
struct Line {
    judge: Judge,
    forwarder: Forwarder,
    accepted: mpsc::UnboundedSender<Vec<u64>>,
    settled: mpsc::UnboundedReceiver<Vec<u64>>,
    /// When each frame came.
    came: Vec<Instant>,
    _data: tempfile::TempDir,
}

impl Line {
    async fn new(slower: u32) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let client = standalone::table::open(&data.path().join("table.db"))?;
        let client = if slower > 1 { slow::slower(&client, slower)? } else { client };
        let store = Store::new(client, "bench");
        store.create_table().await?;
        // Accepted and never run: the second part would run them.
        let (jobs, _) = Jobs::open(store, Earlier::Wait).await?;
        let forwarder = Forwarder::start(jobs.into(), Arc::new(Metrics::default()), Duration::ZERO);
        let (accepted, settled) = mpsc::unbounded_channel();
        let judge = judging::judge(ResponseMode::Mention)?;
        Ok(Self { judge, forwarder, accepted, settled, came: Vec::new(), _data: data })
    }

    /// Takes frames as they come.
    fn take(&mut self, frames: &[String]) -> Result<()> {
        for text in frames {
            let now = Instant::now();
            let head = Head::read(text).context("a frame")?;
            let (kind, seq) = (head.kind.context("an event")?, self.came.len() as u64);
            self.came.push(now);
            self.judge.on_frame(text, kind, seq, now);
            for (tickets, job) in self.judge.poll(now).jobs {
                self.forwarder.submit(tickets, job, self.accepted.clone());
            }
        }
        Ok(())
    }

    /// Takes the batches, one each `every`; how long each of their frames waited until it was accepted; none for
    /// those that never were.
    async fn run(mut self, batches: Vec<Vec<String>>, every: Duration) -> Result<Vec<Option<Duration>>> {
        let total: usize = batches.iter().map(Vec::len).sum();
        let mut waited = vec![None; total];
        let mut batches = batches.iter();
        let mut ticks = tokio::time::interval(every);
        let mut left = total;
        let end = tokio::time::sleep(FAIRNESS * 3);
        tokio::pin!(end);
        while left > 0 {
            tokio::select! {
                Some(tickets) = self.settled.recv() => {
                    for ticket in tickets {
                        let ticket = usize::try_from(ticket)?;
                        left -= usize::from(waited[ticket].is_none());
                        waited[ticket] = Some(self.came[ticket].elapsed());
                    }
                }
                _ = ticks.tick(), if batches.len() > 0 => {
                    if let Some(frames) = batches.next() {
                        self.take(frames)?;
                    }
                }
                () = &mut end => break,
            }
        }
        Ok(waited)
    }
}

pub(crate) async fn run() -> Result<()> {
    let mut writer = Writer::new(21);
    let asked = |data: String| dispatch("MESSAGE_CREATE", 1, &data);

    let alone: Vec<_> = (0..QUESTIONS as u64).map(|n| vec![asked(writer.question(guild_id(n % QUIET)))]).collect();
    let lag: Vec<Duration> =
        tokio::spawn(Line::new(1).await?.run(alone, Duration::from_millis(1))).await??.into_iter().flatten().collect();
    ensure!(lag.len() == QUESTIONS, "{} of {QUESTIONS} questions were accepted", lag.len());
    let mut rows = vec![Row::limit(
        format!("frame to accepted job, 1000 questions a second, p99 (p50 {})", measure::show(percentile(&lag, 50))),
        percentile(&lag, 99),
        None,
        Duration::from_millis(10),
    )];

    let times = u64::try_from(FAIRNESS.as_millis() / QUIET_EVERY.as_millis())?;
    let quiet: Vec<_> = (0..times).map(|n| vec![asked(writer.question(guild_id(n % QUIET)))]).collect();
    // One question of the others, and as many of the flood as come in the same time.
    let share = FLOOD / QUIET;
    let mut beside = |question: fn(&mut Writer, u64) -> String| -> Vec<Vec<String>> {
        let mut flood = || (0..share).map(|_| asked(question(&mut writer, guild_id(QUIET)))).collect::<Vec<_>>();
        quiet.iter().map(|frames| frames.iter().cloned().chain(flood()).collect()).collect()
    };
    let (crowd, one) = (beside(Writer::question), beside(Writer::next_question));
    let each = usize::try_from(share)? + 1;
    let calm = tokio::spawn(Line::new(SLOWER).await?.run(quiet, QUIET_EVERY)).await??;
    let mut lost = calm.iter().filter(|waited| waited.is_none()).count();
    let calm: Vec<Duration> = calm.into_iter().flatten().collect();
    for (who, frames) in [("200 people of one server flood", crowd), ("one person floods", one)] {
        let busy = tokio::spawn(Line::new(SLOWER).await?.run(frames, QUIET_EVERY)).await??;
        lost += busy.iter().filter(|waited| waited.is_none()).count();
        let others: Vec<Duration> = busy.iter().step_by(each).flatten().copied().collect();
        let p50 = |times: &[Duration]| measure::show(percentile(times, 50));
        let what = format!(
            "queue {SLOWER}× slower, {who} at {FLOOD}×: p99 of the {QUIET} others (p50 {}); floor: without the flood (p50 {})",
            p50(&others),
            p50(&calm)
        );
        rows.push(Row::factor(what, percentile(&others, 99), percentile(&calm, 99), Some(1.3)));
    }
    rows.push(Row::plain("… questions that were lost", lost.to_string()).aiming("0", lost == 0));

    rows.push(mention().await?);
    measure::print("gateway: how long a question waits", &rows)
}

/// From a mention to the first words of the reply, through the real binary.
async fn mention() -> Result<Row> {
    let world = World::start(Start { without_rate_limits: true, ..Start::default() }).await;
    let said = serde_json::json!({"answer": "Set the port.", "sources": [], "can_answer": true, "wants_human": false});
    world.model.instant(&said.to_string());
    world.knows("Ports", "The port is set with `GUILDHALL_ADDR`. The default is 8080.").await;
    world.discord.gateway().wait_until_connected(1, PATIENCE).await;
    let mut took = Vec::with_capacity(MENTIONS);
    let mut ticks = tokio::time::interval(MENTION_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for n in 0..MENTIONS + 20 {
        ticks.tick().await;
        let member = world.discord.member(&format!("asker{n}"));
        let began = Instant::now();
        let id = member.tells_bot("how do I set the port on the second machine?");
        world.discord.wait_for_reply_to(id, PATIENCE).await;
        // Connections and caches are there in a bot that runs for longer than a moment.
        if n >= 20 {
            took.push(began.elapsed());
        }
    }
    let what = format!(
        "mention to first text, release binary, a model that answers at once, p50 (p99 {})",
        measure::show(percentile(&took, 99))
    );
    Ok(Row::limit(what, percentile(&took, 50), None, Duration::from_millis(4)))
}
