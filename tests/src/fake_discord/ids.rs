//! Snowflakes and tokens, made as Discord makes them.

use std::sync::atomic::{AtomicU64, Ordering};

/// The first second of 2015 in Unix milliseconds, where Discord's ids start. [Discord Docs/Reference: Snowflakes]
const EPOCH_MS: i64 = 1_420_070_400_000;

static LAST: AtomicU64 = AtomicU64::new(0);

/// A new id: the time in its upper 42 bits, always above every id before it.
pub fn snowflake() -> u64 {
    let millis = jiff::Timestamp::now().as_millisecond() - EPOCH_MS;
    let now = u64::try_from(millis).expect("this machine's clock is past 2015") << 22;
    let before = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)))
        .expect("the closure always gives a value");
    now.max(before + 1)
}

/// When an id was made, as Discord writes times.
pub(crate) fn timestamp(id: u64) -> String {
    let millis = i64::try_from(id >> 22).expect("42 bits") + EPOCH_MS;
    iso(jiff::Timestamp::from_millisecond(millis).expect("42 bits of milliseconds are in range"))
}

/// A time as Discord writes it: microseconds and an explicit offset.
pub(crate) fn iso(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}

/// An interaction's token: opaque, URL-safe, and as long as Discord's.
pub(crate) fn interaction_token() -> String {
    format!("aW50ZXJhY3Rpb246{}", hex::encode(rand::random::<[u8; 72]>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_carry_their_time() {
        let ids: Vec<u64> = (0..2_000).map(|_| snowflake()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(timestamp(175_928_847_299_117_063), "2016-04-30T11:18:25.796000+00:00");
    }
}
