//! Discord takes 50 requests a second from each bot, from all its processes together; what answers interactions is not
//! counted. [Discord Docs/Rate Limits: Global Rate Limit]
//!
//! Requests are not counted but spread: each has a time slot of its own, and no second of any clock has too many of them,
//! however Discord counts. Workers book slots behind each other in one item of the table, several at once where several
//! requests wait, so that a busy worker writes far less often than it sends and an idle one not at all.

mod hand;

use crate::store::Store;
use anyhow::anyhow;
use hand::{GRACE, Hand};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use twilight_model::id::{Id, marker::ApplicationMarker};

/// The table answers within milliseconds. Who waits for a reply should not wait for a table that does not.
const TABLE_PATIENCE: Duration = Duration::from_secs(1);

/// Before the first answer: a little more than DynamoDB takes.
const FIRST_LEAD: Duration = Duration::from_millis(20);

/// A table that does not answer is not asked again for so long; meanwhile a worker sends on its own, slowly.
const ALONE: Duration = Duration::from_secs(5);

/// Longest time that one worker makes the others wait on Discord's behalf. Discord may ask for more, which each worker
/// then learns for itself, at the price of one refused request.
const PAUSE_AT_MOST: SignedDuration = SignedDuration::from_mins(1);

/// Luxuries are left out while more requests than this wait for a slot, or while the next slot is further off than that.
const LUXURY_WAITING: usize = 2;
const LUXURY_WAIT: Duration = Duration::from_millis(250);

/// The longest that others who are turned away with a worker are spread over: far longer than one booking takes.
const JITTER_MICROS: u64 = 200_000;

/// Who shares Discord's 50 requests a second.
#[derive(Debug, Clone)]
pub enum Budget {
    /// Nobody: all requests of these applications come from this process.
    Own,
    /// All workers on this table.
    Shared(Store),
}

/// When one application's requests may be sent.
#[derive(Debug)]
pub(super) struct Pace {
    ledger: Ledger,
    hand: tokio::sync::Mutex<Hand>,
    /// Requests that have no slot yet.
    waiting: AtomicUsize,
    told: Mutex<Told>,
}

/// What is known without asking.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// Slots are booked until then.
    booked: Instant,
    /// Discord wants no requests until then.
    paused: Instant,
    /// The table is not asked until then.
    alone: Instant,
}

/// Where slots are booked.
#[derive(Debug)]
enum Ledger {
    Own { since: Instant, next: Mutex<Option<i64>> },
    Shared { store: Store, application: Id<ApplicationMarker> },
}

impl Budget {
    /// When requests of this application may be sent; of one that is not known yet there are too few to share.
    pub(super) fn pace(&self, application: Option<Id<ApplicationMarker>>) -> Pace {
        let now = Instant::now();
        let (ledger, lead) = match (self, application) {
            (Self::Shared(store), Some(application)) => {
                (Ledger::Shared { store: store.clone(), application }, FIRST_LEAD)
            }
            _ => (Ledger::Own { since: now, next: Mutex::default() }, Duration::ZERO),
        };
        Pace {
            ledger,
            hand: tokio::sync::Mutex::new(Hand::new(now, lead)),
            waiting: AtomicUsize::new(0),
            told: Mutex::new(Told { booked: now, paused: now, alone: now }),
        }
    }
}

impl Pace {
    /// Waits until a request may be sent. It must be sent at once then.
    pub(super) async fn turn(&self) {
        loop {
            let slot = self.slot().await;
            sleep_until(slot).await;
            let (now, paused) = (Instant::now(), self.told().paused);
            if now < paused {
                sleep_until(paused).await;
            } else if now <= slot + GRACE {
                return;
            }
        }
    }

    /// Whether what nobody waits for should be left out.
    pub(super) fn is_scarce(&self) -> bool {
        let (told, soon) = (*self.told(), Instant::now() + LUXURY_WAIT);
        self.waiting.load(Ordering::Relaxed) > LUXURY_WAITING || told.booked > soon || told.paused > soon
    }

