//! From the start of a function's process to its first answer, and what it adds to an event once it runs.

use super::runtime::{Case, FLOOR, Running, World};
use crate::measure::{self, Row, median};
use anyhow::Result;
use bytes::Bytes;
use std::time::Duration;

/// Starts of each function, one of each kind after the other.
const STARTS: usize = 31;

/// Events that one process is handed, after some that nobody counts.
const EVENTS: usize = 400;
const UNCOUNTED: usize = 50;

/// What a cold start may take of a function that does nothing.
const AT_MOST: f64 = 1.3;

/// What a function that runs may add to an event.
const WARM: Duration = Duration::from_micros(500);

#[derive(Default)]
struct Times {
    asked: Vec<Duration>,
    answered: Vec<Duration>,
}

/// Cold and warm, each function beside one that does nothing.
pub(crate) async fn run() -> Result<()> {
    let world = World::new().await;
    let mut cases = world.cases();
    cases.insert(0, Case { function: FLOOR, what: "", event: Bytes::from_static(b"{}") });
    let mut times: Vec<Times> = cases.iter().map(|_| Times::default()).collect();
    // The first round reads the programs from the disk.
    for round in 0..=STARTS {
        for (case, times) in cases.iter().zip(&mut times) {
            let mut running = Running::start(&world, case.function).await?;
            let asked = running.asks().await?;
            let (_, answered) = running.answers(&case.event).await?;
            if round > 0 {
                times.asked.push(asked);
                times.answered.push(answered - running.began());
            }
        }
    }
    let mut rows = Vec::new();
    let (floor, ours) = times.split_at(1);
    let (asked, answered) = (median(&floor[0].asked), median(&floor[0].answered));
    for (case, times) in cases[1..].iter().zip(ours) {
        let Case { function, what, .. } = case;
        rows.push(Row::factor(
            format!("`{function}` asks for its first event"),
            median(&times.asked),
            asked,
            Some(AT_MOST),
        ));
        let what = format!("… and has answered it ({what})");
        rows.push(Row::factor(what, median(&times.answered), answered, Some(AT_MOST)));
    }
    measure::print("lambda-start: from the process's start; floor: a function that does nothing", &rows)?;

    let floor = warm(&world, &cases[0]).await?.own;
    let mut rows = Vec::new();
    for case in &cases[1..] {
        let Warm { own, whole, asked } = warm(&world, case).await?;
        let what = format!("`{}`: {}", case.function, case.what);
        rows.push(Row::factor(what, own, floor, None).aiming("< floor + 0.5 ms", own < floor + WARM));
        if asked > 0 {
            rows.push(Row::plain(format!("… with what is outside, asked {asked} times"), measure::show(whole)));
        }
    }
    measure::print(
        "lambda-start: an event of a function that runs, without what AWS and Discord take; floor: one that does nothing",
        &rows,
    )
}

/// What an event takes of a function that runs.
struct Warm {
    /// Without the time between requests to AWS and Discord and their answers.
    own: Duration,
    whole: Duration,
    /// How often those were asked.
    asked: u64,
}

/// From handing an event over to its answer.
async fn warm(world: &World, case: &Case) -> Result<Warm> {
    let mut running = Running::start(world, case.function).await?;
    let (mut own, mut whole, mut asked) = (Vec::with_capacity(EVENTS), Vec::with_capacity(EVENTS), 0);
    for number in 0..UNCOUNTED + EVENTS {
        running.asks().await?;
        world.outside();
        let (handed, answered) = running.answers(&case.event).await?;
        let (outside, times) = world.outside();
        if number >= UNCOUNTED {
            whole.push(answered - handed);
            own.push((answered - handed).saturating_sub(outside));
            asked = times;
        }
    }
    Ok(Warm { own: median(&own), whole: median(&whole), asked })
}
