//! What one answer to `/ask` asks of AWS, how long the function is billed for it, and what that costs.

use super::aws::{Count, Counts};
use super::function::Function;
use super::prices::{API_REQUEST, FIFO_REQUEST, GB_SECOND, INVOCATION, LOG_GB, READ_UNIT, WRITE_UNIT};
use super::world::{BATCH, DISCORD, World};
use crate::measure::{self, Row, each};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;

/// Memory of the functions in gigabytes, as template.yaml says.
const DOOR_MEMORY: f64 = 0.5;
const WORKER_MEMORY: f64 = 0.25;

/// Megabytes of memory with which a function has a processor of its own. [Lambda Developer Guide/Memory]
const WHOLE_PROCESSOR: f64 = 1_769.0;

/// Bytes of logs beside the function's own: a line of the API for each request. Lambda itself writes none about a run that
/// went well (`SystemLogLevel` in template.yaml).
const ACCESS_LINE: f64 = 300.0;

/// How long the model takes where its time is counted.
const MODEL: Duration = Duration::from_secs(1);

/// What a function remembers of a server is forgotten after this long: settings and account.
const FORGOTTEN: Duration = Duration::from_millis(5_100);

/// Some answers, all together.
struct Spent {
    answers: usize,
    invocations: usize,
    counts: Counts,
    /// Of `worker`.
    billed: Duration,
    cpu: Duration,
    logged: usize,
    /// Of `interactions`.
    door: Duration,
}

impl Spent {
    fn per(&self, total: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "some hundred answers")]
        let answers = self.answers as f64;
        total / answers
    }

    fn sum(&self, of: impl Fn(&str, &Count) -> f64) -> f64 {
        self.per(self.counts.iter().map(|(name, count)| of(name, count)).sum())
    }

    /// Milliseconds of `worker` for each answer, with the share of a processor that its memory gives it.
    fn milliseconds(&self) -> f64 {
        let share = WORKER_MEMORY * 1_024.0 / WHOLE_PROCESSOR;
        self.per((self.billed.as_secs_f64() + self.cpu.as_secs_f64() * (1.0 / share - 1.0)) * 1_000.0)
    }

    /// Dollars for a thousand answers, by what they are for.
    fn dollars(&self) -> [(&'static str, f64); 6] {
        #[expect(clippy::cast_precision_loss, reason = "some kilobytes")]
        let (invocations, logged) = (self.invocations as f64, self.logged as f64);
        let requests = self.sum(|name, count| if name.starts_with("SQS") { calls(count) } else { 0.0 });
        let door = INVOCATION + self.per(self.door.as_secs_f64()) * DOOR_MEMORY * GB_SECOND;
        let worker = self.per(invocations) * INVOCATION + self.milliseconds() / 1_000.0 * WORKER_MEMORY * GB_SECOND;
        let table = self.sum(|_, count| count.written * WRITE_UNIT + count.read * READ_UNIT);
        let logs = (ACCESS_LINE + self.per(logged)) * LOG_GB / 1e9;
        [
            ("HTTP API", API_REQUEST),
            ("`interactions`", door),
            ("queue", requests * FIFO_REQUEST),
            ("table", table),
            ("`worker`", worker),
            ("logs", logs),
        ]
        .map(|(what, dollars)| (what, dollars * 1_000.0))
    }
}

fn calls(count: &Count) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some hundred calls")]
    let calls = count.calls as f64;
    calls
}

pub(crate) async fn run() -> Result<()> {
    let world = World::start().await?;
    let worker = world.worker().await;
    // The first ones open connections and fetch the index.
    spend(&world, &worker, 3, BATCH, Duration::ZERO).await?;
    world.take_time(Duration::ZERO);
    let alone = spend(&world, &worker, 8, 1, FORGOTTEN).await?;
    let together = spend(&world, &worker, 10, BATCH, Duration::ZERO).await?;
    world.take_time(MODEL);
    let alone_waiting = spend(&world, &worker, 5, 1, FORGOTTEN).await?;
    let together_waiting = spend(&world, &worker, 5, BATCH, Duration::ZERO).await?;
    print(&alone, &together, &alone_waiting, &together_waiting)
}

