//! Many workers on one table, millisecond by millisecond: clocks that differ, answers that take their time, requests that
//! take theirs to Discord.

use super::*;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// What Discord takes in any second.
const PERMITTED: usize = 50;

/// 1970 by the simulated clocks' reckoning: no time of it is negative.
const EPOCH: i64 = 1_000_000_000_000;

struct Worker {
    hand: Hand,
    /// Its clock is so many microseconds fast.
    skew: i64,
    waiting: usize,
    /// Slots of requests that will be sent.
    turns: Vec<Instant>,
    /// A booking under way: when it was asked for, when the table does it and when the answer is there, what was booked.
    asking: Option<Asking>,
    dead: bool,
    sent: usize,
}

#[derive(Clone, Copy)]
struct Asking {
    asked: (Instant, i64),
    stretch: Stretch,
    done_at: u64,
    back_at: u64,
    booked: Option<Booked>,
}

struct World {
    workers: Vec<Worker>,
    start: Instant,
    now: u64,
    next: Option<i64>,
    bookings: usize,
    /// Milliseconds at which requests reached Discord.
    arrivals: Vec<u64>,
    /// Milliseconds that a booking takes, and that a request takes to Discord.
    table: std::ops::Range<u64>,
    way: std::ops::Range<u64>,
    random: StdRng,
}

