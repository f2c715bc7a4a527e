//! `guildhall knowledge add`: sends everything, then watches until it answers questions.

use super::find::{self, Item};
use super::progress::Progress;
use super::{complain, count, say};
use crate::cli::AddArgs;
use crate::client::{CallError, Client};
use anyhow::Result;
use futures::{StreamExt as _, stream};
use guildhall::dashboard::api::knowledge::SourceView;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Things sent at the same time; each file is in memory meanwhile.
const SENT_AT_A_TIME: usize = 4;

/// How often the server is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How often a line says how far everything is where no bar can be drawn.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What shells report of a program that Ctrl-C has ended: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

pub(super) async fn run(args: &AddArgs, client: &Client) -> Result<ExitCode> {
    let found = find::find(args);
    for skipped in &found.skipped {
        complain(&format!("skipped {skipped}"))?;
    }
    for failed in &found.failed {
        complain(&format!("failed  {failed}"))?;
    }
    let mut screen = Screen::new();
    let mut progress = Progress::new(found.items.len());
    let finished = tokio::select! {
        finished = send_and_watch(found.items, client, &mut progress, &mut screen) => Some(finished?),
        interrupt = tokio::signal::ctrl_c() => { interrupt?; None }
    };
    screen.clear();
    if finished.is_none() {
        complain(
            "Stopped watching. What was accepted is finished by the running server, or after the next start where none \
             is running; `guildhall knowledge list` shows how far it is.",
        )?;
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let failures = found.failed.len() + progress.failed.len();
    if failures == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    complain(&format!("{} could not be added; the reasons are above.", count(failures as u64, "source")))?;
    Ok(ExitCode::FAILURE)
}

async fn send_and_watch(items: Vec<Item>, client: &Client, progress: &mut Progress, screen: &mut Screen) -> Result<()> {
    let with_outcome = async |item: Item| {
        let outcome = send(&item, client).await;
        (item, outcome)
    };
    let mut uploads = stream::iter(items).map(with_outcome).buffer_unordered(SENT_AT_A_TIME);
    let mut clock = tokio::time::interval(ASK_EVERY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !progress.is_over() {
        tokio::select! {
            Some((item, outcome)) = uploads.next() => match outcome {
                Ok(source) => screen.say_all(progress.accepted(item.name(), &source))?,
                Err(error) => screen.say_all([progress.refused(item.name(), &error)])?,
            },
            _ = clock.tick() => screen.say_all(progress.update(&client.sources().await?))?,
        }
        screen.show(progress)?;
    }
    Ok(())
}

/// Sends one thing; a failure is a sentence, since the others go on.
async fn send(item: &Item, client: &Client) -> Result<SourceView, String> {
    let sent = match item {
        Item::File { path, name } => {
            let bytes = tokio::fs::read(path).await.map_err(|error| error.to_string())?;
            client.upload(name, bytes).await
        }
        Item::Web { request, .. } => client.add(request).await,
    };
    sent.map_err(|error: CallError| error.to_string())
}

/// A progress bar on a terminal, and a line now and then elsewhere.
struct Screen {
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Screen {
    fn new() -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos} of {len} documents, {eta} left  {wide_msg}")
                .expect("the template is well-formed");
            let bar = ProgressBar::new(0).with_style(style);
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Self { bar, said: Instant::now() }
    }

    fn say_all(&self, lines: impl IntoIterator<Item = String>) -> std::io::Result<()> {
        lines.into_iter().try_for_each(|line| match &self.bar {
            Some(bar) => bar.suspend(|| say(&line)),
            None => say(&line),
        })
    }

    fn show(&mut self, progress: &Progress) -> std::io::Result<()> {
        let (done, total) = progress.documents();
        match &self.bar {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(super::harmless(&progress.now()));
            }
            None if self.said.elapsed() >= SAY_EVERY => {
                self.said = Instant::now();
                say(&format!("{done} of {total} documents; {}", progress.now()))?;
            }
            None => {}
        }
        Ok(())
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
