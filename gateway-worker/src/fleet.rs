//! Which worker keeps which session: decided by each worker for itself from what all can see. No I/O.

use guildhall::store::{Lease, SessionKey, WorkerBeat};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// A worker whose counter has not moved for so long, by the observer's own clock, is dead.
pub const DEAD_AFTER: Duration = Duration::from_secs(3);

/// An observer that has not looked for so long may have been asleep itself, and begins to watch anew. Longer than the pause
/// between two looks of a worker that is alone.
const BLINK: Duration = Duration::from_millis(1_500);

/// Watches the counters of workers.
#[derive(Debug, Default)]
pub struct Watch {
    seen: HashMap<String, Seen>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Seen {
    /// None for an owner that gives no sign at all.
    count: Option<u64>,
    since: Instant,
    leaving: bool,
}

impl Watch {
    /// Takes what the table says at `now`.
    pub fn look(&mut self, beats: &[WorkerBeat], leases: &[Lease], now: Instant) {
        let looked_before = self.looked.replace(now).unwrap_or(now);
        let slept = now.duration_since(looked_before) > BLINK;
        let mut there: HashMap<&str, (Option<u64>, bool)> =
            leases.iter().filter_map(|lease| Some((lease.owner.as_deref()?, (None, true)))).collect();
        there.extend(beats.iter().map(|beat| (beat.worker.as_str(), (Some(beat.count), beat.leaving))));
        self.seen.retain(|worker, _| there.contains_key(worker.as_str()));
        for (worker, (count, leaving)) in there {
            match self.seen.get_mut(worker) {
                // Whoever was dead before the observer slept, and has given no sign since, has not come back.
                Some(seen)
                    if seen.count == count && (!slept || looked_before.duration_since(seen.since) >= DEAD_AFTER) =>
                {
                    seen.leaving = leaving;
                }
                Some(seen) => *seen = Seen { count, since: now, leaving },
                None => {
                    self.seen.insert(worker.to_owned(), Seen { count, since: now, leaving });
                }
            }
        }
    }

    /// Whether a worker is certainly gone, or stopped by itself.
    pub fn is_dead(&self, worker: &str, now: Instant) -> bool {
        self.seen.get(worker).is_some_and(|seen| now.duration_since(seen.since) >= DEAD_AFTER)
    }

    /// Workers that sessions can be shared with.
    pub fn living(&self, now: Instant) -> impl Iterator<Item = &str> {
        self.seen.iter().filter_map(move |(worker, seen)| {
            let lives = !seen.leaving && seen.count.is_some() && now.duration_since(seen.since) < DEAD_AFTER;
            lives.then_some(worker.as_str())
        })
    }
}

/// How an application's sessions ought to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Number of shards.
    pub total: u32,
    /// Which generation of them.
    pub generation: u32,
    /// What a session was refused with is compared with this.
    pub revision: String,
}

impl Wanted {
    fn keys(&self, application: Id<ApplicationMarker>) -> impl Iterator<Item = SessionKey> {
        let &Self { total, generation, .. } = self;
        (0..total).map(move |shard| SessionKey { application, total, generation, shard })
    }

    /// Whether a session of this application is one of them.
    fn has(&self, key: SessionKey) -> bool {
        (key.total, key.generation) == (self.total, self.generation)
    }
}

/// What one worker sees.
#[derive(Debug)]
pub struct View<'a> {
    /// Its own name.
    pub me: &'a str,
    /// All sessions.
    pub leases: &'a [Lease],
    /// The applications that it knows and that have a plan.
    pub applications: &'a HashMap<Id<ApplicationMarker>, Wanted>,
    /// Applications that have long been nobody's.
    pub gone: &'a HashSet<Id<ApplicationMarker>>,
    /// Workers that are alive and stay, itself among them.
    pub living: &'a [String],
    /// Owners that are certainly gone.
    pub dead: &'a HashSet<String>,
    /// Sessions that it runs.
    pub running: &'a HashSet<SessionKey>,
    /// Sessions that it is giving away, or does not want for a moment.
    pub busy: &'a HashSet<SessionKey>,
}

