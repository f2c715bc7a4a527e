//! Ten thousand questions at once, for a few processes of the function; and how much memory one takes.

use super::aws::Counts;
use super::function::{Function, Resident};
use super::world::{BATCH, PASSAGES, World};
use crate::measure::{self, Row};
use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use guildhall::account::Month;
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Instant;
use tests::process::binary;

const QUESTIONS: usize = 10_000;

/// Processes of `worker`: what two cores bear.
const WORKERS: usize = 4;

/// Questions that are asked at the same time.
const AT_A_TIME: usize = 50;

/// Answers before memory is read.
const ANSWERS: usize = 400;

pub(crate) async fn run() -> Result<()> {
    let world = World::start().await?;
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(world.worker().await);
    }
    let began = Instant::now();
    let interactions: Vec<_> = stream::iter(0..QUESTIONS)
        .map(|number| world.ask(number))
        .buffer_unordered(AT_A_TIME)
        .map_ok(|(interaction, _)| interaction)
        .try_collect()
        .await?;
    let asked = began.elapsed();
    world.aws.counted();
    let began = Instant::now();
    let handed = workers.iter().map(|worker| drain(&world, worker));
    let failed: usize = futures::future::try_join_all(handed).await?.into_iter().sum();
    let took = began.elapsed();
    let counts = world.aws.counted();

    let mut edits: HashMap<String, usize> = HashMap::new();
    for request in world.discord.requests() {
        if let Some(token) = request.path.strip_suffix("/messages/@original")
            && request.status == 200
        {
            *edits.entry(token.rsplit('/').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    let once = interactions.iter().filter(|asked| edits.get(&asked.token) == Some(&1)).count();
    let counted = world.aws.store().usage(&world.account, Month::of(Timestamp::now())).await?;
    let mut highest = 0;
    for worker in &workers {
        highest = highest.max(worker.resident()?.highest);
    }
    #[expect(clippy::cast_precision_loss, reason = "ten thousand")]
    let (questions, calls) = (QUESTIONS as f64, all(&counts) as f64);
    let mut rows = vec![
        Row::plain("asked and accepted, each second", format!("{:.0}", questions / asked.as_secs_f64())),
        Row::plain("answered, each second", format!("{:.0}", questions / took.as_secs_f64())),
        Row::plain("answered exactly once", once.to_string()).aiming(QUESTIONS.to_string(), once == QUESTIONS),
        Row::plain("counted", counted.to_string())
            .aiming(QUESTIONS.to_string(), usize::try_from(counted)? == QUESTIONS),
        Row::plain("asked of the model", world.model.chat_count().to_string())
            .aiming(QUESTIONS.to_string(), world.model.chat_count() == QUESTIONS),
        Row::plain("tries that failed", failed.to_string()).aiming("0", failed == 0),
        Row::plain("calls of AWS for an answer, from the queue on", format!("{:.2}", calls / questions)),
    ];
    for (name, count) in &counts {
        #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
        let calls = count.calls as f64;
        rows.push(Row::plain(format!("… {name}"), format!("{:.3}", calls / questions)));
    }
    rows.push(resident_row("highest resident memory of a process", highest));
    measure::print(
        &format!(
            "lambda-burst: {QUESTIONS} questions in the queue, {WORKERS} processes of `worker`, emulated AWS on the same machine"
        ),
        &rows,
    )
}

fn all(counts: &Counts) -> u64 {
    counts.values().map(|count| count.calls).sum()
}

/// Hands over until there is nothing left; how many tries failed.
async fn drain(world: &World, worker: &Function) -> Result<usize> {
    let mut failed = 0;
    let mut empty = 0;
    // What failed is shown again after a second.
    while empty < 3 {
        match world.hand_over(worker, BATCH).await? {
            Some((_, 0)) => failed += 1,
            Some(_) => empty = 0,
            None => empty += 1,
        }
    }
    Ok(failed)
}

/// Memory of `worker` with an index, beside a function that does nothing.
pub(crate) async fn memory() -> Result<()> {
    let world = World::start().await?;
    let hello = Function::start(&binary("examples/hello"), Vec::new()).await;
    for _ in 0..10 {
        hello.invoke(serde_json::json!({})).await?;
    }
    let floor = hello.resident()?;
    let worker = world.worker().await;
    let mut rows = vec![Row::plain("`hello`, after ten events", show(floor))];
    let mut answered = 0;
    for (until, what) in [(1, "after one answer"), (ANSWERS, "after 400 answers, ten in flight")] {
        while answered < until {
            let size = usize::try_from(BATCH)?.min(until - answered);
            for number in 0..size {
                world.ask(answered + number).await?;
            }
            let mut left = size;
            while left > 0 {
                left -= world.hand_over(&worker, BATCH).await?.context("a question was lost")?.1;
            }
            answered += size;
        }
        let resident = worker.resident()?;
        let mut row = Row::plain(format!("`worker`, {what}"), show(resident));
        (row.floor, row.ratio) = (show(floor), format!("{:.2}", measure::ratio(resident.now, floor.now)));
        rows.push(row);
        rows.push(resident_row("… at its highest", resident.highest));
    }
    measure::print(&format!("lambda-memory: resident, one account with {PASSAGES} passages; floor: `hello`"), &rows)
}

fn resident_row(what: &str, bytes: u64) -> Row {
    Row::plain(what, format!("{:.1} MB", megabytes(bytes))).aiming("< 64 MB", bytes < 64_000_000)
}

fn show(resident: Resident) -> String {
    format!("{:.1} MB ({:.1} own)", megabytes(resident.now), megabytes(resident.own))
}

#[expect(clippy::cast_precision_loss, reason = "megabytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
