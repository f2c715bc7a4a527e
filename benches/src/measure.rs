//! CPU time, medians and tables.

use anyhow::Result;
use cpu_time::{ProcessTime, ThreadTime};
use std::io::Write as _;
use std::time::Duration;

/// CPU time of this thread that `work` takes.
pub(crate) fn thread_cpu<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
    let started = ThreadTime::try_now()?;
    let done = work()?;
    Ok((started.try_elapsed()?, done))
}

/// CPU time of the whole process until `work` is done: what other threads do for it counts too.
pub(crate) async fn process_cpu<T>(work: impl Future<Output = Result<T>>) -> Result<(Duration, T)> {
    let started = ProcessTime::try_now()?;
    let done = work.await?;
    Ok((started.try_elapsed()?, done))
}

/// One of `count` equal pieces of a time.
pub(crate) fn each(total: Duration, count: usize) -> Duration {
    total / u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}

/// The middle one; zero of none.
pub(crate) fn median(times: &[Duration]) -> Duration {
    percentile(times, 50)
}

/// The time that `percent` of the times do not exceed; zero of none.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

/// Microseconds below a millisecond, milliseconds above.
pub(crate) fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds < 0.001 => format!("{:.1} µs", seconds * 1e6),
        _ if seconds < 1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.1} s"),
    }
}

/// One row of a table.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) floor: String,
    pub(crate) ratio: String,
    pub(crate) target: String,
    pub(crate) met: Option<bool>,
}

impl Row {
    /// A time beside the floor that it may exceed by a factor of `at_most`.
    pub(crate) fn factor(what: impl Into<String>, ours: Duration, floor: Duration, at_most: Option<f64>) -> Self {
        let ratio = ours.as_secs_f64() / floor.as_secs_f64().max(f64::MIN_POSITIVE);
        Self {
            what: what.into(),
            ours: show(ours),
            floor: show(floor),
            ratio: format!("{ratio:.2}"),
            target: at_most.map_or_else(String::new, |most| format!("≤ {most}×")),
            met: at_most.map(|most| ratio <= most),
        }
    }

    /// A time that may not be longer than `below`.
    pub(crate) fn limit(what: impl Into<String>, ours: Duration, floor: Option<Duration>, below: Duration) -> Self {
        let ratio = |floor: Duration| format!("{:.2}", ours.as_secs_f64() / floor.as_secs_f64());
        Self {
            what: what.into(),
            ours: show(ours),
            floor: floor.map_or_else(String::new, show),
            ratio: floor.map_or_else(String::new, ratio),
            target: format!("< {}", show(below)),
            met: Some(ours < below),
        }
    }

    /// A figure without a floor.
    pub(crate) fn plain(what: impl Into<String>, ours: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ours: ours.into(),
            floor: String::new(),
            ratio: String::new(),
            target: String::new(),
            met: None,
        }
    }

    /// The same with a target.
    pub(crate) fn aiming(mut self, target: impl Into<String>, met: bool) -> Self {
        (self.target, self.met) = (target.into(), Some(met));
        self
    }
}

/// Prints a table in Markdown, as it stands in `docs/benchmarks.md`.
pub(crate) fn print(title: &str, rows: &[Row]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n## {title}\n")?;
    writeln!(out, "| figure | ours | floor | ratio | target | met |\n|---|---|---|---|---|---|")?;
    for Row { what, ours, floor, ratio, target, met } in rows {
        let met = met.map_or("", |met| if met { "yes" } else { "**no**" });
        writeln!(out, "| {what} | {ours} | {floor} | {ratio} | {target} | {met} |")?;
    }
    Ok(())
}

/// One size beside another.
#[expect(clippy::cast_precision_loss, reason = "sizes of a process")]
pub(crate) fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other.max(1) as f64
}