/// What a worker does about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Add it to the table.
    Create(SessionKey),
    /// Make it its own.
    Take(Lease),
    /// Give it away, for others to take.
    Release(SessionKey),
    /// Have it heard out and ended for good: newer ones have taken its place.
    End(SessionKey),
    /// Remove it from the table: nobody keeps it and nobody needs it.
    Remove(Lease),
}

/// What `me` does now.
pub fn decide(view: &View<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let there: HashMap<SessionKey, &Lease> = view.leases.iter().map(|lease| (lease.key, lease)).collect();
    for (&application, wanted) in view.applications {
        steps.extend(wanted.keys(application).filter(|key| !there.contains_key(key)).map(Step::Create));
    }
    let orphans = view.leases.iter().filter(|lease| view.gone.contains(&lease.key.application));
    steps.extend(orphans.filter(|lease| is_free(lease, view)).cloned().map(Step::Remove));
    let (kept, over): (Vec<&Lease>, Vec<&Lease>) = view
        .leases
        .iter()
        .filter(|lease| view.applications.contains_key(&lease.key.application))
        .partition(|lease| !is_superseded(lease.key, view.applications, &there));
    for lease in over {
        if view.running.contains(&lease.key) {
            steps.push(Step::End(lease.key));
        } else if is_free(lease, view) {
            // Whoever had it is gone before it was heard out: it is resumed for that.
            let can_be_resumed = lease.state.session_id.is_some();
            steps.push(if can_be_resumed { Step::Take(lease.clone()) } else { Step::Remove(lease.clone()) });
        }
    }
    share(&kept, view, &mut steps);
    steps
}

/// Whether all sessions that are wanted are ready, and this is none of them.
fn is_superseded(
    key: SessionKey,
    applications: &HashMap<Id<ApplicationMarker>, Wanted>,
    there: &HashMap<SessionKey, &Lease>,
) -> bool {
    let Some(wanted) = applications.get(&key.application) else { return false };
    !wanted.has(key) && wanted.keys(key.application).all(|key| there.get(&key).is_some_and(|lease| lease.state.ready))
}

fn is_free(lease: &Lease, view: &View<'_>) -> bool {
    !view.busy.contains(&lease.key)
        && match lease.owner.as_deref() {
            None => true,
            // Left over from before a fence or a fall.
            Some(owner) if owner == view.me => !view.running.contains(&lease.key),
            Some(owner) => view.dead.contains(owner),
        }
}

/// Whether a session is taken up after older ones of its application: where both are to be resumed, what only those have
/// heard was said before it. They are in somebody's hands first, so that what is sent again is passed on in its order. With
/// a worker that leaves they are not: it may still pass on what it has heard. Nothing waits for longer than a worker may
/// take to leave, and then for a look at the table.
///
/// This is no proof of order: an older session may be slower to be resumed, or resumed by another worker. Across the moment
/// at which sessions give way to newer ones, each message is answered once, and nearly always in order.
fn follows_others(lease: &Lease, view: &View<'_>) -> bool {
    let Some(wanted) = view.applications.get(&lease.key.application) else { return false };
    let is_kept = |other: &Lease| other.owner.as_ref().is_some_and(|owner| view.living.contains(owner));
    wanted.has(lease.key)
        && lease.state.session_id.is_some()
        && view.leases.iter().any(|other| {
            other.key.application == lease.key.application
                && !wanted.has(other.key)
                && other.state.session_id.is_some()
                && !is_kept(other)
        })
}

