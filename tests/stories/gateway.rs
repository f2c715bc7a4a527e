//! What is asked in channels while something goes wrong between Discord and Guildhall: each question is answered once.

mod away; // the table takes nothing for a while
mod deaths; // the process is killed, or asked to stop
mod faults; // the gateway and the REST API do what they had better not

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use tests::fake_discord::{FakeDiscord, Member};
use tests::fake_model::FakeModel;
use tests::world::{SOON, Start, World};

/// How often a long story looks whether it is over: each look reads every message.
const LOOK_EVERY: Duration = Duration::from_millis(250);

fn words(number: usize) -> String {
    // It ends like a whole question, so that nothing more is waited for.
    format!("where is book {number:04}?")
}

fn answer(number: usize) -> String {
    format!("Book {number:04} is on its shelf.")
}

/// A world whose model knows where so many books are. Its bot is connected, and that is written down.
async fn library(books: usize, start: Start) -> World {
    let world = World::start(Start { without_rate_limits: true, ..start }).await;
    world.knows("Shelves", "Every book has its number on its back.").await;
    teach(&world.model, books);
    world.discord.gateway().wait_until_connected(1, SOON).await;
    // A session that is killed before its name is written down cannot be resumed by anybody.
    tokio::time::sleep(Duration::from_secs(1)).await;
    world
}

fn teach(model: &FakeModel, books: usize) {
    for number in 0..books {
        model.answers(&words(number), &answer(number));
    }
}

/// One numbered question in a channel.
#[derive(Debug, Clone, Copy)]
struct Asked {
    number: usize,
    /// The message.
    id: u64,
    /// Who asked where: questions of one person in one channel are one conversation.
    conversation: (u64, u64),
}

fn ask(person: &Member, number: usize) -> Asked {
    let id = person.tells_bot(&words(number));
    Asked { number, id, conversation: (person.channel_id, person.id) }
}

/// So many people in each of so many channels.
fn crowd(discord: &FakeDiscord, channels: usize, people: usize) -> Vec<Member> {
    let channels: Vec<u64> =
        (0..channels).map(|n| discord.add_channel(discord.guild_id(), &format!("channel {n}"))).collect();
    let member = |channel: u64, n: usize| discord.member(&format!("member {n} of {channel}")).at(channel);
    channels.into_iter().flat_map(|channel| (0..people).map(move |n| member(channel, n))).collect()
}

/// Everybody asks in turn, in another order each time, one question after the other at this pace.
async fn everybody_asks(mut crowd: Vec<Member>, questions: usize, every: Duration, mut random: StdRng) -> Vec<Asked> {
    let mut ticks = tokio::time::interval(every);
    let mut asked = Vec::with_capacity(questions);
    while asked.len() < questions {
        crowd.shuffle(&mut random);
        for person in crowd.iter().take(questions - asked.len()) {
            ticks.tick().await;
            asked.push(ask(person, asked.len()));
        }
    }
    asked
}

/// Waits until there are as many messages of the bot as questions.
async fn wait_for_answers(world: &World, questions: usize, limit: Duration) {
    let began = Instant::now();
    loop {
        let there = world.discord.bot_messages().len();
        if there >= questions {
            return;
        }
        assert!(began.elapsed() < limit, "{there} of {questions} questions are answered after {limit:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Each question has one answer, the right one, and those of one conversation came in its order. Nothing else was said.
#[track_caller]
fn each_is_answered_once(world: &World, asked: &[Asked]) {
    let questions: HashMap<u64, &Asked> = asked.iter().map(|asked| (asked.id, asked)).collect();
    let mut answered: HashMap<(u64, u64), Vec<u64>> = HashMap::new();
    for message in world.discord.bot_messages() {
        let question = message.replies_to.and_then(|id| questions.get(&id));
        let question = question.unwrap_or_else(|| panic!("this answers nothing: {message:?}"));
        assert!(message.content.starts_with(&answer(question.number)), "to {question:?}: {message:?}");
        assert_eq!(message.channel_id, question.conversation.0);
        answered.entry(question.conversation).or_default().push(question.id);
    }
    let mut expected: HashMap<(u64, u64), Vec<u64>> = HashMap::new();
    for question in asked {
        expected.entry(question.conversation).or_default().push(question.id);
    }
    for (conversation, expected) in expected {
        let answered = answered.remove(&conversation).unwrap_or_default();
        assert_eq!(answered, expected, "in the conversation {conversation:?}");
    }
}

/// How many deliveries of questions were found to be answered already.
fn found_answered(world: &World) -> usize {
    world.log().matches(r#""outcome":"AlreadyDone""#).count()
}