    /// Discord wants no requests for so long, from any worker.
    pub(super) async fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        {
            let mut told = self.told();
            told.paused = told.paused.max(until);
        }
        if let Ledger::Shared { store, application } = &self.ledger {
            let wait = SignedDuration::try_from(wait).unwrap_or(PAUSE_AT_MOST).min(PAUSE_AT_MOST);
            let now = Timestamp::now();
            let said = store.pause_requests(*application, now + wait, now, PAUSE_AT_MOST);
            if let Err(error) = timeout(TABLE_PATIENCE, said).await.unwrap_or_else(|_| Err(too_slow())) {
                tracing::warn!(application.id = %application, error = format!("{error:#}"), "other workers do not know that Discord wants no requests");
            }
        }
    }

    /// The next slot. Requests get theirs in the order in which they came: the lock is fair.
    async fn slot(&self) -> Instant {
        let _waiting = Waiting::new(&self.waiting);
        let mut hand = self.hand.lock().await;
        loop {
            if let Some(slot) = hand.take(Instant::now()) {
                return slot;
            }
            let paused = self.told().paused;
            sleep_until(hand.book_at().max(paused)).await;
            self.book(&mut hand).await;
        }
    }

    /// Books slots for those that wait, or tries to.
    async fn book(&self, hand: &mut Hand) {
        let (asked, waiting) = (Instant::now(), self.waiting.load(Ordering::Relaxed));
        let (wall, booked) = match &self.ledger {
            Ledger::Own { since, next } => {
                let wall = micros(asked - *since);
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                (wall, hand.stretch(waiting, asked, wall).book(&mut next))
            }
            Ledger::Shared { .. } if asked < self.told().alone => return hand.go_alone(asked),
            Ledger::Shared { store, application } => {
                let wall = Timestamp::now().as_microsecond();
                let (stretch, seen) = (hand.stretch(waiting, asked, wall), hand.seen(asked, wall));
                let booking = timeout(TABLE_PATIENCE, store.book_requests(*application, &stretch, seen));
                match booking.await.unwrap_or_else(|_| Err(too_slow())) {
                    Ok(booked) => (wall, booked),
                    Err(error) => {
                        tracing::warn!(application.id = %application, error = format!("{error:#}"), "workers cannot share Discord's requests");
                        self.told().alone = Instant::now() + ALONE;
                        return hand.go_alone(asked);
                    }
                }
            }
        };
        let jitter = Duration::from_micros(rand::rng().random_range(0..JITTER_MICROS));
        hand.keep(booked, (asked, wall), Instant::now(), jitter);
        let ends = |until: i64| asked + Duration::from_micros(u64::try_from(until - wall).unwrap_or(0));
        let mut told = self.told();
        told.booked = ends(booked.next);
        if booked.paused <= wall + micros(PAUSE_AT_MOST.unsigned_abs()) {
            told.paused = told.paused.max(ends(booked.paused));
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that has no slot yet; it stops waiting when it is given up, too.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn too_slow() -> anyhow::Error {
    anyhow!("the table took too long")
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn luxuries_give_way_and_a_pause_holds() {
        let pace = Budget::Own.pace(None);
        assert!(!pace.is_scarce());
        let began = Instant::now();
        pace.turn().await;
        assert!(!pace.is_scarce(), "one request leaves enough");
        let (pause, most) = (Duration::from_millis(300), LUXURY_WAITING + 2);
        pace.pause(pause).await;
        assert!(pace.is_scarce());
        // Those that wait are counted until they have a slot, or are given up.
        let turns = futures::future::join_all((0..most).map(|_| pace.turn()));
        assert!(timeout(Duration::from_millis(1), turns).await.is_err());
        assert_eq!(pace.waiting.load(Ordering::Relaxed), 0);
        pace.turn().await;
        assert!(began.elapsed() >= pause);
    }

    #[tokio::test]
    async fn a_table_that_is_away_stops_no_request() {
        let nowhere = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::new("us-east-1"))
            .allow_no_auth()
            .endpoint_url("http://127.0.0.1:1")
            .build();
        let store = Store::new(aws_sdk_dynamodb::Client::from_conf(nowhere), "guildhall");
        let pace = Budget::Shared(store).pace(Some(Id::new(1)));
        pace.turn().await;
        assert!(pace.told().alone > Instant::now());
        let began = Instant::now();
        pace.turn().await;
        pace.turn().await;
        assert!(began.elapsed() >= Duration::from_millis(100), "slowly");
    }
}