impl World {
    fn new(skews: &[i64], seed: u64) -> Self {
        let start = Instant::now();
        let worker = |skew: &i64| Worker {
            hand: Hand::new(start, Duration::from_millis(20)),
            skew: *skew,
            waiting: 0,
            turns: Vec::new(),
            asking: None,
            dead: false,
            sent: 0,
        };
        Self {
            workers: skews.iter().map(worker).collect(),
            start,
            now: 0,
            next: None,
            bookings: 0,
            arrivals: Vec::new(),
            table: 3..12,
            way: 10..25,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// Lets so many milliseconds pass; `demand` says before each how many requests a worker has further.
    fn run(&mut self, millis: u64, mut demand: impl FnMut(usize, u64, &Worker) -> usize) {
        for _ in 0..millis {
            for at in 0..self.workers.len() {
                if !self.workers[at].dead {
                    let further = demand(at, self.now, &self.workers[at]);
                    self.workers[at].waiting += further;
                    self.step(at);
                }
            }
            self.now += 1;
        }
    }

    fn step(&mut self, at: usize) {
        let now = self.start + Duration::from_millis(self.now);
        let worker = &mut self.workers[at];
        if let Some(asking) = &mut worker.asking {
            if self.now >= asking.done_at && asking.booked.is_none() {
                asking.booked = Some(asking.stretch.book(&mut self.next));
                self.bookings += 1;
            }
            if let (true, Some(booked)) = (self.now >= asking.back_at, asking.booked) {
                let jitter = Duration::from_millis(self.random.random_range(0..200));
                worker.hand.keep(booked, asking.asked, now, jitter);
                worker.asking = None;
            }
        }
        while worker.waiting > 0 && worker.asking.is_none() {
            if let Some(slot) = worker.hand.take(now) {
                worker.waiting -= 1;
                worker.turns.push(slot);
                continue;
            }
            if now >= worker.hand.book_at() {
                let wall = EPOCH + i64::try_from(self.now * 1_000).unwrap() + worker.skew;
                let stretch = worker.hand.stretch(worker.waiting, now, wall);
                let (there, back) =
                    (self.random.random_range(self.table.clone()), self.random.random_range(self.table.clone()));
                worker.asking = Some(Asking {
                    asked: (now, wall),
                    stretch,
                    done_at: self.now + there,
                    back_at: self.now + there + back,
                    booked: None,
                });
            }
            break;
        }
        let due: Vec<Instant> = worker.turns.extract_if(.., |slot| *slot <= now).collect();
        for slot in due {
            if now > slot + GRACE {
                worker.waiting += 1;
                continue;
            }
            worker.sent += 1;
            self.arrivals.push(self.now + self.random.random_range(self.way.clone()));
        }
    }

    /// The most requests in any second.
    fn busiest(&self) -> usize {
        let mut arrivals = self.arrivals.clone();
        arrivals.sort_unstable();
        let in_second =
            |(at, first): (usize, &u64)| arrivals[at..].iter().take_while(|time| **time < first + 1_000).count();
        arrivals.iter().enumerate().map(in_second).max().unwrap_or(0)
    }

    /// Requests that reached Discord within these milliseconds.
    fn arrived(&self, within: std::ops::Range<u64>) -> usize {
        self.arrivals.iter().filter(|time| within.contains(time)).count()
    }

    /// The longest time without a request between two others.
    fn longest_gap(&self, within: std::ops::Range<u64>) -> u64 {
        let mut arrivals: Vec<u64> = self.arrivals.iter().copied().filter(|time| within.contains(time)).collect();
        arrivals.sort_unstable();
        arrivals.windows(2).map(|two| two[1] - two[0]).max().unwrap_or(u64::MAX)
    }
}

/// As much as fits.
fn all(_: usize, _: u64, worker: &Worker) -> usize {
    30_usize.saturating_sub(worker.waiting + worker.turns.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_second_has_too_many_and_nine_tenths_are_used(
        skews in prop::collection::vec(-10_000_i64..10_000, 1..24),
        seed: u64,
    ) {
        let mut world = World::new(&skews, seed);
        world.run(8_000, all);
        prop_assert!(world.busiest() <= PERMITTED, "{}", world.busiest());
        let share = world.arrived(1_500..7_500);
        prop_assert!(share >= 6 * PERMITTED * 9 / 10, "{share} of {}", 6 * PERMITTED);
        // Fair: none has less than half of its part.
        let part = world.arrivals.len() / skews.len();
        let least = world.workers.iter().map(|worker| worker.sent).min().unwrap_or(0);
        prop_assert!(2 * least + 12 >= part, "{least} of {part}");
    }

    #[test]
    fn whatever_is_wanted_no_second_has_too_many(
        skews in prop::collection::vec(-10_000_i64..10_000, 1..16),
        bursts in prop::collection::vec((0_u64..6_000, 0_usize..16, 1_usize..60), 1..24),
        slow in 3_u64..400,
        seed: u64,
    ) {
        let mut world = World::new(&skews, seed);
        world.table = slow / 2..slow;
        let of = |worker: usize, now: u64| {
            bursts.iter().filter(|burst| burst.0 == now && burst.1 % skews.len() == worker).map(|burst| burst.2).sum()
        };
        let wanted: usize = bursts.iter().map(|burst| burst.2).sum();
        world.run(60_000, |worker, now, _| of(worker, now));
        prop_assert!(world.busiest() <= PERMITTED, "{}", world.busiest());
        prop_assert_eq!(world.arrivals.len(), wanted);
    }

    #[test]
    fn a_worker_that_dies_wastes_a_fraction_of_a_second(workers in 2_usize..12, seed: u64) {
        let mut world = World::new(&vec![0; workers], seed);
        world.run(3_000, all);
        world.workers[0].dead = true;
        world.run(4_000, all);
        let gap = world.longest_gap(1_500..6_900);
        prop_assert!(gap < 600, "{gap} ms");
        prop_assert!(world.arrived(3_000..7_000) >= 4 * 45 - 24);
    }

    #[test]
    fn a_clock_that_jumps_stops_nobody_for_long(
        jump in prop_oneof![-600_000_000_i64..-1_000, 1_000_i64..600_000_000],
        seed: u64,
    ) {
        let mut world = World::new(&[0; 4], seed);
        world.run(2_000, all);
        world.workers[0].skew = jump;
        world.run(8_000, all);
        let before: Vec<usize> = world.workers.iter().map(|worker| worker.sent).collect();
        // Nothing further off than LATEST is waited for.
        world.run(4_000, all);
        for (worker, before) in world.workers.iter().zip(before) {
            prop_assert!(worker.sent > before);
        }
    }
}

#[test]
fn a_busy_worker_asks_the_table_far_less_often_than_it_sends() {
    for (workers, at_least) in [(1, 10), (4, 6), (20, 2)] {
        let mut world = World::new(&vec![0; workers], 1);
        world.run(10_000, all);
        let each = world.arrivals.len() / world.bookings;
        assert!(each >= at_least, "{workers} workers: {each} requests for each booking");
    }
    let mut idle = World::new(&[0; 4], 1);
    idle.run(10_000, |_, _, _| 0);
    assert_eq!(idle.bookings, 0);
}