fn share(leases: &[&Lease], view: &View<'_>, steps: &mut Vec<Step>) {
    // One that Discord refused is tried again when the bot was set anew, or when the worker that was refused is gone: by
    // a restart somebody may say that it was repaired.
    let wanted = |lease: &&&Lease| {
        let revision = view.applications.get(&lease.key.application).map(|wanted| &wanted.revision);
        let lives = |worker: &String| view.living.contains(worker);
        lease.state.stopped.is_none()
            || lease.state.stopped.as_ref() != revision
            || !lease.state.stopped_by.as_ref().is_some_and(lives)
    };
    let leases: Vec<&Lease> = leases.iter().filter(wanted).copied().collect();
    let mut running: Vec<SessionKey> =
        leases.iter().map(|lease| lease.key).filter(|key| view.running.contains(key)).collect();
    let mine = running.len();
    let mut counts: BTreeMap<&str, usize> = view.living.iter().map(|worker| (worker.as_str(), 0)).collect();
    counts.insert(view.me, mine);
    for lease in &leases {
        let owner = lease.owner.as_deref().unwrap_or_default();
        if owner != view.me
            && let Some(count) = counts.get_mut(owner)
        {
            *count += 1;
        }
    }
    let least = leases.len() / counts.len();
    let most = leases.len().div_ceil(counts.len());
    let free: Vec<&Lease> = leases.iter().copied().filter(|lease| is_free(lease, view)).collect();
    let mut due: Vec<&Lease> = free.iter().copied().filter(|lease| !follows_others(lease, view)).collect();
    // What the others still lack is left to them.
    let lacking: usize = counts.iter().filter(|(who, _)| **who != view.me).map(|(_, n)| least.saturating_sub(*n)).sum();
    let limit = if free.len() > lacking { most } else { least };
    if mine < limit && !due.is_empty() {
        // Each begins elsewhere, so that workers do not all reach for the same one.
        let place = counts.keys().position(|&who| who == view.me).unwrap_or(0) * due.len() / counts.len();
        due.rotate_left(place);
        steps.extend(due.into_iter().take(limit - mine).map(|lease| Step::Take(lease.clone())));
        return;
    }
    // Of those with more than the least, the first ones give away what others lack.
    let missing = counts.values().map(|&n| least.saturating_sub(n)).sum::<usize>().saturating_sub(free.len());
    let givers = counts.iter().filter(|(_, n)| **n > least).map(|(&who, _)| who);
    let gives_one = givers.take(missing).any(|who| who == view.me);
    let surplus = mine.saturating_sub(most).max(usize::from(gives_one));
    running.sort_unstable();
    steps.extend(running.into_iter().rev().take(surplus).map(Step::Release));
}

#[cfg(test)]
mod tests {
    use super::*;
    use guildhall::store::SessionState;
    use proptest::prelude::*;

    fn key(total: u32, shard: u32) -> SessionKey {
        SessionKey { application: Id::new(1), total, generation: 0, shard }
    }

    fn lease(key: SessionKey, owner: Option<&str>, ready: bool) -> Lease {
        let state = SessionState { ready, ..SessionState::default() };
        Lease { key, owner: owner.map(str::to_owned), fence: 0, state }
    }

    fn applications(total: u32) -> HashMap<Id<ApplicationMarker>, Wanted> {
        HashMap::from([(Id::new(1), Wanted { total, generation: 0, revision: "token".to_owned() })])
    }

    /// One worker's turn, its steps done at once.
    fn turn(me: &str, living: &[String], dead: &HashSet<String>, total: u32, leases: &mut Vec<Lease>) -> usize {
        let running: HashSet<SessionKey> =
            leases.iter().filter(|lease| lease.owner.as_deref() == Some(me)).map(|lease| lease.key).collect();
        let applications = applications(total);
        let view = View {
            me,
            leases,
            applications: &applications,
            gone: &HashSet::from([Id::new(9)]),
            living,
            dead,
            running: &running,
            busy: &HashSet::new(),
        };
        let steps = decide(&view);
        for step in &steps {
            match step {
                Step::Create(key) => leases.push(lease(*key, None, false)),
                Step::Take(taken) => {
                    let lease = leases.iter_mut().find(|lease| lease.key == taken.key).unwrap();
                    assert!(lease.owner.as_ref().is_none_or(|owner| dead.contains(owner)), "taken from the living");
                    (lease.owner, lease.state.ready) = (Some(me.to_owned()), true);
                }
                Step::Release(key) => leases.iter_mut().find(|lease| lease.key == *key).unwrap().owner = None,
                Step::End(key) => leases.retain(|lease| lease.key != *key),
                Step::Remove(gone) => leases.retain(|lease| lease.key != gone.key),
            }
        }
        steps.len()
    }

