//! From a raw frame to the decision, in this process, beside what reading the frame costs others.

use super::frames::{BOT, Writer, dispatch, guild_id};
use crate::measure::{self, Row, each, median, thread_cpu};
use anyhow::{Context as _, Result, ensure};
use gateway_worker::frame::Head;
use gateway_worker::judge::{Found, Judge, Lookup, Options};
use guildhall::ids::AccountId;
use guildhall::settings::{Guild, ResponseMode};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use std::hint::black_box;
use std::time::{Duration, Instant};
use twilight_gateway::EventTypeFlags;
use twilight_model::id::Id;

const ROUNDS: usize = 7;

/// Frames of one kind in a round.
const FRAMES: usize = 20_000;

/// Servers among which they are shared out.
const GUILDS: u64 = 100;

/// Frames that a session takes before it looks at what came of them.
const AT_ONCE: usize = 64;

pub(crate) fn run() -> Result<()> {
    let mut writer = Writer::new(5);
    let chat = frames(|n| writer.chat(guild_id(n)));
    let mut writer = Writer::new(6);
    let casual = frames(|n| writer.message(guild_id(n), "lol", false));
    let mut writer = Writer::new(7);
    let questions = frames(|n| writer.question(guild_id(n)));
    let smart = ResponseMode::AllMessages { smart: true, channel_context: false };
    let kinds = [
        ("dropped: mention mode, chat", &chat, ResponseMode::Mention, 0, 500_000),
        ("dropped: all messages, smart, “lol”", &casual, smart, 0, 500_000),
        ("kept: a question that mentions the bot", &questions, ResponseMode::Mention, FRAMES, 150_000),
    ];
    let mut rows = Vec::new();
    for (what, frames, mode, kept, least) in kinds {
        let (mut ours, mut full, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let mut judge = judge(mode)?;
            let (cpu, jobs) = thread_cpu(|| decide(&mut judge, frames))?;
            ensure!(jobs == kept, "{what}: {jobs} of {FRAMES} were kept");
            ours.push(each(cpu, FRAMES));
            full.push(each(thread_cpu(|| parse(frames))?.0, FRAMES));
            ignored.push(each(thread_cpu(|| ignore(frames))?.0, FRAMES));
        }
        let (ours, full, ignored) = (median(&ours), median(&full), median(&ignored));
        let speed = 1.0 / ours.as_secs_f64();
        let bytes = frames.iter().map(String::len).sum::<usize>() / frames.len();
        let mut row = Row::factor(format!("{what} ({bytes} bytes): {speed:.0}/s"), ours, full, None);
        row = row.aiming(format!("≥ {least}/s"), speed >= f64::from(least));
        rows.push(row);
        rows.push(Row::factor("… beside skipping over its JSON", ours, ignored, None));
    }
    measure::print(
        "gateway, in process: raw frame to decision, CPU of one thread; floor: twilight's whole parse of the event, then \
         `serde_json` into nothing",
        &rows,
    )
}

fn frames(mut data: impl FnMut(u64) -> String) -> Vec<String> {
    (1..=FRAMES as u64).map(|n| dispatch("MESSAGE_CREATE", n, &data(n % GUILDS))).collect()
}

/// A judge that knows its servers.
pub(super) fn judge(mode: ResponseMode) -> Result<Judge> {
    let options = Options { started: Timestamp::now(), began: Instant::now() };
    let mut judge = Judge::new(Id::new(BOT), options);
    let mut writer = Writer::new(8);
    for guild in 0..GUILDS {
        let frame = dispatch("GUILD_CREATE", 1, &writer.guild(guild_id(guild)));
        judge.on_frame(&frame, "GUILD_CREATE", 1, Instant::now());
    }
    for lookup in judge.poll(Instant::now()).lookups {
        let Lookup::Settings(id) = lookup else { continue };
        let mut guild = Guild::new(id, AccountId::local());
        guild.settings.response_mode = mode;
        judge.found(lookup, Found::Settings(Some(guild)));
    }
    let waits = judge.poll(Instant::now() + Duration::from_secs(1)).lookups;
    ensure!(waits.is_empty(), "the judge still asks for something");
    Ok(judge)
}

/// What a session does with frames, without its connection; how many jobs come of them.
fn decide(judge: &mut Judge, frames: &[String]) -> Result<usize> {
    let mut jobs = 0;
    for some in frames.chunks(AT_ONCE) {
        let now = Instant::now();
        for text in some {
            let head = Head::read(black_box(text)).context("a frame")?;
            let (kind, seq) = (head.kind.context("an event")?, head.seq.context("a number")?);
            judge.on_frame(text, kind, seq, now);
        }
        jobs += black_box(judge.poll(now)).jobs.len();
    }
    Ok(jobs)
}

fn parse(frames: &[String]) -> Result<()> {
    for text in frames {
        black_box(twilight_gateway::parse(text.clone(), EventTypeFlags::all())?.context("an event")?);
    }
    Ok(())
}

fn ignore(frames: &[String]) -> Result<()> {
    for text in frames {
        black_box(serde_json::from_str::<IgnoredAny>(black_box(text))?);
    }
    Ok(())
}
