//! A person with a screen, from nothing to a server that answers: the pages in a real Chromium.

use reqwest::Method;
use serde_json::json;
use tests::chromium;
use tests::world::{SOON, Start, World};

/// Discord's bit. [Discord Docs/Permissions: Bitwise Permission Flags]
const MANAGE_GUILD: u64 = 1 << 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_new_sets_everything_up_from_the_pages_alone() {
    // What everybody has unless told otherwise: the walk ends with too many tries.
    let environment = vec![("GUILDHALL_TRIES_PER_MINUTE", "30")];
    let world = World::start(Start { with_sign_in: true, environment, ..Start::default() }).await;
    let (discord, annex) = (&world.discord, world.discord.found_guild("Zephyr Community"));
    let help = discord.add_channel(annex, "help");
    let ideas = discord.add_forum(annex, "ideas");
    discord.add_category(annex, "Support", &[help, ideas]);
    for name in ["general", "announcements", "off-topic"] {
        discord.add_channel(annex, name);
    }
    for name in ["Moderators", "Members"] {
        discord.add_role(annex, name);
    }
    discord.is_on(&world.operator, annex, MANAGE_GUILD);
    discord.adds_to(annex);
    discord.at_the_browser(&world.operator, true);
    world.model.reads(
        "warranty",
        "The warranty lasts **31 months** from the day of purchase, and **12 months** for the battery. Keep the \
         receipt: it is all you need. [1]",
    );
    // Somebody asked before anything was known: it waits in the list of what the documents do not answer.
    let ann = world.member("ann");
    let asked = ann.asks("Do you ship to Iceland?").await;
    discord.wait_for_reply(&asked, SOON).await;

    let (address, server) = (world.address(), annex.to_string());
    let told = tokio::task::spawn_blocking(move || chromium::walk("setup.mjs", &[&address, &server])).await;
    eprintln!("{}", told.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())));

    let (_, settings) = world.api(Method::GET, &format!("/guilds/{annex}/settings"), None).await;
    assert_eq!(settings["response_mode"], json!({"mode": "all_messages", "smart": false, "channel_context": false}));
    assert_eq!(
        (&settings["cooldown_seconds"], &settings["channels"]["allow"]),
        (&json!(90), &json!([help.to_string()]))
    );
    let (_, sources) = world.api(Method::GET, "/knowledge/sources", None).await;
    assert_eq!(sources["items"].as_array().expect("a list").len(), 3, "{sources}");

    // And members are answered there without naming the bot.
    let bo = discord.member("bo").in_channel(annex, help);
    let replies = discord.wait_for_reply_to(bo.says("How long is the warranty?"), SOON).await;
    assert!(replies[0].content.contains("**31 months**"), "{replies:?}");
}