    proptest! {
        /// However sessions lie and whoever dies or joins: soon all are kept by the living, as evenly as can be, and
        /// nothing moves any more.
        #[test]
        fn sessions_are_shared_evenly_and_rest(total in 1_u32..20, workers in 1_usize..6, owners in proptest::collection::vec(0_usize..8, 20)) {
            let living: Vec<String> = (0..workers).map(|n| format!("w{n}")).collect();
            let dead: HashSet<String> = (workers..8).map(|n| format!("w{n}")).collect();
            let mut leases: Vec<Lease> =
                (0..total).zip(&owners).map(|(shard, n)| lease(key(total, shard), Some(&format!("w{n}")), true)).collect();
            for _ in 0..40 {
                for me in &living {
                    turn(me, &living, &dead, total, &mut leases);
                }
            }
            let count = |me: &String| leases.iter().filter(|lease| lease.owner.as_ref() == Some(me)).count();
            let counts: Vec<usize> = living.iter().map(count).collect();
            prop_assert_eq!(counts.iter().sum::<usize>(), usize::try_from(total).unwrap());
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{:?}", counts);
            for me in &living {
                prop_assert_eq!(turn(me, &living, &dead, total, &mut leases), 0);
            }
        }
    }

    #[test]
    fn old_shards_end_when_all_new_ones_are_ready() {
        let living = vec!["a".to_owned()];
        let mut leases = vec![
            lease(key(1, 0), Some("a"), true),
            lease(key(2, 0), Some("a"), true),
            lease(key(2, 1), Some("a"), false),
        ];
        turn("a", &living, &HashSet::new(), 2, &mut leases);
        assert_eq!(leases.len(), 3);
        leases[2].state.ready = true;
        turn("a", &living, &HashSet::new(), 2, &mut leases);
        assert!(leases.iter().all(|lease| lease.key.total == 2) && leases.len() == 2);
    }

    #[test]
    fn sessions_that_ask_for_less_end_when_all_that_ask_for_more_are_ready() {
        let living = vec!["a".to_owned()];
        let older = lease(key(1, 0), Some("a"), true);
        let mut newer = older.clone();
        (newer.key.generation, newer.state.ready) = (1, false);
        let applications = HashMap::from([(Id::new(1), Wanted { total: 1, generation: 1, revision: String::new() })]);
        for (ready, expected) in [(false, vec![]), (true, vec![Step::End(older.key)])] {
            newer.state.ready = ready;
            let running = HashSet::from([older.key, newer.key]);
            let view = View {
                me: "a",
                leases: &[older.clone(), newer.clone()],
                applications: &applications,
                gone: &HashSet::new(),
                living: &living,
                dead: &HashSet::new(),
                running: &running,
                busy: &HashSet::new(),
            };
            assert_eq!(decide(&view), expected);
        }
    }

    #[test]
    fn an_old_session_whose_owner_is_gone_is_heard_out() {
        let living = vec!["a".to_owned()];
        let old = |session_id: Option<&str>| {
            let mut lease = lease(key(1, 0), None, true);
            lease.state.session_id = session_id.map(str::to_owned);
            lease
        };
        let new = [lease(key(2, 0), Some("a"), true), lease(key(2, 1), Some("a"), true)];
        for (old, owner) in [(old(Some("resumable")), Some("a")), (old(None), None)] {
            let mut leases = [&[old.clone()][..], &new].concat();
            turn("a", &living, &HashSet::new(), 2, &mut leases);
            let kept = leases.iter().find(|lease| lease.key == old.key);
            assert_eq!(kept.and_then(|lease| lease.owner.as_deref()), owner);
            turn("a", &living, &HashSet::new(), 2, &mut leases);
            assert_eq!(leases, new, "and then it ends");
        }
    }

