//! Where and whose questions are answered.

use super::{QUESTION, answer, joins, mention, somebody_is_answered, workshop};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn threads_and_posts_are_answered_where_their_channel_is() {
    let mut world = workshop().await;
    let guild = world.discord.found_guild("Workshop");
    let [help, other] = ["help", "other"].map(|name| world.discord.add_channel(guild, name));
    let [questions, archive] = ["questions", "archive"].map(|name| world.discord.add_forum(guild, name));
    let (ann, bob) = (world.member("ann").member.at(help), world.member("bob").member.at(other));
    // Both are there before the bot is; and one channel's thread is denied by itself.
    let [old, closed] = ["old", "closed"].map(|name| ann.opens_thread(name));
    let elsewhere = bob.opens_thread("elsewhere");
    let lists = json!({"allow": [help.to_string(), questions.to_string()], "deny": [closed.to_string()]});
    joins(&world, guild, json!({"channels": lists})).await;

    let told = format!("{} {QUESTION}", mention(&world));
    let fresh = ann.opens_thread("fresh");
    for thread in [help, old, fresh] {
        answer(&world, ann.clone().at(thread).says(&told)).await;
    }
    let post = ann.posts(questions, "My hinge", &told);
    assert_eq!(answer(&world, post).await.channel_id, post);

    let unheard = [other, elsewhere, closed, bob.opens_thread("newer")];
    for place in unheard {
        bob.clone().at(place).says(&told);
    }
    bob.posts(archive, "Old stuff", &told);
    somebody_is_answered(&world, help).await;
    assert_eq!((world.model.chat_count(), world.used().await), (5, 5));

    // A new process goes on where the old one stopped: Discord does not tell it again what is a thread.
    world.restart().await;
    world.discord.gateway().wait_until_connected(1, tests::world::SOON).await;
    for place in unheard {
        bob.clone().at(place).says(&told);
    }
    answer(&world, ann.clone().at(old).says(&told)).await;
    let role = world.discord.bot_role(world.discord.application_id(), guild).expect("it has one");
    answer(&world, ann.clone().at(fresh).says(&format!("<@&{role}> {QUESTION}"))).await;
    assert_eq!((world.model.chat_count(), world.used().await), (7, 7));
    assert_eq!(world.discord.bot_messages().len(), 7);
    world.is_quiet();
}

#[tokio::test]
async fn roles_open_and_close_the_door() {
    let world = workshop().await;
    let guild = world.discord.found_guild("Workshop");
    let help = world.discord.add_channel(guild, "help");
    let [members, muted] = ["members", "muted"].map(|name| world.discord.add_role(guild, name));
    let lists = json!({"allow": [members.to_string()], "deny": [muted.to_string()]});
    joins(&world, guild, json!({"roles": lists})).await;

    let at = |name: &str, roles: &[u64]| world.member(name).member.with_roles(roles).at(help);
    at("bob", &[]).tells_bot(QUESTION);
    at("eve", &[members, muted]).tells_bot(QUESTION);
    let replied = answer(&world, at("ann", &[members]).tells_bot(QUESTION)).await;
    at("bob", &[]).replies(replied.id, QUESTION);
    // In private nobody has roles.
    answer(&world, at("bob", &[]).in_direct_message().says(QUESTION)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((world.model.chat_count(), world.used().await), (2, 2));
    assert_eq!(world.discord.bot_messages().len(), 2);
    world.is_quiet();
}
