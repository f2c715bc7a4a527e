//! A month's messages by day and kind, as bars.

use super::format::number;
use crate::account::Month;
use crate::sentences::pages::Words;
use crate::usage::{Kind, Tally};
use jiff::Timestamp;

/// Of one day, in the picture's units.
const DAY_WIDTH: u32 = 20;
/// Of a bar within its day.
const BAR_WIDTH: u32 = 14;
/// Of the largest day.
const HEIGHT: u32 = 120;
/// For the numbers of the days below.
const FOOT: u32 = 18;

/// Bars, with the numbers behind them.
pub(super) struct Chart {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) base: u32,
    pub(super) days: Vec<Day>,
    /// Only kinds that there were.
    pub(super) kinds: Vec<KindView>,
}

/// One day.
pub(super) struct Day {
    pub(super) date: String,
    pub(super) total: String,
    /// The day of the month, where there is room to write it.
    pub(super) label: Option<(u32, i8)>,
    pub(super) parts: Vec<Part>,
    /// By kind, as in `Chart::kinds`.
    pub(super) numbers: Vec<String>,
}

/// One kind's part of a bar.
pub(super) struct Part {
    pub(super) class: &'static str,
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A kind of messages.
pub(super) struct KindView {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) total: String,
}

fn class_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Mention => "kind-mention",
        Kind::AllMessages => "kind-all",
        Kind::Command => "kind-command",
        Kind::Api => "kind-api",
        Kind::Other => "kind-other",
    }
}

fn name_of(w: Words, kind: Kind) -> &'static str {
    match kind {
        Kind::Mention => w.kind_mention(),
        Kind::AllMessages => w.kind_all(),
        Kind::Command => w.kind_command(),
        Kind::Api => w.kind_api(),
        Kind::Other => w.kind_other(),
    }
}

impl Chart {
    /// Of a month up to now; none where nothing was counted by day.
    pub(super) fn of(w: Words, tally: &Tally, month: Month, now: Timestamp) -> Option<Self> {
        let today = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        let days: Vec<_> = tally.by_day(month).filter(|(date, _)| *date <= today).collect();
        let total = |kinds: &[(Kind, u32)]| kinds.iter().map(|(_, used)| *used).sum::<u32>();
        let last = days.last().map_or(1, |(date, _)| date.day());
        let most = days.iter().map(|(_, kinds)| total(kinds)).max().filter(|most| *most > 0)?;
        let there: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| tally.of_kind(*kind) > 0).collect();
        let shown = (0_u32..).zip(&days).map(|(at, (date, kinds))| {
            let x = at * DAY_WIDTH + (DAY_WIDTH - BAR_WIDTH) / 2;
            let mut y = HEIGHT;
            let mut parts = Vec::new();
            for (kind, used) in kinds.iter().filter(|(_, used)| *used > 0) {
                // A single message among thousands can still be seen.
                let height =
                    u32::try_from(u64::from(*used) * u64::from(HEIGHT) / u64::from(most)).unwrap_or(HEIGHT).max(1);
                y = y.saturating_sub(height);
                parts.push(Part { class: class_of(*kind), x, y, width: BAR_WIDTH, height });
            }
            // Where the axis ends is written whatever stands there; its neighbour would run into it.
            let is_labelled = match last - date.day() {
                0 => true,
                1 => false,
                _ => date.day() == 1 || date.day() % 5 == 0,
            };
            Day {
                date: date.to_string(),
                total: number(w, total(kinds)),
                label: is_labelled.then_some((at * DAY_WIDTH + DAY_WIDTH / 2, date.day())),
                parts,
                numbers: kinds
                    .iter()
                    .filter(|(kind, _)| there.contains(kind))
                    .map(|(_, used)| number(w, *used))
                    .collect(),
            }
        });
        let kind = |kind: &Kind| KindView {
            class: class_of(*kind),
            name: name_of(w, *kind),
            total: number(w, tally.of_kind(*kind)),
        };
        Some(Self {
            // A month's room, so that bars are as wide on the first day as on the last.
            width: 31 * DAY_WIDTH,
            height: HEIGHT + FOOT,
            base: HEIGHT,
            days: shown.collect(),
            kinds: there.iter().map(kind).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentences::Lang;
    use crate::usage::Cell;

    #[test]
    fn bars_stand_on_their_day_and_fit() {
        let cells = [((3, Kind::Mention), 10), ((3, Kind::Command), 30), ((4, Kind::Api), 1)];
        let cells = cells.map(|((day, kind), used)| (Cell { day, kind }, used)).into();
        let tally = Tally { used: 41, cells };
        let month: Month = "2026-11".parse().unwrap();
        let chart = Chart::of(Words(Lang::En), &tally, month, "2026-11-05T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!((chart.days.len(), chart.days[2].total.as_str(), chart.kinds.len()), (5, "40", 3));
        // Nothing has come today or the day before: the axis still ends there.
        let labels: Vec<i8> = chart.days.iter().filter_map(|day| Some(day.label?.1)).collect();
        assert_eq!(labels, [1, 5]);
        let later = Chart::of(Words(Lang::En), &tally, month, "2026-11-21T23:00:00Z".parse().unwrap()).unwrap();
        let labels: Vec<i8> = later.days.iter().filter_map(|day| Some(day.label?.1)).collect();
        assert_eq!(labels, [1, 5, 10, 15, 21]);
        let third: Vec<(u32, u32)> = chart.days[2].parts.iter().map(|part| (part.y, part.height)).collect();
        assert_eq!(third, [(90, 30), (0, 90)]);
        assert_eq!(
            (chart.days[3].parts[0].height, chart.days[2].numbers.as_slice()),
            (3, &["10", "30", "0"].map(str::to_owned)[..])
        );
        assert!(Chart::of(Words(Lang::En), &Tally::default(), month, Timestamp::UNIX_EPOCH).is_none());
    }
}