/// So many batches of questions, each asked and then answered.
async fn spend(world: &World, worker: &Function, batches: usize, size: i32, pause: Duration) -> Result<Spent> {
    let size = usize::try_from(size)?;
    let mut spent = Spent {
        answers: batches * size,
        invocations: 0,
        counts: Counts::new(),
        billed: Duration::ZERO,
        cpu: Duration::ZERO,
        logged: 0,
        door: Duration::ZERO,
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.aws.counted();
    let (cpu, logged) = (worker.cpu()?, worker.logged());
    for batch in 0..batches {
        tokio::time::sleep(pause).await;
        let mut asked = Vec::new();
        for number in 0..size {
            let (interaction, took) = world.ask(batch * size + number).await?;
            spent.door += took;
            asked.push(interaction);
        }
        let mut answered = 0;
        while answered < size {
            let (billed, count) = world.hand_over(worker, BATCH).await?.context("a question was lost")?;
            spent.billed += billed;
            spent.invocations += 1;
            answered += count;
        }
        for interaction in asked {
            let seen = world.discord.reply_to(&interaction);
            ensure!(seen.iter().any(|seen| seen.content.contains("GUILDHALL_ADDR")), "no answer: {seen:?}");
        }
    }
    spent.counts = world.aws.counted();
    spent.cpu = worker.cpu()?.saturating_sub(cpu);
    // Lines are read as they come.
    tokio::time::sleep(Duration::from_millis(200)).await;
    spent.logged = worker.logged().saturating_sub(logged);
    Ok(spent)
}

fn print(alone: &Spent, together: &Spent, alone_waiting: &Spent, together_waiting: &Spent) -> Result<()> {
    let mut rows = Vec::new();
    for (spent, flight) in [(alone, "1 in flight"), (together, "10 in flight")] {
        for (name, count) in &spent.counts {
            let (read, written) = (spent.per(count.read), spent.per(count.written));
            let units = match read + written {
                0.0 => String::new(),
                _ => format!(" ({read:.2} units read, {written:.2} written)"),
            };
            let what = format!("{flight}: {name}{units}");
            #[expect(clippy::cast_precision_loss, reason = "some kilobytes")]
            let (sent, received) = (count.sent as f64, count.received as f64);
            let bytes = format!("{:.0} B sent, {:.0} B received", spent.per(sent), spent.per(received));
            rows.push(Row::plain(what, format!("{:.2} calls, {bytes}", spent.per(calls(count)))));
        }
        let all = spent.sum(|_, count| calls(count));
        rows.push(Row::plain(format!("{flight}: all calls of AWS for an answer"), format!("{all:.2}")));
    }
    for (spent, waiting, flight) in
        [(alone, alone_waiting, "1 in flight"), (together, together_waiting, "10 in flight")]
    {
        rows.push(Row::plain(
            format!("{flight}: `worker` billed for an answer, CPU {}", measure::show(each(spent.cpu, spent.answers))),
            format!("{:.1} ms", spent.milliseconds()),
        ));
        rows.push(Row::plain(
            format!("{flight}: … with a model that takes {} s", MODEL.as_secs()),
            format!("{:.1} ms", waiting.milliseconds()),
        ));
    }
    for (spent, waiting, flight, aim) in
        [(alone, alone_waiting, "1 in flight", 0.013), (together, together_waiting, "10 in flight", 0.007)]
    {
        for (what, dollars) in spent.dollars() {
            rows.push(Row::plain(format!("{flight}, dollars for 1,000 answers: {what}"), format!("{dollars:.5}")));
        }
        let sum = |spent: &Spent| spent.dollars().iter().map(|(_, dollars)| dollars).sum::<f64>();
        let row =
            Row::plain(format!("{flight}, dollars for 1,000 answers, without the model"), format!("{:.4}", sum(spent)));
        rows.push(row.aiming(format!("≤ {aim}"), sum(spent) <= aim));
        rows.push(Row::plain(
            format!("{flight}, … and {} s of waiting for the model", MODEL.as_secs()),
            format!("{:.4}", sum(waiting)),
        ));
    }
    measure::print(
        &format!(
            "lambda-answers: /ask by the real `worker`, {} passages; a table that takes 5 ms (transaction 10), a queue 10 ms, Discord {} ms",
            super::world::PASSAGES,
            DISCORD.as_millis()
        ),
        &rows,
    )
}
