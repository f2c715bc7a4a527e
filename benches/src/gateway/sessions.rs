//! How long it takes until many shards are there, and for how long nobody listens during a deploy.

use crate::measure::{self, Row, median, show};
use anyhow::{Context as _, Result, ensure};
use std::time::{Duration, Instant};
use tests::fake_discord::{By, Outcome};
use tests::world::World;

const PATIENCE: Duration = Duration::from_mins(1);

/// Shards, how many may begin at a time, and how long until the next may. [Discord Docs/Gateway: Rate Limiting]
const SHARDS: u64 = 64;
const AT_A_TIME: u64 = 16;
const WINDOW: Duration = Duration::from_secs(5);

const DEPLOYS: usize = 7;

pub(crate) async fn run() -> Result<()> {
    let mut rows = vec![start().await?];
    rows.extend(deploy().await?);
    measure::print("gateway, release binary: sessions", &rows)
}

/// From the first identify to the last session that is ready.
async fn start() -> Result<Row> {
    let mut world = World::new().await;
    world.kill().await;
    let gateway = world.discord.gateway();
    gateway.set(|settings| {
        (settings.shards, settings.max_concurrency, settings.identify_window) = (SHARDS, AT_A_TIME, WINDOW);
    });
    // The shard that was there before is none of these.
    gateway.forgets_sessions();
    let before = gateway.record().identifies.len();
    world.restart().await;
    gateway.wait_until_connected(usize::try_from(SHARDS)?, PATIENCE).await;
    let end = Instant::now();
    let record = gateway.record();
    let first = record.identifies.get(before).context("an identify")?.at;
    ensure!(record.violations.is_empty(), "an identify came too soon: {:?}", record.violations);
    let permitted = WINDOW * u32::try_from(SHARDS.div_ceil(AT_A_TIME) - 1)?;
    let what = format!("{SHARDS} shards ready, {AT_A_TIME} each 5 s; floor: what that permits");
    Ok(Row::factor(what, end.duration_since(first), permitted, Some(1.05)))
}

/// From the end of the old process's connection to the moment at which the new one's session goes on.
async fn deploy() -> Result<[Row; 2]> {
    let mut world = World::new().await;
    let gateway = world.discord.gateway();
    gateway.wait_until_connected(1, PATIENCE).await;
    let (mut gaps, mut stops, mut again) = (Vec::new(), Vec::new(), 0);
    for _ in 0..DEPLOYS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let closed = gateway.record().closes.len();
        let resumed = gateway.record().resumes.len();
        let told = Instant::now();
        world.stop().await;
        stops.push(told.elapsed());
        world.restart().await;
        gateway.wait_until_connected(1, PATIENCE).await;
        let record = gateway.record();
        let close = record.closes.get(closed).context("a close")?;
        // The new process's is the last one.
        let resume = record.resumes.last().context("a resume")?;
        again += record.resumes.len() - resumed - 1;
        ensure!(
            close.by == By::Client && resume.outcome == Outcome::Accepted,
            "not closed and resumed: {close:?} {resume:?}"
        );
        gaps.push(resume.at.duration_since(close.at));
    }
    let longest = gaps.iter().max().copied().unwrap_or_default();
    let what = format!(
        "one machine stopped and started again, nobody listens for (longest {}; SIGTERM to the end of the process {})",
        show(longest),
        show(median(&stops))
    );
    let again = Row::plain("… times that the old process resumed what it had closed", again.to_string())
        .aiming("0", again == 0);
    Ok([Row::limit(what, median(&gaps), None, Duration::from_millis(500)), again])
}
