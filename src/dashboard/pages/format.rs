//! Numbers and times as people read them.

use crate::sentences::Lang;
use crate::sentences::pages::Words;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A whole number with its thousands apart. [Unicode CLDR: numbers]
pub(super) fn number(w: Words, number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push_str(match w.0 {
                Lang::En => ",",
                Lang::Fr => "\u{202f}",
            });
        }
        text.push(digit);
    }
    text
}

/// A moment: how long ago it was, and exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    /// For people: “5 minutes ago”, and the date where that is longer ago.
    pub(super) text: String,
    /// To the minute, in UTC.
    pub(super) exact: String,
    /// For programs.
    pub(super) machine: String,
}

/// A moment, seen from now.
pub(super) fn when(w: Words, at: Timestamp, now: Timestamp) -> When {
    let seconds = u64::try_from(now.as_second().saturating_sub(at.as_second())).unwrap_or(0);
    let text = match seconds {
        0..60 => w.ago_moment().to_owned(),
        60..3_600 => w.ago_minutes(seconds / 60),
        3_600..86_400 => w.ago_hours(seconds / 3_600),
        86_400..604_800 => w.ago_days(seconds / 86_400),
        _ => date(at),
    };
    When { text, exact: moment(at), machine: at.to_string() }
}

/// To the minute, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The day in UTC.
pub(super) fn date(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

/// How many hundredths `part` is of `whole`, at most 100.
pub(super) fn percent(part: u32, whole: u32) -> u32 {
    let hundredths = u64::from(part) * 100 / u64::from(whole.max(1));
    u32::try_from(hundredths).unwrap_or(100).min(100)
}

/// A part of one in hundredths.
pub(super) fn hundredths(part: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 100")]
    let whole = (part.clamp(0.0, 1.0) * 100.0).round() as u32;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let (en, fr) = (Words(Lang::En), Words(Lang::Fr));
        let numbers = [0_u32, 999, 1_000, 50_000, 1_234_567].map(|n| number(en, n));
        assert_eq!(numbers, ["0", "999", "1,000", "50,000", "1,234,567"]);
        assert_eq!(number(fr, 2_500_u32), "2\u{202f}500");
    }

    #[test]
    fn moments_are_told_from_now() {
        let at: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let text = |now: &str| when(Words(Lang::En), at, now.parse().unwrap()).text;
        assert_eq!(text("2026-11-24T09:59:00Z"), "just now");
        assert_eq!(text("2026-11-24T10:01:30Z"), "1 minute ago");
        assert_eq!(text("2026-11-24T12:30:00Z"), "2 hours ago");
        assert_eq!(text("2026-11-27T12:30:00Z"), "3 days ago");
        assert_eq!(text("2026-12-24T10:00:00Z"), "2026-11-24");
    }

    #[test]
    fn a_part_of_nothing_is_no_number_to_divide_by() {
        assert_eq!((percent(1, 0), percent(1, 3), percent(7, 3)), (100, 33, 100));
    }
}
