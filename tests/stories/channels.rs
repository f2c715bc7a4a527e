//! Questions in channels: heard over Discord's gateway, answered where they were asked.

mod again; // what comes twice, and what breaks in between
mod changes; // questions that are edited or deleted
mod commands; // commands, forms and votes without a public address
mod hostile; // members and frames that mean harm
mod limit; // what is said where the month is used up
mod lists; // where and whose questions are answered
mod mentions; // who speaks to the bot
mod overheard; // where all messages are read
mod pace; // who asks too often
mod refused; // what Discord does not let the bot do
mod servers; // servers that come, go and change
mod threads; // answers in threads of their own

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tests::fake_discord::{Member, Seen, snowflake};
use tests::server::eventually;
use tests::world::{SOON, Start, World};

const MANUAL: &str = "# Warranty\n\nThe warranty lasts 31 months. It covers the hinge.\n\n\
                      # Cleaning\n\nWipe the glass with a damp cloth.\n";

/// What everybody wants to know, and what they are told.
const QUESTION: &str = "how long is the warranty?";
const ANSWER: &str = "It lasts **31 months**. [1]";

/// [Discord Docs/Gateway: List of Intents]
const MESSAGE_CONTENT: u64 = 1 << 15;

/// A world with a manual that the model has read, whose Guildhall hears what is said.
async fn workshop() -> World {
    begin(Start::default()).await
}

async fn begin(start: Start) -> World {
    let world = World::start(Start { without_rate_limits: true, ..start }).await;
    world.knows("Zephyr manual", MANUAL).await;
    world.model.reads("warranty", ANSWER);
    world.model.reads("cover", "It covers the hinge. [1]");
    world.discord.gateway().wait_until_connected(1, SOON).await;
    world
}

/// Changes what a server is set to.
async fn set(world: &World, guild: u64, settings: Value) {
    let (status, answer) = world.api(Method::PATCH, &format!("/guilds/{guild}/settings"), Some(settings)).await;
    assert_eq!(status, 200, "{answer}");
}

/// A further server, set so before the bot joins it: its first channel.
async fn server(world: &World, settings: Value) -> u64 {
    let guild = world.discord.found_guild("Workshop");
    let channel = world.discord.add_channel(guild, "help");
    joins(world, guild, settings).await;
    channel
}

/// The bot joins a server that is set so.
async fn joins(world: &World, guild: u64, settings: Value) {
    set(world, guild, settings).await;
    world.discord.bot_joins(world.discord.application_id(), guild);
}

/// Waits until the gateway sends what people write, as some server wants it.
async fn reads_everything(world: &World) {
    let gateway = world.discord.gateway();
    eventually(SOON, async || {
        let asks = gateway.record().identifies.last().is_some_and(|identify| identify.intents & MESSAGE_CONTENT != 0);
        (asks && gateway.connected().len() == 1).then_some(())
    })
    .await;
}

/// Waits for the answer to a message: its first part.
#[track_caller]
fn answer(world: &World, message: u64) -> impl Future<Output = Seen> + use<> {
    let answers = world.discord.wait_for_reply_to(message, SOON);
    async move { answers.await.remove(0) }
}

/// A channel as a person reads it, the bot's mention by its name.
fn reads(world: &World, who: &Member) -> String {
    who.reads().replace(&mention(world), "@Guildhall")
}

fn mention(world: &World) -> String {
    format!("<@{}>", world.discord.application_id())
}

/// What the model was told last.
fn prompt(world: &World) -> String {
    world.model.chats().last().expect("the model was asked").prompt()
}

/// Waits until the model was asked so often.
async fn thinks(world: &World, times: usize) {
    eventually(SOON, async || (world.model.chat_count() == times).then_some(())).await;
}

/// A newcomer asks in this channel and is answered; whatever was to come of what was said before has come.
async fn somebody_is_answered(world: &World, channel: u64) {
    let newcomer = world.member(&format!("newcomer {}", snowflake())).member.at(channel);
    answer(world, newcomer.tells_bot(QUESTION)).await;
    // What was said before was judged before. Had it become a question, the model would be asked by now.
    tokio::time::sleep(Duration::from_millis(200)).await;
}
