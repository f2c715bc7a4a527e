//! Questions are edited, deleted and written in pieces while workers die.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tests::fake_discord::Member;
use tests::fake_model::Fault;
use tests::seed;
use tests::server::eventually;
use tokio_util::sync::CancellationToken;

use super::world::{PATIENCE, World};

/// Books that can be asked for.
const BOOKS: usize = 1_000;

/// The model takes so long: an edit that is heard at once is heard in time.
const THINKS: Duration = Duration::from_millis(1_500);

/// A question and its edit are said within this.
const SOON_EDITED: Duration = Duration::from_millis(150);

/// What was said so short before a worker died may have been heard by it, and its edit only by the next one.
const BEFORE_DEATH: Duration = Duration::from_secs(3);

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    Ask,
    Edit,
    /// At once, or after an answer may be there.
    Delete,
    InTwo,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    did: Did,
    number: usize,
    /// The last message: whoever answers replies to it.
    message: u64,
    /// The one before it, of two.
    first: Option<u64>,
    at: Instant,
}

fn words(number: usize) -> String {
    format!("where is book {number:04}?")
}

fn answer(number: usize) -> String {
    format!("Book {number:04} is on its shelf.")
}

/// Goes on until it is stopped; a person does one thing after the other.
async fn talk(person: Member, place: usize, people: usize, stop: CancellationToken) -> Vec<Said> {
    let mut random = StdRng::seed_from_u64(seed() + place as u64);
    let mut done = Vec::new();
    let pause = |random: &mut StdRng, ms: std::ops::Range<u64>| {
        tokio::time::sleep(Duration::from_millis(random.random_range(ms)))
    };
    for (turn, number) in (place..BOOKS).step_by(people).enumerate() {
        if stop.run_until_cancelled(pause(&mut random, 300..800)).await.is_none() {
            break;
        }
        let at = Instant::now();
        let mut said = Said { did: Did::Ask, number, message: 0, first: None, at };
        match (turn + place) % 5 {
            0 => said.message = person.tells_bot(&words(number)),
            1 => {
                said.did = Did::Edit;
                said.message = person.tells_bot("where is a book?");
                let soon = u64::try_from(SOON_EDITED.as_millis()).expect("short");
                pause(&mut random, 0..soon).await;
                person.edits(said.message, &format!("<@{}> {}", person.application_id, words(number)));
            }
            2 => {
                said.did = Did::InTwo;
                said.first = Some(person.tells_bot("hello,"));
                pause(&mut random, 50..300).await;
                said.message = person.tells_bot(&words(number));
            }
            turn => {
                said.did = Did::Delete;
                said.message = person.tells_bot(&words(number));
                let when = if turn == 3 { 0..300 } else { 2_000..4_000 };
                pause(&mut random, when).await;
                person.deletes(said.message);
            }
        }
        done.push(said);
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_edited_deleted_or_written_in_two_while_workers_die_is_answered_once_as_it_says() {
    let world = World::with_reader(|_| {}).await;
    for number in 0..BOOKS {
        world.model.answers(&words(number), &answer(number));
        world.model.next(Fault::Slow(THINKS));
    }
    let mut workers = [world.worker(), world.worker()];
    world.until_shared(&[2, 2]).await;
    world.until_at_rest().await;
    let gateway = world.discord.gateway();
    let (stop, people) = (CancellationToken::new(), world.people.len());
    let talking: Vec<_> = world.people.iter().cloned().enumerate().collect();
    let talking: Vec<_> =
        talking.into_iter().map(|(place, person)| tokio::spawn(talk(person, place, people, stop.clone()))).collect();
    let mut deaths = Vec::new();
    for round in 0..3 {
        tokio::time::sleep(Duration::from_millis(900 + 370 * round)).await;
        let victim = usize::try_from(round).expect("small") % 2;
        deaths.push(Instant::now());
        workers[victim].process.kill().await;
        world.until_shared(&[4]).await;
        workers[victim] = world.worker();
        world.until_shared(&[2, 2]).await;
    }
    // And both at once: for some seconds, nobody hears anything.
    deaths.push(Instant::now());
    for worker in &mut workers {
        worker.process.kill().await;
    }
    workers = [world.worker(), world.worker()];
    gateway.wait_until_connected(0, PATIENCE).await;
    world.until_shared(&[2, 2]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.cancel();
    let mut said = Vec::new();
    for person in talking {
        said.extend(person.await.expect("nobody panics while talking"));
    }
    let (deleted, kept): (Vec<Said>, Vec<Said>) = said.iter().partition(|said| said.did == Did::Delete);
    let is_settled = || {
        kept.iter().all(|said| !world.discord.replies_to(said.message).is_empty())
            && deleted.iter().all(|said| world.discord.replies_to(said.message).is_empty())
    };
    eventually(PATIENCE, async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        is_settled().then_some(())
    })
    .await;
    world.until_settled().await;
    assert!(is_settled(), "and it stays so");

    let mut late = 0;
    for one in &kept {
        let replies = world.discord.replies_to(one.message);
        assert_eq!(replies.len(), 1, "{one:?}: {replies:?}");
        if replies[0].content.starts_with(&answer(one.number)) {
            continue;
        }
        let may_be_late = deaths.iter().any(|&death| one.at < death && death - one.at < BEFORE_DEATH);
        assert!(one.did == Did::Edit && may_be_late, "{one:?}: {replies:?}");
        late += 1;
    }
    assert_eq!(world.discord.bot_messages().len(), kept.len(), "nothing else is answered");
    let used = world.used().await;
    assert!((kept.len()..=said.len()).contains(&used), "{used} counted of {} with {}", kept.len(), said.len());
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for one in &said {
        let name = match one.did {
            Did::Ask => "asked",
            Did::Edit => "edited",
            Did::Delete => "deleted",
            Did::InTwo => "in two messages",
        };
        *counts.entry(name).or_default() += 1;
    }
    assert!(counts.len() == 4 && counts.values().all(|count| *count >= 10), "{counts:?}");
    assert_eq!(gateway.record().identifies.len(), 4, "sessions are resumed; none is begun anew");
    world.is_well().await;
    drop(workers);
    eprintln!(
        "{} said, {} deaths: {counts:?}; {late} edits were heard after the answer, {used} counted",
        said.len(),
        deaths.len()
    );
}