    #[test]
    fn what_older_sessions_have_heard_is_sent_again_first() {
        let living = vec!["a".to_owned()];
        let with = |total: u32, owner: Option<&str>, session_id: Option<&str>| {
            let mut lease = lease(key(total, 0), owner, true);
            lease.state.session_id = session_id.map(str::to_owned);
            lease
        };
        let newer = |shard: u32, session_id: Option<&str>| Lease { key: key(2, shard), ..with(2, None, session_id) };
        let owners = |leases: &[Lease]| -> Vec<bool> { leases.iter().map(|lease| lease.owner.is_some()).collect() };
        // All were given away; the older one goes first.
        let mut leases = vec![newer(0, Some("new")), newer(1, Some("new")), with(1, None, Some("old"))];
        turn("a", &living, &HashSet::new(), 2, &mut leases);
        assert_eq!(owners(&leases), [false, false, true]);
        turn("a", &living, &HashSet::new(), 2, &mut leases);
        assert_eq!(owners(&leases)[..2], [true, true]);
        // A worker that leaves may still pass on what the older one has heard; one that is new has heard nothing.
        let mut leases = vec![newer(0, Some("new")), newer(1, None), with(1, Some("leaves"), Some("old"))];
        turn("a", &living, &HashSet::new(), 2, &mut leases);
        assert_eq!(owners(&leases), [false, true, true]);
        leases.pop();
        turn("a", &living, &HashSet::new(), 2, &mut leases);
        assert_eq!(owners(&leases), [true, true]);
    }

    #[test]
    fn a_stopped_session_waits_for_another_token_or_a_restart() {
        let living = vec!["a".to_owned(), "b".to_owned()];
        let turns = |stopped: &str, by: &str| {
            let mut lease = lease(key(1, 0), None, false);
            lease.state.stopped = Some(stopped.to_owned());
            lease.state.stopped_by = Some(by.to_owned());
            let mut leases = vec![lease];
            let mut turn = |me| turn(me, &living, &HashSet::new(), 1, &mut leases);
            turn("a") + turn("b")
        };
        assert_eq!(turns("token", "b"), 0);
        assert_eq!(turns("an older one", "b"), 1);
        assert_eq!(turns("token", "one that is gone"), 1);
    }

    #[test]
    fn sessions_of_applications_that_are_gone_are_removed() {
        let living = vec!["a".to_owned()];
        let mut leases = vec![lease(key(1, 0), Some("a"), true)];
        for (application, owner) in [(8, None), (9, None), (9, Some("b")), (9, Some("dead"))] {
            let mut lease = lease(key(1, 0), owner, true);
            (lease.key.application, lease.key.shard) = (Id::new(application), u32::try_from(leases.len()).unwrap());
            leases.push(lease);
        }
        let dead = HashSet::from(["dead".to_owned()]);
        turn("a", &living, &dead, 1, &mut leases);
        let left: Vec<u64> = leases.iter().map(|lease| lease.key.application.get()).collect();
        assert_eq!(left, [1, 8, 9], "what another one keeps, or may still be known, stays");
    }

    #[test]
    fn only_a_counter_that_rests_while_it_is_watched_means_death() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let beat = |count| [WorkerBeat { worker: "a".to_owned(), count, leaving: false }];
        let mut watch = Watch::default();
        for ms in (0..3_000).step_by(300) {
            watch.look(&beat(1), &[], at(ms));
        }
        assert!(!watch.is_dead("a", at(2_700)));
        watch.look(&beat(1), &[], at(3_000));
        assert!(watch.is_dead("a", at(3_000)) && watch.living(at(3_000)).next().is_none());
        watch.look(&beat(2), &[], at(3_300));
        assert!(!watch.is_dead("a", at(3_300)) && watch.living(at(3_300)).eq(["a"]));
        // The observer slept.
        watch.look(&beat(2), &[], at(60_000));
        assert!(!watch.is_dead("a", at(60_000)));
        // It is dead before the observer sleeps again, and stays so.
        for ms in (60_300..63_300).step_by(300) {
            watch.look(&beat(2), &[], at(ms));
        }
        assert!(watch.is_dead("a", at(63_000)));
        watch.look(&beat(2), &[], at(80_000));
        assert!(watch.is_dead("a", at(80_000)) && watch.living(at(80_000)).next().is_none());
        watch.look(&beat(3), &[], at(80_300));
        assert!(watch.living(at(80_300)).eq(["a"]));
        // Owners without any counter are watched as long.
        let owned = [lease(key(1, 0), Some("b"), true)];
        for ms in (80_600..83_900).step_by(300) {
            watch.look(&[], &owned, at(ms));
        }
        assert!(watch.is_dead("b", at(83_600)) && !watch.is_dead("a", at(83_600)));
    }
}
